#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A peer with keys of its own and the worst intentions: each of its tricks ends in its named error.

The C++ end is one process for many links, in either role. Between the attacks it must serve honest
peers: one that keeps its link open all the time, and a new one after every ten refusals. What is
tried stands in malicious_cases.py.

Usage: malicious_peer.py LINK_PEER [--list] [--only REGEX] (the program of link_peer.cpp)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import socket
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path

from campaign import Campaign
from processes import LIMIT, Program
from scripted_peer import (CONFIRM_RECORD, HELLO_RECORD, LINK, OURS, PLAN, THEIRS, HungUp,
                           ScriptedPeer, evidence_record_size)

import efl1_peer as efl
from efl1_peer import DOWNSTREAM, UPSTREAM
from malicious_cases import CASES, Case

LINK_PEER = Path()
ONLY = re.compile("")
HONEST_EVERY = 10


def listed(registers: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in registers.items())


@dataclass(frozen=True)
class Setup:
    """What both ends of a link agree on, and the options with which the C++ end is started."""

    options: tuple[str, ...] = ()
    suite: int = 1
    attested: bool = False
    padding: int = 1


ATTESTED = ("--registers", listed(OURS), "--expect", listed(THEIRS))
SETUPS = {
    "attested": Setup(ATTESTED, attested=True),
    "chacha": Setup(ATTESTED, suite=2, attested=True),
    "plain": Setup(),
    "padded": Setup(("--padded",), padding=4096),
    "impatient": Setup(("--handshake-limit", "800", "--step-limit", "500", "--heartbeat", "200",
                        "--silence", "800")),
}


class CppEnd:
    """One process of link_peer.cpp, and how a scripted peer meets it as the end `end`."""

    def __init__(self, setup: str, end: int):
        self.setup, self.end, self.lines = SETUPS[setup], end, 0
        command = [str(LINK_PEER), "--serve", "--plan", PLAN.hex(), "--link", str(LINK), "--suite",
                   str(self.setup.suite), *self.setup.options]
        self.door = None
        if end == UPSTREAM:
            self.program = Program("C++", [*command, "--listen", "tcp:127.0.0.1:0"])
            host, port = self.program.address().split(":")[1:]
            self.address = (host, int(port))
            return
        self.door = socket.create_server(("127.0.0.1", 0))
        self.door.settimeout(LIMIT)
        self.program = Program("C++", [
            *command, "--connect", f"tcp:127.0.0.1:{self.door.getsockname()[1]}"])

    def __enter__(self) -> "CppEnd":
        return self

    def __exit__(self, trouble: type[BaseException] | None, *_: object) -> None:
        if self.door is not None:
            self.door.close()
        # Who dials ends by itself where nobody answers, and then its sanitizer looks for leaks.
        if (self.door is None or trouble) and self.program.process.poll() is None:
            self.program.process.kill()
        code = self.program.end()
        if self.door is not None and not trouble and code != 0:
            raise AssertionError(f"the C++ end ended with {code}: {bytes(self.program.err)!r}")

    def meet(self) -> tuple[ScriptedPeer, int]:
        """A new connection, and the port that names it in the report."""
        if self.door is None:
            sock = socket.create_connection(self.address, LIMIT)
            port = sock.getsockname()[1]
        else:
            sock, (_, port) = self.door.accept()
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        setup = self.setup
        return ScriptedPeer(sock, self.end, setup.suite, setup.attested, setup.padding), port

    def report(self, port: int) -> dict:
        """What the C++ end says of the link that ended last."""
        said = json.loads(self.program.line(self.lines))
        self.lines += 1
        if said["port"] not in (0, port):
            raise AssertionError(f"a report of another connection than {port}: {said}")
        return said

    def may_have_sent(self, point: str) -> int:
        """How many bytes come from this end before it refuses something at a point."""
        size = evidence_record_size(OURS if self.setup.attested else None)
        if self.end == UPSTREAM:
            return {"form": 0, "hello": HELLO_RECORD}.get(point, HELLO_RECORD + size)
        return HELLO_RECORD + (size + CONFIRM_RECORD if point == "confirm" else 0)


