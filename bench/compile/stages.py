#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what a stage costs to build: compile seconds and stripped bytes of each stage binary.

Prints one JSON row a figure, for bench/run.sh. The compile commands are those of the build tree, so
that what is measured is what is built; the compiler cache is passed over.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

TARGETS = ["atlas1-stage0", "atlas2-stage0", "atlas2-stage1", "atlas2-client", "enfilade-relay"]


def row(name: str, target: str, unit: str, values: list[float]) -> dict[str, Any]:
    """One figure in the form of bench/table.py."""
    return {
        "suite": "compile", "name": name, "params": {"binary": target},
        "value": statistics.median(values), "unit": unit, "min": min(values), "max": max(values),
        "n": len(values), "floor": None, "ratio": None, "peer": None, "peer_ratio": None,
    }


def compile_command(build: Path, target: str) -> list[str]:
    """The command that compiles the target's only source, without a launcher and without -o."""
    entries = json.loads((build / "compile_commands.json").read_text())
    for entry in entries:
        words = shlex.split(entry["command"])
        if f"CMakeFiles/{target}.dir/" in " ".join(words):
            first = next(i for i, word in enumerate(words) if Path(word).name in ("c++", "g++"))
            words = words[first:]
            output = words.index("-o")
            return words[:output] + ["-o", "/dev/null"] + words[output + 2:]
    raise SystemExit(f"stages.py: no compile command for {target}")


def seconds(command: list[str], directory: Path, rounds: int) -> list[float]:
    """Wall-clock seconds of each round."""
    times = []
    for _ in range(rounds):
        start = time.monotonic()
        subprocess.run(command, cwd=directory, check=True)
        times.append(time.monotonic() - start)
    return times


def stripped_bytes(binary: Path) -> int:
    """The size of a copy without symbols."""
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(["strip", "-o", copy.name, str(binary)], check=True)
        return Path(copy.name).stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    build = arguments.build
    subprocess.run(
        ["cmake", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", str(build)], check=True,
        stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", str(build), "--target", *TARGETS], check=True,
        stdout=subprocess.DEVNULL)
    for target in TARGETS:
        times = seconds(compile_command(build, target), build, arguments.rounds)
        print(json.dumps(row("seconds", target, "s", times)))
        size = stripped_bytes(build / "examples" / target)
        print(json.dumps(row("stripped size", target, "kB", [size / 1000])), flush=True)


if __name__ == "__main__":
    main()
