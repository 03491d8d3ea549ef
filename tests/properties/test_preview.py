"""A preview tells exactly how two real runs of the same traffic differ; with the same settings nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.errors import IdsyncError
from idsync.model.identity import Identity, Mpid
from idsync.model.request import ModifyRequest, Operation, ResolveRequest
from idsync.preview.replay import Replay
from idsync.preview.report import Report
from idsync.resolve.recorder import Recorder
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.player import NOBODY
from idsync.testing.traffic import GRAPHS, Aliasing, Call, Delay, Deletion, Modifying, Resolving, traffic
from tests.properties.playing import any_scope

GRAPH = GRAPHS[0]
calls_of_one_graph = traffic(max_size=25).map(lambda calls: [_moved(call) for call in calls])


def _moved(call: Call) -> Call:
    return call if isinstance(call, Delay) else replace(call, graph=GRAPH)


@dataclass
class Run:
    """One real run of traffic; what a client was answered before it sends on.

    Attributes:
        answers: The profile answered by each call that counts; 0 when it was refused.
        created: The calls that created their profile.
        erased: What the operator removed.
    """

    store: MemoryStore
    resolver: Resolver
    recorder: Recorder
    answers: list[Mpid] = field(default_factory=list)
    created: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, scope: Scope) -> Run:
        clock = ManualClock()
        store = MemoryStore(clock=clock)
        recorder = Recorder(store, clock, 30)
        run = cls(store, Resolver(store, {GRAPH.scope: scope}, clock, recorder), recorder)
        run.clock = clock
        return run

    clock: ManualClock = field(default_factory=ManualClock)

    async def send(self, request: ResolveRequest | ModifyRequest) -> Mpid:
        """Make one call; 0: it was refused."""
        try:
            if isinstance(request, ModifyRequest):
                await self.resolver.modify(request)
                return request.mpid
            resolution = await self.resolver.resolve(request)
        except IdsyncError:
            return 0
        self.created[-1] = resolution.outcome == "created"
        return resolution.mpid

    async def report(self, scope: Scope) -> Report:
        await self.recorder.write()
        replay = Replay(GRAPH, scope)
        async for page in self.store.history(GRAPH, await self.store.last_seq(GRAPH)):
            replay.take(page)
        return replay.finish()

    async def owners(self) -> dict[Identity, set[Mpid]]:
        found: dict[Identity, set[Mpid]] = {}
        tables = self.store._graphs[GRAPH]
        for link in tables.links:
            if link.until_seq is None and not link.descriptive:
                found.setdefault(tables.value_of(link.identity_id), set()).add(link.mpid)
        return found


class Client:
    """Sends the same traffic to one service, or to two at once, each in its own MPIDs."""

    def __init__(self, live: Run, other: Run | None, *, every: int) -> None:
        self.live = live
        self.other = other
        self.every = every
        self.known: list[Mpid] = []
        self.now: dict[Mpid, Mpid] = {}
        self.name: dict[Mpid, Mpid] = {}
        self.sent = 0

    def _mpid(self, ordinal: int) -> Mpid:
        return self.known[ordinal % len(self.known)] if self.known else NOBODY

    def _there(self, mpid: Mpid) -> Mpid:
        return self.now.get(mpid, mpid)

    async def play(self, calls: Sequence[Call]) -> None:
        for call in calls:
            await self._play(call)
            self.sent += 1
            if self.sent % self.every == 0:
                await self.live.recorder.write()

    async def _play(self, call: Call) -> None:
        if isinstance(call, Delay):
            self.live.clock.advance(call.by_ms)
            before = await self.live.store.last_seq(GRAPH)
            await self.live.resolver.run_due()
            for entry in await self.live.store.entries(GRAPH, before, 1_000):
                if entry.cause == "retention":
                    await self._erase_there(entry.mpid)
        elif isinstance(call, Deletion):
            mpid = self._mpid(call.target)
            if await self.live.resolver.delete(GRAPH, mpid):
                await self._erase_there(mpid)
        elif isinstance(call, Aliasing):
            return
        else:
            await self._call(call)

    async def _erase_there(self, mpid: Mpid) -> None:
        if self.other is None:
            return
        for theirs, ours in self.name.items():
            if ours == mpid:
                await self.other.resolver.delete(GRAPH, theirs)
        self.now.pop(mpid, None)

    async def _call(self, call: Resolving | Modifying) -> None:
        here: ResolveRequest | ModifyRequest
        if isinstance(call, Modifying):
            here = ModifyRequest(GRAPH, self._mpid(call.target), call.changes)
            there: ResolveRequest | ModifyRequest = replace(here, mpid=self._there(here.mpid))
        else:
            previous = None if call.previous is None else self._mpid(call.previous)
            here = ResolveRequest(call.operation, GRAPH, call.identities, previous, read_only=call.read_only)
            there = replace(here, previous_mpid=None if previous is None else self._there(previous))
        if isinstance(here, ResolveRequest) and (here.operation is Operation.SEARCH or here.read_only):
            await self.live.send(here)
            return
        for run in (self.live, self.other):
            if run is not None:
                run.created.append(False)
        was = await self.live.send(here)
        self.live.answers.append(was)
        if was and was not in self.known:
            self.known.append(was)
        if self.other is None:
            return
        would = await self.other.send(there)
        self.other.answers.append(would)
        if self.other.created[-1]:
            self.name[would] = was
        if was and would:
            self.now[was] = would


@given(scope=any_scope, calls=calls_of_one_graph, every=st.sampled_from((1, 3, 100)))
def test_with_the_same_settings_nothing_differs(scope: Scope, calls: list[Call], every: int) -> None:
    """Modifies, logouts, erased profiles and removals among them, however seldom counts are written."""
    asyncio.run(_same(scope, calls, every))


async def _same(scope: Scope, calls: list[Call], every: int) -> None:
    run = Run.of(scope)
    await Client(run, None, every=every).play(calls)

    report = await run.report(scope)

    assert not report.differs(), report
    assert report.incomplete == 0
    assert report.profiles[0] == report.profiles[1]
    counted = report.entries + report.repeated + report.refused
    assert counted == len(run.answers) - run.recorder.not_recorded


@given(scope=any_scope, candidate=any_scope, calls=calls_of_one_graph)
def test_with_other_settings_two_real_runs_differ_just_so(
    scope: Scope, candidate: Scope, calls: list[Call]
) -> None:
    """The differences are those between the service that ran and one that ran with the candidate."""
    asyncio.run(_other(scope, candidate, calls))


async def _other(scope: Scope, candidate: Scope, calls: list[Call]) -> None:
    live = Run.of(scope)
    other = Run.of(Scope(replace(candidate.policy, inactive_days=None), candidate.strategy))
    client = Client(live, other, every=1)
    await client.play(calls)

    report = await live.report(candidate)

    if live.recorder.not_recorded:
        # refused before there was anything in the graph to record it by
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


async def alive(run: Run) -> list[Mpid]:
    return [row.mpid for row in run.store._graphs[GRAPH].profiles.values() if not row.erased]
