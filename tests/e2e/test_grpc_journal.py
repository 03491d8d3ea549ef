"""GraphService over the wire: what happened in a graph, to those who may see that graph."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient, Credentials
from idsync.model.errors import ForbiddenError, InvalidRequestError, NotFoundError
from idsync.testing.clock import START_MS
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2
from idsync.v1.identity_service_pb2 import ModifyRequest
from tests.e2e.conftest import CLUB, FEED, OPERATOR, SHOP
from tests.e2e.profiles import PRODUCTION, identify, login


class TestReach:
    """Which graph a request is about, with ListJournal for an example."""

    async def test_operator_names_the_scope(self, client: AsyncClient) -> None:
        mpid = await identify(client, SHOP, ios_idfv="d")
        request = pb.ListJournalRequest(scope="retail", environment=PRODUCTION)

        answer = await client.list_journal(request, credentials=OPERATOR)

        assert [entry.mpid for entry in answer.entries] == [mpid]

    async def test_operator_without_scope(self, client: AsyncClient) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            await client.list_journal(pb.ListJournalRequest(environment=PRODUCTION), credentials=OPERATOR)
        assert caught.value.fields == ("scope",)

    async def test_unknown_scope(self, client: AsyncClient) -> None:
        request = pb.ListJournalRequest(scope="nowhere", environment=PRODUCTION)

        with pytest.raises(NotFoundError):
            await client.list_journal(request, credentials=OPERATOR)

    async def test_input_may_name_its_own(self, client: AsyncClient) -> None:
        assert await client.list_journal(pb.ListJournalRequest(scope="retail", environment=PRODUCTION))

    @pytest.mark.parametrize("scope", ["parted", "nowhere"])
    async def test_input_learns_nothing_of_others(self, client: AsyncClient, scope: str) -> None:
        with pytest.raises(ForbiddenError):
            await client.list_journal(pb.ListJournalRequest(scope=scope, environment=PRODUCTION))

    @pytest.mark.parametrize("environment", [0, 3])
    @pytest.mark.parametrize("credentials", [SHOP, OPERATOR])
    async def test_environment(self, client: AsyncClient, credentials: Credentials, environment: int) -> None:
        request = pb.ListJournalRequest(scope="retail", environment=environment)  # type: ignore[arg-type]

        with pytest.raises(InvalidRequestError) as caught:
            await client.list_journal(request, credentials=credentials)
        assert caught.value.fields == ("environment",)

    async def test_input_that_may_not_read(self, client: AsyncClient) -> None:
        with pytest.raises(ForbiddenError):
            await client.list_journal(pb.ListJournalRequest(environment=PRODUCTION), credentials=FEED)
        with pytest.raises(ForbiddenError):
            await client.find_profiles(pb.FindProfilesRequest(), credentials=FEED)
        with pytest.raises(ForbiddenError):
            await client.explain(pb.ExplainRequest(), credentials=FEED)
        with pytest.raises(ForbiddenError):
            await anext(aiter(client.watch_changes(pb.WatchChangesRequest(), credentials=FEED)))


class TestListJournal:
    async def test_entry(self, client: AsyncClient) -> None:
        """Who asked, what was seen, which rule, what changed."""
        source = await identify(client, ios_idfv="d")
        mpid = await login(client, "r-1", email="ed@example.com", ios_idfv="d")

        answer = await client.list_journal(pb.ListJournalRequest(environment=PRODUCTION, after_seq=1))

        (entry,) = answer.entries
        assert (entry.scope, entry.environment, entry.seq, entry.mpid) == ("retail", PRODUCTION, 2, mpid)
        assert entry.time.ToMilliseconds() == START_MS
        assert (entry.cause, entry.rule) == ("login", "link/new-known")
        assert (entry.request_id, entry.input_id) == ("r-1", "shop/shop-web")
        kinds = [pb.ChangeKind.Name(change.kind) for change in entry.changes]
        assert sorted(set(kinds)) == [
            "CHANGE_KIND_BECAME_KNOWN", "CHANGE_KIND_IDENTITY_ADDED", "CHANGE_KIND_PROFILE_CREATED",
        ]  # fmt: skip
        assert [c.other_mpid for c in entry.changes if c.HasField("other_mpid")] == [source]
        added = [c.identity.value for c in entry.changes if c.HasField("identity")]
        assert sorted(added) == ["d", "ed@example.com"]
        assert sorted(i.value for i in entry.evidence.asked) == ["d", "ed@example.com"]
        assert entry.evidence.candidates == 1

    async def test_pages(self, client: AsyncClient) -> None:
        for number in range(7):
            await identify(client, ios_idfv=f"d{number}")
        request = pb.ListJournalRequest(environment=PRODUCTION, after_seq=1, page_size=4)

        first = await client.list_journal(request)
        request.page_token = first.next_page_token
        second = await client.list_journal(request)

        assert [e.seq for e in first.entries] == [2, 3, 4, 5]
        assert [e.seq for e in second.entries] == [6, 7]
        assert not second.next_page_token

    async def test_of_one_profile(self, client: AsyncClient) -> None:
        mine = await identify(client, ios_idfv="a")
        await identify(client, ios_idfv="b")
        change = {"type": identity_pb2.IDENTITY_TYPE_ROKU_AID, "new_value": "r"}
        await client.modify(
            ModifyRequest(environment=PRODUCTION, mpid=mine, identity_changes=[change])  # type: ignore[list-item]
        )

        answer = await client.list_journal(pb.ListJournalRequest(environment=PRODUCTION, mpid=mine))

        assert [(e.seq, e.cause) for e in answer.entries] == [(1, "identify"), (3, "modify")]

    async def test_negative_position(self, client: AsyncClient) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            await client.list_journal(pb.ListJournalRequest(environment=PRODUCTION, after_seq=-1))
        assert caught.value.fields == ("after_seq",)


class TestWatchChanges:
    async def test_from_a_cursor_and_on(self, client: AsyncClient) -> None:
        """ID-251: what was there, then what comes, each once."""
        for number in range(3):
            await identify(client, ios_idfv=f"d{number}")
        changes = aiter(client.watch_changes(pb.WatchChangesRequest(environment=PRODUCTION, after_seq=1)))

        seen = [(await anext(changes)).entry.seq for _ in range(2)]
        await identify(client, ios_idfv="d3")
        seen.append((await anext(changes)).entry.seq)

        assert seen == [2, 3, 4]

    async def test_other_graphs_are_not_in_it(self, client: AsyncClient) -> None:
        await identify(client, CLUB, ios_idfv="d")
        mine = await identify(client, ios_idfv="d")
        changes = aiter(client.watch_changes(pb.WatchChangesRequest(environment=PRODUCTION)))

        assert (await anext(changes)).entry.mpid == mine

    async def test_negative_position(self, client: AsyncClient) -> None:
        request = pb.WatchChangesRequest(environment=PRODUCTION, after_seq=-1)

        with pytest.raises(InvalidRequestError):
            await anext(aiter(client.watch_changes(request)))
