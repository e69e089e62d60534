# SPDX-License-Identifier: Apache-2.0
"""What the malicious peer says, case by case, and the error in which the C++ end must end each.

A case begins at one of the points of the protocol at which it is the peer's turn to speak: until
there everything is genuine, then the case's script goes on alone. The point at which the C++ end
refuses also says how much it may have sent when the link is over. The points: `form` and `hello`
(before a hello that is no hello, or one that is judged), `evidence`, `confirm` and `session`.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import efl1_peer as efl
from scripted_peer import OURS, THEIRS, ScriptedPeer, flipped, message

BOTH = (efl.UPSTREAM, efl.DOWNSTREAM)  # the end that the malicious peer plays
DIALS, ANSWERS = (efl.UPSTREAM,), (efl.DOWNSTREAM,)
Script = Callable[[ScriptedPeer], None]


@dataclass(frozen=True)
class Case:
    name: str
    error: str | None  # None: nothing is wrong with it, however odd
    at: str  # the point at which the C++ end refuses
    script: Script
    ends: tuple[int, ...] = BOTH
    setup: str = "attested"  # which C++ end it meets, see malicious_peer.py
    begins: str | None = None  # the point at which the script begins, where it is another one

    @property
    def attacks(self) -> bool:
        return self.error is not None


CASES: list[Case] = []


def refused(name: str, error: str, at: str, script: Script, **other) -> None:
    CASES.append(Case(name, error, at, script, **other))


def accepted(name: str, at: str, script: Script, **other) -> None:
    CASES.append(Case(name, None, at, script, **other))


def says(data: bytes) -> Script:
    return lambda p: p.write(data)


def then_ends(script: Script) -> Script:
    """What `script` says was all of it: the stream ends there."""
    def both(p: ScriptedPeer) -> None:
        script(p)
        p.say_no_more()
    return both


# ---- other protocols -----------------------------------------------------------------------------

def random_bytes(seed: int, count: int = 300) -> bytes:
    return random.Random(seed).randbytes(count)


for name, data in {
    "http_get": b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    "http_2_preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "tls_client_hello": bytes.fromhex("16030100f8010000f40303") + random_bytes(1, 243),
    "ssh_banner": b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
    "smtp_hello": b"EHLO mail.example.org\r\nMAIL FROM:<a@example.org>\r\n",
    "redis_ping": b"*1\r\n$4\r\nPING\r\n" * 3,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + random_bytes(2),
    "zeros": bytes(200),
    "ones": b"\xff" * 200,
    "letters": b"A" * 200,
    "a_megabyte": b"\xa5" * (1 << 20),
    "magic_without_header": efl.MAGIC + bytes(120),
}.items():
    refused(f"garbage.{name}", "frame.malformed", "form", says(data))
for name, data in {  # their fifth byte is by chance the number of a record type
    "tls_alert": bytes.fromhex("15030300020228") * 5,
    "postgres_ssl_request": struct.pack(">II", 8, 80877103) + bytes(24),
    "socks_5": b"\x05\x01\x00" * 12,
    "dns_over_tcp": struct.pack(">7H", 29, 0x1234, 0x100, 1, 0, 0, 0) + b"\x07example\x03org\0" * 2,
}.items():
    refused(f"garbage.{name}", "frame.bad_version", "form", says(data))
for seed in range(4):
    noise = bytearray(random_bytes(100 + seed))
    noise[4] |= 8  # a type that nobody knows
    refused(f"garbage.random_{seed}", "frame.malformed", "form", says(bytes(noise)))
    noise[4] = 1 + seed
    refused(f"garbage.random_with_type_{1 + seed}", "frame.bad_version", "form", says(bytes(noise)))
refused("garbage.short_request", "transport.unreachable", "form",
        then_ends(says(b"GET / HTTP/1.0\r\n\r\n")))
refused("garbage.one_byte", "transport.unreachable", "form", then_ends(says(b"\x80")))
refused("garbage.nothing", "transport.unreachable", "form", lambda p: p.say_no_more())
refused("garbage.nothing_then_reset", "transport.unreachable", "form", lambda p: p.reset())


# ---- the header, field by field ------------------------------------------------------------------

def header_of_hello(**changes) -> Script:
    return lambda p: p.write(p.hello_record(**changes))


def record_in_the_clear(kind: int, length: int) -> Script:
    return lambda p: p.write(p.header(kind, length) + bytes(16) + bytes(length))


for kind in (0, 8, 9, 0x80, 0xff):
    refused(f"header.type_{kind}", "frame.malformed", "form", header_of_hello(kind=kind))
for flags in (1, 2, 0x80, 0xff):
    refused(f"header.flags_{flags}", "frame.malformed", "form", header_of_hello(flags=flags))
for version in (0, 2, 0x100, 0xffff):
    refused(f"header.version_{version}", "frame.bad_version", "form",
            header_of_hello(version=version))
for length, error in ((0, "frame.malformed"), (127, "frame.malformed"), (129, "frame.too_large"),
                      (0x8000, "frame.too_large"), (1 << 31, "frame.too_large"),
                      ((1 << 32) - 1, "frame.too_large")):
    refused(f"header.length_{length}", error, "form", header_of_hello(length=length))
for sequence in (1, 1 << 32, 1 << 63, (1 << 64) - 1):
    refused(f"header.sequence_{sequence}", "frame.out_of_order", "form",
            header_of_hello(sequence=sequence))
for name, tag in (("first", b"\1" + bytes(15)), ("last", bytes(15) + b"\1"), ("all", b"\xff" * 16)):
    refused(f"header.tag_not_zero_{name}", "frame.malformed", "form", header_of_hello(tag=tag))
refused("header.lengths_in_network_order", "frame.too_large", "form",
        lambda p: p.write(struct.pack(">I", 128) + p.hello_record()[4:]))
for kind, length in ((efl.EVIDENCE, 40), (efl.CONFIRM, 32), (efl.MESSAGE, 64), (efl.REKEY, 0),
                     (efl.HEARTBEAT, 0), (efl.CLOSE, 0)):
    refused(f"order.type_{kind}_instead_of_hello", "frame.unexpected", "form",
            record_in_the_clear(kind, length))
refused("cut.inside_the_first_prefix", "transport.unreachable", "form",
        then_ends(lambda p: p.write(p.hello_record()[:31])))
refused("cut.after_the_first_prefix", "transport.closed", "form",
        then_ends(lambda p: p.write(p.hello_record()[:32])))
refused("cut.inside_hello", "transport.closed", "form",
        then_ends(lambda p: p.write(p.hello_record()[:-1])))


# ---- hello, field by field -----------------------------------------------------------------------

def hello_with(**changes) -> Script:
    return lambda p: p.say_hello(**changes)


for name, magic, error in (("first_byte", b"Efl/1\0\0\0", "frame.malformed"),
                           ("zeros", bytes(8), "frame.malformed"),
                           ("http", b"HTTP/1.1", "frame.malformed"),
                           ("next_version", b"efl/2\0\0\0", "frame.bad_version"),
                           ("version_10", b"efl/10\0\0", "frame.bad_version"),
                           ("end", b"efl/1\0\0\1", "frame.bad_version")):
    refused(f"hello.magic_{name}", error, "form", hello_with(magic=magic))
for end in (0, 3, 0x81, 0xff):
    refused(f"hello.end_{end}", "frame.malformed", "form", hello_with(end=end))
for flags in (4, 7, 0x80, 0xff):
    refused(f"hello.flags_{flags}", "frame.malformed", "form", hello_with(flags=flags))
for name, reserved in (("first", b"\1" + bytes(15)), ("last", bytes(15) + b"\1"),
                       ("all", b"\xff" * 16)):
    refused(f"hello.reserved_{name}", "frame.malformed", "form", hello_with(reserved=reserved))

refused("hello.of_my_own_end", "plan.role_mismatch", "hello",
        lambda p: p.say_hello(end=p.other))
refused("hello.reflected", "plan.role_mismatch", "hello", lambda p: p.write(p.raw["hello"]),
        ends=ANSWERS)
for suite in (0, 3, 0x0100, 0x7fff, 0xffff):
    refused(f"hello.suite_{suite}", "plan.suite_mismatch", "hello", hello_with(suite=suite))
refused("hello.suite_of_the_other_cipher", "plan.suite_mismatch", "hello",
        lambda p: p.say_hello(suite=3 - p.setup.suite))
for link in (0, 2, 4, 1 << 24, (1 << 32) - 1):
    refused(f"hello.link_{link}", "plan.link_mismatch", "hello", hello_with(link=link))
for name, plan in (("first_bit", flipped(bytes.fromhex("5a" * 32), 0)),
                   ("last_bit", flipped(bytes.fromhex("5a" * 32), 31, 0x80)), ("zeros", bytes(32)),
                   ("ones", b"\xff" * 32)):
    refused(f"hello.plan_{name}", "plan.mismatch", "hello", hello_with(plan=plan))
refused("hello.the_first_no_is_the_error", "plan.suite_mismatch", "hello",
        hello_with(suite=9, link=9, plan=bytes(32), flags=0, public_key=bytes(32)))
for flags in (0, 2):
    refused(f"hello.promises_no_evidence_{flags}", "attest.missing", "hello",
            hello_with(flags=flags))
refused("hello.demands_what_is_not_there", "attest.missing", "hello", hello_with(flags=2),
        setup="plain")

# Every encoding of a point of small order, canonical or not; RFC 7748 section 6.1 has the reason.
LOW_ORDER = {
    "zero": "00" * 32,
    "one": "01" + "00" * 31,
    "order_8": "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "order_8_other": "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "p_minus_1": "ec" + "ff" * 30 + "7f",
    "p": "ed" + "ff" * 30 + "7f",
    "p_plus_1": "ee" + "ff" * 30 + "7f",
}
for name, point in LOW_ORDER.items():
    low = bytes.fromhex(point)
    refused(f"hello.low_order_{name}", "crypto.low_order_point", "hello",
            hello_with(public_key=low))
    refused(f"hello.low_order_{name}_high_bit", "crypto.low_order_point", "hello",
            hello_with(public_key=flipped(low, 31, 0x80)))


def of_base_point(encoded: bytes) -> Script:
    """The key that would belong to the secret 1, which no honest end can have."""
    def script(p: ScriptedPeer) -> None:
        p.say_hello(public_key=encoded)
        p.after_hello(shared=lambda theirs: theirs)
        goes_on_after_evidence(lambda q: q.evidence_body())(p)
    return script


def goes_on(p: ScriptedPeer) -> None:
    """Everything after hello, as it should be."""
    p.after_hello()
    goes_on_after_evidence(lambda q: q.evidence_body())(p)


def goes_on_after(**changes) -> Script:
    def script(p: ScriptedPeer) -> None:
        p.say_hello(**changes)
        goes_on(p)
    return script


def high_bit_of_own_key(p: ScriptedPeer) -> None:
    p.hello()
    p.say_hello(public_key=flipped(p.mine[32:64], 31, 0x80))  # X25519 ignores it, the hash does not
    goes_on(p)


# With a key of 9 the shared secret is the other end's public key: whoever sends that has chosen to
# be overheard, and can do so with any key. Odd encodings are keys too (RFC 7748, section 5).
accepted("hello.public_key_9", "hello", of_base_point(b"\x09" + bytes(31)))
accepted("hello.public_key_9_not_canonical", "hello",
         of_base_point(((1 << 255) - 19 + 9).to_bytes(32, "little")))
accepted("hello.public_key_with_high_bit", "hello", high_bit_of_own_key)
accepted("hello.nonce_zeros", "hello", goes_on_after(nonce=bytes(32)))


def replayed(p: ScriptedPeer) -> None:
    """All that an honest peer said in an earlier link, by somebody who has none of its keys."""
    for record in ("hello", "evidence", "confirm", "message"):
        p.write(p.recorded[record])


refused("replay.whole_link", "crypto.auth_failed", "evidence", replayed, begins="hello")
refused("replay.evidence_record", "crypto.auth_failed", "evidence",
        lambda p: p.write(p.recorded["evidence"]))


def hello_was_altered(p: ScriptedPeer) -> None:
    """The man in the middle changes one bit of the nonce: the two transcripts differ."""
    told = p.hello()
    p.write(p.hello_record(flipped(told, 64)))
    if p.dials:
        p.hear_hello()
    p.derive(told)
    p.say_evidence()


refused("hello.nonce_altered_on_the_way", "crypto.auth_failed", "evidence",
        hello_was_altered, begins="hello")
refused("hello.twice", "frame.unexpected", "evidence", lambda p: p.write(p.hello_record(p.mine)))


# ---- evidence: the record ------------------------------------------------------------------------

for kind, length in ((efl.HELLO, 128), (efl.CONFIRM, 32), (efl.MESSAGE, 64), (efl.REKEY, 0),
                     (efl.HEARTBEAT, 0), (efl.CLOSE, 0)):
    refused(f"order.type_{kind}_instead_of_evidence", "frame.unexpected", "evidence",
            lambda p, kind=kind, length=length: p.write(p.sending.seal(kind, bytes(length))))
for length, error in ((0, "frame.malformed"), (39, "frame.malformed"), (65537, "frame.too_large"),
                      (1 << 31, "frame.too_large"), ((1 << 32) - 1, "frame.too_large")):
    refused(f"evidence.length_{length}", error, "evidence",
            lambda p, length=length: p.write(p.header(efl.EVIDENCE, length) + bytes(200)))
for size in (65495, 65496):  # of what may follow the 40 bytes: it is read, and then judged
    refused(f"evidence.size_{size}", "attest.malformed", "evidence",
            lambda p, size=size: p.say_evidence(p.evidence_body(bytes(size))))


def sealed_evidence_with(change: Callable[[bytes], bytes]) -> Script:
    return lambda p: p.write(change(p.sending.seal(efl.EVIDENCE, p.evidence_body())))


def at_sequence(sequence: int) -> Script:
    def script(p: ScriptedPeer) -> None:
        p.sending.sequence = sequence
        p.say_evidence()
    return script


refused("evidence.sequence_1", "frame.out_of_order", "evidence", at_sequence(1))
refused("evidence.sequence_1_called_0", "crypto.auth_failed", "evidence",
        lambda p: p.write(sealed_later(p)))


def sealed_later(p: ScriptedPeer) -> bytes:
    p.sending.sequence = 1
    record = p.sending.seal(efl.EVIDENCE, p.evidence_body())
    return record[:8] + bytes(8) + record[16:]


refused("evidence.flags", "frame.malformed", "evidence",
        sealed_evidence_with(lambda r: flipped(r, 5)))
refused("evidence.version", "frame.bad_version", "evidence",
        sealed_evidence_with(lambda r: flipped(r, 6, 3)))
for name, byte, mask in (("tag_first", 16, 1), ("tag_last", 31, 0x80), ("body_first", 32, 1),
                         ("body_last", -1, 0x80)):
    refused(f"evidence.flipped_{name}", "crypto.auth_failed", "evidence",
            sealed_evidence_with(lambda r, byte=byte, mask=mask: flipped(r, byte, mask)))
refused("evidence.in_the_clear", "crypto.auth_failed", "evidence",
        lambda p: p.write(p.header(efl.EVIDENCE, len(p.evidence_body())) + bytes(16)
                          + p.evidence_body()))
refused("evidence.one_byte_less_than_said", "transport.closed", "evidence",
        then_ends(sealed_evidence_with(lambda r: r[:-1])))
refused("evidence.shorter_header_than_sealed", "crypto.auth_failed", "evidence",
        sealed_evidence_with(lambda r: struct.pack("<I", len(r) - 33) + r[4:]))
refused("evidence.longer_header_than_sealed", "crypto.auth_failed", "evidence",
        sealed_evidence_with(lambda r: struct.pack("<I", len(r) - 31) + r[4:] + b"\0"))
refused("evidence.reflected", "crypto.auth_failed", "evidence",
        lambda p: p.write(p.raw["evidence"]), ends=DIALS)


def under_the_keys_of_the_other_end(p: ScriptedPeer) -> None:
    p.write(efl.Direction(p.setup.suite, efl.direction_secret(p.secret_0, p.other))
            .seal(efl.EVIDENCE, p.evidence_body()))


def under_keys(secret: Callable[[ScriptedPeer], bytes], kind: int,
               body: Callable[[ScriptedPeer], bytes]) -> Script:
    """A record of `kind` under the keys that follow from a secret that is not the one in use."""
    def script(p: ScriptedPeer) -> None:
        sequence = p.sending.sequence
        way = efl.Direction(p.setup.suite, efl.direction_secret(secret(p), p.setup.end))
        way.sequence = sequence
        p.write(way.seal(kind, body(p)))
    return script


refused("evidence.under_the_keys_of_the_other_end", "crypto.auth_failed", "evidence",
        under_the_keys_of_the_other_end)
refused("evidence.under_zero_keys", "crypto.auth_failed", "evidence",
        under_keys(lambda p: bytes(32), efl.EVIDENCE, lambda p: p.evidence_body()))
refused("evidence.under_later_keys", "crypto.auth_failed", "evidence",
        under_keys(lambda p: efl.extract(bytes(64), p.secret_0), efl.EVIDENCE,
                   lambda p: p.evidence_body()))
refused("cut.before_evidence", "transport.closed", "evidence", lambda p: p.say_no_more())
refused("cut.after_the_prefix_of_evidence", "transport.closed", "evidence",
        then_ends(lambda p: p.write(p.sending.seal(efl.EVIDENCE, p.evidence_body())[:32])))
refused("cut.reset_before_evidence", "transport.closed", "evidence", lambda p: p.reset())


# ---- evidence: its body --------------------------------------------------------------------------

def body_with(**changes) -> Script:
    return lambda p: p.say_evidence(p.evidence_body(**changes))


for kind in (0, 1, 0xfffe, 0xff):
    refused(f"evidence.format_{kind}", "attest.unsupported_format", "evidence",
            body_with(kind=kind))
for reserved in (1, 0xffff):
    refused(f"evidence.reserved_{reserved}", "frame.malformed", "evidence",
            body_with(reserved=reserved))
for name, change in (("less", -1), ("more", 1)):
    refused(f"evidence.evidence_length_{name}", "frame.malformed", "evidence",
            lambda p, change=change: p.say_evidence(
                p.evidence_body(length=len(p.mock()) + change)))
for length in (0, (1 << 32) - 1):
    refused(f"evidence.evidence_length_{length}", "frame.malformed", "evidence",
            body_with(length=length))
refused("evidence.promised_and_empty", "attest.missing", "evidence",
        lambda p: p.say_evidence(bytes(40)))
refused("evidence.promised_and_a_receipt_key_only", "frame.malformed", "evidence",
        lambda p: p.say_evidence(bytes(8) + b"\7" * 32))
refused("evidence.not_promised", "frame.malformed", "evidence",
        lambda p: p.say_evidence(p.evidence_body(p.mock())), setup="plain")
refused("evidence.receipt_key_without_evidence", "frame.malformed", "evidence",
        lambda p: p.say_evidence(bytes(8) + b"\7" * 32), setup="plain")
refused("evidence.format_without_evidence", "frame.malformed", "evidence",
        lambda p: p.say_evidence(b"\xff\xff" + bytes(38)), setup="plain")
refused("evidence.reserved_without_evidence", "frame.malformed", "evidence",
        lambda p: p.say_evidence(b"\0\0\1\0" + bytes(36)), setup="plain")
refused("evidence.receipt_key_exchanged", "attest.binding_mismatch", "evidence",
        lambda p: p.say_evidence(p.evidence_body(p.mock(), receipt_key=b"\7" * 32)))


def shown(evidence: Callable[[ScriptedPeer], bytes]) -> Script:
    return lambda p: p.say_evidence(p.evidence_body(evidence(p)))


def goes_on_after_evidence(body: Callable[[ScriptedPeer], bytes]) -> Script:
    def script(p: ScriptedPeer) -> None:
        p.say_evidence(body(p))
        p.after_evidence()
        p.write(p.sending.seal(efl.CONFIRM, p.confirmation()))
        p.begin()
        p.converse()
    return script


accepted("evidence.receipt_key_bound", "evidence",
         goes_on_after_evidence(lambda p: p.evidence_body(receipt_key=b"\7" * 32)))
accepted("evidence.more_registers_than_pinned", "evidence", goes_on_after_evidence(
    lambda p: p.evidence_body(p.mock(THEIRS | {"firmware": "00"}))))

# Genuine evidence of the expected program, made for something else.
for name, other in {
    "another_session": lambda p: p.recorded["own evidence"],
    "the_peer_itself": lambda p: p.peer_evidence if p.dials else p.recorded["peer evidence"],
    "the_other_end": lambda p: p.mock(data=p.report(end=p.other)),
    "another_secret": lambda p: p.mock(data=p.report(exporter=b"\7" * 32)),
    "the_secret_itself": lambda p: p.mock(data=p.report(exporter=p.secret_0)),
    "another_transcript": lambda p: p.mock(data=p.report(transcript=bytes(32))),
    "another_plan": lambda p: p.mock(data=p.report(transcript=transcript_with(p, plan=bytes(32)))),
    "another_link": lambda p: p.mock(data=p.report(transcript=transcript_with(p, link=2))),
    "another_nonce": lambda p: p.mock(
        data=p.report(transcript=transcript_with(p, nonce=bytes(32)))),
    "nobody": lambda p: p.mock(data=bytes(64)),
    "all": lambda p: p.mock(data=b"\xff" * 64),
    "one_bit": lambda p: p.mock(data=flipped(p.report(), 63, 0x80)),
}.items():
    refused(f"binding.made_for_{name}", "attest.binding_mismatch", "evidence", shown(other))


def transcript_with(p: ScriptedPeer, **other: object) -> bytes:
    """The transcript as it were if this end had said another hello."""
    said = p.mine
    would_be = p.hello(**other)
    p.mine = said
    both = (would_be, p.theirs) if p.dials else (p.theirs, would_be)
    return efl.sha256(b"efl/1 transcript", *both)


for name, registers in {
    "other_binary": THEIRS | {"binary": "00" * 32},
    "other_weights": THEIRS | {"weights": "9b" * 31 + "9c"},
    "longer_weights": THEIRS | {"weights": "9b" * 33},
    "shorter_weights": THEIRS | {"weights": "9b" * 31},
    "no_weights": {"binary": THEIRS["binary"]},
    "of_the_peer": OURS,
    "exchanged": {"binary": THEIRS["weights"], "weights": THEIRS["binary"]},
}.items():
    refused(f"measurement.{name}", "attest.measurement_mismatch", "evidence",
            shown(lambda p, registers=registers: p.mock(registers)))


def signed(fields: Callable[[ScriptedPeer], bytes], signature: bytes | None = None) -> Script:
    """Evidence of any form, properly signed unless a signature is given."""
    def script(p: ScriptedPeer) -> None:
        said = fields(p) + p.report()
        p.say_evidence(p.evidence_body(
            said + (efl.MOCK_KEY.sign(said) if signature is None else signature)))
    return script


def register(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([len(value)]) + value


GOOD = register(b"binary", b"\x9a" * 32) + register(b"weights", b"\x9b" * 32)
MOCK = b"mock/1\0\0"
for name, fields in {
    "other_magic": b"Mock/1\0\0\2" + GOOD,
    "next_version": b"mock/2\0\0\2" + GOOD,
    "no_register": MOCK + b"\0",
    "one_register_missing": MOCK + b"\3" + GOOD,
    "one_register_too_many": MOCK + b"\1" + GOOD,
    "nine_registers": MOCK + b"\x09" + b"".join(register(b"r%d" % i, b"\1") for i in range(9)),
    "255_registers": MOCK + b"\xff" + GOOD,
    "register_twice": MOCK + b"\2" + register(b"binary", b"\x9a" * 32) * 2,
    "registers_out_of_order": MOCK + b"\2" + register(b"weights", b"\x9b" * 32)
    + register(b"binary", b"\x9a" * 32),
    "register_without_name": MOCK + b"\3" + GOOD + register(b"", b"\1"),
    "register_with_odd_name": MOCK + b"\3" + GOOD + register(b"a\nb", b"\1"),
    "register_without_value": MOCK + b"\3" + GOOD + register(b"x", b""),
    "value_of_65_bytes": MOCK + b"\3" + GOOD + register(b"x", b"\1" * 65),
    "length_beyond_the_end": MOCK + b"\3" + GOOD + b"\1x\xff",
    "trailing_byte": MOCK + b"\2" + GOOD + b"\0",
    "nothing_but_magic": MOCK,
}.items():
    refused(f"mock.{name}", "attest.malformed", "evidence",
            signed(lambda p, fields=fields: fields))
refused("mock.one_byte", "attest.malformed", "evidence", shown(lambda p: b"m"))
refused("mock.127_bytes", "attest.malformed", "evidence", shown(lambda p: p.mock()[:127]))
refused("mock.last_byte_missing", "attest.malformed", "evidence", shown(lambda p: p.mock()[:-1]))
refused("mock.first_byte_missing", "attest.malformed", "evidence", shown(lambda p: p.mock()[1:]))
refused("mock.byte_after_the_signature", "attest.malformed", "evidence",
        shown(lambda p: p.mock() + b"\0"))

GROUP_ORDER = (1 << 252) + 27742317777372353535851937790883648493


def with_larger_s(evidence: bytes) -> bytes:
    """The same signature once more, its second half plus the group's order (RFC 8032, 5.1.7)."""
    s = int.from_bytes(evidence[-32:], "little") + GROUP_ORDER
    return evidence[:-32] + s.to_bytes(32, "little")


