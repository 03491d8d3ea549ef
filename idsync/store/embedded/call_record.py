"""The record of calls beside the embedded store: numbered on the loop, written where the fold writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import islice
from typing import Any, Final

import orjson

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.recording import RecordedCall, RecordedSpan
from idsync.store.embedded.inspection import Inspection
from idsync.store.embedded.overlay import Overlay
from idsync.store.embedded.resident import ResidentGraph
from idsync.store.embedded.table_writer import TableWriter
from idsync.store.recording import call_ids

__all__ = ["EmbeddedCallRecord"]

_SLICE: Final = 100
"""Calls that are put into words before the loop has its turn: less than a millisecond."""


class EmbeddedCallRecord:
    """Implements `idsync.store.protocol.CallRecord`.

    Args:
        overlay: Knows the ids of what is in memory.
        writer: Writes the tables.
        inspection: Reads them.
        settle: Returns when everything applied so far is in the tables.
    """

    def __init__(
        self,
        overlay: Overlay,
        writer: TableWriter,
        inspection: Inspection,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._overlay = overlay
        self._writer = writer
        self._inspection = inspection
        self._settle = settle
        self._last_call_id = 0

    async def record_calls(self, calls: Sequence[tuple[RecordedCall, int]], at_ms: int) -> list[RecordedCall]:
        """Write calls; the fold comes first, so that as few values as possible are unknown."""
        ids = list(islice(call_ids(at_ms, self._last_call_id), len(calls)))
        self._last_call_id = max([self._last_call_id, *ids[-1:]])
        # what memory has beyond these may yet turn out void
        last_id = self._overlay.last_identity_id
        await self._settle()
        refused: list[RecordedCall] = []
        parts: list[bytes] = []
        for start in range(0, len(calls), _SLICE):
            rows: list[tuple[Any, ...]] = []
            for call_id, (call, count) in zip(ids[start:], calls[start : start + _SLICE], strict=False):
                graph = self._overlay.begun(call.graph)
                if graph is None:
                    refused.append(call)
                else:
                    sent = _sent(call, graph, last_id)
                    rows.append((graph.graph_id, call_id, *call[1:7], count, sent))
            if rows:
                parts.append(orjson.dumps(rows)[1:-1])
            await asyncio.sleep(0)
        if parts:
            line = b'["record",%d,[%b]]' % (at_ms, b",".join(parts))
            await self._writer.write(line, len(calls) - len(refused))
        return refused

    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far this process has recorded a graph."""
        await self._settle()
        graph = self._overlay.begun(span.graph)
        if graph is not None:
            await self._write("span", graph.graph_id, *span[1:], at_ms)

    async def recorded_spans(self, graph: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at."""
        tables = await self._inspection.tables()
        return await tables.recorded_spans(graph)

    async def forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty what was recorded of a profile."""
        await self._settle()
        found = self._overlay.begun(graph)
        if found is not None:
            await self._write("forget", found.graph_id, list(mpids), [_plain(value) for value in values])

    async def drop_calls(self, before_ms: int) -> None:
        """Remove what is older, some of it at a time: entries are folded in between."""
        while await self._write("drop", before_ms):
            pass

    async def _write(self, *asked: Any) -> int:
        return await self._writer.write(orjson.dumps(asked), 1)


def _sent(call: RecordedCall, graph: ResidentGraph, last_id: int) -> list[Any]:
    """Give what a call sent: the id of each value that the tables are sure to have, else the value."""
    if call.changes:
        return [
            (int(kind), *(None if side is None else _numbered([side], graph, last_id)[0] for side in sides))
            for kind, *sides in ((change.type, change.old, change.new) for change in call.changes)
        ]
    return _numbered(call.identities, graph, last_id)


def _numbered(identities: Sequence[Identity], graph: ResidentGraph, last_id: int) -> list[Any]:
    ids = graph.resident_ids(identities)
    if 0 not in ids and max(ids, default=0) <= last_id:
        return ids
    pairs = zip(ids, identities, strict=True)
    return [number if 0 < number <= last_id else _plain(identity) for number, identity in pairs]


def _plain(identity: Identity) -> tuple[int, str]:
    return int(identity.type), identity.value
