#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An independent peer of the link protocol "efl/1", written from docs/design/wire_format.md.

    efl1_peer.py --check-vector tests/vectors/efl1_transcript.json
    efl1_peer.py --listen  127.0.0.1:7000 --plan HEX [options]      plays the downstream end
    efl1_peer.py --connect 127.0.0.1:7000 --plan HEX [options]      plays the upstream end

The upstream end sends `--messages` messages of growing size and expects each back, byte for byte;
the downstream end echoes until the peer closes. Both rekey every `--rekey-every` records. At the
end one line of JSON says what happened: {"ok": true, "transcript": "...", "peer_evidence": "...",
"messages": 5}, or {"ok": false, "error": "plan.mismatch"} and exit code 1.

Needs Debian's python3-cryptography and nothing else.
"""

import argparse
import hashlib
import hmac
import json
import os
import socket
import struct
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HELLO, EVIDENCE, CONFIRM, MESSAGE, REKEY, HEARTBEAT, CLOSE = range(1, 8)
UPSTREAM, DOWNSTREAM = 1, 2
MORE = 1
VERSION = 1
PREFIX = 32
MAX_MESSAGE = 16 << 20
MAX_EVIDENCE = 65496
MAX_ROOMS, ROOM_HEADER, LAST_JUDGED_AT = 64, 84, 253402300799  # section 8.1
SUITES = {1: AESGCM, 2: ChaCha20Poly1305}
BOUNDS = {  # least and most bytes of a body (section 4)
    HELLO: (128, 128), EVIDENCE: (40, 65536), CONFIRM: (32, 32), MESSAGE: (1, 1 << 20),
    REKEY: (0, 0), HEARTBEAT: (0, 0), CLOSE: (0, 0)}


class Refused(Exception):
    """The link cannot be, and this is the name of the reason."""


def require(condition, name):
    if not condition:
        raise Refused(name)


# ---- section 6: keys ----------------------------------------------------------------------------

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def extract(salt, ikm):
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def expand(prk, info, length):
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out += block
        i += 1
    return out[:length]


def direction_secret(secret, sender):
    label = b"efl/1 upstream to downstream" if sender == UPSTREAM else b"efl/1 downstream to upstream"
    return expand(secret, label, 32)


def traffic_key(direction):
    both = expand(direction, b"efl/1 key", 44)
    return both[:32], both[32:]


def report_data(end, exporter, transcript, receipt_key):
    return hashlib.sha512(
        b"efl/1 report data" + bytes([end]) + exporter + transcript + receipt_key).digest()


def confirmation(end, transcript, digest_up, digest_down):
    return sha256(b"efl/1 confirm", bytes([end]), transcript, digest_up, digest_down)


# ---- sections 2 and 3: records -------------------------------------------------------------------

def encode_header(length, kind, flags, sequence):
    return struct.pack("<IBBHQ", length, kind, flags, VERSION, sequence)


def decode_header(prefix):
    length, kind, flags, version, sequence = struct.unpack("<IBBHQ", prefix[:16])
    require(kind in BOUNDS, "frame.malformed")
    require(version == VERSION, "frame.bad_version")
    least, most = BOUNDS[kind]
    require(length <= most, "frame.too_large")
    require(length >= least, "frame.malformed")
    require(flags == 0 or (flags == MORE and kind == MESSAGE), "frame.malformed")
    require(not flags or length % 64 == 0, "frame.malformed")
    return length, kind, flags, sequence


class Direction:
    """The records that travel one way."""

    def __init__(self, suite, secret):
        self.suite = suite
        self.use(secret)

    def use(self, secret):
        self.secret = secret
        self.key, self.iv = traffic_key(secret)
        self.aead = SUITES[self.suite](self.key)
        self.sequence = 0

    def rekey(self):
        self.use(expand(self.secret, b"efl/1 rekey", 32))

    def nonce(self):
        counter = b"\0" * 4 + struct.pack(">Q", self.sequence)
        return bytes(a ^ b for a, b in zip(self.iv, counter))

    def seal(self, kind, body=b"", flags=0):
        header = encode_header(len(body), kind, flags, self.sequence)
        sealed = self.aead.encrypt(self.nonce(), body, header)
        self.sequence += 1
        if kind == REKEY:
            self.rekey()
        return header + sealed[-16:] + sealed[:-16]

    def open(self, prefix, body):
        _, kind, _, sequence = decode_header(prefix)
        require(sequence >= self.sequence, "frame.replay")
        require(sequence <= self.sequence, "frame.out_of_order")
        try:
            plain = self.aead.decrypt(self.nonce(), body + prefix[16:32], prefix[:16])
        except InvalidTag:
            raise Refused("crypto.auth_failed") from None
        self.sequence += 1
        if kind == REKEY:
            self.rekey()
        return plain


# ---- section 5: bodies ---------------------------------------------------------------------------

MAGIC = b"efl/1\0\0\0"


def hello_body(suite, end, sends, demands, link, public_key, nonce, plan):
    return (MAGIC + struct.pack("<HBBI", suite, end, (1 if sends else 0) | (2 if demands else 0), link)
            + bytes(16) + public_key + nonce + plan)


class Hello:
    def __init__(self, body):
        require(body[:4] == MAGIC[:4], "frame.malformed")
        require(body[:8] == MAGIC, "frame.bad_version")
        self.suite, self.end, flags, self.link = struct.unpack("<HBBI", body[8:16])
        require(self.end in (UPSTREAM, DOWNSTREAM), "frame.malformed")
        require(flags < 4, "frame.malformed")
        require(body[16:32] == bytes(16), "frame.malformed")
        self.sends, self.demands = bool(flags & 1), bool(flags & 2)
        self.public_key, self.nonce, self.plan = body[32:64], body[64:96], body[96:128]


def evidence_body(kind, receipt_key, evidence):
    if not evidence:
        return bytes(40)
    return struct.pack("<HHI", kind, 0, len(evidence)) + receipt_key + evidence


def decode_evidence(body):
    kind, reserved, length = struct.unpack("<HHI", body[:8])
    require(reserved == 0 and length == len(body) - 40, "frame.malformed")
    require(length or body == bytes(40), "frame.malformed")
    return kind, body[8:40], body[40:]


# ---- the mock attester (section 5.2) -------------------------------------------------------------

MOCK_FORMAT = 0xFFFF
MOCK_KEY = Ed25519PrivateKey.from_private_bytes(b"enfilade insecure mock test key!")


def mock_evidence(registers, data):
    out = b"mock/1\0\0" + bytes([len(registers)])
    for name, value in registers:
        out += bytes([len(name)]) + name.encode() + bytes([len(value)]) + value
    out += data
    return out + MOCK_KEY.sign(out)


def verify_mock(evidence, data):
    require(len(evidence) >= 9 + 128 and evidence[:8] == b"mock/1\0\0", "attest.malformed")
    signed, signature = evidence[:-64], evidence[-64:]
    registers, at = {}, 9
    for _ in range(evidence[8]):
        fields = []
        for _ in range(2):
            require(at < len(signed), "attest.malformed")
            fields.append(signed[at + 1:at + 1 + signed[at]])
            at += 1 + signed[at]
        name = fields[0].decode("ascii", "replace")
        require(not registers or name > list(registers)[-1], "attest.malformed")
        registers[name] = fields[1]
    require(at == len(signed) - 64, "attest.malformed")
    try:
        MOCK_KEY.public_key().verify(signature, signed)
    except InvalidSignature:
        raise Refused("attest.bad_signature") from None
    require(signed[-64:] == data, "attest.binding_mismatch")
    return registers


# ---- one end of a link ---------------------------------------------------------------------------

class Setup:
    """What this end is and demands; `attest(data)` returns (format, evidence), `verify(format,
    evidence, data)` raises Refused."""

    def __init__(self, end, plan, link=0, suite=1, attest=None, verify=None, demands=False,
                 receipt_key=bytes(32), secret=None, nonce=None):
        self.end, self.plan, self.link, self.suite = end, plan, link, suite
        self.attest, self.verify, self.demands = attest, verify, demands
        self.receipt_key = receipt_key
        self.secret = secret or os.urandom(32)
        self.nonce = nonce or os.urandom(32)


class Link:
    """A stream of bytes (`read(n)`, `write(bytes)`) becomes a link: `handshake()`, then `send`,
    `receive`, `close`."""

    def __init__(self, read, write, setup):
        self.read, self.write, self.setup = read, write, setup
        self.values = {}  # everything that a test vector names
        self.peer_evidence = b""

    def record(self, kind):
        prefix = self.read(PREFIX)
        length, found, _, sequence = decode_header(prefix)
        require(found == kind, "frame.unexpected")
        require(sequence == 0, "frame.out_of_order")
        return prefix, self.read(length)

    def handshake(self):
        me, up = self.setup, self.setup.end == UPSTREAM
        key = X25519PrivateKey.from_private_bytes(me.secret)
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        mine = hello_body(me.suite, me.end, me.attest is not None, me.demands, me.link, public,
                          me.nonce, me.plan)
        mine_record = encode_header(128, HELLO, 0, 0) + bytes(16) + mine
        if up:
            self.write(mine_record)
        prefix, theirs = self.record(HELLO)
        require(prefix[16:32] == bytes(16), "frame.malformed")
        peer = Hello(theirs)
        if not up:
            self.write(mine_record)
        require(peer.end != me.end, "plan.role_mismatch")
        require(peer.suite == me.suite, "plan.suite_mismatch")
        require(peer.link == me.link, "plan.link_mismatch")
        require(peer.plan == me.plan, "plan.mismatch")
        require(peer.sends or not me.demands, "attest.missing")
        require(me.attest is not None or not peer.demands, "attest.missing")
        try:
            shared = key.exchange(X25519PublicKey.from_public_bytes(peer.public_key))
        except ValueError:  # what this library says to a secret of zeros
            raise Refused("crypto.low_order_point") from None

        transcript = sha256(b"efl/1 transcript", *((mine, theirs) if up else (theirs, mine)))
        secret_0 = expand(extract(transcript, shared), b"efl/1 secret 0", 32)
        exporter = expand(secret_0, b"efl/1 exporter", 32)
        self.values.update(shared=shared, transcript=transcript, secret_0=secret_0,
                           exporter=exporter, public_key=public)
        self.use(secret_0, "0")

        def report(end, receipt_key):
            return report_data(end, exporter, transcript, receipt_key)

        def show():
            kind, evidence = 0, b""
            if me.attest is not None:
                data = report(me.end, me.receipt_key)
                self.values["report_data"] = data
                kind, evidence = me.attest(data)
            body = evidence_body(kind, me.receipt_key, evidence)
            self.write(self.sending.seal(EVIDENCE, body))
            return sha256(body)

        def judge():
            body = self.receiving.open(*self.record(EVIDENCE))
            kind, receipt_key, evidence = decode_evidence(body)
            require(evidence or not peer.sends, "attest.missing")
            require(peer.sends or not evidence, "frame.malformed")
            if evidence and me.verify is not None:
                me.verify(kind, evidence, report(peer.end, receipt_key))
            self.peer_evidence = evidence
            return sha256(body)

        if up:
            digest_down = judge()
            digest_up = show()
        else:
            digest_down = show()
            digest_up = judge()
        secret_1 = extract(digest_up + digest_down, secret_0)
        self.values.update(evidence_digests=[digest_up, digest_down], secret_1=secret_1)
        self.use(secret_1, "1")

        if up:
            self.write(self.sending.seal(CONFIRM, confirmation(UPSTREAM, transcript, digest_up,
                                                               digest_down)))
        said = self.receiving.open(*self.record(CONFIRM))
        expected = confirmation(DOWNSTREAM if up else UPSTREAM, transcript, digest_up, digest_down)
        require(hmac.compare_digest(said, expected), "crypto.auth_failed")
        if not up:
            self.write(self.sending.seal(CONFIRM, confirmation(DOWNSTREAM, transcript, digest_up,
                                                               digest_down)))
        return transcript

    def use(self, secret, n):
        ways = {end: Direction(self.setup.suite, direction_secret(secret, end))
                for end in (UPSTREAM, DOWNSTREAM)}
        self.sending = ways[self.setup.end]
        self.receiving = ways[UPSTREAM + DOWNSTREAM - self.setup.end]
        for end, name in ((UPSTREAM, "upstream"), (DOWNSTREAM, "downstream")):
            self.values[f"{name}_keys_{n}"] = {
                "secret": ways[end].secret, "key": ways[end].key, "iv": ways[end].iv}

    # ---- section 7: session

    def send(self, plain, chunk=1 << 17):
        at = 0
        while True:
            part = plain[at:at + chunk]
            at += len(part)
            self.write(self.sending.seal(MESSAGE, part, MORE if at < len(plain) else 0))
            if at == len(plain):
                return

    def rekey(self):
        self.write(self.sending.seal(REKEY))

    def close(self):
        self.write(self.sending.seal(CLOSE))

    def receive(self):
        """The next message, or None after the peer's close."""
        whole = b""
        while True:
            prefix = self.read(PREFIX)
            length, kind, flags, _ = decode_header(prefix)
            require(kind >= MESSAGE, "frame.unexpected")
            require(not whole or kind in (MESSAGE, REKEY), "frame.unexpected")
            if kind == MESSAGE:
                require(whole or length >= 64, "frame.malformed")
                require(len(whole) + length <= MAX_MESSAGE, "frame.too_large")
            plain = self.receiving.open(prefix, self.read(length))
            if kind == CLOSE:
                return None
            if kind == MESSAGE:
                whole += plain
                if not flags & MORE:
                    return whole


