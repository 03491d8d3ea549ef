"""A step as the record of calls needs it."""

from __future__ import annotations

from typing import Protocol

from idsync.model.changes import ChangeSet
from idsync.model.identity import GraphKey, Mpid
from idsync.model.recording import RecordedCall

__all__ = ["Recordable"]


class Recordable(Protocol):
    """A step whose call can be recorded; each stands for one call, or one kind of call."""

    @property
    def recordable(self) -> bool:
        """Whether it is worth recording: a call that can write."""
        ...

    @property
    def graph(self) -> GraphKey:
        """Where it looks."""
        ...

    def is_told_by(self, change_set: ChangeSet | None) -> bool:
        """Say whether the entry names all that was sent; `None`: a birth of all that was looked up."""
        ...

    def answered_like(self, other: Recordable) -> Recordable:
        """Take over the answer to a call that was sent in other words, and give the step itself."""
        ...

    def recorded(self, after_seq: int, seq: int, mpid: Mpid) -> RecordedCall | None:
        """Give the call as it was sent; `None`: it was answered as an earlier one."""
        ...
