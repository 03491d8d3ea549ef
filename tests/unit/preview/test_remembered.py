"""An answer is remembered for as long as what it rests on stands, and no longer."""

from __future__ import annotations

import pytest

from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import NEW, Change, ChangeKind
from idsync.preview import remembered as module
from idsync.preview.comparison import Answered
from idsync.preview.remembered import CallKey, Remembered
from idsync.store.candidate import CandidateGraph

PHONE, TABLET, STAMP = (Identity(IdentityType.IOS_IDFV, value) for value in ("phone", "tablet", "stamp"))
ADA, BOB = 1, 2
KEY: CallKey = ("identify", b"[1]", None)
WOULD = Answered(ADA, "conversion/anonymous")


def create(graph: CandidateGraph, name: int, *identities: Identity) -> None:
    added = [Change(ChangeKind.IDENTITY_ADDED, NEW, identity) for identity in identities]
    graph.commit([Change(ChangeKind.PROFILE_CREATED, NEW), *added], name)


def add(graph: CandidateGraph, name: int, identity: Identity) -> None:
    graph.commit([Change(ChangeKind.IDENTITY_ADDED, name, identity)], NEW)


@pytest.fixture
def graph() -> CandidateGraph:
    """Ada with a phone and a tablet."""
    graph = CandidateGraph(0)
    create(graph, ADA, PHONE, TABLET)
    return graph


@pytest.fixture
def remembered(graph: CandidateGraph) -> Remembered:
    """What Ada's phone was answered."""
    remembered = Remembered(graph)
    remembered.keep(KEY, [PHONE], WOULD)
    return remembered


def test_it_stands(graph: CandidateGraph, remembered: Remembered) -> None:
    """What others do has nothing to do with it."""
    create(graph, BOB, STAMP)

    assert remembered.recall(KEY) == WOULD
    assert remembered.recall(("login", *KEY[1:])) is None


def test_its_identity_has_another_holder(graph: CandidateGraph, remembered: Remembered) -> None:
    create(graph, BOB, STAMP)
    add(graph, BOB, PHONE)

    assert remembered.recall(KEY) is None


def test_its_holder_has_changed(graph: CandidateGraph, remembered: Remembered) -> None:
    """Its record may let in, or keep out, what it did not before."""
    add(graph, ADA, STAMP)

    assert remembered.recall(KEY) is None


def test_its_identity_was_taken_off(graph: CandidateGraph, remembered: Remembered) -> None:
    graph.commit([Change(ChangeKind.IDENTITY_REMOVED, ADA, PHONE)], NEW)

    assert remembered.recall(KEY) is None


def test_who_is_answered_was_overtaken(graph: CandidateGraph, remembered: Remembered) -> None:
    """By somebody who shares another value: the same call would make the profile return (ID-011)."""
    create(graph, BOB, STAMP)
    add(graph, BOB, TABLET)

    assert remembered.recall(KEY) is None


def test_a_holder_was_erased(graph: CandidateGraph) -> None:
    create(graph, BOB, STAMP)
    add(graph, BOB, PHONE)
    remembered = Remembered(graph)
    remembered.keep(KEY, [PHONE], Answered(BOB, WOULD.rule))

    graph.erase(ADA)

    assert remembered.recall(KEY) is None


def test_who_was_named_has_changed(graph: CandidateGraph) -> None:
    """It decides among several (ID-064), and where a new profile comes from (ID-122)."""
    create(graph, BOB, STAMP)
    remembered = Remembered(graph)
    key: CallKey = (*KEY[:2], BOB)
    remembered.keep(key, [PHONE], WOULD)
    assert remembered.recall(key) == WOULD

    graph.erase(BOB)

    assert remembered.recall(key) is None


def test_a_value_that_nobody_knows_is_not_remembered(graph: CandidateGraph) -> None:
    """It may come, and nothing would tell."""
    remembered = Remembered(graph)
    remembered.keep(KEY, [PHONE, STAMP], WOULD)

    assert remembered.recall(KEY) is None


def test_it_is_bounded(
    graph: CandidateGraph, remembered: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 1)
    remembered.keep(("login", b"[1]", None), [PHONE], WOULD)

    assert graph.people
    assert remembered.recall(KEY) is None
    assert remembered.recall(("login", b"[1]", None)) == WOULD


def test_what_operators_did_ends_all(remembered: Remembered) -> None:
    remembered.forget()

    assert remembered.recall(KEY) is None
