# SPDX-License-Identifier: Apache-2.0
"""What tests/support/campaign.hpp is to the C++ tests: counts what an attack tried, and says so.

    with Campaign("peer.scripted_cases") as campaign:
        for _ in range(effort(200, 20000)):
            campaign.tried()
            ...
            campaign.refused()
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import TracebackType

LONG = os.environ.get("ENFILADE_LONG") == "1"


def effort(every_day: int, long_run: int) -> int:
    """How often to try: `every_day`, or `long_run` with ENFILADE_LONG=1."""
    return long_run if LONG else every_day


class Campaign:
    """One attack: prints its figures at its end and leaves them in $ENFILADE_CAMPAIGNS."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seed = int(os.environ.get("ENFILADE_SEED", "20260"))
        self.tries = 0
        self.refusals = 0
        self.begun = time.monotonic()

    def tried(self, count: int = 1) -> None:
        self.tries += count

    def refused(self, count: int = 1) -> None:
        self.refusals += count

    def line(self) -> str:
        figures = {
            "campaign": self.name,
            "tried": self.tries,
            "refused": self.refusals,
            "seconds": round(time.monotonic() - self.begun, 3),
            "seed": self.seed,
        }
        return json.dumps(figures, separators=(",", ":"))

    def __enter__(self) -> Campaign:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            return
        print(self.line(), flush=True)
        folder = os.environ.get("ENFILADE_CAMPAIGNS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder, f"{self.name}.json").write_text(self.line() + "\n", encoding="utf-8")
