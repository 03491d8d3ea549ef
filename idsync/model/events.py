"""Batches of events as they flow from whatever brought them to whatever keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from idsync.model.errors import InvalidRequestError
from idsync.model.identity import Environment, IdentityType, Mpid

__all__ = [
    "MAX_EVENT_NAME_CHARS",
    "Batch",
    "BatchRefusedError",
    "Channel",
    "Event",
    "ListedEvent",
    "Position",
    "RefusedBatch",
    "Stored",
]

MAX_EVENT_NAME_CHARS: Final = 256
"""Longest name that an event is listed under; the batch itself is kept as it came."""


class Channel(Enum):
    """How a batch arrived; the value is what is stored and counted."""

    WEB = "javascript"
    NATIVE = "native"
    SERVER = "server_to_server"
    HISTORICAL = "historical"


@dataclass(frozen=True, slots=True)
class Event:
    """What an event is listed by.

    Attributes:
        type: Its kind by the names of batches, such as `custom_event`.
        name: What its sender calls it; empty where its kind has no name.
        timestamp_ms: When it happened, UTC milliseconds; `None`: its sender did not say.
        message_id: Its sender's own id; empty where there is none.
    """

    type: str
    name: str
    timestamp_ms: int | None
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What happened to one user, as one request or one part of it said.

    Attributes:
        request_id: The sender's own id, the same when the batch is sent again; empty where there is none.
        mpid: Whose it is; `None`: its identities say so (ID-201).
        identities: Those that the batch names.
        events: In the order of the batch; may be empty.
        body: The JSON text of the whole batch.
        dropped_events: How many events it had besides, which nobody can read.
    """

    channel: Channel
    environment: Environment
    request_id: str
    mpid: Mpid | None
    identities: dict[IdentityType, str] = field(repr=False)
    events: tuple[Event, ...] = field(repr=False)
    body: bytes = field(repr=False)
    dropped_events: int = 0


class BatchRefusedError(InvalidRequestError):
    """A batch that is not kept among the events.

    `cause` is a word for metrics and logs, `body` what came, as far as it was read.
    """

    reason = "BAD_REQUEST"

    def __init__(self, message: str, *, cause: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.cause = cause
        self.body = body


class Stored(Enum):
    """What became of a batch that was handed in; the value is what is counted."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class RefusedBatch:
    """A batch that was not kept among the events, for operators to look at.

    Attributes:
        cause: A word, e.g. `unknown_mpid`.
        received_ms: When it came, UTC milliseconds.
        body: What came, as far as it was read; may be empty.
    """

    workspace: str
    input_key: str
    channel: Channel
    cause: str
    received_ms: int
    body: bytes = field(repr=False)


class Position(NamedTuple):
    """A place in the list of a profile's events, newest first.

    Attributes:
        event_id: Decides among events of one moment.
    """

    timestamp_ms: int
    event_id: int


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event as it is read back."""

    position: Position
    type: str
    name: str
    mpid: Mpid
