"""Must-not-links put together from the rows of their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from idsync.model.identity import Identity, Mpid
from idsync.model.must_not import MustNot, Side
from idsync.store.rows import MustNotRow

__all__ = ["joined"]


def joined(rows: Iterable[MustNotRow], identity_of: Callable[[int], Identity]) -> list[MustNot]:
    """Join the members of whole entries into must-not-links, oldest first.

    Args:
        rows: Members that stand.
        identity_of: Gives an identity by id; its value is empty once it was erased.
    """
    ordered = sorted(rows, key=lambda row: (row.seq, row.position))
    named: defaultdict[tuple[int, int], dict[int, list[Identity]]] = defaultdict(lambda: {0: [], 1: []})
    mpids: dict[tuple[int, int, int], Mpid] = {}
    for row in ordered:
        number, side = divmod(row.side, 2)
        members = named[row.seq, number][side]
        if row.identity_id is not None:
            identity = identity_of(row.identity_id)
            if identity.value:
                members.append(identity)
        elif row.mpid is not None:
            mpids[row.seq, number, side] = row.mpid
    return [
        MustNot(
            seq,
            (
                Side(tuple(members[0]), mpids.get((seq, number, 0))),
                Side(tuple(members[1]), mpids.get((seq, number, 1))),
            ),
        )
        for (seq, number), members in named.items()
    ]
