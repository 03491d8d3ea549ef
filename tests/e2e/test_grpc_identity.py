"""IdentityService over the wire: what goes in, what comes out, and who is asking."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient, identities
from idsync.model.errors import (
    LookupFailedError,
    NotFoundError,
    UnauthenticatedError,
)
from idsync.server.app import App
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import CLUB, FEED, OPERATOR, OUTLET, SHOP, SHOP_BY_KEY
from tests.e2e.identity_requests import (
    DEVELOPMENT,
    EMAIL,
    IDFV,
    PRODUCTION,
    identify,
    login,
    modify,
    search,
)


class TestCalls:
    async def test_one_story(self, client: AsyncClient) -> None:
        """First launch, sign-up, sign-out, change of address: link's column of section 16.1."""
        first = await client.identify(identify(ios_idfv="9876"))
        sign_up = await client.login(login(customerid="ABC123", email="ed@example.com", ios_idfv="9876"))
        sign_out = await client.logout(
            pb.LogoutRequest(environment=PRODUCTION, known_identities=identities({"ios_idfv": "9876"}))
        )
        changed = await client.modify(
            modify(
                sign_up.mpid, pb.IdentityChange(type=EMAIL, old_value="ed@example.com", new_value="hj@e.com")
            )
        )
        again = await client.login(login(email="hj@e.com"))

        assert first.decision.outcome == identity_pb2.OUTCOME_CREATED
        assert not first.is_logged_in
        assert first.is_ephemeral
        assert sign_up.is_logged_in
        assert len({first.mpid, sign_up.mpid, sign_out.mpid}) == 3
        assert [(r.type, r.modified_mpid) for r in changed.change_results] == [(EMAIL, sign_up.mpid)]
        assert changed.is_logged_in
        assert again.mpid == sign_up.mpid
        assert list(again.matched_identities) == identities({"email": "hj@e.com"})
        assert again.decision.outcome == identity_pb2.OUTCOME_FOUND
        assert again.decision.decided_by == identities({"email": "hj@e.com"})[0]

    async def test_search_finds_and_misses(self, client: AsyncClient) -> None:
        """ID-085, ID-087."""
        made = await client.login(login(email="ed@example.com"))

        assert (await client.search(search(email="ed@example.com"))).mpid == made.mpid
        with pytest.raises(NotFoundError) as caught:
            await client.search(search(email="hj@example.com"))
        assert caught.value.reason == "NOT_FOUND_ERROR"

    async def test_read_only_creates_nothing(self, client: AsyncClient) -> None:
        """ID-088."""
        request = identify(ios_idfv="d")
        request.read_only = True

        with pytest.raises(NotFoundError):
            await client.identify(request)
        with pytest.raises(NotFoundError):
            await client.search(search(ios_idfv="d"))

    async def test_environments_are_apart(self, client: AsyncClient) -> None:
        """ID-004."""
        made = await client.identify(identify(ios_idfv="d"))
        other = identify(ios_idfv="d")
        other.environment = DEVELOPMENT

        assert (await client.identify(other)).mpid != made.mpid

    async def test_workspaces_share_their_scope(self, client: AsyncClient) -> None:
        """ID-002."""
        made = await client.login(login(email="ed@example.com"))

        assert (await client.login(login(email="ed@example.com"), credentials=OUTLET)).mpid == made.mpid

    async def test_scopes_share_nothing(self, client: AsyncClient) -> None:
        """ID-002: not even the existence of an MPID."""
        made = await client.identify(identify(ios_idfv="d"))

        assert (await client.identify(identify(ios_idfv="d"), credentials=CLUB)).mpid != made.mpid
        with pytest.raises(LookupFailedError) as caught:
            await client.modify(
                modify(made.mpid, pb.IdentityChange(type=IDFV, new_value="x")), credentials=CLUB
            )
        with pytest.raises(LookupFailedError) as unknown:
            await client.modify(modify(42, pb.IdentityChange(type=IDFV, new_value="x")), credentials=CLUB)
        assert caught.value.message == unknown.value.message

    async def test_notices_reach_the_caller(self, client: AsyncClient) -> None:
        """Never less in silence."""
        answer = await client.identify(identify(ios_idfv="d", email=" "))

        assert list(answer.decision.notices) == [
            identity_pb2.Notice(type=EMAIL, reason=identity_pb2.NOTICE_REASON_BLANK)
        ]

    async def test_logout_with_a_key_has_its_effect_once(self, client: AsyncClient) -> None:
        request = pb.LogoutRequest(
            environment=PRODUCTION, known_identities=identities({"ios_idfv": "d"}), idempotency_key="k"
        )

        assert (await client.logout(request)).mpid == (await client.logout(request)).mpid


class TestCaller:
    async def test_input(self, client: AsyncClient) -> None:
        shop = pb.GetCallerResponse(
            workspace="shop", scope="retail", platform="web", strategy="profile_link", may_read=True
        )

        assert await client.get_caller(pb.GetCallerRequest()) == shop
        assert await client.get_caller(pb.GetCallerRequest(), credentials=SHOP_BY_KEY) == shop
        feed = await client.get_caller(pb.GetCallerRequest(), credentials=FEED)
        assert (feed.platform, feed.may_read) == ("feed", False)

    async def test_operator(self, client: AsyncClient) -> None:
        answer = await client.get_caller(pb.GetCallerRequest(), credentials=OPERATOR)

        assert answer == pb.GetCallerResponse(is_operator=True, may_read=True)

    async def test_nobody(self, app: App) -> None:
        async with AsyncClient.connect(app.grpc_address) as nobody:
            with pytest.raises(UnauthenticatedError):
                await nobody.get_caller(pb.GetCallerRequest())
            assert (await nobody.get_caller(pb.GetCallerRequest(), credentials=SHOP)).workspace == "shop"


async def test_long_values_fill_no_memory(app: App, client: AsyncClient) -> None:
    """Whoever has a key may ask for many strangers; a hundred kilobytes are not kept for each."""
    for value in ("short", "long" * 1_000):
        request = identify(ios_idfv=value)
        request.read_only = True
        with pytest.raises(NotFoundError):
            await client.identify(request)

    remembered = getattr(app.resolver._rounds, "_remembered", ())
    assert len(remembered) == (1 if app.store.answers_at_once else 0)
