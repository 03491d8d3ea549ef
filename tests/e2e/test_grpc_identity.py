"""IdentityService over the wire: what goes in, what comes out, and what is refused (ID-233, ID-236)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from google.rpc.code_pb2 import Code

from idsync.client import AsyncClient, identities
from idsync.model.errors import (
    ForbiddenError,
    InvalidAliasError,
    InvalidRequestError,
    LookupFailedError,
    NotFoundError,
    UnauthenticatedError,
)
from idsync.server.app import App
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.graph_service_pb2 import GetProfileRequest
from tests.e2e.conftest import CLUB, FEED, OPERATOR, OUTLET, SHOP, SHOP_BY_KEY

PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION
DEVELOPMENT = identity_pb2.ENVIRONMENT_DEVELOPMENT
EMAIL = identity_pb2.IDENTITY_TYPE_EMAIL
IDFV = identity_pb2.IDENTITY_TYPE_IOS_IDFV


def identify(**known: str) -> pb.IdentifyRequest:
    return pb.IdentifyRequest(environment=PRODUCTION, known_identities=identities(known))


def login(**known: str) -> pb.LoginRequest:
    return pb.LoginRequest(environment=PRODUCTION, known_identities=identities(known))


def search(**known: str) -> pb.SearchRequest:
    return pb.SearchRequest(environment=PRODUCTION, known_identities=identities(known))


def modify(mpid: int, *changes: pb.IdentityChange) -> pb.ModifyRequest:
    return pb.ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=changes)


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


class TestRefusals:
    """Rows of ID-233 that this wire can express; the codes are those of ID-236."""

    @pytest.mark.parametrize("environment", [0, 3])
    async def test_environment(self, client: AsyncClient, environment: int) -> None:
        request = identify(ios_idfv="d")
        request.environment = environment  # type: ignore[assignment]

        with pytest.raises(InvalidRequestError) as caught:
            await client.identify(request)
        assert (caught.value.reason, caught.value.fields) == ("VALIDATION_ERROR", ("environment",))

    @pytest.mark.parametrize("known", [{}, {"email": ""}, {"ios_idfa": "0000-0000"}])
    async def test_nothing_to_look_up(self, client: AsyncClient, known: dict[str, str]) -> None:
        with pytest.raises(LookupFailedError, match=r"^knownIdentities is empty\.$"):
            await client.identify(identify(**known))

    async def test_unknown_type(self, client: AsyncClient) -> None:
        request = identify(ios_idfv="d")
        request.known_identities.add(type=99, value="x")

        with pytest.raises(InvalidRequestError) as caught:
            await client.identify(request)
        assert caught.value.fields == ("known_identities[1].type",)

    async def test_login_without_login_id(self, client: AsyncClient) -> None:
        """ID-082."""
        with pytest.raises(LookupFailedError):
            await client.login(login(ios_idfv="d"))

    async def test_modify_of_nobody(self, client: AsyncClient) -> None:
        """ID-150; 0 is nobody's MPID (ID-007)."""
        for mpid in (42, 0, -1):
            with pytest.raises(LookupFailedError):
                await client.modify(modify(mpid, pb.IdentityChange(type=EMAIL, new_value="x")))

    async def test_modify_of_nothing(self, client: AsyncClient) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            await client.modify(modify(42))
        assert caught.value.fields == ("identity_changes",)

    async def test_refused_calls_leave_no_trace(self, client: AsyncClient) -> None:
        """ID-041."""
        request = identify(ios_idfv="d")
        request.known_identities.add(type=EMAIL, value="x" * 257)

        with pytest.raises(InvalidRequestError):
            await client.identify(request)
        with pytest.raises(NotFoundError):
            await client.search(search(ios_idfv="d"))

    async def test_operators_belong_to_no_workspace(self, client: AsyncClient) -> None:
        with pytest.raises(ForbiddenError):
            await client.identify(identify(ios_idfv="d"), credentials=OPERATOR)
        with pytest.raises(ForbiddenError):
            await client.batch_resolve(pb.BatchResolveRequest(), credentials=OPERATOR)
        with pytest.raises(ForbiddenError):
            await client.modify(modify(1), credentials=OPERATOR)
        with pytest.raises(ForbiddenError):
            await client.alias(pb.AliasRequest(), credentials=OPERATOR)


