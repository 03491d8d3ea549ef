"""A preview tells exactly how two real runs of the same traffic differ; with the same settings nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import Mpid
from idsync.preview.report import Extent
from idsync.resolve.resolver import Scope
from tests.properties.playing import any_scope
from tests.properties.previewing import (
    GRAPH,
    Act,
    Client,
    Run,
    acts_of_one_graph,
    alive,
    calls_of_one_graph,
)


@given(scope=any_scope, calls=calls_of_one_graph, every=st.sampled_from((1, 3, 100)))
def test_with_the_same_settings_nothing_differs(scope: Scope, calls: list[Act], every: int) -> None:
    """Modifies, logouts, erased profiles and removals among them, however seldom counts are written."""
    asyncio.run(_same(scope, calls, every))


@given(scope=any_scope, acts=acts_of_one_graph(erasures=True), every=st.sampled_from((1, 3, 100)))
def test_nor_does_it_where_operators_took_things_back(scope: Scope, acts: list[Act], every: int) -> None:
    """Splits, reverts, must-not-links and erasures between the calls are followed, each of them whole."""
    asyncio.run(_same(scope, acts, every))


async def _same(scope: Scope, acts: Sequence[Act], every: int) -> None:
    run = Run.of(scope)
    client = Client(run, None, every=every)
    await client.play(acts)

    report = await run.report(scope)

    assert not report.differs(), report
    assert report.incomplete == 0
    assert report.profiles[0] == report.profiles[1]
    counted = report.entries + report.repeated + report.refused
    assert counted == len(run.answers) - run.recorder.not_recorded
    assert not report.not_replayed
    assert report.followed == {cause: [n[Extent.WHOLE], 0, 0] for cause, n in client.followed.items()}


@given(scope=any_scope, candidate=any_scope, calls=calls_of_one_graph)
def test_with_other_settings_two_real_runs_differ_just_so(
    scope: Scope, candidate: Scope, calls: list[Act]
) -> None:
    """The differences are those between the service that ran and one that ran with the candidate."""
    asyncio.run(_other(scope, candidate, calls))


@given(scope=any_scope, candidate=any_scope, acts=acts_of_one_graph(erasures=False))
def test_and_so_they_do_where_operators_took_things_back(
    scope: Scope, candidate: Scope, acts: list[Act]
) -> None:
    """The operator of the second run does what the first one did, as far as there is what he did it to."""
    asyncio.run(_other(scope, candidate, acts))


async def _other(scope: Scope, candidate: Scope, acts: Sequence[Act]) -> None:
    live = Run.of(scope)
    other = Run.of(Scope(replace(candidate.policy, inactive_days=None), candidate.strategy))
    client = Client(live, other, every=1)
    await client.play(acts)

    report = await live.report(candidate)

    if live.recorder.not_recorded:
        # refused before there was anything in the graph to record it by
        return
    if client.came_back:
        return
    first: dict[Mpid, Mpid] = {}
    for theirs, ours in client.name.items():
        if ours:
            first.setdefault(ours, theirs)
    is_first = {theirs: ours for ours, theirs in first.items()}
    pairs = list(zip(live.answers, other.answers, strict=True))
    moved = [was for was, would in pairs if was and would and is_first.get(would) != was]
    assert (report.moved.count, report.moved.calls) == (len(set(moved)), len(moved))
    assert report.more_refused.count == sum(1 for was, would in pairs if was and not would)
    assert report.fewer_refused.count == sum(1 for was, would in pairs if would and not was)
    here, there = await alive(live), await alive(other)
    assert report.profiles == (len(here), len(there))
    assert report.parted.count == len([mpid for mpid in there if mpid not in is_first])
    missing = [mpid for mpid in here if mpid not in first]
    joined = [mpid for mpid in missing if mpid in client.now]
    assert (report.joined.count, report.never_made.count) == (len(joined), len(missing) - len(joined))
    was_on, would_be_on = await live.owners(), await other.owners()
    changed = [
        identity
        for identity in was_on.keys() | would_be_on.keys()
        if identity in live.store._graphs[GRAPH].ids
        and was_on.get(identity, set()) != {is_first.get(m, -m) for m in would_be_on.get(identity, ())}
    ]
    assert report.identities.count == len(changed)
    assert report.followed == {
        cause: [extents[extent] for extent in Extent] for cause, extents in client.followed.items()
    }
