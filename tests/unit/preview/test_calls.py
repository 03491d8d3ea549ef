"""A strategy that goes by standing is asked once for all calls that stand alike, and for no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.model.decision import Decision
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.strategy import Strategy
from idsync.model.view import GraphView
from idsync.preview.calls import Calls
from idsync.preview.comparison import Answered, Comparison
from idsync.resolve.registry import load_strategies
from idsync.resolve.scope import Scope
from idsync.store.candidate import CandidateGraph

CUSTOMER, DEVICE = IdentityType.CUSTOMERID, IdentityType.IOS_IDFV
POLICY = Policy("profile_link", (CUSTOMER, DEVICE), login=frozenset({CUSTOMER}), unique=frozenset({CUSTOMER}))
ADA = (Identity(CUSTOMER, "ada"), Identity(DEVICE, "ada's phone"))
BOB = (Identity(CUSTOMER, "bob"), Identity(DEVICE, "bob's phone"))
EVE = (Identity(CUSTOMER, "eve"), Identity(DEVICE, "eve's phone"))


class Asked:
    """Calls of one candidate, and how often its strategy was asked."""

    def __init__(self, *, by_standing: bool = True) -> None:
        self.times = 0
        self._link = load_strategies(["profile_link"])["profile_link"]
        strategy: Strategy = replace(self._link, decide=self._decide, by_standing=by_standing)
        self.graph = CandidateGraph(POLICY.login_set)
        self.comparison = Comparison(self.graph)
        key = GraphKey("retail", Environment.PRODUCTION)
        self._calls = Calls(key, Scope(POLICY, strategy), self.graph, self.comparison, {})

    def _decide(self, request: ResolveRequest, view: GraphView, policy: Policy) -> Decision:
        self.times += 1
        return self._link.decide(request, view, policy)

    def login(
        self, identities: tuple[Identity, ...], answered: Mpid, named: Mpid | None = None
    ) -> tuple[Answered, bool]:
        """Let somebody log in who was really answered `answered`."""
        return self._calls.resolve("login", identities, named, answered)


@pytest.fixture
def asked() -> Asked:
    """Ada and Bob have been born; the strategy was asked for Ada."""
    asked = Asked()
    assert asked.login(ADA, 1) == (Answered(1, "link/new-known"), True)
    assert asked.login(BOB, 2) == (Answered(2, "link/new-known"), True)
    return asked


def test_a_birth_like_another(asked: Asked) -> None:
    """What it writes is what a decision would have written."""
    assert asked.times == 1
    alone = Asked(by_standing=False)
    alone.login(ADA, 1)
    alone.login(BOB, 2)
    assert alone.times == 2

    for mpid in (1, 2):
        one, other = asked.graph.people[mpid], alone.graph.people[mpid]
        assert (one.record(), one.types, one.recency) == (other.record(), other.types, other.recency)
        assert asked.graph.log.about(mpid) == alone.graph.log.about(mpid) == mpid
    for identity in (*ADA, *BOB):
        assert asked.graph.owners(identity) == alone.graph.owners(identity)
    assert asked.comparison.rules.of(2) == alone.comparison.rules.of(2)


def test_who_comes_back_as_he_was_born(asked: Asked) -> None:
    asked.login(EVE, 3)
    for people, mpid in ((BOB, 2), (EVE, 3)):
        assert asked.login(people, mpid) == (Answered(mpid, "link/known"), False)
    # Eve was the second to be born so, and comes back as Bob did
    assert asked.times == 2
    assert asked.graph.seq == 3


@pytest.mark.parametrize(
    "identities", [BOB[:1], BOB[::-1], (BOB[0], ADA[1]), (BOB[0], EVE[1]), (EVE[0], BOB[1])]
)
def test_who_stands_elsewhere_is_decided(asked: Asked, identities: tuple[Identity, ...]) -> None:
    """With fewer values, in another order, with those of two, or with a new one beside."""
    asked.login(BOB, 2)
    before = asked.times

    asked.login(identities, 2)

    assert asked.times == before + 1


def test_who_has_changed_is_decided(asked: Asked) -> None:
    asked.login(BOB, 2)
    before = asked.times
    asked.graph.commit([Change(ChangeKind.IDENTITY_ADDED, 2, Identity(DEVICE, "tablet"))], 0)

    assert asked.login(BOB, 2) == (Answered(2, "link/known"), False)
    assert asked.times == before + 1


@pytest.mark.parametrize("shared", BOB)
def test_whose_value_somebody_else_got_is_decided(asked: Asked, shared: Identity) -> None:
    asked.login(BOB, 2)
    before = asked.times
    asked.graph.commit([Change(ChangeKind.IDENTITY_ADDED, 1, shared)], 0)

    asked.login(BOB, 2)

    assert asked.times == before + 1


def test_who_names_somebody_else_is_decided(asked: Asked) -> None:
    """It may be where a new profile comes from (ID-122), or decide among several (ID-064)."""
    asked.login(BOB, 2)
    before = asked.times

    asked.login(BOB, 2, named=1)
    asked.login(EVE, 3, named=1)
    assert asked.times == before + 2

    asked.login(BOB, 2, named=2)
    assert asked.times == before + 2
