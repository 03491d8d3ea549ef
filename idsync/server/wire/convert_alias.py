"""Alias requests and their records between wire and model (section 10 of the specification)."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.model.aliasing import AliasRecord, AliasState
from idsync.model.errors import InvalidAliasError
from idsync.model.identity import Environment, GraphKey, Mpid
from idsync.model.profile import Profile
from idsync.model.request import AliasRequest
from idsync.model.values import MAX_DEVICE_CHARS
from idsync.server.admission.caller import Caller
from idsync.server.wire.faults import MAX_ID_CHARS
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["alias_from_wire", "alias_to_wire", "check_alias", "notes_to_wire"]


def check_alias(message: pb.AliasRequest) -> None:
    """Check the shape of an alias request; what the graph and the clock say comes later.

    Raises:
        InvalidAliasError: An MPID is missing, the environment is unknown, the stamp or the request id too
            long (ID-182, ID-184).
    """
    faults = list(_faults(message))
    if faults:
        raise InvalidAliasError(
            "; ".join(f"{field}: {fault}" for field, fault in faults),
            fields=[field for field, _ in faults],
        )


def _faults(message: pb.AliasRequest) -> Iterator[tuple[str, str]]:
    if message.environment not in range(len(Environment) + 1):
        yield "environment", "is no known environment"
    if not message.HasField("source_mpid"):
        yield "source_mpid", "is missing"
    if not message.HasField("destination_mpid"):
        yield "destination_mpid", "is missing"
    if len(message.device_application_stamp) > MAX_DEVICE_CHARS:
        yield "device_application_stamp", f"has more than {MAX_DEVICE_CHARS} characters"
    if len(message.request_id) > MAX_ID_CHARS:
        yield "request_id", f"has more than {MAX_ID_CHARS} characters"


def alias_from_wire(message: pb.AliasRequest, graph: GraphKey, caller: Caller) -> AliasRequest:
    """Read an alias request whose shape was checked; nanoseconds are cut to milliseconds."""
    return AliasRequest(
        graph,
        message.source_mpid,
        message.destination_mpid,
        _milliseconds(message.start_time) if message.HasField("start_time") else None,
        _milliseconds(message.end_time) if message.HasField("end_time") else None,
        message.scope if message.HasField("scope") else None,
        message.device_application_stamp or None,
        message.request_id,
        caller.input_id,
    )


def _milliseconds(time: Timestamp) -> int:
    # ToMilliseconds refuses what is out of range; here the times themselves are judged, whatever they are.
    return time.seconds * 1_000 + time.nanos // 1_000_000


def alias_to_wire(message: identity_pb2.AliasRecord, record: AliasRecord) -> None:
    """Fill an `AliasRecord` message (ID-195)."""
    terms = record.terms
    message.journal_seq = record.seq
    message.source_mpid = terms.source
    message.destination_mpid = terms.destination
    message.start_time.FromMilliseconds(terms.start_ms)
    message.end_time.FromMilliseconds(terms.end_ms)
    message.scope = terms.scope
    message.device_application_stamp = terms.stamp.value if terms.stamp is not None else ""
    message.state = record.state  # type: ignore[assignment]  # the numbers are the wire's
    message.ignored_reason = record.ignored_reason
    message.arrival_time.FromMilliseconds(record.arrived_ms)
    message.apply_time.FromMilliseconds(terms.apply_at_ms if record.applied_ms is None else record.applied_ms)


def notes_to_wire(message: identity_pb2.Profile, profile: Profile) -> None:
    """Note on a profile what was carried out: whose data went where (ID-188)."""
    for record in profile.aliases:
        if record.state is AliasState.APPLIED and record.applied_ms is not None:
            kind, other = _note(record, profile.mpid)
            note = message.notes.add(kind=kind, other_mpid=other)
            note.time.FromMilliseconds(record.applied_ms)


def _note(record: AliasRecord, mpid: Mpid) -> tuple[str, Mpid]:
    if record.terms.source == mpid:
        return "aliased-to", record.terms.destination
    return "aliased-from", record.terms.source
