#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches what AMD or Intel say about the machine that made a piece of evidence.

  fetch_endorsements.py snp REPORT FOLDER   VCEK, its chain and the list of revocations, from AMD
  fetch_endorsements.py tdx QUOTE FOLDER    TCB info, QE identity and lists of revocations, from Intel

The evidence is read only as far as it takes to know what to ask for, and nothing that comes back is
believed here: `enfilade-verify` and the programs check every signature up to their own roots. So this
may run on any machine that has a network; it is the only part of Enfilade that uses one for this.

Files written:  snp: vcek.der (not for a VLEK), cert_chain.pem, crl.der     for --certs, once each
                tdx: collateral.json                                       for --collateral

Usage: fetch_endorsements.py snp|tdx FILE FOLDER [--product Milan|Genoa|Turin] [--url BASE]
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import struct
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

AMD = "https://kdsintf.amd.com"
INTEL = "https://api.trustedservices.intel.com"
INTEL_ROOT_LIST = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

LARGEST = 1 << 20  # bytes of an answer: the longest real one has some 10 000
TIMEOUT = 30  # seconds

# Family and upper half of the model (CPUID), to whose keys they belong: AMD's service knows the
# processors of the same socket under one name.
PRODUCTS = {
    (0x19, 0x0): "Milan",
    (0x19, 0x1): "Genoa",
    (0x19, 0xA): "Genoa",
    (0x1A, 0x0): "Turin",
    (0x1A, 0x1): "Turin",
}


class Unusable(Exception):
    """The file, or what was fetched, cannot be used; the text is for people."""


def fetch(url: str) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that an address answers with."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            body = answer.read(LARGEST + 1)
            headers = {name.lower(): value for name, value in answer.headers.items()}
    except (urllib.error.URLError, OSError) as error:
        raise Unusable(f"{url}: {error}") from error
    if len(body) > LARGEST:
        raise Unusable(f"{url}: more than {LARGEST} bytes")
    return body, headers


def unwrapped(evidence: bytes) -> bytes:
    """The report or quote inside an evidence bundle (attest/evidence_bundle.hpp), or as it is."""
    if not evidence.startswith(b"efl-ev/1"):
        return evidence
    told = struct.unpack_from("<I", evidence, 8)[0]
    size = struct.unpack_from("<I", evidence, 12 + told)[0]
    return evidence[16 + told : 16 + told + size]


def vcek_path(report: bytes, product: str | None) -> tuple[str, str, str | None]:
    """Product, kind of key, and the path of the VCEK (none for a VLEK) of an attestation report."""
    if len(report) != 1184:
        raise Unusable(f"a report has 1184 bytes, this file {len(report)}")
    version = struct.unpack_from("<I", report, 0)[0]
    if version >= 3:
        product = PRODUCTS.get((report[0x188], report[0x189] >> 4), product)
    if product is None:
        raise Unusable("the report does not say of which product it is: give --product")
    if struct.unpack_from("<I", report, 0x48)[0] >> 2 & 7 == 1:
        return product, "vlek", None
    tcb = report[0x180:0x188]
    chip = report[0x1A0:0x1E0]
    if product == "Turin":
        levels = {"fmcSPL": tcb[0], "blSPL": tcb[1], "teeSPL": tcb[2], "snpSPL": tcb[3]}
        chip = chip[:8]
    else:
        levels = {"blSPL": tcb[0], "teeSPL": tcb[1], "snpSPL": tcb[6]}
    levels["ucodeSPL"] = tcb[7]
    query = "&".join(f"{name}={value:02d}" for name, value in levels.items())
    return product, "vcek", f"/vcek/v1/{product}/{chip.hex()}?{query}"


def fetch_snp(evidence: Path, folder: Path, product: str | None, base: str) -> list[Path]:
    """Asks AMD's key distribution service."""
    product, kind, path = vcek_path(unwrapped(evidence.read_bytes()), product)
    wanted = {
        "cert_chain.pem": f"/{kind}/v1/{product}/cert_chain",
        "crl.der": f"/{kind}/v1/{product}/crl",
    }
    if path is not None:
        wanted["vcek.der"] = path
    return [write(folder / name, fetch(base + path)[0]) for name, path in wanted.items()]


