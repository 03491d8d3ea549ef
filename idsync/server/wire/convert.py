"""Identity calls between wire and model; nothing unchecked gets past here.

The order of checks is that of ID-233: environment, MPIDs (64-bit integers by their type on this wire), shape
and types, emptiness. Enum numbers are looked up in tables built once: this code runs for every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeAlias, TypeVar

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.errors import LookupFailedError
from idsync.model.identity import ADVERTISING_TYPES, Identity, IdentityType
from idsync.model.notice import Notice
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.model.values import absence
from idsync.server.admission.caller import Caller
from idsync.server.wire.faults import (
    MAX_CHANGES,
    TYPE_LIMITS,
    TYPES,
    check_ids,
    graph_from_wire,
    identity_faults,
    refuse,
)
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

__all__ = [
    "OUTCOMES",
    "ResolveAnswer",
    "ResolveMessage",
    "identities_to_wire",
    "identity_to_wire",
    "modification_to_wire",
    "modify_from_wire",
    "notices_to_wire",
    "resolution_to_wire",
    "resolve_from_wire",
]

ResolveMessage: TypeAlias = pb.IdentifyRequest | pb.LoginRequest | pb.LogoutRequest | pb.SearchRequest
ResolveAnswer = TypeVar(
    "ResolveAnswer", pb.IdentifyResponse, pb.LoginResponse, pb.LogoutResponse, pb.SearchResponse
)

_TYPE_COUNT: Final = len(TYPES)
OUTCOMES: Final = {
    Outcome.FOUND: identity_pb2.OUTCOME_FOUND,
    Outcome.CREATED: identity_pb2.OUTCOME_CREATED,
    Outcome.CONVERTED: identity_pb2.OUTCOME_CONVERTED,
    Outcome.REFUSED: identity_pb2.OUTCOME_REFUSED,
}


def resolve_from_wire(operation: Operation, message: ResolveMessage, caller: Caller) -> ResolveRequest:
    """Read an identify, login, logout or search; values that count as not sent become notices.

    Raises:
        InvalidRequestError: The environment or a type is unspecified or unknown, a type comes twice, a value
            or id is too long (ID-233, ID-241).
        LookupFailedError: No identity is left (ID-233).
    """
    graph = graph_from_wire(message.environment, caller)
    identities: dict[IdentityType, Identity] = {}
    notices: tuple[Notice, ...] = ()
    seen = 0
    new = tuple.__new__
    for item in message.known_identities:
        number = item.type
        value = item.value
        if not 0 < number < _TYPE_COUNT or seen >> number & 1 or len(value) > TYPE_LIMITS[number]:
            raise refuse(_resolve_faults(message))
        seen |= 1 << number
        kind = TYPES[number]
        if kind in ADVERTISING_TYPES or not value or value.isspace():
            # Few values need the closer look that says whether, and why, they count as not sent.
            absent = absence(kind, value)
            if absent is not None:
                notices += (Notice(kind, absent),)
                continue
        # What Identity(kind, value) does, in half the time.
        identities[kind] = new(Identity, (kind, value))
    request_id = message.request_id
    idempotency_key = message.idempotency_key if isinstance(message, pb.LogoutRequest) else ""
    check_ids(request_id, idempotency_key)
    if not identities:
        raise LookupFailedError("knownIdentities is empty.")
    return ResolveRequest(
        operation,
        graph,
        identities,
        # 0 is what a client sends that has no user yet (ID-007).
        message.previous_mpid or None,
        request_id,
        caller.input_id,
        message.read_only,
        idempotency_key or None,
        notices,
    )


def _resolve_faults(message: ResolveMessage) -> Iterator[tuple[str, str]]:
    seen: set[int] = set()
    for index, item in enumerate(message.known_identities):
        field = f"known_identities[{index}]"
        yield from identity_faults(f"{field}.type", f"{field}.value", item.type, item.value)
        if item.type in seen:
            yield f"{field}.type", "comes twice"
        seen.add(item.type)


def modify_from_wire(message: pb.ModifyRequest, caller: Caller) -> ModifyRequest:
    """Read a modify; that its profile exists is for the resolver to say (ID-150).

    Raises:
        InvalidRequestError: The environment or a type is unspecified or unknown; there are no changes or more
            than 100; a value or id is too long (ID-230, ID-233, ID-242).
    """
    graph = graph_from_wire(message.environment, caller)
    count = len(message.identity_changes)
    if not count:
        raise refuse([("identity_changes", "is empty")])
    if count > MAX_CHANGES:
        raise refuse([("identity_changes", f"has more than {MAX_CHANGES} changes")])
    faults = _change_faults(message.identity_changes)
    first = next(faults, None)
    if first is not None:
        raise refuse(chain([first], faults))
    check_ids(message.request_id, message.idempotency_key)
    notices: list[Notice] = []
    changes = tuple(_change(item, notices) for item in message.identity_changes)
    return ModifyRequest(
        graph,
        message.mpid,
        changes,
        message.request_id,
        caller.input_id,
        message.idempotency_key or None,
        tuple(dict.fromkeys(notices)),
    )


def _change_faults(changes: Iterable[pb.IdentityChange]) -> Iterator[tuple[str, str]]:
    for index, item in enumerate(changes):
        field = f"identity_changes[{index}]"
        wrong = dict(identity_faults(f"{field}.type", f"{field}.old_value", item.type, item.old_value))
        wrong |= identity_faults(f"{field}.type", f"{field}.new_value", item.type, item.new_value)
        yield from wrong.items()


def _change(item: pb.IdentityChange, notices: list[Notice]) -> IdentityChange:
    kind = IdentityType(item.type)
    sides: list[Identity | None] = []
    for is_there, value in (
        (item.HasField("old_value"), item.old_value),
        (item.HasField("new_value"), item.new_value),
    ):
        absent = absence(kind, value) if is_there else None
        if absent is not None:
            notices.append(Notice(kind, absent))
        sides.append(Identity(kind, value) if is_there and absent is None else None)
    return IdentityChange(kind, sides[0], sides[1])


def resolution_to_wire(
    answer: ResolveAnswer, resolution: Resolution, sent: Sequence[identity_pb2.Identity]
) -> ResolveAnswer:
    """Fill an empty answer to an identify, login, logout or search (section 9 of the specification).

    Args:
        answer: What to fill.
        resolution: What to say.
        sent: The identities of the request; where all of them matched they are copied whole.
    """
    answer.mpid = resolution.mpid
    if resolution.is_logged_in:
        answer.is_logged_in = True
    if resolution.is_ephemeral:
        answer.is_ephemeral = True
    if len(resolution.matched) == len(sent):
        answer.matched_identities.MergeFrom(sent)
    elif resolution.matched:
        add = answer.matched_identities.add
        for kind, value in resolution.matched:
            item = add()
            item.type = kind  # type: ignore[assignment]  # the numbers are the wire's
            item.value = value
    decision = answer.decision
    decision.outcome = OUTCOMES[resolution.outcome]
    decision.rule = resolution.rule
    if resolution.journal_seq:
        decision.journal_seq = resolution.journal_seq
    if resolution.decided_by is not None:
        identity_to_wire(decision.decided_by, resolution.decided_by)
    if resolution.notices:
        notices_to_wire(decision.notices.add, resolution.notices)
    return answer


def modification_to_wire(modification: Modification) -> pb.ModifyResponse:
    """Build the answer to a modify (ID-159, ID-230)."""
    answer = pb.ModifyResponse(is_logged_in=modification.is_logged_in, journal_seq=modification.journal_seq)
    for kind, mpid in modification.results:
        answer.change_results.add(type=kind, modified_mpid=mpid)
    notices_to_wire(answer.notices.add, modification.notices)
    return answer


def identity_to_wire(message: identity_pb2.Identity, identity: Identity) -> None:
    """Fill an `Identity` message."""
    message.type = identity.type  # type: ignore[assignment]
    message.value = identity.value


def identities_to_wire(add: Callable[[], identity_pb2.Identity], identities: Iterable[Identity]) -> None:
    """Fill a repeated `Identity` field, given its `add`."""
    for identity in identities:
        identity_to_wire(add(), identity)


def notices_to_wire(add: Callable[[], identity_pb2.Notice], notices: Iterable[Notice]) -> None:
    """Fill a repeated `Notice` field, given its `add`."""
    for notice in notices:
        item = add()
        item.type = notice.type  # type: ignore[assignment]
        item.reason = notice.reason  # type: ignore[assignment]
