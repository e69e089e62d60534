#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what tests/run.sh found, from the JUnit files that CTest wrote; the last line is the verdict.

A preset that does not configure or build counts as one failed test more, beside those of its tests
that could not run. Exits with 0 only where something passed and nothing failed.

Usage: summary.py RESULTS_FOLDER
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# What CTest writes where a test skipped itself; "not run" for any other cause is a failure.
SKIPPED = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")
OUTPUT_LINES = 60


@dataclass
class Step:
    """The results of one preset."""

    name: str
    seconds: int
    passed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)  # name, output
    skipped: list[tuple[str, str]] = field(default_factory=list)  # name, reason


def read(folder: Path, name: str, outcome: str, seconds: int) -> Step:
    """Makes a step of its row in steps.tsv and of its JUnit file, where it has one."""
    step = Step(name, seconds)
    if outcome != "built":
        step.failed.append((outcome, ""))
    junit = folder / f"{name}.xml"
    if not junit.is_file():
        if outcome == "built":
            step.failed.append(("no-test-ran", ""))
        return step
    # What a test printed may hold bytes that XML does not allow.
    text = junit.read_bytes().decode("utf-8", errors="replace")
    text = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    for case in ElementTree.fromstring(text).iter("testcase"):
        output = case.findtext("system-out") or ""
        skipped = case.find("skipped")
        if case.get("status") == "run":
            step.passed += 1
        elif skipped is not None and skipped.get("message", "").startswith(SKIPPED):
            reason = re.search(r"skipped: .*", output)
            step.skipped.append((case.get("name", ""), reason[0] if reason else "skipped"))
        else:
            step.failed.append((case.get("name", ""), output))
    return step


def report(steps: list[Step]) -> int:
    """Prints failures, table, skipped tests and the verdict; returns the exit code."""
    for step in steps:
        for name, output in step.failed:
            print(f"\n--- {step.name}: {name} failed")
            lines = output.strip().splitlines()
            if len(lines) > OUTPUT_LINES:
                print(f"... ({len(lines) - OUTPUT_LINES} lines more)")
            print("\n".join(lines[-OUTPUT_LINES:]))

    print(f"\n{'preset':<12}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for step in steps:
        print(
            f"{step.name:<12}{step.passed:>8}{len(step.failed):>8}"
            f"{len(step.skipped):>9}{step.seconds:>9}"
        )

    failed = [f"{step.name}: {name}" for step in steps for name, _ in step.failed]
    if failed:
        print("\nfailed:")
        print("\n".join(f"  {name}" for name in failed))

    skipped = Counter((name, reason) for step in steps for name, reason in step.skipped)
    if skipped:
        print("\nskipped:")
        for (name, reason), count in sorted(skipped.items()):
            print(f"  {count} x {name}: {reason}")

    passed = sum(step.passed for step in steps)
    verdict = f"{passed} passed, {len(failed)} failed"
    if skipped:
        verdict += f", {sum(skipped.values())} skipped"
    print(f"\n{verdict}")
    return 1 if failed or not passed else 0


def main() -> int:
    """Reads steps.tsv; returns the exit code."""
    folder = Path(sys.argv[1])
    steps = []
    for line in (folder / "steps.tsv").read_text(encoding="utf-8").splitlines():
        name, outcome, seconds = line.split("\t")
        steps.append(read(folder, name, outcome, int(seconds)))
    return report(steps)


if __name__ == "__main__":
    sys.exit(main())