# ---- section 8: messages -------------------------------------------------------------------------

def generate_message(text, request=1, max_tokens=16):
    """A `generate` message with a UTF-8 prompt."""
    return struct.pack("<BBBBIIIQQ4IQQ", 1, 1, 1, 0, 0, 0, 0, request, 0, len(text), 0, 0, 0,
                       len(text), max_tokens) + text


def rooms_message(request=1):
    """A `rooms` message: what did the stages below you show?"""
    return struct.pack("<BBBBIIIQQ4IQQ", 8, 0, 0, 0, 0, 0, 0, request, 0, 0, 0, 0, 0, 0, 0)


def room_entry(stage, kind, judged_at, report_data, evidence):
    return (struct.pack("<IHHQ", stage, kind, 0, judged_at) + report_data
            + struct.pack("<I", len(evidence)) + evidence)


def room_evidence_message(entries, request=1):
    """A `room_evidence` message with these bytes as its entries."""
    return struct.pack("<BBBBIIIQQ4IQQ", 9, 1, 1, 0, 0, 0, 0, request, 0, len(entries), 0, 0, 0,
                       len(entries), 0) + entries


def read_rooms(payload, first):
    """The entries of the stages `first`, `first` + 1, ... as they stand in a payload."""
    rooms = []
    while payload:
        require(len(rooms) < MAX_ROOMS, "frame.too_large")
        require(len(payload) >= ROOM_HEADER, "frame.malformed")
        stage, kind, zero, judged_at = struct.unpack_from("<IHHQ", payload)
        (size,) = struct.unpack_from("<I", payload, 80)
        require(stage == first + len(rooms) and zero == 0 and judged_at <= LAST_JUDGED_AT,
                "frame.malformed")
        require(0 < size <= MAX_EVIDENCE and size <= len(payload) - ROOM_HEADER, "frame.malformed")
        rooms.append({"stage": stage, "format": kind, "judged_at": judged_at,
                      "report_data": payload[16:80], "evidence": payload[84:84 + size]})
        payload = payload[ROOM_HEADER + size:]
    return rooms


