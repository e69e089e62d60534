#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the rows of the benchmarks as a table, and writes them as one JSON document on request."""

import argparse
import json
import platform
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """One row a line, as the benchmark programs print them."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def figure(value: float | None) -> str:
    """Three significant digits, or a dash where nothing was measured."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cells(row: Row) -> list[str]:
    """One line of the table."""
    params = " ".join(f"{key}={value}" for key, value in row["params"].items())
    return [
        f"{row['suite']} {row['name']}", params, figure(row["value"]), row["unit"],
        f"{figure(row['min'])}..{figure(row['max'])}", str(row["n"]), figure(row["floor"]),
        figure(row["ratio"]), figure(row["peer"]), figure(row["peer_ratio"]),
    ]


def table(rows: list[Row]) -> str:
    """A column a field; text to the left, figures to the right."""
    head = ["what", "with", "median", "unit", "min..max", "n", "floor", "ratio", "peer", "ratio"]
    lines = [head] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    left = {0, 1, 3}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def cpu() -> str:
    """The processor's own name for itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = read_rows(arguments.rows)
    print(f"{cpu()}, {platform.release()}\n")
    print(table(rows))
    if arguments.json:
        document = {"enfilade": "bench/1", "cpu": cpu(), "kernel": platform.release(), "rows": rows}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
