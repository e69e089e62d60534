#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/fetch_endorsements.py against a stand-in of AMD's and Intel's services on this machine."""

from __future__ import annotations

import base64
import http.server
import json
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fetch_endorsements.py"

# As Intel writes it: the signature is over exactly these bytes, order and spaces included.
TCB_INFO = '{"id":"TDX", "version":3,"fmspc":"00806f050000"}'
IDENTITY = '{"version":2,"id":"TD_QE"}'


class Service(http.server.BaseHTTPRequestHandler):
    """Answers with what `answers` has for a path, and notes what it was asked."""

    answers: dict[str, tuple[bytes, dict[str, str]]] = {}
    asked: list[str] = []

    def do_GET(self) -> None:  # noqa: N802 (the name is http.server's)
        self.asked.append(self.path)
        body, headers = self.answers.get(self.path, (b"", {}))
        self.send_response(200 if self.path in self.answers else 404)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Fetching(unittest.TestCase):
    """What is asked for, and what is written."""

    def setUp(self) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.folder = tempfile.TemporaryDirectory()
        self.out = Path(self.folder.name) / "out"
        Service.answers, Service.asked = {}, []

    def tearDown(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def run_tool(self, tee: str, evidence: bytes, *more: str) -> subprocess.CompletedProcess[str]:
        file = Path(self.folder.name) / "evidence"
        file.write_bytes(evidence)
        command = [sys.executable, str(TOOL), tee, str(file), str(self.out), "--url", self.base]
        return subprocess.run([*command, *more], capture_output=True, text=True, timeout=60)

    @staticmethod
    def report(version: int, tcb: str, *, family: int = 0, model: int = 0, vlek: bool = False):
        report = bytearray(1184)
        struct.pack_into("<I", report, 0, version)
        struct.pack_into("<I", report, 0x48, 4 if vlek else 0)
        report[0x180:0x188] = bytes.fromhex(tcb)
        report[0x188:0x18A] = bytes([family, model])
        report[0x1A0:0x1E0] = bytes(range(64))
        return bytes(report)

    def amd(self, product: str, kind: str, *more: str) -> None:
        for path in (f"/{kind}/v1/{product}/cert_chain", f"/{kind}/v1/{product}/crl", *more):
            Service.answers[path] = (path.encode(), {})

    def test_a_vcek_is_asked_for_by_chip_and_tcb(self) -> None:
        chip = bytes(range(64)).hex()
        path = f"/vcek/v1/Milan/{chip}?blSPL=02&teeSPL=00&snpSPL=05&ucodeSPL=68"
        self.amd("Milan", "vcek", path)
        report = self.report(2, "0200000000000544")
        done = self.run_tool("snp", report, "--product", "Milan")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.out / "vcek.der").read_text(), path)
        self.assertEqual((self.out / "crl.der").read_text(), "/vcek/v1/Milan/crl")
        self.assertEqual(len(list(self.out.iterdir())), 3)

    def test_a_turin_has_other_levels_and_a_short_chip_number(self) -> None:
        path = "/vcek/v1/Turin/0001020304050607?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=09"
        self.amd("Turin", "vcek", path)
        done = self.run_tool("snp", self.report(3, "0102030400000009", family=0x1A, model=2))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(path, Service.asked)

    def test_a_report_inside_a_bundle_is_found(self) -> None:
        report = self.report(3, "0200000000000544", family=0x19, model=0x11)
        told = b"\x00"
        bundle = b"efl-ev/1" + struct.pack("<I", 1) + told + struct.pack("<I", 1184) + report + b"\0"
        chip = bytes(range(64)).hex()
        path = f"/vcek/v1/Genoa/{chip}?blSPL=02&teeSPL=00&snpSPL=05&ucodeSPL=68"
        self.amd("Genoa", "vcek", path)
        self.assertEqual(self.run_tool("snp", bundle).returncode, 0)

    def test_a_vlek_comes_with_the_report_and_is_not_fetched(self) -> None:
        self.amd("Milan", "vlek")
        report = self.report(3, "0200000000000544", family=0x19, model=1, vlek=True)
        self.assertEqual(self.run_tool("snp", report).returncode, 0)
        self.assertFalse((self.out / "vcek.der").exists())

    def test_what_cannot_be_used_is_said_in_one_line(self) -> None:
        for evidence, words in (
            (b"short", "1184 bytes"),
            (self.report(2, "0200000000000544"), "--product"),
            (self.report(3, "0200000000000544", family=0x19, model=1), "404"),
        ):
            done = self.run_tool("snp", evidence)
            self.assertEqual(done.returncode, 69)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
        self.assertFalse((self.out / "vcek.der").exists())

    def quote(self) -> bytes:
        der = b"Intel SGX PCK Platform CA" + bytes.fromhex("060a2a864886f84d010d01040406")
        der += bytes.fromhex("00806f050000")
        text = base64.encodebytes(der)
        return b"\x04\x00" + b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----"

    def intel(self) -> None:
        chain = urllib.parse.quote("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
        tcb = f'{{"tcbInfo":{TCB_INFO},"signature":"aa"}}'.encode()
        identity = f'{{"enclaveIdentity": {IDENTITY},"signature":"bb"}}'.encode()
        Service.answers = {
            "/tdx/certification/v4/tcb?fmspc=00806f050000": (tcb, {"TCB-Info-Issuer-Chain": chain}),
            "/tdx/certification/v4/qe/identity": (
                identity,
                {"SGX-Enclave-Identity-Issuer-Chain": chain},
            ),
            "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": (
                b"\x30\x01",
                {"SGX-PCK-CRL-Issuer-Chain": chain},
            ),
            "/root.der": (b"\x30\x02", {}),
        }

    def test_collateral_keeps_the_bytes_that_were_signed(self) -> None:
        self.intel()
        done = self.run_tool("tdx", self.quote(), "--root-list", self.base + "/root.der")
        self.assertEqual(done.returncode, 0, done.stderr)
        collateral = json.loads((self.out / "collateral.json").read_text())
        self.assertEqual(collateral["tcb_info"], TCB_INFO)
        self.assertEqual(collateral["qe_identity"], IDENTITY)
        self.assertEqual(collateral["tcb_info_signature"], "aa")
        self.assertEqual(collateral["pck_crl"], "3001")
        self.assertEqual(collateral["root_ca_crl"], "3002")
        self.assertTrue(collateral["pck_crl_issuer_chain"].startswith("-----BEGIN"))

    def test_an_answer_without_its_issuers_is_not_used(self) -> None:
        self.intel()
        path = "/tdx/certification/v4/qe/identity"
        Service.answers[path] = (Service.answers[path][0], {})
        done = self.run_tool("tdx", self.quote(), "--root-list", self.base + "/root.der")
        self.assertEqual(done.returncode, 69)
        self.assertFalse((self.out / "collateral.json").exists())


if __name__ == "__main__":
    unittest.main()
