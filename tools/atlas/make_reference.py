# SPDX-License-Identifier: Apache-2.0
"""Write ``reference.json``: what PyTorch computes with the exported model.

    python3 make_reference.py

Other implementations compare themselves with it. All numbers come from a
float64 forward pass over the float32 weights. ``smallest_margin`` is the least
distance, along a continuation, between the best and the second-best logit; an
implementation whose error stays below half of it finds the same tokens.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor

from inference import LanguageModel, load_model
from paths import MODEL_DIRECTORY, REFERENCE

PROMPTS = (
    "The capital of France is",
    "The Nile flows through",
    "People in Brazil speak",
    "Spain borders",
    "Europe is",
    "Q: What is the capital of Japan?\nA:",
)
CONTINUATION_TOKENS = 24
PROMPTS_WITH_LOGITS = 3
LOGITS = 32


@torch.inference_mode()
def all_logits(model: LanguageModel, ids: list[int]) -> Tensor:
    """The logits at every position of one sequence."""
    return model.network.logits(model.network.hidden_states(torch.tensor([ids])))[0]


def reference(model: LanguageModel, prompt: str, with_logits: bool) -> dict[str, object]:
    """The reference entry of one prompt."""
    prompt_ids = model.tokenizer.encode(prompt)
    [continuation] = model.continue_ids([prompt_ids], CONTINUATION_TOKENS)
    logits = all_logits(model, prompt_ids + continuation[:-1])[len(prompt_ids) - 1 :]
    best, second = logits.topk(2).values.unbind(-1)
    entry: dict[str, object] = {
        "prompt": prompt,
        "prompt_ids": prompt_ids,
        "continuation_ids": continuation,
        "continuation": model.tokenizer.decode(continuation),
        "smallest_margin": round(float((best - second).min()), 6),
    }
    if with_logits:
        entry["logits"] = [round(value, 6) for value in logits[0, :LOGITS].tolist()]
    return entry


def main() -> None:
    """Compute and write the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIRECTORY)
    arguments = parser.parse_args()
    model = load_model(arguments.model, torch.float64)
    entries = [
        reference(model, prompt, index < PROMPTS_WITH_LOGITS)
        for index, prompt in enumerate(PROMPTS)
    ]
    text = json.dumps(entries, indent=1, ensure_ascii=False)
    (arguments.model / REFERENCE).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
