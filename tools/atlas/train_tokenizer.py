# SPDX-License-Identifier: Apache-2.0
"""Learn Atlas's tokenizer from its text and write ``tokenizer.json``.

    python3 train_tokenizer.py
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

from facts import load_world
from generate import Generator, check_held_out
from paths import MODEL_DIRECTORY, TOKENIZER
from tokenizer import BYTE_SYMBOLS, Tokenizer, learn_merges

VOCABULARY_SIZE = 2048
DOCUMENTS = 50_000
SEED = 1


def main() -> None:
    """Generate text, learn the merges and save the tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=MODEL_DIRECTORY / TOKENIZER)
    arguments = parser.parse_args()
    text = "\n".join(islice(Generator(load_world(), SEED).documents(), DOCUMENTS))
    check_held_out(text)
    end_of_text = 1
    merges = learn_merges(text, VOCABULARY_SIZE - len(BYTE_SYMBOLS) - end_of_text)
    tokenizer = Tokenizer(merges)
    tokenizer.save(arguments.output)
    tokens = len(tokenizer.encode(text))
    print(f"{len(tokenizer)} tokens, {len(text) / tokens:.2f} characters per token")


if __name__ == "__main__":
    main()
