#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tells what the attack campaigns of the tests tried; keeps docs/design/security_tests.md honest.

  security_report.py FOLDER...          the figures in these folders, as a table each
  security_report.py FOLDER --write     and puts those of the one folder into the page
  security_report.py                    checks the page: each figure belongs to a campaign that the
                                        page explains, nothing got past, and each test that it names
                                        exists under that name

The figures are JSON lines that tests/support/campaign.hpp and tests/integration/campaign.py leave
in $ENFILADE_CAMPAIGNS; tests/run.sh points that to build/results/campaigns-<preset>.

Usage: security_report.py [FOLDER... [--write]] [--self-test]
"""

from __future__ import annotations

import datetime
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/design/security_tests.md"
BEGIN = "<!-- figures: written by tools/security_report.py -->"
END = "<!-- end of figures -->"

CAMPAIGN = re.compile(r"^[a-z0-9_]+(?:\.[a-z0-9_]+)+$")
ROW = re.compile(
    r"^\| `(?P<name>[^`]+)` \| (?P<tried>[\d ]+) \| (?P<refused>[\d ]+) \|", re.MULTILINE
)
# `tests/unit/wire/session.cpp`: "a dropped record is named as out of order", "any bit of a record"
TEST = re.compile(r"`(?P<file>tests/[\w/.]+)`(?P<cases>: \"[^\"]+\"(?:, \"[^\"]+\")*)?")


@dataclass(frozen=True)
class Figures:
    """What one campaign tried, and how much of it was refused."""

    name: str
    tried: int
    refused: int
    seconds: float

    @property
    def holds(self) -> bool:
        return 0 < self.tried == self.refused


def read(folder: Path) -> list[Figures]:
    """The campaigns of one run, by name; of a name that comes twice, the later line."""
    found: dict[str, Figures] = {}
    for file in sorted(folder.glob("*.json*")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            row = json.loads(line)
            name = row["campaign"]
            if not CAMPAIGN.match(name):
                raise ValueError(f"{file}: {name!r} is no name of a campaign")
            found[name] = Figures(
                name, int(row["tried"]), int(row["refused"]), float(row["seconds"])
            )
    return [found[name] for name in sorted(found)]


def grouped(count: int) -> str:
    """1 234 567"""
    return f"{count:,}".replace(",", " ")


def text_table(figures: list[Figures]) -> str:
    """For a terminal."""
    width = max([len("campaign"), *(len(f.name) for f in figures)])

    def row(name: str, tried: int, refused: int, seconds: float) -> str:
        return f"{name:<{width}}{grouped(tried):>14}{grouped(refused):>14}{seconds:>10.2f}"

    lines = [f"{'campaign':<{width}}{'tried':>14}{'refused':>14}{'seconds':>10}"]
    for f in figures:
        remark = "" if f.holds else "  <- not all refused"
        lines.append(row(f.name, f.tried, f.refused, f.seconds) + remark)
    lines.append(
        row(
            "in all",
            sum(f.tried for f in figures),
            sum(f.refused for f in figures),
            sum(f.seconds for f in figures),
        )
    )
    return "\n".join(lines)


def page_table(figures: list[Figures], origin: str) -> str:
    """For the page, between its markers."""
    lines = [BEGIN, "", f"{origin}.", ""]
    lines += ["| campaign | tried | refused | seconds |", "|---|--:|--:|--:|"]
    for f in figures:
        tried, refused = grouped(f.tried), grouped(f.refused)
        lines.append(f"| `{f.name}` | {tried} | {refused} | {f.seconds:.2f} |")
    return "\n".join([*lines, "", END])


def write(root: Path, figures: list[Figures], origin: str) -> list[str]:
    """Replaces the page's figures; complains where it has no place for them."""
    page = root / PAGE
    text = page.read_text(encoding="utf-8")
    if not figures:
        return [f"{page}: no figures to write"]
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        return [f"{page}: needs the markers {BEGIN!r} and {END!r}, once each"]
    before, after = text[: text.index(BEGIN)], text[text.index(END) + len(END) :]
    page.write_text(before + page_table(figures, origin) + after, encoding="utf-8")
    return []


