# SPDX-License-Identifier: Apache-2.0
"""Exports a model, loads an exported one, and continues prompts greedily."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from model import Gpt2, Shape
from paths import CONFIG, TOKENIZER, WEIGHTS
from safetensors_file import read_safetensors, write_safetensors
from tokenizer import Tokenizer

PROMPTS_PER_BATCH = 512


@dataclass(frozen=True)
class LanguageModel:
    """A model together with its tokenizer."""

    network: Gpt2
    tokenizer: Tokenizer

    @torch.inference_mode()
    def continue_ids(self, prompts: list[list[int]], count: int) -> list[list[int]]:
        """The most likely ``count`` tokens after each prompt."""
        answers: list[list[int]] = [[] for _ in prompts]
        by_length = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
        for first in range(0, len(prompts), PROMPTS_PER_BATCH):
            batch = by_length[first : first + PROMPTS_PER_BATCH]
            lengths = torch.tensor([len(prompts[index]) for index in batch])
            rows = torch.arange(len(batch))
            tokens = torch.zeros(len(batch), int(lengths.max()) + count, dtype=torch.long)
            for row, index in enumerate(batch):
                tokens[row, : len(prompts[index])] = torch.tensor(prompts[index])
            for _ in range(count):
                hidden = self.network.hidden_states(tokens[:, : int(lengths.max())])
                tokens[rows, lengths] = self.network.logits(hidden[rows, lengths - 1]).argmax(-1)
                lengths += 1
            for row, index in enumerate(batch):
                start = len(prompts[index])
                answers[index] = tokens[row, start : start + count].tolist()
        return answers

    def continue_texts(self, prompts: list[str], count: int) -> list[str]:
        """The most likely continuation of each prompt, as text."""
        encoded = [self.tokenizer.encode(prompt) for prompt in prompts]
        return [self.tokenizer.decode(ids) for ids in self.continue_ids(encoded, count)]


def export_model(language_model: LanguageModel, directory: Path) -> None:
    """Write weights, configuration and tokenizer.

    The tensors stand in the order of the forward pass, so each layer, and
    each half of the layers, is one range of bytes.
    """
    network = language_model.network
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    directory.mkdir(parents=True, exist_ok=True)
    write_safetensors(directory / WEIGHTS, tensors)
    network.shape.save(directory / CONFIG, language_model.tokenizer.end_of_text)
    language_model.tokenizer.save(directory / TOKENIZER)


def load_model(directory: Path, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Load what :func:`export_model` wrote."""
    network = Gpt2(Shape.load(directory / CONFIG))
    tensors = read_safetensors(directory / WEIGHTS)
    network.load_state_dict({name: torch.tensor(data) for name, data in tensors.items()})
    return LanguageModel(network.to(dtype).eval(), Tokenizer.load(directory / TOKENIZER))
