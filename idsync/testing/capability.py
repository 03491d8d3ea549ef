"""What a store may lack, said in its declaration and with the reason beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from idsync.store.protocol import Store

__all__ = ["Capability", "OpenStore", "needs", "without"]

Check = TypeVar("Check", bound=Callable[..., object])

OpenStore = Callable[[], Awaitable[Store]]
"""Opens the store under test: the same data each time, once it was closed."""


class Capability(StrEnum):
    """A promise that not every store can make."""

    RESTART = "restart"
    """Keeps what it was given when it is closed and opened again."""
    BOUNDED_READS = "bounded reads"
    """Answers for a value held by thousands without going through all of them."""


def needs(capability: Capability) -> Callable[[Check], Check]:
    """Mark a check that a store without the capability cannot pass."""

    def mark(check: Check) -> Check:
        check.__dict__["needs"] = capability
        return check

    return mark


def without(suite: type, lacks: Mapping[Capability, str]) -> None:
    """Take the checks that need what a store lacks out of its suite.

    They are not there, rather than skipped: a run that skips something says that it could not do its work.

    Raises:
        ValueError: A capability is declared as missing without a reason.
    """
    if not all(lacks.values()):
        raise ValueError(f"{suite.__name__}: say why the store lacks what it lacks")
    for name in dir(suite):
        if getattr(getattr(suite, name), "needs", None) in lacks:
            setattr(suite, name, None)
