"""What a store may lack, said in its declaration and with the reason beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from idsync.store.protocol import Store

__all__ = ["Capability", "OpenStore"]

OpenStore = Callable[[], Awaitable[Store]]
"""Opens the store under test: the same data each time, once it was closed."""


class Capability(StrEnum):
    """A promise that not every store can make."""

    RESTART = "restart"
    """Keeps what it was given when it is closed and opened again."""
    BOUNDED_READS = "bounded reads"
    """Answers for a value held by thousands without going through all of them."""
