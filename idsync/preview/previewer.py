"""Starts the process that replays, and passes on what it tells."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from signal import SIGKILL
from typing import Any, Final, NamedTuple

import orjson

from idsync.config.policy_json import policy_to_json
from idsync.model.errors import IdsyncError, InvalidRequestError, OverloadedError
from idsync.model.identity import GraphKey
from idsync.model.policy import Policy
from idsync.model.recording import RecordedSpan
from idsync.preview.pages import END, page_bytes
from idsync.preview.report import Gap, Report
from idsync.preview.worker import MAX_BYTES
from idsync.resolve.recorder import Recorder
from idsync.store.protocol import Store

__all__ = ["MAX_PREVIEWS", "Previewer", "Progress", "gaps_in"]

MAX_PREVIEWS: Final = 1
"""Replays of one process at the same time: each takes a core and up to `MAX_BYTES` of memory."""
_MAX_LINE: Final = 64 << 20


class Progress(NamedTuple):
    """How far a replay is.

    Attributes:
        seq: The entry that was replayed last.
        until_seq: The last one there is to replay.
        calls: How many calls were replayed.
    """

    seq: int
    until_seq: int
    calls: int


class Previewer:
    """Replays histories of one store.

    Args:
        store: Where they are.
        recorder: What it has counted is written first; `None`: nothing is recorded.
    """

    def __init__(self, store: Store, recorder: Recorder | None) -> None:
        self._store = store
        self._recorder = recorder
        self._running = 0

    async def preview(
        self, graph: GraphKey, candidate: Policy, until_seq: int
    ) -> AsyncGenerator[Progress | Report, None]:
        """Replay the calls of a graph with other settings; whoever stops iterating ends the replay.

        Args:
            graph: Whose calls.
            candidate: The settings; whether they are sound was asked before.
            until_seq: The last entry to replay; 0 for all there are.

        Raises:
            InvalidRequestError: The history has no such entry, or takes more memory than a replay may have.
            OverloadedError: Another replay is going on.
        """
        if self._running >= MAX_PREVIEWS:
            raise OverloadedError("another preview is going on; wait for its end or cancel it")
        self._running += 1
        try:
            last_seq = await self._store.last_seq(graph)
            if until_seq > last_seq:
                raise InvalidRequestError(f"the journal ends with entry {last_seq}", fields=("until_seq",))
            until_seq = until_seq or last_seq
            yield Progress(0, until_seq, 0)
            if self._recorder is not None:
                await self._recorder.write()
            spans = await self._store.calls.recorded_spans(graph)
            async with aclosing(self._replayed(graph, candidate, until_seq)) as replayed:
                async for told in replayed:
                    if isinstance(told, Report):
                        told.gaps = gaps_in(spans, until_seq)
                        told.not_recorded = sum(span.not_recorded for span in spans)
                    yield told
        finally:
            self._running -= 1

    async def _replayed(
        self, graph: GraphKey, candidate: Policy, until_seq: int
    ) -> AsyncGenerator[Progress | Report, None]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "idsync.preview.worker",
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=_MAX_LINE,
            # with the one that reads ahead for it, so that both are ended at once
            start_new_session=True,
        )
        feeding = asyncio.create_task(self._feed(process, graph, candidate, until_seq))
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                told: dict[str, Any] = orjson.loads(line)
                if "report" in told:
                    yield Report.from_document(told["report"])
                elif "error" in told:
                    raise _fault(told["error"])
                else:
                    yield Progress(told["seq"], until_seq, told["calls"])
            if await process.wait():
                raise IdsyncError("the process that replays ended with an error")
        finally:
            feeding.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, SIGKILL)
            await asyncio.wait([feeding])
            # what is not read or closed keeps its pipe open until somebody collects it
            await process.communicate()
            if process.stdin is not None:
                process.stdin.close()
                with suppress(ConnectionError):
                    await process.stdin.wait_closed()

    async def _feed(self, process: Process, graph: GraphKey, candidate: Policy, until_seq: int) -> None:
        assert process.stdin is not None
        url = self._store.history_url
        asked = {
            "scope": graph.scope,
            "environment": int(graph.environment),
            "policy": policy_to_json(candidate),
            "until_seq": until_seq,
            # with its password; it is in no argument that others of the machine can see
            "url": url,
        }
        with suppress(ConnectionError):
            process.stdin.write(orjson.dumps(asked, option=orjson.OPT_APPEND_NEWLINE))
            if url is None:
                async for page in self._store.history(graph, until_seq):
                    process.stdin.write(page_bytes(page))
                    await process.stdin.drain()
                process.stdin.write(END)
            await process.stdin.drain()
        process.stdin.close()


def _fault(told: str) -> IdsyncError:
    if told == "memory":
        gib = MAX_BYTES >> 30
        return InvalidRequestError(
            f"the history takes more than {gib} GiB to replay; replay less of it", fields=("until_seq",)
        )
    return IdsyncError(told)


def gaps_in(spans: list[RecordedSpan], until_seq: int) -> list[Gap]:
    """Find the entries up to one while which no process recorded calls."""
    gaps: list[Gap] = []
    covered = 0
    for span in sorted(spans, key=lambda span: span.from_seq):
        if span.from_seq >= until_seq:
            break
        if span.from_seq > covered:
            gaps.append(Gap(covered + 1, span.from_seq))
        covered = max(covered, span.to_seq)
    if covered < until_seq:
        gaps.append(Gap(covered + 1, until_seq))
    return gaps
