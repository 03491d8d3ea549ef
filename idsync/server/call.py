"""What surrounds one request: metadata, trace id, and the caller once he is known."""

from __future__ import annotations

import re
from random import getrandbits
from typing import Final

from idsync.model.wording import Wording
from idsync.server.admission.caller import Caller
from idsync.server.admission.credentials import Metadata

__all__ = ["TRACE_ID", "USED_PERCENT", "Call"]

TRACE_ID: Final = "x-mp-trace-id"
USED_PERCENT: Final = "x-mp-rate-limit-percentage-used"

_TRACE_ID: Final = re.compile(r"[0-9a-f]{16,32}")
_NOBODY: Final = Caller()


class Call:
    """What surrounds one request.

    Attributes:
        metadata: As the caller sent it.
        trace_id: Joins answer and log (ID-235); a gateway may bring its own.
        caller: Who calls, once that is known.
        received: The request as it came, if it came as bytes or in the words of a surface.
        used_percent: How much of the tightest rate limit is used (ID-234); `None` where none applies.
    """

    __slots__ = ("caller", "metadata", "received", "trace_id", "used_percent")

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.trace_id = _trace_id(metadata)
        self.caller = _NOBODY
        self.received: bytes | Wording | None = None
        self.used_percent: int | None = None

    def trailing(self) -> tuple[tuple[str, str], ...]:
        """Give the metadata that follows the answer."""
        if self.used_percent is None:
            return ((TRACE_ID, self.trace_id),)
        return (TRACE_ID, self.trace_id), (USED_PERCENT, str(self.used_percent))


def _trace_id(metadata: Metadata) -> str:
    for name, value in metadata:
        if name == TRACE_ID and isinstance(value, str) and _TRACE_ID.fullmatch(value):
            return value
    # No secret: it only has to be unlikely to come twice.
    return f"{getrandbits(64):016x}"
