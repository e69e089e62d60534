# SPDX-License-Identifier: Apache-2.0
"""What `cryptography` says of certificates and lists of revocations, in the words of readers.cpp.

Where the two do not agree, `certificate_class` and `list_class` say which of the known differences
it is, or None: then one of the two is wrong.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from der_tree import (BIT_STRING, GENERALIZED_TIME, INTEGER, OCTET_STRING, SEQUENCE, UTC_TIME, Node,
                      NotDer, parse, split)

EXTENSIONS = ["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.31", "2.5.29.35",
              "1.2.840.113741.1.13.1", "1.3.6.1.4.1.3704.1.3.1", "1.3.6.1.4.1.3704.1.4",
              "2.23.133.5.4.1"]
BASIC_CONSTRAINTS, KEY_USAGE = bytes.fromhex("551d13"), bytes.fromhex("551d0f")
ECDSA_SHA256, ECDSA_SHA384 = "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3"
PSS = "1.2.840.113549.1.1.10"
ALGORITHMS = {ECDSA_SHA256: 0, ECDSA_SHA384: 1, PSS: 2}
USAGES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
          "key_agreement", "key_cert_sign", "crl_sign"]


class Refused(Exception):
    """`cryptography` does not take it; the text says why."""


def seconds(when: datetime.datetime) -> int:
    return calendar.timegm(when.timetuple())


def moment(thing, attribute: str) -> int:
    """A date, under the name that newer versions of cryptography have for it, or the old one."""
    value = getattr(thing, attribute + "_utc", None)
    return seconds(value if value is not None else getattr(thing, attribute))


def dotted(oid: bytes) -> str:
    arcs, value = [], 0
    for byte in oid:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def fields_of(document: bytes) -> list[tuple[int, bytes, bytes]]:
    """The elements of what is signed."""
    return split(split(split(document)[0][1])[0][1])


def extensions_of(fields: list[tuple[int, bytes, bytes]],
                  tag: int) -> list[tuple[bytes, bool, bytes]]:
    """Name, criticality and value of each extension."""
    found = []
    for field_tag, content, _ in fields:
        if field_tag != tag:
            continue
        for _, extension, _ in split(split(content)[0][1]):
            parts = split(extension)
            found.append((parts[0][1], len(parts) == 3, parts[-1][1]))
    return found


def _asked(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except Exception as error:  # pylint: disable=broad-except  # whatever it throws, it refuses
        raise Refused(f"{type(error).__name__}: {error}") from None


def certificate(document: bytes) -> dict[str, str]:
    """All that is compared of a certificate; `Refused` where there is none."""
    read = _asked(lambda: x509.load_der_x509_certificate(document))
    for attribute in ("extensions", "issuer", "subject", "serial_number", "not_valid_before",
                      "not_valid_after", "signature", "signature_algorithm_oid"):
        _asked(lambda name=attribute: getattr(read, name))
    if read.version != x509.Version.v3:
        raise Refused("version")
    key = _asked(read.public_key)
    out = {
        "serial": number(read.serial_number),
        "not_before": str(moment(read, "not_valid_before")),
        "not_after": str(moment(read, "not_valid_after")),
        "algorithm": str(ALGORITHMS.get(read.signature_algorithm_oid.dotted_string, "other")),
        "signed_part": read.tbs_certificate_bytes.hex(),
        "signature": read.signature.hex(),
        "key": _asked(lambda: key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hex(),
        "authority": "0",
    }
    fields = fields_of(document)
    sequences = [whole for tag, _, whole in fields if tag == SEQUENCE]
    out["issuer"], out["subject"] = sequences[1].hex(), sequences[3].hex()
    for oid, _, value in extensions_of(fields, 0xA3):
        if dotted(oid) in EXTENSIONS:
            out[dotted(oid)] = value.hex()
    for extension in read.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints):
            out["authority"] = str(int(value.ca))
            if value.path_length is not None:
                out["path_length"] = str(value.path_length)
        if isinstance(value, x509.KeyUsage):
            bits = sum(1 << n for n, name in enumerate(USAGES) if getattr(value, name))
            if value.key_agreement:
                bits |= value.encipher_only << 7 | value.decipher_only << 8
            out["key_usage"] = str(bits)
    return out


def number(value: int) -> str:
    """As x509_certificate::serial has it."""
    if value < 0:
        return "negative"
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big").hex()


def revocation_list(document: bytes, serials: list[bytes]) -> dict[str, str]:
    """All that is compared of a list of revocations; `Refused` where there is none."""
    read = _asked(lambda: x509.load_der_x509_crl(document))
    for attribute in ("extensions", "issuer", "last_update", "next_update", "signature"):
        _asked(lambda name=attribute: getattr(read, name))
    revoked = set()
    for entry in _asked(lambda: list(read)):
        _asked(lambda entry=entry: entry.extensions)
        revoked.add(number(_asked(lambda entry=entry: entry.serial_number)))
    return {
        "issuer": [whole for tag, _, whole in fields_of(document) if tag == SEQUENCE][1].hex(),
        "this_update": str(moment(read, "last_update")),
        "next_update": str(moment(read, "next_update")) if read.next_update else "none",
        "revoked": "".join(str(int(serial.hex() in revoked)) for serial in serials),
    }


def serials_of(document: bytes) -> list[bytes]:
    """Up to six serial numbers that a list holds, as far as it can be read."""
    found: list[bytes] = []
    try:
        for tag, content, _ in fields_of(document):
            if tag != SEQUENCE:
                continue
            for entry_tag, entry, _ in split(content):
                if entry_tag == SEQUENCE and entry[:1] == bytes([INTEGER]):
                    found.append(split(entry)[0][1].lstrip(b"\0") or b"\0")
    except (NotDer, IndexError):
        pass
    return [serial for serial in found if len(serial) < 200][:6]


# ---- known differences: refused here and taken there ---------------------------------------------
#
# Each rule with the question, asked of the bytes by this file alone, whether the document really is
# of that class. A refusal under a rule for which the answer is no is a defect of one of the two.

KNOWN_ALGORITHMS = {bytes.fromhex(text) for text in (
    "300a06082a8648ce3d040302", "300a06082a8648ce3d040303",
    "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108"
    "300d06096086480165030402020500a203020130",
    "304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108"
    "300d06096086480165030402020500a203020130a303020101")}


def outer_of(document: bytes) -> list[tuple[int, bytes, bytes]]:
    return split(split(document)[0][1])


def inner_algorithm(document: bytes) -> bytes:
    return next(whole for tag, _, whole in fields_of(document) if tag == SEQUENCE)


def key_of(document: bytes) -> tuple[bytes, object]:
    """The SubjectPublicKeyInfo as it stands there, and the key that `cryptography` reads of it."""
    raw = [whole for tag, _, whole in fields_of(document) if tag == SEQUENCE][4]
    return raw, x509.load_der_x509_certificate(document).public_key()


def key_is_not_der(document: bytes) -> bool:
    raw, key = key_of(document)
    return raw != key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def point_is_compressed(document: bytes) -> bool:
    raw, key = key_of(document)
    return isinstance(key, ec.EllipticCurvePublicKey) and split(split(raw)[0][1])[1][1][1] != 4


def rsa_out_of_range(document: bytes) -> bool:
    _, key = key_of(document)
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    numbers = key.public_numbers()
    bits = numbers.n.bit_length()
    return not (2048 <= bits <= 4096 and bits % 8 == 0 and numbers.n % 2 and
                65536 < numbers.e < 1 << 32 and numbers.e % 2)


def another_curve(document: bytes) -> bool:
    _, key = key_of(document)
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in (
        "secp256r1", "secp384r1")


def another_key(document: bytes) -> bool:
    """Neither id-ecPublicKey nor rsaEncryption: `cryptography` takes RSA keys for PSS only, too."""
    raw, _ = key_of(document)
    return split(split(split(raw)[0][1])[0][1])[0][1] not in (
        bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a864886f70d010101"))


def times_of(document: bytes) -> list[tuple[int, bytes]]:
    """Of a certificate its validity, of a list its updates and when each entry was revoked."""
    fields = fields_of(document)
    times = [(tag, content) for tag, content, _ in fields if tag in (UTC_TIME, GENERALIZED_TIME)]
    if not times:
        sequences = [content for tag, content, _ in fields if tag == SEQUENCE]
        return [(tag, content) for tag, content, _ in split(sequences[2])]
    entries = [content for tag, content, _ in fields if tag == SEQUENCE][2:]
    for _, entry, _ in split(entries[0]) if entries else []:
        times.append(split(entry)[1][:2])
    return times


def time_in_the_other_form(document: bytes) -> bool:
    """A GeneralizedTime for a year that UTCTime can say (RFC 5280 §4.1.2.5)."""
    return any(tag == GENERALIZED_TIME and content[:4] < b"2050"
               for tag, content in times_of(document))


def end_before_beginning(document: bytes) -> bool:
    try:
        read = certificate(document)
        return int(read["not_after"]) < int(read["not_before"])
    except Refused:
        read = revocation_list(document, [])
        return int(read["next_update"]) < int(read["this_update"])


def bits_left_over(document: bytes) -> bool:
    """A signature or a key that does not end with its last byte, or a keyUsage above 16 bits."""
    if outer_of(document)[2][1][:1] != b"\0":
        return True
    fields = fields_of(document)
    sequences = [content for tag, content, _ in fields if tag == SEQUENCE]
    if len(sequences) > 4 and split(sequences[4])[1][1][:1] != b"\0":
        return True
    return any(oid == KEY_USAGE and len(split(value)[0][1]) > 3
               for oid, _, value in extensions_of(fields, 0xA3))


def key_usage_is_empty(document: bytes) -> bool:
    return any(oid == KEY_USAGE and not any(split(value)[0][1][1:])
               for oid, _, value in extensions_of(fields_of(document), 0xA3))


def lists_of_extensions(document: bytes) -> list[list[tuple[bytes, bool, bytes]]]:
    """Those of the document and, of a list of revocations, of each entry."""
    fields = fields_of(document)
    found = [extensions_of([field], field[0]) for field in fields if field[0] in (0xA0, 0xA3)
             and field[1][:1] == bytes([SEQUENCE])]
    if any(tag in (UTC_TIME, GENERALIZED_TIME) for tag, _, _ in fields):
        entries = [content for tag, content, _ in fields if tag == SEQUENCE][2:]
        for _, entry, _ in split(entries[0]) if entries else []:
            parts = split(entry)
            if len(parts) > 2:
                found.append(extensions_of([(0, parts[2][2], b"")], 0))
    return found


def critical_extension(document: bytes) -> bool:
    is_list = any(tag in (UTC_TIME, GENERALIZED_TIME) for tag, _, _ in fields_of(document))
    looked_at = () if is_list else (BASIC_CONSTRAINTS, KEY_USAGE)
    return any(critical and oid not in looked_at
               for extensions in lists_of_extensions(document) for oid, critical, _ in extensions)


def serial_of(document: bytes) -> bytes:
    return next(content for tag, content, _ in fields_of(document) if tag == INTEGER)


def revoked_serial_is_negative(document: bytes) -> bool:
    """Which newer versions of `cryptography` take in a list."""
    entries = [content for tag, content, _ in fields_of(document) if tag == SEQUENCE][2]
    return any(split(entry)[0][1][:1] >= b"\x80" for _, entry, _ in split(entries))


STRICTER: dict[str, tuple[Callable[[bytes], bool], ...]] = {
    "x509.algorithm": (lambda d: outer_of(d)[1][2] not in KNOWN_ALGORITHMS,),
    "x509.algorithms_differ": (lambda d: outer_of(d)[1][2] != inner_algorithm(d),),
    "crl.algorithms_differ": (lambda d: outer_of(d)[1][2] != inner_algorithm(d),),
    "x509.critical_extension": (critical_extension,),
    "x509.extensions_empty": (lambda d: [] in lists_of_extensions(d),),
    "x509.extension_twice": (lambda d: any(
        len({oid for oid, _, _ in one}) != len(one) for one in lists_of_extensions(d)),),
    "x509.too_many_extensions": (lambda d: any(len(one) > 20 for one in lists_of_extensions(d)),),
    "x509.issuer_empty": (lambda d: [c for t, c, _ in fields_of(d) if t == SEQUENCE][1] == b"",),
    "x509.serial_too_long": (lambda d: len(serial_of(d).lstrip(b"\0")) > 20,),
    "x509.validity": (end_before_beginning,),
    "crl.validity": (end_before_beginning,),
    "x509.too_long": (lambda d: len(d) > 4096,),
    "x509.key_usage": (key_usage_is_empty,),
    "crl.version": (lambda d: fields_of(d)[0][0] != INTEGER,),
    "crl.no_next_update": (lambda d: sum(
        tag in (UTC_TIME, GENERALIZED_TIME) for tag, _, _ in fields_of(d)) == 1,),
    "der.time": (time_in_the_other_form,),
    "der.negative": (lambda d: serial_of(d)[:1] >= b"\x80", revoked_serial_is_negative,
                     key_is_not_der),
    "der.bit_string": (bits_left_over,),
    # Keys: OpenSSL, which reads them there, takes BER and mends it.
    "x509.curve": (another_curve,),
    "x509.key_algorithm": (another_key,),
    "x509.rsa_key_out_of_range": (rsa_out_of_range,),
    "x509.point_form": (point_is_compressed,),
    "x509.curve_by_parameters": (key_is_not_der,),
    "x509.key_info": (key_is_not_der,),
    "x509.rsa_key": (key_is_not_der,),
    "x509.point": (key_is_not_der,),
    "der.integer": (key_is_not_der,),
    "der.length": (key_is_not_der,),
    "der.truncated": (key_is_not_der,),
    "der.trailing_bytes": (key_is_not_der,),
    "der.tag": (key_is_not_der,),
    "der.unexpected_element": (key_is_not_der,),
    "der.object_identifier": (key_is_not_der,),
}


def is_stricter(rule: str, document: bytes) -> bool:
    """Whether that rule is known to be stricter, and the document breaks it."""
    for question in STRICTER.get(rule, ()):
        try:
            if question(document):
                return True
        except (NotDer, IndexError, StopIteration):
            pass  # asked of something that this document does not have, such as the key of a list
    return False


# ---- known differences: taken here and refused there ---------------------------------------------

NAME = parse(bytes.fromhex("300c310a300806035504030c0161"))  # CN=a


def without_what_is_not_read(document: bytes) -> bytes:
    """The same document with good names, and without the extensions whose values are not read here.

    Where a document is taken here and refused there, this one must be taken by both: then the
    damage was in the names or in these values.
    """
    tree = parse(document)
    content = tree.children[0]
    sequences = [at for at, child in enumerate(content.children) if child.tag == SEQUENCE]
    is_list = any(child.tag in (UTC_TIME, GENERALIZED_TIME) for child in content.children)
    for at in (sequences[1],) if is_list else (sequences[1], sequences[3]):
        content.children[at] = NAME
    for child in list(content.children):
        if child.tag != (0xA0 if is_list else 0xA3):
            continue
        extensions = child.children[0]
        extensions.children = [
            one for one in extensions.children
            if not is_list and one.children[0].content in (BASIC_CONSTRAINTS, KEY_USAGE)]
        for one in extensions.children:
            if one.children[0].content == KEY_USAGE:
                usage = without_lonely_bits(one.children[-1].inside())
                one.children[-1] = Node(OCTET_STRING, usage)
        if not extensions.children:
            content.children.remove(child)
    if is_list and len(sequences) > 2:
        for entry in content.children[sequences[2]].children:
            del entry.children[2:]
    return tree.encode()


def without_lonely_bits(usage: bytes) -> bytes:
    """A keyUsage with keyAgreement beside encipherOnly and decipherOnly, which mean nothing alone."""
    bits = split(usage)[0][1]
    if bits[1] & 0x01 or bits[2:] and bits[2] & 0x80:
        bits = bytes([bits[0], bits[1] | 0x08]) + bits[2:]
    return bytes([BIT_STRING, len(bits)]) + bits