# ---- --check-vector ------------------------------------------------------------------------------

class Pipe:
    """Two ends in one process, each run until it wants bytes that are not there yet."""

    class Empty(Exception):
        pass

    def __init__(self, data=b""):
        self.data = data

    def read(self, n):
        if len(self.data) < n:
            raise Pipe.Empty
        out, self.data = self.data[:n], self.data[n:]
        return out


def check_case(case):
    unhex = bytes.fromhex
    plan = unhex(case["plan"])
    compared = 0

    def same(ours, key, theirs):
        nonlocal compared
        if isinstance(ours, dict):
            require(set(ours) == set(theirs), f"{key} has other fields")
            for name in ours:
                same(ours[name], f"{key}.{name}", theirs[name])
        elif isinstance(ours, list):
            require(len(ours) == len(theirs), f"{key} has another length")
            for i, one in enumerate(ours):
                same(one, f"{key}[{i}]", theirs[i])
        else:
            require(ours.hex() == theirs, f"{key} differs: {ours.hex()} is not {theirs}")
            compared += 1

    def setup(end, name):
        said = case[name]
        attest = (lambda data: (said["format"], unhex(said["evidence"]))) \
            if said["sends_evidence"] else None
        return Setup(end, plan, case["link"], case["suite"], attest, None, said["demands_evidence"],
                     unhex(said["receipt_key"]), unhex(said["secret"]), unhex(said["nonce"]))

    # Each end is given the vector's records of the other and must write the vector's own.
    hs = case["handshake"]
    order = ("hello", "evidence", "confirm")
    links = {}
    for end, name, other in ((UPSTREAM, "upstream", "downstream"),
                             (DOWNSTREAM, "downstream", "upstream")):
        written = []
        pipe = Pipe(b"".join(unhex(hs[f"{record}_{other}"]) for record in order))
        link = Link(pipe.read, written.append, setup(end, name))
        link.handshake()
        require(not pipe.data, "bytes left over")
        for record, ours in zip(order, written):
            same(ours, f"{record}_{name}", hs[f"{record}_{name}"])
        same(link.values.pop("public_key"), f"{name}.public_key", case[name]["public_key"])
        if case[name]["sends_evidence"]:
            same(link.values.pop("report_data"), "report_data", case[f"{name}_report_data"])
        for key, value in link.values.items():
            same(value, key, case[key])
        links[name] = link
    for record in case["records"]:
        sender = links[record["from"]]
        receiver = links["downstream" if record["from"] == "upstream" else "upstream"]
        body = unhex(record["body"])
        ours = sender.sending.seal(record["type"], body, record["flags"])
        same(ours, "record", record["record"])
        require(receiver.receiving.open(ours[:PREFIX], ours[PREFIX:]) == body, "cannot be opened")
    return compared


