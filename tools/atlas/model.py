# SPDX-License-Identifier: Apache-2.0
"""GPT-2 in PyTorch, with the parameter names and layouts of Hugging Face."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """The numbers that define the architecture."""

    vocab_size: int = 2048
    n_positions: int = 256
    n_embd: int = 96
    n_layer: int = 12
    n_head: int = 6
    layer_norm_epsilon: float = 1e-5

    def save(self, path: Path, end_of_text: int) -> None:
        """Write ``config.json`` in the form of Hugging Face."""
        document = {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "activation_function": "gelu_new",
            **asdict(self),
            "n_ctx": self.n_positions,
            "n_inner": None,
            "bos_token_id": end_of_text,
            "eos_token_id": end_of_text,
            "attn_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "resid_pdrop": 0.0,
            "scale_attn_weights": True,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Shape:
        """Read the numbers back from ``config.json``."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


class Conv1D(nn.Module):
    """GPT-2's linear layer; its weight is stored as [inputs, outputs]."""

    def __init__(self, inputs: int, outputs: int, deviation: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * deviation)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, values: Tensor) -> Tensor:
        flat = torch.addmm(self.bias, values.reshape(-1, values.shape[-1]), self.weight)
        return flat.view(*values.shape[:-1], -1)


class Attention(nn.Module):
    """Causal self-attention with several heads."""

    def __init__(self, shape: Shape, deviation: float) -> None:
        super().__init__()
        self.heads = shape.n_head
        self.c_attn = Conv1D(shape.n_embd, 3 * shape.n_embd, deviation)
        self.c_proj = Conv1D(shape.n_embd, shape.n_embd, deviation / math.sqrt(2 * shape.n_layer))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        rows, length, width = values.shape
        parts = self.c_attn(values).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = (query @ key.transpose(-1, -2)) / math.sqrt(width // self.heads) + mask
        mixed = scores.softmax(dim=-1) @ value
        return self.c_proj(mixed.transpose(1, 2).reshape(rows, length, width))


class FeedForward(nn.Module):
    """Two linear layers with GPT-2's tanh form of GELU between them."""

    def __init__(self, shape: Shape, deviation: float) -> None:
        super().__init__()
        self.c_fc = Conv1D(shape.n_embd, 4 * shape.n_embd, deviation)
        self.c_proj = Conv1D(
            4 * shape.n_embd, shape.n_embd, deviation / math.sqrt(2 * shape.n_layer)
        )

    def forward(self, values: Tensor) -> Tensor:
        return self.c_proj(functional.gelu(self.c_fc(values), approximate="tanh"))


class Block(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, shape: Shape, deviation: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(shape.n_embd, shape.layer_norm_epsilon)
        self.attn = Attention(shape, deviation)
        self.ln_2 = nn.LayerNorm(shape.n_embd, shape.layer_norm_epsilon)
        self.mlp = FeedForward(shape, deviation)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        values = values + self.attn(self.ln_1(values), mask)
        return values + self.mlp(self.ln_2(values))


class Gpt2(nn.Module):
    """The language model; the output layer shares the token embedding."""

    def __init__(self, shape: Shape, deviation: float = 0.05) -> None:
        super().__init__()
        self.shape = shape
        self.wte = nn.Embedding(shape.vocab_size, shape.n_embd)
        self.wpe = nn.Embedding(shape.n_positions, shape.n_embd)
        self.h = nn.ModuleList(Block(shape, deviation) for _ in range(shape.n_layer))
        self.ln_f = nn.LayerNorm(shape.n_embd, shape.layer_norm_epsilon)
        nn.init.normal_(self.wte.weight, std=deviation)
        nn.init.normal_(self.wpe.weight, std=deviation / 2)

    def hidden_states(self, tokens: Tensor) -> Tensor:
        """The final hidden state at every position of a [rows, length] batch."""
        length = tokens.shape[1]
        values = self.wte(tokens) + self.wpe.weight[:length]
        mask = torch.full((length, length), float("-inf"), dtype=values.dtype).triu(1)
        for block in self.h:
            values = block(values, mask)
        return self.ln_f(values)

    def logits(self, hidden: Tensor) -> Tensor:
        """The scores of all tokens for hidden states."""
        return hidden @ self.wte.weight.t()
