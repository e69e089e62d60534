# SPDX-License-Identifier: Apache-2.0
"""One end of a link that can say anything: each step, field and byte of efl/1 is up to a test.

Built on the independent implementation tests/python/efl1_peer.py, whose cryptography it uses. What
it writes is genuine until somebody changes it: a case then differs from a good link in one thing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

# pylint: disable=wrong-import-position
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import efl1_peer as efl
from efl1_peer import DOWNSTREAM, UPSTREAM

PLAN = bytes.fromhex("5a" * 32)
LINK = 3
OURS = {"binary": "c0" * 32, "weights": "c1" * 32}  # what the C++ end attests
THEIRS = {"binary": "9a" * 32, "weights": "9b" * 32}  # what it expects of this one
HELLO_RECORD = efl.PREFIX + 128
CONFIRM_RECORD = efl.PREFIX + 32


def pairs(registers: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name, bytes.fromhex(value)) for name, value in sorted(registers.items())]


def evidence_record_size(registers: dict[str, str] | None) -> int:
    shown = efl.mock_evidence(pairs(registers), bytes(64)) if registers else b""
    return efl.PREFIX + 40 + len(shown)


def flipped(data: bytes, byte: int, mask: int = 1) -> bytes:
    """`data` with one bit (or more) of one byte the other way round."""
    changed = bytearray(data)
    changed[byte] ^= mask
    return bytes(changed)


class HungUp(Exception):
    """The C++ end closed the connection where something of it was still awaited."""


class ScriptedPeer(efl.Link):
    """A link like any other, taken apart into steps."""

    def __init__(self, sock: socket.socket, end: int, suite: int, attested: bool, padding: int = 1):
        super().__init__(self.read_exactly, self.write_if_possible,
                         efl.Setup(end, PLAN, LINK, suite))
        self.sock, self.attested, self.padding = sock, attested, padding
        self.heard = bytearray()  # every byte of the C++ end
        self.said: list[bytes] = []  # what was written, a record at a time where nothing is odd
        self.recorded: dict[str, bytes] = {}  # of a genuine link before this one
        self.shown = b""  # the body of this end's evidence
        self.is_gone = self.is_reset = False
        self.other = UPSTREAM + DOWNSTREAM - end
        self.mine = self.theirs = b""
        self.digests = {UPSTREAM: bytes(32), DOWNSTREAM: bytes(32)}
        self.raw: dict[str, bytes] = {}  # records of the C++ end as they came, by name
        self.key = X25519PrivateKey.from_private_bytes(self.setup.secret)
        self.transcript = self.exporter = self.secret_0 = self.shared = bytes(32)
        self.question = b""

    @property
    def dials(self) -> bool:
        return self.setup.end == UPSTREAM

    # ---- bytes

    def read_exactly(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            try:
                part = self.sock.recv(count - len(out))
            except ConnectionResetError:
                part = b""
            if not part:
                raise HungUp(f"after {len(out)} of {count} bytes")
            out += part
            self.heard += part
        return out

    def write_if_possible(self, data: bytes) -> None:
        """An end that has refused may be gone already; what it says of it is asked elsewhere."""
        self.said.append(data)
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.is_gone = True

    def rest(self) -> bytes:
        """Everything until the C++ end hangs up, which it must do by itself."""
        out = b""
        with contextlib.suppress(ConnectionResetError):
            while part := self.sock.recv(1 << 16):
                out += part
        self.heard += out
        return out

    def say_no_more(self) -> None:
        """Half-close: the C++ end sees the end of the stream and may still write."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """The connection ends with an RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.is_reset = True

    def drip(self, data: bytes) -> None:
        """Every byte a segment of its own."""
        for byte in data:
            self.write_if_possible(bytes([byte]))

    # ---- hello

    def hello(self, **other: object) -> bytes:
        """The body of a hello, with other values for some fields. It becomes this end's own."""
        own = {"magic": efl.MAGIC, "suite": self.setup.suite, "end": self.setup.end,
               "flags": 3 if self.attested else 0, "link": LINK, "reserved": bytes(16),
               "public_key": self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
               "nonce": self.setup.nonce, "plan": PLAN} | other
        self.mine = (own["magic"] + struct.pack("<HBBI", own["suite"], own["end"], own["flags"],
                                                own["link"])
                     + own["reserved"] + own["public_key"] + own["nonce"] + own["plan"])
        return self.mine

    def hello_record(self, body: bytes | None = None, tag: bytes = bytes(16),
                     **header: int) -> bytes:
        body = self.hello() if body is None else body
        return self.header(efl.HELLO, len(body), **header) + tag + body

    @staticmethod
    def header(of_kind: int, of_length: int, flags: int = 0, sequence: int = 0, version: int = 1,
               **instead: int) -> bytes:
        return struct.pack("<IBBHQ", instead.get("length", of_length),
                           instead.get("kind", of_kind), flags, version, sequence)

    def say_hello(self, **other: object) -> None:
        self.write(self.hello_record(self.hello(**other)))

    def hear(self, name: str, kind: int) -> bytes:
        """A record of the C++ end: its plaintext, or of a hello the body."""
        prefix = self.read(efl.PREFIX)
        length, found, _, _ = efl.decode_header(prefix)
        efl.require(found == kind, f"a record of type {found} instead of {kind}")
        body = self.read(length)
        self.raw[name] = prefix + body
        return body if kind == efl.HELLO else self.receiving.open(prefix, body)

    def hear_hello(self) -> None:
        self.theirs = self.hear("hello", efl.HELLO)

    # ---- keys

    def derive(self, mine: bytes | None = None) -> None:
        """Keys 0, as both ends have them; of another hello than was sent where one is given."""
        mine = self.mine if mine is None else mine
        theirs = efl.Hello(self.theirs).public_key
        self.shared = self.key.exchange(X25519PublicKey.from_public_bytes(theirs))
        self.derive_from(self.shared, mine)

    def derive_from(self, shared: bytes, mine: bytes) -> None:
        both = (mine, self.theirs) if self.dials else (self.theirs, mine)
        self.transcript = efl.sha256(b"efl/1 transcript", *both)
        self.secret_0 = efl.expand(efl.extract(self.transcript, shared), b"efl/1 secret 0", 32)
        self.exporter = efl.expand(self.secret_0, b"efl/1 exporter", 32)
        self.use(self.secret_0, "0")

    def ratchet(self) -> None:
        secret_1 = efl.extract(self.digests[UPSTREAM] + self.digests[DOWNSTREAM], self.secret_0)
        self.use(secret_1, "1")

    # ---- evidence and confirm

    def report(self, receipt_key: bytes = bytes(32), **other: object) -> bytes:
        """The report data that this end's evidence must sign."""
        return efl.report_data(other.get("end", self.setup.end),
                               other.get("exporter", self.exporter),
                               other.get("transcript", self.transcript), receipt_key)

    def mock(self, registers: dict[str, str] | None = None, data: bytes | None = None) -> bytes:
        return efl.mock_evidence(pairs(THEIRS if registers is None else registers),
                                 self.report() if data is None else data)

    def evidence_body(self, evidence: bytes | None = None, kind: int = efl.MOCK_FORMAT,
                      reserved: int = 0, receipt_key: bytes = bytes(32),
                      length: int | None = None) -> bytes:
        if evidence is None:
            if not self.attested:
                return bytes(40)
            evidence = self.mock(data=self.report(receipt_key))
        return struct.pack("<HHI", kind, reserved, len(evidence) if length is None else length) \
            + receipt_key + evidence

    def say_evidence(self, body: bytes | None = None) -> None:
        body = self.shown = self.evidence_body() if body is None else body
        self.digests[self.setup.end] = efl.sha256(body)
        self.write(self.sending.seal(efl.EVIDENCE, body))

    def hear_evidence(self) -> None:
        body = self.hear("evidence", efl.EVIDENCE)
        self.digests[self.other] = efl.sha256(body)
        self.peer_evidence = body[40:]

    def confirmation(self, **other: object) -> bytes:
        return efl.confirmation(other.get("end", self.setup.end),
                                other.get("transcript", self.transcript),
                                other.get("up", self.digests[UPSTREAM]),
                                other.get("down", self.digests[DOWNSTREAM]))

    def hear_confirm(self) -> None:
        said = self.hear("confirm", efl.CONFIRM)
        efl.require(said == self.confirmation(end=self.other), "confirmation differs")

    # ---- the way to a point of the protocol, where it is this end's turn to speak

    def before_hello(self) -> None:
        if not self.dials:
            self.hear_hello()

    def after_hello(self, shared=None) -> None:
        """Goes on from a hello that was sent: the keys exist, and it is this end's turn. `shared`,
        where given, computes the shared secret from the other end's public key."""
        if self.dials:
            self.hear_hello()
        if shared is None:
            self.derive()
        else:
            self.derive_from(shared(efl.Hello(self.theirs).public_key), self.mine)
        if self.dials:
            self.hear_evidence()

    def before_evidence(self) -> None:
        self.before_hello()
        self.say_hello()
        self.after_hello()

    def after_evidence(self) -> None:
        if not self.dials:
            self.hear_evidence()
        self.ratchet()
        if not self.dials:
            self.hear_confirm()

    def before_confirm(self) -> None:
        self.before_evidence()
        self.say_evidence()
        self.after_evidence()

    def establish(self) -> None:
        self.before_confirm()
        self.write(self.sending.seal(efl.CONFIRM, self.confirmation()))
        self.begin()

    def begin(self) -> None:
        """The confirm is sent. Where the C++ end asks, its first question is heard."""
        if self.dials:
            self.hear_confirm()
        self.next_question()

    # ---- session

    def next_question(self) -> None:
        self.question = efl.generate_message(b"Where does the road go?") if self.dials \
            else self.receive() or b""

    def padded(self, whole: bytes) -> bytes:
        return whole + bytes(-len(whole) % self.padding)

    def receive(self) -> bytes | None:
        """The next message without its padding, which must be as it was agreed."""
        whole = super().receive()
        if whole is None:
            return None
        used = 64 + struct.unpack_from("<Q", whole, 48)[0]
        efl.require(whole == self.padded(whole[:used]), "padding of the C++ end")
        return whole[:used]

    def exchange(self) -> bytes:
        """A question and its answer; then the C++ end listens again. The record as it was sent."""
        record = self.sending.seal(efl.MESSAGE, self.padded(self.question))
        self.write(record)
        if self.dials:
            efl.require(self.receive() == self.question, "the echo differs")
        self.next_question()
        return record

    def converse(self, say=None) -> None:
        """A whole session after the handshake, in which `say(message)` is how to send one."""
        say = say or (lambda whole: self.send(self.padded(whole)))
        if self.dials:
            long = os.urandom(50_000).hex().encode()
            for text in (b"?", b"What is beyond the hill? " * 120, long):
                message = efl.generate_message(text)
                say(message)
                efl.require(self.receive() == message, "the echo differs")
            self.close()
            efl.require(self.receive() is None, "something follows after the end")
        else:
            message = self.question
            while message is not None:
                say(message)
                message = self.receive()
            self.close()

    def genuine(self) -> dict[str, bytes]:
        """A link as it should be, from beginning to end: what somebody on the way could keep."""
        self.establish()
        hello, evidence, confirm = self.said
        first = self.exchange()
        self.converse()
        return {"hello": hello, "evidence": evidence, "confirm": confirm, "message": first,
                "own evidence": self.shown[40:], "peer evidence": self.peer_evidence}

    def beyond_heartbeats(self, rest: bytes) -> list[int]:
        """The types of the records in `rest` that an end may not send once it has refused."""
        found = []
        while rest:
            length, kind, _, _ = efl.decode_header(rest[:efl.PREFIX])
            self.receiving.open(rest[:efl.PREFIX], rest[efl.PREFIX:efl.PREFIX + length])
            rest = rest[efl.PREFIX + length:]
            found += [kind] if kind not in (efl.HEARTBEAT, efl.REKEY) else []
        return found


def message(kind: int = 1, dtype: int = 1, rank: int = 1, flags: int = 0, slot: int = 0,
            position: int = 0, stage: int = 0, request: int = 1, busy: int = 0,
            shape: tuple[int, ...] = (), size: int | None = None, value: int = 0,
            payload: bytes = b"") -> bytes:
    """A message of section 8 with any header; shape and size are those of bytes unless given."""
    dims = (list(shape) or ([len(payload)] if rank else [])) + [0, 0, 0, 0]
    return struct.pack("<BBBBIIIQQ4IQQ", kind, dtype, rank, flags, slot, position, stage, request,
                       busy, *dims[:4], len(payload) if size is None else size, value) + payload
