"""Two real runs of the same traffic side by side, with other settings, and the preview of the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from hypothesis import strategies as st

from idsync.model.changes import ChangeSet
from idsync.model.errors import IdsyncError
from idsync.model.identity import Identity, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.must_not import Side
from idsync.model.quarantine import QuarantineRequest
from idsync.model.request import ModifyRequest, Operation, ResolveRequest
from idsync.model.undo import ForbidRequest, RevertRequest, SplitRequest
from idsync.model.view import ViewRequest
from idsync.preview.replay import Replay
from idsync.preview.report import Extent, Report
from idsync.resolve.erasure import NAMED, ErasureOrder
from idsync.resolve.recorder import Recorder
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.undo.following import gather
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.player import NOBODY
from idsync.testing.traffic import GRAPHS, Aliasing, Call, Delay, Deletion, Modifying, Resolving, traffic
from tests.properties.undoing import Forbid, Revert, Split, forbids, reverts, splits

__all__ = ["GRAPH", "Act", "Client", "Erasure", "Run", "acts_of_one_graph", "alive", "calls_of_one_graph"]

GRAPH = GRAPHS[0]


@dataclass(frozen=True)
class Erasure:
    """Somebody is forgotten for good."""

    target: int


@dataclass(frozen=True)
class Quarantine:
    """A value of somebody's record, counted from the end, is quarantined or released."""

    target: int
    back: int
    release: bool


Act: TypeAlias = Call | Split | Revert | Forbid | Erasure | Quarantine
quarantines = st.builds(
    Quarantine, st.integers(0, 4), st.integers(1, 2), st.sampled_from((False, False, True))
)

calls_of_one_graph = traffic(max_size=25).map(lambda calls: [_moved(call) for call in calls])


def acts_of_one_graph(*, erasures: bool) -> st.SearchStrategy[list[Act]]:
    """Draw traffic with what operators do among it: pieces of calls, and something between two of them."""
    operators: list[st.SearchStrategy[Act]] = [
        splits,
        splits,
        reverts,
        reverts,
        forbids,
        quarantines,
        quarantines,
    ]
    if erasures:
        operators.append(st.builds(Erasure, st.integers(0, 4)))
    pieces = st.tuples(traffic(max_size=5), st.one_of(*operators)).map(
        lambda drawn: [*map(_moved, drawn[0]), drawn[1]]
    )
    return st.lists(pieces, min_size=1, max_size=7).map(lambda found: [act for acts in found for act in acts])


def _moved(call: Call) -> Call:
    return call if isinstance(call, Delay) else replace(call, graph=GRAPH)


@dataclass
class Run:
    """One real run of traffic; what a client was answered before it sends on.

    Attributes:
        answers: The profile answered by each call that counts; 0 when it was refused.
        created: The calls that created their profile.
    """

    store: MemoryStore
    resolver: Resolver
    recorder: Recorder
    clock: ManualClock
    answers: list[Mpid] = field(default_factory=list)
    created: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, scope: Scope) -> Run:
        """Begin with an empty graph."""
        clock = ManualClock()
        store = MemoryStore(clock=clock)
        recorder = Recorder(store, clock, 30)
        return cls(store, Resolver(store, {GRAPH.scope: scope}, clock, recorder), recorder, clock)

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

    async def last_seq(self) -> int:
        """Give the length of the journal."""
        return await self.store.last_seq(GRAPH)

    async def report(self, scope: Scope) -> Report:
        """Preview other settings."""
        await self.recorder.write()
        replay = Replay(GRAPH, scope)
        async for page in self.store.history(GRAPH, await self.last_seq()):
            replay.take(page)
        return replay.finish()

    def values(self) -> set[Identity]:
        """Name the values that the graph or the record of calls knows."""
        record = self.store.calls._records[GRAPH].values.values()
        return {*self.store._graphs[GRAPH].ids, *(kept[0] for kept in record if kept is not None)}

    async def owners(self) -> dict[Identity, set[Mpid]]:
        """Name who has what on the record."""
        found: dict[Identity, set[Mpid]] = {}
        tables = self.store._graphs[GRAPH]
        for link in tables.links:
            if link.until_seq is None and not link.descriptive:
                found.setdefault(tables.value_of(link.identity_id), set()).add(link.mpid)
        return found

    async def record(self, mpid: Mpid) -> list[Identity]:
        """Give a profile's record."""
        found = (await self.store.profiles(GRAPH, [mpid])).get(mpid)
        return [] if found is None else [each.identity for each in found.identities]

    async def withdraw(self, seqs: Sequence[int]) -> list[int]:
        """Withdraw just those must-not-links of entries that stand, whatever others say the same."""
        standing = {row.seq for row in self.store._graphs[GRAPH].must_nots if row.until_seq is None}
        found = [seq for seq in seqs if seq in standing]
        if found:
            (view,) = await self.store.read_views([ViewRequest(GRAPH, 0, [])])
            changes = tuple(Change(ChangeKind.PERMITTED, 0, alias_seq=seq) for seq in found)
            await self.store.apply([ChangeSet(GRAPH, 0, view, "forbid", "forbid/withdrawn", changes)])
        return found


