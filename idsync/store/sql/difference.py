"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows of a table are not what the journal says.

    Attributes:
        missing: Rows that the journal adds up to and the table lacks.
        unexplained: Rows that the table has and the journal does not account for.
    """

    table: str
    missing: int
    unexplained: int
