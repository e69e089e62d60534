#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets one fuzz target mutate for a while, says what to do with what it found, keeps the figures.

Usage: run.py TARGET --seconds N --work FOLDER SEEDS...

TARGET is the program fuzz-<name>. New inputs that reach new code stay in FOLDER/corpus/<name>, what
breaks the target's promise goes to FOLDER/artifacts/<name>. The figures are those of
tests/integration/campaign.py: an execution counts as refused where the target kept its promise.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from campaign import Campaign  # pylint: disable=wrong-import-position

# A slow or a greedy input is a finding too.
LIMITS = ("-timeout=5", "-rss_limit_mb=2048", "-malloc_limit_mb=512")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("seeds", nargs="*", type=Path)
    arguments = parser.parse_intermixed_args()
    name = arguments.target.name.removeprefix("fuzz-")
    corpus, artifacts = (arguments.work / kind / name for kind in ("corpus", "artifacts"))
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(artifacts.iterdir())
    command = [arguments.target, f"-max_total_time={arguments.seconds}", *LIMITS,
               "-print_final_stats=1", f"-artifact_prefix={artifacts}/"]
    dictionary = HERE / "dictionaries" / f"{name}.dict"
    command += [f"-dict={dictionary}"] if dictionary.is_file() else []
    command += [corpus, *(seeds for seeds in arguments.seeds if seeds.is_dir())]

    with Campaign(f"fuzz.{name}") as figures:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = done.stdout.decode(errors="replace")
        executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
        found = sorted(set(artifacts.iterdir()) - before)
        count = int(executed[1]) if executed else 0
        figures.tried(count)
        figures.refused(count - len(found))
    if done.returncode == 0 and executed:
        print("\n".join(re.findall(r"^.*\bDONE\b.*$", said, re.MULTILINE)))
        return 0
    print(said[-20_000:])
    for finding in found:
        print(f"{finding}: after the repair, keep it as tests/fuzz/regressions/{name}/<what it is>")
    return done.returncode or 1


if __name__ == "__main__":
    sys.exit(main())
