#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the documentation leads somewhere.

  * Every relative link of README.md, the other pages beside it and docs/ names a file that exists,
    and its #anchor a heading or an <a id="..."></a> of that file.
  * Every error of include/enfilade/error.hpp has an anchor and its exit code in docs/errors.md,
    and every anchor there is an error.
  * Every "docs/....md" or "docs/....md#anchor" that a header or a source file tells its user to
    read exists.

Usage: check_links.py [--self-test]
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent

FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
ERROR = re.compile(
    r"error_facts\{\s*errc::\w+,\s*\"(?P<name>[^\"]+)\",.*?(?P<code>\d+)\s*\}", re.DOTALL
)
# Only inside comments and string literals does a source file speak of documentation.
MENTION = re.compile(r"\bdocs/[\w/.-]+?\.md(?:#[\w.-]+)?")


def blank(match: re.Match[str]) -> str:
    """What is cut out of a page leaves its line breaks, so that line numbers stay."""
    return "\n" * match[0].count("\n")


def prose(text: str) -> str:
    """The page without code, in which brackets are no links."""
    return CODE.sub("", FENCE.sub(blank, text))


def anchors(text: str) -> set[str]:
    """What a #fragment may name: headings as Git hosts spell them, and explicit anchors."""
    found: dict[str, int] = {}
    names: set[str] = set(ANCHOR.findall(text))
    for heading in HEADING.findall(FENCE.sub(blank, text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"<[^>]+>|[`*]", "", heading))
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


def pages(root: Path) -> list[Path]:
    """The Markdown files that people read."""
    return sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))


def check_pages(root: Path) -> list[str]:
    """Links of the pages that lead nowhere."""
    errors: list[str] = []
    for page in pages(root):
        text = prose(page.read_text(encoding="utf-8"))
        for pattern in (LINK, REFERENCE):
            for match in pattern.finditer(text):
                target = unquote(match[1])
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue  # another host: not ours to check, and there may be no network
                line = text.count("\n", 0, match.start()) + 1
                path, _, fragment = target.partition("#")
                file = (page.parent / path).resolve() if path else page
                if not file.exists():
                    errors.append(f"{page}:{line}: {target}: no such file")
                elif fragment and file.suffix == ".md":
                    if fragment not in anchors(file.read_text(encoding="utf-8")):
                        errors.append(f"{page}:{line}: {target}: no such anchor")
    return errors


def check_errors(root: Path) -> list[str]:
    """Errors that docs/errors.md does not explain, and explanations of no error."""
    header, page = root / "include/enfilade/error.hpp", root / "docs/errors.md"
    if not page.is_file():
        return [f"{page}: does not exist"]
    table = {m["name"]: m["code"] for m in ERROR.finditer(header.read_text(encoding="utf-8"))}
    if not table:
        return [f"{header}: no table of errors found"]
    errors: list[str] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    explained: set[str] = set()
    for number, line in enumerate(lines, start=1):
        for name in ANCHOR.findall(line):
            explained.add(name)
            if name not in table:
                errors.append(f"{page}:{number}: {name}: no such error in error.hpp")
            elif not re.search(rf"\|\s*{table[name]}\s*\|\s*$", line):
                errors.append(f"{page}:{number}: {name}: its exit code is {table[name]}")
    errors += [f"{page}:1: {name}: no anchor" for name in table if name not in explained]
    return errors


def check_mentions(root: Path) -> list[str]:
    """Pages that a message or a comment names and that do not exist."""
    errors: list[str] = []
    for folder in ("include", "examples", "cmake"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in {".hpp", ".cpp", ".cmake", ".sh"}:
                continue
            text = file.read_text(encoding="utf-8")
            for match in MENTION.finditer(text):
                path, _, fragment = match[0].partition("#")
                line = text.count("\n", 0, match.start()) + 1
                page = root / path
                if not page.is_file():
                    errors.append(f"{file}:{line}: {match[0]}: no such file")
                elif fragment and fragment not in anchors(page.read_text(encoding="utf-8")):
                    errors.append(f"{file}:{line}: {match[0]}: no such anchor")
    return errors


def check(root: Path) -> list[str]:
    """All complaints, as `file:line: ...`."""
    return check_pages(root) + check_errors(root) + check_mentions(root)


def self_test() -> list[str]:
    """Shows that each kind of dead end is found."""
    header = 'error_facts{errc::a_b, "a.b", "m",\n "r", 30},\nerror_facts{errc::c, "c", "m", "r", 1}'
    good = {
        "README.md": "[x](docs/a.md#the-a-of-b) [y](#top) ![z](docs/a.md)\n# Top\n`[n](no.md)`\n",
        "docs/a.md": "## The `a` of *b*\n```\n[n](no.md)\n```\n[r]: ../README.md\n",
        "docs/errors.md": '| <a id="a.b"></a>`a.b` | why | 30 |\n| <a id="c"></a>`c` | why | 1 |\n',
        "include/enfilade/error.hpp": header + "\n// docs/errors.md#a.b\n",
    }
    bad = [
        ("README.md", "[x](docs/b.md)\n"),
        ("README.md", "[x](docs/a.md#the-b)\n"),
        ("docs/a.md", "[x]: no.md\n"),
        ("docs/errors.md", '| <a id="a.b"></a>`a.b` | why | 30 |\n'),
        ("docs/errors.md", good["docs/errors.md"].replace("30 |", "31 |")),
        ("docs/errors.md", good["docs/errors.md"] + '| <a id="d"></a>`d` | why | 1 |\n'),
        ("include/enfilade/error.hpp", header + "\n// docs/none.md\n"),
        ("include/enfilade/error.hpp", header + "\n// docs/errors.md#none\n"),
    ]
    wrong: list[str] = []
    for name, text in [("", "")] + bad:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, content in (good | {name: text} if name else good).items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(content, encoding="utf-8")
            errors = check(root)
            if bool(errors) != bool(name):
                wrong.append(f"self-test: {name}: {text!r}: {errors}")
    return wrong


def main() -> int:
    """Prints each complaint; returns the exit code."""
    errors = self_test() if "--self-test" in sys.argv[1:] else check(ROOT)
    for error in errors:
        print(error)
    print(f"check_links: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
