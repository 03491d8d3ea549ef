"""What an audit compares, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FOLDED", "Difference"]

FOLDED: Final = {
    "profile": (
        "graph_id, mpid, source, created_seq, created_ms, recency, active_ms, returned_ms, erased, types, "
        "size, version"
    ),
    "link": "graph_id, identity_id, mpid, since_seq, position, until_seq, descriptive, kind, recency",
    "alias": (
        "graph_id, seq, source, destination, start_ms, end_ms, scope, stamp_id, apply_at_ms, state, "
        "arrived_ms, ignored_reason, applied_ms, settled_seq"
    ),
    "directory": "mpid, graph_id",
    "must_not": "graph_id, seq, position, side, identity_id, mpid, until_seq",
    "flag": "graph_id, identity_id, kind, seq, until_seq",
}
"""The columns of the tables that the journal adds up to whole; of the dictionary each store knows its own."""


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
