#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Configures, builds and runs project/ against the library, outside of the source tree.

Usage: run.py find_package|add_subdirectory|fetch_content --cmake FILE --compiler FILE
              --source DIR --build DIR
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*command: str | Path) -> str:
    """Runs a command and shows what it does; ends this program where it fails."""
    print("$", *command, flush=True)
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(f"failed with exit code {done.returncode}")
    return done.stdout


def main() -> None:
    """Tries one way to consume the library."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=["find_package", "add_subdirectory", "fetch_content"])
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--source", required=True, help="the library's source tree")
    parser.add_argument("--build", required=True, help="its build tree, to install from")
    given = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="enfilade-consumer-") as folder:
        work = Path(folder)
        shutil.copytree(Path(__file__).parent / "project", work / "project")
        options = [f"-DWAY={given.way}", f"-DCMAKE_CXX_COMPILER={given.compiler}"]
        if given.way == "find_package":
            run(given.cmake, "--install", given.build, "--prefix", work / "installed")
            options.append(f"-DCMAKE_PREFIX_PATH={work / 'installed'}")
        else:
            options.append(f"-DENFILADE_SOURCE={given.source}")
        run(given.cmake, "-S", work / "project", "-B", work / "build", "-G", "Ninja", *options,
            "-DCMAKE_BUILD_TYPE=Release")
        run(given.cmake, "--build", work / "build")
        for program, layer in (("program", 0), ("split-stage0", 0), ("split-stage1", 6),
                               ("split-client", 0)):
            if f"first layer: {layer}\n" not in run(work / "build" / program):
                sys.exit(f"{program} printed something else")


if __name__ == "__main__":
    main()
