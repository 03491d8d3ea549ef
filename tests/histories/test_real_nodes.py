"""Histories on real processes that are killed and stopped meanwhile: some order explains each of them.

`IDSYNC_NODE_HISTORIES` says how many are played. `IDSYNC_HISTORY_SEED` plays one seed again: the same draws
of calls and faults, though the machine decides how they interleave. With `IDSYNC_HISTORY_DATABASE` two nodes
share the database of that URL; else it is a file, which has one node.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Final

from idsync.model.changes import Resolution
from idsync.model.identity import Identity, IdentityType
from tests.histories.calls import any_scope
from tests.histories.explaining import Undecided, explain
from tests.histories.nodes import Nodes, record_on
from tests.histories.recording import CALLS, CLIENTS, History

HISTORIES: Final = int(os.environ.get("IDSYNC_NODE_HISTORIES", "5"))
SEEDS: Final = [int(seed) for seed in os.environ.get("IDSYNC_HISTORY_SEED", "").split()] or range(HISTORIES)
DATABASE: Final = os.environ.get("IDSYNC_HISTORY_DATABASE")
FAULTS: Final = 3
MOST_UNDECIDED: Final = 0.1


def said_of(history: History) -> str:
    """Write a history down, and how it is played again."""
    lines = [
        f"{each.begun:4} to {'?' if each.ended is None else each.ended:>4}: {each.request} -> {each.outcome}"
        for each in history.operations
    ]
    again = f"IDSYNC_HISTORY_SEED={history.seed} .venv/bin/pytest tests/histories/test_real_nodes.py"
    return "\n".join([f"no order explains this history; play it again: {again}", *lines])


async def test_what_real_nodes_answer_is_explained(tmp_path: Path) -> None:
    """ID-041: calls that share an identity or profile appear to run one after another, whatever is killed."""
    run = f"h{token_hex(4)}"
    scopes = {f"{run}-{seed}": any_scope(Random(seed)) for seed in SEEDS}
    conflicts, undecided, unknown = [], 0, 0
    async with Nodes(tmp_path, scopes, DATABASE) as nodes:
        for seed in SEEDS:
            history = await record_on(nodes, seed, f"{run}-{seed}", faults=FAULTS)
            assert len(history.operations) == CLIENTS * CALLS
            conflicts.append(history.share_in_conflict())
            unknown += sum(each.ended is None for each in history.operations)
            try:
                assert explain(history) is not None, said_of(history)
            except Undecided:
                undecided += 1

    assert undecided <= MOST_UNDECIDED * len(conflicts)
    assert sum(conflicts) / len(conflicts) > 1 / 3, "the calls hardly meet: the histories prove little"
    assert unknown > 0 or len(conflicts) < 5, "nothing was ever lost: the faults come at the wrong time"


async def test_a_wrong_answer_of_a_real_node_is_found_out(tmp_path: Path) -> None:
    """A checker that believes everything is worth nothing: one answer is made a little wrong."""
    scopes = {"shop": any_scope(Random(0))}
    async with Nodes(tmp_path, scopes, None) as nodes:
        history = await record_on(nodes, 0, "shop", faults=0)
    assert explain(history) is not None
    answered = [each for each in history.operations if isinstance(each.outcome, Resolution)]
    spoilt = answered[-1].outcome
    spoilt.matched = (*spoilt.matched, Identity(IdentityType.OTHER, "nobody's"))

    assert explain(history) is None
