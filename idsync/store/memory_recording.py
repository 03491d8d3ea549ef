"""The record of calls of the memory store: lists, looked through from end to end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import orjson

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.recording import HistoryCall, HistoryEntry, HistoryPage, RecordedCall, RecordedSpan
from idsync.store.codec import pack
from idsync.store.memory_graph import MemoryGraph
from idsync.store.recording import body_of, named_by, unknown_ids

__all__ = ["MemoryRecording"]


class _Record:
    """What was recorded of one graph."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, HistoryCall]] = []
        self.values: dict[int, tuple[Identity, int] | None] = {}
        self.types: dict[int, int] = {}
        self.spans: dict[int, RecordedSpan] = {}


class MemoryRecording:
    """Implements `idsync.store.protocol.CallRecord` beside `MemoryStore`, and reads the history.

    Args:
        graphs: The graphs of the store.
    """

    def __init__(self, graphs: Mapping[GraphKey, MemoryGraph]) -> None:
        self._graphs = graphs
        self._records: defaultdict[GraphKey, _Record] = defaultdict(_Record)

    async def record_calls(self, calls: Sequence[tuple[RecordedCall, int]], at_ms: int) -> list[RecordedCall]:
        """Write calls; returns those whose graph has no entry yet."""
        refused = []
        for call, count in calls:
            if call.graph not in self._graphs or not self._graphs[call.graph].journal:
                refused.append(call)
                continue
            record = self._records[call.graph]
            ids = {each: self._id_of(each, call.graph, at_ms) for each in named_by([call])}
            kept = HistoryCall(
                call.after_seq,
                call.seq,
                call.operation,
                call.mpid,
                call.named,
                call.rule,
                count,
                body_of(call, ids),
            )
            record.calls.append((at_ms, kept))
        return refused

    def _id_of(self, identity: Identity, graph: GraphKey, at_ms: int) -> int:
        known = self._graphs[graph].ids.get(identity)
        if known is not None:
            return known
        record = self._records[graph]
        found = [n for n, kept in record.values.items() if kept is not None and kept[0] == identity]
        value_id = found[0] if found else len(record.types) + 1
        record.values[value_id] = identity, at_ms
        record.types[value_id] = int(identity.type)
        return -value_id

    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far one process has recorded a graph."""
        del at_ms
        spans = self._records[span.graph].spans
        before = spans.get(span.node)
        spans[span.node] = span if before is None else span._replace(from_seq=before.from_seq)

    async def recorded_spans(self, graph: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at."""
        return sorted(self._records[graph].spans.values(), key=lambda span: (span.from_seq, span.node))

    async def forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty these values, and those that calls of profiles named, unless another live one holds them."""
        record, tables = self._records[graph], self._graphs[graph]
        named = {i for _, call in record.calls if call.mpid in mpids for i in unknown_ids(call.body)}
        named.update(n for n, kept in record.values.items() if kept is not None and kept[0] in values)
        held = {
            tables.value_of(link.identity_id)
            for link in tables.links
            if link.until_seq is None and link.mpid not in mpids
        }
        for value_id in named:
            kept = record.values.get(value_id)
            if kept is not None and kept[0] not in held:
                record.values[value_id] = None

    async def drop_calls(self, before_ms: int) -> None:
        """Remove what is older."""
        for record in self._records.values():
            old = [call.after_seq for at_ms, call in record.calls if at_ms < before_ms]
            record.calls = [(at_ms, call) for at_ms, call in record.calls if at_ms >= before_ms]
            for value_id, kept in list(record.values.items()):
                if kept is None or kept[1] < before_ms:
                    del record.values[value_id]
            for node, span in record.spans.items():
                if old and max(old) > span.from_seq:
                    record.spans[node] = span._replace(from_seq=min(max(old), span.to_seq))

    async def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Give everything at once."""
        record, tables = self._records[graph], self._graphs[graph]
        identities = [(i, row.type, row.value) for i, row in tables.identities.items()]
        for value_id, kept in record.values.items():
            identities.append((-value_id, record.types[value_id], None if kept is None else kept[0].value))
        entries = [
            HistoryEntry(e.seq, e.cause, e.rule, e.mpid, orjson.dumps(pack(e)[7:9]))
            for e in tables.journal
            if e.seq <= until_seq
        ]
        calls = sorted(
            (call for _, call in record.calls if call.after_seq <= until_seq),
            key=lambda call: call.after_seq,
        )
        yield HistoryPage(identities, entries, calls, until_seq)