for name, evidence in {
    "first_bit": lambda p: flipped(p.mock(), -64),
    "last_bit": lambda p: flipped(p.mock(), -1, 0x80),
    "zeros": lambda p: p.mock()[:-64] + bytes(64),
    "of_identity": lambda p: p.mock()[:-64] + b"\1" + bytes(63),
    "malleable": lambda p: with_larger_s(p.mock()),
    "of_another_key": lambda p: p.mock()[:-64]
    + efl.Ed25519PrivateKey.generate().sign(p.mock()[:-64]),
    "of_another_register": lambda p: flipped(p.mock(), 20),
    "of_another_session": lambda p: p.mock()[:-64] + p.recorded["own evidence"][-64:],
    "of_other_report_data": lambda p: flipped(p.mock(), -65),
}.items():
    refused(f"signature.{name}", "attest.bad_signature", "evidence", shown(evidence))


# ---- confirm -------------------------------------------------------------------------------------

def confirms(body: Callable[[ScriptedPeer], bytes]) -> Script:
    return lambda p: p.write(p.sending.seal(efl.CONFIRM, body(p)))


for name, body in {
    "first_bit": lambda p: flipped(p.confirmation(), 0),
    "last_bit": lambda p: flipped(p.confirmation(), 31, 0x80),
    "zeros": lambda p: bytes(32),
    "of_the_other_end": lambda p: p.confirmation(end=p.other),
    "of_another_transcript": lambda p: p.confirmation(transcript=bytes(32)),
    "of_exchanged_digests": lambda p: p.confirmation(up=p.digests[efl.DOWNSTREAM],
                                                     down=p.digests[efl.UPSTREAM]),
    "without_evidence": lambda p: p.confirmation(up=bytes(32), down=bytes(32)),
    "the_transcript_itself": lambda p: p.transcript,
}.items():
    refused(f"confirm.{name}", "crypto.auth_failed", "confirm", confirms(body))
