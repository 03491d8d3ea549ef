"""PrivacyService over the wire, on every store: previews, erasures, receipts, what comes later, exports."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from idsync.client import AsyncClient, identities
from idsync.config import Configuration, parse_configuration
from idsync.model.errors import (
    AlreadyErasedError,
    ForbiddenError,
    InvalidAliasError,
    InvalidRequestError,
    LookupFailedError,
    NoSigningKeyError,
    NotFoundError,
)
from idsync.model.identity import TYPES_BY_NAME, Environment, GraphKey, Identity, IdentityType
from idsync.privacy.receipt import read_receipt
from idsync.privacy.signing_key import SigningKey, key_at
from idsync.server.app import App
from idsync.v1 import graph_service_pb2 as graph_pb
from idsync.v1 import identity_pb2
from idsync.v1 import privacy_service_pb2 as pb
from idsync.v1.identity_service_pb2 import (
    AliasRequest,
    BatchResolveRequest,
    IdentityChange,
    LogoutRequest,
    ModifyRequest,
    ResolveCall,
)
from tests.e2e.conftest import CLUB, CONFIGURATION, OPERATOR, SHOP
from tests.e2e.profiles import DEVELOPMENT, PRODUCTION, identify, login, one
from tests.e2e.test_grpc_past import rename

RETAIL = GraphKey("retail", Environment.PRODUCTION)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    """The key that the configuration names."""
    made = SigningKey()
    (tmp_path / "key.pem").write_bytes(made.pem())
    return made


@pytest.fixture
def configuration(tmp_path: Path, key: SigningKey) -> Configuration:
    """What every store can sign with."""
    return parse_configuration(f'{CONFIGURATION}\n[privacy]\nsigning_key_file = "key.pem"\n', tmp_path)


async def erase(client: AsyncClient, *mpids: int, **more: object) -> pb.EraseResponse:
    return await client.erase(pb.EraseRequest(mpids=mpids, **more), credentials=OPERATOR)  # type: ignore[arg-type]


async def erase_by(
    client: AsyncClient, *mpids: int, preview: bool = False, all_holders: bool = False, **known: str
) -> pb.EraseResponse:
    request = pb.EraseRequest(
        scope="retail",
        environment=PRODUCTION,
        mpids=mpids,
        identities=identities(known),
        preview=preview,
        all_holders=all_holders,
    )
    return await client.erase(request, credentials=OPERATOR)


def counts(told: object) -> dict[str, int]:
    return {IdentityType(each.type).wire_name: each.count for each in told}  # type: ignore[attr-defined]


async def everything_shown(app: App, client: AsyncClient) -> str:
    """Give the journal, and every profile that it names, as text."""
    journal = await client.list_journal(
        graph_pb.ListJournalRequest(scope="retail", environment=PRODUCTION), credentials=OPERATOR
    )
    mpids = {change.mpid for entry in journal.entries for change in entry.changes}
    profiles = await client.batch_get_profiles(
        graph_pb.BatchGetProfilesRequest(mpids=mpids), credentials=OPERATOR
    )
    exports = [await client.export(pb.ExportRequest(mpid=mpid), credentials=OPERATOR) for mpid in mpids]
    return f"{journal}{profiles}{exports}"


class TestPreview:
    async def test_it_says_what_goes_and_what_stays_and_changes_nothing(
        self, app: App, client: AsyncClient
    ) -> None:
        mpid = await login(client, "r-1", email="old@example.com", ios_idfv="shared", other="nick")
        await rename(client, mpid, "old@example.com", "new@example.com")
        stranger = await login(client, customerid="c-2", ios_idfv="shared")
        before = await everything_shown(app, client)

        answer = await erase(client, mpid, preview=True)

        scope = answer.scope
        assert not answer.HasField("erasure")
        assert (scope.scope, scope.environment) == ("retail", PRODUCTION)
        assert [(p.mpid, p.is_known) for p in scope.profiles] == [(mpid, True)]
        assert counts(scope.removed)["email"] == 2
        assert [(k.identity, k.other_holders) for k in scope.kept] == [(one(ios_idfv="shared"), 1)]
        assert stranger != mpid
        assert scope.caller_texts == 1
        assert any("event pipeline" in sentence for sentence in scope.not_reached)
        assert await everything_shown(app, client) == before

    async def test_who_held_it_once_is_named(self, client: AsyncClient) -> None:
        """A changed address finds nobody, and somebody should be told whose it was."""
        first = await login(client, email="a@example.com", customerid="c-1")
        await rename(client, first, "a@example.com", "b@example.com")
        second = await login(client, email="a@example.com", customerid="c-2")

        scope = (await erase_by(client, preview=True, email="a@example.com")).scope

        assert [p.mpid for p in scope.profiles] == [second]
        assert list(scope.former_holder_mpids) == [first]


class TestErase:
    async def test_nothing_of_the_person_is_shown_any_more(self, app: App, client: AsyncClient) -> None:
        """ID-212: record, past values, descriptive values, stamps of aliases, texts of callers."""
        mpid = await login(client, "request-of-ada", email="old@example.com", ios_idfv="shared", other="nick")
        await rename(client, mpid, "old@example.com", "new@example.com")
        stranger = await login(client, customerid="c-2", ios_idfv="shared")
        alias = AliasRequest(environment=PRODUCTION, source_mpid=mpid, destination_mpid=stranger)
        alias.device_application_stamp = "stamp-of-ada"
        await client.alias(alias)

        answer = await erase(client, mpid, request_id="case-1")
        shown = await everything_shown(app, client)

        assert answer.erasure.state == pb.ERASURE_STATE_DONE
        for value in ("old@example.com", "new@example.com", "nick", "stamp-of-ada", "request-of-ada"):
            assert value not in shown
        assert "shared" in shown
        assert "profile-erased" in shown
        seen = await client.get_profile(graph_pb.GetProfileRequest(mpid=mpid))
        assert seen.profile.state == identity_pb2.PROFILE_STATE_ERASED
        assert answer.scope.alias_requests == 1

    async def test_the_receipt_tells_of_it_without_personal_data(
        self, app: App, client: AsyncClient, key: SigningKey
    ) -> None:
        mpid = await login(client, email="ada@example.com", ios_idfv="shared")
        await login(client, customerid="c-2", ios_idfv="shared")

        erasure = (await erase(client, mpid)).erasure
        again = await client.get_erasure(
            pb.GetErasureRequest(erasure_id=erasure.erasure_id), credentials=OPERATOR
        )
        receipt = read_receipt(erasure.receipt.encode(), key)

        assert again.erasure == erasure
        assert receipt.mpids == (mpid,)
        assert receipt.position == erasure.journal_seq
        assert receipt.link == await app.store.link_at(RETAIL, erasure.journal_seq)
        assert receipt.removed == {
            key.digest(erasure.erasure_id, RETAIL, _identity("email", "ada@example.com"))
        }
        assert "ada@" not in erasure.receipt
        assert "shared" not in erasure.receipt

    async def test_what_calls_sent_is_not_kept_either(self, app: App, client: AsyncClient) -> None:
        """A login ID that a logout left out is on no record, but recorded with its call (ID-084)."""
        mpids = []
        for device, name in (("d-1", "name-of-ada"), ("d-2", "name-of-bob")):
            mpids.append(await identify(client, CLUB, ios_idfv=device))
            brought = identities({"ios_idfv": device, "customerid": name})
            request = LogoutRequest(environment=PRODUCTION, known_identities=brought)
            assert (await client.logout(request, credentials=CLUB)).mpid == mpids[-1]

        await erase(client, mpids[0])

        parted = GraphKey("parted", Environment.PRODUCTION)
        pages = [page async for page in app.store.history(parted, await app.store.last_seq(parted))]
        values = {value for page in pages for _, _, value in page.identities}
        assert "name-of-bob" in values
        assert "d-2" in values
        assert values.isdisjoint({"name-of-ada", "d-1"})

    async def test_the_old_life_does_not_come_back(self, client: AsyncClient) -> None:
        """ID-212: late modify, alias and batch; ID-213: the same identities begin a new one."""
        mpid = await login(client, email="ada@example.com", ios_idfv="d")
        other = await identify(client, ios_idfv="else")
        await erase(client, mpid)
        change = IdentityChange(type=identity_pb2.IDENTITY_TYPE_EMAIL, new_value="late@example.com")
        late = ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=[change])

        with pytest.raises(LookupFailedError):
            await client.modify(late)
        for source, destination in ((mpid, other), (other, mpid)):
            with pytest.raises(InvalidAliasError):
                await client.alias(
                    AliasRequest(environment=PRODUCTION, source_mpid=source, destination_mpid=destination)
                )
        batch = await client.batch_resolve(BatchResolveRequest(calls=[ResolveCall(modify=late)]))
        again = await login(client, email="ada@example.com", ios_idfv="d")
        seen = await client.get_profile(graph_pb.GetProfileRequest(mpid=mpid))

        assert batch.results[0].error.reason == "LOOKUP_ERROR"
        assert again not in {mpid, other}
        assert seen.profile.state == identity_pb2.PROFILE_STATE_ERASED
        assert not seen.profile.identities

    async def test_strangers_on_a_shared_device_are_not_erased_in_silence(self, client: AsyncClient) -> None:
        first = await login(client, customerid="c-1", ios_idfv="tablet")
        second = await login(client, customerid="c-2", ios_idfv="tablet")

        with pytest.raises(InvalidRequestError, match="2 profiles hold"):
            await erase_by(client, ios_idfv="tablet")
        preview = await erase_by(client, preview=True, ios_idfv="tablet")
        named = await erase_by(client, first, ios_idfv="tablet")
        rest = await erase_by(client, ios_idfv="tablet")

        assert {p.mpid for p in preview.scope.profiles} == {first, second}
        assert list(named.erasure.mpids) == [first]
        assert list(rest.erasure.mpids) == [second]

    async def test_all_holders_go_as_one_entry(self, client: AsyncClient) -> None:
        mpids = {await login(client, customerid=f"c-{n}", ios_idfv="tablet") for n in range(3)}

        answer = await erase_by(client, all_holders=True, ios_idfv="tablet")
        entries = (
            await client.list_journal(
                graph_pb.ListJournalRequest(
                    scope="retail", environment=PRODUCTION, after_seq=answer.erasure.journal_seq - 1
                ),
                credentials=OPERATOR,
            )
        ).entries

        assert set(answer.erasure.mpids) == mpids
        assert [entry.seq for entry in entries] == [answer.erasure.journal_seq]
        assert entries[0].rule == "erase/all-holders"
        with pytest.raises(NotFoundError):
            await erase_by(client, all_holders=True, ios_idfv="tablet")

    async def test_two_at_once(self, client: AsyncClient) -> None:
        """One wins, the other is told by which erasure."""
        mpid = await login(client, email="ada@example.com")

        outcomes = await asyncio.gather(erase(client, mpid), erase(client, mpid), return_exceptions=True)

        [won] = [o for o in outcomes if isinstance(o, pb.EraseResponse)]
        [lost] = [o for o in outcomes if isinstance(o, AlreadyErasedError)]
        assert lost.metadata["erasure_id"] == won.erasure.erasure_id


class TestRefused:
    async def test_inputs_may_not(self, client: AsyncClient) -> None:
        for call in (
            client.erase(pb.EraseRequest(mpids=[1]), credentials=SHOP),
            client.get_erasure(pb.GetErasureRequest(erasure_id="x"), credentials=SHOP),
            client.export(pb.ExportRequest(mpid=1), credentials=SHOP),
        ):
            with pytest.raises(ForbiddenError):
                await call

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            (pb.EraseRequest(), "mpids"),
            (pb.EraseRequest(mpids=range(1, 1_002)), "mpids"),
            (pb.EraseRequest(mpids=[1], all_holders=True), "all_holders"),
            (pb.EraseRequest(mpids=[1], request_id="x" * 257), "request_id"),
            (pb.EraseRequest(identities=[one(email="a")], environment=PRODUCTION), "scope"),
            (pb.EraseRequest(identities=[one(email="a")], scope="retail"), "environment"),
            (
                pb.EraseRequest(identities=[one(email="a")] * 101, scope="retail", environment=PRODUCTION),
                "identities",
            ),
            (
                pb.EraseRequest(identities=[identity_pb2.Identity()], scope="retail", environment=PRODUCTION),
                "identities[0].type",
            ),
        ],
    )
    async def test_what_is_at_fault_is_named(
        self, client: AsyncClient, request_: pb.EraseRequest, field: str
    ) -> None:
        with pytest.raises(InvalidRequestError) as refused:
            await client.erase(request_, credentials=OPERATOR)

        assert refused.value.fields == (field,)

    async def test_unknown_ones(self, client: AsyncClient) -> None:
        mpid = await login(client, email="ada@example.com")

        for request in (
            pb.EraseRequest(mpids=[7]),
            pb.EraseRequest(mpids=[mpid], scope="retail", environment=DEVELOPMENT),
            pb.EraseRequest(identities=[one(email="b@example.com")], scope="retail", environment=PRODUCTION),
        ):
            with pytest.raises(NotFoundError):
                await client.erase(request, credentials=OPERATOR)
        with pytest.raises(NotFoundError):
            await client.get_erasure(pb.GetErasureRequest(erasure_id="none"), credentials=OPERATOR)

    async def test_a_request_id_that_tells(self, client: AsyncClient) -> None:
        """It would stay in the journal and on the receipt."""
        mpid = await login(client, email="ada@example.com")

        with pytest.raises(InvalidRequestError) as refused:
            await erase(client, mpid, request_id="forget ada@example.com")

        assert refused.value.fields == ("request_id",)
        assert "ada" not in refused.value.message


class TestExport:
    async def test_all_of_one_and_nothing_of_others(self, client: AsyncClient) -> None:
        mpid = await login(client, "r-1", email="old@example.com", ios_idfv="d", other="nick")
        await rename(client, mpid, "old@example.com", "new@example.com")
        other = await login(client, customerid="secret-2", ios_idfv="e")
        # takes a value from the other: one entry about both
        change = IdentityChange(type=identity_pb2.IDENTITY_TYPE_CUSTOMERID, new_value="secret-2")
        await client.modify(ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=[change]))
        await rename(client, other, "", "theirs@example.com")

        first = await client.export(pb.ExportRequest(mpid=mpid, page_size=2), credentials=OPERATOR)
        second = await client.export(
            pb.ExportRequest(mpid=mpid, page_size=2, page_token=first.next_page_token), credentials=OPERATOR
        )

        assert first.profile.mpid == mpid
        values = {(i.identity.value, i.HasField("until_time")) for i in first.identities}
        assert ("old@example.com", True) in values
        assert ("new@example.com", False) in values
        assert ("nick", False) in values
        assert not second.HasField("profile")
        entries = [*first.entries, *second.entries]
        assert [entry.cause for entry in entries] == ["login", "modify", "modify"]
        assert {change.mpid for entry in entries for change in entry.changes} == {mpid}
        assert "theirs" not in f"{first}{second}"


class TestWithoutANamedKey:
    @pytest.fixture
    def configuration(self, tmp_path: Path) -> Configuration:
        """No section `privacy`."""
        return parse_configuration(CONFIGURATION, tmp_path)

    async def test_one_is_made_where_one_process_owns_the_graph(
        self, client: AsyncClient, database_url: str
    ) -> None:
        """Nodes that share a database must share the key, which none of them can make for all."""
        mpid = await login(client, email="ada@example.com")

        if database_url.startswith("postgres"):
            assert (await erase(client, mpid, preview=True)).scope.profiles
            with pytest.raises(NoSigningKeyError, match="signing_key_file"):
                await erase(client, mpid)
            assert (await client.get_profile(graph_pb.GetProfileRequest(mpid=mpid))).profile.identities
            return
        erasure = (await erase(client, mpid)).erasure
        if database_url.startswith("sqlite"):
            made = Path(database_url.removeprefix("sqlite:///")).with_name("privacy-key.pem")
            assert made.stat().st_mode & 0o777 == 0o600
            assert read_receipt(erasure.receipt.encode(), key_at(made)).mpids == (mpid,)


def _identity(name: str, value: str) -> Identity:
    return Identity(TYPES_BY_NAME[name], value)
