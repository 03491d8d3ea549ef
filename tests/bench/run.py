"""One run: part after part, each with a folder of its own; what cannot be measured here says why."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.measurement import LeftOutError, Measurement, Options, Session
from tests.bench.parts import PARTS
from tests.bench.report import document

__all__ = ["Run", "measure"]


@dataclass
class Run:
    """What came of it.

    Attributes:
        at: When it began, ISO 8601.
        left_out: Parts that could not be measured, with the reason.
    """

    options: Options
    at: str
    measurements: list[Measurement] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Give everything for a file."""
        return document(self.options, self.measurements, self.left_out, self.at)


async def measure(options: Options, parts: Sequence[str]) -> Run:
    """Measure some parts. SIGTERM ends the servers before it ends us, as Ctrl-C does."""
    measuring = asyncio.current_task()
    assert measuring is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, measuring.cancel)
    run = Run(options, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="idsync-bench-") as folder:
            session = Session(part, options, Path(folder), _say)
            try:
                await PARTS[part](session)
            except LeftOutError as reason:
                run.left_out[part] = str(reason)
            run.measurements += session.measurements
    _say("")
    return run


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()
