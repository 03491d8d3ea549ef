"""Why the graph is as it is: explanations, and the journal they rest on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from idsync.resolve.explain import Explainer
from idsync.server.call import Call
from idsync.server.drain import Drain
from idsync.server.services.graph.sight import Sight
from idsync.server.wire.convert_graph import entry_to_wire, explanation_to_wire
from idsync.server.wire.convert_reasoning import call_from_wire
from idsync.server.wire.faults import MAX_ID_CHARS, identity_from_wire, refuse
from idsync.server.wire.pages import page_of
from idsync.v1 import graph_service_pb2 as pb

__all__ = ["Reasons"]

_ENTRIES: Final = {"default": 100, "most": 1_000}
_READ_AHEAD: Final = 256


class Reasons(Sight):
    """Part of `GraphService`."""

    _explainer: Explainer
    _drain: Drain

    async def explain(self, request: pb.ExplainRequest, call: Call) -> pb.ExplainResponse:
        """Say why two things belong together, or why a request had its answer."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        match request.WhichOneof("subject"):
            case "identities":
                explanation = await self._explainer.identities(
                    graph,
                    identity_from_wire("identities.first", request.identities.first),
                    identity_from_wire("identities.second", request.identities.second),
                )
            case "identity_on_profile":
                subject = request.identity_on_profile
                identity = identity_from_wire("identity_on_profile.identity", subject.identity)
                explanation = await self._explainer.identity_on_profile(graph, identity, subject.mpid)
            case "request_id":
                if not 0 < len(request.request_id) <= MAX_ID_CHARS:
                    raise refuse([("request_id", f"must have 1 to {MAX_ID_CHARS} characters")])
                explanation = await self._explainer.request(graph, request.request_id)
            case "call":
                wanted = call_from_wire(graph, request.call)
                explanation = await self._explainer.call(wanted)
            case _:
                raise refuse([("subject", "is missing")])
        return explanation_to_wire(explanation)

    async def list_journal(self, request: pb.ListJournalRequest, call: Call) -> pb.ListJournalResponse:
        """Show the journal of a graph, oldest first."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        mpid = request.mpid if request.HasField("mpid") else None
        after = _after(request.after_seq)
        page = page_of(
            request.page_size, request.page_token, **_ENTRIES, question=("journal", tuple(graph), mpid)
        )
        after = after if page.cursor is None else page.cursor
        entries = await self._store.entries(graph, after, page.size + 1, mpid)
        answer = pb.ListJournalResponse()
        for entry in entries[: page.size]:
            entry_to_wire(answer.entries.add(), entry)
        if len(entries) > page.size:
            answer.next_page_token = page.token(entries[page.size - 1].seq)
        return answer

    async def watch_changes(
        self, request: pb.WatchChangesRequest, call: Call
    ) -> AsyncGenerator[pb.WatchChangesResponse, None]:
        """Follow the journal of a graph; each entry once, in order (ID-251)."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        changes = self._store.changes(graph, _after(request.after_seq))
        async for entries in self._drain.waiting(changes, _READ_AHEAD):
            for entry in entries:
                answer = pb.WatchChangesResponse()
                entry_to_wire(answer.entry, entry)
                yield answer


def _after(seq: int) -> int:
    if seq < 0:
        raise refuse([("after_seq", "is negative")])
    return seq