def pck_facts(quote: bytes) -> tuple[str, str]:
    """FMSPC and the kind of authority of a quote's PCK certificate, found without a parser."""
    pem = re.search(
        rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", quote
    )
    if pem is None:
        raise Unusable("there is no certificate in the quote")
    der = base64.b64decode(pem[1])
    # OBJECT IDENTIFIER 1.2.840.113741.1.13.1.4, OCTET STRING of 6 bytes
    at = der.find(bytes.fromhex("060a2a864886f84d010d01040406"))
    if at < 0:
        raise Unusable("the quote's certificate has no FMSPC")
    ca = "processor" if b"PCK Processor CA" in der else "platform"
    return der[at + 14 : at + 20].hex(), ca


def fetch_tdx(evidence: Path, folder: Path, base: str, root_list: str) -> list[Path]:
    """Asks Intel's provisioning certification service, and puts its answers into one file."""
    fmspc, ca = pck_facts(unwrapped(evidence.read_bytes()))

    def signed(path: str, member: str, chain: str) -> tuple[str, str, str]:
        """The text that was signed, exactly as it came; the signature; who signed it."""
        body, headers = fetch(base + path)
        text = body.decode("utf-8")
        # The signature is over the bytes of the member as they stand, so they are cut out of the
        # text and not printed anew.
        start = text.index(f'"{member}":') + len(member) + 3
        value, length = json.JSONDecoder().raw_decode(text[start:].lstrip())
        start += len(text[start:]) - len(text[start:].lstrip())
        signature = json.loads(text)["signature"]
        if not isinstance(value, dict) or chain.lower() not in headers:
            raise Unusable(f"{base + path}: not as Intel's service answers")
        return text[start : start + length], signature, urllib.parse.unquote(headers[chain.lower()])

    tcb = signed(
        f"/tdx/certification/v4/tcb?fmspc={fmspc}", "tcbInfo", "TCB-Info-Issuer-Chain"
    )
    identity = signed(
        "/tdx/certification/v4/qe/identity", "enclaveIdentity", "SGX-Enclave-Identity-Issuer-Chain"
    )
    crl, headers = fetch(f"{base}/sgx/certification/v4/pckcrl?ca={ca}&encoding=der")
    root, _ = fetch(root_list)
    collateral = {
        "pck_crl_issuer_chain": urllib.parse.unquote(headers["sgx-pck-crl-issuer-chain"]),
        "root_ca_crl": root.hex(),
        "pck_crl": crl.hex(),
        "tcb_info_issuer_chain": tcb[2],
        "tcb_info": tcb[0],
        "tcb_info_signature": tcb[1],
        "qe_identity_issuer_chain": identity[2],
        "qe_identity": identity[0],
        "qe_identity_signature": identity[1],
    }
    text = json.dumps(collateral, indent=2) + "\n"
    return [write(folder / "collateral.json", text.encode("utf-8"))]


def write(path: Path, content: bytes) -> Path:
    """Writes a file that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    beside.replace(path)
    return path


def main() -> int:
    """Returns 0; 69 where the maker's service does not answer as it should; 64 for usage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tee", choices=("snp", "tdx"))
    parser.add_argument("evidence", type=Path, help="report, quote or evidence bundle")
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--product", choices=sorted(set(PRODUCTS.values())))
    parser.add_argument("--url", help="another service than the maker's, such as a cache")
    parser.add_argument("--root-list", help="where Intel's root publishes what it has revoked")
    try:
        given = parser.parse_args()
    except SystemExit as asked:
        return 64 if asked.code else 0
    try:
        if given.tee == "snp":
            written = fetch_snp(given.evidence, given.folder, given.product, given.url or AMD)
        else:
            roots = given.root_list or INTEL_ROOT_LIST
            written = fetch_tdx(given.evidence, given.folder, given.url or INTEL, roots)
    except (Unusable, OSError, ValueError, KeyError, TypeError, struct.error) as error:
        print(f"fetch_endorsements: {error}", file=sys.stderr)
        return 69
    for path in written:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
