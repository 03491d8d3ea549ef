"""An alias over the wire: taken, kept, carried out when it is due, or refused."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient
from idsync.model.errors import (
    ForbiddenError,
    InvalidAliasError,
)
from idsync.server.app import App
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.graph_service_pb2 import GetProfileRequest
from tests.e2e.conftest import CLUB, OUTLET
from tests.e2e.identity_requests import (
    PRODUCTION,
    identify,
    login,
)


class TestAlias:
    async def pair(self, client: AsyncClient) -> tuple[int, int]:
        source = (await client.identify(identify(ios_idfv="d"))).mpid
        return source, (await client.login(login(email="ed@example.com", ios_idfv="d"))).mpid

    async def test_taken_and_carried_out(self, app: App, client: AsyncClient, clock: ManualClock) -> None:
        """ID-185, ID-187, ID-195; without an environment the source's is meant."""
        source, destination = await self.pair(client)

        taken = await client.alias(pb.AliasRequest(source_mpid=source, destination_mpid=destination))
        pending = (await client.get_profile(GetProfileRequest(mpid=source))).profile.aliases
        clock.advance(86_400_000)
        await app.resolver.run_due()
        profile = (await client.get_profile(GetProfileRequest(mpid=destination))).profile

        assert taken.journal_seq > 0
        assert [(a.state, a.journal_seq) for a in pending] == [
            (identity_pb2.ALIAS_STATE_PENDING, taken.journal_seq)
        ]
        assert [a.state for a in profile.aliases] == [identity_pb2.ALIAS_STATE_APPLIED]
        assert [(n.kind, n.other_mpid) for n in profile.notes] == [("aliased-from", source)]

    async def test_everything_said_is_kept(self, client: AsyncClient, clock: ManualClock) -> None:
        source, destination = await self.pair(client)
        request = pb.AliasRequest(
            environment=PRODUCTION,
            source_mpid=source,
            destination_mpid=destination,
            scope="device",
            device_application_stamp="das-1",
        )
        request.start_time.FromMilliseconds(clock.now_ms - 5_000)
        request.end_time.FromMilliseconds(clock.now_ms - 1_000)
        await client.alias(request)

        (alias,) = (await client.get_profile(GetProfileRequest(mpid=source))).profile.aliases

        assert (alias.scope, alias.device_application_stamp) == ("device", "das-1")
        assert alias.start_time == request.start_time
        assert alias.end_time == request.end_time
        assert alias.arrival_time.ToMilliseconds() == clock.now_ms
        assert alias.apply_time.ToMilliseconds() == clock.now_ms + 86_400_000

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"source_mpid": None}, "source_mpid"),
            ({"destination_mpid": None}, "destination_mpid"),
            ({"environment": 3}, "environment"),
            ({"device_application_stamp": "x" * 4097}, "device_application_stamp"),
            ({"request_id": "x" * 257}, "request_id"),
        ],
    )
    async def test_shape(self, client: AsyncClient, change: dict[str, object], field: str) -> None:
        """ID-182."""
        request = {"source_mpid": 1, "destination_mpid": 2, "environment": 1} | change

        with pytest.raises(InvalidAliasError) as caught:
            await client.alias(pb.AliasRequest(**{k: v for k, v in request.items() if v is not None}))  # type: ignore[arg-type]
        assert (caught.value.reason, caught.value.fields) == ("INVALID_DATA", (field,))

    @pytest.mark.parametrize("environment", [0, 1])
    async def test_profiles_must_exist(self, client: AsyncClient, environment: int) -> None:
        """ID-182; another scope's profile is one that does not exist."""
        source, _ = await self.pair(client)
        foreign = (await client.identify(identify(ios_idfv="d"), credentials=CLUB)).mpid

        for one, two in ((source, 42), (42, source), (source, foreign), (foreign, source), (0, source)):
            request = pb.AliasRequest(environment=environment, source_mpid=one, destination_mpid=two)  # type: ignore[arg-type]
            with pytest.raises(InvalidAliasError):
                await client.alias(request)

    async def test_availability_comes_first(self, client: AsyncClient) -> None:
        """ID-180, ID-195: before anything in the request is looked at."""
        with pytest.raises(ForbiddenError):
            await client.alias(pb.AliasRequest(), credentials=OUTLET)
        with pytest.raises(ForbiddenError):
            await client.alias(pb.AliasRequest(), credentials=CLUB)
