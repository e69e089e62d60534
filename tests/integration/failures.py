#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong is one line that names it, the exit code of docs/errors.md, and soon.

Usage: failures.py PROGRAMS RELAY
"""

import json
import os
import re
import shutil
import signal
import socket
import sys
import time
import unittest
from pathlib import Path

from processes import ATLAS, Deployment, Program

PROGRAMS, RELAY = Path(), Path()
SOON = 2.0  # seconds between a failure and the end of whom it concerns
SILENCE = 6.5  # likewise where only missing heartbeats tell: five silent ones (run/link_limits.hpp)
PROMPT = "The capital of France is"


class Failures(unittest.TestCase):
    table: list[tuple[float, str, int, str]] = []  # seconds, who, exit code, which error, of what

    @classmethod
    def tearDownClass(cls) -> None:
        print(f"\n{'seconds':>7}  {'exit':>4}  {'error':<52}  test")
        for seconds, error, code, test in sorted(cls.table, reverse=True):
            print(f"{seconds:7.3f}  {code:4}  {error:<52}  {test}")

    def setUp(self) -> None:
        self.two = self.enterContext(Deployment("atlas2", 2, PROGRAMS, RELAY))

    def assert_ends(self, program: Program, code: int, name: str, mentions: str = "",
                    since: float | None = None, within: float = SOON) -> None:
        """The program ends soon, with this code, after one line of this name."""
        self.assertEqual(program.end(), code, bytes(program.err))
        seconds = time.monotonic() - (since or program.started)
        lines = program.error_lines()
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], rf"^[a-z0-9 ]+: {re.escape(name)}\b.*docs/errors\.md#")
        self.assertIn(mentions, lines[0])
        self.table.append((seconds, f"{program.name}: {name}", code, self.id().split("test_")[-1]))
        self.assertLess(seconds, within)

    def asked_in_the_middle(self, deployment: Deployment) -> Program:
        """A client that has heard two tokens of many, while stage 0 waits for the third."""
        address = deployment.up(gated=True)
        deployment.gates[1].hold_after(3)  # the question about rooms, the prompt, one token
        client = deployment.client(address, PROMPT, tokens=200)
        client.wait_for(b"is Paris", client.out)
        return client

    def copied_model(self) -> Path:
        """A model directory that a test may damage."""
        copy = Path(self.two.folder.name) / "model"
        shutil.copytree(ATLAS, copy)
        return copy

    # --- the client's request ---------------------------------------------------------------------

    def test_a_bad_prompt(self) -> None:
        address = self.two.up()
        self.assert_ends(self.two.client(address, ""), 64, "request.empty")
        self.assert_ends(self.two.client(address, b"\xff\xfe"), 64, "request.not_text")
        self.assert_ends(self.two.client(address, "a river " * 400), 64, "request.too_long")
        self.assert_ends(self.two.client(address, PROMPT, tokens=4000), 64, "request.too_long")
        # The stages have taken no harm.
        self.assertEqual(self.two.client(address, PROMPT).end(), 0)

    def test_a_wrong_command_line(self) -> None:
        client = self.two.programs / "atlas2-client"
        stage = self.two.programs / "atlas2-stage0"
        for command in ([client], [client, "--nonsense"], [client, "--connect"], [stage],
                        [stage, "--threads", "0"], [RELAY, "--listen"]):
            self.assert_ends(self.two.start("program", *command), 64, "usage")

    # --- files --------------------------------------------------------------------------------------

    def test_a_missing_model(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        nowhere = Path(self.two.folder.name) / "nowhere"
        self.assert_ends(self.two.stage(1, model=nowhere), 30, "model.file_missing", "nowhere")
        model = self.copied_model()
        (model / "model.safetensors").unlink()
        self.assert_ends(self.two.stage(1, model=model), 30, "model.file_missing", "safetensors")

    def test_damaged_weights(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        model = self.copied_model()
        weights = model / "model.safetensors"
        whole = weights.read_bytes()
        for damaged in (whole[:-1], whole[:1000], whole[:4], b"", b"\xff" * 8 + whole[8:],
                        whole.replace(b'"h.7.', b'"x.7.'), whole.replace(b'"F32"', b'"F99"', 1)):
            weights.write_bytes(damaged)
            stage = self.two.stage(1, model=model)
            self.assertEqual(stage.end(SOON), 30, bytes(stage.err))
            self.assertRegex(stage.error_lines()[0], r"^stage 1: model\.\w+: .*/model")

    def test_a_damaged_or_foreign_config(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        model = self.copied_model()
        config = model / "config.json"
        whole = json.loads(config.read_text())
        config.write_text("{")
        self.assert_ends(self.two.stage(1, model=model), 30, "model.config_invalid")
        config.write_text("[" * 100_000)
        self.assert_ends(self.two.stage(1, model=model), 30, "model.config_invalid")
        config.write_text(json.dumps(whole | {"n_layer": 24}))
        self.assert_ends(self.two.stage(1, model=model), 30, "model.config_mismatch", "n_layer")

    def test_a_damaged_tokenizer(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        model = self.copied_model()
        (model / "tokenizer.json").write_text("{}")
        stage = self.two.stage(0, "--next", "tcp:127.0.0.1:1", model=model)
        self.assert_ends(stage, 30, "model.tokenizer_invalid", "tokenizer.json")

    # --- trust --------------------------------------------------------------------------------------

    def test_a_stage_of_another_plan(self) -> None:
        with Deployment("atlas3", 3, PROGRAMS, RELAY) as three:
            three.write_expectations(three.expect_all())
            self.two.write_expectations(self.two.expect_all())
            other = three.stage(2).ready()
            stage = self.two.stage(0, "--next", other.address())
            # Link 1 there is link 2 here; both are said before any key is agreed.
            self.assert_ends(stage, 10, "plan.link_mismatch", "stage 1 at")
            # The same link of another pipeline, which waits for its own next stage.
            middle = three.stage(1, "--next", "tcp:127.0.0.1:1")
            stage = self.two.stage(0, "--next", middle.address())
            self.assert_ends(stage, 10, "plan.mismatch", "stage 1 at")
            middle.wait_for(b"stage 1: plan.mismatch: stage 0: ", middle.err)
            client = self.two.client(three.stage(2).ready().address(), PROMPT)
            self.assert_ends(client, 10, "plan.link_mismatch")
        one = self.enterContext(Deployment("atlas1", 1, PROGRAMS, RELAY))
        address = one.up()
        client = self.two.client(address, PROMPT, expect=one.expectations)
        self.assert_ends(client, 10, "plan.mismatch", "stage 0 at")

    def test_expectations_that_do_not_hold(self) -> None:
        roles = self.two.expect_all()
        wrong = json.loads(json.dumps(roles))
        wrong["stage 1"]["registers"]["weights"] = "00" * 32
        address = self.two.up()
        folder = Path(self.two.folder.name)
        client_wrong = json.loads(json.dumps(roles))
        client_wrong["stage 0"]["registers"]["binary"] = "00" * 32
        path = self.two.write_expectations(client_wrong, folder / "client.json")
        client = self.two.client(address, PROMPT, expect=path)
        self.assert_ends(client, 10, "attest.measurement_mismatch", "binary: expected 0000")
        path = self.two.write_expectations(wrong, folder / "stage0.json")
        last = self.two.find("stage 1").address()
        stage = self.two.stage(0, "--next", last, expect=path)
        self.assert_ends(stage, 10, "attest.measurement_mismatch", "weights: expected 0000")

    def test_a_stage_that_expects_another_one_above_it(self) -> None:
        roles = self.two.expect_all()
        path = self.two.write_expectations(roles, Path(self.two.folder.name) / "right.json")
        wrong = json.loads(json.dumps(roles))
        wrong["stage 0"]["registers"]["weights"] = "00" * 32
        self.two.write_expectations(wrong)
        last = self.two.stage(1).ready()
        stage = self.two.stage(0, "--next", last.address(), expect=path)
        self.assert_ends(stage, 69, "transport.closed", "stage 1 at")
        last.wait_for(b"stage 1: attest.measurement_mismatch: stage 0: weights: expected 0000",
                      last.err)
        self.assertIsNone(last.process.poll())

    def test_expectations_that_expect_nothing(self) -> None:
        roles = self.two.expect_all()
        self.two.write_expectations({"stage 1": roles["stage 1"], "client": "anyone"})
        client = self.two.client("tcp:127.0.0.1:1", PROMPT)
        self.assert_ends(client, 10, "attest.expectations_empty", "stage 0")
        empty = {"attester": "mock", "registers": {}}
        self.two.write_expectations(roles | {"stage 0": empty})
        client = self.two.client("tcp:127.0.0.1:1", PROMPT)
        self.assert_ends(client, 10, "attest.expectations_empty", "stage 0")
        self.two.write_expectations({"client": "anyone"})
        stage = self.two.stage(0, "--next", "tcp:127.0.0.1:1")
        self.assert_ends(stage, 10, "attest.expectations_empty", "stage 1")
        stage = self.two.stage(1)
        self.assert_ends(stage, 10, "attest.expectations_empty", "stage 0")
        self.two.expectations.write_text("[" * 100_000)
        client = self.two.client("tcp:127.0.0.1:1", PROMPT)
        self.assert_ends(client, 30, "attest.expectations_invalid")

    def test_a_stage_that_would_trust_anyone_below_it(self) -> None:
        roles = self.two.expect_all()
        folder = Path(self.two.folder.name)
        lax = self.two.write_expectations(roles | {"stage 1": "anyone"}, folder / "lax.json")
        path = self.two.write_expectations(roles, folder / "right.json")
        # The host has its way with stage 1 as well; the client alone still pins stage 0.
        blind = self.two.write_expectations(roles | {"stage 0": "anyone"}, folder / "blind.json")
        last = self.two.stage(1, expect=blind).ready()
        genuine = self.two.stage(0, "--next", last.address(), expect=lax).ready()
        client = self.two.client(genuine.address(), PROMPT, expect=path)
        self.assert_ends(client, 10, "attest.measurement_mismatch", "next: expected")

    # --- processes ----------------------------------------------------------------------------------

    def test_a_port_in_use(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = f"tcp:127.0.0.1:{taken.getsockname()[1]}"
            stage = self.two.stage(1, listen=listen)
            self.assert_ends(stage, 75, "transport.address_in_use", listen)
            relay = self.two.start("relay", RELAY, "--listen", listen, "--to", "tcp:127.0.0.1:1")
            self.assert_ends(relay, 75, "transport.address_in_use", listen)

    def test_nobody_at_the_address(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        client = self.two.client("tcp:127.0.0.1:1", PROMPT)
        self.assert_ends(client, 69, "transport.unreachable", "tcp:127.0.0.1:1")
        # A relay is somebody, but behind it is nobody.
        relay = self.two.relay("tcp:127.0.0.1:1")
        client = self.two.client(relay.address(), PROMPT)
        self.assert_ends(client, 69, "transport.unreachable", "stage 0 at")

    def test_nobody_at_the_next_address(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        for nobody in ("tcp:127.0.0.1:1", self.two.relay("tcp:127.0.0.1:1").address()):
            stage = self.two.stage(0, "--next", nobody)
            stage.wait_for(b"waiting for stage 1 at " + nobody.encode(), stage.err)
            client = self.two.client(stage.address(), PROMPT)
            self.assert_ends(client, 69, "stage.lost", f"stage 1 at {nobody} (transport.unreachable)")
        # It is still waiting, and serves once the next stage is there.
        self.assertIsNone(stage.process.poll())
        stage.send(signal.SIGINT)
        self.assertEqual(stage.end(SOON), 0)

    def test_a_stage_that_starts_before_the_next_one_waits_for_it(self) -> None:
        self.two.write_expectations(self.two.expect_all())
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            listen = f"tcp:127.0.0.1:{reserved.getsockname()[1]}"
        stage = self.two.stage(0, "--next", listen)
        stage.wait_for(b"waiting for stage 1", stage.err)
        self.two.stage(1, listen=listen)
        stage.ready()
        self.assertEqual(self.two.client(stage.address(), PROMPT).end(), 0)

    def test_a_stage_killed_before_the_request(self) -> None:
        address = self.two.up()
        self.two.find("stage 1").send(signal.SIGKILL)
        self.two.find("stage 1").end()
        client = self.two.client(address, PROMPT)
        self.assert_ends(client, 69, "stage.lost", "stage 1 at")

    def test_a_stage_killed_in_the_middle(self) -> None:
        for stages, victim, code, name, where in (
                (2, "stage 1", 69, "stage.lost", "stage 1 at "),
                (2, "relay", 69, "stage.lost", "stage 1 at "),
                (2, "stage 0", 69, "frame.truncated", "stage 0 at "),
                (3, "stage 1", 69, "stage.lost", "stage 1 at "),
                (3, "stage 2", 69, "stage.lost", "stage 2 at ")):
            with self.subTest(stages=stages, victim=victim):
                with Deployment(f"atlas{stages}", stages, PROGRAMS, RELAY) as deployment:
                    client = self.asked_in_the_middle(deployment)
                    deployment.find(victim).send(signal.SIGKILL)
                    self.assert_ends(client, code, name, where, deployment.find(victim).started)
                    if name == "stage.lost":
                        self.assertRegex(client.error_lines()[0], ", after token [12]: ")
                    # What was said so far is a line of its own, and whole.
                    self.assertRegex(client.out.decode(), rf"^{PROMPT} Paris.*\n$")

    def test_a_frozen_process_is_found_by_its_missing_heartbeats(self) -> None:
        for victim, name, where in (("stage 0", "transport.timeout", "stage 0 at "),
                                    ("stage 1", "stage.lost", "stage 1 at "),
                                    ("relay", "stage.lost", "stage 1 at ")):
            with self.subTest(victim=victim):
                with Deployment("atlas2", 2, PROGRAMS, RELAY) as deployment:
                    client = self.asked_in_the_middle(deployment)
                    frozen = deployment.find(victim)
                    frozen.send(signal.SIGSTOP)
                    code = 75 if name == "transport.timeout" else 69
                    self.assert_ends(client, code, name, where, frozen.started, within=SILENCE)

    def test_a_frozen_client_does_not_keep_its_slot(self) -> None:
        client = self.asked_in_the_middle(self.two)
        client.send(signal.SIGSTOP)
        self.two.gates[1].hold_after(None)
        stage = self.two.find("stage 0")
        stage.wait_for(b"client", stage.err, SILENCE)
        self.assertRegex(bytes(stage.err).decode(), r"stage 0: transport\.timeout: client")
        client.send(signal.SIGKILL)

    def test_ctrl_c_in_the_middle(self) -> None:
        for told, ends, code, name, where in (
                ("client", None, 75, "request.cancelled", "interrupted"),
                ("stage 0", 0, 75, "stage.stopping", "stage 0"),
                ("stage 1", 0, 69, "stage.lost", "stage 1 at "),
                ("relay", 0, 69, "stage.lost", "stage 1 at ")):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(told=told, number=number):
                    with Deployment("atlas2", 2, PROGRAMS, RELAY) as deployment:
                        client = self.asked_in_the_middle(deployment)
                        program = deployment.find(told)
                        program.send(number)
                        self.assert_ends(client, code, name, where, program.started)
                        if ends is not None:
                            self.assertEqual(program.end(SOON), ends, bytes(program.err))

    def test_a_client_that_is_gone_leaves_the_stages_to_the_next(self) -> None:
        client = self.asked_in_the_middle(self.two)
        client.send(signal.SIGKILL)
        client.end()
        self.two.gates[1].hold_after(None)
        address = self.two.find("stage 0").address()
        for _ in range(5):  # more than there are slots
            self.assertEqual(self.two.client(address, PROMPT).end(), 0)

    def test_a_stage_killed_after_the_answer(self) -> None:
        address = self.two.up()
        self.assertEqual(self.two.client(address, PROMPT).end(), 0)
        self.two.find("stage 0").send(signal.SIGKILL)
        self.two.find("stage 0").end()
        self.assert_ends(self.two.client(address, PROMPT), 69, "transport.unreachable")
        # The stage that is left has freed its slots, and serves the next stage 0.
        last = self.two.find("stage 1").address()
        again = self.two.stage(0, "--next", last).ready()
        self.assertEqual(self.two.client(again.address(), PROMPT).end(), 0)

    def test_a_stage_that_comes_back_is_used_again(self) -> None:
        address = self.two.up()
        last = self.two.find("stage 1")
        listen = last.address()
        last.send(signal.SIGKILL)
        last.end()
        self.assert_ends(self.two.client(address, PROMPT), 69, "stage.lost")
        self.two.stage(1, listen=listen).ready()
        self.assertEqual(self.two.client(address, PROMPT).end(), 0)

    def test_stages_and_relays_end_when_they_are_told(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with Deployment("atlas2", 2, PROGRAMS, RELAY) as deployment:
                deployment.up()
                for program in deployment.running:
                    program.send(number)
                for program in deployment.running:
                    self.assertEqual(program.end(SOON), 0, bytes(program.err))

    def test_strangers_do_not_hurt_a_stage(self) -> None:
        address = self.two.up()
        port = int(address.rsplit(":", 1)[1])
        for junk in (b"", b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000)):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(junk)
                stranger.shutdown(socket.SHUT_WR)
                try:
                    while stranger.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.assertEqual(self.two.client(address, PROMPT).end(), 0)


if __name__ == "__main__":
    PROGRAMS, RELAY = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
    unittest.main()
