"""How far a replay follows an operator: wholly, in part, or not at all; and what is then different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from idsync.model.blocking import BlockedValues
from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType
from idsync.model.must_not import Side
from idsync.model.policy import Policy
from idsync.model.quarantine import QuarantineRequest
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.model.undo import ForbidRequest, RevertRequest, SplitRequest
from idsync.preview.report import Report
from idsync.resolve.resolver import Scope
from idsync.resolve.steps.alarming import AlarmOrder
from tests.properties.playing import STRATEGIES
from tests.properties.previewing import GRAPH, Run

T = IdentityType
TYPES = (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV)
ADA, BOB = Identity(T.CUSTOMERID, "ada"), Identity(T.CUSTOMERID, "bob")
ADAS, BOBS = Identity(T.EMAIL, "ada@example.com"), Identity(T.EMAIL, "bob@example.com")
TABLET = Identity(T.IOS_IDFV, "tablet")


def scope(**settings: object) -> Scope:
    logins = frozenset({T.CUSTOMERID, T.EMAIL})
    found = {"login": logins, "unique": logins, **settings}
    return Scope(Policy("profile_conversion", TYPES, **found), STRATEGIES[0])  # type: ignore[arg-type]


AS_IT_IS = scope()
ONE_EMAIL = scope(max_per_type={T.EMAIL: 1})
BLOCKED = scope(blocked_values=BlockedValues(shipped=False, entries={T.EMAIL: (BOBS.value,)}))


async def login(run: Run, *identities: Identity) -> int:
    run.created.append(False)
    return await run.send(ResolveRequest(Operation.LOGIN, GRAPH, {i.type: i for i in identities}))


async def welded() -> tuple[Run, int]:
    """Ada's profile, onto which Bob's address came; it is taken off again."""
    run = Run.of(AS_IT_IS)
    mpid = await login(run, ADA, ADAS, TABLET)
    assert await login(run, ADA, BOBS) == mpid
    return run, mpid


async def followed(run: Run, candidate: Scope) -> tuple[Report, dict[str, Sequence[int]]]:
    report = await run.report(candidate)
    assert report.not_replayed == Counter()
    return report, dict(report.followed)


async def test_a_split_is_carried_out() -> None:
    """What came after it went to the new owner, and so it does again; the must-not-link holds."""
    run, mpid = await welded()
    await run.resolver.split(SplitRequest(GRAPH, mpid, (BOBS,)))
    bob = await login(run, BOB, BOBS, TABLET)
    assert set(await run.record(bob)) == {BOB, BOBS}

    report, extents = await followed(run, AS_IT_IS)

    assert not report.differs()
    assert extents == {"split": [1, 0, 0]}


async def test_a_split_is_carried_out_in_part() -> None:
    """Of two addresses the candidate kept the last only."""
    run, mpid = await welded()
    await run.resolver.split(SplitRequest(GRAPH, mpid, (ADAS, BOBS)))

    report, extents = await followed(run, ONE_EMAIL)

    assert extents == {"split": [0, 1, 0]}
    assert report.profiles == (2, 2)
    assert [sample.identity for sample in report.identities.samples] == [(int(T.EMAIL), ADAS.value)]


async def test_a_split_does_not_apply() -> None:
    """The candidate never put the address there; the profile that the split made is not made."""
    run, mpid = await welded()
    done = await run.resolver.split(SplitRequest(GRAPH, mpid, (BOBS,)))
    new = next(profile.mpid for profile in done.profiles if profile.is_new)

    report, extents = await followed(run, BLOCKED)

    assert extents == {"split": [0, 0, 1]}
    assert report.profiles == (2, 1)
    assert [(s.mpid, s.rule, s.candidate_rule) for s in report.never_made.samples] == [(new, "split/new", "")]


async def test_a_revert_undoes_what_the_candidate_made_of_the_call() -> None:
    """The call dropped the older address with these settings, so that comes back with the revert."""
    run, mpid = await welded()
    await run.resolver.revert(RevertRequest(GRAPH, 2))
    assert set(await run.record(mpid)) == {ADA, ADAS, TABLET}

    report, extents = await followed(run, ONE_EMAIL)

    assert extents == {"revert": [1, 0, 0]}
    assert not report.differs()


async def test_a_revert_does_not_apply() -> None:
    """There is nothing to undo where the call changed nothing."""
    run, _ = await welded()
    await run.resolver.revert(RevertRequest(GRAPH, 2))

    report, extents = await followed(run, BLOCKED)

    assert extents == {"revert": [0, 0, 1]}
    assert not report.identities.count


async def test_a_revert_is_carried_out_in_part() -> None:
    """Of the two entries it undoes the candidate has one."""
    run, mpid = await welded()
    await run.resolver.modify(ModifyRequest(GRAPH, mpid, (IdentityChange(T.EMAIL, BOBS, None),)))
    undone = await run.resolver.revert(RevertRequest(GRAPH, 1, with_following=True))
    assert undone.reverted == (1, 2, 3)

    report, extents = await followed(run, BLOCKED)

    assert extents == {"revert": [0, 1, 0]}
    assert not report.identities.count


async def test_an_undo_that_is_undone_is_followed_too() -> None:
    """A revert of a split brings back what was together, and withdraws what it had forbidden."""
    run, mpid = await welded()
    split = await run.resolver.split(SplitRequest(GRAPH, mpid, (BOBS,)))
    await run.resolver.revert(RevertRequest(GRAPH, split.journal_seq, forbid=False))
    assert await login(run, ADA, BOBS) == mpid

    report, extents = await followed(run, AS_IT_IS)

    assert not report.differs()
    assert extents == {"revert": [1, 0, 0], "split": [1, 0, 0]}


async def test_a_must_not_link_is_followed_until_it_is_withdrawn() -> None:
    run = Run.of(AS_IT_IS)
    mpid = await login(run, ADA, ADAS)
    sides = Side(mpid=mpid), Side((TABLET,))
    await run.resolver.forbid(ForbidRequest(GRAPH, sides))
    await login(run, ADA, TABLET)
    assert TABLET not in await run.record(mpid)
    await run.resolver.forbid(ForbidRequest(GRAPH, sides, withdraw=True))
    await login(run, ADA, TABLET)
    assert TABLET in await run.record(mpid)

    report, extents = await followed(run, AS_IT_IS)

    assert not report.differs()
    assert extents == {"forbid": [2, 0, 0]}


async def test_a_must_not_link_does_not_apply_to_what_is_together() -> None:
    """As an operator would be told; its withdrawal finds nothing either."""
    run = Run.of(BLOCKED)
    await login(run, ADA, ADAS)
    await login(run, ADA, BOBS)
    sides = Side((ADA,)), Side((BOBS,))
    await run.resolver.forbid(ForbidRequest(GRAPH, sides))
    await run.resolver.forbid(ForbidRequest(GRAPH, sides, withdraw=True))

    report, extents = await followed(run, AS_IT_IS)

    assert extents == {"forbid": [0, 0, 2]}
    assert [sample.identity for sample in report.identities.samples] == [(int(T.EMAIL), BOBS.value)]


async def test_a_quarantine_and_its_release_are_carried_out() -> None:
    """Between the two nobody is found by the tablet, there as here."""
    run = Run.of(AS_IT_IS)
    first = await login(run, TABLET)
    await run.resolver.quarantine(QuarantineRequest(GRAPH, TABLET))
    assert await login(run, TABLET) != first
    await run.resolver.quarantine(QuarantineRequest(GRAPH, TABLET, release=True))
    await login(run, TABLET)

    report, extents = await followed(run, AS_IT_IS)

    assert not report.differs()
    assert extents == {"quarantine": [1, 0, 0], "release": [1, 0, 0]}


async def test_a_quarantine_does_not_apply() -> None:
    """The candidate has the value on no record, and its operator would be told so."""
    run, _ = await welded()
    await run.resolver.quarantine(QuarantineRequest(GRAPH, BOBS))

    _, extents = await followed(run, BLOCKED)

    assert extents == {"quarantine": [0, 0, 1]}


async def test_an_alarm_alone_is_nothing_to_follow() -> None:
    """One that quarantines as well is followed as that."""
    run, _ = await welded()
    await run.resolver.alarm(AlarmOrder(GRAPH, TABLET, Flag.MANY_RECORDS, 0, 1, quarantine=False))
    _, extents = await followed(run, AS_IT_IS)
    assert extents == {}

    await run.resolver.alarm(AlarmOrder(GRAPH, ADAS, Flag.MANY_RECORDS, 0, 1, quarantine=True))
    _, extents = await followed(run, AS_IT_IS)
    assert extents == {"alarm": [1, 0, 0]}
