"""What operators take back: from the wire, and to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from idsync.model.identity import GraphKey, Identity
from idsync.model.must_not import MAX_SIDE, Side
from idsync.model.undo import Forbidding, ForbidRequest, RevertRequest, SplitRequest, Undone
from idsync.server.wire.convert import identity_to_wire
from idsync.server.wire.faults import check_ids, identity_from_wire, refuse
from idsync.v1 import identity_pb2
from idsync.v1 import undo_pb2 as pb

__all__ = [
    "MAX_FORBIDDEN",
    "MAX_REASON_CHARS",
    "OPERATOR_ID",
    "forbid_from_wire",
    "forbid_to_wire",
    "revert_from_wire",
    "split_from_wire",
    "undone_to_wire",
]

MAX_FORBIDDEN: Final = 100
"""Identities that one side of a forbid may name: all who have them are looked at."""
MAX_REASON_CHARS: Final = 256
"""Characters that an operator may say of a must-not-link: they are kept in the journal."""
OPERATOR_ID: Final = "operator"
"""Who asked, in the journal; no input is called so, as those have a stroke in their names."""


def split_from_wire(request: pb.SplitProfileRequest, graph: GraphKey) -> SplitRequest:
    """Read a split.

    Raises:
        InvalidRequestError: It names no identity, too many, one twice or an unsound one.
    """
    check_ids(request.request_id, "")
    if not request.identities:
        raise refuse([("identities", "is empty")])
    return SplitRequest(
        graph,
        request.mpid,
        _identities("identities", request.identities, MAX_SIDE),
        request.onto_mpid if request.HasField("onto_mpid") else None,
        not request.no_forbid,
        request.preview,
        request.expected_version if request.HasField("expected_version") else None,
        request.request_id,
        OPERATOR_ID,
    )


def revert_from_wire(request: pb.RevertChangeRequest, graph: GraphKey) -> RevertRequest:
    """Read a revert.

    Raises:
        InvalidRequestError: Its position is none.
    """
    check_ids(request.request_id, "")
    if request.seq <= 0:
        raise refuse([("seq", "must be a position of the journal, which counts from 1")])
    return RevertRequest(
        graph,
        request.seq,
        request.with_following,
        not request.no_forbid,
        request.preview,
        request.expected_version if request.HasField("expected_version") else None,
        request.request_id,
        OPERATOR_ID,
    )


def forbid_from_wire(request: pb.ForbidRequest, graph: GraphKey) -> ForbidRequest:
    """Read a forbid.

    Raises:
        InvalidRequestError: A side is empty, too long or unsound; both name the same; none names an identity.
    """
    check_ids(request.request_id, "")
    faults = list(_forbid_faults(request))
    if faults:
        raise refuse(faults)
    first, second = _side("link.first", request.link.first), _side("link.second", request.link.second)
    if set(first.identities) & set(second.identities) or (
        first.mpid is not None and first.mpid == second.mpid
    ):
        raise refuse([("link.second", "names what the other side names")])
    return ForbidRequest(
        graph,
        (first, second),
        request.withdraw,
        request.reason,
        request.validate_only,
        request.request_id,
        OPERATOR_ID,
    )


def _forbid_faults(request: pb.ForbidRequest) -> Iterator[tuple[str, str]]:
    link = request.link
    for name, side in (("link.first", link.first), ("link.second", link.second)):
        if not side.identities and not side.HasField("mpid"):
            yield name, "is empty"
    if not link.first.identities and not link.second.identities:
        yield "link", "names no identity"
    if len(request.reason) > MAX_REASON_CHARS:
        yield "reason", f"has more than {MAX_REASON_CHARS} characters"


def _side(field: str, side: pb.MustNotSide) -> Side:
    identities = _identities(f"{field}.identities", side.identities, MAX_FORBIDDEN)
    return Side(identities, side.mpid if side.HasField("mpid") else None)


def _identities(field: str, items: Iterable[identity_pb2.Identity], most: int) -> tuple[Identity, ...]:
    named = list(items)
    if len(named) > most:
        raise refuse([(field, f"has more than {most:,} identities")])
    found = [identity_from_wire(f"{field}[{n}]", item) for n, item in enumerate(named)]
    if len(set(found)) < len(found):
        raise refuse([(field, "names one twice")])
    return tuple(found)


def undone_to_wire(message: pb.Undone, undone: Undone) -> None:
    """Fill an `Undone` message."""
    for profile in undone.profiles:
        item = message.profiles.add(
            mpid=profile.mpid,
            is_new=profile.is_new,
            was_known=profile.was_known,
            is_known=profile.is_known,
            version=profile.version,
        )
        _to_wire(item.added.add, profile.added)
        _to_wire(item.removed.add, profile.removed)
        item.removed_since_seqs.extend(profile.removed_since)
        _to_wire(item.identities.add, profile.record)
    _links_to_wire(message.forbidden.add, undone.forbidden)
    message.withdrawn_seqs.extend(undone.withdrawn)
    message.reverted_seqs.extend(undone.reverted)
    message.version = undone.version
    message.journal_seq = undone.journal_seq


def forbid_to_wire(forbidding: Forbidding) -> pb.ForbidResponse:
    """Build the answer to a forbid."""
    answer = pb.ForbidResponse(withdrawn_seqs=forbidding.withdrawn, journal_seq=forbidding.journal_seq)
    _links_to_wire(answer.links.add, forbidding.links)
    return answer


def _links_to_wire(add: Callable[[], pb.MustNotLink], links: Iterable[tuple[Side, Side]]) -> None:
    for first, second in links:
        item = add()
        for message, side in ((item.first, first), (item.second, second)):
            _to_wire(message.identities.add, side.identities)
            if side.mpid is not None:
                message.mpid = side.mpid


def _to_wire(add: Callable[[], identity_pb2.Identity], identities: Iterable[Identity]) -> None:
    for identity in identities:
        identity_to_wire(add(), identity)
