"""What was answered or ruled under other settings is told to nobody once they hold no more (ID-039).

Each call here stands on a graph that did not change between, so that only forgetting makes its answer new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import ChangeKind
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

T = IdentityType
BEFORE = Policy(
    "profile_conversion",
    (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV, T.ROKU_AID),
    login=frozenset({T.CUSTOMERID}),
    unique=frozenset({T.CUSTOMERID}),
)
AFTER = replace(
    BEFORE,
    priority=(T.CUSTOMERID, T.EMAIL, T.ROKU_AID, T.IOS_IDFV),
    login=frozenset({T.CUSTOMERID, T.EMAIL}),
)
PHONE = Identity(T.IOS_IDFV, "phone")
TELEVISION = Identity(T.ROKU_AID, "television")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    await store.membership_is_read()
    yield store
    await store.close()


class Switched:
    """A resolver whose settings change as at a switch."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._scopes = {GRAPH.scope: _scope_of(BEFORE)}
        self.resolver = Resolver(store, self._scopes, ManualClock())

    def switch(self) -> None:
        self._scopes[GRAPH.scope] = _scope_of(AFTER)
        self.resolver.forget()


def _scope_of(policy: Policy) -> Scope:
    return Scope(policy, load_strategies([policy.strategy])[policy.strategy])


@pytest.fixture
def switched(store: EmbeddedStore) -> Switched:
    return Switched(store)


def call(*identities: Identity, read_only: bool = False) -> ResolveRequest:
    return ResolveRequest(
        Operation.IDENTIFY, GRAPH, {i.type: i for i in identities}, read_only=read_only, input_id="an input"
    )


BOTH = call(PHONE, TELEVISION, read_only=True)
"""Finds whoever has the type that comes first in the order of the scope."""


async def test_no_answer_is_remembered(switched: Switched) -> None:
    resolver = switched.resolver
    phone, television = [(await resolver.resolve(call(device))).mpid for device in (PHONE, TELEVISION)]
    before = [(await resolver.resolve(BOTH)).mpid for _ in range(2)]
    switched.switch()

    assert before == [phone] * 2
    assert (await resolver.resolve(BOTH)).mpid == television


async def test_no_prepared_answer_is_given(switched: Switched) -> None:
    resolver = switched.resolver
    for device in (PHONE, TELEVISION):
        await resolver.resolve(call(device))
    resolver.prepare("both", BOTH, await resolver.resolve(BOTH), "the phone's")
    before = resolver.recall("both")
    switched.switch()

    assert before == "the phone's"
    assert resolver.recall("both") is None


async def test_what_was_answered_before_is_not_prepared_after(switched: Switched) -> None:
    """Its caller may wait for the disk while the settings change, and be answered by those he began with."""
    resolver = switched.resolver
    for device in (PHONE, TELEVISION):
        await resolver.resolve(call(device))
    answer = await resolver.resolve(BOTH)
    switched.switch()

    resolver.prepare("both", BOTH, answer, "the phone's")
    assert resolver.recall("both") is None
    await resolver.resolve(BOTH)
    resolver.prepare("both", BOTH, answer, "the phone's")
    assert resolver.recall("both") is None


async def test_strangers_are_ruled_on_anew(store: EmbeddedStore, switched: Switched) -> None:
    """Whoever brings an email is known from now on, and is written so."""
    strangers = [call(Identity(T.EMAIL, f"{name}@example.com")) for name in "abc"]
    before = [await switched.resolver.resolve(stranger) for stranger in strangers[:2]]
    switched.switch()
    after = await switched.resolver.resolve(strangers[2])

    [entry] = await store.entries(GRAPH, after.journal_seq - 1, 1)
    assert [(answer.is_logged_in, answer.rule) for answer in before] == [
        (False, "conversion/new-anonymous")
    ] * 2
    assert (after.is_logged_in, after.rule) == (True, "conversion/new-known")
    assert entry.rule == "conversion/new-known"
    assert ChangeKind.BECAME_KNOWN in {change.kind for change in entry.changes}


async def test_who_comes_back_is_ruled_on_anew(switched: Switched) -> None:
    resolver = switched.resolver
    people = [call(Identity(T.EMAIL, f"{name}@example.com")) for name in "abc"]
    for person in people:
        await resolver.resolve(person)
    before = [await resolver.resolve(person) for person in people[:2]]
    switched.switch()
    after = await resolver.resolve(people[2])

    assert [(answer.is_logged_in, answer.rule) for answer in before] == [(False, "conversion/anonymous")] * 2
    assert (after.is_logged_in, after.rule) == (True, "conversion/known")