refused("confirm.31_bytes", "frame.malformed", "confirm",
        lambda p: p.write(p.header(efl.CONFIRM, 31) + bytes(47)))
refused("confirm.33_bytes", "frame.too_large", "confirm",
        lambda p: p.write(p.header(efl.CONFIRM, 33) + bytes(49)))
refused("confirm.empty", "frame.malformed", "confirm",
        lambda p: p.write(p.header(efl.CONFIRM, 0) + bytes(16)))


def sealed_confirm_with(change: Callable[[bytes], bytes]) -> Script:
    return lambda p: p.write(change(p.sending.seal(efl.CONFIRM, p.confirmation())))


refused("confirm.flags", "frame.malformed", "confirm",
        sealed_confirm_with(lambda r: flipped(r, 5)))
refused("confirm.version", "frame.bad_version", "confirm",
        sealed_confirm_with(lambda r: flipped(r, 7)))
refused("confirm.flipped_tag", "crypto.auth_failed", "confirm",
        sealed_confirm_with(lambda r: flipped(r, 16)))
refused("confirm.flipped_body", "crypto.auth_failed", "confirm",
        sealed_confirm_with(lambda r: flipped(r, -1)))
refused("confirm.in_the_clear", "crypto.auth_failed", "confirm",
        lambda p: p.write(p.header(efl.CONFIRM, 32) + bytes(16) + p.confirmation()))
