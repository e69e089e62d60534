#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job as a newcomer types it: examples/run.sh answers, refuses, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "examples" / "run.sh"
PROMPT = "The capital of France is"


def run(*arguments: str, limit: float = 1800) -> subprocess.CompletedProcess:
    """The first call builds, which takes minutes on a new machine."""
    return subprocess.run(
        [RUN, *arguments], capture_output=True, timeout=limit, stdin=subprocess.DEVNULL)


def children_of(marker: str) -> list[str]:
    """Command lines of processes that carry `marker` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


class RunSh(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        built = run(PROMPT)
        assert built.returncode == 0, built.stderr.decode()
        assert f"{PROMPT} Paris" in built.stdout.decode(), built.stdout.decode()

    def test_the_json_says_what_ran(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "figures.json"
            done = run(PROMPT, "--stages", "2", "--max-tokens", "5", "--json", str(path))
            self.assertEqual(done.returncode, 0, done.stderr)
            document = json.loads(path.read_text())
            self.assertEqual(document["stages"], 2)
            self.assertLessEqual(len(document["tokens"]), 5)

    def test_mistakes_are_named(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            for arguments, code, name in (
                ((), 64, "usage"),
                ((PROMPT, "--stages", "4"), 64, "usage"),
                ((PROMPT, "--nonsense"), 64, "usage"),
                ((PROMPT, "--max-tokens", "0"), 64, "usage"),
                ((PROMPT, "--max-tokens", "5000"), 64, "request.too_long"),
                (("",), 64, "request.empty"),
                ((PROMPT, "--model", "/nowhere"), 30, "model.file_missing"),
                ((PROMPT, "--model", empty), 30, "model.file_missing"),
            ):
                with self.subTest(arguments=arguments):
                    done = run(*arguments)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertIn(f": {name}", done.stderr.decode())
                    self.assertEqual(len(done.stderr.decode().splitlines()), 1, done.stderr)

    def test_nothing_is_left_behind(self) -> None:
        for number, codes in ((signal.SIGINT, {75}), (signal.SIGTERM, {75}),
                              (signal.SIGKILL, {-signal.SIGKILL})):
            with self.subTest(number=number):
                marker = f"ENFILADE_TEST_MARKER={os.getpid()}-{number}"
                key, value = marker.split("=")
                script = subprocess.Popen(
                    [RUN, "The", "--max-tokens", "250"], env=os.environ | {key: value},
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                assert script.stdout is not None
                script.stdout.read(1)  # the client streams
                script.send_signal(number)
                code = script.wait(5)
                self.assertIn(code, codes | {0})  # 0: the answer was complete before the signal
                end = time.monotonic() + 2
                while children_of(marker) and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertEqual(children_of(marker), [])
                script.communicate()  # closes both pipes


if __name__ == "__main__":
    unittest.main()
