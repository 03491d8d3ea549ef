"""What a front and the owner say to each other: frames of a length, a kind, a call's number, and bytes."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

__all__ = [
    "CALL",
    "HEADER",
    "MAX_TO_FRONT_BYTES",
    "MAX_TO_OWNER_BYTES",
    "NO_USE",
    "ROOM",
    "STOP",
    "USED",
    "Kind",
]

HEADER: Final = struct.Struct("<IBI")
"""Bytes that follow, kind, and number of the call (0 where it is about none)."""
CALL: Final = struct.Struct("<BBI")
"""Begins a call: number of the rpc, length of the trace id, length of the metadata; then these two, and the
request."""
USED: Final = struct.Struct("<h")
"""Begins an answer: how much of the tightest rate limit is used, in percent."""
NO_USE: Final = -1
"""Stands there where no limit applies."""
ROOM: Final = struct.Struct("<I")
"""How many bytes of a stream were taken."""
STOP: Final = struct.Struct("<d")
"""How long calls under way may take, in seconds."""

MAX_TO_OWNER_BYTES: Final = 8 * 1024 * 1024
"""A message and the metadata of a call, each as large as gRPC takes it, with room to spare."""
MAX_TO_FRONT_BYTES: Final = 2**31
"""Protobuf makes no larger message."""


class Kind(IntEnum):
    """What a frame says."""

    # both ways
    MESSAGE = 0
    """One message of a stream."""
    TAKEN = 1
    """Messages of a stream were taken: as many bytes more may be sent."""

    # to the owner
    CALL = 2
    REQUESTS_END = 3
    """The caller has no more requests."""
    CANCEL = 4
    """The caller has gone."""
    READY = 5
    """The front takes calls."""
    REFUSED = 6
    """The front cannot start; the text says why."""
    FIGURES = 7
    """What the front counted."""
    SHOW = 8
    """Somebody asks for the metrics of the whole service."""

    # to a front
    ANSWER = 9
    FAILURE = 10
    RESPONSES_END = 11
    """A stream has ended well."""
    LEAVE = 12
    """Say that no more calls should come."""
    STOP = 13
    """Take no more calls, finish those under way, and end."""
    COUNT = 14
    """Tell your figures."""
    SHOWN = 15
    """The metrics of the whole service."""