class MaliciousPeer(unittest.TestCase):
    def assert_ends_as_it_must(self, cpp: CppEnd, case: Case, recorded: dict[str, bytes]) -> None:
        peer, port = cpp.meet()
        peer.recorded = recorded
        begin = {"form": peer.before_hello, "hello": peer.before_hello,
                 "evidence": peer.before_evidence, "confirm": peer.before_confirm,
                 "session": peer.establish, "beginning": lambda: None}
        rest, trouble = b"", None
        try:
            with peer.sock:
                begin[case.begins or case.at]()
                case.script(peer)
                if not peer.is_reset:
                    rest = peer.rest()
        except (HungUp, efl.Refused, OSError) as error:
            trouble = f"{type(error).__name__}: {error}"
        said = cpp.report(port)
        self.assertIsNone(trouble, said)
        if not case.attacks:
            self.assertTrue(said["ok"], said)
            return
        self.assertEqual(said.get("error"), case.error)
        if peer.is_reset:
            return
        if case.at == "session":
            self.assertEqual(peer.beyond_heartbeats(rest), [], "records after the refusal")
        else:
            self.assertEqual(len(peer.heard), cpp.may_have_sent(case.at), "bytes of the C++ end")

    def honest(self, cpp: CppEnd) -> dict[str, bytes]:
        peer, port = cpp.meet()
        with peer.sock:
            recorded = peer.genuine()
        self.assertTrue(cpp.report(port)["ok"])
        return recorded

    def attack(self, cpp: CppEnd, cases: list[Case], figures: Campaign) -> None:
        recorded = self.honest(cpp)
        for number, case in enumerate(cases):
            role = "dials" if cpp.end == UPSTREAM else "answers"
            with self.subTest(case=case.name, malicious_peer=role):
                figures.tried(case.attacks)
                self.assert_ends_as_it_must(cpp, case, recorded)
                figures.refused(case.attacks)
            if number % HONEST_EVERY == HONEST_EVERY - 1:
                self.honest(cpp)
        self.honest(cpp)
        self.assertIsNone(cpp.program.process.poll(), "the process did not live through it")

    def test_each_case_ends_in_its_own_error(self) -> None:
        with Campaign("peer.malicious") as figures:
            for setup in SETUPS:
                for end in (UPSTREAM, DOWNSTREAM):
                    cases = [case for case in CASES if case.setup == setup and end in case.ends
                             and ONLY.search(case.name)]
                    if not cases:
                        continue
                    with CppEnd(setup, end) as cpp:
                        self.attack(cpp, cases, figures)
        self.assertEqual(figures.tries, figures.refusals)

    def test_an_honest_peer_is_served_in_the_middle_of_it(self) -> None:
        """Its link stands through a hundred attacks on the same process and is not disturbed."""
        attacks = [case for case in CASES if case.setup == "attested" and case.attacks
                   and UPSTREAM in case.ends][::3]
        with CppEnd("attested", UPSTREAM) as cpp:
            recorded = self.honest(cpp)
            neighbour, port = cpp.meet()
            with neighbour.sock:
                neighbour.establish()
                for case in attacks:
                    neighbour.exchange()
                    self.assert_ends_as_it_must(cpp, case, recorded)
                neighbour.converse()
            said = cpp.report(port)
            self.assertTrue(said["ok"])
            self.assertEqual(said["messages"], len(attacks) + 3)

    def test_there_are_many_cases_and_no_name_stands_twice(self) -> None:
        names = [case.name for case in CASES]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(sum(case.attacks for case in CASES), 150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("link_peer", type=Path)
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--only", metavar="REGEX", default="", help="only cases of this name")
    arguments, left = parser.parse_known_args()
    LINK_PEER, ONLY = arguments.link_peer.resolve(), re.compile(arguments.only)
    if arguments.list:
        for one in CASES:
            print(f"{one.name:<50} {one.error or 'established':<28} {one.setup}")
        print(f"{sum(c.attacks for c in CASES)} attacks and "
              f"{sum(not c.attacks for c in CASES)} odd links, "
              f"{sum(len(c.ends) for c in CASES)} with both roles counted")
        sys.exit()
    with contextlib.suppress(KeyboardInterrupt):
        unittest.main(argv=[sys.argv[0], *left])
