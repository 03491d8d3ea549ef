"""The hash chain: whatever is changed, removed, inserted or put back is found where it is."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import Environment, GraphKey
from idsync.store.chain import (
    MAX_FAULTS,
    SALT_BYTES,
    ChainLook,
    Seal,
    SealedRow,
    commitment,
    first_link,
    sealed,
)

GRAPH = GraphKey("retail", Environment.PRODUCTION)
ROWS = [
    SealedRow(
        seq,
        1_000 + seq,
        "login",
        "rule",
        f"request-{seq}" if seq % 2 else "",
        "shop/web",
        7,
        None,
        b"[[],[]]",
    )
    for seq in range(1, 9)
]


def sealing(rows: list[SealedRow]) -> list[Seal]:
    link, seals = first_link(GRAPH), list[Seal]()
    for row in rows:
        seals.append(sealed(link, row, os.urandom(SALT_BYTES) if row.has_text else None))
        link = seals[-1].link
    return seals


def faults(
    rows: list[SealedRow], seals: list[Seal], graph: GraphKey = GRAPH, step: int = 3
) -> list[tuple[int, str]]:
    """Look range by range, as the stores do."""
    look = ChainLook(graph)
    last = max([*(row.seq for row in rows), *(seal.seq for seal in seals)])
    for after in range(0, last, step):
        look.on(
            [row for row in rows if after < row.seq <= after + step],
            [seal for seal in seals if after < seal.seq <= after + step],
        )
    return [(fault.seq, fault.text) for fault in look.end().faults]


def test_what_nobody_touched_is_whole() -> None:
    assert faults(ROWS, sealing(ROWS)) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"at_ms": 1},
        {"cause": "logout"},
        {"rule": "other"},
        {"request_id": "another"},
        {"request_id": ""},
        {"input_id": "shop/ios"},
        {"mpid": 8},
        {"idempotency_key": "once"},
        {"body": b"[[],[1]]"},
    ],
    ids=str,
)
def test_a_changed_entry_is_named(changed: dict[str, object]) -> None:
    seals = sealing(ROWS)
    rows = [*ROWS[:4], ROWS[4]._replace(**changed), *ROWS[5:]]  # type: ignore[arg-type]

    assert faults(rows, seals) == [(5, "entry 5 was changed, or its link was")]


def test_a_removed_entry_is_named() -> None:
    assert faults(ROWS[:4] + ROWS[5:], sealing(ROWS)) == [(5, "entry 5 is missing")]


def test_entries_removed_with_their_links_are_named() -> None:
    """The next one does not go on from what stands before it now."""
    seals = sealing(ROWS)

    found = faults(ROWS[:3] + ROWS[5:], seals[:3] + seals[5:])

    assert [seq for seq, _ in found] == [4, 5, 6]


def test_an_inserted_entry_is_named() -> None:
    """It took the place of another, and those after it moved on."""
    moved = [row._replace(seq=row.seq + 1) for row in ROWS[4:]]
    inserted = ROWS[4]._replace(rule="forged")

    found = faults([*ROWS[:4], inserted, *moved], sealing(ROWS))

    assert found[0] == (5, "entry 5 was changed, or its link was")


def test_an_entry_without_link_before_sealed_ones_is_named() -> None:
    seals = sealing(ROWS)

    assert (5, "entry 5 was inserted, or its link was removed") in faults(ROWS, seals[:4] + seals[5:])


def test_entries_at_the_end_may_wait() -> None:
    look = ChainLook(GRAPH)
    look.on(ROWS, sealing(ROWS[:6]))

    assert (look.end().sealed, look.report.waiting, look.report.faults) == (6, 2, [])
    assert look.end(up_to=7).faults[0].text == "the chain ends at entry 6, before entry 7"


def test_the_journal_of_another_graph_is_not_this_one() -> None:
    other = GRAPH._replace(environment=Environment.DEVELOPMENT)

    assert [seq for seq, _ in faults(ROWS, sealing(ROWS), other)] == [1]


def test_a_text_can_be_erased_and_cannot_come_back() -> None:
    """The chain stays whole without it, and knows it from others no more."""
    seals = sealing(ROWS)
    salt = seals[4].said
    assert salt is not None
    without = [*ROWS[:4], ROWS[4]._replace(request_id=""), *ROWS[5:]]
    committed = [*seals[:4], seals[4]._replace(said=commitment(salt, ROWS[4])), *seals[5:]]

    assert faults(without, committed) == []
    assert faults(ROWS, committed) == [(5, "entry 5 was changed: it carries a text that was erased")]


def test_a_text_that_never_was() -> None:
    rows = [*ROWS[:3], ROWS[3]._replace(request_id="forged"), *ROWS[4:]]

    assert faults(rows, sealing(ROWS)) == [(4, "entry 4 was changed: it carries a text that it did not have")]


def test_faults_are_bounded() -> None:
    """Of a chain that is broken everywhere, that is."""
    rows = [ROWS[0]._replace(seq=seq, request_id="") for seq in range(1, 100)]
    other = [row._replace(rule="other") for row in rows]

    assert len(faults(other, sealing(rows), step=50)) == MAX_FAULTS


@given(st.integers(0, 7), st.integers(1, 10))
def test_wherever_it_is_looked_at(place: int, step: int) -> None:
    """Ranges of any size find the same."""
    rows = [*ROWS[:place], ROWS[place]._replace(mpid=9), *ROWS[place + 1 :]]

    assert [seq for seq, _ in faults(rows, sealing(ROWS), step=step)] == [place + 1]
