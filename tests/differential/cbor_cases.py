# SPDX-License-Identifier: Apache-2.0
"""CBOR and COSE_Sign1 by RFC 8949 and RFC 9052, read a second time, and documents to try it with.

`decode` takes everything that is well-formed and says beside it which rules of include/enfilade/
attest/cose/cbor.hpp an item breaks, by their names: the two readers must agree on each.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

MAX_DEPTH, MAX_ITEMS, MAX_STRING, MAX_DOCUMENT = 16, 4096, 16 * 1024, 64 * 1024


class NotCbor(Exception):
    """Not well-formed, or a text that is no UTF-8."""


@dataclass
class Item:
    """One data item: `kind` is a letter of readers.cpp's notation, `text` all of it."""

    kind: str
    text: str
    value: object = None  # int, bytes, or a list of items; pairs of a map follow each other
    indefinite: bool = False
    encoding: bytes = b""


@dataclass
class Decoder:
    """Reads one document; `broken` are the rules that it breaks though it is well-formed."""

    data: bytes
    at: int = 0
    items: int = 0
    broken: set[str] = field(default_factory=set)

    def document(self) -> Item:
        if len(self.data) > MAX_DOCUMENT:
            self.broken.add("cbor.document_too_long")
        item = self.item(0, False)
        if self.at != len(self.data):
            raise NotCbor("something behind it")
        if self.items > MAX_ITEMS:
            self.broken.add("cbor.too_many_items")
        return item

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise NotCbor("it ends too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def head(self) -> tuple[int, int, int | None]:
        """Major type, additional information and argument; None where a break ends the item."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info, info
        if info < 28:
            argument = int.from_bytes(self.take(1 << (info - 24)), "big")
            shortest = next(n for n in range(24, 28) if argument < 1 << (8 << (n - 24)))
            if argument < 24 or shortest < info:
                if major == 7 and info == 24 and argument < 32:
                    raise NotCbor("a simple value in two bytes that has one")
                if major < 7:
                    self.broken.add("cbor.not_minimal")
            return major, info, argument
        if info == 31 and major in (2, 3, 4, 5, 7):
            return major, info, None
        raise NotCbor("a length that is reserved")

    def is_break(self) -> bool:
        if self.at == len(self.data):
            raise NotCbor("it ends too early")
        if self.data[self.at] != 0xFF:
            return False
        self.at += 1
        return True

    def item(self, depth: int, is_key: bool) -> Item:
        begin = self.at
        major, info, argument = self.head()
        if major == 7 and argument is None:
            raise NotCbor("a break where there is nothing to end")
        if major != 6:
            self.items += 1
        if is_key and major not in (0, 1, 2, 3, 6):
            is_other_kind = major < 7 or info in (20, 21, 22)
            self.broken.add("cbor.key_kind" if is_other_kind else self.simple(info))
        item = self._of(major, info, argument, depth)
        item.encoding = self.data[begin:self.at]
        return item

    @staticmethod
    def simple(info: int) -> str:
        return "cbor.float" if 25 <= info <= 27 else "cbor.simple_value"

    def _of(self, major: int, info: int, argument: int | None, depth: int) -> Item:
        if major < 2:
            value = argument if major == 0 else -1 - argument
            return Item("n", str(value) if value >= -(1 << 63) else "below", value)
        if major < 4:
            return self._string(major, argument)
        if major < 6:
            return self._container(major, argument, depth)
        if major == 6:
            self.broken.add("cbor.tag")
            inner = self.item(depth, False)
            return Item("tag", f"tag({inner.text})", argument)
        if info in (20, 21, 22):
            return Item("simple", {20: "false", 21: "true", 22: "null"}[info])
        self.broken.add(self.simple(info))
        return Item("simple", f"simple({argument})")

    def _string(self, major: int, argument: int | None) -> Item:
        letter = "b" if major == 2 else "t"
        if argument is None:
            self.broken.add("cbor.indefinite_string")
            value = b""
            while not self.is_break():
                inner_major, _, size = self.head()
                if inner_major != major or size is None:
                    raise NotCbor("a string in pieces of another kind")
                value += self._checked(letter, self.take(size))
        else:
            value = self._checked(letter, self.take(argument))
        return Item(letter, f'{letter}"{value.hex()}"', value)

    def _checked(self, letter: str, value: bytes) -> bytes:
        if len(value) > MAX_STRING:
            self.broken.add("cbor.string_too_long")
        if letter == "t":
            try:
                value.decode("utf-8")
            except UnicodeDecodeError:
                raise NotCbor("a text that is no UTF-8") from None
        return value

    def _container(self, major: int, argument: int | None, depth: int) -> Item:
        if depth == MAX_DEPTH:
            self.broken.add("cbor.too_deep")
        if depth > 200:
            raise NotCbor("deeper than this decoder reads")
        found: list[Item] = []
        is_map = major == 5
        left = None if argument is None else argument * (2 if is_map else 1)
        while (left is None or len(found) < left) and not (left is None and self.is_break()):
            found.append(self.item(depth + 1, is_map and len(found) % 2 == 0))
        if is_map and len(found) % 2:
            raise NotCbor("a key without its value")
        star = "*" if argument is None else ""
        if not is_map:
            return Item("[", f"[{star}{','.join(item.text for item in found)}]", found, star != "")
        keys = [item.text for item in found[::2]]
        if "below" in keys:  # a text for many numbers
            keys = [item.text + str(item.value) for item in found[::2]]
        if len(set(keys)) != len(keys):
            self.broken.add("cbor.duplicate_key")
        pairs = [f"{key.text}:{value.text}" for key, value in zip(found[::2], found[1::2])]
        return Item("{", f"{{{star}{','.join(pairs)}}}", found, star != "")


def decode(data: bytes) -> tuple[Item, set[str]]:
    """The document and the rules that it breaks; `NotCbor` where it is none."""
    decoder = Decoder(data)
    return decoder.document(), decoder.broken


# ---- COSE (RFC 9052) -----------------------------------------------------------------------------

class NotCose(Exception):
    """Not a COSE_Sign1 message."""


SIGNATURE_SIZES = {-7: 64, -35: 96}  # ES256, ES384


def sign1(data: bytes) -> tuple[dict[str, str], set[str]]:
    """The parts of a message as readers.cpp has them, and the stricter rules that it breaks."""
    try:
        outer, broken = decode(data[1:] if data[:1] == b"\xd2" else data)
    except NotCbor as error:
        raise NotCose(str(error)) from None
    if outer.kind == "tag":
        if outer.value != 18 or data[:1] == b"\xd2":
            raise NotCose("another tag")
        outer, inner_broken = decode(tagged(data))  # 18 in more bytes than it needs
        broken |= inner_broken
    if outer.kind != "[" or len(outer.value) != 4:
        raise NotCose("no array of four")
    header, unprotected, payload, signature = outer.value
    if outer.indefinite:
        broken.add("cose.not_an_array_of_four")
    if header.kind != "b" or unprotected.kind != "{" or signature.kind != "b":
        raise NotCose("parts of other kinds")
    if payload.kind != "b" and payload.text != "null":
        raise NotCose("a payload of another kind")
    labels: dict[str, Item] = {}
    if header.value:
        try:
            protected, inner = decode(header.value)
        except NotCbor as error:
            raise NotCose(str(error)) from None
        if protected.kind != "{":
            raise NotCose("a protected header that is no map")
        broken |= inner
        labels = dict(zip((key.text for key in protected.value[::2]), protected.value[1::2]))
        keys = protected.value[::2] + unprotected.value[::2]
    else:
        keys = unprotected.value[::2]
    if any(key.kind not in ("n", "t") for key in keys):
        raise NotCose("a label that is neither number nor text")
    if len({key.text for key in keys}) != len(keys):
        if "below" in (key.text for key in keys):
            raise NotCose("labels beyond all numbers are not compared here")
        broken.add("cose.label_in_both_headers")  # or twice in one, which decode has named
    if payload.text == "null":
        broken.add("cose.detached_payload")
    if "2" in (key.text for key in keys):
        broken.add("cose.critical_header")
    algorithm = labels["1"].value if "1" in labels and labels["1"].kind == "n" else None
    if "1" not in labels:
        broken.add("cose.algorithm_missing")
    elif algorithm not in SIGNATURE_SIZES:
        broken.add("cose.algorithm_unknown")
    elif len(signature.value) != SIGNATURE_SIZES[algorithm]:
        broken.add("cose.signature_size")
    return {
        "algorithm": str({-7: -7, -35: -35}.get(algorithm, "other")),
        "protected": header.value.hex(), "unprotected": unprotected.encoding.hex(),
        "payload": (payload.value or b"").hex(), "signature": signature.value.hex()}, broken


def tagged(data: bytes) -> bytes:
    """What stands behind the tag, which is not in its shortest form."""
    decoder = Decoder(data)
    decoder.head()
    return data[decoder.at:]


# ---- documents -----------------------------------------------------------------------------------

def head(major: int, argument: int, size: int | None = None) -> bytes:
    """The first byte and the argument, in its shortest form or in `size` bytes."""
    if size is None:
        size = 0 if argument < 24 else next(n for n in (1, 2, 4, 8) if argument < 1 << 8 * n)
    if size == 0:
        return bytes([major << 5 | argument])
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + argument.to_bytes(size, "big")


def string(content: bytes) -> bytes:
    return head(2, len(content)) + content


@dataclass
class Writer:
    """Writes documents, most of them as evidence has them, some with a quirk that CBOR allows."""

    dice: random.Random
    quirks: float = 0.03  # of the items

    def argument(self, major: int, argument: int) -> bytes:
        if self.dice.random() < self.quirks / 2:
            sizes = [n for n in (1, 2, 4, 8) if argument < 1 << 8 * n]
            return head(major, argument, self.dice.choice(sizes))
        return head(major, argument)

    def number(self) -> bytes:
        edge = self.dice.choice([0, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32,
                                 (1 << 63) - 1, 1 << 63, (1 << 64) - 1, self.dice.getrandbits(8)])
        return self.argument(self.dice.randrange(2), edge)

    def text(self) -> bytes:
        dice = self.dice
        value = dice.choice(
            ["", "a", "module_id", "ü", "\u20ac", "\U0001F511", "x" * dice.randrange(40)])
        data = value.encode()
        if dice.random() < self.quirks:
            data += dice.choice(
                [b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\x80",
                 b"\xf0\x8f\x80\x80", b"\xe0\x9f\xbf", b"\xf4\x90\x80\x80"])
        return self.argument(3, len(data)) + data

    def item(self, depth: int = 0) -> bytes:
        dice = self.dice
        if dice.random() < self.quirks:
            return self.quirk(depth)
        kind = dice.randrange(4 if depth > 5 else 6)
        if kind == 0:
            return self.number()
        if kind == 1:
            data = dice.randbytes(dice.choice([0, 1, 23, 24, 48]))
            return self.argument(2, len(data)) + data
        if kind == 2:
            return self.text()
        if kind == 3:
            return dice.choice([b"\xf4", b"\xf5", b"\xf6"])
        size = dice.randrange(5)
        if kind == 4:
            parts = [self.item(depth + 1) for _ in range(size)]
        else:
            parts = [self.key(depth + 1) + self.item(depth + 1) for _ in range(size)]
        if dice.random() < 0.1:
            return bytes([0x9F if kind == 4 else 0xBF]) + b"".join(parts) + b"\xff"
        return self.argument(4 if kind == 4 else 5, size) + b"".join(parts)

    def key(self, depth: int) -> bytes:
        if self.dice.random() < self.quirks:
            return self.item(depth)
        kind = self.dice.randrange(3)
        if kind == 0:
            return self.number()
        return self.text() if kind == 1 else string(self.dice.randbytes(3))

    def quirk(self, depth: int) -> bytes:
        dice = self.dice
        kind = dice.randrange(8)
        if kind == 0:
            return head(6, dice.choice([0, 2, 18, 24, 55799])) + self.item(depth + 1)
        if kind == 1:
            return dice.choice(
                [b"\xf9\x3c\x00", b"\xfa\x3f\x80\x00\x00", b"\xfb" + bytes(8), b"\xf9\x7e\x00"])
        if kind == 2:
            return dice.choice([b"\xf7", b"\xe0", b"\xf3", b"\xf8\x20", b"\xf8\xff", b"\xf8\x14"])
        if kind == 3:
            return dice.choice([b"\x5f\x41a\x42bc\xff", b"\x5f\xff", b"\x7f\x61a\xff",
                                b"\x7f\x41a\xff", b"\x5f\x5f\xff\xff"])
        if kind == 4:
            return dice.choice([b"\xff", b"\x1c", b"\x3d", b"\x5e", b"\x1f", b"\xdf", b"\xfc"])
        if kind == 5:
            key = self.key(depth + 1)
            return head(5, 2) + key + self.item(depth + 1) + key + self.item(depth + 1)
        if kind == 6:
            levels = dice.choice([9, 14, 15, 16, 17, 18])
            return b"\x81" * levels + b"\x00"
        return dice.choice([
            head(2, 16384) + bytes(16384), head(2, 16385) + bytes(16385),
            head(3, 16385) + b"a" * 16385, head(4, 4000) + bytes(4000),
            head(4, 4200) + bytes(4200), head(2, 1 << 40), head(4, 1 << 62)])

    def document(self) -> bytes:
        data = self.item()
        return data + (b"\x00" if self.dice.random() < 0.02 else b"")