refused("confirm.sequence_1", "frame.out_of_order", "confirm",
        lambda p: (setattr(p.sending, "sequence", 1),
                   p.write(p.sending.seal(efl.CONFIRM, p.confirmation())))[0])
refused("confirm.reflected", "crypto.auth_failed", "confirm",
        lambda p: p.write(p.raw["confirm"]), ends=ANSWERS)
refused("confirm.under_keys_0", "crypto.auth_failed", "confirm",
        under_keys(lambda p: p.secret_0, efl.CONFIRM, lambda p: p.confirmation()))
refused("confirm.under_keys_without_evidence", "crypto.auth_failed", "confirm",
        under_keys(lambda p: efl.extract(bytes(64), p.secret_0), efl.CONFIRM,
                   lambda p: p.confirmation()))
refused("confirm.of_another_session", "crypto.auth_failed", "confirm",
        lambda p: p.write(p.recorded["confirm"]))
for kind, length in ((efl.HELLO, 128), (efl.EVIDENCE, 40), (efl.MESSAGE, 64), (efl.REKEY, 0),
                     (efl.HEARTBEAT, 0), (efl.CLOSE, 0)):
    refused(f"order.type_{kind}_instead_of_confirm", "frame.unexpected", "confirm",
            lambda p, kind=kind, length=length: p.write(p.sending.seal(kind, bytes(length))))
