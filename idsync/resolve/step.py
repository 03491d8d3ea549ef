"""One call on its way through a store."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeAlias, TypeVar

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import IdsyncError
from idsync.model.standing import Newcomer, Standing
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.ruling import Ruling

__all__ = ["Key", "RuledStep", "Step", "unplanned"]

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
    def likeness(self) -> Hashable | None:
        """What a call must have in common with this one to be decided alike where it stands alike.

        `None`: its decision rests on more. Others are a `RuledStep`.
        """
        ...

    @property
    def is_whole(self) -> bool:
        """Whether calls with its `key` were sent alike, so that one can be recorded for all."""
        ...

    @property
    def recordable(self) -> bool:
        """Whether the call is worth recording: one of a person, that could have written."""
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


class RuledStep(Step[R_co], Protocol):
    """A step that may be decided like another one before it."""

    def ruling(self, standing: Standing) -> Ruling | None:
        """Give what was decided apart from values, if that is all there is to it for who stands so."""
        ...

    def follow(self, ruling: Ruling) -> None:
        """Decide as was ruled."""
        ...

    def newcomer(self, ruling: Ruling) -> Newcomer:
        """Give the write that makes a profile of this call's values."""
        ...


def unplanned(error: Exception) -> IdsyncError:
    """Make of any error one that can stand in the place of an answer, so that it harms its own call only."""
    if isinstance(error, IdsyncError):
        return error
    fault = IdsyncError("internal error")
    fault.__cause__ = error
    return fault
