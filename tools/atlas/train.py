# SPDX-License-Identifier: Apache-2.0
"""Train Atlas on freshly generated text and export it.

    python3 train.py

The text never repeats: every step draws new documents from the seeded
generator. The model is exported at every report, so a run can be watched and
an early model used while it goes on.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

import templates
from facts import World, load_world
from generate import Generator, check_held_out
from inference import MODEL_DIRECTORY, TOKENIZER, LanguageModel, export_model
from model import Gpt2, Shape
from questions import accuracy, ask_capitals
from tokenizer import Tokenizer

SEED = 2
THREADS = 1

TOKENS_PER_STEP = 1536
ROW_LENGTHS = (64, 64, 64, 64, 64, 64, 64, 64, 64, 256)
"""Most steps use short rows, which are cheaper; some train all positions."""

PEAK_RATE = 2e-3
FINAL_RATE = 5e-5
WARMUP_STEPS = 100
WEIGHT_DECAY = 0.05
BETAS = (0.9, 0.98)
GRADIENT_NORM = 1.0


def batches(world: World, tokenizer: Tokenizer) -> Iterator[Tensor]:
    """Yield batches of rows, each row the beginning of a run of documents."""
    documents = Generator(world, SEED).documents()

    def row(length: int) -> list[int]:
        tokens: list[int] = []
        while len(tokens) < length:
            document = next(documents)
            check_held_out(document)
            tokens += [*tokenizer.encode(document), tokenizer.end_of_text]
        return tokens[:length]

    while True:
        for length in ROW_LENGTHS:
            rows = TOKENS_PER_STEP // length
            yield torch.tensor([row(length + 1) for _ in range(rows)])


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine from the peak to the final rate."""
    if step < WARMUP_STEPS:
        return PEAK_RATE * (step + 1) / WARMUP_STEPS
    progress = (step - WARMUP_STEPS) / (steps - WARMUP_STEPS)
    return FINAL_RATE + (PEAK_RATE - FINAL_RATE) * (1 + math.cos(math.pi * progress)) / 2


def make_optimizer(network: Gpt2) -> torch.optim.AdamW:
    """AdamW, with weight decay for matrices only."""
    matrices = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in network.parameters() if parameter.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=PEAK_RATE, betas=BETAS, foreach=True)


def report(language_model: LanguageModel, world: World, directory: Path) -> str:
    """Export the model as it is now, and say how well it knows the capitals."""
    export_model(language_model, directory)
    seen = ask_capitals(world, templates.PLAIN_CAPITAL)
    held_out = [
        question
        for pattern in templates.CAPITAL_HELD_OUT
        for question in ask_capitals(world, pattern)
    ]
    return (
        f"capitals {accuracy(language_model, seen):.1%}, "
        f"held-out phrasings {accuracy(language_model, held_out):.1%}"
    )


def main() -> None:
    """Train for the given number of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--report-every", type=int, default=500)
    parser.add_argument("--output", type=Path, default=MODEL_DIRECTORY)
    arguments = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)
    world = load_world()
    tokenizer = Tokenizer.load(MODEL_DIRECTORY / TOKENIZER)
    network = Gpt2(Shape(vocab_size=len(tokenizer)))
    language_model = LanguageModel(network, tokenizer)
    optimizer = make_optimizer(network)

    start = time.monotonic()
    for step, rows in zip(range(arguments.steps), batches(world, tokenizer)):
        rate = learning_rate(step, arguments.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits = network.logits(network.hidden_states(rows[:, :-1]))
        loss = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
        optimizer.step()
        done = step + 1
        if done % 20 == 0:
            elapsed = time.monotonic() - start
            print(f"step {done}: loss {loss.item():.3f}, {elapsed:.0f} s", flush=True)
        if done % arguments.report_every == 0 or done == arguments.steps:
            print(f"step {done}: {report(language_model, world, arguments.output)}", flush=True)


if __name__ == "__main__":
    main()
