"""The process that replays: at low priority, with one beside it that reads ahead, it tells how far it is.

A replay is a minute of pure computation. In the process that serves, in whatever slices, it would take the
interpreter from the calls; here it takes what processor they leave.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from contextlib import suppress
from time import monotonic
from typing import Any, BinaryIO, Final

import orjson

from idsync.config.policy_json import policy_from_json
from idsync.model.errors import IdsyncError
from idsync.model.identity import Environment, GraphKey
from idsync.preview.pages import read_pages
from idsync.preview.reading import read_ahead
from idsync.preview.replay import Replay
from idsync.resolve.registry import load_strategies
from idsync.resolve.scope import Scope

__all__ = ["MAX_BYTES", "run"]

MAX_BYTES: Final = 2 << 30
"""Memory that a replay may take; a longer history is refused, with the advice to replay less of it."""
_NICE: Final = 10
_COLLECTED_EVERY: Final = 16
"""Pages until garbage is looked for, in what the last of them made; as long as there is any, after each."""
_EVERY_S: Final = 0.5
"""How often it is told how far a replay is, in seconds."""


def _replayed(asked: dict[str, Any], given: BinaryIO, told: BinaryIO) -> None:
    key = GraphKey(asked["scope"], Environment(asked["environment"]))
    reading = 0
    if asked["url"] is not None:
        given, reading = read_ahead(asked["url"], key, asked["until_seq"])
    policy = policy_from_json(asked["policy"])
    replay = Replay(key, Scope(policy, load_strategies([policy.strategy])[policy.strategy]))
    last_s = monotonic()
    # what is made here stays to the end, so that looking through it is for nothing
    gc.disable()
    gc.freeze()
    leaves_garbage = False
    for number, page in enumerate(read_pages(given), 1):
        replay.take(page)
        if leaves_garbage or number % _COLLECTED_EVERY == 0:
            leaves_garbage = gc.collect() > 0
        gc.freeze()
        if monotonic() - last_s >= _EVERY_S:
            last_s = monotonic()
            _tell(told, {"seq": replay.seq, "calls": replay.calls})
    _tell(told, {"seq": replay.seq, "calls": replay.calls})
    if reading:
        os.waitpid(reading, 0)
    report = replay.finish()
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    report.peak_bytes = sum(resource.getrusage(each).ru_maxrss for each in whose) * 1_024
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
        _replayed(asked, given, told)
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
    run(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
