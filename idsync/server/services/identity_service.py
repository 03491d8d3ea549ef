"""IdentityService: wire in, wire out; nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from typing import Final

from grpc import StatusCode

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.errors import ForbiddenError, IdsyncError, InvalidAliasError, LookupFailedError
from idsync.model.identity import GraphKey
from idsync.model.request import ModifyRequest, Operation, ResolveRequest
from idsync.resolve.resolver import Resolver, Scope
from idsync.server.admission.caller import Caller
from idsync.server.admission.limits import Gate
from idsync.server.call import Call
from idsync.server.drain import Drain
from idsync.server.meters import Meters
from idsync.server.method import told_of
from idsync.server.wire.batch import CallReader, error_to_wire, result_to_wire
from idsync.server.wire.convert import (
    ResolveMessage,
    modification_to_wire,
    modify_from_wire,
    resolution_to_wire,
    resolve_from_wire,
)
from idsync.server.wire.convert_alias import alias_from_wire, check_alias
from idsync.server.wire.faults import MAX_CALLS, refuse
from idsync.server.wire.status import code_of
from idsync.store.protocol import Store
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["MANY_CALLS", "IdentityService"]

MANY_CALLS: Final = frozenset({"BatchResolve", "StreamResolve"})
"""Rpcs that carry many calls, each of which counts against the rate limits."""


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
        self._meters = meters
        self._gate = gate
        self._count = count
        self._drain = drain

    # -- one call, one profile -----------------------------------------------------------------------------

    async def identify(self, request: pb.IdentifyRequest, call: Call) -> pb.IdentifyResponse:
        """Say who the user is (ID-080)."""
        resolution = await self._resolve(Operation.IDENTIFY, request, call)
        return resolution_to_wire(pb.IdentifyResponse(), resolution, request.known_identities)

    async def login(self, request: pb.LoginRequest, call: Call) -> pb.LoginResponse:
        """Say who signed in (ID-081)."""
        resolution = await self._resolve(Operation.LOGIN, request, call)
        return resolution_to_wire(pb.LoginResponse(), resolution, request.known_identities)

    async def logout(self, request: pb.LogoutRequest, call: Call) -> pb.LogoutResponse:
        """Go back to an anonymous profile (ID-083)."""
        resolution = await self._resolve(Operation.LOGOUT, request, call)
        return resolution_to_wire(pb.LogoutResponse(), resolution, request.known_identities)

    async def search(self, request: pb.SearchRequest, call: Call) -> pb.SearchResponse:
        """Say who the user is, without consequences (ID-085)."""
        resolution = await self._resolve(Operation.SEARCH, request, call)
        return resolution_to_wire(pb.SearchResponse(), resolution, request.known_identities)

    async def modify(self, request: pb.ModifyRequest, call: Call) -> pb.ModifyResponse:
        """Change the identities of a profile (section 8 of the specification)."""
        call.caller.require_input()
        wanted = modify_from_wire(request, call.caller)
        self._admit_identities(wanted)
        modification = await self._resolver.modify(wanted)
        self._count_answer(wanted, modification)
        return modification_to_wire(modification)

    async def _resolve(self, operation: Operation, request: ResolveMessage, call: Call) -> Resolution:
        caller = call.caller
        caller.require_input()
        wanted = resolve_from_wire(operation, request, caller)
        self._admit_identities(wanted)
        try:
            resolution = await self._resolver.resolve(wanted)
        except LookupFailedError as error:
            self._count_answer(wanted, error)
            raise
        self._count_answer(wanted, resolution)
        return resolution

    def _admit_identities(self, wanted: ResolveRequest | ModifyRequest) -> None:
        if self._gate is None:
            return
        if isinstance(wanted, ResolveRequest):
            self._gate.admit_identities(wanted.identities.values())
        else:
            named = (side for change in wanted.changes for side in (change.old, change.new))
            self._gate.admit_identities({side for side in named if side is not None})

    def _count_answer(
        self, wanted: ResolveRequest | ModifyRequest, answer: Resolution | Modification | IdsyncError
    ) -> None:
        if isinstance(answer, Resolution):
            self._meters.outcome(wanted.graph.scope, answer.outcome, answer.rule)
        elif isinstance(answer, LookupFailedError) and isinstance(wanted, ResolveRequest):
            self._meters.outcome(wanted.graph.scope, Outcome.REFUSED, answer.metadata.get("rule", ""))
        if not isinstance(answer, IdsyncError) and answer.notices:
            self._meters.notices(answer.notices)

    # -- many calls ----------------------------------------------------------------------------------------

    async def batch_resolve(self, request: pb.BatchResolveRequest, call: Call) -> pb.BatchResolveResponse:
        """Answer up to 1,000 calls in order; an error harms its call only."""
        call.caller.require_input()
        if len(request.calls) > MAX_CALLS:
            raise refuse([("calls", f"has more than {MAX_CALLS} calls")])
        return pb.BatchResolveResponse(results=await self._answer_all(request.calls, call))

    async def stream_resolve(
        self, requests: AsyncIterable[pb.StreamResolveRequest], call: Call
    ) -> AsyncGenerator[pb.StreamResolveResponse, None]:
        """Answer calls in order, as many at once as are waiting."""
        call.caller.require_input()
        async for waiting in self._drain.waiting(requests, MAX_CALLS):
            for result in await self._answer_all([request.call for request in waiting], call):
                yield pb.StreamResolveResponse(result=result)

    async def _answer_all(self, calls: Sequence[pb.ResolveCall], call: Call) -> list[pb.ResolveResult]:
        reader = CallReader(call.caller)
        wanted: list[ResolveRequest | ModifyRequest] = []
        results: list[pb.ResolveResult | None] = []
        for message in calls:
            try:
                self._count(call)
                read = reader.read(message)
                self._admit_identities(read)
            except Exception as error:
                results.append(self._refusal(error, call))
            else:
                wanted.append(read)
                results.append(None)
        answers = iter(await self._resolver.resolve_all(wanted))
        requests = iter(wanted)
        complete: list[pb.ResolveResult] = []
        for message, result in zip(calls, results, strict=True):
            if result is None:
                request, answer = next(requests), next(answers)
                self._count_answer(request, answer)
                complete.append(
                    self._refusal(answer, call)
                    if isinstance(answer, IdsyncError)
                    else result_to_wire(message, answer)
                )
            else:
                complete.append(result)
        return complete

    def _refusal(self, error: Exception, call: Call) -> pb.ResolveResult:
        """Put an error in the place of its call; a fault of ours is logged like that of a single call."""
        code = code_of(error)
        self._meters.refused(code)
        if isinstance(error, IdsyncError) and code is not StatusCode.INTERNAL:
            return error_to_wire(error)
        return error_to_wire(told_of(error, call, pb.ResolveCall.DESCRIPTOR.full_name))

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
