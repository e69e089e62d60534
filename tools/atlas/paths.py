# SPDX-License-Identifier: Apache-2.0
"""Where the model's files are and what they are called."""

from __future__ import annotations

from pathlib import Path

MODEL_DIRECTORY = Path(__file__).resolve().parents[2] / "models" / "atlas"
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
EVALUATION = "evaluation.json"
REFERENCE = "reference.json"
