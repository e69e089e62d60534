#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our readers of certificates, lists of revocations, CBOR and COSE against readers by others.

Documents that `cryptography` made, and the real ones of ../shared/data, are damaged in all kinds of
ways and given to readers.cpp and to the other reader: `cryptography` itself for X.509 and for
signatures, the decoder in cbor_cases.py for CBOR and COSE. Both must take the same documents and
read the same of each, but for the differences that x509_cases.py and cbor_cases.py name: a rule by
which ours is stricter, where the document does break it, and damage in what ours does not read.

Deterministic but for the signatures of `cryptography`; ENFILADE_SEED changes the dice,
ENFILADE_LONG=1 makes it long. docs/design/decisions/065-differential.md lists the differences.

Usage: differential.py READERS (the program of readers.cpp)
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

# pylint: disable=wrong-import-position
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (decode_dss_signature,
                                                             encode_dss_signature)

import cbor_cases as cbor
import documents
import x509_cases as cases
from campaign import Campaign, effort
from der_tree import INTEGER, Damage, Node, parse

READERS = Path()
ORDERS = {
    "secp256r1": 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
    "secp384r1": int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"
                     "581a0db248b0a77aecec196accc52973", 16)}


def ours(inputs: list[tuple[str, bytes]]) -> list[str]:
    """What readers.cpp answers to each."""
    framed = b"".join(kind.encode() + struct.pack("<I", len(data)) + data for kind, data in inputs)
    done = subprocess.run([READERS], input=framed, capture_output=True, timeout=600, check=False)
    answers = done.stdout.decode().splitlines()
    if done.returncode != 0 or len(answers) != len(inputs):
        raise AssertionError(f"{READERS} ended with {done.returncode} at input {len(answers)}, "
                             f"{inputs[len(answers)][1].hex()}: {done.stderr.decode()}")
    return answers


def fields(answer: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in answer.split()[1:])


def rule(answer: str) -> str:
    """The rule by which it was refused; empty where it was read."""
    return answer.removeprefix("refused ") if answer.startswith("refused ") else ""


