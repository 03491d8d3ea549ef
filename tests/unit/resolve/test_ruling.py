"""What was decided of one is what others are told who stand where they stood, and nobody else (ID-040)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from idsync.model.changes import Outcome
from idsync.model.decision import Create
from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.model.standing import UNHELD
from idsync.model.strategy import Strategy
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.ruling import MAX_RULINGS, Ruling, Rulings
from idsync.resolve.steps.resolving import ResolveStep
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

T = IdentityType
RULING = Ruling((T.EMAIL,), True, False, Outcome.FOUND, "conversion/known", T.EMAIL, ())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    await store.membership_is_read()
    yield store
    await store.close()


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[ResolveRequest]:
    """Notes whose calls were decided by themselves."""
    requests: list[ResolveRequest] = []
    decide = ResolveStep.decide

    def noted(step: ResolveStep, view: object) -> object:
        requests.append(step._request)
        return decide(step, view)  # type: ignore[arg-type]

    monkeypatch.setattr(ResolveStep, "decide", noted)
    return requests


def resolver_of(
    store: EmbeddedStore, *, by_standing: bool = True, inactive_days: int | None = None
) -> Resolver:
    policy = Policy(
        "profile_conversion",
        (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV),
        login=frozenset({T.CUSTOMERID}),
        unique=frozenset({T.CUSTOMERID}),
        inactive_days=inactive_days,
    )
    strategy = replace(load_strategies([policy.strategy])[policy.strategy], by_standing=by_standing)
    return Resolver(store, {GRAPH.scope: Scope(policy, strategy)}, ManualClock())


def call_of(
    person: str,
    *types: IdentityType,
    operation: Operation = Operation.IDENTIFY,
    previous_mpid: int | None = None,
    read_only: bool = False,
    notices: tuple[Notice, ...] = (),
) -> ResolveRequest:
    identities = {t: Identity(t, f"{person} {t.wire_name}") for t in types or (T.EMAIL, T.IOS_IDFV)}
    return ResolveRequest(
        operation,
        GRAPH,
        identities,
        previous_mpid,
        f"{person}'s request",
        "an input",
        read_only,
        None,
        notices,
    )


async def test_strangers_are_decided_once_for_all(
    store: EmbeddedStore, decided: list[ResolveRequest]
) -> None:
    resolver = resolver_of(store)
    answers = [await resolver.resolve(call_of(person)) for person in ("a", "b", "c")]

    assert len({answer.mpid for answer in answers}) == 3
    assert [answer.journal_seq for answer in answers] == [1, 2, 3]
    assert all(
        replace(answer, mpid=0, journal_seq=0) == replace(answers[0], mpid=0, journal_seq=0)
        for answer in answers
    )
    assert decided == [call_of("a")]


async def test_the_journal_says_the_same_of_who_was_ruled_on(store: EmbeddedStore) -> None:
    """ID-220: the entry names this call's own values, request and input."""
    resolver = resolver_of(store)
    noticed = (Notice(T.CUSTOMERID, NoticeReason.BLANK),)
    for person in ("a", "b"):
        await resolver.resolve(call_of(person, T.EMAIL, T.IOS_IDFV, notices=noticed))

    first, second = await store.entries(GRAPH, 0, 10)
    assert second.request_id == "b's request"
    assert second.evidence.notices == noticed
    assert _renamed(second, "b", "a", second.mpid, first.mpid) == _renamed(first, "a", "a", 0, 0)


def _renamed(entry: JournalEntry, person: str, other: str, mpid: int, to: int) -> JournalEntry:
    def renamed(identity: Identity | None) -> Identity | None:
        return identity and Identity(identity.type, identity.value.replace(f"{person} ", f"{other} "))

    def name(of: int) -> int:
        return to if of == mpid else of

    return replace(
        entry,
        seq=0,
        mpid=name(entry.mpid),
        request_id="",
        changes=tuple(
            change._replace(mpid=name(change.mpid), identity=renamed(change.identity))
            for change in entry.changes
        ),
        evidence=entry.evidence._replace(
            asked=tuple(found for found in map(renamed, entry.evidence.asked) if found)
        ),
    )