refused("order.message_before_confirm", "frame.unexpected", "confirm",
        lambda p: p.send(efl.generate_message(b"too early")))
refused("cut.before_confirm", "transport.closed", "confirm", lambda p: p.say_no_more())
refused("cut.inside_confirm", "transport.closed", "confirm",
        then_ends(sealed_confirm_with(lambda r: r[:-1])))


# ---- records of an established link --------------------------------------------------------------

def record_with(change: Callable[[bytes], bytes]) -> Script:
    return lambda p: p.write(change(p.sending.seal(efl.MESSAGE, p.question)))


def in_session(name: str, error: str, script: Script, **other) -> None:
    """Ends the same way whichever cipher the records are sealed with."""
    refused(name, error, "session", script, **other)
    refused(f"{name}.chacha", error, "session", script, setup="chacha", **other)


for name, byte, mask in (("tag_first", 16, 1), ("tag_last", 31, 0x80), ("body_first", 32, 1),
                         ("body_65th", 96, 0x10), ("body_last", -1, 0x80)):
    in_session(f"record.flipped_{name}", "crypto.auth_failed",
               record_with(lambda r, byte=byte, mask=mask: flipped(r, byte, mask)))
in_session("record.without_tag", "crypto.auth_failed",
           record_with(lambda r: r[:16] + bytes(16) + r[32:]))
in_session("record.length_less", "crypto.auth_failed",
           record_with(lambda r: struct.pack("<I", len(r) - 33) + r[4:]))
in_session("record.length_more", "crypto.auth_failed",
           record_with(lambda r: struct.pack("<I", len(r) - 31) + r[4:] + b"\0"))
in_session("record.version", "frame.bad_version", record_with(lambda r: flipped(r, 6)))
for kind in (0, 8, 0xff):
    in_session(f"record.type_{kind}", "frame.malformed",
               record_with(lambda r, kind=kind: r[:4] + bytes([kind]) + r[5:]))
for kind, length in ((efl.HELLO, 128), (efl.EVIDENCE, 40), (efl.CONFIRM, 32)):
    in_session(f"order.type_{kind}_in_session", "frame.unexpected",
               lambda p, kind=kind, length=length: p.write(p.sending.seal(kind, bytes(length))))
for kind, name in ((efl.HEARTBEAT, "heartbeat"), (efl.REKEY, "rekey"), (efl.CLOSE, "close")):
    for length in (1, 64, 1 << 20):
        in_session(f"record.{name}_of_{length}_bytes", "frame.too_large",
                   lambda p, kind=kind, length=length: p.write(
                       p.header(kind, length, sequence=1) + bytes(16 + min(length, 64))))
    for flags in (1, 2):
        in_session(f"record.{name}_with_flags_{flags}", "frame.malformed",
                   lambda p, kind=kind, flags=flags: p.write(
                       p.sending.seal(kind, b"", flags)))
    in_session(f"record.{name}_forged", "crypto.auth_failed",
               lambda p, kind=kind: p.write(p.header(kind, 0, sequence=1) + bytes(16)))
for kind, other in ((efl.CLOSE, efl.HEARTBEAT), (efl.HEARTBEAT, efl.CLOSE),
                    (efl.REKEY, efl.HEARTBEAT), (efl.HEARTBEAT, efl.REKEY)):
    in_session(f"record.type_{kind}_called_{other}", "crypto.auth_failed",
               lambda p, kind=kind, other=other: p.write(
                   flipped(p.sending.seal(kind), 4, kind ^ other)))
for flags in (2, 4, 0x80, 0xfe):
    in_session(f"record.flags_{flags}", "frame.malformed",
               record_with(lambda r, flags=flags: flipped(r, 5, flags)))
in_session("record.more_added_on_the_way", "crypto.auth_failed",
           lambda p: p.write(flipped(p.sending.seal(efl.MESSAGE, message(rank=0, dtype=0, kind=7)),
                                     5)))
in_session("record.more_removed_on_the_way", "crypto.auth_failed",
           lambda p: p.write(flipped(p.sending.seal(efl.MESSAGE, bytes(64), efl.MORE), 5)))
for length in (0, 1, 63):
    in_session(f"record.message_of_{length}_bytes", "frame.malformed",
               lambda p, length=length: p.write(p.sending.seal(efl.MESSAGE, bytes(length))))
for length in ((1 << 20) + 1, (1 << 20) + 64, 1 << 24, (1 << 32) - 1):
    in_session(f"record.message_of_{length}_bytes", "frame.too_large",
               lambda p, length=length: p.write(
                   p.header(efl.MESSAGE, length, sequence=1) + bytes(100)))
for length in (1, 63, 65, 100):
    in_session(f"record.chunk_of_{length}_bytes", "frame.malformed",
               lambda p, length=length: p.write(
                   p.header(efl.MESSAGE, length, flags=efl.MORE, sequence=1) + bytes(16 + length)))


# ---- the order of records ------------------------------------------------------------------------

def replays(p: ScriptedPeer) -> None:
    p.write(p.exchange())


def replays_as_the_next(p: ScriptedPeer) -> None:
    record = p.exchange()
    p.write(record[:8] + struct.pack("<Q", p.sending.sequence) + record[16:])


def leaves_one_out(p: ScriptedPeer) -> None:
    p.sending.seal(efl.MESSAGE, p.question)
    p.write(p.sending.seal(efl.MESSAGE, p.question))


def leaves_one_out_and_hides_it(p: ScriptedPeer) -> None:
    p.sending.seal(efl.MESSAGE, p.question)
    record = p.sending.seal(efl.MESSAGE, p.question)
    p.write(record[:8] + struct.pack("<Q", 1) + record[16:])


def exchanges_two(p: ScriptedPeer) -> None:
    first, second = (p.sending.seal(efl.MESSAGE, p.question) for _ in range(2))
    p.write(second + first)


def exchanges_two_chunks(p: ScriptedPeer) -> None:
    whole = efl.generate_message(b"chunk" * 100)
    records = [p.sending.seal(efl.MESSAGE, whole[at:at + 128], efl.MORE) for at in (0, 128, 256)]
    p.write(records[0] + records[2] + records[1])


def exchanges_numbers(p: ScriptedPeer) -> None:
    first, second = (p.sending.seal(efl.MESSAGE, p.question) for _ in range(2))
    p.write(second[:8] + first[8:16] + second[16:])


def splices(p: ScriptedPeer) -> None:
    """The header of one record, the body of another of the same length."""
    first, second = (p.sending.seal(efl.MESSAGE, p.question) for _ in range(2))
    p.write(first[:32] + second[32:])


def splices_tags(p: ScriptedPeer) -> None:
    first, second = (p.sending.seal(efl.MESSAGE, p.question) for _ in range(2))
    p.write(first[:16] + second[16:32] + first[32:])


def reflects(p: ScriptedPeer) -> None:
    """What the C++ end said, back to it."""
    if not p.dials:
        p.write(bytes(p.heard[-(efl.PREFIX + len(p.question)):]))
        return
    p.send(p.question)
    prefix = p.read(efl.PREFIX)
    record = prefix + p.read(efl.decode_header(prefix)[0])
    p.receiving.open(record[:32], record[32:])
    p.write(record[:8] + struct.pack("<Q", p.sending.sequence) + record[16:])


