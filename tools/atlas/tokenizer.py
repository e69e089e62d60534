# SPDX-License-Identifier: Apache-2.0
"""A byte-level BPE tokenizer in the manner of GPT-2, and its file format.

``tokenizer.json`` has the form of the Hugging Face ``tokenizers`` library, so
that any program which reads GPT-2's tokenizer reads this one.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import regex

END_OF_TEXT = "<|endoftext|>"

WORD = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
"""GPT-2's pre-tokenisation: merges never cross the words it finds."""


def _byte_symbols() -> dict[int, str]:
    """GPT-2's one printable character for each byte, in GPT-2's order."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in symbols:
            symbols[byte] = chr(0x100 + len(symbols) - len(printable))
    return symbols


BYTE_SYMBOLS = _byte_symbols()
SYMBOL_BYTES = {symbol: byte for byte, symbol in BYTE_SYMBOLS.items()}

Pair = tuple[str, str]


def _symbols(word: str) -> tuple[str, ...]:
    """The byte symbols of a word."""
    return tuple(BYTE_SYMBOLS[byte] for byte in word.encode("utf-8"))


def _merge(symbols: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    """Join every occurrence of a pair, from left to right."""
    merged: list[str] = []
    index = 0
    while index < len(symbols):
        if symbols[index : index + 2] == pair:
            merged.append(pair[0] + pair[1])
            index += 2
        else:
            merged.append(symbols[index])
            index += 1
    return tuple(merged)


def learn_merges(text: str, count: int) -> list[Pair]:
    """Learn merges: again and again, join the most frequent pair of the text."""
    words = {_symbols(word): number for word, number in Counter(WORD.findall(text)).items()}
    merges: list[Pair] = []
    while len(merges) < count:
        pairs: Counter[Pair] = Counter()
        for symbols, number in words.items():
            for pair in pairwise(symbols):
                pairs[pair] += number
        if not pairs:
            raise ValueError(f"the text has only {len(merges)} merges")
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = {_merge(symbols, best): number for symbols, number in words.items()}
    return merges


class Tokenizer:
    """Encodes text into token ids and back."""

    def __init__(self, merges: list[Pair]) -> None:
        self.merges = merges
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        tokens = [*BYTE_SYMBOLS.values(), *(left + right for left, right in merges), END_OF_TEXT]
        self.ids = {token: index for index, token in enumerate(tokens)}
        self.tokens = tokens
        self.end_of_text = self.ids[END_OF_TEXT]
        self._encode_word = lru_cache(maxsize=1 << 16)(self._encode_word_uncached)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """Token ids of ordinary text; special tokens are not recognised in it."""
        return [token for word in WORD.findall(text) for token in self._encode_word(word)]

    def decode(self, ids: list[int]) -> str:
        """The text of token ids."""
        data = b"".join(self._token_bytes(index) for index in ids)
        return data.decode("utf-8", errors="replace")

    def _token_bytes(self, index: int) -> bytes:
        """The bytes that one token stands for."""
        if index == self.end_of_text:
            return END_OF_TEXT.encode()
        return bytes(SYMBOL_BYTES[symbol] for symbol in self.tokens[index])

    def _encode_word_uncached(self, word: str) -> tuple[int, ...]:
        """Apply the merges to one word, the earliest learnt first."""
        symbols = _symbols(word)
        while len(symbols) > 1:
            best = min(pairwise(symbols), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            symbols = _merge(symbols, best)
        return tuple(self.ids[symbol] for symbol in symbols)

    def save(self, path: Path) -> None:
        """Write ``tokenizer.json``."""
        byte_level = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        }
        document = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {
                    "id": self.end_of_text,
                    "content": END_OF_TEXT,
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": True,
                }
            ],
            "normalizer": None,
            "pre_tokenizer": byte_level,
            "post_processor": byte_level | {"add_prefix_space": True, "trim_offsets": False},
            "decoder": byte_level | {"add_prefix_space": True},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": "",
                "end_of_word_suffix": "",
                "fuse_unk": False,
                "byte_fallback": False,
                "vocab": self.ids,
                "merges": [f"{left} {right}" for left, right in self.merges],
            },
        }
        text = json.dumps(document, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a ``tokenizer.json`` that :meth:`save` wrote."""
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        merges = [tuple(merge.split(" ")) for merge in model["merges"]]
        tokenizer = cls([(left, right) for left, right in merges])
        if tokenizer.ids != model["vocab"]:
            raise ValueError(f"{path}: the vocabulary does not follow from the merges")
        return tokenizer
