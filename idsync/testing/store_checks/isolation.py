"""Nothing is ever matched, moved or counted across scopes and environments (ID-002, ID-004)."""

from __future__ import annotations

import pytest

from idsync.model.changes import Applied
from idsync.model.identity import Environment, GraphKey
from idsync.model.journal import NEW
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL

__all__ = ["IsolationChecks"]

_NEIGHBOURS = {
    "other scope": GraphKey("wholesale", GRAPH.environment),
    "other environment": GraphKey(GRAPH.scope, Environment.DEVELOPMENT),
    "scope of another case": GraphKey(GRAPH.scope.upper(), GRAPH.environment),
}


class IsolationChecks:
    """Two graphs in one store."""

    @pytest.fixture(params=list(_NEIGHBOURS.values()), ids=list(_NEIGHBOURS))
    def neighbour(self, request: pytest.FixtureRequest) -> GraphKey:
        """Give a graph that differs from the other in one part of its name."""
        key: GraphKey = request.param
        return key

    async def test_a_value_is_another_identity_in_another_graph(
        self, scribe: Scribe, neighbour: GraphKey
    ) -> None:
        other = Scribe(scribe.store, neighbour)
        mpid = await scribe.create(DEVICE)

        unseen = await other.holders(DEVICE)
        other_mpid = await other.create(DEVICE)

        assert unseen == []
        assert other_mpid != mpid
        assert await scribe.holders(DEVICE) == [mpid]
        assert await other.holders(DEVICE) == [other_mpid]

    async def test_a_profile_does_not_exist_in_another_graph(
        self, scribe: Scribe, neighbour: GraphKey
    ) -> None:
        """An MPID of one environment does not exist in the other (ID-004)."""
        other = Scribe(scribe.store, neighbour)
        mpid = await scribe.create(DEVICE)
        await other.create(MAIL)

        assert (await other.look(profiles=[mpid])).profile(mpid) is None
        assert await scribe.store.profiles(neighbour, [mpid]) == {}
        assert await scribe.store.find_profiles(neighbour, DEVICE, 10) == []
        assert await scribe.store.links_of(neighbour, DEVICE, 10) == []
        assert await scribe.store.graph_of([mpid]) == {mpid: scribe.graph}

    async def test_a_change_is_not_stale_for_what_happens_elsewhere(
        self, scribe: Scribe, neighbour: GraphKey
    ) -> None:
        other = Scribe(scribe.store, neighbour)
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(NEW, *scribe.creation(MAIL), identities=[DEVICE, MAIL], profiles=[mpid])
        await other.create(DEVICE, MAIL)

        [result] = await scribe.apply(late)

        assert isinstance(result, Applied)

    async def test_journals_count_for_themselves(self, scribe: Scribe, neighbour: GraphKey) -> None:
        """Positions count from 1 in each graph, and no reader sees the other's entries."""
        other = Scribe(scribe.store, neighbour)
        mpid = await scribe.create(DEVICE, request_id="r")
        others = [await other.create(DEVICE, request_id="r"), await other.create(MAIL, request_id="r")]

        assert [(entry.seq, entry.mpid) for entry in await scribe.journal()] == [(1, mpid)]
        assert [(entry.seq, entry.mpid) for entry in await other.journal()] == list(enumerate(others, 1))
        assert len(await scribe.store.entries_of_request(scribe.graph, "r", 10)) == 1
        assert len(await scribe.store.entries_of_request(neighbour, "r", 10)) == 2
        assert list(await scribe.store.entries_at(scribe.graph, [1, 2])) == [1]
        assert set(await scribe.store.graphs()) == {scribe.graph, neighbour}

    async def test_idempotency_keys_are_known_in_their_graph(
        self, scribe: Scribe, neighbour: GraphKey
    ) -> None:
        await scribe.create(DEVICE, input_id="shop/web", idempotency_key="once")

        assert await scribe.earlier("shop/web", "once") is not None
        assert await Scribe(scribe.store, neighbour).earlier("shop/web", "once") is None
