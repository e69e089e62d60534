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
from inference import LanguageModel, export_model, load_model
from model import Gpt2, Shape
from paths import MODEL_DIRECTORY, TOKENIZER
from questions import accuracy, ask_capitals
from tokenizer import Tokenizer

THREADS = 1

TOKENS_PER_STEP = 1536
ROW_LENGTHS = (64, 64, 64, 64, 64, 64, 64, 64, 64, 256)
"""Most steps use short rows, which are cheaper; some train all positions."""

FINAL_RATE = 5e-5
WARMUP_STEPS = 100
WEIGHT_DECAY = 0.05
BETAS = (0.9, 0.98)
GRADIENT_NORM = 1.0


def batches(world: World, tokenizer: Tokenizer, seed: int) -> Iterator[Tensor]:
    """Yield batches of rows, each row the beginning of a run of documents."""
    documents = Generator(world, seed).documents()

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


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up, then a cosine from the peak to the final rate."""
    if step < WARMUP_STEPS:
        return peak * (step + 1) / WARMUP_STEPS
    progress = (step - WARMUP_STEPS) / (steps - WARMUP_STEPS)
    return FINAL_RATE + (peak - FINAL_RATE) * (1 + math.cos(math.pi * progress)) / 2


def make_optimizer(network: Gpt2) -> torch.optim.AdamW:
    """AdamW, with weight decay for matrices only."""
    matrices = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in network.parameters() if parameter.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=BETAS, foreach=True)


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


def train_step(network: Gpt2, optimizer: torch.optim.Optimizer, rows: Tensor) -> float:
    """Learn from one batch; return its loss."""
    logits = network.logits(network.hidden_states(rows[:, :-1]))
    loss = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
    optimizer.step()
    return loss.item()


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--peak-rate", type=float, default=2e-3)
    parser.add_argument("--initial", type=Path, help="start from this exported model")
    parser.add_argument("--report-every", type=int, default=500)
    parser.add_argument("--output", type=Path, default=MODEL_DIRECTORY)
    return parser.parse_args()


def main() -> None:
    """Train for the given number of steps."""
    arguments = parse_arguments()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)
    world = load_world()
    if arguments.initial:
        language_model = load_model(arguments.initial)
    else:
        tokenizer = Tokenizer.load(MODEL_DIRECTORY / TOKENIZER)
        language_model = LanguageModel(Gpt2(Shape(vocab_size=len(tokenizer))), tokenizer)
    optimizer = make_optimizer(language_model.network)
    rows = batches(world, language_model.tokenizer, arguments.seed)

    start = time.monotonic()
    for step in range(arguments.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps, arguments.peak_rate)
        loss = train_step(language_model.network, optimizer, next(rows))
        done = step + 1
        if done % 20 == 0:
            print(f"step {done}: loss {loss:.3f}, {time.monotonic() - start:.0f} s", flush=True)
        if done % arguments.report_every == 0 or done == arguments.steps:
            print(f"step {done}: {report(language_model, world, arguments.output)}", flush=True)


if __name__ == "__main__":
    main()
