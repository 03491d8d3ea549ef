"""GraphService over the wire: what a profile was, and who held an identity, at a moment or as known then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from idsync.client import AsyncClient, Credentials
from idsync.model.errors import ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App
from idsync.testing.clock import START_MS, ManualClock
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2
from idsync.v1.identity_service_pb2 import IdentityChange, ModifyRequest
from tests.e2e.conftest import CLUB, FEED, OPERATOR, SHOP
from tests.e2e.profiles import DEVELOPMENT, PRODUCTION, identify, login, one

_DAY_MS = 86_400_000
_BEFORE_YEAR_1 = Timestamp(seconds=-62_135_596_801)
_AFTER_YEAR_9999 = Timestamp(seconds=253_402_300_800)

Ask = Callable[[AsyncClient, Timestamp | None, int | None], Awaitable[object]]


def moment(ms: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMilliseconds(ms)
    return stamp


async def rename(client: AsyncClient, mpid: int, old: str, new: str) -> None:
    kind = identity_pb2.IDENTITY_TYPE_EMAIL
    change = IdentityChange(type=kind, old_value=old, new_value=new)
    await client.modify(ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=[change]))


async def erase(app: App, mpid: int) -> None:
    (graph,) = (await app.store.graph_of([mpid])).values()
    await app.resolver.delete(graph, mpid)


def find(time: Timestamp | None = None, seq: int | None = None, **known: str) -> pb.FindProfilesAtRequest:
    return pb.FindProfilesAtRequest(environment=PRODUCTION, identity=one(**known), time=time, journal_seq=seq)


class TestGetProfileAt:
    async def test_what_it_was(self, client: AsyncClient, clock: ManualClock) -> None:
        """ID-250, of then; the answer says how much of the journal it knew."""
        mpid = await login(client, email="old@example.com", ios_idfv="d", other="kept")
        before = (await client.get_profile(pb.GetProfileRequest(mpid=mpid))).profile
        clock.advance(_DAY_MS)
        await rename(client, mpid, "old@example.com", "new@example.com")
        now = (await client.get_profile(pb.GetProfileRequest(mpid=mpid))).profile

        by_time = await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, time=moment(START_MS)))
        by_seq = await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, journal_seq=1))
        last = await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, journal_seq=2))

        assert before != now
        assert (by_time.profile, by_time.journal_seq) == (before, 2)
        assert (by_seq.profile, by_seq.journal_seq) == (before, 1)
        assert (last.profile, last.journal_seq) == (now, 2)

    async def test_both_clocks(self, client: AsyncClient, clock: ManualClock) -> None:
        mpid = await login(client, email="a@example.com")
        for value in ("b@example.com", "c@example.com"):
            clock.advance(_DAY_MS)
            (recorded,) = (await client.get_profile(pb.GetProfileRequest(mpid=mpid))).profile.identities
            await rename(client, mpid, recorded.identity.value, value)

        async def email(day: int, seq: int) -> str:
            time = moment(START_MS + day * _DAY_MS)
            request = pb.GetProfileAtRequest(mpid=mpid, time=time, journal_seq=seq)
            (recorded,) = (await client.get_profile_at(request)).profile.identities
            return recorded.identity.value[0]

        assert [await email(day, 3) for day in (0, 1, 2)] == ["a", "b", "c"]
        assert [await email(2, seq) for seq in (1, 2, 3)] == ["a", "b", "c"]
        assert await email(1, 1) == await email(0, 2) == "a"

    async def test_known_or_anonymous_then(self, client: AsyncClient) -> None:
        """ID-008."""
        mpid = await login(client, email="a@example.com", ios_idfv="d")
        kind = identity_pb2.IDENTITY_TYPE_EMAIL
        change = IdentityChange(type=kind, old_value="a@example.com")
        await client.modify(ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=[change]))

        answers = [
            await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, journal_seq=seq)) for seq in (1, 2)
        ]

        assert [answer.profile.is_known for answer in answers] == [True, False]

    async def test_not_there_yet(self, client: AsyncClient, clock: ManualClock) -> None:
        await identify(client, ios_idfv="first")
        clock.advance(_DAY_MS)
        mpid = await identify(client, ios_idfv="d")

        for time, seq in ((moment(START_MS + _DAY_MS - 1), None), (None, 1), (None, 0), (moment(-1), 2)):
            with pytest.raises(NotFoundError, match="yet"):
                await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, time=time, journal_seq=seq))

    async def test_erased(self, app: App, client: AsyncClient) -> None:
        """ID-212: what was erased is not in the past either."""
        mpid = await login(client, email="a@example.com", ios_idfv="d", other="kept")
        await erase(app, mpid)

        profile = (await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, journal_seq=1))).profile

        assert profile.state == identity_pb2.PROFILE_STATE_ERASED
        assert not profile.identities
        assert not profile.descriptive_identities
        assert not profile.is_known

    async def test_another_scope_is_not_there(self, client: AsyncClient) -> None:
        """ID-002: exactly like an MPID that never was, whatever is asked about it."""
        mpid = await identify(client, SHOP, ios_idfv="d")
        errors = []
        for asked, seq in ((mpid, 1), (mpid, 0), (mpid, 99), (42, 1), (0, 1)):
            request = pb.GetProfileAtRequest(mpid=asked, journal_seq=seq)
            with pytest.raises(NotFoundError) as caught:
                await client.get_profile_at(request, credentials=CLUB)
            errors.append((caught.value.message, caught.value.reason, dict(caught.value.metadata)))

        assert errors == [errors[0]] * 5

    async def test_operator_sees_every_scope(self, client: AsyncClient) -> None:
        for credentials in (SHOP, CLUB):
            mpid = await identify(client, credentials, ios_idfv="d")
            request = pb.GetProfileAtRequest(mpid=mpid, journal_seq=1)

            assert (await client.get_profile_at(request, credentials=OPERATOR)).profile.mpid == mpid

    async def test_input_that_may_not_read(self, client: AsyncClient) -> None:
        with pytest.raises(ForbiddenError):
            await client.get_profile_at(pb.GetProfileAtRequest(), credentials=FEED)
        with pytest.raises(ForbiddenError):
            await client.find_profiles_at(pb.FindProfilesAtRequest(), credentials=FEED)


class TestFindProfilesAt:
    async def test_whose_was_this_device(self, client: AsyncClient, clock: ManualClock) -> None:
        """Profiles as they were then, the one created last first; page by page."""
        made = []
        for number in range(5):
            made.append(await login(client, email=f"{number}@example.com", ios_idfv="d"))
            clock.advance(_DAY_MS)
        await rename(client, made[0], "0@example.com", "later@example.com")
        request = find(moment(START_MS + 3 * _DAY_MS), ios_idfv="d")
        request.page_size = 3
        first = await client.find_profiles_at(request)
        request.page_token = first.next_page_token
        second = await client.find_profiles_at(request)

        assert [p.mpid for p in first.profiles] == sorted(made[1:4], reverse=True)
        assert [p.mpid for p in second.profiles] == made[:1]
        assert (first.journal_seq, second.next_page_token) == (6, "")
        emails = {r.identity.value for r in second.profiles[0].identities}
        assert emails == {"0@example.com", "d"}

    async def test_before_the_first_entry_there_is_nobody(self, client: AsyncClient) -> None:
        await identify(client, ios_idfv="d")

        for request in (find(moment(START_MS - 1), ios_idfv="d"), find(seq=0, ios_idfv="d")):
            assert not (await client.find_profiles_at(request)).profiles
        assert (await client.find_profiles_at(find(seq=1, ios_idfv="d"))).profiles

    async def test_erased_holders_are_left_out(self, app: App, client: AsyncClient) -> None:
        """ID-212."""
        erased = await login(client, email="a@example.com", ios_idfv="d")
        kept = await login(client, email="b@example.com", ios_idfv="d")
        await erase(app, erased)

        requests = (find(seq=2, ios_idfv="d"), find(seq=2, email="a@example.com"))
        answers = [await client.find_profiles_at(request) for request in requests]

        assert [[p.mpid for p in answer.profiles] for answer in answers] == [[kept], []]

    async def test_graphs_are_apart(self, client: AsyncClient) -> None:
        """ID-002, ID-004."""
        await identify(client, SHOP, ios_idfv="d")
        elsewhere = find(moment(START_MS), ios_idfv="d")
        development = find(moment(START_MS), ios_idfv="d")
        development.environment = DEVELOPMENT

        assert (await client.find_profiles_at(elsewhere)).profiles
        assert not (await client.find_profiles_at(elsewhere, credentials=CLUB)).profiles
        assert not (await client.find_profiles_at(development)).profiles
        with pytest.raises(InvalidRequestError) as caught:
            await client.find_profiles_at(elsewhere, credentials=OPERATOR)
        assert caught.value.fields == ("scope",)

    @pytest.mark.parametrize(
        ("identity", "field"),
        [
            (identity_pb2.Identity(value="x"), "identity.type"),
            (identity_pb2.Identity(type=99, value="x"), "identity.type"),  # type: ignore[arg-type]
            (one(email=" "), "identity.value"),
        ],
    )
    async def test_identity_must_be_one(
        self, client: AsyncClient, identity: identity_pb2.Identity, field: str
    ) -> None:
        requests = (
            client.find_profiles_at(
                pb.FindProfilesAtRequest(environment=PRODUCTION, identity=identity, journal_seq=0)
            ),
            client.list_holders(pb.ListHoldersRequest(environment=PRODUCTION, identity=identity)),
        )
        for asked in requests:
            with pytest.raises(InvalidRequestError) as caught:
                await asked
            assert caught.value.fields == (field,)

    async def test_token_of_another_moment(self, client: AsyncClient) -> None:
        for number in range(2):
            await login(client, email=f"{number}@example.com", ios_idfv="d")
        request = find(seq=2, ios_idfv="d")
        request.page_size = 1
        request.page_token = (await client.find_profiles_at(request)).next_page_token
        assert request.page_token
        request.journal_seq = 1

        with pytest.raises(InvalidRequestError) as caught:
            await client.find_profiles_at(request)
        assert caught.value.fields == ("page_token",)


async def _get(client: AsyncClient, time: Timestamp | None, seq: int | None) -> object:
    mpid = await identify(client, ios_idfv="d")
    return await client.get_profile_at(pb.GetProfileAtRequest(mpid=mpid, time=time, journal_seq=seq))


async def _find(client: AsyncClient, time: Timestamp | None, seq: int | None) -> object:
    await identify(client, ios_idfv="d")
    return await client.find_profiles_at(find(time, seq, ios_idfv="d"))


@pytest.mark.parametrize("ask", [_get, _find], ids=["GetProfileAt", "FindProfilesAt"])
class TestThen:
    """What may be asked for, of both rpcs."""

    @pytest.mark.parametrize(
        ("time", "seq", "fields"),
        [
            (None, None, ("time",)),
            (moment(START_MS + 1), None, ("time",)),
            (moment(START_MS + 1), 1, ("time",)),
            (_BEFORE_YEAR_1, None, ("time",)),
            (_AFTER_YEAR_9999, None, ("time",)),
            (Timestamp(nanos=-1), None, ("time",)),
            (Timestamp(nanos=1_000_000_000), None, ("time",)),
            (None, -1, ("journal_seq",)),
            (None, 2, ("journal_seq",)),
            (None, 2**63 - 1, ("journal_seq",)),
            (moment(START_MS), 2, ("journal_seq",)),
            (moment(START_MS + 1), -1, ("time", "journal_seq")),
        ],
    )
    async def test_refused(
        self, client: AsyncClient, ask: Ask, time: Timestamp | None, seq: int | None, fields: tuple[str, ...]
    ) -> None:
        """Neither clock, a moment to come or none at all, a position that is none or not there yet."""
        with pytest.raises(InvalidRequestError) as caught:
            await ask(client, time, seq)
        assert caught.value.fields == fields

    async def test_now_and_the_last_entry(self, client: AsyncClient, ask: Ask) -> None:
        """The present is the last moment of the past; what is less than a millisecond is cut off."""
        now = moment(START_MS)
        now.nanos += 999_999

        assert await ask(client, now, 1)


class TestListHolders:
    async def test_from_when_to_when(self, client: AsyncClient, clock: ManualClock) -> None:
        first = await login(client, email="a@example.com")
        clock.advance(_DAY_MS)
        await rename(client, first, "a@example.com", "b@example.com")
        clock.advance(_DAY_MS)
        second = await login(client, email="a@example.com")
        request = pb.ListHoldersRequest(environment=PRODUCTION, identity=one(email="a@example.com"))

        whole = await client.list_holders(request)
        request.page_size = 1
        page = await client.list_holders(request)
        request.page_token = page.next_page_token
        rest = await client.list_holders(request)

        past, present = whole.holdings
        assert (past.mpid, present.mpid) == (first, second)
        assert past.since == pb.HoldingBound(
            time=moment(START_MS), journal_seq=1, cause="login", rule="link/new-known"
        )
        assert (past.until.time.ToMilliseconds(), past.until.journal_seq) == (START_MS + _DAY_MS, 2)
        assert (past.until.cause, past.until.rule) == ("modify", "modify/changed")
        assert present.since.journal_seq == 3
        assert not present.HasField("until")
        assert [*page.holdings, *rest.holdings] == [past, present]
        assert (whole.next_page_token, rest.next_page_token) == ("", "")

    async def test_nobody(self, client: AsyncClient) -> None:
        request = pb.ListHoldersRequest(environment=PRODUCTION, identity=one(email="a@example.com"))

        assert await client.list_holders(request) == pb.ListHoldersResponse()

    async def test_erased_holders_are_left_out(self, app: App, client: AsyncClient) -> None:
        """ID-212; the page may have fewer, and goes on."""
        erased = await login(client, email="a@example.com", ios_idfv="d")
        kept = await login(client, email="b@example.com", ios_idfv="d")
        await erase(app, erased)
        request = pb.ListHoldersRequest(environment=PRODUCTION, identity=one(ios_idfv="d"), page_size=1)

        first = await client.list_holders(request)
        request.page_token = first.next_page_token
        second = await client.list_holders(request)

        assert not first.holdings
        assert [holding.mpid for holding in second.holdings] == [kept]

    @pytest.mark.parametrize("credentials", [CLUB, OPERATOR])
    async def test_scopes_are_apart(self, client: AsyncClient, credentials: Credentials) -> None:
        """ID-002."""
        await identify(client, SHOP, ios_idfv="d")
        request = pb.ListHoldersRequest(scope="parted", environment=PRODUCTION, identity=one(ios_idfv="d"))

        assert not (await client.list_holders(request, credentials=credentials)).holdings

    async def test_input_that_may_not_read(self, client: AsyncClient) -> None:
        with pytest.raises(ForbiddenError):
            await client.list_holders(pb.ListHoldersRequest(), credentials=FEED)
