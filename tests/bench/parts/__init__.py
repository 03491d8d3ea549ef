"""The parts of the benchmark, each with servers of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from tests.bench.measurement import Session
from tests.bench.parts import (
    batches,
    calls,
    client,
    fronts,
    generator,
    growth,
    http,
    postgres,
    shared_device,
    slow_sync,
    what_if,
)

__all__ = ["PARTS", "QUICK"]

PARTS: Final[dict[str, Callable[[Session], Awaitable[None]]]] = {
    "calls": calls.run,
    "batches": batches.run,
    "client": client.run,
    "slow-sync": slow_sync.run,
    "fronts": fronts.run,
    "http": http.run,
    "shared-device": shared_device.run,
    "growth": growth.run,
    "postgres": postgres.run,
    "what-if": what_if.run,
    "generator": generator.run,
}
QUICK: Final = ("calls", "batches", "client", "slow-sync", "fronts", "http", "shared-device")
"""What is measured unless more is asked for."""
