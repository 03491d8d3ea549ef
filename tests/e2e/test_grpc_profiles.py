"""GraphService over the wire: profiles by MPID and by identity, page by page."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient
from idsync.model.errors import ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App
from idsync.testing.clock import START_MS, ManualClock
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2
from tests.e2e.conftest import CLUB, FEED, OPERATOR, SHOP
from tests.e2e.profiles import DEVELOPMENT, PRODUCTION, identify, login, one


class TestGetProfile:
    async def test_everything_is_shown(self, client: AsyncClient, clock: ManualClock) -> None:
        """ID-250."""
        source = await identify(client, ios_idfv="d")
        clock.advance(1_500)
        mpid = await login(client, email="ed@example.com", ios_idfv="d", other="kept")

        profile = (await client.get_profile(pb.GetProfileRequest(mpid=mpid))).profile

        assert profile.mpid == mpid
        assert (profile.scope, profile.environment) == ("retail", PRODUCTION)
        assert profile.is_known
        assert profile.state == identity_pb2.PROFILE_STATE_LIVE
        assert profile.source_mpid == source
        assert profile.create_time.ToMilliseconds() == START_MS + 1_500
        assert not profile.HasField("last_returned_time")
        recorded = {r.identity.type: r for r in profile.identities}
        assert {t: r.identity.value for t, r in recorded.items()} == {
            identity_pb2.IDENTITY_TYPE_EMAIL: "ed@example.com",
            identity_pb2.IDENTITY_TYPE_IOS_IDFV: "d",
        }
        for item in recorded.values():
            assert item.added_time.ToMilliseconds() == START_MS + 1_500
            assert (item.journal_seq, item.rule) == (2, "link/new-known")
        assert [r.identity.value for r in profile.descriptive_identities] == ["kept"]

    async def test_anonymous(self, client: AsyncClient) -> None:
        """ID-008."""
        mpid = await identify(client, ios_idfv="d")

        profile = (await client.get_profile(pb.GetProfileRequest(mpid=mpid))).profile

        assert not profile.is_known
        assert not profile.HasField("source_mpid")

    async def test_erased(self, app: App, client: AsyncClient) -> None:
        """ID-212, ID-252: erased is not unknown."""
        mpid = await identify(client, ios_idfv="d")
        (graph,) = (await app.store.graph_of([mpid])).values()
        await app.resolver.delete(graph, mpid)

        profile = (await client.get_profile(pb.GetProfileRequest(mpid=mpid))).profile

        assert profile.state == identity_pb2.PROFILE_STATE_ERASED
        assert not profile.identities

    async def test_operator_sees_every_scope(self, client: AsyncClient) -> None:
        for credentials in (SHOP, CLUB):
            mpid = await identify(client, credentials, ios_idfv="d")
            answer = await client.get_profile(pb.GetProfileRequest(mpid=mpid), credentials=OPERATOR)

            assert answer.profile.mpid == mpid

    async def test_another_scope_is_not_there(self, client: AsyncClient) -> None:
        """ID-002: exactly like an MPID that never was."""
        mpid = await identify(client, SHOP, ios_idfv="d")
        errors = []
        for asked in (mpid, 42, 0):
            with pytest.raises(NotFoundError) as caught:
                await client.get_profile(pb.GetProfileRequest(mpid=asked), credentials=CLUB)
            errors.append((caught.value.message, caught.value.reason, dict(caught.value.metadata)))

        assert errors == [errors[0]] * 3

    async def test_input_that_may_not_read(self, client: AsyncClient) -> None:
        mpid = await identify(client, SHOP, ios_idfv="d")

        with pytest.raises(ForbiddenError):
            await client.get_profile(pb.GetProfileRequest(mpid=mpid), credentials=FEED)
        with pytest.raises(ForbiddenError):
            await client.batch_get_profiles(pb.BatchGetProfilesRequest(), credentials=FEED)


class TestBatchGetProfiles:
    async def test_in_the_order_asked(self, client: AsyncClient) -> None:
        first, second = [await identify(client, ios_idfv=value) for value in ("a", "b")]
        foreign = await identify(client, CLUB, ios_idfv="a")

        answer = await client.batch_get_profiles(
            pb.BatchGetProfilesRequest(mpids=[second, 42, first, foreign, second])
        )

        assert [p.mpid for p in answer.profiles] == [second, first, second]
        assert list(answer.unknown_mpids) == [42, foreign]

    async def test_a_thousand_and_no_more(self, client: AsyncClient) -> None:
        assert await client.batch_get_profiles(pb.BatchGetProfilesRequest(mpids=range(1, 1_001)))

        with pytest.raises(InvalidRequestError) as caught:
            await client.batch_get_profiles(pb.BatchGetProfilesRequest(mpids=range(1_001)))
        assert caught.value.fields == ("mpids",)


class TestFindProfiles:
    async def test_pages_newest_first(self, client: AsyncClient) -> None:
        """ID-011."""
        made = [await login(client, email=f"{number}@example.com", ios_idfv="d") for number in range(7)]
        request = pb.FindProfilesRequest(environment=PRODUCTION, identity=one(ios_idfv="d"), page_size=3)
        pages = []
        while True:
            answer = await client.find_profiles(request)
            pages.append([profile.mpid for profile in answer.profiles])
            request.page_token = answer.next_page_token
            if not request.page_token:
                break

        assert pages == [made[:3:-1], made[3:0:-1], made[:1]]

    async def test_nobody_has_it(self, client: AsyncClient) -> None:
        request = pb.FindProfilesRequest(environment=PRODUCTION, identity=one(ios_idfv="d"))

        assert await client.find_profiles(request) == pb.FindProfilesResponse()

    async def test_environments_are_apart(self, client: AsyncClient) -> None:
        await identify(client, ios_idfv="d")
        request = pb.FindProfilesRequest(environment=DEVELOPMENT, identity=one(ios_idfv="d"))

        assert not (await client.find_profiles(request)).profiles

    async def test_scopes_are_apart(self, client: AsyncClient) -> None:
        await identify(client, SHOP, ios_idfv="d")
        request = pb.FindProfilesRequest(environment=PRODUCTION, identity=one(ios_idfv="d"))

        assert not (await client.find_profiles(request, credentials=CLUB)).profiles

    @pytest.mark.parametrize(
        ("identity", "field"),
        [
            (identity_pb2.Identity(value="x"), "identity.type"),
            (identity_pb2.Identity(type=99, value="x"), "identity.type"),  # type: ignore[arg-type]
            (one(email="x" * 257), "identity.value"),
            (one(email=" "), "identity.value"),
        ],
    )
    async def test_identity_must_be_one(
        self, client: AsyncClient, identity: identity_pb2.Identity, field: str
    ) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            await client.find_profiles(pb.FindProfilesRequest(environment=PRODUCTION, identity=identity))
        assert caught.value.fields == (field,)

    async def test_token_of_another_list(self, client: AsyncClient) -> None:
        for number in range(2):
            await login(client, email=f"{number}@example.com", ios_idfv="d")
        request = pb.FindProfilesRequest(environment=PRODUCTION, identity=one(ios_idfv="d"), page_size=1)
        request.page_token = (await client.find_profiles(request)).next_page_token
        assert request.page_token
        request.identity.value = "other"

        with pytest.raises(InvalidRequestError) as caught:
            await client.find_profiles(request)
        assert caught.value.fields == ("page_token",)

    async def test_negative_page(self, client: AsyncClient) -> None:
        request = pb.FindProfilesRequest(environment=PRODUCTION, identity=one(ios_idfv="d"), page_size=-1)

        with pytest.raises(InvalidRequestError) as caught:
            await client.find_profiles(request)
        assert caught.value.fields == ("page_size",)
