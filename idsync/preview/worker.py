"""The process that replays: it reads the history by itself, at low priority, and tells how far it is.

A replay is a minute of pure computation. In the process that serves, in whatever slices, it would take the
interpreter from the calls; here it takes what processor they leave.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any, BinaryIO, Final

import orjson

from idsync.config.policy_json import policy_from_json
from idsync.model.errors import IdsyncError
from idsync.model.identity import Environment, GraphKey
from idsync.model.recording import HistoryCall, HistoryEntry, HistoryPage
from idsync.preview.replay import Replay
from idsync.resolve.registry import load_strategies
from idsync.resolve.scope import Scope
from idsync.store.history import open_history

__all__ = ["MAX_BYTES", "page_line", "run"]

MAX_BYTES: Final = 2 << 30
"""Memory that a replay may take; a longer history is refused, with the advice to replay less of it."""
_NICE: Final = 10
_EVERY_S: Final = 0.5
"""How often it is told how far a replay is, in seconds."""


def page_line(page: HistoryPage) -> bytes:
    """Write a page of a history that no other process can read."""
    return orjson.dumps(
        [
            page.identities,
            [[*entry[:-1], entry.body.decode()] for entry in page.entries],
            [[*call[:-1], call.body.decode()] for call in page.calls],
            page.until_seq,
        ],
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _page(line: bytes) -> HistoryPage:
    identities, entries, calls, until_seq = orjson.loads(line)
    return HistoryPage(
        [(number, kind, value) for number, kind, value in identities],
        [HistoryEntry._make([*said, body.encode()]) for *said, body in entries],
        [HistoryCall._make([*said, body.encode()]) for *said, body in calls],
        until_seq,
    )


async def _pages(asked: dict[str, Any], key: GraphKey, given: BinaryIO) -> AsyncIterator[HistoryPage]:
    if asked["url"] is None:
        for line in given:
            yield _page(line)
        return
    async with open_history(asked["url"]) as history:
        async for page in history.history(key, asked["until_seq"]):
            yield page


async def _replayed(asked: dict[str, Any], given: BinaryIO, told: BinaryIO) -> None:
    policy = policy_from_json(asked["policy"])
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    key = GraphKey(asked["scope"], Environment(asked["environment"]))
    replay = Replay(key, scope)
    last_s = monotonic()
    async for page in _pages(asked, key, given):
        replay.take(page)
        if monotonic() - last_s >= _EVERY_S:
            last_s = monotonic()
            _tell(told, {"seq": replay.seq, "calls": replay.calls})
    _tell(told, {"seq": replay.seq, "calls": replay.calls})
    report = replay.finish()
    report.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
    _tell(told, {"report": report.to_document()})


def _tell(told: BinaryIO, what: dict[str, Any]) -> None:
    told.write(orjson.dumps(what, option=orjson.OPT_APPEND_NEWLINE))
    told.flush()


def run(given: BinaryIO, told: BinaryIO) -> None:
    """Replay what the first line of the input asks for, and tell of it line by line.

    Args:
        given: A line of JSON that says what is wanted; then, without a URL, the pages of the history.
        told: How far the replay is, then the report, or what went wrong.
    """
    asked = orjson.loads(given.readline())
    try:
        asyncio.run(_replayed(asked, given, told))
    except MemoryError:
        gc.collect()
        _tell(told, {"error": "memory"})
    except IdsyncError as error:
        _tell(told, {"error": error.message})


def main() -> None:
    """Run as a process of its own."""
    with suppress(OSError):
        os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    # everything made here stays to the end
    gc.set_threshold(200_000, 100, 1_000)
    run(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
