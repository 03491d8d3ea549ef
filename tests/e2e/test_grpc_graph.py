"""GraphService over the wire: what may be seen, by whom, page by page (sections 15 of the specification)."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient, Credentials, identities
from idsync.model.errors import ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App
from idsync.testing.clock import START_MS, ManualClock
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2
from idsync.v1.identity_service_pb2 import IdentifyRequest, LoginRequest, ModifyRequest
from tests.e2e.conftest import CLUB, FEED, OPERATOR, SHOP

PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION
DEVELOPMENT = identity_pb2.ENVIRONMENT_DEVELOPMENT


def one(**known: str) -> identity_pb2.Identity:
    (identity,) = identities(known)
    return identity


async def identify(client: AsyncClient, credentials: Credentials | None = None, **known: str) -> int:
    request = IdentifyRequest(environment=PRODUCTION, known_identities=identities(known))
    return (await client.identify(request, credentials=credentials)).mpid


async def login(client: AsyncClient, request_id: str = "", **known: str) -> int:
    request = LoginRequest(environment=PRODUCTION, known_identities=identities(known), request_id=request_id)
    return (await client.login(request)).mpid


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


class TestExplain:
    async def test_identity_on_profile(self, client: AsyncClient) -> None:
        mpid = await login(client, "r-1", email="ed@example.com", ios_idfv="d")
        subject = pb.IdentityOnProfile(identity=one(ios_idfv="d"), mpid=mpid)

        answer = await client.explain(pb.ExplainRequest(environment=PRODUCTION, identity_on_profile=subject))

        assert answer.verdict == pb.EXPLANATION_VERDICT_TOGETHER
        assert answer.sentences
        assert [(link.mpid, link.since_seq, link.until_seq) for link in answer.links] == [(mpid, 1, 0)]
        assert [entry.rule for entry in answer.entries] == ["link/new-known"]

    async def test_two_identities(self, client: AsyncClient) -> None:
        await login(client, email="ed@example.com", ios_idfv="d")
        pair = pb.IdentityPair(first=one(ios_idfv="d"), second=one(email="ed@example.com"))

        answer = await client.explain(pb.ExplainRequest(environment=PRODUCTION, identities=pair))

        assert answer.verdict == pb.EXPLANATION_VERDICT_TOGETHER
        assert {link.identity.value for link in answer.links} == {"d", "ed@example.com"}

    async def test_request(self, client: AsyncClient) -> None:
        await login(client, "r-1", email="ed@example.com")

        known = await client.explain(pb.ExplainRequest(environment=PRODUCTION, request_id="r-1"))
        unknown = await client.explain(pb.ExplainRequest(environment=PRODUCTION, request_id="r-2"))

        assert known.verdict == pb.EXPLANATION_VERDICT_RECORDED
        assert unknown.verdict == pb.EXPLANATION_VERDICT_NOT_RECORDED

    async def test_another_scope_is_not_there(self, client: AsyncClient) -> None:
        mpid = await login(client, email="ed@example.com", ios_idfv="d")
        subject = pb.IdentityOnProfile(identity=one(ios_idfv="d"), mpid=mpid)
        request = pb.ExplainRequest(environment=PRODUCTION, identity_on_profile=subject)

        assert (await client.explain(request, credentials=CLUB)).verdict == pb.EXPLANATION_VERDICT_APART

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            (pb.ExplainRequest(environment=PRODUCTION), "subject"),
            (pb.ExplainRequest(environment=PRODUCTION, request_id=""), "request_id"),
            (pb.ExplainRequest(environment=PRODUCTION, request_id="x" * 257), "request_id"),
            (
                pb.ExplainRequest(environment=PRODUCTION, identities=pb.IdentityPair(first=one(other="x"))),
                "identities.second.type",
            ),
            (
                pb.ExplainRequest(environment=PRODUCTION, identity_on_profile=pb.IdentityOnProfile(mpid=1)),
                "identity_on_profile.identity.type",
            ),
        ],
    )
    async def test_faults(self, client: AsyncClient, request_: pb.ExplainRequest, field: str) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            await client.explain(request_)
        assert caught.value.fields == (field,)


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
