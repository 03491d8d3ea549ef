"""Every history can be explained by some order; with a fault in the store some history cannot.

`IDSYNC_HISTORIES` says how many seeds are tried; `IDSYNC_HISTORY_SEED` plays one of them again, exactly.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.histories.broken import CursorByPlainSequence, IgnoresAbsence, IgnoresVersions
from tests.histories.explaining import Undecided, explain
from tests.histories.following import missed
from tests.histories.recording import CALLS, CLIENTS, History, RemoteStore, record

HISTORIES: Final = int(os.environ.get("IDSYNC_HISTORIES", "400"))
SEED: Final = os.environ.get("IDSYNC_HISTORY_SEED")
PARTS: Final = 8 if SEED is None else 1
ROOT: Final = Path(__file__).parents[2]
ENOUGH: Final = 200
"""Seeds in which a broken store must be found out."""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_history_is_explained(part: int) -> None:
    """ID-041: calls that share an identity or profile appear to run one after another."""
    conflicts = []
    for seed in range(part, HISTORIES, PARTS) if SEED is None else [int(SEED)]:
        history = record(seed)
        assert len(history.operations) == CLIENTS * CALLS
        conflicts.append(history.share_in_conflict())
        order = explain(history)
        assert order is not None, said_of(history)
    assert SEED is not None or sum(conflicts) / len(conflicts) > 1 / 3, (
        "the calls hardly meet: the histories prove little"
    )


def said_of(history: History) -> str:
    """Write a history down, and the command that plays it again."""
    lines = [
        f"{each.begun:4} to {each.ended or '?':>4}: {each.request} -> {each.outcome!r}"
        for each in history.operations
    ]
    again = f"IDSYNC_HISTORY_SEED={history.seed} .venv/bin/pytest tests/histories/test_histories.py"
    return "\n".join([f"no order explains this history; play it again: {again}", *lines])


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("store", [RemoteStore, IgnoresVersions])
def test_a_seed_is_a_history(seed: int, store: type[RemoteStore]) -> None:
    """What failed once can be played again, call by call; only the names of profiles are new each time."""
    one, other = nameless(record(seed, store)), nameless(record(seed, store))

    assert len(one) > 100
    assert one == other


def nameless(history: History) -> str:
    """Write a history down with the names of profiles in the order of their coming."""
    names: dict[str, str] = {}
    return re.sub(
        r"\d{16,}", lambda found: names.setdefault(found[0], f"profile-{len(names)}"), said_of(history)
    )


def test_a_failing_seed_is_one_command_away() -> None:
    """The command that the failure names plays that seed, and no other."""
    said = said_of(record(3)).partition("play it again: ")[2].splitlines()[0]
    variable, _, command = said.partition(" ")
    name, _, seed = variable.partition("=")
    program = [sys.executable, "-m", "pytest", "-q", *command.split()[1:], "-k", "explained"]

    played = subprocess.run(
        program, env={**os.environ, name: seed}, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert seed == "3"
    assert played.returncode == 0, played.stdout
    assert "1 passed" in played.stdout


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
