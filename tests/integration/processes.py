# SPDX-License-Identifier: Apache-2.0
"""Starts the programs of a deployment as an operator would, and lets tests see how they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ATLAS = ROOT / "models" / "atlas"
LIMIT = 10.0  # seconds that anything here may take before the test gives it up


class Program:
    """One process, its stdout and stderr kept, and waited for line by line."""

    def __init__(self, name: str, command: list[str]):
        self.name = name
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out = bytearray()
        self.err = bytearray()
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, kept), daemon=True)
            for pipe, kept in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe, kept: bytearray) -> None:
        while piece := os.read(pipe.fileno(), 65536):
            with self._changed:
                kept += piece
                self._changed.notify_all()

    def wait_for(self, what: bytes, where: bytearray, limit: float = LIMIT) -> bytes:
        """Blocks until `what` stands in `where` (`self.out` or `self.err`); returns all of it."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: what in where or self.process.poll() is not None, limit)
            if not found or what not in where:
                raise AssertionError(
                    f"{self.name}: no {what!r} in {bytes(where)!r}; stderr {bytes(self.err)!r}")
            return bytes(where)

    def line(self, index: int, limit: float = LIMIT) -> str:
        """Blocks until stdout has so many lines, the first being 0; returns that one."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: self.out.count(b"\n") > index or self.process.poll() is not None, limit)
            if not found or self.out.count(b"\n") <= index:
                raise AssertionError(
                    f"{self.name}: no line {index} in {bytes(self.out)!r}; "
                    f"stderr {bytes(self.err)!r}")
            return self.out.split(b"\n")[index].decode()

    def address(self) -> str:
        """Where the program says that it listens."""
        text = self.wait_for(b"listening at ", self.err)
        return text.split(b"listening at ")[1].split()[0].rstrip(b",").decode()

    def ready(self) -> "Program":
        """Blocks until a stage serves."""
        self.wait_for(b"ready at ", self.err)
        return self

    def end(self, limit: float = LIMIT) -> int:
        """Its exit code; negative for a signal."""
        code = self.process.wait(limit)
        for reader in self._readers:
            reader.join(limit)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        return code

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; what follows from it is timed from here."""
        self.started = time.monotonic()
        self.process.send_signal(number)

    def error_lines(self) -> list[str]:
        """What it said on stderr besides where it listens and that it is ready."""
        lines = self.err.decode(errors="replace").splitlines()
        quiet = (": listening at ", ": ready at ", ": waiting for ", ": reading weights ")
        return [line for line in lines if not any(word in line for word in quiet)]


class Gate:
    """Stands where a relay would, and can stop the traffic down the pipeline at a given message, so
    that a test is in the middle of an answer until the stage below misses its heartbeats."""

    MESSAGE = 4  # record_type::message of include/enfilade/wire/frame.hpp

    def __init__(self, to: str):
        self._to = int(to.rsplit(":", 1)[1])
        self._door = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._allowed: int | None = None  # messages that may pass; None: all of them
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self) -> str:
        return f"tcp:127.0.0.1:{self._door.getsockname()[1]}"

    def hold_after(self, messages: int | None) -> None:
        """Lets so many messages of each connection down, and no more; None lets everything pass."""
        with self._changed:
            self._allowed = messages
            self._changed.notify_all()

    def close(self) -> None:
        self.hold_after(None)
        self._door.close()

    def _accept(self) -> None:
        while True:
            try:
                above, _ = self._door.accept()
            except OSError:  # closed
                return
            try:
                below = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                above.close()
                continue
            for carry, ends in ((self._down, (above, below)), (self._up, (below, above))):
                threading.Thread(target=carry, args=ends, daemon=True).start()

    def _down(self, above: socket.socket, below: socket.socket) -> None:
        try:
            messages = 0
            while True:
                prefix = above.recv(32, socket.MSG_WAITALL)
                body = int.from_bytes(prefix[:4], "little")
                record = prefix + (above.recv(body, socket.MSG_WAITALL) if body else b"")
                if not prefix:
                    break
                if prefix[4] == self.MESSAGE:
                    messages += 1
                    with self._changed:
                        self._changed.wait_for(lambda: self._allowed is None or
                                               messages <= self._allowed)
                below.sendall(record)
            below.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _up(self, below: socket.socket, above: socket.socket) -> None:
        try:
            while piece := below.recv(65536):
                above.sendall(piece)
        except OSError:
            pass
        for end in (above, below):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@dataclass
