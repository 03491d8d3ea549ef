"""PrivacyService: forgets people, proves it, and shows them what is kept of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from idsync.model.erasure import Traces
from idsync.model.errors import AlreadyErasedError, NotFoundError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.profile import Profile
from idsync.model.view import ViewRequest
from idsync.resolve.erasure import ALL_HOLDERS, NAMED, ONLY_HOLDER, ErasureOrder
from idsync.resolve.resolver import Resolver
from idsync.server.admission.reach import Reach
from idsync.server.call import Call
from idsync.server.services.signing import Signing
from idsync.server.wire.convert_graph import profile_to_wire
from idsync.server.wire.convert_privacy import exported_entry, exported_links, scope_to_wire
from idsync.server.wire.faults import MAX_ID_CHARS, identity_from_wire, refuse
from idsync.server.wire.pages import page_of
from idsync.store.protocol import Store
from idsync.v1 import privacy_service_pb2 as pb

if TYPE_CHECKING:
    from idsync.privacy.signing_key import SigningKey

__all__ = ["MAX_ERASED", "MAX_IDENTITIES", "PrivacyService"]

MAX_ERASED: Final = 1_000
"""Profiles of one erasure."""
MAX_IDENTITIES: Final = 100
"""Identities that one erasure goes by."""
_ENTRIES: Final = {"default": 100, "most": 1_000}
_PAGE: Final = 1_000
_ID_BYTES: Final = 16


class PrivacyService:
    """Answers operators only."""

    def __init__(self, store: Store, resolver: Resolver, reach: Reach, signing: Signing) -> None:
        self._store = store
        self._resolver = resolver
        self._reach = reach
        self._signing = signing

    # -- erasure -------------------------------------------------------------------------------------------

    async def erase(self, request: pb.EraseRequest, call: Call) -> pb.EraseResponse:
        """Erase profiles, or say what that would remove (ID-212)."""
        call.caller.require_operator()
        asked = self._asked(request)
        graph = await self._graph(request, call)
        mpids, rule = await self._chosen(request, graph, asked)
        traces = await self._store.traces(graph, mpids)
        await self._refuse_erased(graph, mpids, traces)
        self._refuse_telling(request.request_id, traces)
        answer = pb.EraseResponse(scope=await self._scope(graph, mpids, asked, traces))
        if request.preview:
            return answer
        key = self._signing.key()
        erasure_id = secrets.token_hex(_ID_BYTES)
        from idsync.privacy.receipt import INPUT_ID, tombstone  # noqa: PLC0415 - no start needs it

        order = ErasureOrder(
            graph,
            tuple(mpids),
            rule,
            tuple(asked),
            erasure_id,
            request.request_id,
            INPUT_ID,
            lambda identity: tombstone(key, erasure_id, graph, identity),
        )
        try:
            seq = await self._resolver.erase(order)
        except AlreadyErasedError as error:
            raise await self._already(graph, int(error.metadata["mpid"])) from error
        entry = (await self._store.entries_at(graph, [seq]))[seq]
        answer.erasure.CopyFrom(await self._erasure(entry, key))
        return answer

    def _asked(self, request: pb.EraseRequest) -> list[Identity]:
        if not request.mpids and not request.identities:
            raise refuse([("mpids", "are missing, and identities as well")])
        if len(request.mpids) > MAX_ERASED:
            raise refuse([("mpids", f"has more than {MAX_ERASED} MPIDs")])
        if len(request.identities) > MAX_IDENTITIES:
            raise refuse([("identities", f"has more than {MAX_IDENTITIES} identities")])
        if request.all_holders and (request.mpids or not request.identities):
            raise refuse([("all_holders", "goes with identities alone")])
        if len(request.request_id) > MAX_ID_CHARS:
            raise refuse([("request_id", f"has more than {MAX_ID_CHARS} characters")])
        named = enumerate(request.identities)
        return list(dict.fromkeys(identity_from_wire(f"identities[{i}]", one) for i, one in named))

    async def _graph(self, request: pb.EraseRequest, call: Call) -> GraphKey:
        if request.scope or request.environment or not request.mpids:
            graph = self._reach.graph(call.caller, request.scope, request.environment)
            found = await self._store.graph_of(request.mpids)
            if any(found.get(mpid) != graph for mpid in request.mpids):
                raise NotFoundError("no such profile in this graph")
            return graph
        found = await self._store.graph_of(request.mpids)
        shown = {m: graph for m, graph in found.items() if self._reach.shows(call.caller, graph)}
        if any(mpid not in shown for mpid in request.mpids):
            raise NotFoundError("no such profile")
        graphs = set(shown.values())
        if len(graphs) > 1:
            raise refuse([("mpids", "are not all of one graph")])
        return graphs.pop()

    async def _chosen(
        self, request: pb.EraseRequest, graph: GraphKey, asked: Sequence[Identity]
    ) -> tuple[list[Mpid], str]:
        """Say whom a request means, and by which rule."""
        holders: dict[Mpid, None] = {}
        for identity in asked:
            found = await self._store.find_profiles(graph, identity, MAX_ERASED + 1)
            holders |= dict.fromkeys(found)
        if request.mpids:
            mpids = list(dict.fromkeys(request.mpids))
            if asked:
                living = (await self._store.traces(graph, mpids)).versions
                strangers = [mpid for mpid in mpids if mpid in living and mpid not in holders]
                if strangers:
                    raise refuse([("mpids", "names a profile that holds none of the identities")])
            return mpids, NAMED
        if not holders:
            raise NotFoundError("no living profile holds any of the identities")
        if len(holders) > MAX_ERASED:
            raise refuse([("identities", f"are on more than {MAX_ERASED} profiles; name some in mpids")])
        if len(holders) > 1 and not (request.all_holders or request.preview):
            raise refuse(
                [
                    (
                        "all_holders",
                        f"is not set, and {len(holders)} profiles hold the identities: look at the preview, "
                        "then name those who are meant in mpids, or set it",
                    )
                ]
            )
        return list(holders), ALL_HOLDERS if len(holders) > 1 else ONLY_HOLDER

    async def _refuse_erased(self, graph: GraphKey, mpids: Sequence[Mpid], traces: Traces) -> None:
        for mpid in mpids:
            if mpid not in traces.versions:
                raise await self._already(graph, mpid)

    def _refuse_telling(self, request_id: str, traces: Traces) -> None:
        """Refuse a request id that says what is about to be forgotten: it stays."""
        if any(value.identity.value in request_id for value in traces.values):
            raise refuse([("request_id", "contains a value of the profile, and would stay in the journal")])

    async def _already(self, graph: GraphKey, mpid: Mpid) -> AlreadyErasedError:
        """Say by which erasure a profile is gone."""
        after = 0
        while entries := await self._store.entries(graph, after, _PAGE, mpid):
            for entry in entries:
                if any(c.kind is ChangeKind.PROFILE_ERASED and c.mpid == mpid for c in entry.changes):
                    known = {} if entry.idempotency_key is None else {"erasure_id": entry.idempotency_key}
                    by = f" by erasure {entry.idempotency_key}" if known else ""
                    return AlreadyErasedError(f"the profile {mpid} was erased before{by}", **known)
            after = entries[-1].seq
        return AlreadyErasedError(f"the profile {mpid} was erased before")

    async def _scope(
        self, graph: GraphKey, mpids: Sequence[Mpid], asked: Iterable[Identity], traces: Traces
    ) -> pb.ErasureScope:
        former: dict[Mpid, None] = {}
        for identity in asked:
            links = await self._store.links_of(graph, identity, _PAGE)
            former |= dict.fromkeys(link.mpid for link in links if link.mpid not in mpids)
        held = await self._store.traces(graph, list(former)) if former else None
        current = {
            link.mpid
            for link in (() if held is None else held.links)
            if link.until_seq is None and link.identity in set(asked)
        }
        living = [] if held is None else [m for m in former if m in held.versions and m not in current]
        profiles = await self._store.profiles(graph, mpids)
        return scope_to_wire(
            graph,
            [profiles[mpid] for mpid in mpids],
            traces,
            living,
            self._signing.not_reached(),
            self._reach.scope(graph).policy,
        )

    async def get_erasure(self, request: pb.GetErasureRequest, call: Call) -> pb.GetErasureResponse:
        """Show an erasure again, and write its receipt again."""
        call.caller.require_operator()
        if not 0 < len(request.erasure_id) <= MAX_ID_CHARS:
            raise refuse([("erasure_id", f"must have 1 to {MAX_ID_CHARS} characters")])
        from idsync.privacy.receipt import INPUT_ID  # noqa: PLC0415 - no start needs it

        graphs = [graph for graph in await self._store.graphs() if self._reach.shows(call.caller, graph)]
        views = await self._store.read_views(
            [ViewRequest(g, 0, (), input_id=INPUT_ID, idempotency_key=request.erasure_id) for g in graphs]
        )
        for view in views:
            if view.earlier is not None:
                erasure = await self._erasure(view.earlier, self._signing.key())
                return pb.GetErasureResponse(erasure=erasure)
        raise NotFoundError("no such erasure")

    async def _erasure(self, entry: JournalEntry, key: SigningKey) -> pb.Erasure:
        from idsync.privacy.receipt import erased_mpids, written_receipt  # noqa: PLC0415 - no start needs it

        link = await self._store.link_at(entry.graph, entry.seq)
        erasure = pb.Erasure(
            erasure_id=entry.idempotency_key or "",
            state=pb.ERASURE_STATE_DONE,
            mpids=erased_mpids(entry),
            journal_seq=entry.seq,
            receipt=written_receipt(entry, link, self._signing.not_reached(), key),
        )
        erasure.time.FromMilliseconds(entry.at_ms)
        return erasure

    # -- export --------------------------------------------------------------------------------------------

    async def export(self, request: pb.ExportRequest, call: Call) -> pb.ExportResponse:
        """Show all that is kept of one profile, and nothing of others."""
        call.caller.require_operator()
        graph = (await self._store.graph_of([request.mpid])).get(request.mpid)
        if graph is None or not self._reach.shows(call.caller, graph):
            raise NotFoundError("no such profile")
        page = page_of(
            request.page_size, request.page_token, **_ENTRIES, question=("export", tuple(graph), request.mpid)
        )
        traces = await self._store.traces(graph, [request.mpid])
        own = {link.identity for link in traces.links} | {value.identity for value in traces.values}
        answer = pb.ExportResponse()
        if page.cursor is None:
            profile: Profile = (await self._store.profiles(graph, [request.mpid]))[request.mpid]
            profile_to_wire(answer.profile, profile, self._reach.scope(graph).policy)
            exported_links(answer.identities.add, traces.links)
        entries = await self._store.entries(graph, page.cursor or 0, page.size + 1, request.mpid)
        for entry in entries[: page.size]:
            exported_entry(answer.entries.add(), entry, request.mpid, own)
        if len(entries) > page.size:
            answer.next_page_token = page.token(entries[page.size - 1].seq)
        return answer