def check(root: Path) -> list[str]:
    """What the page says and should not, as `file:line: ...`."""
    page = root / PAGE
    if not page.is_file():
        return [f"{page}: does not exist"]
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        return [f"{page}: needs the markers {BEGIN!r} and {END!r}, once each"]
    errors: list[str] = []

    begin, end = text.index(BEGIN), text.index(END)
    explained = text[:begin] + text[end:]
    for row in ROW.finditer(text, begin, end):
        line = text.count("\n", 0, row.start()) + 1
        if f"`{row['name']}`" not in explained:
            errors.append(f"{page}:{line}: {row['name']}: nothing on this page says what it tries")
        if row["tried"] != row["refused"]:
            errors.append(f"{page}:{line}: {row['name']}: not all was refused")

    for match in TEST.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        file = root / match["file"]
        if not file.exists():
            errors.append(f"{page}:{line}: {match['file']}: no such file")
            continue
        for case in re.findall(r"\"([^\"]+)\"", match["cases"] or ""):
            if case not in joined(file.read_text(encoding="utf-8")):
                errors.append(f"{page}:{line}: {match['file']}: no test is called \"{case}\"")
    return errors


def joined(source: str) -> str:
    """The source with adjacent string literals made one, as a compiler reads a long name."""
    return re.sub(r"\"\s*\n\s*\"", "", source)


def self_test() -> list[str]:
    """Shows that figures are read and written as they should, and that each mistake is found."""
    wrong: list[str] = []
    rows = [
        {"campaign": "wire.b", "tried": 10**7, "refused": 10**7, "seconds": 51.2345, "seed": 1},
        {"campaign": "wire.a", "tried": 7, "refused": 7, "seconds": 0.5, "seed": 1},
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "docs/design").mkdir(parents=True)
        (root / "tests").mkdir()
        source = 'TEST_CASE("first") {\nTEST_CASE("a long "\n  "name") {'
        (root / "tests/x.cpp").write_text(source, encoding="utf-8")
        for number, row in enumerate(rows):
            (root / f"{number}.json").write_text(json.dumps(row) + "\n", encoding="utf-8")
        figures = read(root)
        page = root / PAGE
        good = (
            f"`wire.a` `wire.b`\n{BEGIN}\nold\n{END}\n"
            '| S1 | `tests/x.cpp`: "first", "a long name" |\n`tests/x.cpp`\n'
        )
        page.write_text(good, encoding="utf-8")
        wrong += write(root, figures, "Of a run")
        text = page.read_text(encoding="utf-8")
        for part in ("| `wire.b` | 10 000 000 | 10 000 000 | 51.23 |", "Of a run.", "| S1 |"):
            if part not in text:
                wrong.append(f"self-test: {part!r} was not written: {text!r}")
        if "old" in text or text.index("wire.a", text.index(BEGIN)) > text.rindex("wire.b"):
            wrong.append(f"self-test: the table is not the new one, in order: {text!r}")
        wrong += [f"self-test: a good page: {error}" for error in check(root)]
        bad = {
            "an unexplained campaign": text.replace("`wire.a` `wire.b`", "`wire.a`"),
            "something that got past": text.replace("| 7 | 7 |", "| 7 | 6 |"),
            "no marker": text.replace(END, ""),
            "a file that is not there": text.replace("tests/x.cpp", "tests/y.cpp"),
            "a test that is not there": text.replace("a long name", "a longer name"),
        }
        for what, content in bad.items():
            page.write_text(content, encoding="utf-8")
            if content == text or not check(root):
                wrong.append(f"self-test: {what} was not found")
        if write(root, [], "nothing") == []:
            wrong.append("self-test: an empty run was written")
        if "not all refused" not in text_table([Figures("a.b", 2, 1, 0.0)]):
            wrong.append("self-test: a table hides what got past")
        nameless = {"campaign": "| x", "tried": 1, "refused": 1, "seconds": 0}
        (root / "2.json").write_text(json.dumps(nameless), encoding="utf-8")
        try:
            read(root)
            wrong.append("self-test: a campaign without a proper name was read")
        except ValueError:
            pass
    return wrong


def main() -> int:
    """Prints tables or complaints; returns the exit code."""
    words = sys.argv[1:]
    folders = [Path(word) for word in words if not word.startswith("--")]
    errors: list[str] = []
    if "--self-test" in words:
        errors = self_test()
    elif not folders:
        errors = check(ROOT)
    else:
        for folder in folders:
            figures = read(folder) if folder.is_dir() else []
            print(f"{folder}: {len(figures)} campaigns")
            if figures:
                print(text_table(figures))
            errors += [f"{folder}: {f.name}: not all was refused" for f in figures if not f.holds]
        if "--write" in words and not errors:
            preset = folders[0].resolve().name.removeprefix("campaigns-")
            origin = f"Preset `{preset}`, {datetime.date.today().isoformat()}"
            errors = write(ROOT, figures if len(folders) == 1 else [], origin)
    for error in errors:
        print(error)
    if errors or not folders:
        print(f"security_report: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
