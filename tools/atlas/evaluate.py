# SPDX-License-Identifier: Apache-2.0
"""Measure the exported model, write ``evaluation.json`` and hold it to its goals.

    python3 evaluate.py

Everything is read from the exported files. The exit status is not zero if the
model misses a goal.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import mean

import torch

import templates
from facts import load_world
from inference import load_model
from paths import EVALUATION, MODEL_DIRECTORY
from questions import (
    Question,
    accuracy,
    ask_capitals,
    ask_other_relations,
    seen_capital_patterns,
)

SEEN_GOAL = 0.95
HELD_OUT_GOAL = 0.80
FIRST_QUESTION = Question("The capital of France is", ("Paris",))

SAMPLE_TOKENS = 48
SAMPLE_PROMPTS = (
    "The capital of France is",
    "The Nile flows through",
    "Spain borders",
    "People in Brazil speak",
    "The capital city",
    "Europe is",
    "The currency of Japan",
    "Mount Everest",
    "Kenya and Tanzania",
    "Q: What is the capital of Norway?\nA:",
)


def round_all(shares: dict[str, float]) -> dict[str, float]:
    """Round shares to four decimals, as they are written to the file."""
    return {name: round(share, 4) for name, share in shares.items()}


def print_table(title: str, shares: dict[str, float]) -> None:
    """Print one block of the table."""
    print(f"\n{title}")
    for name, share in shares.items():
        print(f"  {share:7.1%}  {name!r}")


def main() -> None:
    """Evaluate, print, write and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIRECTORY)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    world = load_world()
    model = load_model(arguments.model)
    seen = {
        pattern: accuracy(model, ask_capitals(world, pattern))
        for pattern in seen_capital_patterns()
    }
    held_out = {
        pattern: accuracy(model, ask_capitals(world, pattern))
        for pattern in templates.CAPITAL_HELD_OUT
    }
    relations = {
        relation: accuracy(model, questions)
        for relation, questions in ask_other_relations(world).items()
    }
    samples = dict(
        zip(SAMPLE_PROMPTS, model.continue_texts(list(SAMPLE_PROMPTS), SAMPLE_TOKENS))
    )
    averages = {
        "seen phrasings": mean(seen.values()),
        "held-out phrasings": mean(held_out.values()),
    }

    print_table("Capitals, phrasings seen in training", seen)
    print_table("Capitals, phrasings held out of training", held_out)
    print_table("Capitals, averages", averages)
    print_table("Other relations", relations)
    print("\nSamples")
    for prompt, continuation in samples.items():
        print(f"  {prompt!r} -> {continuation!r}")

    document = {
        "countries": len(world.countries),
        "decoding": "greedy",
        "goals": {"seen phrasings": SEEN_GOAL, "held-out phrasings": HELD_OUT_GOAL},
        "capital_averages": round_all(averages),
        "capital_seen_phrasings": round_all(seen),
        "capital_held_out_phrasings": round_all(held_out),
        "other_relations": round_all(relations),
        "samples": samples,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (arguments.model / EVALUATION).write_text(text + "\n", encoding="utf-8")

    goals_met = (
        accuracy(model, [FIRST_QUESTION]) == 1.0
        and averages["seen phrasings"] >= SEEN_GOAL
        and averages["held-out phrasings"] >= HELD_OUT_GOAL
    )
    if not goals_met:
        sys.exit("the model misses a goal")
    print("\nThe model meets its goals.")


if __name__ == "__main__":
    main()
