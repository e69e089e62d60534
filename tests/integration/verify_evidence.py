#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""enfilade-verify as an auditor runs it: real evidence at its own time and today, and what is none.

Usage: verify_evidence.py PROGRAM DATA (the program, and the folder of the test data)
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path()
EVIDENCE = Path()  # of the test data
TODAY = "2026-11-21T00:00:00Z"  # after the last certificate of Nitro and all collateral
LIMIT = 30.0  # seconds


def run(*words: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """The program with this command line."""
    return subprocess.run([PROGRAM, *map(str, words)], input=stdin or b"", capture_output=True,
                          timeout=LIMIT, check=False)


def has_data() -> bool:
    return EVIDENCE.is_dir()


def expected_of(platform: str) -> list[dict]:
    return json.loads((EVIDENCE / platform / "derived" / "expected.json").read_text())


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rfc3339(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def made_at(entry: dict) -> str:
    """The second in which a Nitro document was made."""
    return rfc3339(datetime.fromtimestamp(entry["timestamp_ms"] // 1000, timezone.utc))


class Folder(unittest.TestCase):
    """A test with a folder for its files."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="enfilade-verify-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def judged(self, file: Path | str, *words: str | Path, exit_code: int,
               stdin: bytes | None = None) -> dict:
        """The JSON of a judgement, after all that holds for every judgement was looked at."""
        done = run("evidence", file, *words, "--json", stdin=stdin)
        self.assertEqual(done.returncode, exit_code, done.stderr)
        self.assertEqual(done.stdout.count(b"\n"), 1)
        document = json.loads(done.stdout)
        self.assertEqual(document["enfilade"], "evidence/1")
        failed = [step for step in document["steps"] if step["outcome"] == "failed"]
        if exit_code == 0:
            self.assertEqual(document["outcome"], "verified")
            self.assertEqual((failed, document["error"], done.stderr), ([], None, b""))
            self.assertIsNotNone(document["claims"])
        else:
            outcome = {10: "refused", 20: "unsupported", 30: "malformed"}[exit_code]
            self.assertEqual(document["outcome"], outcome)
            self.assertEqual(len(failed), 1)
            self.assertEqual(failed[0]["rule"], document["error"]["rule"])
            self.assertEqual(failed[0]["code"], document["error"]["code"])
            self.assertEqual(document["error"]["exit_code"], exit_code)
            self.assertEqual(done.stderr.count(b"\n"), 1)
            self.assertIn(failed[0]["code"].encode() + b": ", done.stderr)
            # Nothing is looked at after a failure.
            after = document["steps"][document["steps"].index(failed[0]) + 1:]
            self.assertEqual({step["outcome"] for step in after} - {"skipped"}, set())
        # The table says the same.
        table = run("evidence", file, *words, stdin=stdin)
        self.assertEqual(table.returncode, exit_code)
        lines = table.stdout.decode().splitlines()
        for step, line in zip(document["steps"], lines):
            self.assertEqual(line.split()[:2], [
                step["name"], "FAILED" if step["outcome"] == "failed" else step["outcome"]])
        self.assertTrue(lines[-1].startswith(document["outcome"]), lines[-1])
        return document

    def refused(self, file: Path | str, *words: str | Path, step: str, rule: str,
                exit_code: int = 10, stdin: bytes | None = None) -> dict:
        document = self.judged(file, *words, exit_code=exit_code, stdin=stdin)
        failed = next(s for s in document["steps"] if s["outcome"] == "failed")
        self.assertEqual((failed["name"], failed["rule"]), (step, rule))
        return document


class NitroEvidence(Folder):
    def setUp(self) -> None:
        if not has_data():
            self.skipTest("no test data")
        super().setUp()
        self.all = [(EVIDENCE / "nitro" / entry["file"], entry) for entry in expected_of("nitro")]
        self.assertEqual(len(self.all), 8)
        self.genuine = [(path, entry) for path, entry in self.all
                        if entry["expect"].startswith("COSE signature")]
        self.assertEqual(len(self.genuine), 7)

    def named(self, name: str) -> tuple[Path, str]:
        """A document and its own time."""
        return next((path, made_at(entry)) for path, entry in self.all if name in entry["file"])

    def test_genuine_documents_are_what_is_expected_at_their_own_time(self) -> None:
        for path, entry in self.genuine:
            with self.subTest(path=path.name):
                when = ("--tee", "nitro", "--now", made_at(entry))
                if entry["debug_mode"]:
                    self.refused(path, *when, step="debug", rule="nitro.debug")
                    when += ("--allow-debug",)
                claims = self.judged(path, *when, exit_code=0)["claims"]
                self.assertEqual(claims["attester"], "nitro")
                for index in range(3):
                    self.assertEqual(claims["registers"][f"pcr{index}"],
                                     entry["pcrs"][str(index)])
                found = claims["registers"] | claims["place"]
                for index, value in entry["pcrs"].items():
                    if int(index) > 2:
                        self.assertEqual(found.get(f"pcr{index}", "0" * 96), value)
                self.assertEqual("debug" in claims["permissions"], entry["debug_mode"])
                self.assertEqual(claims["made_at"], made_at(entry))
                self.assertEqual(claims["judged_at"], made_at(entry))
                self.assertEqual(time_of(claims["valid_until"].replace("Z", "+00:00")),
                                 time_of(entry["chain_not_after_min"]))

    def test_what_is_not_measured_is_shown_beside_the_claims(self) -> None:
        for path, entry in self.genuine:
            besides = self.judged(path, "--tee", "nitro", "--now", made_at(entry), "--allow-debug",
                                  exit_code=0)["besides"]
            self.assertEqual(besides["module id"], entry["module_id"])
            for name in ("public_key", "user_data", "nonce"):
                self.assertEqual(besides.get(name.replace("_", " ")), entry[name])

    def test_all_have_expired_today(self) -> None:
        for path, entry in self.genuine:
            for when in (("--now", TODAY), ()):  # and by the clock of this machine
                with self.subTest(path=path.name, when=when):
                    document = self.refused(path, "--tee", "nitro", "--allow-debug", *when,
                                            step="chain", rule="chain.expired")
                    self.assertEqual(document["error"]["code"], "attest.expired")
                    self.assertIsNone(document["claims"])

    def test_the_first_and_the_last_second(self) -> None:
        for path, entry in self.genuine:
            last = time_of(entry["chain_not_after_min"])
            options = ("--tee", "nitro", "--allow-debug", "--now")
            self.judged(path, *options, rfc3339(last), exit_code=0)
            self.refused(path, *options, rfc3339(last + timedelta(seconds=1)), step="chain",
                         rule="chain.expired")

    def test_the_impostor_is_malformed(self) -> None:
        path = EVIDENCE / "nitro" / "derived" / "blocky_selfsigned.cose"
        self.refused(path, "--tee", "nitro", "--now", "2024-04-17T18:51:46Z", exit_code=30,
                     step="message", rule="cose.unprotected_header")

    def test_the_nonce_is_that_of_the_document_or_it_is_refused(self) -> None:
        path, when = self.named("evervault_beta_2022")
        entry = next(entry for other, entry in self.all if other == path)
        options = ("--tee", "nitro", "--now", when, "--nonce")
        document = self.judged(path, *options, entry["nonce"], exit_code=0)
        self.assertIn({"name": "binding", "outcome": "passed"}, document["steps"])
        document = self.refused(path, *options, "00" * 16, step="binding", rule="evidence.nonce")
        self.assertEqual(document["error"]["code"], "attest.binding_mismatch")
        self.assertIsNone(document["claims"])

    def test_bytes_may_come_from_stdin(self) -> None:
        path, when = self.named("dstack_2025")
        from_file = self.judged(path, "--tee", "nitro", "--now", when, exit_code=0)
        from_stdin = self.judged("-", "--tee", "nitro", "--now", when, exit_code=0,
                                 stdin=path.read_bytes())
        self.assertEqual(from_file, from_stdin)

    def test_what_is_cut_altered_or_wrapped_is_refused_by_its_rule(self) -> None:
        path, when = self.named("dstack_2025")
        document = path.read_bytes()
        options = ("--tee", "nitro", "--now", when)
        for size in (1, 100, len(document) - 1):
            self.refused(self.file("cut", document[:size]), *options, exit_code=30,
                         step="message", rule="cbor.truncated")
        self.refused(self.file("empty", b""), *options, exit_code=30, step="size",
                     rule="nitro.size")
        self.refused(self.file("more", document + b"\0"), *options, exit_code=30, step="message",
                     rule="cbor.trailing_bytes")
        altered = bytearray(document)
        altered[-1] ^= 1
        self.refused(self.file("altered", bytes(altered)), *options, step="signature",
                     rule="cose.not_signed_by_leaf")
        envelope = EVIDENCE / "nitro" / "dstack" / "nitro_attestation.bin"
        self.refused(envelope, *options, exit_code=30, step="message", rule="cbor.trailing_bytes")
        self.judged(path, "--tee", "snp", "--now", when, exit_code=30)
        self.judged(path, "--tee", "tdx", "--now", when, exit_code=20)

    def test_a_written_file_accepts_its_model_and_nothing_else(self) -> None:
        for name in ("dstack_2025", "blocky_2024", "evervault_beta_2022"):
            path, when = self.named(name)
            done = run("expect", "--from", path, "--tee", "nitro", "--now", when)
            self.assertEqual(done.returncode, 0, done.stderr)
            roles = json.loads(done.stdout)["roles"]
            self.assertEqual(list(roles), ["stage 0"])
            self.assertEqual(set(roles["stage 0"]), {"attester", "registers"})
            remarks = done.stderr.decode()
            self.assertIn("pinned: pcr0, pcr1, pcr2", remarks)
            self.assertIn("module", remarks.split("left out: ")[1])
            pins = self.file(name, done.stdout)
            for other, entry in self.genuine:
                if entry["debug_mode"]:
                    continue
                words = ("--tee", "nitro", "--now", made_at(entry), "--expect", pins)
                if other == path:
                    document = self.judged(other, *words, exit_code=0)
                    self.assertEqual(document["steps"][-1],
                                     {"name": "expectations", "outcome": "passed"})
                    continue
                document = self.refused(other, *words, step="expectations",
                                        rule="expectations.unmet")
                self.assertEqual(document["error"]["code"], "attest.measurement_mismatch")
                self.assertTrue(document["error"]["detail"].startswith("pcr0: expected "))
                self.assertIsNotNone(document["claims"])

    def test_debug_must_be_allowed_by_name(self) -> None:
        path, when = self.named("dstack_debug_2025")
        options = ("--tee", "nitro", "--now", when)
        self.assertEqual(run("expect", "--from", path, *options).returncode, 10)
        done = run("expect", "--from", path, *options, "--allow-debug", "--role", "stage 1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"allowed: debug", done.stderr)
        entry = json.loads(done.stdout)["roles"]["stage 1"]
        self.assertEqual(entry["allow"], ["debug"])
        allows = self.file("allows", done.stdout)
        self.judged(path, *options, "--expect", allows, "--role", "stage 1", exit_code=0)
        del entry["allow"]
        silent = self.file("silent", json.dumps(
            {"enfilade": "expectations/1", "roles": {"stage 0": entry}}))
        self.refused(path, *options, "--expect", silent, step="debug", rule="nitro.debug")
        self.refused(path, *options, "--expect", silent, "--allow-debug", step="expectations",
                     rule="expectations.unmet")

    def test_nothing_is_written_after_evidence_that_is_refused(self) -> None:
        path, _ = self.named("dstack_2025")
        done = run("expect", "--from", path, "--tee", "nitro", "--now", TODAY)
        self.assertEqual((done.returncode, done.stdout), (10, b""))
        self.assertIn(b"FAILED   attest.expired chain.expired", done.stderr)

    def test_expectations_that_cannot_be_used_say_so(self) -> None:
        path, when = self.named("dstack_2025")
        options = ("--tee", "nitro", "--now", when, "--expect")
        self.assertEqual(run("evidence", path, *options, self.folder / "none").returncode, 30)
        self.assertEqual(run("evidence", path, *options, self.file("bad", "{}")).returncode, 30)
        anyone = self.file("anyone", '{"enfilade": "expectations/1", "roles": {"client": "anyone"}}')
        self.assertEqual(run("evidence", path, *options, anyone).returncode, 10)
        document = self.judged(path, *options, anyone, "--role", "client", exit_code=0)
        self.assertEqual(document["steps"][-1]["reason"], "anyone may play this role")


class SnpEvidence(Folder):
    def setUp(self) -> None:
        if not has_data():
            self.skipTest("no test data")
        super().setUp()
        self.data = EVIDENCE / "sev-snp"
        self.all = expected_of("sev-snp")
        self.assertEqual(len(self.all), 6)

    def authorities(self, entry: dict) -> Path:
        kind = entry["product"].lower() + ("_vlek" if entry["key_type"] == "VLEK" else "")
        return self.data / "amd-roots" / f"ask_ark_{kind}.pem"

    def words(self, entry: dict, when: str | None = None) -> tuple:
        """Platform, certificates and a time in the life of the key."""
        when = when or rfc3339(time_of(entry["key_not_before"]) + timedelta(days=1))
        return ("--tee", "snp", "--certs", self.data / entry["key"], "--certs",
                self.authorities(entry), "--now", when)

    def named(self, name: str) -> dict:
        return next(entry for entry in self.all if entry["name"] == name)

    def test_reports_are_what_is_expected_at_their_own_time(self) -> None:
        for entry in self.all:
            if not entry["signature_valid"]:
                continue
            with self.subTest(name=entry["name"]):
                report = self.data / entry["report"]
                words = self.words(entry)
                if entry["debug_allowed"]:
                    self.refused(report, *words, step="debug", rule="snp.debug")
                    words += ("--allow-debug",)
                document = self.judged(report, *words, exit_code=0)
                claims = document["claims"]
                self.assertEqual(claims["attester"], "sev-snp")
                self.assertEqual(claims["registers"]["measurement"], entry["measurement"])
                self.assertEqual(claims["registers"]["host_data"], entry["host_data"])
                self.assertEqual(claims["place"]["report_id"], entry["report_id"])
                self.assertEqual(claims["place"].get("chip_id", "0" * 128), entry["chip_id"])
                self.assertEqual(claims["numbers"]["vmpl"], entry["vmpl"])
                self.assertEqual(claims["numbers"]["guest_svn"], entry["guest_svn"])
                for name, part in (("bootloader", "boot_loader"), ("tee", "tee"), ("snp", "snp"),
                                   ("microcode", "microcode")):
                    lowest = min(entry["reported_tcb"][part], entry["committed_tcb"][part])
                    self.assertEqual(claims["numbers"][f"tcb.{name}"], lowest)
                permitted = {"debug": entry["debug_allowed"], "smt": entry["smt_allowed"],
                             "migration": entry["migrate_ma"]}
                for name, value in permitted.items():
                    self.assertEqual(name in claims["permissions"], value)
                    self.assertEqual(name in claims["prohibitions"], not value)
                self.assertEqual(document["besides"]["report data"], entry["report_data"])
                self.assertEqual(document["besides"]["product"], entry["product"])

    def test_today_only_the_leased_key_has_expired(self) -> None:
        for entry in self.all:
            if not entry["signature_valid"]:
                continue
            words = self.words(entry, TODAY) + ("--allow-debug",)
            if entry["key_type"] == "VLEK":
                self.refused(self.data / entry["report"], *words, step="chain",
                             rule="chain.expired")
            else:
                self.judged(self.data / entry["report"], *words, exit_code=0)

    def test_what_is_missing_is_said(self) -> None:
        entry = self.named("virtee_milan_v2")
        report = self.data / entry["report"]
        words = ("--tee", "snp", "--now", TODAY)
        self.refused(report, *words, step="certificates", rule="snp.certificates_missing")
        self.refused(report, *words, "--certs", self.authorities(entry), step="certificates",
                     rule="snp.key_missing")
        self.refused(report, *words, "--certs", self.data / entry["key"], step="certificates",
                     rule="snp.issuer_missing")

    def test_a_key_of_another_machine_or_an_altered_one_is_refused(self) -> None:
        entry = self.named("virtee_milan_v2")
        without_key = self.named("openpcc_gce_milan_v4_nokey")
        self.refused(self.data / without_key["report"], *self.words(entry), step="hardware",
                     rule="snp.hardware_id")
        report = self.data / entry["report"]
        milan = self.data / "amd-roots" / "ask_ark_milan.pem"
        for name in ("legacy", "new"):
            altered = self.data / "trustee" / f"snp_test-vcek-invalid-{name}.der"
            done = run("evidence", report, "--tee", "snp", "--certs", altered, "--certs", milan,
                       "--now", TODAY)
            self.assertEqual(done.returncode, 10, done.stderr)

    def test_the_authorities_of_another_product_lead_nowhere(self) -> None:
        entry = self.named("virtee_milan_v2")
        for kind in ("genoa", "milan_vlek", "turin_vcek"):
            done = run("evidence", self.data / entry["report"], "--tee", "snp", "--certs",
                       self.data / entry["key"], "--certs",
                       self.data / "amd-roots" / f"ask_ark_{kind}.pem", "--now", TODAY)
            self.assertEqual(done.returncode, 10, done.stderr)

    def test_the_files_of_a_fleet_may_all_be_named(self) -> None:
        entries = [e for e in self.all if e["signature_valid"] and e["key_type"] == "VCEK"]
        files: list = []
        for entry in entries:
            files += ["--certs", self.data / entry["key"]]
        for product in ("milan", "genoa"):
            files += ["--certs", self.data / "amd-roots" / f"ask_ark_{product}.pem"]
        for entry in entries:
            self.judged(self.data / entry["report"], "--tee", "snp", *files, "--now", TODAY,
                        "--allow-debug", exit_code=0)

    def test_the_list_of_revocations_raises_the_strength_while_it_is_valid(self) -> None:
        ends = {"Milan": "2026-05-12", "Genoa": "2025-11-03"}
        for name in ("virtee_milan_v2", "openpcc_azure_genoa_v3"):
            entry = self.named(name)
            report = self.data / entry["report"]
            product = entry["product"]
            given = self.data / "derived" / f"ark_{product.lower()}.crl.der"
            when = "2025-10-01T00:00:00Z"
            document = self.judged(report, *self.words(entry, when), exit_code=0)
            self.assertEqual(document["claims"]["strength"], "signatures")
            document = self.judged(report, *self.words(entry, when), "--certs", given, exit_code=0)
            self.assertEqual(document["claims"]["strength"], "collateral")
            after = rfc3339(datetime.fromisoformat(ends[product] + "T00:00:00+00:00")
                            + timedelta(days=2))
            document = self.judged(report, *self.words(entry, after), "--certs", given,
                                   exit_code=10)
            self.assertEqual(document["error"]["code"], "attest.expired")
            self.assertEqual(next(s["name"] for s in document["steps"] if s["outcome"] == "failed"),
                             "revocation")

    def test_report_data_is_what_was_asked_for(self) -> None:
        entry = self.named("virtee_milan_v2")
        words = self.words(entry) + ("--nonce",)
        report = self.data / entry["report"]
        self.judged(report, *words, entry["report_data"], exit_code=0)
        self.refused(report, *words, "00" * 64, step="binding", rule="evidence.nonce")
        self.assertEqual(run("evidence", report, *words, "00" * 63).returncode, 64)

    def test_what_a_bundle_tells_is_not_believed_without_its_session(self) -> None:
        entry = self.named("virtee_milan_v2")
        report = (self.data / entry["report"]).read_bytes()
        told = b"\x01\x04plan\x02\x01\x02"
        bundle = b"efl-ev/1" + b"".join(
            len(part).to_bytes(4, "little") + part for part in (told, report)) + b"\0"
        path = self.file("bundle", bundle)
        document = self.judged(path, *self.words(entry), exit_code=0)
        self.assertEqual(document["unproven"], {"plan": "0102"})
        self.assertNotIn("plan", document["claims"]["registers"])
        self.assertEqual(document["steps"][0]["name"], "bundle")
        self.refused(path, *self.words(entry), "--nonce", "00" * 64, step="binding",
                     rule="evidence.nonce")
        self.refused(self.file("cut", bundle[:-1]), *self.words(entry), exit_code=30,
                     step="bundle", rule="bundle.certificates")
        done = run("expect", "--from", path, *self.words(entry))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"left out: plan (told, and not proven", done.stderr)

    def test_cut_and_altered_reports(self) -> None:
        entry = self.named("virtee_milan_v2")
        report = (self.data / entry["report"]).read_bytes()
        for size in (0, 1, 1183):
            self.refused(self.file("cut", report[:size]), *self.words(entry), exit_code=30,
                         step="size", rule="snp.size")
        self.refused(self.file("more", report + b"\0"), *self.words(entry), exit_code=30,
                     step="size", rule="snp.size")
        altered = bytearray(report)
        altered[0x90] ^= 1  # the measurement
        self.refused(self.file("altered", bytes(altered)), *self.words(entry), step="signature",
                     rule="snp.not_signed_by_key")
        altered = bytearray(report)
        altered[0] = 5
        self.refused(self.file("version", bytes(altered)), *self.words(entry), exit_code=20,
                     step="report", rule="snp.version_5")

    def test_a_written_file_accepts_its_model_and_nothing_else(self) -> None:
        entry, other = self.named("virtee_milan_v2"), self.named("azure_milan_v2")
        done = run("expect", "--from", self.data / entry["report"], *self.words(entry))
        self.assertEqual(done.returncode, 0, done.stderr)
        pins = self.file("pins", done.stdout)
        self.assertIn(b"left out: chip_id", done.stderr)
        self.assertIn(b"tcb.snp 8", done.stderr)
        self.judged(self.data / entry["report"], *self.words(entry), "--expect", pins, exit_code=0)
        self.refused(self.data / other["report"], *self.words(other), "--expect", pins,
                     step="expectations", rule="expectations.unmet")


class TdxEvidence(Folder):
    def setUp(self) -> None:
        if not has_data():
            self.skipTest("no test data")
        super().setUp()
        self.data = EVIDENCE / "tdx"
        self.all = expected_of("tdx")
        self.assertEqual(len(self.all), 10)

    def named(self, name: str) -> Path:
        return self.data / "derived" / f"{name}.quote"

    def test_quotes_are_what_is_expected_at_their_own_time_and_today(self) -> None:
        for entry in self.all:
            own = rfc3339(time_of(entry["pck_not_before"]) + timedelta(days=1))
            for when in (own, TODAY):
                with self.subTest(file=entry["file"], when=when):
                    words = (self.data / entry["file"], "--tee", "tdx", "--now", when)
                    if "sgx" in entry["file"]:
                        self.refused(*words, exit_code=20, step="quote",
                                     rule="quote.sgx_version_3")
                        continue
                    if entry["debug"]:
                        self.refused(*words, step="debug", rule="tdx.debug")
                        words += ("--allow-debug",)
                    document = self.judged(*words, exit_code=0)
                    claims = document["claims"]
                    self.assertEqual(claims["strength"], "signatures")
                    self.assertEqual((claims["tcb_status"], claims["advisories"]), ("", []))
                    for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"):
                        self.assertEqual(claims["registers"][name], entry[name])
                    for name in ("mrconfigid", "mrowner", "mrownerconfig"):
                        self.assertEqual(claims["registers"].get(name, "0" * 96), entry[name])
                    self.assertEqual(claims["place"]["mrseam"], entry["mrseam"])
                    self.assertEqual(claims["place"]["fmspc"], entry["fmspc"])
                    for index in range(3):
                        self.assertEqual(claims["numbers"][f"tee_tcb_svn.{index}"],
                                         bytes.fromhex(entry["tee_tcb_svn"])[index])
                    self.assertEqual(document["besides"]["report data"], entry["report_data"])

    def test_collateral_raises_the_strength_while_it_is_valid(self) -> None:
        quote = self.named("phala_v4")
        words = ("--tee", "tdx", "--collateral",
                 self.data / "dcap-qvl" / "tdx_quote_collateral.json", "--now")
        for when in ("2025-06-19T10:32:27Z", "2025-07-19T10:00:35Z"):
            claims = self.judged(quote, *words, when, exit_code=0)["claims"]
            self.assertEqual(claims["strength"], "collateral")
            self.assertEqual((claims["tcb_status"], claims["advisories"]), ("UpToDate", []))
            self.assertEqual(claims["valid_until"], "2025-07-19T10:00:35Z")
        for when, code in (("2025-06-19T10:32:26Z", "attest.not_yet_valid"),
                           ("2025-07-19T10:00:36Z", "attest.expired"), (TODAY, "attest.expired")):
            document = self.judged(quote, *words, when, exit_code=10)
            self.assertEqual(document["error"]["code"], code)

    def test_an_outdated_platform_is_refused_whoever_expects_it(self) -> None:
        quote = self.named("phala_outdated_v5")
        words = ("--tee", "tdx", "--now", "2026-02-20T00:00:00Z")
        collateral = ("--collateral", self.data / "dcap-qvl" / "tdx_quote_outdated_collateral.json")
        document = self.refused(quote, *words, *collateral, step="tcb", rule="tcb.no_sgx_level")
        self.assertEqual(document["error"]["code"], "attest.tcb_out_of_date")
        done = run("expect", "--from", quote, *words, *collateral)
        self.assertEqual((done.returncode, done.stdout), (10, b""))

    def test_collateral_of_another_platform_is_refused(self) -> None:
        self.judged(self.named("google_spr_v4"), "--tee", "tdx", "--now", "2025-07-01T00:00:00Z",
                    "--collateral", self.data / "dcap-qvl" / "tdx_quote_collateral.json",
                    exit_code=10)

    def test_collateral_that_is_none_is_malformed(self) -> None:
        for content in ("", "{}", "[]", "no JSON"):
            done = run("evidence", self.named("phala_v4"), "--tee", "tdx", "--collateral",
                       self.file("bad.json", content))
            self.assertEqual((done.returncode, done.stdout), (30, b""))
            self.assertIn(b"bad.json", done.stderr)

    def test_what_is_weaker_than_usual_is_written_down(self) -> None:
        quote = self.named("phala_v4")
        words = ("--tee", "tdx", "--now", "2025-07-01T00:00:00Z")
        collateral = ("--collateral", self.data / "dcap-qvl" / "tdx_quote_collateral.json")
        weak = run("expect", "--from", quote, *words)
        self.assertEqual(weak.returncode, 0, weak.stderr)
        self.assertIn(b"accepted: strength signatures", weak.stderr)
        self.assertEqual(json.loads(weak.stdout)["roles"]["stage 0"]["strength"], "signatures")
        strong = run("expect", "--from", quote, *words, *collateral)
        self.assertEqual(strong.returncode, 0, strong.stderr)
        self.assertNotIn("strength", json.loads(strong.stdout)["roles"]["stage 0"])
        for file, extra, code in ((weak, (), 0), (weak, collateral, 0), (strong, collateral, 0),
                                  (strong, (), 10)):
            pins = self.file("pins", file.stdout)
            document = self.judged(quote, *words, *extra, "--expect", pins, exit_code=code)
            if code:
                self.assertEqual(document["error"]["code"], "attest.endorsement_missing")


class NvidiaEvidence(Folder):
    def setUp(self) -> None:
        if not has_data():
            self.skipTest("no test data")
        super().setUp()
        self.data = EVIDENCE / "nvidia" / "trustee"

    def report(self, name: str) -> tuple[Path, str]:
        content = bytes.fromhex((self.data / f"{name}.txt").read_text().strip())
        return self.file(name, content), content[4:36].hex()

    def test_reports_are_judged_with_their_chains_and_nonces(self) -> None:
        for name, chain in (("hopperAttestationReport", "hopper_cert_chain_case1"),
                            ("hopper_coco_report1", "hopper_coco_certs1")):
            path, nonce = self.report(name)
            words = ("--tee", "nvidia", "--certs", self.data / f"{chain}.txt", "--now", TODAY)
            document = self.judged(path, *words, "--nonce", nonce, exit_code=0)
            self.assertEqual(document["claims"]["attester"], "nvidia-hopper")
            self.assertIn("driver", document["besides"])
            self.refused(path, *words, "--nonce", "00" * 32, step="nonce", rule="hopper.nonce")
            self.assertEqual(run("evidence", path, *words).returncode, 64)

    def test_a_chain_with_a_link_missing_leads_nowhere(self) -> None:
        path, nonce = self.report("hopperAttestationReport")
        document = self.judged(path, "--tee", "nvidia", "--nonce", nonce, "--now", TODAY, "--certs",
                               self.data / "hopper_cert_chain_case3.txt", exit_code=10)
        self.assertEqual(document["error"]["code"], "attest.chain_invalid")


class Page(Folder):
    """docs/guide/verify.md shows nothing that does not work."""

    def test_every_command_of_the_page_works(self) -> None:
        if not has_data():
            self.skipTest("no test data")
        snp, tdx = EVIDENCE / "sev-snp", EVIDENCE / "tdx"
        for name, source in (
            ("document.cose", EVIDENCE / "nitro" / "derived" / "dstack_2025.cose"),
            ("report.bin", snp / "derived" / "virtee_milan_v2.report.bin"),
            ("vcek.der", snp / "derived" / "virtee_milan_v2.vcek.der"),
            ("cert_chain.pem", snp / "amd-roots" / "ask_ark_milan.pem"),
            ("crl.der", snp / "derived" / "ark_milan.crl.der"),
            ("quote.bin", tdx / "derived" / "phala_v4.quote"),
            ("collateral.json", tdx / "dcap-qvl" / "tdx_quote_collateral.json"),
        ):
            self.file(name, source.read_bytes())
        text = (ROOT / "docs" / "guide" / "verify.md").read_text().replace("\\\n", " ")
        commands = [shlex.split(line) for line in text.splitlines()
                    if line.startswith("    enfilade-verify ")]
        self.assertEqual(len(commands), 5)
        for command in commands:
            with self.subTest(command=command):
                output = command.index(">") if ">" in command else len(command)
                done = subprocess.run([PROGRAM.absolute(), *command[1:output]], cwd=self.folder,
                                      capture_output=True, timeout=LIMIT, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                if output != len(command):
                    self.file(command[output + 1], done.stdout)
                else:
                    self.assertTrue(done.stdout.endswith(b"\nverified\n"))

    def test_the_page_names_every_exit_code_and_member(self) -> None:
        text = (ROOT / "docs" / "guide" / "verify.md").read_text()
        done = run("evidence", self.file("evidence", b"\x84"), "--tee", "nitro", "--json")
        for member in json.loads(done.stdout):
            if member != "enfilade":
                self.assertIn(f"`{member}`", text)


class CommandLine(Folder):
    """What needs no real evidence."""

    def test_rubbish_of_every_length_is_no_evidence(self) -> None:
        for tee, codes in (("nitro", {30}), ("snp", {20, 30}), ("tdx", {20, 30})):
            for size in (0, 1, 47, 1184, 65536):
                path = self.file("rubbish", b"\x5a" * size)
                done = run("evidence", path, "--tee", tee, "--json")
                self.assertIn(done.returncode, codes)
                json.loads(done.stdout)

    def test_more_than_64_kib_are_not_read(self) -> None:
        path = self.file("long", b"\xd2" * 65537)
        done = run("evidence", path, "--tee", "nitro")
        self.assertEqual((done.returncode, done.stdout), (30, b""))
        self.assertIn(b"longer than 64 KiB", done.stderr)
        with open("/dev/zero", "rb") as endless:
            done = subprocess.run([PROGRAM, "evidence", "-", "--tee", "nitro"], stdin=endless,
                                  capture_output=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 30)

    def test_a_wrong_command_line_is_refused_in_one_line(self) -> None:
        file = self.file("evidence", b"\x84")
        tee = ("--tee", "nitro")
        for words in (
            (), ("judge",), ("evidence",), ("evidence", file), ("evidence", *tee),
            ("evidence", file, "--tee"), ("evidence", file, "--tee", "sgx"),
            ("evidence", file, file, *tee), ("evidence", file, *tee, *tee),
            ("evidence", file, *tee, "--now", "yesterday"),
            ("evidence", file, *tee, "--now", "2024-02-30T00:00:00Z"),
            ("evidence", file, *tee, "--nonce", "xyz"), ("evidence", file, *tee, "--nonce", ""),
            ("evidence", file, *tee, "--certs", file),
            ("evidence", file, *tee, "--collateral", file),
            ("evidence", file, "--tee", "snp", "--collateral", file),
            ("evidence", file, "--tee", "snp", "--nonce", "00"),
            ("evidence", file, "--tee", "nvidia"), ("evidence", file, *tee, "--role", "stage 0"),
            ("evidence", file, *tee, "--from", file),
            ("evidence", self.folder / "none", *tee), ("evidence", self.folder, *tee),
            ("expect", *tee), ("expect", file, *tee), ("expect", "--from", file),
            ("expect", "--from", file, *tee, "--json"),
            ("expect", "--from", file, *tee, "--expect", file),
        ):
            with self.subTest(words=words):
                done = run(*words)
                self.assertEqual((done.returncode, done.stdout), (64, b""), done.stderr)
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
                self.assertIn(b": usage: ", done.stderr)

    def test_a_file_of_certificates_that_is_none_is_named(self) -> None:
        file = self.file("evidence", b"\x84")
        for content in (b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x00"):
            bad = self.file("bad.der", content)
            done = run("evidence", file, "--tee", "snp", "--certs", bad)
            self.assertEqual((done.returncode, done.stdout), (30, b""), done.stderr)
            self.assertIn(b"bad.der", done.stderr)
        done = run("evidence", file, "--tee", "snp", "--certs", self.folder / "none")
        self.assertEqual(done.returncode, 64)

    def test_help_says_what_there_is(self) -> None:
        for words, text in ((("--help",), b"enfilade-verify expect --from FILE"),
                            (("evidence", "--help"), b"--collateral FILE"),
                            (("expect", "--help"), b"--from FILE")):
            done = run(*words)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(text, done.stdout)

    def test_a_result_that_nobody_can_read_is_no_success(self) -> None:
        file = self.file("evidence", b"\x84")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "evidence", file, "--tee", "nitro"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    PROGRAM = Path(sys.argv[1])
    EVIDENCE = Path(os.environ.get("ENFILADE_TEST_DATA", sys.argv[2])) / "attestation"
    outcome = unittest.main(argv=sys.argv[:1], exit=False).result
    if outcome.wasSuccessful() and not has_data():
        print("skipped: no test data: real evidence")
        sys.exit(77)
    sys.exit(0 if outcome.wasSuccessful() else 1)