def sequence_of(change: Callable[[int], int]) -> Script:
    return record_with(lambda r: r[:8] + struct.pack(
        "<Q", change(struct.unpack("<Q", r[8:16])[0]) % (1 << 64)) + r[16:])


in_session("sequence.replayed", "frame.replay", replays)
in_session("sequence.replayed_under_the_next_number", "crypto.auth_failed", replays_as_the_next)
in_session("sequence.one_left_out", "frame.out_of_order", leaves_one_out)
in_session("sequence.one_left_out_and_hidden", "crypto.auth_failed", leaves_one_out_and_hides_it)
in_session("sequence.two_exchanged", "frame.out_of_order", exchanges_two)
in_session("sequence.two_chunks_exchanged", "frame.out_of_order", exchanges_two_chunks)
in_session("sequence.two_numbers_exchanged", "crypto.auth_failed", exchanges_numbers)
in_session("sequence.less", "frame.replay", sequence_of(lambda s: s - 1))
in_session("sequence.more", "frame.out_of_order", sequence_of(lambda s: s + 1))
in_session("sequence.largest", "frame.out_of_order", sequence_of(lambda s: (1 << 64) - 1))
in_session("sequence.in_network_order", "frame.out_of_order", sequence_of(lambda s: s << 56))
in_session("splice.header_and_body", "crypto.auth_failed", splices)
in_session("splice.tag", "crypto.auth_failed", splices_tags)
in_session("splice.reflected", "crypto.auth_failed", reflects)
refused("splice.of_another_session", "crypto.auth_failed", "session",
        lambda p: p.write(p.recorded["message"]))


# ---- keys ----------------------------------------------------------------------------------------

def message_under(secret: Callable[[ScriptedPeer], bytes]) -> Script:
    return under_keys(secret, efl.MESSAGE, lambda p: p.question)


def announces_a_rekey_and_stays(p: ScriptedPeer) -> None:
    old = p.sending.secret
    p.rekey()
    p.sending.use(old)
    p.send(p.question)


def rekeys_without_a_word(p: ScriptedPeer) -> None:
    p.sending.rekey()
    p.sending.sequence = 1
    p.send(p.question)


def rekeys_and_counts_on(p: ScriptedPeer) -> None:
    p.rekey()
    p.sending.sequence = 2
    p.send(p.question)


def rekeys_the_wrong_way(p: ScriptedPeer) -> None:
    p.rekey()
    p.sending.use(efl.expand(p.receiving.secret, b"efl/1 rekey", 32))
    p.send(p.question)


def rekeys_twice_for_one(p: ScriptedPeer) -> None:
    p.rekey()
    p.sending.rekey()
    p.send(p.question)


def replays_a_rekey(p: ScriptedPeer) -> None:
    record = p.sending.seal(efl.REKEY)
    p.write(record + record)


def replays_from_before_a_rekey(p: ScriptedPeer) -> None:
    record = p.exchange()
    p.rekey()
    p.write(record[:8] + bytes(8) + record[16:])


in_session("keys.of_before_the_ratchet", "crypto.auth_failed", message_under(lambda p: p.secret_0))
in_session("keys.ratcheted_without_evidence", "crypto.auth_failed",
           message_under(lambda p: efl.extract(bytes(64), p.secret_0)))
in_session("keys.of_zeros", "crypto.auth_failed", message_under(lambda p: bytes(32)))
in_session("keys.rekey_announced_and_not_done", "crypto.auth_failed", announces_a_rekey_and_stays)
in_session("keys.rekey_not_announced", "crypto.auth_failed", rekeys_without_a_word)
in_session("keys.rekey_and_counting_on", "frame.out_of_order", rekeys_and_counts_on)
in_session("keys.rekey_of_the_other_direction", "crypto.auth_failed", rekeys_the_wrong_way)
in_session("keys.rekey_done_twice", "crypto.auth_failed", rekeys_twice_for_one)
in_session("keys.rekey_replayed", "frame.out_of_order", replays_a_rekey)
in_session("keys.record_of_before_a_rekey", "crypto.auth_failed", replays_from_before_a_rekey)


# ---- chunks and ends -----------------------------------------------------------------------------

def chunk(p: ScriptedPeer, size: int = 64) -> None:
    whole = efl.generate_message(b"x" * 1000)
    p.write(p.sending.seal(efl.MESSAGE, whole[:size], efl.MORE))


def inside_a_message(kind: int) -> Script:
    def script(p: ScriptedPeer) -> None:
        chunk(p)
        p.write(p.sending.seal(kind))
    return script


def too_many_chunks(p: ScriptedPeer) -> None:
    for _ in range(16):
        p.write(p.sending.seal(efl.MESSAGE, bytes(1 << 20), efl.MORE))
    p.write(p.sending.seal(efl.MESSAGE, bytes(64)))


in_session("chunks.heartbeat_inside_a_message", "frame.unexpected", inside_a_message(efl.HEARTBEAT))
in_session("chunks.close_inside_a_message", "frame.unexpected", inside_a_message(efl.CLOSE))
in_session("chunks.never_ended", "frame.truncated", then_ends(chunk))
in_session("chunks.first_of_another_size_than_aligned", "frame.malformed",
           lambda p: p.write(p.header(efl.MESSAGE, 96, flags=efl.MORE, sequence=1) + bytes(112)))
in_session("chunks.together_over_16_mib", "frame.too_large", too_many_chunks)
in_session("end.without_close", "frame.truncated", lambda p: p.say_no_more())
in_session("end.without_close_after_work", "frame.truncated",
           then_ends(lambda p: p.exchange() and None))
in_session("end.inside_a_prefix", "frame.truncated",
           then_ends(record_with(lambda r: r[:31])))
in_session("end.after_a_prefix", "frame.truncated", then_ends(record_with(lambda r: r[:32])))
in_session("end.inside_a_body", "frame.truncated", then_ends(record_with(lambda r: r[:-1])))
in_session("end.reset", "frame.truncated", lambda p: p.reset())
in_session("end.close_forged_then_end", "crypto.auth_failed",
           then_ends(lambda p: p.write(p.header(efl.CLOSE, 0, sequence=1) + b"\7" * 16)))


def closes_and_goes_on(p: ScriptedPeer) -> None:
    """Nobody reads what follows: there is no answer to it."""
    p.close()
    p.send(p.question)
    efl.require(p.receive() is None, "an answer after the end")


def half_closes_after_a_question(p: ScriptedPeer) -> None:
    """The question was whole and genuine, so it is answered; the missing goodbye is still named."""
    p.send(p.question)
    p.say_no_more()
    efl.require(p.receive() == p.question, "the echo differs")


accepted("end.more_after_close", "session", closes_and_goes_on, ends=DIALS)
refused("end.half_close_after_a_question", "frame.truncated", "session",
        half_closes_after_a_question, ends=DIALS)


# ---- message headers -----------------------------------------------------------------------------

