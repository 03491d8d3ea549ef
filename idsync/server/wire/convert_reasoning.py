"""Calls to reason about, and the reasoning."""

from __future__ import annotations

from typing import Final

from idsync.model.identity import GraphKey
from idsync.model.journal import ChangeKind
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.reasoning import Alternative, Ending, Reasoning
from idsync.resolve.visits import Visit
from idsync.server.admission.caller import Caller
from idsync.server.wire.convert import (
    OUTCOMES,
    identities_to_wire,
    identity_to_wire,
    notices_to_wire,
    resolve_from_wire,
)
from idsync.server.wire.faults import refuse
from idsync.v1 import identity_service_pb2
from idsync.v1 import reasoning_pb2 as pb

__all__ = ["call_from_wire", "reasoning_to_wire"]

_OPERATIONS: Final = dict(enumerate(Operation, start=1))
_WRITTEN: Final = frozenset(
    {ChangeKind.IDENTITY_ADDED, ChangeKind.IDENTITY_REMOVED, ChangeKind.DESCRIPTION_ADDED}
)


def call_from_wire(graph: GraphKey, message: pb.ExplainedCall) -> ResolveRequest:
    """Read a call to reason about, as it would be read of an input of the scope.

    Raises:
        InvalidRequestError: As for the call itself; or the operation is unspecified or unknown.
        LookupFailedError: No identity is left (ID-233).
    """
    operation = _OPERATIONS.get(message.operation)
    if operation is None:
        raise refuse([("call.operation", "must be identify, login, logout or search")])
    made = identity_service_pb2.IdentifyRequest(
        environment=graph.environment,  # type: ignore[arg-type]
        known_identities=message.known_identities,
        previous_mpid=message.previous_mpid,
        read_only=message.read_only,
    )
    return resolve_from_wire(operation, made, Caller(scope=graph.scope))


def reasoning_to_wire(message: pb.Reasoning, reasoning: Reasoning) -> None:
    """Fill a `Reasoning` message."""
    _ending_to_wire(message.ending, reasoning.ending)
    if reasoning.decided_by is not None:
        identity_to_wire(message.decided_by, reasoning.decided_by)
    for visit in reasoning.visits:
        _visit_to_wire(message.visits.add(), visit)
    for change in reasoning.changes:
        if change.kind in _WRITTEN and change.identity is not None:
            written = message.changes.add(
                is_removed=change.kind is ChangeKind.IDENTITY_REMOVED,
                is_description=change.kind is ChangeKind.DESCRIPTION_ADDED,
            )
            identity_to_wire(written.identity, change.identity)
    notices_to_wire(message.notices.add, reasoning.notices)
    for alternative in reasoning.alternatives:
        _alternative_to_wire(message.alternatives.add(), alternative)
    message.alternative_count = reasoning.alternative_count
    message.is_whole = reasoning.is_whole


def _ending_to_wire(message: pb.Ending, ending: Ending) -> None:
    message.outcome = OUTCOMES[ending.outcome]
    message.rule = ending.rule
    message.message = ending.message
    if ending.mpid is not None:
        message.mpid = ending.mpid


def _visit_to_wire(message: pb.Visit, visit: Visit) -> None:
    identity_to_wire(message.identity, visit.identity)
    message.known_holders = visit.known
    message.anonymous_holders = visit.anonymous
    for one in visit.protected:
        item = message.protected.add(mpid=one.mpid, protection=one.by)
        identities_to_wire(item.identities.add, one.identities)
    message.protected_count = visit.protected_count
    message.eligible = visit.eligible
    message.candidates = visit.candidates
    message.quarantined_seq = visit.quarantined


def _alternative_to_wire(message: pb.Alternative, alternative: Alternative) -> None:
    for kind, identity in alternative.alterations:
        item = message.alterations.add(kind=kind)
        if identity is not None:
            identity_to_wire(item.identity, identity)
    _ending_to_wire(message.ending, alternative.ending)
