"""One call on its way through a store."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeAlias, TypeVar

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import IdsyncError
from idsync.model.view import GraphView, ViewRequest

__all__ = ["Key", "Step", "unplanned"]

Key: TypeAlias = Hashable

R_co = TypeVar("R_co", covariant=True)


class Step(Protocol[R_co]):
    """One call on its way: what it needs to see, what it decides, what it answers.

    `decide` is pure and may be called again with a newer view. A refusal is a decision too: the change set it
    rests on is empty, and `answer` raises.
    """

    @property
    def key(self) -> Key | None:
        """What a call must have in common with this one to be answered alike while nothing changes.

        `None`: the answer rests on more than the graph, such as the time.
        """
        ...

    @property
    def wanted(self) -> ViewRequest:
        """What the call needs to see."""
        ...

    def decide(self, view: GraphView) -> ChangeSet:
        """Decide, and give the write with the conditions it rests on."""
        ...

    def answer(self, applied: Applied) -> R_co:
        """Give the answer once the change set holds, or raise an `IdsyncError`; the same each time."""
        ...


def unplanned(error: Exception) -> IdsyncError:
    """Make of any error one that can stand in the place of an answer, so that it harms its own call only."""
    if isinstance(error, IdsyncError):
        return error
    fault = IdsyncError("internal error")
    fault.__cause__ = error
    return fault
