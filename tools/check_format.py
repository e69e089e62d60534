#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that C++ files are formatted as .clang-format says and begin with their licence line.

clang-format 14 (Debian 12's) is the reference: other versions break some lines elsewhere, so another
one is used only where there is no 14. Where there is none at all, the check is skipped (exit 77).

Usage: check_format.py [--fix] [--self-test]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPP_FOLDERS = ("include", "examples", "tests", "bench")
SPDX_FOLDERS = CPP_FOLDERS + ("cmake", "tools")
SPDX = "SPDX-License-Identifier: Apache-2.0"
SPDX_SUFFIXES = {".hpp", ".cpp", ".py", ".sh", ".cmake"}
SKIPPED = 77


def files(folders: tuple[str, ...], suffixes: set[str]) -> list[Path]:
    """The files of these kinds, in a stable order."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in suffixes
    ]


def unformatted(tool: str, paths: list[Path], fix: bool) -> list[str]:
    """What clang-format would change; with `fix`, changes it."""
    if not paths:
        return []
    how = ["-i"] if fix else ["--dry-run", "-Werror", "--ferror-limit=1"]
    run = subprocess.run(
        [tool, "--style=file", *how, *map(str, paths)], capture_output=True, text=True, check=False
    )
    errors = [line for line in run.stderr.splitlines() if " error: " in line]
    if run.returncode != 0 and not errors:
        errors = [run.stderr.strip() or f"{tool} failed"]
    return errors


def without_licence(paths: list[Path]) -> list[str]:
    """Files that do not name the licence at the top: below "#!" or what tests/reject says first."""
    errors: list[str] = []
    for path in paths:
        head = path.read_text(encoding="utf-8").splitlines()[:3]
        if not any(SPDX in line for line in head):
            errors.append(f"{path}:1: no '{SPDX}'")
    return errors


def self_test(tool: str) -> list[str]:
    """Shows that a badly formatted file and one without a licence are found."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / ".clang-format", folder)
        path = Path(folder) / "a.cpp"
        path.write_text(f"// {SPDX}\nint   a ;\n", encoding="utf-8")
        if not unformatted(tool, [path], fix=False):
            wrong.append("self-test: a badly formatted file was accepted")
        if without_licence([path]):
            wrong.append("self-test: a licence line was not seen")
        unformatted(tool, [path], fix=True)
        if unformatted(tool, [path], fix=False):
            wrong.append("self-test: --fix did not repair the file")
        path.write_text("int a;\n", encoding="utf-8")
        if not without_licence([path]):
            wrong.append("self-test: a file without a licence line was accepted")
    return wrong


def main() -> int:
    """Prints each complaint; returns the exit code."""
    arguments = sys.argv[1:]
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if tool is None:
        print("skipped: no clang-format on this machine: tools.check_format")
        return SKIPPED
    if "--self-test" in arguments:
        errors = self_test(tool)
    else:
        errors = unformatted(tool, files(CPP_FOLDERS, {".hpp", ".cpp"}), "--fix" in arguments)
        errors += without_licence(files(SPDX_FOLDERS, SPDX_SUFFIXES))
    for error in errors:
        print(error)
    print(f"check_format: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