F32 = struct.pack("<4f", 1, 2, 3, 4)
MESSAGES = {
    "kind_0": ("frame.malformed", message(kind=0)),
    "kind_10": ("frame.malformed", message(kind=10)),
    "kind_255": ("frame.malformed", message(kind=255)),
    "dtype_5": ("frame.malformed", message(dtype=5, payload=b"a")),
    "dtype_255": ("frame.malformed", message(dtype=255, payload=b"a")),
    "dtype_none_of_a_prompt": ("frame.malformed", message(dtype=0, rank=0)),
    "dtype_f32_of_a_prompt": ("frame.malformed", message(dtype=3, shape=(4,), payload=F32)),
    "dtype_bf16_of_an_activation": ("frame.malformed", message(kind=2, dtype=4, rank=2,
                                                                shape=(4, 2), payload=F32)),
    "dtype_u8_of_an_activation": ("frame.malformed", message(kind=2, dtype=1, rank=2,
                                                              shape=(4, 4), payload=F32)),
    "rank_0_of_a_prompt": ("frame.malformed", message(rank=0, payload=b"a")),
    "rank_2_of_a_prompt": ("frame.malformed", message(rank=2, shape=(1, 1), payload=b"a")),
    "rank_1_of_an_activation": ("frame.malformed", message(kind=2, dtype=3, rank=1, shape=(4,),
                                                            payload=F32)),
    "rank_5": ("frame.malformed", message(rank=5, payload=b"a")),
    "rank_255": ("frame.malformed", message(rank=255, payload=b"a")),
    "flags_2": ("frame.malformed", message(flags=2, payload=b"a")),
    "flags_128": ("frame.malformed", message(flags=128, payload=b"a")),
    "logits_of_a_token": ("frame.malformed", message(kind=4, dtype=0, rank=0, flags=1)),
    "slot_of_a_prompt": ("frame.malformed", message(slot=1, payload=b"a")),
    "position_of_a_prompt": ("frame.malformed", message(position=1, payload=b"a")),
    "stage_of_a_prompt": ("frame.malformed", message(stage=1, payload=b"a")),
    "busy_of_a_prompt": ("frame.malformed", message(busy=1, payload=b"a")),
    "value_of_a_prompt": ("frame.malformed", message(value=1 << 32, payload=b"a")),
    "value_of_an_activation": ("frame.malformed", message(kind=2, dtype=3, rank=2, shape=(2, 2),
                                                           value=1, payload=F32)),
    "value_of_a_token": ("frame.malformed", message(kind=4, dtype=0, rank=0, value=1 << 32)),
    "value_of_done": ("frame.malformed", message(kind=5, dtype=0, rank=0, value=2)),
    "value_0_of_a_failure": ("frame.malformed", message(kind=6, dtype=0, rank=0)),
    "value_1000_of_a_failure": ("frame.malformed", message(kind=6, dtype=0, rank=0, value=1000)),
    "value_of_cancel": ("frame.malformed", message(kind=7, dtype=0, rank=0, value=1)),
    "slot_of_cancel": ("frame.malformed", message(kind=7, dtype=0, rank=0, slot=1)),
    "position_of_release": ("frame.malformed", message(kind=3, dtype=0, rank=0, position=1)),
    "payload_of_release": ("frame.malformed", message(kind=3, dtype=1, payload=b"a")),
    "shape_beyond_the_rank": ("frame.malformed", message(shape=(1, 1), payload=b"a")),
    "shape_in_the_last_dimension": ("frame.malformed", message(shape=(1, 0, 0, 1), payload=b"a")),
    "shape_without_rank": ("frame.malformed", message(kind=7, dtype=0, rank=0, shape=(1,))),
    "shape_overflows": ("frame.too_large", message(kind=2, dtype=3, rank=2,
                                                    shape=(1 << 31, 1 << 31), payload=F32)),
    "shape_overflows_to_the_size": ("frame.too_large", message(
        kind=2, dtype=3, rank=2, shape=((1 << 32) - 1, (1 << 32) - 1), size=16, payload=F32)),
    "shape_over_the_limit": ("frame.too_large", message(shape=((16 << 20) - 63,), size=1)),
    "empty_activation": ("frame.malformed", message(kind=2, dtype=3, rank=2, shape=(0, 768))),
    "activation_without_width": ("frame.malformed", message(kind=2, dtype=3, rank=2, shape=(4, 0))),
    "size_less_than_the_shape": ("frame.malformed", message(size=3, payload=b"four")),
    "size_more_than_the_shape": ("frame.malformed", message(size=5, payload=b"four")),
    "size_largest": ("frame.malformed", message(size=(1 << 64) - 1, payload=b"four")),
    "payload_less_than_said": ("frame.malformed", message(shape=(5,), size=5, payload=b"four")),
    "payload_more_than_said": ("frame.malformed", message(shape=(3,), size=3, payload=b"four")),
    "payload_missing": ("frame.malformed", message(shape=(1 << 20,), size=1 << 20)),
    "payload_of_rooms": ("frame.malformed", message(kind=8, payload=b"a")),
    "slot_of_rooms": ("frame.malformed", message(kind=8, dtype=0, rank=0, slot=1)),
    "stage_of_rooms": ("frame.malformed", message(kind=8, dtype=0, rank=0, stage=1)),
    "value_of_rooms": ("frame.malformed", message(kind=8, dtype=0, rank=0, value=1)),
    "flags_of_rooms": ("frame.malformed", message(kind=8, dtype=0, rank=0, flags=1)),
    "dtype_none_of_room_evidence": ("frame.malformed", message(kind=9, dtype=0, rank=0)),
    "dtype_u32_of_room_evidence": ("frame.malformed", message(kind=9, dtype=2, shape=(1,),
                                                               payload=b"four")),
    "stage_of_room_evidence": ("frame.malformed", message(kind=9, stage=1)),
    "slot_of_room_evidence": ("frame.malformed", message(kind=9, slot=1)),
    "more_room_evidence_than_64": ("frame.too_large", message(
        kind=9, shape=(64 * (84 + 65496) + 1,), size=64 * (84 + 65496) + 1)),
    "text_of_a_failure": ("frame.too_large", message(kind=6, value=1, payload=b"e" * 513)),
}
for name, (error, whole) in MESSAGES.items():
    refused(f"message.{name}", error, "session", lambda p, whole=whole: p.send(whole))
refused("message.payload_less_than_said_in_chunks", "frame.malformed", "session",
        lambda p: p.send(message(shape=(640,), size=640, payload=b"a" * 576), chunk=64))
refused("message.payload_more_than_said_in_chunks", "frame.malformed", "session",
        lambda p: p.send(message(shape=(640,), size=640, payload=b"a" * 641), chunk=64))


# ---- what rooms have shown: the C++ end reads it as a client does, before it echoes it ------------

def entry(stage: int = 1, kind: int = 0xFFFF, judged_at: int = 1_790_000_000,
          evidence: bytes = b"evidence") -> bytes:
    return efl.room_entry(stage, kind, judged_at, bytes(64), evidence)


def rooms(entries: bytes) -> Script:
    return lambda p: p.send(efl.room_evidence_message(entries), chunk=1 << 20)


for name, (error, entries) in {
    "of_another_order": ("frame.malformed", entry(2) + entry(1)),
    "with_one_left_out": ("frame.malformed", entry(1) + entry(3)),
    "with_one_twice": ("frame.malformed", entry(1) + entry(1)),
    "without_the_nearest": ("frame.malformed", entry(2)),
    "of_the_stage_itself": ("frame.malformed", entry(0) + entry(1)),
    "of_65_stages": ("frame.too_large", b"".join(entry(i) for i in range(1, 66))),
    "reserved_field": ("frame.malformed", flipped(entry(), 6)),
    "judged_after_the_year_9999": ("frame.malformed", entry(judged_at=253402300800)),
    "judged_before_1970": ("frame.malformed", entry(judged_at=(1 << 64) - 1)),
    "no_evidence": ("frame.malformed", entry(evidence=b"")),
    "evidence_longer_than_a_handshake_allows": ("frame.malformed", entry(evidence=bytes(65497))),
    "evidence_longer_than_the_rest": ("frame.malformed", flipped(entry(), 80, 0x10)),
    "evidence_of_4_gib": ("frame.malformed", flipped(entry(), 83, 0xff)),
    "a_byte_more": ("frame.malformed", entry() + b"\0"),
    "a_byte_less": ("frame.malformed", entry()[:-1]),
    "half_an_entry": ("frame.malformed", entry() + entry(2)[:42]),
}.items():
    refused(f"rooms.{name}", error, "session", rooms(entries), ends=DIALS)


