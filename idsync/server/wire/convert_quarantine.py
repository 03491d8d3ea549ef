"""Messages about values that are quarantined, or above a limit."""

from __future__ import annotations

from idsync.model.identity import GraphKey
from idsync.model.quarantine import MAX_REASON_CHARS, QuarantineRequest, Quarantining
from idsync.resolve.flagged import FlaggedValue
from idsync.resolve.radar import Growth
from idsync.server.wire.convert import identity_to_wire
from idsync.server.wire.convert_undo import OPERATOR_ID
from idsync.server.wire.faults import check_ids, identity_from_wire, refuse
from idsync.v1 import radar_service_pb2 as pb

__all__ = [
    "alarm_to_wire",
    "quarantine_from_wire",
    "quarantined_to_wire",
    "to_quarantine_response",
    "to_release_response",
]


def quarantine_from_wire(
    request: pb.QuarantineRequest | pb.ReleaseRequest, graph: GraphKey, *, release: bool = False
) -> QuarantineRequest:
    """Read what is to be quarantined or released.

    Raises:
        InvalidRequestError: The identity is unsound; the reason is too long, or it or the request id has the
            value in it, and would stay in the journal when that is erased.
    """
    check_ids(request.request_id, "")
    identity = identity_from_wire("identity", request.identity)
    if len(request.reason) > MAX_REASON_CHARS:
        raise refuse([("reason", f"has more than {MAX_REASON_CHARS} characters")])
    said = (("reason", request.reason), ("request_id", request.request_id))
    telling = [field for field, text in said if identity.value in text]
    if telling:
        raise refuse((field, "contains the value, and would stay in the journal") for field in telling)
    return QuarantineRequest(graph, identity, request.reason, release, request.request_id, OPERATOR_ID)


def to_quarantine_response(done: Quarantining) -> pb.QuarantineResponse:
    """Build the answer to a quarantine."""
    holders = pb.ProfileCount(known=done.known, anonymous=done.anonymous)
    return pb.QuarantineResponse(holders=holders, journal_seq=done.journal_seq)


def to_release_response(done: Quarantining) -> pb.ReleaseResponse:
    """Build the answer to a release."""
    holders = pb.ProfileCount(known=done.known, anonymous=done.anonymous)
    return pb.ReleaseResponse(holders=holders, quarantined_seq=done.since_seq, journal_seq=done.journal_seq)


def quarantined_to_wire(value: FlaggedValue) -> pb.QuarantinedIdentity:
    """Build one item of the list."""
    message = pb.QuarantinedIdentity(
        holders=pb.ProfileCount(known=value.known, anonymous=value.anonymous),
        journal_seq=value.flagged.seq,
        input_id=value.entry.input_id,
        reason=value.reason,
    )
    identity_to_wire(message.identity, value.flagged.identity)
    message.time.FromMilliseconds(value.entry.at_ms)
    return message


def alarm_to_wire(value: FlaggedValue, growth: Growth) -> pb.Alarm:
    """Build one item of the list."""
    message = pb.Alarm(
        kind=int(value.flagged.flag),  # type: ignore[arg-type]
        holders=pb.ProfileCount(known=value.known, anonymous=value.anonymous),
        growth=pb.HolderGrowth(added=growth.added, is_least=growth.is_least),
        journal_seq=value.flagged.seq,
        figures=value.reason,
        quarantined_seq=value.quarantined,
    )
    identity_to_wire(message.identity, value.flagged.identity)
    message.growth.within.FromMilliseconds(growth.within_ms)
    message.time.FromMilliseconds(value.entry.at_ms)
    return message
