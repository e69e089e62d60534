#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks into a program for what its deployment does not name.

  * No policy outside of the deployment is mentioned by any symbol, and no function of the library
    behind that policy is imported.
  * What the deployment names but this program does not use (a client multiplies nothing) leaves no
    function, though its name may stand in the type of the deployment.
  * The stripped program is smaller than the budget.
  * It holds no path of the machine that built it, which would change its measurement.

Usage: check.py PROGRAM --deployment POLICY... [--unused POLICY...] [--budget BYTES]
                [--no-path DIR...]
       check.py --self-test
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Policy -> its name in symbols, and the symbols of the library that only it calls.
POLICIES: dict[str, tuple[str, str]] = {
    "AesGcm": ("enfilade::AesGcm", r"CryptoPP::(?:GCM|Rijndael)"),
    "ChaChaPoly": ("enfilade::ChaChaPoly", r"CryptoPP::(?:X?ChaCha|Poly1305)"),
    "Padded": ("enfilade::Padded", ""),
    "Plain": ("enfilade::insecure::Plain", ""),
    "Mock": ("enfilade::insecure::Mock", r"CryptoPP::(?:ed25519|Donna::ed25519)"),
    # The verifiers and devices behind an attester are functions and classes of its own names. Every
    # program reads an operator's files of all platforms when it starts, so that is not among them.
    "Nitro": (
        "enfilade::Nitro",
        r"enfilade::(?:detail::)?(?:verify_)?(?:nitro|nsm|cose|cbor)(?:_|\b)",
    ),
    "SevSnp": ("enfilade::SevSnp", r"enfilade::(?:detail::)?(?:verify_)?(?:snp|sev_guest)(?:_|\b)"),
    "Tdx": (
        "enfilade::Tdx",
        r"enfilade::(?:detail::)?(?:tdx_(?:att|guest|quote|ver)|verify_tdx|rtmr|td_report)",
    ),
    "AnyOf": ("enfilade::AnyOf", ""),
    "CpuF32": ("enfilade::CpuF32", r"\b(?:cblas_|openblas_)"),
    "Reference": ("enfilade::Reference", ""),
    "Tcp": ("enfilade::Tcp", r"asio::ip::tcp\b"),
    "Unix": ("enfilade::Unix", r"asio::local::stream_protocol\b"),
    "Vsock": ("enfilade::Vsock", r"vsock_protocol\b"),
    "Loopback": ("enfilade::Loopback", ""),
}


def symbols(program: Path) -> str:
    """The demangled symbols that the program defines or imports, one a line."""
    names = ""
    for how in (["--defined-only"], ["--dynamic", "--undefined-only"]):
        names += subprocess.run(
            ["nm", "--demangle", *how, program], check=True, capture_output=True, text=True
        ).stdout
    return names


def foreign(names: str, deployment: list[str], unused: list[str]) -> list[str]:
    """The symbols that should not be there, each after the policy that it belongs to."""
    found: list[str] = []
    for policy, (name, library) in POLICIES.items():
        if policy in deployment and policy not in unused:
            continue
        patterns = [rf"{name}::\w" if policy in unused else rf"{name}\b"]
        patterns += [library] if library else []
        pattern = re.compile("|".join(patterns))
        found += [f"{policy}: {line}" for line in names.splitlines() if pattern.search(line)]
    return found


def stripped_size(program: Path) -> int:
    """The size of the program without symbols, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stripped"
        subprocess.run(["strip", "-o", copy, program], check=True)
        return copy.stat().st_size


def self_test() -> list[str]:
    """Shows which symbols are refused."""
    deployment = ["AesGcm", "Mock", "CpuF32", "Tcp"]
    samples = [  # symbol, unused policies, refused
        ("0 T enfilade::AesGcm::seal(unsigned long)", [], False),
        ("0 T enfilade::ChaChaPoly::seal(unsigned long)", [], True),
        ("0 T void enfilade::serve<enfilade::Relay<enfilade::Vsock> >()", [], True),
        ("0 V vtable for enfilade::insecure::Plain", [], True),
        ("  U CryptoPP::ChaCha20Poly1305_Final<false>::x()", [], True),
        ("0 W enfilade::Nitro::verify(std::span<std::byte const>)", [], True),
        ("0 W enfilade::verify_nitro(enfilade::detail::nitro_verifier&)", [], True),
        ("0 r enfilade::detail::snp_ark_milan", [], True),
        ("0 W enfilade::tdx_guest_device<enfilade::kernel>::quote()", [], True),
        ("0 V vtable for enfilade::AnyOf<enfilade::insecure::Mock>", [], True),
        ("0 W enfilade::read_tdx_collateral(std::string_view)", [], False),
        ("  U cblas_sgemv", [], False),
        ("  U cblas_sgemv", ["CpuF32"], True),
        ("0 T enfilade::CpuF32::linear()", ["CpuF32"], True),
        ("0 T enfilade::Client<enfilade::Deployment<enfilade::CpuF32> >::f()", ["CpuF32"], False),
        ("0 T main", [], False),
    ]
    return [
        f"self-test: expected refused={refused}: {line}"
        for line, unused, refused in samples
        if bool(foreign(line, deployment, unused)) != refused
    ]


def check(given: argparse.Namespace) -> list[str]:
    """All complaints about the program."""
    names = symbols(given.program)
    errors = foreign(names, given.deployment, given.unused)
    if " main\n" not in names:
        errors.append("has no symbol main: is it stripped? Then this test shows nothing.")
    size = stripped_size(given.program)
    print(f"{given.program.name}: {size} bytes stripped, budget {given.budget}")
    if size > given.budget:
        errors.append(f"{size} bytes stripped are more than {given.budget}")
    content = given.program.read_bytes()
    errors += [f"holds the path {path}" for path in given.no_path if path.encode() in content]
    return errors


def main() -> int:
    """Prints each complaint; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", type=Path)
    parser.add_argument("--deployment", nargs="+", default=[], choices=POLICIES)
    parser.add_argument("--unused", nargs="*", default=[], choices=POLICIES)
    parser.add_argument("--budget", type=int, default=2_000_000)
    parser.add_argument("--no-path", nargs="*", default=[])
    parser.add_argument("--self-test", action="store_true")
    given = parser.parse_args()
    if given.self_test:
        errors = self_test()
    elif given.program is None or not given.deployment:
        parser.error("PROGRAM and --deployment are needed")
    else:
        errors = check(given)
    for error in errors:
        print(error)
    print(f"zero_cost: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