async def test_who_comes_back_as_he_came_is_decided_once_for_all(
    store: EmbeddedStore, decided: list[ResolveRequest]
) -> None:
    """Also with the MPID that he was given, which is what clients send."""
    resolver = resolver_of(store)
    created = {person: await resolver.resolve(call_of(person)) for person in ("a", "b", "c")}
    decided.clear()
    for person, answer in created.items():
        again = await resolver.resolve(call_of(person))
        named = await resolver.resolve(call_of(person, previous_mpid=answer.mpid))
        assert again.mpid == answer.mpid
        assert again.outcome is Outcome.FOUND
        assert again.matched == tuple(call_of(person).identities.values())
        assert again.decided_by == Identity(T.EMAIL, f"{person} email")
        assert again == named
    assert {request.request_id for request in decided} == {"a's request", "b's request"}


async def test_a_ruling_is_for_calls_that_are_alike(
    store: EmbeddedStore, decided: list[ResolveRequest]
) -> None:
    resolver = resolver_of(store)
    await resolver.resolve(call_of("a"))
    await resolver.resolve(call_of("a"))
    alike = [
        call_of("b", operation=Operation.LOGIN),
        call_of("c", T.IOS_IDFV, T.EMAIL),
        call_of("d", T.EMAIL),
        call_of("e", T.EMAIL, T.CUSTOMERID),
        call_of("f", notices=(Notice(T.CUSTOMERID, NoticeReason.BLANK),)),
    ]
    for request in alike:
        decided.clear()
        await resolver.resolve(request)
        assert decided == [request]


@pytest.mark.parametrize("other", ["one value less", "one of another", "one more", "somebody else's MPID"])
async def test_who_stands_otherwise_is_decided_by_himself(
    store: EmbeddedStore, decided: list[ResolveRequest], other: str
) -> None:
    resolver = resolver_of(store)
    types = (T.EMAIL, T.IOS_IDFV)
    mpids = [(await resolver.resolve(call_of(person, *types))).mpid for person in ("a", "b", "c")]
    for person in ("a", "b"):
        await resolver.resolve(call_of(person, *types))
    await resolver.resolve(call_of("d", T.EMAIL))
    await resolver.resolve(call_of("d", T.EMAIL))
    named = await resolver.resolve(call_of("f", *types))
    await resolver.resolve(call_of("f", *types, previous_mpid=named.mpid))
    await resolver.resolve(call_of("e", T.EMAIL, T.IOS_IDFV, T.CUSTOMERID, operation=Operation.LOGIN))
    await resolver.resolve(call_of("e", T.EMAIL, T.IOS_IDFV, T.CUSTOMERID, operation=Operation.LOGIN))
    request = {
        "one value less": call_of("c", T.EMAIL),
        "one of another": replace(
            call_of("c"), identities={**call_of("c").identities, **call_of("a", T.IOS_IDFV).identities}
        ),
        "one more": call_of("c", T.EMAIL, T.IOS_IDFV, T.CUSTOMERID, operation=Operation.LOGIN),
        "somebody else's MPID": call_of("c", previous_mpid=mpids[0]),
    }[other]
    decided.clear()
    answer = await resolver.resolve(request)

    assert decided == [request]
    assert answer.mpid == mpids[2]


async def test_who_changed_since_is_decided_by_himself(
    store: EmbeddedStore, decided: list[ResolveRequest]
) -> None:
    """What was remembered of him as he was is not told any more either (ID-041)."""
    resolver = resolver_of(store)
    mpids = {person: (await resolver.resolve(call_of(person))).mpid for person in ("a", "b")}
    for person in ("a", "b", "b"):
        await resolver.resolve(call_of(person))
    device = Identity(T.IOS_IDFV, "b ios_idfv")
    await resolver.modify(ModifyRequest(GRAPH, mpids["b"], (IdentityChange(T.IOS_IDFV, device, None),)))
    decided.clear()

    again = await resolver.resolve(call_of("b"))

    assert decided == [call_of("b")]
    assert again.matched == (Identity(T.EMAIL, "b email"),)
    assert again.journal_seq == 4