class Differential(unittest.TestCase):
    """Each test is one reader."""

    longMessage = True
    maxDiff = None
    made: documents.Authority

    @classmethod
    def setUpClass(cls) -> None:
        cls.made = documents.Authority(random.Random(Campaign("differential").seed))

    def setUp(self) -> None:
        self.seen: Counter[str] = Counter()

    def tearDown(self) -> None:
        print(f"  {self.id().rsplit('.', 1)[-1]}:",
              ", ".join(f"{count} {what}" for what, count in sorted(self.seen.items())))

    def compare(self, what: str, data: bytes, answer: str, theirs: dict[str, str]) -> None:
        """Both took it: they must have read the same."""
        mine = fields(answer)
        if "key_usage" in mine:  # ours gives bits that have no name, too; nobody can ask for them
            mine["key_usage"] = str(int(mine["key_usage"]) & 0x1FF)
        unequal = {name: (mine.get(name), theirs.get(name))
                   for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
        self.assertFalse(unequal, f"{what} {data.hex()} is read differently (ours, theirs)")
        self.seen["read alike"] += 1

    # ---- X.509 -----------------------------------------------------------------------------------

    def damaged(self, seeds: list[bytes], dice: random.Random, count: int) -> list[bytes]:
        """The seeds themselves, then `count` of them damaged."""
        trees = [parse(seed) for seed in seeds]
        damage = Damage(dice, [node for tree in trees for node in tree.walk()])
        found = list(seeds)
        for _ in range(count):
            at = dice.randrange(len(seeds))
            as_bytes = dice.random() < 0.3
            found.append(damage.bytes(seeds[at], 700) if as_bytes else damage.tree(trees[at]))
        return found

    def run_x509(self, campaign: Campaign, kind: str, all_cases: list[bytes], wrap, oracle) -> None:
        laxer: list[tuple[bytes, str]] = []
        for data, answer in zip(all_cases, ours([(kind, wrap(data)) for data in all_cases])):
            campaign.tried()
            try:
                theirs = oracle(data)
            except cases.Refused as error:
                if rule(answer):
                    self.seen["refused by both"] += 1
                    campaign.refused()
                else:
                    laxer.append((data, str(error)))
                continue
            if not rule(answer):
                self.compare(kind, data, answer, theirs)
            else:
                self.assertTrue(cases.is_stricter(rule(answer), data),
                                f"refused as {rule(answer)}, taken by cryptography: {data.hex()}")
                self.seen["stricter here: " + rule(answer)] += 1
            campaign.refused()
        self.check_laxer(campaign, kind, laxer, wrap, oracle)

    def check_laxer(self, campaign: Campaign, kind: str, laxer: list[tuple[bytes, str]], wrap,
                    oracle) -> None:
        """Taken here and refused there: without what is not read here, both take it."""
        mended = [cases.without_what_is_not_read(data) for data, _ in laxer]
        answers = ours([(kind, wrap(data)) for data in mended])
        for (data, why), good, answer in zip(laxer, mended, answers):
            about = f"taken here, refused by cryptography ({why}): {data.hex()}"
            self.assertEqual(rule(answer), "", about)
            try:
                self.compare(kind, good, answer, oracle(good))
            except cases.Refused as error:
                self.fail(f"{about}; and so is {good.hex()} ({error})")
            self.seen["laxer here: what is not read"] += 1
            campaign.refused()

    def test_certificates(self) -> None:
        with Campaign("differential.certificates") as campaign:
            dice = random.Random(campaign.seed)
            seeds = [documents.steady(one, dice) for one in self.made.certificates()]
            real = [one for one in documents.real_documents()[0] if len(one) < 3000]
            seeds += real
            self.run_x509(campaign, "c", self.damaged(seeds, dice, effort(6000, 400_000)),
                          lambda data: data, cases.certificate)
            self.assertEqual(campaign.refusals, campaign.tries)
            self.assertGreater(self.seen["read alike"], campaign.tries // 8)

    def test_lists_of_revocations(self) -> None:
        with Campaign("differential.revocation_lists") as campaign:
            dice = random.Random(campaign.seed)
            seeds = [documents.steady(one, dice) for one in self.made.lists()]
            seeds += documents.real_documents()[1]

            def asked(data: bytes) -> list[bytes]:
                return [*cases.serials_of(data), b"\x05"]

            def wrap(data: bytes) -> bytes:
                serials = asked(data)
                return (bytes([len(serials)]) +
                        b"".join(bytes([len(one)]) + one for one in serials) + data)

            self.run_x509(campaign, "l", self.damaged(seeds, dice, effort(4000, 200_000)), wrap,
                          lambda data: cases.revocation_list(data, asked(data)))
            self.assertEqual(campaign.refusals, campaign.tries)
            self.assertGreater(self.seen["read alike"], campaign.tries // 8)

    # ---- signatures ------------------------------------------------------------------------------

    def signature_values(self, key, signature: bytes, dice: random.Random) -> list[bytes]:
        """The signature, and what somebody might hope to pass for it."""
        damage = Damage(dice)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            number = int.from_bytes(signature, "big") + key.public_numbers().n
            longer = number.to_bytes((number.bit_length() + 7) // 8, "big")
            return [signature, longer, b"\0" + signature, signature[:-1], signature + b"\0", b"",
                    *(damage.bytes(signature) for _ in range(3))]
        r, s = decode_dss_signature(signature)
        n = ORDERS[key.curve.name]
        pairs = [(r, s), (r, n - s), (r + n, s), (r, s + n), (n - r, s), (0, s), (r, 0), (0, 0),
                 (s, r), (r, n), (n, s), (1, 1)]
        tree = parse(signature)
        padded = parse(signature)
        padded.children[0] = Node(INTEGER, b"\0\0" + tree.children[0].content)
        return [*(encode_dss_signature(*pair) for pair in pairs), padded.encode(),
                signature + b"\0", *(damage.tree(tree) for _ in range(6)),
                *(damage.bytes(signature) for _ in range(3))]

    def test_signatures_of_certificates(self) -> None:
        with Campaign("differential.signatures") as campaign:
            dice = random.Random(campaign.seed)
            made = self.made
            pairs = [(made.root, made.root), (made.root, made.leaf), (made.root, made.leaf_p256),
                     (made.root_p256, made.root_p256), (made.root_p256, made.leaf_of_p256),
                     (made.root_rsa, made.root_rsa), (made.root_rsa, made.leaf_of_rsa),
                     (made.root_p256, made.leaf), (made.root_rsa, made.leaf)]
            for one in documents.real_documents()[0]:
                read = x509.load_der_x509_certificate(one)
                if read.issuer == read.subject and len(one) < 4096:
                    pairs.append((one, one))
            inputs, keys = [], []
            for issuer, one in pairs:
                key = x509.load_der_x509_certificate(issuer).public_key()
                tree = parse(one)
                values = [None]
                for _ in range(effort(1, 20)):
                    try:
                        signed = x509.load_der_x509_certificate(one).signature
                        values += self.signature_values(key, signed, dice)
                    except ValueError:  # of another kind than the issuer's key
                        pass
                for value in values:
                    if value is not None:
                        tree.children[2] = Node(3, b"\0" + value)
                    inputs.append((issuer, tree.encode()))
                    keys.append(key)
            framed = [("v", struct.pack("<H", len(issuer)) + issuer + one)
                      for issuer, one in inputs]
            for (_, one), key, answer in zip(inputs, keys, ours(framed)):
                campaign.tried()
                good = self.is_signed(one, key)
                if rule(answer):  # a kind of signature that is not read here
                    self.assertTrue(cases.is_stricter(rule(answer), one), f"{answer}: {one.hex()}")
                    self.seen["stricter here: " + rule(answer)] += 1
                else:
                    self.assertEqual(fields(answer)["verified"], str(int(good)), one.hex())
                    self.seen["good" if good else "bad"] += 1
                campaign.refused()
            self.assertGreater(self.seen["good"], 12)
            self.assertGreater(self.seen["bad"], 50)

    @staticmethod
    def is_signed(one: bytes, key) -> bool:
        read = x509.load_der_x509_certificate(one)
        algorithm = read.signature_algorithm_oid.dotted_string
        try:
            if isinstance(key, ec.EllipticCurvePublicKey):
                # Here a curve goes with the hash of its own strength.
                if algorithm != {"secp256r1": cases.ECDSA_SHA256,
                                 "secp384r1": cases.ECDSA_SHA384}[key.curve.name]:
                    return False
                hash_ = hashes.SHA256() if algorithm == cases.ECDSA_SHA256 else hashes.SHA384()
                key.verify(read.signature, read.tbs_certificate_bytes, ec.ECDSA(hash_))
            else:
                if algorithm != cases.PSS:
                    return False
                key.verify(read.signature, read.tbs_certificate_bytes, documents.SHA384_PSS,
                           hashes.SHA384())
            return True
        except InvalidSignature:
            return False

    # ---- CBOR and COSE ---------------------------------------------------------------------------

    def test_cbor(self) -> None:
        with Campaign("differential.cbor") as campaign:
            dice = random.Random(campaign.seed)
            writer, damage = cbor.Writer(dice), Damage(dice)
            all_cases = []
            for _ in range(effort(8000, 1_000_000)):
                document = writer.document()
                all_cases += [document, damage.bytes(document)] if document else [document]
            for one in self.appendix_a() + self.nitro_payloads():
                all_cases += [one, *(damage.bytes(one) for _ in range(effort(4, 1000)))]
            for data, answer in zip(all_cases, ours([("b", one) for one in all_cases])):
                campaign.tried()
                self.compare_cbor(data, answer)
                campaign.refused()
            self.assertGreater(self.seen["read alike"], campaign.tries // 4)

    def compare_cbor(self, data: bytes, answer: str) -> None:
        try:
            item, broken = cbor.decode(data)
        except cbor.NotCbor as error:
            self.assertTrue(rule(answer), f"taken here, not by RFC 8949 ({error}): {data.hex()}")
            self.seen["refused by both"] += 1
            return
        if not broken:
            self.compare("cbor", data, answer, {"value": item.text})
            return
        self.assertIn(rule(answer), broken, data.hex())
        self.seen["stricter here: " + rule(answer)] += 1

    @staticmethod
    def appendix_a() -> list[bytes]:
        """The examples of RFC 8949, where they are there."""
        path = documents.DATA / "cbor" / "appendix_a.json"
        if not path.exists():
            path = documents.DATA / "crypto" / "cbor" / "appendix_a.json"
        if not path.exists():
            return []
        return [bytes.fromhex(one["hex"]) for one in json.loads(path.read_text(encoding="utf-8"))]

    @staticmethod
    def nitro_documents() -> list[bytes]:
        folder = documents.DATA / "attestation" / "nitro" / "derived"
        return [path.read_bytes() for path in sorted(folder.glob("*.cose"))]

    def nitro_payloads(self) -> list[bytes]:
        found = []
        for one in self.nitro_documents():
            item, _ = cbor.decode(one)
            found.append(item.value[2].value)
        return found

    def test_cose(self) -> None:
        with Campaign("differential.cose") as campaign:
            dice = random.Random(campaign.seed)
            keys = {-7: ec.derive_private_key(dice.getrandbits(250), ec.SECP256R1()),
                    -35: ec.derive_private_key(dice.getrandbits(380), ec.SECP384R1())}
            inputs: list[tuple[object, bytes]] = []
            for _ in range(effort(100, 5_000)):
                algorithm = dice.choice([-7, -35])
                good = self.message(keys[algorithm], algorithm, dice)
                inputs.append((keys[algorithm], good))
                inputs += [(keys[algorithm], Damage(dice).bytes(good)) for _ in range(8)]
                inputs += [(keys[algorithm], one) for one in self.unusual(good, dice)]
            for one in self.nitro_documents():
                inputs.append((keys[-35], one))
                inputs += [(keys[-35], Damage(dice).bytes(one)) for _ in range(20)]
            framed = []
            for key, data in inputs:
                info = documents.key_info(key)
                framed.append(("s", struct.pack("<H", len(info)) + info + data))
            for (key, data), answer in zip(inputs, ours(framed)):
                campaign.tried()
                self.compare_cose(key, data, answer)
                campaign.refused()
            self.assertGreater(self.seen["verified"], effort(100, 5_000))

    @staticmethod
    def message(key, algorithm: int, dice: random.Random) -> bytes:
        """A good message, some of them with more in their headers than they need."""
        label = cbor.head(0, 1) + cbor.head(1, -1 - algorithm)
        protected = dice.choice([cbor.head(5, 1) + label,
                                 cbor.head(5, 2) + label + b"\x03\x18\x2a",
                                 b"\xbf" + label + b"\xff",
                                 cbor.head(5, 2) + b"\x61a\x01" + label])
        unprotected = dice.choice([b"\xa0", b"\xa1\x04\x41\x31", b"\xbf\xff", b"\xa1\x61b\x80"])
        payload = dice.randbytes(dice.choice([0, 1, 23, 24, 255, 256, 700]))
        signed = (b"\x84\x6aSignature1" + cbor.string(protected) + b"\x40" + cbor.string(payload))
        size, hash_ = (32, hashes.SHA256()) if algorithm == -7 else (48, hashes.SHA384())
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hash_)))
        signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return (dice.choice([b"", b"\xd2"]) + b"\x84" + cbor.string(protected) + unprotected +
                cbor.string(payload) + cbor.string(signature))

    @staticmethod
    def unusual(good: bytes, dice: random.Random) -> list[bytes]:
        """Messages of the same parts, put together otherwise."""
        body = good.removeprefix(b"\xd2")
        parts = [item.encoding for item in cbor.decode(body)[0].value]
        alternatives = [
            [b"\x40", b"\x41\xa0", b"\x41\x80", b"\xa0", b"\xf6", cbor.string(b"\xa1\x01\x38\x2e"),
             cbor.string(b"\xa2\x01\x26\x02\x81\x04"), cbor.string(b"\xa1\x01\x61a"),
             cbor.string(b"\xa1\x41\x01\x26"), cbor.string(b"\xa1\x18\x01\x26"),
             cbor.string(b"\xa2\x01\x26\x01\x26"), cbor.string(b"\xa1\x01\x26\x00")],
            [b"\x80", b"\xa1\x01\x26", b"\xa1\x02\x81\x04", b"\xa1\x41\x01\x00", b"\xf6",
             b"\xa1\x03\x00"],
            [b"\xf6", b"\x61a", b"\xa0", b"\x5f\x41a\xff"],
            [b"\x40", b"\xf6", cbor.string(bytes(64)), cbor.string(bytes(96)),
             cbor.string(b"\xff" * 96)]]
        found = [b"\x9f" + b"".join(parts) + b"\xff", b"\xd8\x12" + body, b"\xd2\xd2" + body,
                 b"\xd1" + body, b"\xd9\x03\xe6" + body, b"\x83" + b"".join(parts[:3]),
                 b"\x85" + b"".join(parts) + b"\x00", body + b"\x00"]
        for _ in range(6):
            changed = list(parts)
            at = dice.randrange(4)
            changed[at] = dice.choice(alternatives[at])
            found.append(b"\x84" + b"".join(changed))
        return found

    def compare_cose(self, key, data: bytes, answer: str) -> None:
        try:
            theirs, broken = cbor.sign1(data)
        except cbor.NotCose as error:
            self.assertTrue(rule(answer), f"taken here, not by RFC 9052 ({error}): {data.hex()}")
            self.seen["refused by both"] += 1
            return
        if broken:
            self.assertIn(rule(answer), broken, data.hex())
            self.seen["stricter here: " + rule(answer)] += 1
            return
        good = self.is_signed_message(theirs, key)
        self.compare("cose", data, answer, {**theirs, "verified": str(int(good))})
        self.seen["verified" if good else "not verified"] += 1

    @staticmethod
    def is_signed_message(parts: dict[str, str], key) -> bool:
        size = {"-7": 32, "-35": 48}[parts["algorithm"]]
        if size != (key.curve.key_size + 7) // 8:
            return False
        signature = bytes.fromhex(parts["signature"])
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        signed = (b"\x84\x6aSignature1" + cbor.string(bytes.fromhex(parts["protected"])) + b"\x40" +
                  cbor.string(bytes.fromhex(parts["payload"])))
        hash_ = hashes.SHA256() if size == 32 else hashes.SHA384()
        try:
            key.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hash_))
            return True
        except InvalidSignature:
            return False


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    READERS = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2, warnings="ignore")