def calls(*requests: pb.IdentifyRequest | pb.LoginRequest | pb.ModifyRequest | None) -> list[pb.ResolveCall]:
    result = []
    for request in requests:
        match request:
            case pb.IdentifyRequest():
                result.append(pb.ResolveCall(identify=request))
            case pb.LoginRequest():
                result.append(pb.ResolveCall(login=request))
            case pb.ModifyRequest():
                result.append(pb.ResolveCall(modify=request))
            case _:
                result.append(pb.ResolveCall())
    return result


class TestBatch:
    async def test_in_order(self, client: AsyncClient) -> None:
        """Each call sees the effect of those before it; an error harms its call only."""
        known = login(email="ed@example.com", ios_idfv="d")
        batch = pb.BatchResolveRequest(
            calls=[
                *calls(identify(ios_idfv="d"), identify(), known, None, known),
                pb.ResolveCall(search=search(email="nobody@example.com")),
                pb.ResolveCall(
                    logout=pb.LogoutRequest(
                        environment=PRODUCTION, known_identities=identities({"ios_idfv": "d"})
                    )
                ),
                *calls(modify(42, pb.IdentityChange(type=EMAIL, new_value="x"))),
            ]
        )

        results = (await client.batch_resolve(batch)).results

        assert [r.WhichOneof("result") for r in results] == [
            "identify", "error", "login", "error", "login", "error", "logout", "error",
        ]  # fmt: skip
        assert results[2].login.mpid == results[4].login.mpid != results[0].identify.mpid
        assert results[4].login.decision.outcome == identity_pb2.OUTCOME_FOUND
        assert [(r.error.code, r.error.reason) for r in results if r.HasField("error")] == [
            (Code.INVALID_ARGUMENT, "LOOKUP_ERROR"),
            (Code.INVALID_ARGUMENT, "VALIDATION_ERROR"),
            (Code.NOT_FOUND, "NOT_FOUND_ERROR"),
            (Code.INVALID_ARGUMENT, "LOOKUP_ERROR"),
        ]

    async def test_modifies_are_answered(self, client: AsyncClient) -> None:
        made = await client.identify(identify(ios_idfv="d"))
        request = modify(made.mpid, pb.IdentityChange(type=EMAIL, new_value="x"))

        (result,) = (await client.batch_resolve(pb.BatchResolveRequest(calls=calls(request)))).results

        assert [r.modified_mpid for r in result.modify.change_results] == [made.mpid]

    async def test_a_thousand_and_no_more(self, client: AsyncClient) -> None:
        one = identify(ios_idfv="d")
        answer = await client.batch_resolve(pb.BatchResolveRequest(calls=calls(*[one] * 1_000)))

        assert len({r.identify.mpid for r in answer.results}) == 1
        with pytest.raises(InvalidRequestError) as caught:
            await client.batch_resolve(pb.BatchResolveRequest(calls=calls(*[one] * 1_001)))
        assert caught.value.fields == ("calls",)

    async def test_empty(self, client: AsyncClient) -> None:
        assert not (await client.batch_resolve(pb.BatchResolveRequest())).results


class TestStream:
    async def test_in_order(self, client: AsyncClient) -> None:
        sent = [identify(ios_idfv=f"d{number % 7}") for number in range(200)]
        sent[50] = identify()

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            for call in calls(*sent):
                yield pb.StreamResolveRequest(call=call)

        results = [answer.result async for answer in client.stream_resolve(requests())]

        mpids = [result.identify.mpid for result in results]
        assert results[50].error.reason == "LOOKUP_ERROR"
        assert len(results) == 200
        assert mpids[:7] == mpids[7:14] == mpids[196 - 7 : 196]

    async def test_each_is_answered_before_the_next_comes(self, client: AsyncClient) -> None:
        """Who waits for an answer before the next call gets it at once."""
        waiting: asyncio.Queue[pb.ResolveCall] = asyncio.Queue()

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            for _ in range(3):
                yield pb.StreamResolveRequest(call=await waiting.get())

        answers = client.stream_resolve(requests())
        mpids = set()
        for number in range(3):
            waiting.put_nowait(calls(identify(ios_idfv=f"d{number}"))[0])
            mpids.add((await anext(answers)).result.identify.mpid)

        assert len(mpids) == 3


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
