#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs a compiler to compose a pipeline: seconds and peak memory, by number of stages.

For each compiler that is installed, generates one translation unit for each number of stages. It
names the deployment, every stage of it, the plan and its digest, so that all of compose/ is
instantiated. The row of 0 stages includes the same headers and composes nothing: it is the floor
of the others. Rounds are interleaved, and medians are shown: on a shared machine only the
difference to the floor of the same rounds means something.

Usage: compose.py [--stages 2,4,8,16,32] [--rounds 5] [--rows | --json FILE] [COMPILER...]

--rows prints the rows, one JSON object a line, in place of the table (bench/run.sh collects them).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMPILERS = ("g++", "clang++-16")

SOURCE = """\
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

#include <cstddef>
#include <string_view>
#include <utility>

using namespace enfilade;

struct Seal {{
  using policy_role = role::cipher;
  static constexpr std::string_view name = "seal";
}};
struct Vouch {{
  using policy_role = role::attester;
  static constexpr std::string_view name = "vouch";
}};
struct Multiply {{
  using policy_role = role::compute;
  static constexpr std::string_view name = "multiply";
}};
struct Deep {{
  struct architecture;
  static constexpr std::string_view name = "deep";
  static constexpr std::size_t layers = {layers};
  static constexpr std::size_t hidden = 768;
  static constexpr std::size_t heads = 12;
  static constexpr std::size_t vocab = 50257;
  static constexpr std::size_t context = 1024;
  static constexpr std::size_t intermediate = 3072;
  static constexpr float layer_norm_epsilon = 1e-5F;
}};
{composition}"""

COMPOSITION = """
using D = Pipeline<{parts}>::of<Deep>::with<Seal, Vouch, Multiply>;

template <std::size_t... I>
constexpr std::size_t visit(std::index_sequence<I...>) {{
  static_assert(((D::stage<I>::has_head == (I + 1 == D::stage_count)) && ...));
  return (D::stage<I>::last_layer + ...) + (sizeof(typename D::template stage<I>::output) + ...);
}}
static_assert(visit(std::make_index_sequence<D::stage_count>{{}}) != 0);
static_assert(!D::plan().empty() && D::plan_digest().size() == 32);
"""


def source(stages: int) -> str:
    """A translation unit that composes `stages` stages; for 0, the same without the composition."""
    parts = ["Embed<Layers<0, 1>>"]
    for stage in range(1, stages):
        parts += ["Relay<Vsock>", f"Layers<{stage}, {stage + 1}>"]
    composition = COMPOSITION.format(parts=", ".join([*parts, "LmHead"])) if stages else ""
    return SOURCE.format(layers=max(stages, 1), composition=composition)


def compile_once(compiler: str, path: Path) -> tuple[float, float]:
    """Seconds of processor time and peak MiB of one run of the compiler, without its back end."""
    arguments = [compiler, "-std=c++20", f"-I{ROOT / 'include'}", "-fsyntax-only", str(path)]
    child = os.posix_spawnp(compiler, arguments, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"compose.py: {compiler} refuses {path}")
    # ru_maxrss covers the driver and the compiler proper, whichever was the larger.
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@dataclass
class Series:
    """The runs of one compiler at one number of stages."""

    seconds: list[float] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)


def measure(compilers: list[str], stages: list[int], rounds: int) -> dict[tuple[str, int], Series]:
    """All runs, interleaved: what disturbs the machine disturbs every series alike."""
    runs = {(compiler, count): Series() for compiler in compilers for count in [0, *stages]}
    with tempfile.TemporaryDirectory() as folder:
        for count in [0, *stages]:
            (Path(folder) / f"{count}.cpp").write_text(source(count), encoding="utf-8")
        for _ in range(rounds):
            for (compiler, count), series in runs.items():
                seconds, mebibytes = compile_once(compiler, Path(folder) / f"{count}.cpp")
                series.seconds.append(seconds)
                series.mebibytes.append(mebibytes)
    return runs


def row(name: str, compiler: str, stages: int, values: list[float], unit: str, floor: float) -> dict:
    """One row in the form of every benchmark."""
    value = statistics.median(values)
    return {
        "suite": "compile",
        "name": name,
        "params": {"compiler": compiler, "stages": stages},
        "value": round(value, 4),
        "unit": unit,
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "n": len(values),
        "floor": round(floor, 4),
        "ratio": round(value / floor, 4),
        "peer": None,
        "peer_ratio": None,
    }


def main() -> int:
    """Measures, prints the table, writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("compilers", nargs="*", metavar="COMPILER")
    parser.add_argument("--stages", default="2,4,8,16,32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()

    compilers = [c for c in arguments.compilers or COMPILERS if shutil.which(c)]
    stages = [int(count) for count in arguments.stages.split(",")]
    if not compilers or arguments.rounds < 1 or min(stages) < 1:
        parser.error("no compiler found, or nothing to measure")

    begin = time.monotonic()
    runs = measure(compilers, stages, arguments.rounds)
    rows: list[dict] = []
    table = [f"{'compose':24}{'stages':>7}{'seconds':>10}{'min':>8}{'max':>8}{'above':>9}{'MiB':>8}"]
    for (compiler, count), series in runs.items():
        floor = runs[compiler, 0]
        least = statistics.median(floor.seconds)
        peak = statistics.median(floor.mebibytes)
        rows.append(row("compose", compiler, count, series.seconds, "s", least))
        rows.append(row("compose memory", compiler, count, series.mebibytes, "MiB", peak))
        seconds, memory = rows[-2:]
        above = f"{seconds['value'] - least:+.2f} s" if count else "floor"
        table.append(
            f"{compiler:24}{count:7}{seconds['value']:10.2f}{seconds['min']:8.2f}"
            f"{seconds['max']:8.2f}{above:>9}{memory['value']:8.0f}"
        )
    table.append(f"{arguments.rounds} rounds, medians, {time.monotonic() - begin:.0f} s in all")
    print("\n".join(map(json.dumps, rows) if arguments.rows else table))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
