#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the code in the documentation equal to code that is compiled and tested.

A page says where a block comes from, and the block must equal that region without its indentation:

    <!-- snippet: examples/1_two_stages.cpp#topology -->
    ```cpp
    ...
    ```

    //[topology
    ...
    //]

In scripts and CMake files the marks are `#[name` and `#]`. Regions may stand inside one another;
the marks themselves are not shown.

Usage: check_snippets.py [--fix] [--self-test]
"""

from __future__ import annotations

import re
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SNIPPET = re.compile(
    r"^<!-- snippet: (?P<path>[^#\s]+)#(?P<name>[\w-]+) -->\n"
    r"(?P<open>```[^\n]*\n)(?P<code>.*?)(?P<close>^```$)",
    re.MULTILINE | re.DOTALL,
)
MENTION = re.compile(r"^<!-- snippet:.*$", re.MULTILINE)
BEGIN = re.compile(r"^\s*(?://|#)\[(?P<name>[\w-]+)\s*$")
END = re.compile(r"^\s*(?://|#)\]\s*$")


class Broken(Exception):
    """A snippet that cannot be resolved; the message says why."""


def region(root: Path, path: str, name: str) -> str:
    """The region `name` of a file, without its common indentation and without marks."""
    file = root / path
    if not file.is_file():
        raise Broken(f"{path} does not exist")
    open_regions: list[str] = []
    lines: list[str] = []
    found = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := BEGIN.match(line):
            open_regions.append(match["name"])
            found += match["name"] == name
        elif END.match(line):
            if not open_regions:
                raise Broken(f"{path} closes a region that it has not opened")
            open_regions.pop()
        elif name in open_regions:
            lines.append(line)
    if open_regions:
        raise Broken(f"{path} never closes the region {open_regions[-1]}")
    if found != 1:
        raise Broken(f"{path} has {found} regions named {name}")
    code = textwrap.dedent("\n".join(lines)).strip("\n")
    if not code:
        raise Broken(f"the region {name} of {path} is empty")
    return code + "\n"


def pages(root: Path) -> list[Path]:
    """The Markdown files that people read."""
    return sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))


def check(root: Path, fix: bool = False) -> list[str]:
    """All snippets that differ from their source, as `file:line: ...`; with `fix`, updates them."""
    errors: list[str] = []
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        whole = {match.start() for match in SNIPPET.finditer(text)}
        for match in MENTION.finditer(text):
            if match.start() not in whole:
                line = text.count("\n", 0, match.start()) + 1
                errors.append(f"{page}:{line}: no fenced block follows the snippet comment")

        def replace(match: re.Match[str]) -> str:
            line = text.count("\n", 0, match.start()) + 1
            try:
                code = region(root, match["path"], match["name"])
            except Broken as broken:
                errors.append(f"{page}:{line}: {broken}")
                return match[0]
            if code != match["code"] and not fix:
                errors.append(
                    f"{page}:{line}: differs from {match['path']}#{match['name']}; "
                    "run tools/check_snippets.py --fix"
                )
            head = f"<!-- snippet: {match['path']}#{match['name']} -->\n{match['open']}"
            return head + code + match["close"]

        fixed = SNIPPET.sub(replace, text)
        if fix and fixed != text:
            page.write_text(fixed, encoding="utf-8")
            print(f"{page}: updated")
    return errors


def self_test() -> list[str]:
    """Shows that a difference is found and repaired, and that a bad mark is no success."""
    wrong: list[str] = []
    source = "int a;\n  //[one\n  int b;\n    //[two\n    int c;\n    //]\n  //]\n"
    page = "text\n<!-- snippet: a.cpp#{} -->\n```cpp\n{}```\nmore\n"
    samples = [  # region, code on the page, source, refused
        ("one", "int b;\n  int c;\n", source, False),
        ("two", "int c;\n", source, False),
        ("two", "int d;\n", source, True),
        ("three", "int c;\n", source, True),
        ("one", "int b;\n", "//[one\nint b;\n", True),
        ("one", "int b;\n", "int b;\n//]\n", True),
        ("one", "\n", "//[one\n//]\n", True),
        ("one", "int b;\n", "//[one\nint b;\n//]\n//[one\n//]\n", True),
        ("one", "b=1\n", "#[one\nb=1\n#]\n", False),
    ]
    for name, code, text, refused in samples:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "docs").mkdir()
            (root / "a.cpp").write_text(text, encoding="utf-8")
            (root / "docs" / "page.md").write_text(page.format(name, code), encoding="utf-8")
            if bool(check(root)) != refused:
                wrong.append(f"self-test: expected refused={refused}: {name}: {code!r}: {text!r}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "a.cpp").write_text(source, encoding="utf-8")
        (root / "README.md").write_text(page.format("two", "int d;\n"), encoding="utf-8")
        check(root, fix=True)
        if check(root) or "int c;\n```\nmore" not in (root / "README.md").read_text():
            wrong.append("self-test: --fix did not repair the page")
        (root / "README.md").write_text("<!-- snippet: a.cpp#two -->\nno block\n")
        if not check(root):
            wrong.append("self-test: a snippet comment without a block was accepted")
    return wrong


def main() -> int:
    """Prints each complaint; returns the exit code."""
    arguments = sys.argv[1:]
    errors = self_test() if "--self-test" in arguments else check(ROOT, "--fix" in arguments)
    for error in errors:
        print(error)
    print(f"check_snippets: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
