# SPDX-License-Identifier: Apache-2.0
"""Certificates and lists of revocations that Debian's `cryptography` makes, and the real ones.

The same in every run but for their signatures, which `steady` replaces.
"""

from __future__ import annotations

import base64
import datetime
import os
import random
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from der_tree import INTEGER, SEQUENCE, Node, parse

DATA = Path(os.environ.get(
    "ENFILADE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

# RSASSA-PSS with SHA-384 and a salt of 48 bytes (RFC 4055 §3.1), which `cryptography` of Debian 12
# verifies and does not put into certificates.
PSS = bytes.fromhex(
    "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108"
    "300d06096086480165030402020500a203020130")
SHA384_PSS = padding.PSS(padding.MGF1(hashes.SHA384()), 48)


def prime(dice: random.Random, bits: int) -> int:
    """A number that is prime with all probability that a test needs."""
    while True:
        number = dice.getrandbits(bits) | 3 << (bits - 2) | 1
        if number % 65537 == 1 or any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19)):
            continue
        if all(pow(base, number - 1, number) == 1 for base in (2, 3, 5)):
            return number


def rsa_key(dice: random.Random, bits: int = 2048, e: int = 65537) -> rsa.RSAPrivateKey:
    p, q = prime(dice, bits // 2), prime(dice, bits // 2)
    d = pow(e, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(e, p * q)).private_key()


def key_info(key) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def day(year: int, month: int = 1) -> datetime.datetime:
    return datetime.datetime(year, month, 1)


def name(common: str, more: bool = False) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if more:
        attributes += [x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                       x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Größe & Co"),
                       x509.NameAttribute(NameOID.SERIAL_NUMBER, "41431D480FE5E87274")]
    return x509.Name(attributes)


USAGE = {"digital_signature": False, "content_commitment": False, "key_encipherment": False,
         "data_encipherment": False, "key_agreement": False, "key_cert_sign": False,
         "crl_sign": False, "encipher_only": False, "decipher_only": False}


def signed_again(document: bytes, algorithm: bytes, sign) -> bytes:
    """A certificate or list whose algorithm, in both places, is another."""
    tree = parse(document)
    content, outer, signature = tree.children
    for node in content.children:
        if node.tag == SEQUENCE:  # the first one is the algorithm, behind numbers
            node.children = parse(algorithm).children
            break
    outer.children = parse(algorithm).children
    signature.content, signature.children = b"\0" + sign(content.encode()), None
    return tree.encode()


def steady(document: bytes, dice: random.Random) -> bytes:
    """The same with a signature that the dice made: of the right form, and nobody's."""
    tree = parse(document)
    signature = tree.children[2]
    if signature.children is None:
        signature.content = b"\0" + dice.randbytes(len(signature.content) - 1)
    else:  # not as long as that of an ECDSA signature, which differs from run to run
        signature.children = [
            Node(SEQUENCE, children=[Node(INTEGER, b"\1" + dice.randbytes(44)) for _ in range(2)])]
    return tree.encode()


class Authority:
    """Keys of every kind that certificates have, and the certificates of a chain."""

    def __init__(self, dice: random.Random) -> None:
        self.p384 = ec.derive_private_key(dice.getrandbits(380), ec.SECP384R1())
        self.p256 = ec.derive_private_key(dice.getrandbits(250), ec.SECP256R1())
        self.p521 = ec.derive_private_key(dice.getrandbits(500), ec.SECP521R1())
        self.other = ec.derive_private_key(dice.getrandbits(250), ec.SECP256K1())
        self.edwards = ed25519.Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        self.rsa = rsa_key(dice)
        self.short_rsa = rsa_key(dice, 1024)
        self.odd_rsa = rsa_key(dice, 2048, 65539)

        self.root = self.certificate(self.p384, self.p384, ca=(True, None), until=day(2052))
        self.root_p256 = self.certificate(self.p256, self.p256, ca=(True, 1))
        self.root_rsa = self.pss(self.certificate(self.rsa, self.rsa, ca=(True, 0)))
        self.leaf = self.certificate(self.p384, self.p384, more=True, serial=(1 << 158) + 7)
        self.leaf_p256 = self.certificate(self.p256, self.p384, hashes.SHA384(), extra=True)
        self.leaf_of_p256 = self.certificate(self.p384, self.p256, extra=True, more=True)
        self.leaf_of_rsa = self.pss(self.certificate(self.p384, self.rsa, extra=True))

    def pss(self, document: bytes) -> bytes:
        return signed_again(
            document, PSS, lambda content: self.rsa.sign(content, SHA384_PSS, hashes.SHA384()))

    def certificate(self, key, issuer, algorithm=None, ca=None, serial: int = 0x4711,
                    until: datetime.datetime = day(2034), more: bool = False,
                    extra: bool = False, critical: bool = False, bare: bool = False) -> bytes:
        if algorithm is None and issuer is not self.edwards:
            algorithm = hashes.SHA384() if issuer in (self.p384, self.rsa) else hashes.SHA256()
        builder = (
            x509.CertificateBuilder()
            .subject_name(name("leaf", more)).issuer_name(name("issuer", more))
            .public_key(key.public_key()).serial_number(serial)
            .not_valid_before(day(2024)).not_valid_after(until))
        if not bare:
            path = ca or (False, None)
            builder = builder.add_extension(x509.BasicConstraints(*path), critical=True)
            usage = {"key_cert_sign": True, "crl_sign": True} if ca else {"digital_signature": True}
            builder = builder.add_extension(x509.KeyUsage(**{**USAGE, **usage}), critical=True)
        if extra:
            point = x509.DistributionPoint(
                [x509.UniformResourceIdentifier("https://kds.example/l.crl")], None, None, None)
            for one in (
                    x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),
                    x509.SubjectAlternativeName([x509.DNSName("leaf.example")]),
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
                    x509.CRLDistributionPoints([point]),
                    x509.UnrecognizedExtension(
                        x509.ObjectIdentifier("1.3.6.1.4.1.3704.1.4"), b"\x5a" * 64)):
                builder = builder.add_extension(one, critical=False)
        if critical:
            builder = builder.add_extension(x509.InhibitAnyPolicy(0), critical=True)
        return builder.sign(issuer, algorithm).public_bytes(serialization.Encoding.DER)

    def certificates(self) -> list[bytes]:
        """Each of a kind that is read here, then some of kinds that are not."""
        return [
            self.root, self.root_p256, self.root_rsa, self.leaf, self.leaf_p256, self.leaf_of_p256,
            self.leaf_of_rsa, self.certificate(self.rsa, self.p384, bare=True),
            self.certificate(self.p384, self.p384, until=day(2050)),
            *self.foreign_certificates()]

    def foreign_certificates(self) -> list[bytes]:
        return [
            self.certificate(self.p521, self.p384), self.certificate(self.other, self.p384),
            self.certificate(self.edwards, self.p384), self.certificate(self.p384, self.edwards),
            self.certificate(self.p384, self.rsa),
            self.certificate(self.p384, self.p521, hashes.SHA512()),
            self.certificate(self.short_rsa, self.p384), self.certificate(self.odd_rsa, self.p384),
            self.certificate(self.p384, self.p384, critical=True)]

    def lists(self) -> list[bytes]:
        """Lists of revocations: empty, with entries, and with reasons for them."""
        made = []
        for key, count, reasons in ((self.p384, 0, False), (self.p384, 3, False),
                                    (self.p256, 3, True), (self.rsa, 2, True)):
            builder = (
                x509.CertificateRevocationListBuilder()
                .issuer_name(name("issuer", more=reasons))
                .last_update(day(2024)).next_update(day(2055 if reasons else 2025))
                .add_extension(x509.CRLNumber(7), critical=False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
                    critical=False))
            for number in range(count):
                entry = (x509.RevokedCertificateBuilder()
                         .serial_number((1 << 40 * number) + number).revocation_date(day(2024)))
                if reasons:
                    entry = entry.add_extension(
                        x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
                builder = builder.add_revoked_certificate(entry.build())
            algorithm = hashes.SHA256() if key is self.p256 else hashes.SHA384()
            document = builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)
            made.append(self.pss(document) if key is self.rsa else document)
        return made


PEM = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL)-----(.*?)-----END", re.DOTALL)


def real_documents() -> tuple[list[bytes], list[bytes]]:
    """The certificates and lists of Amazon, AMD, Intel and NVIDIA, where there is test data."""
    certificates: dict[bytes, None] = {}
    lists: dict[bytes, None] = {}
    folder = DATA / "attestation"
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in (".json", ".snap"):
            continue
        content = path.read_bytes()
        if path.suffix == ".der" or path.name == "pckcrl":
            is_list = "crl" in path.name
            (lists if is_list else certificates)[content] = None
        for kind, text in PEM.findall(content):
            found = base64.b64decode(b"".join(text.split()))
            (certificates if kind == b"CERTIFICATE" else lists)[found] = None
    return list(certificates), list(lists)
