"""Versions of settings over the wire: staged, taken, withdrawn, repaired (ID-039)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from idsync.client import identities
from idsync.config import Configuration, parse_configuration
from idsync.model.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
)
from idsync.model.identity import GraphKey, IdentityType
from idsync.server.services import versions
from idsync.testing.clock import ManualClock
from idsync.v1 import graph_service_pb2
from idsync.v1 import identity_service_pb2 as calls
from idsync.v1 import staging_pb2 as pb
from tests.e2e.staged_service import (
    MAIL,
    OTHER_STRATEGY,
    PRODUCTION,
    SHARED,
    UNIQUE,
    Service,
    running,
    until,
)
from tests.e2e.test_grpc_preview import asked, preview


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """An email may be on several profiles."""
    return parse_configuration(SHARED, tmp_path)


@pytest.fixture
async def service(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> AsyncIterator[Service]:
    async with running(configuration, database_url, clock) as service:
        yield service


async def test_a_version_takes_effect_as_soon_as_can_be(service: Service) -> None:
    staged = (await service.stage(note="try it")).version
    await service.take(2)

    first, second = (await service.versions())[::-1]
    strategy = (await service.shop.get_caller(calls.GetCallerRequest())).strategy
    assert (staged.version, staged.author, staged.note) == (2, "Ann", "try it")
    assert strategy == "profile_conversion"
    assert (first.version, first.author, first.state) == (1, "file", pb.VERSION_STATE_SUPERSEDED)
    assert (second.version, second.author, second.state) == (2, "Ann", pb.VERSION_STATE_IN_FORCE)
    assert '"strategy":"profile_conversion"' in second.settings


async def test_a_version_takes_effect_at_its_moment(service: Service) -> None:
    """ID-039: not before it; what is remembered of answers is forgotten then."""
    device = identities({"ios_idfv": "device-1"})
    identify = calls.IdentifyRequest(environment=PRODUCTION, known_identities=device)
    login = calls.LoginRequest(
        environment=PRODUCTION, known_identities=[*device, *identities({"customerid": "c-1"})]
    )
    anonymous = (await service.shop.identify(identify)).mpid
    await service.stage(effective_time=service.at(60_000))
    service.clock.advance(59_999)
    before = await service.in_force()
    again = [(await service.shop.identify(identify)).mpid for _ in range(3)]
    await service.take(2, 1)

    known = (await service.shop.login(login)).mpid

    assert before == 1
    assert again == [anonymous] * 3
    # profile_link makes a new profile for a new customer, profile_conversion converts the anonymous one
    assert known == anonymous


REORDERED = """
[scopes.retail]
strategy = "profile_link"
identity_priority = ["customerid", "email", "roku_aid", "ios_idfv"]
login_ids = ["customerid"]
unique_ids = ["customerid"]
"""


async def test_no_answer_from_before_the_moment_is_given_after_it(service: Service) -> None:
    """ID-039: neither one that was kept, nor what was ruled of others; the graph is the same."""
    shop = service.shop
    phone, television = {"ios_idfv": "phone"}, {"roku_aid": "television"}
    owners = [(await shop.identify(_brings(**device))).mpid for device in (phone, television)]
    both = _brings(**phone, **television)
    both.read_only = True
    before = [(await shop.identify(both)).mpid for _ in range(3)]
    strangers = [await shop.identify(_brings(email=f"{name}@example.com")) for name in "ab"]
    await service.stage(REORDERED)
    await service.take(2)

    after = (await shop.identify(both)).mpid
    stranger = await shop.identify(_brings(email="c@example.com"))
    assert (before, after) == (owners[:1] * 3, owners[1])
    assert [one.is_logged_in for one in (*strangers, stranger)] == [True, True, False]


def _brings(**known: str) -> calls.IdentifyRequest:
    return calls.IdentifyRequest(environment=PRODUCTION, known_identities=identities(known))


async def test_what_is_staged_can_be_withdrawn_until_its_moment(service: Service) -> None:
    await service.stage(effective_time=service.at(60_000))
    request = pb.WithdrawVersionRequest(scope="retail", version=2, author="Bob", note="not now")

    withdrawn = (await service.operator.withdraw_version(request)).version
    service.clock.advance(61_000)
    with pytest.raises(ConflictError):
        await service.operator.withdraw_version(request)

    assert (withdrawn.state, withdrawn.withdrawn_by) == (pb.VERSION_STATE_WITHDRAWN, "Bob")
    assert await service.in_force() == 1
    assert (await service.stage()).version.version == 3


async def test_what_took_effect_cannot_be_withdrawn(service: Service) -> None:
    await service.stage()
    await service.take(2)

    for version, refusal in ((1, ConflictError), (2, ConflictError), (3, NotFoundError)):
        with pytest.raises(refusal):
            await service.operator.withdraw_version(
                pb.WithdrawVersionRequest(scope="retail", version=version, author="Bob")
            )


async def test_one_version_is_staged_at_a_time(service: Service) -> None:
    """Of two operators at once one stages, the other is told."""
    both = await asyncio.gather(
        *(service.stage(effective_time=service.at(60_000), author=name) for name in ("Ann", "Bob")),
        return_exceptions=True,
    )

    refused = [each for each in both if isinstance(each, ConflictError)]
    assert len(refused) == 1
    assert [v.version for v in await service.versions()] == [2, 1]


async def test_values_on_several_records_are_a_reason_to_refuse(service: Service) -> None:
    """ID-039: the offenders are named by profile and type, not by value."""
    mpids = await service.share()

    with pytest.raises(ConflictError) as caught:
        await service.stage(UNIQUE)
    shown = await service.stage(UNIQUE, validate_only=True)

    assert all(str(mpid) in caught.value.message for mpid in mpids)
    assert MAIL not in caught.value.message
    assert caught.value.metadata["shared_values"] == "1"
    assert shown.shared_values_total == 1
    assert [(v.identity.value, v.kept_by, list(v.taken_off)) for v in shown.shared_values] == [
        (MAIL, mpids[0], mpids[1:])
    ]
    assert len(await service.versions()) == 1


async def test_a_repair_leaves_each_value_to_the_newest_profile(service: Service) -> None:
    """ID-039, ID-011: planned, shown, carried out as journal entries."""
    mpids = await service.share()
    other = await service.share("flo@example.com")
    plan = await service.operator.plan_repair(pb.PlanRepairRequest(scope="retail", candidate=UNIQUE))
    await service.stage(UNIQUE, repair=True)
    await service.take(2)
    await until(lambda: _is_one(service))

    journal = await service.operator.list_journal(
        graph_service_pb2.ListJournalRequest(scope="retail", environment=PRODUCTION)
    )
    repairs = [entry for entry in journal.entries if entry.cause == "repair"]
    assert plan.total == 2
    assert [value.kept_by for value in plan.shared_values] == [mpids[0], other[0]]
    assert await service.holders() == mpids[:1]
    assert [(e.rule, e.input_id, e.mpid) for e in repairs] == [
        ("ID-039/unique", "Ann", mpids[0]),
        ("ID-039/unique", "Ann", other[0]),
    ]
    assert (await service.operator.plan_repair(pb.PlanRepairRequest(scope="retail"))).total == 0


async def _is_one(service: Service) -> bool:
    return len(await service.holders()) == len(await service.holders("flo@example.com")) == 1


async def test_what_comes_to_be_shared_after_all_keeps_a_version_from_taking_effect(
    service: Service,
) -> None:
    """ID-039: it is looked again shortly before the moment."""
    await service.stage(UNIQUE, effective_time=service.at(60_000))
    await service.share()
    service.clock.advance(50_000)
    await until(lambda: _is_withdrawn(service))

    service.clock.advance(20_000)
    newest = (await service.versions())[0]
    assert (newest.state, newest.withdrawn_by) == (pb.VERSION_STATE_WITHDRAWN, "service")
    assert await service.in_force() == 1


async def test_the_last_look_is_taken_again_if_the_store_was_away(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-039: what could not be counted is no reason to let it pass."""
    count = service.app.store.count_shared
    failed = asyncio.Event()

    async def away_once(graph: GraphKey, t: IdentityType) -> int:
        if failed.is_set():
            return await count(graph, t)
        failed.set()
        raise UnavailableError("away")

    await service.stage(UNIQUE, effective_time=service.at(60_000))
    await service.share()
    monkeypatch.setattr(service.app.store, "count_shared", away_once)
    service.clock.advance(50_000)
    await until(lambda: _is_withdrawn(service))

    assert failed.is_set()


