"""GetNeighborhood and RadarService over the wire, on every store, and `idsync radar` in a terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.json_format import ParseDict

from idsync.client import AsyncClient, Credentials
from idsync.model.errors import ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1.neighborhood_pb2 import GetNeighborhoodRequest, GetNeighborhoodResponse
from idsync.v1.radar_service_pb2 import GetCollapseRiskRequest, GetCollapseRiskResponse, ProfileCount
from tests.e2e.conftest import CLUB, FEED, OPERATOR, SHOP
from tests.e2e.profiles import DEVELOPMENT, PRODUCTION, identify, login, one
from tests.program import idsync

_DAY_MS = 86_400_000

Ask = Callable[[AsyncClient, Credentials, str], Awaitable[object]]


def shape(answer: GetNeighborhoodResponse) -> tuple[list[tuple[int, int]], list[tuple[str, int]]]:
    """What is shown, each with its steps."""
    return (
        [(each.profile.mpid, each.hops) for each in answer.profiles],
        [(each.identity.value, each.hops) for each in answer.identities],
    )


async def shared_device(client: AsyncClient) -> tuple[int, int, int]:
    """Let two people and a visitor use one device."""
    visitor = await identify(client, ios_idfv="kiosk", roku_aid="box")
    first = await login(client, customerid="c-1", email="one@example.com", ios_idfv="kiosk")
    second = await login(client, customerid="c-2", email="two@example.com", ios_idfv="kiosk")
    return visitor, first, second


class TestGetNeighborhood:
    async def test_two_steps_by_default(self, client: AsyncClient) -> None:
        visitor, first, second = await shared_device(client)

        answer = await client.get_neighborhood(GetNeighborhoodRequest(mpid=first))

        profiles, identities = shape(answer)
        assert profiles[0] == (first, 0)
        assert {mpid for mpid, hops in profiles if hops == 2} == {visitor, second}
        assert set(identities) == {("c-1", 1), ("one@example.com", 1), ("kiosk", 1)}
        assert {each.is_known for each in (p.profile for p in answer.profiles)} == {True, False}
        (kiosk,) = (each for each in answer.identities if each.identity == one(ios_idfv="kiosk"))
        assert (kiosk.known_holders, kiosk.anonymous_holders, kiosk.holders_left_out) == (2, 1, 0)
        assert not answer.is_whole

    async def test_from_an_identity_as_far_as_asked(self, client: AsyncClient) -> None:
        visitor, first, second = await shared_device(client)

        near, far = [
            await client.get_neighborhood(
                GetNeighborhoodRequest(environment=PRODUCTION, identity=one(roku_aid="box"), max_hops=hops)
            )
            for hops in (1, 4)
        ]

        assert shape(near) == ([(visitor, 1)], [("box", 0)])
        assert {each.profile.mpid for each in far.profiles} == {visitor, first, second}
        assert far.is_whole is True

    async def test_no_more_than_asked_and_what_is_missing_is_said(self, client: AsyncClient) -> None:
        await shared_device(client)

        answer = await client.get_neighborhood(
            GetNeighborhoodRequest(environment=PRODUCTION, identity=one(ios_idfv="kiosk"), max_profiles=1)
        )

        assert len(answer.profiles) == 1
        (kiosk,) = (each for each in answer.identities if each.hops == 0)
        assert kiosk.holders_left_out == 2

    async def test_an_erased_profile_is_shown_without_neighbours(self, app: App, client: AsyncClient) -> None:
        """ID-212, ID-250."""
        visitor, _, _ = await shared_device(client)
        (graph,) = (await app.store.graph_of([visitor])).values()
        await app.resolver.delete(graph, visitor)

        answer = await client.get_neighborhood(GetNeighborhoodRequest(mpid=visitor, max_hops=6))

        assert shape(answer) == ([(visitor, 0)], [])
        assert answer.profiles[0].profile.state == identity_pb2.PROFILE_STATE_ERASED

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            (GetNeighborhoodRequest(mpid=1, max_hops=-1), "max_hops"),
            (GetNeighborhoodRequest(mpid=1, max_profiles=-1), "max_profiles"),
            (GetNeighborhoodRequest(environment=PRODUCTION), "identity.type"),
            (GetNeighborhoodRequest(identity=one(ios_idfv="kiosk")), "environment"),
            (GetNeighborhoodRequest(environment=PRODUCTION, identity=one(ios_idfv=" ")), "identity.value"),
        ],
    )
    async def test_bad_requests(
        self, client: AsyncClient, request_: GetNeighborhoodRequest, field: str
    ) -> None:
        with pytest.raises(InvalidRequestError) as refused:
            await client.get_neighborhood(request_)

        assert refused.value.fields == (field,)

    async def test_profiles_of_others_do_not_exist(self, client: AsyncClient) -> None:
        """Section 10 of the design."""
        mpid, *_ = await shared_device(client)

        for unseen, credentials in ((mpid, CLUB), (12_345, SHOP)):
            with pytest.raises(NotFoundError):
                await client.get_neighborhood(GetNeighborhoodRequest(mpid=unseen), credentials=credentials)


class TestGetCollapseRisk:
    async def test_what_a_kiosk_holds_together(self, client: AsyncClient, clock: ManualClock) -> None:
        await shared_device(client)
        clock.advance(2 * _DAY_MS)
        await login(client, customerid="c-3", ios_idfv="kiosk")

        answer = await client.get_collapse_risk(
            GetCollapseRiskRequest(environment=PRODUCTION, identity=one(ios_idfv="kiosk"))
        )

        assert answer.holders == answer.connected == ProfileCount(known=3, anonymous=1)
        assert [(each.within.ToSeconds() // 3_600, each.added) for each in answer.growth] == [
            (1, 1), (24, 1), (168, 4), (720, 4),
        ]  # fmt: skip
        assert [(part.known, part.anonymous) for part in answer.parts] == [(1, 0)] * 3 + [(0, 1)]
        assert (answer.part_count, answer.tie_count, answer.pivot_count) == (4, 4, 0)
        assert {tie.identity.value for tie in answer.ties} == {"kiosk"}
        assert answer.is_whole

    async def test_each_environment_is_a_graph_of_its_own(self, client: AsyncClient) -> None:
        """ID-004."""
        await shared_device(client)

        answer = await client.get_collapse_risk(
            GetCollapseRiskRequest(environment=DEVELOPMENT, identity=one(ios_idfv="kiosk"))
        )

        assert answer.holders == ProfileCount()

    async def test_bad_requests(self, client: AsyncClient) -> None:
        for request, field in (
            (GetCollapseRiskRequest(identity=one(ios_idfv="kiosk")), "environment"),
            (GetCollapseRiskRequest(environment=PRODUCTION), "identity.type"),
        ):
            with pytest.raises(InvalidRequestError) as refused:
                await client.get_collapse_risk(request)
            assert refused.value.fields == (field,)


async def _neighborhood(client: AsyncClient, credentials: Credentials, scope: str) -> object:
    request = GetNeighborhoodRequest(
        scope=scope, environment=PRODUCTION, identity=one(ios_idfv="kiosk"), max_hops=1
    )
    return (await client.get_neighborhood(request, credentials=credentials)).profiles


async def _risk(client: AsyncClient, credentials: Credentials, scope: str) -> object:
    request = GetCollapseRiskRequest(scope=scope, environment=PRODUCTION, identity=one(ios_idfv="kiosk"))
    return (await client.get_collapse_risk(request, credentials=credentials)).connected.ByteSize()


@pytest.mark.parametrize("ask", [_neighborhood, _risk])
async def test_who_may_see_what(client: AsyncClient, ask: Ask) -> None:
    """ID-002: operators every scope, which they name; readers their own; others nothing."""
    await shared_device(client)

    assert await ask(client, OPERATOR, "retail")
    assert await ask(client, SHOP, "")
    assert not await ask(client, CLUB, "")
    assert not await ask(client, OPERATOR, "parted")
    for credentials, scope, error in (
        (FEED, "", ForbiddenError),
        (CLUB, "retail", ForbiddenError),
        (OPERATOR, "", InvalidRequestError),
        (OPERATOR, "nowhere", NotFoundError),
    ):
        with pytest.raises(error):
            await ask(client, credentials, scope)


async def test_the_radar_in_a_terminal(app: App, client: AsyncClient) -> None:
    await shared_device(client)
    for number in range(10):
        await login(client, customerid=f"more-{number}", ios_idfv="kiosk")
    access = ("--target", app.grpc_address, "--key", "shop-web", "--secret", "shop-secret")

    told = await idsync("radar", "ios_idfv=kiosk", *access)
    as_json = await idsync("radar", "ios_idfv=kiosk", "--json", *access)
    nobody = await idsync("radar", "ios_idfv=nobody", *access)
    wrong = await idsync("radar", "kiosk", *access)

    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines == [
        "holders     12 known, 1 anonymous",
        "came        13 within 1 h, 13 within 24 h, 13 within 7 d, 13 within 30 d",
        "connected   12 known, 1 anonymous",
        "without it  13 parts that nothing else connects",
        "            12 of 1 known, 0 anonymous",
        "            1 of 0 known, 1 anonymous",
        "ties        13 links alone connect both their sides; --json names up to 100",
    ]
    document = ParseDict(as_json.document, GetCollapseRiskResponse())
    assert (document.holders.known, len(document.parts)) == (12, 13)
    assert nobody.code == 0
    assert nobody.out.splitlines()[0] == "holders     0 known, 0 anonymous"
    assert (wrong.code, wrong.out) == (2, "")
