"""Which past a request is about: a moment, a position of the journal, or both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.model.moment import Moment
from idsync.server.wire.faults import refuse
from idsync.v1 import graph_service_pb2 as pb

__all__ = ["Then", "then_from_wire"]

_FIRST_S: Final = -62_135_596_800
_LAST_S: Final = 253_402_300_799
"""The years 1 to 9999, which is what a `Timestamp` may say."""
_SECOND_NS: Final = 1_000_000_000


class Then(NamedTuple):
    """A past, as it was asked for; one of the two is given.

    Attributes:
        time_ms: UTC milliseconds.
        seq: A position that may lie beyond the last entry.
    """

    time_ms: int | None
    seq: int | None

    def after(self, last_seq: int) -> Moment:
        """Say which entries count, of a journal that ends at a position.

        Raises:
            InvalidRequestError: It ends before the one that was asked for.
        """
        if self.seq is not None and self.seq > last_seq:
            raise refuse([("journal_seq", f"is beyond the last entry, {last_seq}")])
        return Moment(last_seq if self.seq is None else self.seq, self.time_ms)


def then_from_wire(request: pb.GetProfileAtRequest | pb.FindProfilesAtRequest, now_ms: int) -> Then:
    """Read the clocks of a request; nanoseconds are cut to milliseconds.

    Raises:
        InvalidRequestError: Both are missing, the time is in the future or none at all, the position is
            negative.
    """
    if not (request.HasField("time") or request.HasField("journal_seq")):
        raise refuse([("time", "is missing; give it, or journal_seq, or both")])
    faults = list(_faults(request, now_ms))
    if faults:
        raise refuse(faults)
    return Then(
        _milliseconds(request.time) if request.HasField("time") else None,
        request.journal_seq if request.HasField("journal_seq") else None,
    )


def _faults(
    request: pb.GetProfileAtRequest | pb.FindProfilesAtRequest, now_ms: int
) -> Iterator[tuple[str, str]]:
    if request.HasField("time"):
        time = request.time
        if not (_FIRST_S <= time.seconds <= _LAST_S and 0 <= time.nanos < _SECOND_NS):
            yield "time", "is no moment of the years 1 to 9999"
        elif _milliseconds(time) > now_ms:
            yield "time", "is in the future"
    if request.HasField("journal_seq") and request.journal_seq < 0:
        yield "journal_seq", "is negative"


def _milliseconds(time: Timestamp) -> int:
    return time.seconds * 1_000 + time.nanos // 1_000_000
