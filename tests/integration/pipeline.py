#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One, two and three stages as processes answer alike, and as PyTorch does.

Usage: pipeline.py PROGRAMS RELAY (the folder with the stage programs, and enfilade-relay)
"""

import json
import socket
import sys
import unittest
from pathlib import Path

from processes import ATLAS, Deployment

PROGRAMS, RELAY = Path(), Path()
PROMPTS = ["The capital of France is", "The Nile flows through", "Spain borders"]
FIELDS = {
    "enfilade", "model", "stages", "plan", "compiler", "cpu", "init_ms", "first_token_ms",
    "ms_per_token", "tokens_per_second", "link_share", "text", "finished", "tokens", "rooms",
}


def report(deployment: Deployment, address: str, prompt: str, tokens: int) -> dict:
    """What the client measured and printed."""
    path = Path(deployment.folder.name) / "report.json"
    client = deployment.client(address, prompt, "--json", path, tokens=tokens)
    assert client.end() == 0, bytes(client.err)
    document = json.loads(path.read_text())
    printed = client.out.decode()
    assert printed.startswith(prompt + document["text"]), printed
    assert "ms/token p95" in printed, printed
    return document


class Pipeline(unittest.TestCase):
    def test_the_cut_changes_neither_tokens_nor_text(self) -> None:
        answers: dict[int, list] = {}
        for stages in (1, 2, 3):
            with Deployment(f"atlas{stages}", stages, PROGRAMS, RELAY) as deployment:
                address = deployment.up()
                documents = [report(deployment, address, prompt, 24) for prompt in PROMPTS]
            for document in documents:
                self.assertEqual(set(document), FIELDS)
                self.assertEqual(document["stages"], stages)
                self.assertEqual(document["plan"].count("\nstage "), stages)
                rooms = [room["stage"] for room in document["rooms"]]
                self.assertEqual(rooms, list(range(stages)), "each has proved itself")
                self.assertGreater(len(document["tokens"]), 0)
                self.assertTrue(0 <= document["link_share"] <= 1)
                for token in document["tokens"]:
                    self.assertGreater(token["ms"], 0)
                    self.assertGreater(token["busy_ms"], 0)
            answers[stages] = [
                ([token["id"] for token in document["tokens"]], document["text"])
                for document in documents
            ]
        self.assertEqual(answers[1], answers[2])
        self.assertEqual(answers[1], answers[3])
        self.assertTrue(answers[1][0][1].startswith(" Paris"))

    def test_the_answer_is_the_one_that_pytorch_gives(self) -> None:
        with Deployment("atlas2", 2, PROGRAMS, RELAY) as deployment:
            address = deployment.up()
            for case in json.loads((ATLAS / "reference.json").read_text()):
                # The pipeline stops where the model ends the text; the reference goes on.
                expected = case["continuation_ids"]
                end = expected.index(2047) if 2047 in expected else len(expected)
                document = report(deployment, address, case["prompt"], len(expected))
                ids = [token["id"] for token in document["tokens"]]
                self.assertEqual(ids, expected[:end], case["prompt"])

    def test_several_clients_at_once_get_their_own_answers(self) -> None:
        with Deployment("atlas2", 2, PROGRAMS, RELAY) as deployment:
            address = deployment.up()
            alone = [report(deployment, address, prompt, 40)["text"] for prompt in PROMPTS]
            clients = [deployment.client(address, prompt, tokens=40) for prompt in PROMPTS]
            for client, prompt, text in zip(clients, PROMPTS, alone):
                self.assertEqual(client.end(), 0)
                self.assertTrue(client.out.decode().startswith(prompt + text))

    def test_a_room_that_is_not_as_the_client_expects_hears_no_prompt(self) -> None:
        """The stages are content with each other; the client's own file says otherwise."""
        for stages, room in ((2, 1), (3, 1), (3, 2)):
            with self.subTest(stages=stages, room=room), \
                    Deployment(f"atlas{stages}", stages, PROGRAMS, RELAY) as deployment:
                address = deployment.up(gated=True)
                deployment.gates[1].hold_after(1)  # the question about rooms, and no activation
                roles = json.loads(deployment.expectations.read_text())["roles"]
                wrong = json.loads(json.dumps(roles))
                wrong[f"stage {room}"]["registers"]["weights"] = "00" * 32
                path = deployment.write_expectations(
                    wrong, Path(deployment.folder.name) / "client.json")
                client = deployment.client(address, PROMPTS[0], expect=path)
                self.assertEqual(client.end(), 10, bytes(client.err))
                self.assertEqual(bytes(client.out), b"")
                self.assertEqual(len(client.error_lines()), 1)
                self.assertIn(f"client: attest.measurement_mismatch: stage {room}: weights: "
                              "expected 0000", client.error_lines()[0])
                deployment.gates[1].hold_after(None)
                self.assertEqual(deployment.client(address, PROMPTS[0]).end(), 0)
                for stage in range(stages):
                    self.assertEqual(deployment.find(f"stage {stage}").error_lines(), [])

    def test_a_room_of_which_the_file_says_nothing_is_left_to_the_stage_above(self) -> None:
        with Deployment("atlas3", 3, PROGRAMS, RELAY) as deployment:
            address = deployment.up()
            roles = json.loads(deployment.expectations.read_text())["roles"]
            for named in (["stage 0"], ["stage 0", "stage 2"]):
                deployment.write_expectations({name: roles[name] for name in named})
                document = report(deployment, address, PROMPTS[0], 2)
                self.assertEqual([f"stage {room['stage']}" for room in document["rooms"]], named)
                for room in document["rooms"]:
                    self.assertEqual(room["registers"], roles[f"stage {room['stage']}"]["registers"])
            deployment.write_expectations({"stage 0": "anyone"})
            self.assertEqual(report(deployment, address, PROMPTS[0], 2)["rooms"], [])

    def test_a_client_may_wait_for_a_room_behind_stage_0(self) -> None:
        with Deployment("atlas2", 2, PROGRAMS, RELAY) as deployment:
            deployment.write_expectations(deployment.expect_all())
            with socket.create_server(("127.0.0.1", 0)) as reserved:
                listen = f"tcp:127.0.0.1:{reserved.getsockname()[1]}"
            first = deployment.stage(0, "--next", listen)
            first.wait_for(b"waiting for stage 1", first.err)
            client = deployment.client(first.address(), PROMPTS[0], "--wait", "10")
            deployment.stage(1, listen=listen)
            self.assertEqual(client.end(), 0, bytes(client.err))
            self.assertIn(b" is Paris", client.out)

    def test_a_client_may_wait_for_stages_that_are_not_there_yet(self) -> None:
        with Deployment("atlas1", 1, PROGRAMS, RELAY) as deployment:
            deployment.write_expectations(deployment.expect_all())
            with socket.create_server(("127.0.0.1", 0)) as reserved:
                listen = f"tcp:127.0.0.1:{reserved.getsockname()[1]}"
            client = deployment.client(listen, PROMPTS[0], "--wait", "10")
            stage = deployment.stage(0, listen=listen)
            self.assertEqual(client.end(), 0, bytes(client.err))
            self.assertIn(b" is Paris", client.out)
            self.assertEqual(stage.error_lines(), [])


if __name__ == "__main__":
    PROGRAMS, RELAY = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
    unittest.main()
