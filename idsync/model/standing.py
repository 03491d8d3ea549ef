"""Where a call stands, when that is simple: nobody has its values, or one profile was born with just these.

Most calls stand in one of the two. What they are decided follows from the types of their values alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Protocol, TypeAlias

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.notice import Notice

__all__ = ["UNHELD", "Newcomer", "Standing", "Unchanged"]


class _Unheld(Enum):
    UNHELD = 0


UNHELD: Final = _Unheld.UNHELD
"""Nobody has or had any of the values; there is at least one."""


class Unchanged(Protocol):
    """A profile as it was born, seen by a call that brings all of its identities and no other."""

    @property
    def mpid(self) -> Mpid:
        """Its name."""
        ...


Standing: TypeAlias = Literal[_Unheld.UNHELD] | Unchanged


@dataclass(slots=True)
class Newcomer:
    """A write that creates a profile out of values that nobody has or had, and does nothing else.

    Attributes:
        cause: What the journal calls the call.
        is_known: One of the identities is a login ID (ID-008).
    """

    graph: GraphKey
    identities: list[Identity]
    cause: str
    rule: str
    is_known: bool
    request_id: str
    input_id: str
    notices: tuple[Notice, ...]