class Deployment:
    """The built programs of `<name>`, and everything of them that is running."""

    name: str
    stages: int
    programs: Path
    relay_program: Path
    model: Path = ATLAS
    running: list[Program] = field(default_factory=list)
    gates: dict[int, Gate] = field(default_factory=dict)  # by the stage behind it

    def __post_init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="enfilade-test-")
        self.expectations = Path(self.folder.name) / "expectations.json"

    def __enter__(self) -> "Deployment":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()
        self.folder.cleanup()

    def kill_all(self) -> None:
        for gate in self.gates.values():
            gate.close()
        for program in self.running:
            if program.process.poll() is None:
                program.process.kill()
            program.end()
        self.running.clear()

    def start(self, name: str, *command: str | Path) -> Program:
        program = Program(name, [str(word) for word in command])
        self.running.append(program)
        return program

    def measure(self, index: int) -> dict:
        """The role's entry of an expectations file, as the stage prints it."""
        done = subprocess.run(
            [self.programs / f"{self.name}-stage{index}", "--measure", "--model", self.model,
             "--expect", self.expectations],
            check=True, capture_output=True, timeout=LIMIT)
        return json.loads("{" + done.stdout.decode() + "}")

    def expect_all(self) -> dict:
        """Expectations that hold: every stage is what it is, clients are anyone. What a stage
        demands of the next one is part of what it is, so the last one is measured first."""
        roles: dict = {"client": "anyone"}
        for i in reversed(range(self.stages)):
            self.write_expectations(roles)
            roles |= self.measure(i)
        return roles

    def write_expectations(self, roles: dict, path: Path | None = None) -> Path:
        path = path or self.expectations
        path.write_text(json.dumps({"enfilade": "expectations/1", "roles": roles}))
        return path

    def stage(self, index: int, *options: str | Path, listen: str = "tcp:127.0.0.1:0",
              expect: Path | None = None, model: Path | None = None) -> Program:
        return self.start(
            f"stage {index}", self.programs / f"{self.name}-stage{index}", "--listen", listen,
            "--model", model or self.model, "--expect", expect or self.expectations, *options)

    def relay(self, to: str) -> Program:
        return self.start(
            "relay", self.relay_program, "--listen", "tcp:127.0.0.1:0", "--to", to)

    def client(self, address: str, prompt: str | bytes, *options: str | Path, tokens: int = 8,
               expect: Path | None = None) -> Program:
        return self.start(
            "client", self.programs / f"{self.name}-client", "--connect", address, "--prompt",
            os.fsdecode(prompt), "--max-tokens", str(tokens), "--expect",
            expect or self.expectations, *options)

    def up(self, gated: bool = False) -> str:
        """Starts every stage, with a relay between each two, behind a gate where that is asked for;
        returns where clients dial."""
        self.write_expectations(self.expect_all())
        options: tuple[str, ...] = ()
        for i in reversed(range(self.stages)):
            stage = self.stage(i, *options)
            if i == 0:
                return stage.ready() and stage.address()
            address = self.relay(stage.address()).address()
            if gated:
                self.gates[i] = Gate(address)
                address = self.gates[i].address()
            options = ("--next", address)
        raise AssertionError("no stage")

    def find(self, name: str) -> Program:
        """The program started last under this name."""
        return next(p for p in reversed(self.running) if p.name == name)
