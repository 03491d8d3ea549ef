"""The fold: what one more entry makes of the rows, as far as no view shows it."""

from __future__ import annotations

import pytest

from idsync.model.aliasing import AliasState
from idsync.model.identity import IdentityType, Mpid
from idsync.model.journal import ChangeKind
from idsync.store.memory_graph import MemoryGraph
from idsync.store.rows import IdentityRow, StoredChange, StoredEntry, StoredEvidence, StoredTerms

ONE, OTHER = 7, 8
"""Two MPIDs."""
CUSTOMER, DEVICE = IdentityType.CUSTOMERID, IdentityType.IOS_IDFV


@pytest.fixture
def graph() -> MemoryGraph:
    """Give two profiles, the first with a customer ID (1) and a device (2), the other with nothing."""
    graph = MemoryGraph()
    graph.identities |= {1: IdentityRow(1, CUSTOMER, "c"), 2: IdentityRow(2, DEVICE, "d")}
    _append(graph, StoredChange(ChangeKind.PROFILE_CREATED, ONE), _added(ONE, 1), _added(ONE, 2))
    _append(graph, StoredChange(ChangeKind.PROFILE_CREATED, OTHER))
    return graph


def test_the_size_of_a_record_counts_what_is_on_it(graph: MemoryGraph) -> None:
    """Descriptive identities are not (ID-026)."""
    before = graph.profiles[ONE].size

    _append(graph, StoredChange(ChangeKind.IDENTITY_REMOVED, ONE, 1, CUSTOMER))
    _append(graph, StoredChange(ChangeKind.DESCRIPTION_ADDED, ONE, 1, CUSTOMER))

    assert (before, graph.profiles[ONE].size, graph.profiles[OTHER].size) == (2, 1, 0)


def test_an_erased_profile_has_nothing_on_its_record(graph: MemoryGraph) -> None:
    """ID-212."""
    _append(graph, StoredChange(ChangeKind.PROFILE_ERASED, ONE))

    row = graph.profiles[ONE]
    assert (row.erased, row.types, row.size) == (True, 0, 0)


def test_links_of_one_entry_keep_the_place_of_their_changes(graph: MemoryGraph) -> None:
    """Which of them is the oldest value is decided by it (ID-074)."""
    _append(
        graph,
        _added(OTHER, 2),
        StoredChange(ChangeKind.DESCRIPTION_ADDED, OTHER, 1, CUSTOMER),
        _added(OTHER, 1),
    )

    places = [(link.identity_id, link.position, link.descriptive) for link in graph.open_links(OTHER)]
    assert places == [(2, 0, False), (1, 1, True), (1, 2, False)]


def test_becoming_known_counts_however_the_entry_is_ordered(graph: MemoryGraph) -> None:
    """The types before the entry are compared with those after it, not those before its last change."""
    _append(graph, StoredChange(ChangeKind.IDENTITY_REMOVED, ONE, 2, DEVICE), _added(OTHER, 2))

    _append(
        graph,
        _added(OTHER, 1),
        StoredChange(ChangeKind.IDENTITY_REMOVED, ONE, 1, CUSTOMER),
        StoredChange(ChangeKind.BECAME_KNOWN, OTHER),
    )

    assert graph.identities[2].version == 4


@pytest.mark.parametrize("kind", [ChangeKind.ALIAS_APPLIED, ChangeKind.ALIAS_IGNORED])
def test_a_settled_alias_says_by_which_entry(graph: MemoryGraph, kind: ChangeKind) -> None:
    """ID-195."""
    terms = StoredTerms(ONE, OTHER, 0, 1, "mpid", None, 2)
    _append(graph, StoredChange(ChangeKind.ALIAS_TAKEN, ONE, other=OTHER, terms=terms))
    taken = graph.aliases[3].settled_seq

    _append(graph, StoredChange(kind, ONE, other=OTHER, alias_seq=3))

    assert taken is None
    assert graph.aliases[3].settled_seq == 4
    assert graph.aliases[3].state is not AliasState.PENDING


def _added(mpid: Mpid, identity_id: int) -> StoredChange:
    identity_type = CUSTOMER if identity_id == 1 else DEVICE
    return StoredChange(ChangeKind.IDENTITY_ADDED, mpid, identity_id, identity_type)


def _append(graph: MemoryGraph, *changes: StoredChange) -> None:
    seq = len(graph.journal) + 1
    graph.append(
        StoredEntry(seq, 1_000 + seq, "suite", "suite", "", "", changes[0].mpid, changes, StoredEvidence())
    )
