"""IdentityService: wire in, wire out; nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from typing import Final

from idsync.model.errors import ForbiddenError, InvalidAliasError, LookupFailedError, NotFoundError
from idsync.model.identity import GraphKey
from idsync.model.request import Operation
from idsync.model.wording import Wording
from idsync.resolve.resolver import Resolver, Scope
from idsync.server.admission.caller import Caller
from idsync.server.admission.limits import Gate
from idsync.server.call import Call
from idsync.server.drain import Drain
from idsync.server.meters import Meters
from idsync.server.method import Recall
from idsync.server.services.counting import Counting
from idsync.server.services.many_calls import ManyCalls
from idsync.server.services.replies import Replies
from idsync.server.wire.convert import (
    ResolveAnswer,
    ResolveMessage,
    modification_to_wire,
    modify_from_wire,
    resolution_to_wire,
    resolve_from_wire,
)
from idsync.server.wire.convert_alias import alias_from_wire, check_alias
from idsync.server.wire.faults import MAX_CALLS, refuse
from idsync.store.protocol import Store
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["MANY_CALLS", "IdentityService"]

MANY_CALLS: Final = frozenset({"BatchResolve", "StreamResolve"})
"""Rpcs that carry many calls, each of which counts against the rate limits."""
_OPERATIONS: Final = {operation.name.capitalize(): operation.value for operation in Operation}
"""What the journal calls it, by rpc."""


class IdentityService:
    """Answers callers that belong to a workspace."""

    def __init__(
        self,
        resolver: Resolver,
        store: Store,
        scopes: Mapping[str, Scope],
        *,
        meters: Meters,
        gate: Gate | None,
        count: Callable[[Call], None],
        drain: Drain,
    ) -> None:
        self._resolver = resolver
        self._store = store
        self._scopes = scopes
        self._drain = drain
        self._counting = Counting(gate, meters)
        self._replies = None if self._counting.needs_identities else Replies(resolver, meters)
        self._many = ManyCalls(
            resolver, count=count, counting=self._counting, replies=self._replies, meters=meters
        )

    # -- one call, one profile -----------------------------------------------------------------------------

    async def identify(self, request: pb.IdentifyRequest, call: Call) -> pb.IdentifyResponse:
        """Say who the user is (ID-080)."""
        return await self._answer(Operation.IDENTIFY, request, call, pb.IdentifyResponse())

    async def login(self, request: pb.LoginRequest, call: Call) -> pb.LoginResponse:
        """Say who signed in (ID-081)."""
        return await self._answer(Operation.LOGIN, request, call, pb.LoginResponse())

    async def logout(self, request: pb.LogoutRequest, call: Call) -> pb.LogoutResponse:
        """Go back to an anonymous profile (ID-083)."""
        return await self._answer(Operation.LOGOUT, request, call, pb.LogoutResponse())

    async def search(self, request: pb.SearchRequest, call: Call) -> pb.SearchResponse:
        """Say who the user is, without consequences (ID-085)."""
        return await self._answer(Operation.SEARCH, request, call, pb.SearchResponse())

    async def modify(self, request: pb.ModifyRequest, call: Call) -> pb.ModifyResponse:
        """Change the identities of a profile (section 8 of the specification)."""
        call.caller.require_input()
        wanted = modify_from_wire(request, call.caller)
        self._counting.asked(wanted)
        modification = await self._resolver.modify(wanted)
        self._counting.answered(wanted, modification)
        return modification_to_wire(modification)

    async def _answer(
        self, operation: Operation, request: ResolveMessage, call: Call, answer: ResolveAnswer
    ) -> ResolveAnswer:
        caller = call.caller
        caller.require_input()
        wanted = resolve_from_wire(operation, request, caller)
        self._counting.asked(wanted)
        try:
            resolution = await self._resolver.resolve(wanted)
        except (LookupFailedError, NotFoundError) as error:
            self._counting.answered(wanted, error)
            raise
        self._counting.answered(wanted, resolution)
        resolution_to_wire(answer, resolution, request.known_identities)
        received = call.received
        if received is not None and self._replies is not None and not resolution.journal_seq:
            write = received.write if isinstance(received, Wording) else None
            reply = answer.SerializeToString() if write is None else write(answer)
            self._replies.keep(operation.value, received, wanted, resolution, reply)
        return answer

    def recall(self, rpc: str) -> Recall | None:
        """Give what answers requests of an rpc that came before, unread; `None`: none of them are."""
        operation = _OPERATIONS.get(rpc)
        replies = self._replies
        if operation is None or replies is None:
            return None
        return lambda request, call: replies.recall(operation, call.caller.input_id, request)

    # -- many calls ----------------------------------------------------------------------------------------

    async def batch_resolve(self, request: pb.BatchResolveRequest, call: Call) -> pb.BatchResolveResponse:
        """Answer up to 1,000 calls in order; an error harms its call only."""
        call.caller.require_input()
        if len(request.calls) > MAX_CALLS:
            raise refuse([("calls", f"has more than {MAX_CALLS} calls")])
        response = pb.BatchResolveResponse()
        await self._many.answer(request.calls, call, response.results.add)
        return response

    async def stream_resolve(
        self, requests: AsyncIterable[pb.StreamResolveRequest], call: Call
    ) -> AsyncGenerator[pb.StreamResolveResponse, None]:
        """Answer calls in order, as many at once as are waiting."""
        call.caller.require_input()
        async for waiting in self._drain.waiting(requests, MAX_CALLS):
            responses = [pb.StreamResolveResponse() for _ in waiting]
            places = (response.result for response in responses)
            await self._many.answer([request.call for request in waiting], call, places.__next__)
            for response in responses:
                yield response

    # -- the rest ------------------------------------------------------------------------------------------

    async def alias(self, request: pb.AliasRequest, call: Call) -> pb.AliasResponse:
        """Take an alias request (section 10 of the specification).

        Whether aliasing is available is judged before what is asked (ID-195).
        """
        caller = call.caller
        caller.require_input()
        strategy = self._scopes[caller.scope].strategy
        if not caller.aliasing:
            raise ForbiddenError("aliasing is not switched on for this workspace")
        if not strategy.aliasing:
            raise ForbiddenError(f"the strategy {strategy.name} has no aliasing")
        check_alias(request)
        graph = await self._alias_graph(request, caller)
        seq = await self._resolver.alias(alias_from_wire(request, graph, caller))
        return pb.AliasResponse(journal_seq=seq)

    async def _alias_graph(self, request: pb.AliasRequest, caller: Caller) -> GraphKey:
        named = caller.graphs[request.environment]
        if named is not None:
            return named
        found = (await self._store.graph_of([request.source_mpid])).get(request.source_mpid)
        if found is None or found.scope != caller.scope:
            raise InvalidAliasError("source or destination does not exist")
        return found

    async def get_caller(self, request: pb.GetCallerRequest, call: Call) -> pb.GetCallerResponse:
        """Say who the credentials belong to."""
        del request
        caller = call.caller
        scope = self._scopes.get(caller.scope)
        return pb.GetCallerResponse(
            workspace=caller.workspace,
            scope=caller.scope,
            platform=caller.platform,
            strategy=scope.strategy.name if scope is not None else "",
            may_read=caller.may_read or caller.is_operator,
            is_operator=caller.is_operator,
        )