async def _is_withdrawn(service: Service) -> bool:
    return (await service.versions())[0].state == pb.VERSION_STATE_WITHDRAWN


BY_NAME_ONLY = SHARED.replace('"profile_link"', '"profile_conversion"', 1).replace(
    'login_ids = ["customerid", "email"]', 'login_ids = ["customerid"]', 1
)
UNIQUE_BUT_NO_LOGIN = UNIQUE.replace('"profile_link"', '"profile_conversion"').replace(
    'login_ids = ["customerid", "email"]', 'login_ids = ["customerid"]'
)


async def test_what_came_in_the_last_instants_is_repaired_on_demand(
    database_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-039, ID-011: a call writes a bounded number of entries, and says what is left for the next."""
    monkeypatch.setattr(versions, "MAX_REPAIRS", 2)
    mails = [f"{name}@example.com" for name in ("ann", "bob", "cleo")]
    async with running(parse_configuration(BY_NAME_ONLY, tmp_path), database_url, clock) as service:
        await service.stage(UNIQUE_BUT_NO_LOGIN, effective_time=service.at(60_000))
        owners = [await _known_and_anonymous(service, mail) for mail in mails]
        bob = owners[1][0]
        assert (await service.shop.identify(_brings(customerid=mails[1]))).mpid == bob
        held = [await service.holders(mail) for mail in mails]
        await service.take(2, 60_000)

        request = pb.RepairRequest(scope="retail", author="Bob")
        told = [await service.operator.repair(request) for _ in range(3)]
        journal = await service.operator.list_journal(
            graph_service_pb2.ListJournalRequest(scope="retail", environment=PRODUCTION, page_size=1_000)
        )
        left = [await service.holders(mail) for mail in mails]

    repairs = [entry for entry in journal.entries if entry.cause == "repair"]
    newest = [owners[0][1], bob, owners[2][1]]
    assert [len(mpids) for mpids in held] == [2, 2, 2]
    assert [(answer.entries, answer.remaining) for answer in told] == [(2, 1), (1, 0), (0, 0)]
    assert left == [[mpid] for mpid in newest]
    assert [(entry.mpid, entry.input_id) for entry in repairs] == [(mpid, "Bob") for mpid in newest]


async def _known_and_anonymous(service: Service, mail: str) -> tuple[int, int]:
    """Somebody who said a name, and then somebody who did not, with one mail."""
    known = await service.shop.identify(_brings(customerid=mail, email=mail))
    anonymous = await service.shop.identify(_brings(email=mail, ios_idfv=mail))
    assert (known.is_logged_in, anonymous.is_logged_in) == (True, False)
    return known.mpid, anonymous.mpid


async def test_a_preview_compares_with_the_settings_of_their_time(service: Service) -> None:
    """What is in force now would have answered otherwise before the switch, and as it did since."""
    for name in ("ann", "bob"):
        device = {"ios_idfv": f"{name}'s phone"}
        await service.shop.identify(_brings(**device))
        await service.shop.login(
            calls.LoginRequest(
                environment=PRODUCTION, known_identities=identities({"customerid": name, **device})
            )
        )
        if name == "ann":
            await service.stage(OTHER_STRATEGY)
            await service.take(2)

    report = await preview(service.operator, asked(OTHER_STRATEGY))

    assert report.entries == 4
    assert [(group, getattr(report, group).count) for group in ("joined", "parted", "moved")] == [
        ("joined", 1),
        ("parted", 0),
        ("moved", 1),
    ]


async def test_a_preview_says_of_repairs_whether_they_hold_for_the_candidate(service: Service) -> None:
    """They do where the type is unique with its settings too."""
    await service.share()
    await service.stage(UNIQUE, repair=True)
    await service.take(2)
    await until(lambda: _is_repaired(service))

    unique = await preview(service.operator, asked(UNIQUE))
    other = await preview(service.operator, asked(OTHER_STRATEGY))

    assert [(item.cause, item.carried_out, item.did_not_apply) for item in unique.followed] == [
        ("repair", 1, 0)
    ]
    assert [(item.cause, item.carried_out, item.did_not_apply) for item in other.followed] == [
        ("repair", 0, 1)
    ]


async def _is_repaired(service: Service) -> bool:
    return len(await service.holders()) == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"author": ""}, "author"),
        ({"author": "file"}, "author"),
        ({"author": "A" * 101}, "author"),
        ({"note": "a\nb"}, "note"),
        ({"candidate": "["}, "candidate"),
        ({"candidate": UNIQUE.replace("profile_link", "profile_lonk")}, "candidate"),
        (
            {"candidate": UNIQUE.replace('unique_ids = ["customerid"', 'unique_ids = ["ios_idfv"')},
            "candidate",
        ),
        ({"candidate": UNIQUE.replace("scopes.retail", "scopes.parted")}, "candidate"),
        (
            {"candidate": SHARED[SHARED.index("[scopes.retail]") : SHARED.index("[scopes.parted]")]},
            "candidate",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_staged_is_refused(
    service: Service, said: dict[str, object], field: str
) -> None:
    """ID-036, and settings that are in force already; a plug-in that nobody installed."""
    with pytest.raises(InvalidRequestError) as caught:
        await service.stage(**{"candidate": OTHER_STRATEGY, **said})  # type: ignore[arg-type]

    assert caught.value.fields[0] == field


async def test_moments_that_cannot_be(service: Service) -> None:
    for ahead_ms in (-1, 0, 367 * 86_400_000):
        with pytest.raises(InvalidRequestError) as caught:
            await service.stage(effective_time=service.at(ahead_ms))
        assert caught.value.fields == ("effective_time",)
    with pytest.raises(InvalidRequestError):
        await service.stage(effective_time=Timestamp(seconds=-(2**40)))


async def test_scopes_and_callers_that_cannot(service: Service) -> None:
    with pytest.raises(NotFoundError):
        await service.stage(scope="wholesale")
    with pytest.raises(InvalidRequestError):
        await service.stage(scope="")
    for call in (
        service.shop.stage_version(pb.StageVersionRequest(scope="retail")),
        service.shop.list_versions(pb.ListVersionsRequest(scope="retail")),
        service.shop.withdraw_version(pb.WithdrawVersionRequest(scope="retail")),
        service.shop.plan_repair(pb.PlanRepairRequest(scope="retail")),
        service.shop.repair(pb.RepairRequest(scope="retail", author="Ann")),
    ):
        with pytest.raises(ForbiddenError):
            await call


async def test_a_dry_run_stages_nothing(service: Service) -> None:
    shown = (await service.stage(validate_only=True)).version

    assert shown.version == 2
    assert await service.in_force() == 1
    assert len(await service.versions()) == 1


async def test_versions_come_by_pages(service: Service) -> None:
    await service.stage()
    await service.take(2)

    first = await service.operator.list_versions(pb.ListVersionsRequest(scope="retail", page_size=1))
    second = await service.operator.list_versions(
        pb.ListVersionsRequest(scope="retail", page_size=1, page_token=first.next_page_token)
    )

    assert [v.version for v in (*first.versions, *second.versions)] == [2, 1]
    assert not second.next_page_token
