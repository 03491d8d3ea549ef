"""The resolver: every surface, online or in bulk, comes through here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, Final, cast

from idsync.model.aliasing import AliasRecord
from idsync.model.changes import Modification, Resolution
from idsync.model.errors import ContentionError, ForbiddenError, IdsyncError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.quarantine import QuarantineRequest, Quarantining
from idsync.model.request import AliasRequest, ModifyRequest, ResolveRequest
from idsync.model.undo import Forbidding, ForbidRequest, RevertRequest, SplitRequest, Undone
from idsync.resolve.alias import terms_of
from idsync.resolve.at_once import AtOnce
from idsync.resolve.erasure import EraseStep, ErasureOrder, MovedOnError
from idsync.resolve.recorder import Recorder
from idsync.resolve.rounds import MAX_ATTEMPTS, Rounds
from idsync.resolve.scope import Scope
from idsync.resolve.steps.alarming import AlarmOrder, AlarmStep
from idsync.resolve.steps.aliasing import AliasStep, DueAliasStep
from idsync.resolve.steps.deleting import DeleteStep
from idsync.resolve.steps.modifying import ModifyStep
from idsync.resolve.steps.quarantining import QuarantineStep
from idsync.resolve.steps.resolving import ResolveStep
from idsync.resolve.steps.terms import repeat_key
from idsync.resolve.undo.following import gather
from idsync.resolve.undo.forbid import ForbidStep
from idsync.resolve.undo.revert import Outdated, RevertStep
from idsync.resolve.undo.split import SplitStep
from idsync.store.protocol import ImmediateStore, Store

__all__ = ["Resolver", "Scope"]

_DUE_AT_ONCE: Final = 1_000
_DAY_MS: Final = 86_400_000
_ERASURE_ATTEMPTS: Final = 16
"""Times that profiles are collected anew because somebody wrote to them meanwhile."""


class Resolver:
    """Answers calls by the settings of their scope, over any store.

    Args:
        store: Where the graphs live.
        scopes: Settings and strategy by scope name.
        clock: Gives the time in UTC milliseconds.
        recorder: Notes what the journal does not say of calls; `None`: they are not recorded.
    """

    def __init__(
        self,
        store: Store,
        scopes: Mapping[str, Scope],
        clock: Callable[[], int],
        recorder: Recorder | None = None,
    ) -> None:
        self._store = store
        self._scopes = scopes
        self._clock = clock
        self._recorder = recorder
        self._rounds: AtOnce | Rounds = (
            AtOnce(cast("ImmediateStore", store), recorder)
            if store.answers_at_once
            else Rounds(store, recorder)
        )

    async def resolve(self, request: ResolveRequest) -> Resolution:
        """Answer an identify, login, logout or search with exactly one profile.

        Raises:
            LookupFailedError: The strategy refuses the call (ID-082).
            NotFoundError: A search or read-only call matches nothing (ID-087, ID-088).
            ContentionError: Too many writers raced.
            UnavailableError: The store is out of reach; nothing was changed.
        """
        return await self._rounds.take(ResolveStep(request, self._scopes[request.graph.scope], self._clock))

    async def modify(self, request: ModifyRequest) -> Modification:
        """Change a profile's identities, all or none.

        Raises:
            LookupFailedError: The graph has no such profile (ID-150).
            InvalidRequestError: An immutable ID would change (ID-157).
            ContentionError, UnavailableError: As for `resolve`.
        """
        return await self._rounds.take(ModifyStep(request, self._scopes[request.graph.scope]))

    async def resolve_all(
        self, calls: Iterable[ResolveRequest | ModifyRequest]
    ) -> list[Resolution | Modification | IdsyncError]:
        """Answer calls in order, each seeing the effect of those before it; an error harms its call only.

        Over a store that answers at once, each call is asked for when those before it are decided.
        """
        steps = (
            ModifyStep(call, self._scopes[call.graph.scope])
            if isinstance(call, ModifyRequest)
            else ResolveStep(call, self._scopes[call.graph.scope], self._clock)
            for call in calls
        )
        return await self._rounds.take_in_order(steps)

    def prepare(self, name: Hashable, request: ResolveRequest, answer: Resolution, prepared: Any) -> None:
        """Keep a surface's form of an answer that changed nothing, for as long as it would be given again.

        Args:
            name: The surface's own name of the request: whatever has this name must be the same request.
            request: What was asked.
            answer: What was answered.
            prepared: What `recall` is to give.
        """
        scope = self._scopes[request.graph.scope]
        key = repeat_key(request, scope.policy)
        sent = None
        if self._recorder is not None and scope.policy.blocked_values is not None:
            step = ResolveStep(request, scope, self._clock)
            sent = None if step.is_whole else step
        self._rounds.prepare(name, key, answer, prepared, sent)

    def recall(self, name: Hashable) -> Any | None:
        """Give what was prepared for a request, if the answer would be the same now; else `None`."""
        return self._rounds.recall(name)

    async def alias(self, request: AliasRequest) -> int:
        """Take an alias request; returns the position of its journal entry (ID-185).

        Raises:
            ForbiddenError: The strategy has no aliasing (ID-180).
            InvalidAliasError: ID-182 to ID-184.
            ContentionError, UnavailableError: As for `resolve`.
        """
        scope = self._scopes[request.graph.scope]
        if not scope.strategy.aliasing:
            raise ForbiddenError(f"the strategy {scope.strategy.name} has no aliasing")
        terms = terms_of(request, scope.policy, self._clock())
        return await self._rounds.take(AliasStep(request, terms, scope.policy))

    async def delete(self, graph: GraphKey, mpid: Mpid, cause: str = "erase") -> bool:
        """Remove a profile and take its identities off the lookup at once; its MPID stays dead (ID-212).

        Returns:
            Whether there was a live profile of that name.
        """
        step = DeleteStep(graph, mpid, self._scopes[graph.scope].policy, cause)
        found = (await self._store.profiles(graph, [mpid])).get(mpid) if self._recorder else None
        held = () if found is None else (*found.identities, *found.descriptions)
        values = [each.identity for each in held]
        # before it, so that a crash between the two leaves nothing; after it, for calls that came meanwhile
        await self._forget_calls(graph, [mpid], values)
        try:
            erased = await self._rounds.take(step)
        finally:
            self._rounds.forget()
        await self._forget_calls(graph, [mpid], values)
        return erased

    async def _forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        if self._recorder is not None:
            await self._recorder.forget(graph, mpids, values)

    async def erase(self, order: ErasureOrder) -> int:
        """Remove profiles with all that only they hold, as one journal entry; gives its position (ID-212).

        Raises:
            AlreadyErasedError: Somebody else has erased one of them.
            ContentionError: They did not keep still.
            UnavailableError: As for `resolve`.
        """
        policy = self._scopes[order.graph.scope].policy
        try:
            for _ in range(_ERASURE_ATTEMPTS):
                traces = await self._store.traces(order.graph, order.mpids)
                values = {*order.asked, *(value.identity for value in traces.values)}
                # before it, so that a crash leaves nothing; after it, for calls that came meanwhile
                await self._forget_calls(order.graph, order.mpids, values)
                try:
                    seq = await self._rounds.take(EraseStep(order, traces, policy))
                except MovedOnError:
                    continue
                await self._forget_calls(order.graph, order.mpids, values)
                return seq
        finally:
            self._rounds.forget()
        raise ContentionError("the profile is written to all the time")

    async def split(self, request: SplitRequest) -> Undone:
        """Take identities off a profile, or say what that would do.

        Raises:
            NotFoundError: There is no such live profile.
            InvalidRequestError: The profile does not have one of them.
            ConflictError: The policy, a must-not-link or another operator stands against it.
            ContentionError, UnavailableError: As for `resolve`.
        """
        return await self._rounds.take(SplitStep(request, self._scopes[request.graph.scope].policy))

    async def revert(self, request: RevertRequest) -> Undone:
        """Undo a journal entry, or say what that would do.

        Raises:
            NotFoundError: There is no such entry, or a profile of it is erased.
            ConflictError: It cannot be undone, or something stands against it, later entries above all.
            ContentionError, UnavailableError: As for `resolve`.
        """
        policy = self._scopes[request.graph.scope].policy
        for _ in range(MAX_ATTEMPTS):
            undoing = await gather(
                self._store, request.graph, request.seq, with_following=request.with_following
            )
            try:
                return await self._rounds.take(RevertStep(request, undoing, policy))
            except Outdated:
                continue
        raise ContentionError("too many writers raced for the same profiles")

    async def forbid(self, request: ForbidRequest) -> Forbidding:
        """Make or withdraw a must-not-link, or say what that would do.

        Raises:
            NotFoundError: A side names no live profile; there is nothing to withdraw.
            ConflictError: The sides are together, or kept apart already.
            ContentionError, UnavailableError: As for `resolve`.
        """
        return await self._rounds.take(ForbidStep(request, self._scopes[request.graph.scope].policy))

    async def quarantine(self, request: QuarantineRequest) -> Quarantining:
        """Take a value away from finding, or give it back.

        Raises:
            NotFoundError: Nobody has it on the record; there is nothing to release.
            ConflictError: It is quarantined already.
            ContentionError, UnavailableError: As for `resolve`.
        """
        return await self._rounds.take(QuarantineStep(request, self._scopes[request.graph.scope].policy))

    async def alarm(self, order: AlarmOrder) -> int:
        """Raise or end an alarm, as the value now is; gives the position of the entry, 0 if none is due.

        Raises:
            ContentionError, UnavailableError: As for `resolve`.
        """
        return await self._rounds.take(AlarmStep(order, self._scopes[order.graph.scope].policy))

    async def run_due(self) -> int:
        """Carry out what time has made due: aliases (ID-187), removal of the inactive (ID-214).

        Returns:
            How many things were done; when it is not 0 there may be more.
        """
        done = 0
        for graph, record in await self._due_aliases():
            policy = self._scopes[graph.scope].policy
            done += await self._rounds.take(DueAliasStep(graph, record, policy))
        for graph in await self._store.graphs():
            scope = self._scopes.get(graph.scope)
            if scope is None or scope.policy.inactive_days is None:
                continue
            before_ms = self._clock() - scope.policy.inactive_days * _DAY_MS
            for mpid in await self._store.inactive_profiles(graph, before_ms, _DUE_AT_ONCE):
                done += await self.delete(graph, mpid, "retention")
        return done

    async def _due_aliases(self) -> list[tuple[GraphKey, AliasRecord]]:
        """List due alias requests; those of scopes no longer configured wait, and keep nobody waiting."""
        limit = _DUE_AT_ONCE
        while True:
            due = await self._store.pending_aliases(self._clock(), limit)
            ours = [(graph, record) for graph, record in due if graph.scope in self._scopes]
            if ours or len(due) < limit:
                return ours[:_DUE_AT_ONCE]
            limit *= 2
