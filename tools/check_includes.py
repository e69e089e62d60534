#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the folders of include/enfilade to one third-party library each and to one direction.

The table below is the architecture: what a folder may include directly, from outside and from the
library itself. A header that includes more is an error here and therefore a failing test.

Usage: check_includes.py [--self-test]
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "include" / "enfilade"

ASIO = ("boost/asio.hpp", "boost/asio/")
SYSTEM = ("boost/system/",)
XTENSOR = ("xtensor/", "xtl/")
BLAS = XTENSOR + ("xtensor-blas/",)
CRYPTOPP = ("cryptopp/",)
JSON = ("nlohmann/",)

# What every layer above the parts may use. compose/role.hpp holds the tags by which a policy says
# which role it plays; the rest of compose/ is no business of a policy.
BASE = ("error.hpp", "version.hpp", "detail/")
POLICY = BASE + ("compose/role.hpp",)

EVERYTHING = POLICY + ("parts/", "compose/", "pipeline.hpp", "cipher/", "wire/", "attest/")
EVERYTHING += ("transport/", "compute/", "model/", "run/")


@dataclass(frozen=True)
class Row:
    """What the headers of one folder (or one header) may include directly."""

    outside: tuple[str, ...] = ()  # prefixes of third-party headers
    inside: tuple[str, ...] = ()  # prefixes below include/enfilade/
    kernel: bool = False  # headers of the C library, the kernel and the processor
    never: tuple[str, ...] = ()  # headers of the standard library that do not belong here
    no_clock: bool = False  # durations yes, asking for the time no


# From the bottom up; the longest matching key counts. A key that ends in "/" is a folder.
TABLE: dict[str, Row] = {
    "version.hpp": Row(),
    "error.hpp": Row(outside=SYSTEM),
    "detail/": Row(inside=("detail/",), kernel=True),
    "detail/bounded_json.hpp": Row(outside=JSON, inside=BASE),
    # A part says its facts in the words of compose/facts.hpp.
    "parts/": Row(inside=("detail/", "parts/", "compose/facts.hpp")),
    # The one exception of the house style: a bad transport is refused at the user's own line.
    "parts/relay.hpp": Row(
        inside=("detail/", "parts/", "compose/facts.hpp", "transport/transport.hpp")
    ),
    "compose/": Row(inside=("detail/", "parts/", "compose/")),
    "compose/bind.hpp": Row(inside=("detail/", "parts/", "compose/", "model/shape.hpp")),
    "pipeline.hpp": Row(inside=("detail/", "parts/", "compose/")),
    "cipher/": Row(outside=CRYPTOPP, inside=POLICY + ("cipher/",), kernel=True),
    # A padding that no record can have is refused where the user names it, as a transport is.
    "cipher/padded.hpp": Row(
        inside=POLICY + ("cipher/", "compose/explain.hpp", "wire/limits.hpp")
    ),
    # Bytes in, bytes out: it never waits, never asks for the time, never prints.
    "wire/": Row(
        outside=SYSTEM,
        inside=BASE + ("cipher/", "wire/"),
        never=("ctime", "thread", "mutex", "iostream", "ostream", "cstdio", "fstream"),
        no_clock=True,  # durations are numbers that a caller gives
    ),
    "attest/": Row(outside=SYSTEM, inside=POLICY + ("cipher/", "attest/"), kernel=True),
    # Alternatives that nobody could tell apart are refused where the user names them.
    "attest/any_of.hpp": Row(inside=POLICY + ("cipher/", "attest/", "compose/explain.hpp")),
    "attest/expectations.hpp": Row(outside=SYSTEM + JSON, inside=POLICY + ("cipher/", "attest/")),
    "attest/tdx/tdx_collateral": Row(outside=SYSTEM + JSON, inside=POLICY + ("cipher/", "attest/")),
    # What talks to the kernel and its devices. It verifies nothing, so it includes no platform's room
    # but for what a written register holds.
    "attest/device/": Row(
        outside=SYSTEM,
        inside=BASE
        + ("cipher/hash.hpp", "cipher/random.hpp", "cipher/compare.hpp", "attest/refusal.hpp")
        + ("attest/cose/", "attest/device/", "attest/nitro/extended_pcr.hpp")
        + ("attest/tdx/extended_rtmr.hpp",),
        kernel=True,
    ),
    "transport/": Row(outside=ASIO + SYSTEM, inside=POLICY + ("transport/",), kernel=True),
    "compute/": Row(outside=BLAS, inside=POLICY + ("compute/",), kernel=True),
    "model/": Row(
        outside=XTENSOR + SYSTEM,
        inside=POLICY + ("parts/", "cipher/hash.hpp", "compute/", "model/"),
        kernel=True,
    ),
    "model/config.hpp": Row(outside=SYSTEM + JSON, inside=POLICY + ("model/",)),
    "model/safetensors.hpp": Row(outside=SYSTEM + JSON, inside=POLICY + ("model/",), kernel=True),
    "model/strict_json.hpp": Row(outside=SYSTEM + JSON, inside=POLICY + ("model/",), kernel=True),
    "model/tokenizer": Row(outside=SYSTEM + JSON, inside=POLICY + ("cipher/hash.hpp", "model/")),
    "run/": Row(outside=ASIO + SYSTEM, inside=EVERYTHING, kernel=True),
    "run/report.hpp": Row(outside=JSON, inside=EVERYTHING),  # what --json FILE writes
    # Judging evidence that lies in a file: what its own program prints, and nothing else needs.
    "verify/": Row(outside=SYSTEM + JSON, inside=BASE + ("cipher/", "attest/", "run/", "verify/")),
    "enfilade.hpp": Row(inside=("",)),
}

