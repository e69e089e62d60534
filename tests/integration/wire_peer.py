#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C++ link and the independent Python peer meet over TCP, each in both roles.

Usage: wire_peer.py LINK_PEER (the program of link_peer.cpp)
"""

import itertools
import json
import sys
import unittest
from pathlib import Path

from processes import ROOT, Program

LINK_PEER = Path()
PYTHON_PEER = ROOT / "tests" / "python" / "efl1_peer.py"
PLAN = "5a" * 32
SUITES = (1, 2)
OURS = {"binary": "c0" * 32, "weights": "c1" * 32}  # what the C++ end is
THEIRS = {"binary": "9a" * 32, "weights": "9b" * 32}  # what the Python end is


def cpp(*words: str, suite: int = 1, plan: str = PLAN, link: int = 3, attests: bool = False,
        expects: dict[str, str] | None = None) -> list[str]:
    def listed(registers: dict[str, str]) -> str:
        return ",".join(f"{name}={value}" for name, value in registers.items())

    command = [str(LINK_PEER), *words, "--plan", plan, "--suite", str(suite), "--link", str(link)]
    command += ["--registers", listed(OURS)] if attests else []
    command += ["--expect", listed(expects)] if expects else []
    return command


def python(*words: str, suite: int = 1, plan: str = PLAN, link: int = 3, attests: bool = False,
           expects: dict[str, str] | None = None) -> list[str]:
    command = ["/usr/bin/python3", str(PYTHON_PEER), *words, "--plan", plan, "--suite", str(suite),
               "--link", str(link), "--messages", "6", "--rekey-every", "4"]
    if attests:
        command += ["--evidence", "mock"]
        for name, value in THEIRS.items():
            command += ["--register", f"{name}={value}"]
    if expects:
        command += ["--demand", "mock"]
        for name, value in expects.items():
            command += ["--expect", f"{name}={value}"]
    return command


def port_of(program: Program) -> str:
    """The port of whichever of the two peers listens."""
    text = program.wait_for(b"\n", program.err).split(b"\n")[0].decode()
    return text.rsplit(":", 1)[-1].rsplit(" ", 1)[-1]


def outcome(program: Program) -> dict:
    program.end()
    return json.loads(program.out.decode() or f'{{"ok": false, "error": {program.err.decode()!r}}}')


class Meeting:
    """Both ends of one link, run to their end: what each says of it."""

    def __init__(self, cpp_listens: bool, ours: dict | None = None, theirs: dict | None = None):
        if cpp_listens:
            below = Program("C++", cpp("--listen", "tcp:127.0.0.1:0", **(ours or {})))
            above = Program("Python", python("--connect", f"127.0.0.1:{port_of(below)}",
                                             **(theirs or {})))
        else:
            below = Program("Python", python("--listen", "127.0.0.1:0", **(theirs or {})))
            above = Program("C++", cpp("--connect", f"tcp:127.0.0.1:{port_of(below)}",
                                       **(ours or {})))
        said = [outcome(above), outcome(below)]
        self.python, self.cpp = said if cpp_listens else reversed(said)


class WirePeer(unittest.TestCase):
    def test_each_end_may_be_the_other_implementation(self) -> None:
        for suite, cpp_listens, cpp_attests, python_attests in itertools.product(
                SUITES, (True, False), (True, False), (True, False)):
            with self.subTest(suite=suite, cpp_listens=cpp_listens, cpp_attests=cpp_attests,
                              python_attests=python_attests):
                met = Meeting(
                    cpp_listens,
                    {"suite": suite, "attests": cpp_attests,
                     "expects": THEIRS if python_attests else None},
                    {"suite": suite, "attests": python_attests,
                     "expects": OURS if cpp_attests else None})
                self.assertTrue(met.cpp["ok"], met.cpp)
                self.assertTrue(met.python["ok"], met.python)
                self.assertRegex(met.cpp["transcript"], "^[0-9a-f]{64}$")
                self.assertEqual(met.cpp["transcript"], met.python["transcript"])
                self.assertEqual(met.cpp["messages"], 6)
                self.assertEqual(met.python["messages"], 6)
                self.assertEqual(met.python["peer_evidence"] != "", cpp_attests)
                claims = met.cpp["peer"].get("claims", {}).get("registers")
                self.assertEqual(claims, THEIRS if python_attests else None)

    def assert_refused(self, name: str, ours: dict, theirs: dict) -> None:
        for cpp_listens in (True, False):
            with self.subTest(cpp_listens=cpp_listens):
                met = Meeting(cpp_listens, ours, theirs)
                self.assertEqual(met.cpp.get("error"), name, met.python)
                self.assertEqual(met.python.get("error"), name, met.cpp)

    def test_what_does_not_belong_together_is_refused_under_the_same_name(self) -> None:
        self.assert_refused("plan.mismatch", {}, {"plan": "5b" * 32})
        self.assert_refused("plan.link_mismatch", {"link": 1}, {"link": 2})
        self.assert_refused("plan.suite_mismatch", {"suite": 1}, {"suite": 2})
        self.assert_refused("attest.missing", {"expects": THEIRS}, {})
        self.assert_refused("attest.missing", {}, {"expects": OURS})

    def test_another_program_than_expected_is_refused_by_whoever_expects(self) -> None:
        wrong = {"weights": "00" * 32}
        for cpp_listens in (True, False):
            with self.subTest(cpp_listens=cpp_listens):
                met = Meeting(cpp_listens, {"expects": wrong}, {"attests": True})
                self.assertEqual(met.cpp.get("error"), "attest.measurement_mismatch")
                self.assertFalse(met.python["ok"])
                met = Meeting(cpp_listens, {"attests": True}, {"expects": wrong})
                self.assertEqual(met.python.get("error"), "attest.measurement_mismatch")
                self.assertFalse(met.cpp["ok"])


if __name__ == "__main__":
    LINK_PEER = Path(sys.argv.pop(1))
    unittest.main()