def check_vector(path):
    with open(path, encoding="utf-8") as file:
        vector = json.load(file)
    require(vector["protocol"] == "efl/1" and vector["cases"], "not a vector of efl/1")
    return sum(check_case(case) for case in vector["cases"])


# ---- --check-rooms -------------------------------------------------------------------------------

def check_rooms(path):
    """Every payload of the vector is read as it says there, and those that are right written anew."""
    with open(path, encoding="utf-8") as file:
        vector = json.load(file)
    require(vector["protocol"] == "efl/1" and vector["payloads"], "not a vector of efl/1")
    for case in vector["payloads"]:
        payload = bytes.fromhex(case["payload"])
        try:
            rooms = read_rooms(payload, case["first"])
        except Refused as refusal:
            require(str(refusal) == case.get("error"), f"{case['name']}: {refusal}")
            continue
        said = [{name: value.hex() if isinstance(value, bytes) else value
                 for name, value in room.items()} for room in rooms]
        require(said == case.get("rooms"), f"{case['name']} was read otherwise")
        again = b"".join(room_entry(*room.values()) for room in rooms)
        require(again == payload, f"{case['name']} was written otherwise")
    return len(vector["payloads"])


# ---- --listen, --connect -------------------------------------------------------------------------

def stream_of(sock):
    def read(n):
        out = b""
        while len(out) < n:
            part = sock.recv(n - len(out))
            if not part:
                raise Refused("frame.truncated")
            out += part
        return out
    return read, sock.sendall


