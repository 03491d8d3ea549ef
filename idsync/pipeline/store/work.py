"""What waits to be processed, and what became of it: all that the runner knows of where it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from idsync.model.errors import UnavailableError
from idsync.model.events import Channel
from idsync.model.identity import Environment, Mpid

__all__ = [
    "HELD_OF_ONE",
    "BatchQueue",
    "DeadLetter",
    "DeadLetters",
    "Death",
    "DocumentKey",
    "Figures",
    "Hold",
    "OvertakenError",
    "QueuedBatch",
    "Settlement",
    "batch_of",
    "letter_of",
]

HELD_OF_ONE: Final = 16
"""Batches of one profile that are taken from behind its hold in one go."""

DocumentKey: TypeAlias = tuple[Mpid, str]
"""An MPID and the workspace whose part of the profile is meant (PR-002)."""
Row: TypeAlias = Sequence[Any]
"""What a driver gives."""


class OvertakenError(UnavailableError):
    """Somebody else has processed what was about to be settled; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class QueuedBatch:
    """An accepted batch that waits.

    Attributes:
        batch_id: Its number; those of one sender who waited for each answer grow with their arrival.
        mpid: Whose it is, as was said when it came.
        body: The JSON text of the batch, as it came or as an operator has corrected it.
        attempts: How often its MPID's turn has failed; 0 where it is not on hold.
        is_held: It comes from behind a hold that is due.
        is_blocked: It has just arrived, and its MPID is on hold.
    """

    batch_id: int
    workspace: str
    input_key: str
    mpid: Mpid
    environment: Environment
    channel: Channel
    received_ms: int
    body: bytes = field(repr=False)
    attempts: int = 0
    is_held: bool = False
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A profile whose batches wait, the first of them for another attempt (PI-008).

    Attributes:
        due_ms: Not before, UTC milliseconds.
        attempts: How many have failed.
        cause: A word of ours.
    """

    mpid: Mpid
    due_ms: int
    attempts: int
    cause: str


@dataclass(frozen=True, slots=True)
class Death:
    """The end of the attempts with one batch.

    Attributes:
        cause: A word of ours, never a value.
        at_ms: UTC milliseconds.
    """

    batch: QueuedBatch
    cause: str
    at_ms: int


@dataclass(slots=True)
class Settlement:
    """What became of a group of batches; all of it is written, or nothing.

    Attributes:
        done: Processed; what they did is in `documents`.
        documents: Parts of profiles as they are now.
        moved: Batches that belong to another profile than was said when they came (PI-016).
        waiting: Batches that go, or stay, behind the hold of their profile.
        holds: Profiles whose turn has failed.
        freed: Profiles whose turn was had; what still waits there is due at once.
        dead: Batches that are not tried again.
    """

    done: list[QueuedBatch] = field(default_factory=list)
    documents: dict[DocumentKey, bytes] = field(default_factory=dict)
    moved: list[tuple[QueuedBatch, Mpid]] = field(default_factory=list)
    waiting: list[QueuedBatch] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    freed: list[Mpid] = field(default_factory=list)
    dead: list[Death] = field(default_factory=list)


class Figures(NamedTuple):
    """How many batches wait: for their first turn, behind holds, and as dead letters."""

    queued: int
    held: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A batch that was given up, for operators.

    Attributes:
        cause: A word of ours.
        attempts: How many failed.
        died_ms: When it was given up, UTC milliseconds.
        body: What would be processed if it were sent again.
        is_corrected: An operator has changed the body; what came is kept too.
    """

    batch_id: int
    workspace: str
    input_key: str
    mpid: Mpid
    channel: Channel
    cause: str
    attempts: int
    received_ms: int
    died_ms: int
    body: bytes = field(repr=False)
    is_corrected: bool


def batch_of(row: Row, *, attempts: int = 0, is_held: bool = False, is_blocked: bool = False) -> QueuedBatch:
    """Read the first eight columns of a row, which every store selects in the order of the fields."""
    return QueuedBatch(
        row[0],
        row[1],
        row[2],
        row[3],
        Environment(row[4]),
        Channel(row[5]),
        row[6],
        row[7],
        attempts,
        is_held,
        is_blocked,
    )


def letter_of(row: Row) -> DeadLetter:
    """Read a row whose columns are in the order of the fields."""
    return DeadLetter(
        row[0],
        row[1],
        row[2],
        row[3],
        Channel(row[4]),
        row[5],
        row[6],
        row[7],
        row[8],
        row[9],
        bool(row[10]),
    )


class BatchQueue(Protocol):
    """Every accepted batch is in it from the moment it is kept until it is settled."""

    async def lead(self) -> bool:
        """Become, or remain, the only one who works on it; `False`: somebody else is.

        Raises:
            UnavailableError: The store cannot be reached.
        """
        ...

    async def next(self, limit: int, now_ms: int) -> list[QueuedBatch]:
        """Look at what is to be processed next, the oldest first; what holds let go comes before the rest.

        Args:
            limit: How many of each kind at most.
            now_ms: Which holds are due.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def documents(self, keys: Sequence[DocumentKey]) -> Mapping[DocumentKey, bytes]:
        """Read parts of profiles; those that do not exist are left out.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Write what became of batches, all of it or nothing, on disk before this returns.

        A batch leaves the queue in the transaction that writes its effects, so that they come once
        (PL-006).

        Raises:
            OvertakenError: One of the batches is not in the queue any more, or somebody else leads.
            UnavailableError: Nothing is written, or it is not known whether it is.
        """
        ...

    async def figures(self) -> Figures:
        """Count what waits.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...


class DeadLetters(Protocol):
    """What was given up, until an operator sends it again."""

    async def list(self, workspace: str | None, limit: int, before: int | None = None) -> list[DeadLetter]:
        """List dead letters, the latest batch first.

        Args:
            workspace: Whose; `None`: of all workspaces.
            limit: How many at most.
            before: Only batches with smaller numbers.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def correct(self, batch_id: int, body: bytes) -> bool:
        """Replace what will be processed; what came is kept as it is. `False`: there is no such letter.

        Raises:
            UnavailableError: It is not written, or it is not known whether it is.
        """
        ...

    async def send_again(self, batch_id: int) -> bool:
        """Put a dead letter back into the queue. `False`: there is no such letter.

        Raises:
            UnavailableError: It is not written, or it is not known whether it is.
        """
        ...
