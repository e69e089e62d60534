# SPDX-License-Identifier: Apache-2.0
"""DER as trees that can be damaged anywhere and are encoded again with right lengths around it.

Shares nothing with the C++ reader but X.690.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 1, 2, 3, 4, 5, 6
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31


class NotDer(Exception):
    """These bytes are no DER."""


@dataclass
class Node:
    """One element: what it holds is `content`, or `children` behind `prefix`."""

    tag: int
    content: bytes = b""
    children: list[Node] | None = None
    prefix: bytes = b""  # the number of unused bits, where there is DER in a BIT STRING
    form: str = "shortest"  # of the length: also "longer", "indefinite", "less", "more"

    def inside(self) -> bytes:
        if self.children is None:
            return self.content
        return self.prefix + b"".join(child.encode() for child in self.children)

    def encode(self) -> bytes:
        inside = self.inside()
        if self.form == "indefinite":
            return bytes([self.tag, 0x80]) + inside + b"\0\0"
        size = max(len(inside) + {"less": -1, "more": 1}.get(self.form, 0), 0)
        digits = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
        if self.form == "longer":
            head = bytes([0x81]) if size < 0x80 else bytes([0x80 + len(digits) + 1, 0])
            return bytes([self.tag]) + head + digits + inside
        head = digits if size < 0x80 else bytes([0x80 + len(digits)]) + digits
        return bytes([self.tag]) + head + inside

    def copy(self) -> Node:
        children = None if self.children is None else [child.copy() for child in self.children]
        return Node(self.tag, self.content, children, self.prefix, self.form)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children or []:
            yield from child.walk()


def split(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """The elements of one level: tag, content, whole."""
    found = []
    while data:
        if len(data) < 2 or data[0] & 0x1F == 0x1F:
            raise NotDer
        begin, size = 2, data[1]
        if size >= 0x80:
            begin += size - 0x80
            if size == 0x80 or begin > min(6, len(data)):
                raise NotDer
            size = int.from_bytes(data[2:begin], "big")
        if begin + size > len(data):
            raise NotDer
        found.append((data[0], data[begin:begin + size], data[:begin + size]))
        data = data[begin + size:]
    return found


def parse(data: bytes) -> Node:
    """The tree of one element, down to where it is DER and into the strings that hold DER."""
    [(tag, content, _)] = split(data)
    node = Node(tag, content)
    if tag & 0x20 or tag in (OCTET_STRING, BIT_STRING) and len(content) > 3:
        skip = 1 if tag == BIT_STRING else 0
        try:
            node.children = [parse(whole) for _, _, whole in split(content[skip:])]
            node.prefix = content[:skip]
        except (NotDer, ValueError):
            node.children = None
    return node


CONTENTS = {  # what is worth trying, beside what chance finds
    BOOLEAN: [b"\0", b"\1", b"\xff", b"", b"\xff\xff"],
    INTEGER: [b"", b"\0", b"\1", b"\2", b"\3", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\0\x7f",
              b"\0\x80", b"\xff\x7f", b"\xff\xff", bytes(9), b"\1" + bytes(7), b"\1" + bytes(8),
              b"\x7f" * 20, b"\0" + b"\x80" * 20, b"\x7f" * 21, b"\0" + b"\x80" * 19],
    UTC_TIME: [b"500101000000Z", b"491231235959Z", b"240229000000Z", b"230229000000Z",
               b"240631000000Z", b"241301000000Z", b"240001000000Z", b"240100000000Z",
               b"240101240000Z", b"240101006000Z", b"240101000060Z", b"2401010000Z",
               b"240101000000+0000", b"240101000000", b"24010100000 Z", b"000229000000Z"],
    GENERALIZED_TIME: [b"20500101000000Z", b"20491231235959Z", b"19500101000000Z",
                       b"99991231235959Z", b"00000101000000Z", b"21000229000000Z",
                       b"20500101000000.5Z", b"205001010000Z", b"20500101000000+0000"],
    BIT_STRING: [b"", b"\0", b"\1", b"\7\x80", b"\1\2", b"\1\1", b"\2\4", b"\7\0", b"\0\0",
                 b"\x08\0", b"\0\x80\x80", b"\7\x80\x80", b"\0\1\2\3", b"\5\xa0", b"\1\6",
                 b"\2\4\0", b"\0\6"],
    OID: [b"", b"\x2a", b"\x80\x2a", b"\x2a\x80\x01", b"\x2a\x86", bytes.fromhex("551d13"),
          bytes.fromhex("551d0f"), bytes.fromhex("551d11"), bytes.fromhex("2a8648ce3d040302"),
          bytes.fromhex("2a8648ce3d040303"), bytes.fromhex("2a8648ce3d040304"),
          bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d01010a"),
          bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2b81040022"),
          bytes.fromhex("2b81040023"), bytes.fromhex("2a8648ce3d0201"),
          bytes.fromhex("2a864886f70d010101")],
    NULL: [b"\0"],
}
TAGS = [BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, UTC_TIME, GENERALIZED_TIME, SEQUENCE,
        SET, 0x00, 0x0C, 0x13, 0x16, 0x1E, 0x80, 0xA0, 0xA1, 0xA3, 0x1F, 0x24, 0x10, 0x11, 0x23]
EXTRA = [bytes.fromhex(text) for text in (
    "0500", "0101ff", "010100", "020100", "020101", "3000", "0400", "a000", "0c0161", "0000",
    "06032a0304", "170d3234303130313030303030305a")]


@dataclass
class Damage:
    """Damages trees and bytes, the same in every run with the same dice."""

    dice: random.Random
    grafts: list[Node] = field(default_factory=list)  # parts of other documents

    def tree(self, root: Node) -> bytes:
        """`root` with one to three of its elements changed."""
        root = root.copy()
        for _ in range(self.dice.choice([1, 1, 1, 1, 2, 3])):
            self._element(root)
        return root.encode()

    def _element(self, root: Node) -> None:
        dice = self.dice
        every = list(root.walk())
        parents = [node for node in every if node.children]
        kind = dice.random()
        if kind < 0.45:
            self._content(dice.choice(every))
        elif kind < 0.55:
            dice.choice(every).form = dice.choice(["longer", "indefinite", "less", "more"])
        elif kind < 0.65:
            dice.choice(every).tag = dice.choice(TAGS)
        elif parents:
            children = dice.choice(parents).children
            at = dice.randrange(len(children))
            if kind < 0.73:
                del children[at]
            elif kind < 0.80:
                children.insert(at, children[at].copy())
            elif kind < 0.85:
                other = dice.randrange(len(children))
                children[at], children[other] = children[other], children[at]
            elif kind < 0.93:
                children.insert(at + dice.randrange(2), parse(dice.choice(EXTRA)))
            elif self.grafts:
                children[at] = dice.choice(self.grafts).copy()

    def _content(self, node: Node) -> None:
        dice = self.dice
        if node.tag in CONTENTS and dice.random() < 0.6:
            node.content = dice.choice(CONTENTS[node.tag])
            node.children = None
            return
        if node.children is not None:
            node.content, node.children = node.inside(), None
        data = bytearray(node.content)
        kind = dice.randrange(6)
        if kind == 0:
            data = bytearray()
        elif kind == 1:
            data.append(dice.choice([0, 1, 0xFF]))
        elif kind == 2:
            data.insert(0, dice.choice([0, 0x80, 0xFF]))
        elif kind == 3 and data:
            del data[dice.randrange(len(data))]
        elif data:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        node.content = bytes(data)

    def bytes(self, data: bytes, reach: int = 1 << 30) -> bytes:
        """`data` with one to three bytes changed, taken away or added, and no length made right."""
        dice = self.dice
        out = bytearray(data)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            at = dice.randrange(min(len(out), reach))
            kind = dice.random()
            if kind < 0.5:
                out[at] ^= 1 << dice.randrange(8)
            elif kind < 0.8:
                out[at] = dice.choice([0, 1, 2, 3, 5, 6, 0x17, 0x18, 0x30, 0x31, 0x80, 0x81, 0x82,
                                       0xA0, 0xA3, 0xFF])
            elif kind < 0.87:
                del out[at]
            elif kind < 0.94:
                out.insert(at, dice.randrange(256))
            else:
                del out[at:]
                out += bytes(dice.randrange(3))
            if not out:
                return b""
        return bytes(out)