def echo_upstream(link, count, rekey_every):
    for i in range(count):
        message = generate_message(os.urandom(1 + 40 * i ** 5), request=i + 1)
        link.send(message)
        require(link.receive() == message, "the echo differs")
        if rekey_every and (i + 1) % rekey_every == 0:
            link.rekey()
    link.close()
    require(link.receive() is None, "the peer goes on after close")
    return count


def echo_downstream(link, rekey_every):
    count = 0
    while (message := link.receive()) is not None:
        link.send(message)
        count += 1
        if rekey_every and count % rekey_every == 0:
            link.rekey()
    link.close()
    return count


def run_live(arguments):
    host, port = (arguments.listen or arguments.connect).rsplit(":", 1)
    end = DOWNSTREAM if arguments.listen else UPSTREAM
    registers = [(name, bytes.fromhex(value)) for name, value in
                 (pair.split("=", 1) for pair in arguments.register)]
    attest = verify = None
    if arguments.evidence == "mock":
        attest = lambda data: (MOCK_FORMAT, mock_evidence(registers, data))  # noqa: E731
    elif arguments.evidence != "none":
        with open(arguments.evidence, "rb") as file:
            opaque = file.read()
        attest = lambda data: (arguments.format, opaque)  # noqa: E731
    if arguments.demand == "mock":
        pins = dict((name, bytes.fromhex(value)) for name, value in
                    (pair.split("=", 1) for pair in arguments.expect))

        def verify(kind, evidence, data):
            require(kind == MOCK_FORMAT, "attest.unsupported_format")
            found = verify_mock(evidence, data)
            for name, value in pins.items():
                require(found.get(name) == value, "attest.measurement_mismatch")

    setup = Setup(end, bytes.fromhex(arguments.plan), arguments.link, arguments.suite, attest, verify,
                  arguments.demand != "none")
    address = (host.strip("[]"), int(port))
    if arguments.listen:
        with socket.create_server(address) as door:
            print(f"listening {door.getsockname()[1]}", file=sys.stderr, flush=True)
            door.settimeout(arguments.timeout)
            sock, _ = door.accept()
    else:
        sock = socket.create_connection(address, arguments.timeout)
    with sock:
        sock.settimeout(arguments.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(*stream_of(sock), setup)
        transcript = link.handshake()
        count = (echo_downstream(link, arguments.rekey_every) if arguments.listen
                 else echo_upstream(link, arguments.messages, arguments.rekey_every))
    return {"ok": True, "transcript": transcript.hex(), "peer_evidence": link.peer_evidence.hex(),
            "messages": count}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check-vector", metavar="FILE")
    mode.add_argument("--check-rooms", metavar="FILE")
    mode.add_argument("--listen", metavar="HOST:PORT", help="port 0: any, printed on stderr")
    mode.add_argument("--connect", metavar="HOST:PORT")
    parser.add_argument("--plan", metavar="HEX", default="00" * 32, help="plan digest")
    parser.add_argument("--link", type=int, default=0)
    parser.add_argument("--suite", type=int, choices=sorted(SUITES), default=1)
    parser.add_argument("--evidence", default="none", help="none, mock, or a file of opaque bytes")
    parser.add_argument("--format", type=int, default=7, help="format number of opaque evidence")
    parser.add_argument("--register", action="append", default=[], metavar="NAME=HEX",
                        help="a register of the mock's evidence")
    parser.add_argument("--demand", choices=("none", "any", "mock"), default="none",
                        help="any: evidence must come, and is not looked at; mock: and is verified")
    parser.add_argument("--expect", action="append", default=[], metavar="NAME=HEX",
                        help="a pin, with --demand mock")
    parser.add_argument("--messages", type=int, default=5)
    parser.add_argument("--rekey-every", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=20)
    arguments = parser.parse_args()
    try:
        if arguments.check_vector:
            outcome = {"ok": True, "compared": check_vector(arguments.check_vector)}
        elif arguments.check_rooms:
            outcome = {"ok": True, "compared": check_rooms(arguments.check_rooms)}
        else:
            outcome = run_live(arguments)
    except Refused as refusal:
        outcome = {"ok": False, "error": str(refusal)}
    except (OSError, ValueError) as error:
        outcome = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(outcome), flush=True)
    return 0 if outcome["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