# <unistd.h>, <immintrin.h>, <sys/mman.h>, <linux/vm_sockets.h>, ...
KERNEL = re.compile(r"(?:(?:sys|linux|netinet|arpa|net)/)?\w+\.h")

CLOCK = re.compile(r"_clock\b|\bnow\(\)")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def row_of(header: str) -> tuple[str, Row] | None:
    """The table's row for a header, by the longest key that it begins with."""
    keys = [key for key in TABLE if header.startswith(key)]
    return (best := max(keys, key=len), TABLE[best]) if keys else None


def complaint(header: str, bracket: str, target: str) -> str | None:
    """Why `header` may not include `target`, or None where it may."""
    found = row_of(header)
    if found is None:
        return "stands in a folder that tools/check_includes.py does not know"
    key, row = found
    if bracket == '"':
        return f'may not include "{target}": write <enfilade/...> or the library\'s own form'
    if target.startswith("enfilade/"):
        target = target.removeprefix("enfilade/")
        if target == "enfilade.hpp":
            return "may not include <enfilade/enfilade.hpp>: that header is for users"
        if target.startswith(row.inside):
            return None
        return f"may not include <enfilade/{target}>: the table gives {key} no such direction"
    if "/" not in target and "." not in target:  # the C++ standard library
        if target in row.never:
            return f"may not include <{target}>: {key} never waits, never prints"
        return None
    if target.startswith(row.outside):
        return None
    if row.kernel and KERNEL.fullmatch(target):
        return None
    return f"may not include <{target}>: {key} may use {', '.join(row.outside) or 'std only'}"


def check(root: Path) -> list[str]:
    """All complaints about the headers below `root`, as `file:line: ...`."""
    errors: list[str] = []
    for path in sorted(root.rglob("*.hpp")):
        header = path.relative_to(root).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if match := INCLUDE.match(line):
                if why := complaint(header, match[1], match[2]):
                    errors.append(f"{path}:{number}: {header} {why}")
            elif CLOCK.search(line.split("//")[0]) and (found := row_of(header)):
                if found[1].no_clock:
                    errors.append(f"{path}:{number}: {header} may not ask a clock: take a duration")
    return errors