# ---- padding: messages of this deployment are zero-padded to multiples of 4096 bytes -------------

def padded(whole: bytes, size: int = 4096) -> bytes:
    return whole + bytes(-len(whole) % size)


def with_padding(change: Callable[[bytes], bytes]) -> Script:
    return lambda p: p.send(change(p.question))


for name, change in {
    "missing": lambda q: q,
    "to_64_bytes": lambda q: padded(q, 64),
    "to_half_a_block": lambda q: padded(q, 2048),
    "one_byte_less": lambda q: padded(q)[:-1],
    "one_byte_more": lambda q: padded(q) + b"\0",
    "a_block_more": lambda q: padded(q) + bytes(4096),
    "first_byte_not_zero": lambda q: flipped(padded(q), len(q)),
    "last_byte_not_zero": lambda q: flipped(padded(q), -1, 0x80),
    "of_ones": lambda q: q + b"\xff" * (-len(q) % 4096),
    "part_of_the_payload": lambda q: message(payload=bytes(4096 - 64 + 1))[:4096],
}.items():
    refused(f"padding.{name}", "frame.malformed", "session", with_padding(change), setup="padded")


# ---- odd, but right ------------------------------------------------------------------------------

def talks(say: Callable[[ScriptedPeer, bytes], None]) -> Script:
    return lambda p: p.converse(lambda whole: say(p, whole))


def with_heartbeats(p: ScriptedPeer, whole: bytes) -> None:
    for _ in range(3):
        p.write(p.sending.seal(efl.HEARTBEAT))
    p.send(whole)
    p.write(p.sending.seal(efl.HEARTBEAT))


def with_rekeys(p: ScriptedPeer, whole: bytes) -> None:
    p.rekey()
    p.rekey()
    p.send(whole)
    p.rekey()


def with_a_rekey_between_chunks(p: ScriptedPeer, whole: bytes) -> None:
    for at in range(0, len(whole), 1024):
        last = at + 1024 >= len(whole)
        p.write(p.sending.seal(efl.MESSAGE, whole[at:at + 1024], 0 if last else efl.MORE))
        if not last:
            p.rekey()


def as_one_megabyte(p: ScriptedPeer) -> None:
    """The largest record."""
    whole = message(payload=bytes((1 << 20) - 64))
    p.send(whole, chunk=1 << 20)
    efl.require(p.receive() == whole, "the echo differs")
    p.converse()


def of_size(size: int) -> Script:
    def script(p: ScriptedPeer) -> None:
        whole = message(payload=bytes(size - 64))
        p.send(whole, chunk=1 << 20)
        efl.require(p.receive() == whole, "the echo differs")
        p.converse()
    return script


def echoes(whole: bytes) -> Script:
    def script(p: ScriptedPeer) -> None:
        p.send(whole)
        efl.require(p.receive() == whole, "the echo differs")
        p.converse()
    return script


def byte_by_byte(p: ScriptedPeer) -> None:
    p.write = p.drip
    p.establish()
    p.exchange()
    p.write = p.write_if_possible
    p.converse()


def confirm_and_question_at_once(p: ScriptedPeer) -> None:
    p.next_question()
    p.write(p.sending.seal(efl.CONFIRM, p.confirmation())
            + p.sending.seal(efl.MESSAGE, p.question) + p.sending.seal(efl.HEARTBEAT))
    p.hear_confirm()
    efl.require(p.receive() == p.question, "the echo differs")
    p.converse()


accepted("padding.in_records_of_64_bytes", "session",
         talks(lambda p, whole: p.send(p.padded(whole), chunk=64)), setup="padded")
accepted("odd.heartbeats", "session", talks(with_heartbeats))
accepted("odd.rekeys", "session", talks(with_rekeys))
accepted("odd.rekeys_between_chunks", "session", talks(with_a_rekey_between_chunks))
accepted("odd.smallest_chunks", "session", talks(lambda p, whole: p.send(whole, chunk=64)))
accepted("odd.largest_record", "session", as_one_megabyte, ends=DIALS)
accepted("odd.message_of_almost_16_mib", "session", of_size((16 << 20) - 1), ends=DIALS)
accepted("odd.message_of_16_mib", "session", of_size(16 << 20), ends=DIALS)
accepted("odd.empty_prompt", "session", echoes(message()), ends=DIALS)
accepted("odd.longest_failure", "session", echoes(message(kind=6, value=999, payload=b"e" * 512)),
         ends=DIALS)
accepted("odd.largest_values", "session", echoes(message(
    kind=4, dtype=0, rank=0, slot=(1 << 32) - 1, position=(1 << 32) - 1, busy=(1 << 64) - 1,
    request=(1 << 64) - 1, value=(1 << 32) - 1)), ends=DIALS)
accepted("odd.question_about_rooms", "session", echoes(efl.rooms_message((1 << 64) - 1)),
         ends=DIALS)
accepted("odd.no_rooms", "session", echoes(efl.room_evidence_message(b"")), ends=DIALS)
accepted("odd.rooms", "session", echoes(efl.room_evidence_message(
    entry(1, evidence=b"e" * 65496) + entry(2, 1, 0) + entry(3, 0, 253402300799, b"e"))),
         ends=DIALS)
accepted("odd.failure_without_a_slot", "session", echoes(message(
    kind=6, value=801, slot=(1 << 32) - 1, payload=b"stage 1")), ends=DIALS)
accepted("odd.confirm_and_question_at_once", "confirm", confirm_and_question_at_once, ends=DIALS)
accepted("odd.byte_by_byte", "beginning", byte_by_byte)


# ---- silence -------------------------------------------------------------------------------------

def trickles(p: ScriptedPeer) -> None:
    """A byte at a time of a record without an end: each is life, all together are too slow."""
    record = p.header(efl.HELLO, 128) + bytes(16)
    for byte in record + bytes(127):
        p.write(bytes([byte]))
        if p.is_gone:
            return
        time.sleep(0.02)


def alive_without_words(p: ScriptedPeer) -> None:
    """Longer than the silence limit, but with heartbeats: the link stands."""
    for _ in range(10):
        p.write(p.sending.seal(efl.HEARTBEAT))
        time.sleep(0.15)
    p.converse()


def nothing(p: ScriptedPeer) -> None:
    del p


for at in ("form", "evidence", "confirm"):
    refused(f"silence.before_{'hello' if at == 'form' else at}", "transport.timeout", at, nothing,
            setup="impatient")
refused("silence.inside_hello", "transport.timeout", "form",
        lambda p: p.write(p.hello_record()[:100]), setup="impatient")
refused("silence.inside_evidence", "transport.timeout", "evidence",
        lambda p: p.write(p.sending.seal(efl.EVIDENCE, p.evidence_body())[:-1]), setup="impatient")
refused("silence.trickle", "transport.timeout", "form", trickles, setup="impatient")
refused("silence.in_session", "transport.timeout", "session", nothing, setup="impatient")
refused("silence.inside_a_record", "transport.timeout", "session",
        record_with(lambda r: r[:-1]), setup="impatient")
refused("silence.inside_a_message", "transport.timeout", "session", chunk, setup="impatient")
accepted("silence.with_heartbeats", "session", alive_without_words, setup="impatient")