class Client:
    """Sends the same traffic to one service, or to two at once, each in its own MPIDs.

    Attributes:
        followed: How far the second service's operator could do what the first one's did, by cause.
        came_back: Whether a value was sent anew after it was forgotten. To a replay the two are strangers;
            to the second service, which may have gone on to hold it, they are not.
    """

    def __init__(self, live: Run, other: Run | None, *, every: int) -> None:
        self.live = live
        self.other = other
        self.every = every
        self.known: list[Mpid] = []
        self.now: dict[Mpid, Mpid] = {}
        self.name: dict[Mpid, Mpid] = {}
        self.followed: dict[str, Counter[Extent]] = {}
        self.came_back = False
        self._forgotten: set[Identity] = set()
        self.sent = 0
        self._entry_there: dict[int, int] = {}

    def _mpid(self, ordinal: int) -> Mpid:
        return self.known[ordinal % len(self.known)] if self.known else NOBODY

    def _there(self, mpid: Mpid) -> Mpid:
        named = (theirs for theirs, ours in self.name.items() if ours == mpid)
        return self.now.get(mpid) or next(named, NOBODY)

    async def play(self, acts: Sequence[Act]) -> None:
        """Play one thing after another."""
        for act in acts:
            before = await self._lengths()
            known = self.live.values()
            await self._play(act)
            self._forgotten |= known - self.live.values()
            after = await self._lengths()
            if after[0] == before[0] + 1 and after[1] == before[1] + 1:
                self._entry_there[after[0]] = after[1]
            self.sent += 1
            if self.sent % self.every == 0:
                await self.live.recorder.write()

    async def _lengths(self) -> tuple[int, int]:
        return await self.live.last_seq(), 0 if self.other is None else await self.other.last_seq()

    async def _play(self, act: Act) -> None:
        if isinstance(act, Delay):
            self.live.clock.advance(act.by_ms)
            before = await self.live.last_seq()
            await self.live.resolver.run_due()
            for entry in await self.live.store.entries(GRAPH, before, 1_000):
                if entry.cause == "retention":
                    await self._erase_there(entry.mpid)
        elif isinstance(act, Deletion):
            mpid = self._mpid(act.target)
            if await self.live.resolver.delete(GRAPH, mpid):
                await self._erase_there(mpid)
        elif isinstance(act, Erasure):
            await self._erase(self._mpid(act.target))
        elif isinstance(act, Split | Revert | Forbid | Quarantine):
            await self._operate(act)
        elif not isinstance(act, Aliasing):
            await self._call(act)

    async def _erase(self, mpid: Mpid) -> None:
        order = ErasureOrder(GRAPH, (mpid,), NAMED, (), f"id-{self.sent}", "", "operator", lambda _: "key:1")
        if await self.live.record(mpid):
            await self.live.resolver.erase(order)
            await self._erase_there(mpid)

    async def _erase_there(self, mpid: Mpid) -> None:
        if self.other is None:
            return
        for theirs, ours in self.name.items():
            if ours == mpid:
                await self.other.resolver.delete(GRAPH, theirs)
        self.now.pop(mpid, None)

    # -- operators -----------------------------------------------------------------------------------------

    async def _operate(self, act: Split | Revert | Forbid | Quarantine) -> None:
        extent: Extent | None
        try:
            if isinstance(act, Split):
                extent = await self._split(act)
            elif isinstance(act, Revert):
                extent = await self._revert(act)
            elif isinstance(act, Quarantine):
                extent = await self._quarantine(act)
            else:
                extent = await self._forbid(act)
        except IdsyncError:
            # the first operator was refused, and the second does nothing
            return
        if extent is not None:
            is_release = isinstance(act, Quarantine) and act.release
            cause = "release" if is_release else type(act).__name__.lower()
            self.followed.setdefault(cause, Counter())[extent] += 1

    async def _split(self, act: Split) -> Extent | None:
        mpid, onto = self._mpid(act.target), None if act.onto is None else self._mpid(act.onto)
        chosen = tuple((await self.live.record(mpid))[: -act.count - 1 : -1])
        if not chosen:
            return None
        done = await self.live.resolver.split(SplitRequest(GRAPH, mpid, chosen, onto, act.forbid))
        new = next((profile.mpid for profile in done.profiles if profile.is_new), 0)
        if new:
            self.known.append(new)
        if self.other is None:
            return Extent.WHOLE
        record = await self.other.record(self._there(mpid))
        there = tuple(identity for identity in chosen if identity in record)
        if not there:
            return Extent.NOT
        onto = None if onto is None else self._there(onto)
        request = SplitRequest(GRAPH, self._there(mpid), there, onto, bool(done.forbidden))
        try:
            as_well = await self.other.resolver.split(request)
        except IdsyncError:
            return Extent.NOT
        for profile in as_well.profiles:
            if profile.is_new:
                self.name[profile.mpid] = new
        return Extent.WHOLE if len(there) == len(chosen) else Extent.IN_PART

    async def _revert(self, act: Revert) -> Extent | None:
        """Revert the entries of the same calls, where an operator there could ask for just these."""
        seq = await self.live.last_seq() - act.back
        request = RevertRequest(GRAPH, seq, act.with_following, act.forbid, preview=True)
        planned = await self.live.resolver.revert(request)
        there = sorted(self._entry_there[each] for each in planned.reverted if each in self._entry_there)
        request_there = None
        if self.other is not None and there:
            several = len(there) > 1
            try:
                undoing = await gather(self.other.store, GRAPH, there[0], with_following=several)
            except IdsyncError:
                return None
            if list(undoing.entries) != there:
                return None
            request_there = RevertRequest(GRAPH, there[0], several, bool(planned.forbidden))
        await self.live.resolver.revert(replace(request, preview=False))
        if self.other is None:
            return Extent.WHOLE
        if request_there is None:
            return Extent.NOT
        try:
            await self.other.resolver.revert(request_there)
        except IdsyncError:
            return Extent.NOT
        return Extent.WHOLE if len(there) == len(planned.reverted) else Extent.IN_PART

    async def _forbid(self, act: Forbid) -> Extent:
        second = Side(mpid=self._mpid(act.second)) if isinstance(act.second, int) else Side((act.second,))
        sides = Side((act.first,)), second
        done = await self.live.resolver.forbid(ForbidRequest(GRAPH, sides, act.withdraw))
        if self.other is None:
            return Extent.WHOLE
        if act.withdraw:
            seqs = [self._entry_there[seq] for seq in done.withdrawn if seq in self._entry_there]
            found = await self.other.withdraw(seqs)
            if not found:
                return Extent.NOT
            return Extent.WHOLE if len(found) == len(done.withdrawn) else Extent.IN_PART
        if second.mpid is not None:
            second = Side(mpid=self._there(second.mpid))
        try:
            await self.other.resolver.forbid(ForbidRequest(GRAPH, (sides[0], second)))
        except IdsyncError:
            return Extent.NOT
        return Extent.WHOLE

    async def _quarantine(self, act: Quarantine) -> Extent | None:
        record = await self.live.record(self._mpid(act.target))
        if len(record) < act.back:
            return None
        request = QuarantineRequest(GRAPH, record[-act.back], release=act.release)
        await self.live.resolver.quarantine(request)
        if self.other is not None:
            try:
                await self.other.resolver.quarantine(request)
            except IdsyncError:
                return Extent.NOT
        return Extent.WHOLE

    # -- calls ---------------------------------------------------------------------------------------------

    async def _call(self, call: Resolving | Modifying) -> None:
        changed = call.changes if isinstance(call, Modifying) else ()
        named = {each.old for each in changed} | {each.new for each in changed}
        if isinstance(call, Resolving):
            named |= {*call.identities.values()}
        self.came_back |= not self._forgotten.isdisjoint(named)
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


async def alive(run: Run) -> list[Mpid]:
    """Name the living."""
    return [row.mpid for row in run.store._graphs[GRAPH].profiles.values() if not row.erased]