def self_test() -> list[str]:
    """Shows that the check can fail, and for which lines; returns what went wrong with that."""
    samples = [  # header, line, refused
        ("wire/frame.hpp", "#include <span>", False),
        ("wire/frame.hpp", "#include <enfilade/cipher/key.hpp>", False),
        ("wire/frame.hpp", "#include <boost/system/result.hpp>", False),
        ("wire/frame.hpp", "#include <boost/asio/buffer.hpp>", True),
        ("wire/frame.hpp", "  #  include <enfilade/run/stage.hpp>", True),
        ("wire/frame.hpp", "#include <chrono>", False),
        ("wire/frame.hpp", "auto begin = std::chrono::steady_clock::now();", True),
        ("wire/frame.hpp", "// no steady_clock here", False),
        ("run/link.hpp", "auto begin = std::chrono::steady_clock::now();", False),
        ("wire/frame.hpp", "#include <sys/socket.h>", True),
        ("compose/cut.hpp", "#include <enfilade/transport/tcp.hpp>", True),
        ("compose/cut.hpp", "#include <boost/system/result.hpp>", True),
        ("parts/relay.hpp", "#include <enfilade/transport/transport.hpp>", False),
        ("parts/layers.hpp", "#include <enfilade/transport/transport.hpp>", True),
        ("cipher/aes_gcm.hpp", "#include <cryptopp/gcm.h>", False),
        ("cipher/random.hpp", "#include <sys/random.h>", False),
        ("cipher/aes_gcm.hpp", "#include <nlohmann/json.hpp>", True),
        ("cipher/aes_gcm.hpp", "#include <enfilade/enfilade.hpp>", True),
        ("attest/insecure.hpp", "#include <cryptopp/xed25519.h>", True),
        ("attest/expectations.hpp", "#include <nlohmann/json.hpp>", False),
        ("attest/insecure.hpp", "#include <nlohmann/json.hpp>", True),
        ("attest/tdx/tdx_collateral.hpp", "#include <nlohmann/json.hpp>", False),
        ("attest/tdx/tdx_verifier.hpp", "#include <nlohmann/json.hpp>", True),
        ("verify/evidence_text.hpp", "#include <nlohmann/json.hpp>", False),
        ("verify/evidence_text.hpp", "#include <enfilade/wire/frame.hpp>", True),
        ("attest/device/kernel.hpp", "#include <sys/ioctl.h>", False),
        ("attest/device/nsm_device.hpp", "#include <enfilade/attest/cose/cbor.hpp>", False),
        ("attest/device/nsm_device.hpp", "#include <enfilade/attest/nitro/nitro.hpp>", True),
        ("compute/cpu_f32.hpp", "#include <xtensor-blas/xblas.hpp>", False),
        ("compute/cpu_f32.hpp", "#include <enfilade/model/shape.hpp>", True),
        ("model/block.hpp", "#include <enfilade/cipher/hash.hpp>", False),
        ("model/block.hpp", "#include <enfilade/cipher/key.hpp>", True),
        ("model/tokenizer.hpp", "#include <nlohmann/json.hpp>", False),
        ("run/stage.hpp", "#include <enfilade/wire/session.hpp>", False),
        ("run/stage.hpp", '#include "stage.hpp"', True),
        ("run/stage.hpp", "#include <openssl/ssl.h>", True),
        ("unknown/thing.hpp", "#include <span>", True),
        ("enfilade.hpp", "#include <enfilade/run/run.hpp>", False),
        ("enfilade.hpp", "#include <boost/asio.hpp>", True),
    ]
    wrong: list[str] = []
    for header, line, refused in samples:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / header
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#pragma once\n{line}\n", encoding="utf-8")
            errors = check(Path(folder))
            if bool(errors) != refused or (refused and f"{header}:2: " not in errors[0]):
                wrong.append(f"self-test: {header}: {line}: expected refused={refused}: {errors}")
    return wrong


def main() -> int:
    """Prints each complaint; returns the exit code."""
    errors = self_test() if "--self-test" in sys.argv[1:] else check(ROOT)
    for error in errors:
        print(error)
    print(f"check_includes: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
