"""Every history can be explained by some order; with a fault in the store some history cannot.

`IDSYNC_HISTORIES` says how many seeds are tried; `pytest -k 'seeds and 17'` plays one of them again.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.histories.broken import CursorByPlainSequence, IgnoresAbsence, IgnoresVersions
from tests.histories.explaining import Undecided, explain
from tests.histories.following import missed
from tests.histories.recording import CALLS, CLIENTS, RemoteStore, record

HISTORIES: Final = int(os.environ.get("IDSYNC_HISTORIES", "400"))
PARTS: Final = 8
ENOUGH: Final = 200
"""Seeds in which a broken store must be found out."""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_history_is_explained(part: int) -> None:
    """ID-041: calls that share an identity or profile appear to run one after another."""
    conflicts = []
    for seed in range(part, HISTORIES, PARTS):
        history = record(seed)
        assert len(history.operations) == CLIENTS * CALLS
        conflicts.append(history.share_in_conflict())
        order = explain(history)
        assert order is not None, f"no order explains the history of seed {seed}"
    assert sum(conflicts) / len(conflicts) > 1 / 3, "the calls hardly meet: the histories prove little"


def test_a_seed_is_a_history() -> None:
    """What failed once can be played again."""
    one, other = record(7), record(7)

    assert [(each.request, each.begun, each.ended) for each in one.operations] != []
    assert [(each.begun, each.ended, type(each.outcome)) for each in one.operations] == [
        (each.begun, each.ended, type(each.outcome)) for each in other.operations
    ]


@pytest.mark.parametrize("store", [IgnoresVersions, IgnoresAbsence])
def test_a_broken_store_is_found_out(store: type[RemoteStore]) -> None:
    for seed in range(ENOUGH):
        try:
            if explain(record(seed, store), max_tries=2_000) is None:
                return
        except Undecided:
            continue
    pytest.fail("a store that races may corrupt went unnoticed")


def test_a_follower_misses_nothing() -> None:
    assert not any(missed(seed, RemoteStore) for seed in range(ENOUGH // 4))


def test_a_cursor_that_passes_over_entries_is_found_out() -> None:
    assert any(missed(seed, CursorByPlainSequence) for seed in range(ENOUGH))
