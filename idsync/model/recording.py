"""The record of calls: what the journal does not say of those that came, so that they can be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.request import IdentityChange

__all__ = ["HistoryCall", "HistoryEntry", "HistoryPage", "RecordedCall", "RecordedSpan"]


class RecordedCall(NamedTuple):
    """One call as it was sent, or several alike that came while nothing they rest on changed.

    Attributes:
        after_seq: Position in the journal that it came after.
        seq: The entry that it wrote; 0 when it changed nothing or was refused.
        operation: `identify`, `login`, `logout` or `modify`.
        mpid: The profile that was answered; 0 when the call was refused.
        named: The profile that a modify names, or the MPID of the answer before.
        rule: The rule that decided, or the reason of the refusal.
        identities: What was sent, in order; not of a modify.
        changes: What a modify asks for, in order.
    """

    graph: GraphKey
    after_seq: int
    seq: int
    operation: str
    mpid: Mpid
    named: Mpid | None
    rule: str
    identities: tuple[Identity, ...] = ()
    changes: tuple[IdentityChange, ...] = ()


class RecordedSpan(NamedTuple):
    """Entries of one graph while which one process recorded calls.

    Attributes:
        node: The process; drawn by chance.
        from_seq: The entry before the first.
        to_seq: The last.
        not_recorded: Calls that were too many in their interval, or that could not be written.
    """

    graph: GraphKey
    node: int
    from_seq: int
    to_seq: int
    not_recorded: int


class HistoryEntry(NamedTuple):
    """An entry of the journal as it is kept; `body` is the JSON of changes and evidence, identities by id."""

    seq: int
    cause: str
    rule: str
    mpid: Mpid
    body: bytes


class HistoryCall(NamedTuple):
    """A recorded call as it is kept.

    Attributes:
        body: JSON: the ids of the identities sent, or [type, old, new] of each change. An id below 0 is that
            of a value which the graph did not know, as `HistoryPage.identities` gives it.
        times: How many there were of the kind.
    """

    after_seq: int
    seq: int
    operation: str
    mpid: Mpid
    named: Mpid | None
    rule: str
    times: int
    body: bytes


@dataclass(slots=True)
class HistoryPage:
    """A piece of the history of one graph: values before the entries and calls that name them.

    Attributes:
        identities: Id, type and value; `None` for a value that was erased.
        until_seq: All entries up to this one have been given, and of the calls those that came before it.
    """

    identities: list[tuple[int, int, str | None]]
    entries: list[HistoryEntry]
    calls: list[HistoryCall]
    until_seq: int = 0
