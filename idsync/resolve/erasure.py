"""Erasure as one journal entry: the profiles, the values that go with them, and what of these stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from idsync.model.aliasing import AliasState
from idsync.model.changes import Applied, ChangeSet
from idsync.model.erasure import Traces
from idsync.model.errors import AlreadyErasedError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.policy import Policy
from idsync.model.view import GraphView, ViewRequest

__all__ = ["ALL_HOLDERS", "NAMED", "ONLY_HOLDER", "EraseStep", "ErasureOrder", "MovedOnError"]

NAMED: Final = "erase/named"
"""The rule where the request named the profiles."""
ONLY_HOLDER: Final = "erase/only-holder"
ALL_HOLDERS: Final = "erase/all-holders"


class MovedOnError(Exception):
    """What was collected about the profiles is not all any more."""


@dataclass(frozen=True, slots=True)
class ErasureOrder:
    """Whom to erase.

    Attributes:
        mpids: Living profiles of the graph, at least one.
        rule: How they were chosen.
        asked: The identities by which they were.
        tombstone: Gives what is kept of a value.
    """

    graph: GraphKey
    mpids: tuple[Mpid, ...]
    rule: str
    asked: tuple[Identity, ...]
    erasure_id: str
    request_id: str
    input_id: str
    tombstone: Callable[[Identity], str]


class EraseStep:
    """Removes profiles; their MPIDs stay dead (ID-212)."""

    __slots__ = ("_error", "_order", "_traces", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, order: ErasureOrder, traces: Traces, policy: Policy) -> None:
        self._order = order
        self._traces = traces
        self._error: Exception | None = None
        self.wanted = ViewRequest(
            order.graph, policy.login_set, [value.identity for value in traces.values], order.mpids
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan the removal, if what was collected is still all there is."""
        order, traces = self._order, self._traces
        self._error = self._fault(view)
        if self._error is not None:
            return ChangeSet(order.graph, 0, view)
        return ChangeSet(
            order.graph,
            order.mpids[0],
            view,
            cause="erase",
            rule=order.rule,
            changes=tuple(self._changes()),
            identities={value.identity: value.version for value in traces.values},
            profiles={mpid: traces.versions[mpid] for mpid in order.mpids},
            evidence=Evidence(),
            request_id=order.request_id,
            input_id=order.input_id,
            idempotency_key=order.erasure_id,
        )

    def _fault(self, view: GraphView) -> Exception | None:
        traces = self._traces
        for mpid in self._order.mpids:
            profile = view.profile(mpid)
            if profile is None:
                return AlreadyErasedError("the profile is erased already", mpid=str(mpid))
            if traces.versions.get(mpid) != profile.version:
                return MovedOnError()
        for value in traces.values:
            holders = view.holders(value.identity)
            if holders is None or holders.version != value.version:
                return MovedOnError()
        return None

    def _changes(self) -> Iterator[Change]:
        order = self._order
        for mpid in order.mpids:
            yield Change(ChangeKind.PROFILE_ERASED, mpid)
        for value in self._traces.values:
            yield Change(
                ChangeKind.VALUE_KEPT if value.stays else ChangeKind.VALUE_ERASED,
                value.mpid,
                value.identity,
                # says that the request named it
                other=value.mpid if value.identity in order.asked else None,
                reason=order.tombstone(value.identity),
            )
        for alias in self._traces.aliases:
            if alias.state is AliasState.PENDING:
                yield Change(
                    ChangeKind.ALIAS_IGNORED,
                    alias.terms.source,
                    other=alias.terms.destination,
                    alias_seq=alias.seq,
                    reason="profile-erased",
                )

    def answer(self, applied: Applied) -> int:
        """Give the position of the entry."""
        if self._error is not None:
            raise self._error
        return applied.seq