async def test_who_was_erased_is_a_stranger(store: EmbeddedStore, decided: list[ResolveRequest]) -> None:
    """ID-212: what was remembered of the old life is not told in the new one."""
    resolver = resolver_of(store)
    created = await resolver.resolve(call_of("a"))
    await resolver.resolve(call_of("a"))
    await resolver.delete(GRAPH, created.mpid)

    again = await resolver.resolve(call_of("a"))

    assert again.outcome is Outcome.CREATED
    assert again.mpid != created.mpid


@pytest.mark.parametrize(
    "settings", [{"by_standing": False}, {"inactive_days": 30}], ids=lambda s: next(iter(s))
)
async def test_some_are_always_decided_by_themselves(
    store: EmbeddedStore, decided: list[ResolveRequest], settings: dict[str, int]
) -> None:
    """A strategy may look at values, and a retention looks at the time (ID-214)."""
    resolver = resolver_of(store, **settings)  # type: ignore[arg-type]
    for person in ("a", "b"):
        await resolver.resolve(call_of(person))
        await resolver.resolve(call_of(person))

    assert len(decided) == 4


async def test_what_is_only_looked_for_is_not_created(store: EmbeddedStore) -> None:
    """ID-088: no ruling for strangers comes of a call that writes nothing, or may be followed by one."""
    resolver = resolver_of(store)
    await resolver.resolve(call_of("a"))
    for person in ("b", "c"):
        with pytest.raises(Exception, match="no profile matches"):
            await resolver.resolve(call_of(person, read_only=True))
        with pytest.raises(Exception, match="no profile matches"):
            await resolver.resolve(call_of(person, operation=Operation.SEARCH))

    created = [entry.changes[0].kind for entry in await store.entries(GRAPH, 0, 10)]
    assert created == [ChangeKind.PROFILE_CREATED]


async def test_where_strangers_come_from_is_noted_of_each(store: EmbeddedStore) -> None:
    """ID-064: with an earlier MPID there is more to look at than their values."""
    resolver = resolver_of(store)
    before = await resolver.resolve(call_of("a", T.IOS_IDFV))
    for person in ("b", "c"):
        await resolver.resolve(call_of(person, previous_mpid=before.mpid))

    entries = await store.entries(GRAPH, 1, 10)
    assert [entry.evidence.previous_mpid for entry in entries] == [before.mpid] * 2


async def test_a_strategy_may_want_a_profile_for_each_call(store: EmbeddedStore) -> None:
    """What writes anything about those who come back is decided each time."""
    policy = Policy("profile_conversion", (T.EMAIL, T.IOS_IDFV), login=frozenset({T.EMAIL}))
    strategy = Strategy(
        "ever new",
        lambda *_: Create("new/always"),
        aliasing=False,
        ephemeral_anonymous=False,
        by_standing=True,
    )
    resolver = Resolver(store, {GRAPH.scope: Scope(policy, strategy)}, ManualClock())
    answers = [await resolver.resolve(call_of(person)) for person in ("a", "a", "b", "b")]

    assert len({answer.mpid for answer in answers}) == 4
    assert [answer.journal_seq for answer in answers] == [1, 2, 3, 4]


def test_rulings_are_no_more_than_so_many() -> None:
    rulings = Rulings()
    for likeness in range(MAX_RULINGS + 1):
        rulings.keep(likeness, UNHELD, RULING)

    assert len(rulings) == 1
    assert rulings.of(MAX_RULINGS, UNHELD) is RULING
    assert rulings.of(0, UNHELD) is None
