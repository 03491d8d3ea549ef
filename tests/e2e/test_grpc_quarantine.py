"""Quarantine and alarms over the wire, on each store: gRPC, HTTP, explanations, metrics, `idsync radar`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict

from idsync.client import AsyncClient
from idsync.config import parse_configuration
from idsync.model.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import alarm_pb2
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as i
from idsync.v1 import radar_service_pb2 as pb
from idsync.v1 import reasoning_pb2 as reasoning
from idsync.v1 import undo_pb2 as undo
from tests.e2e.conftest import CLUB, CONFIGURATION, FEED, OPERATOR, SHOP
from tests.e2e.identity_requests import PRODUCTION, identify, login, search
from tests.e2e.profiles import one
from tests.program import idsync

RETAIL = {"scope": "retail", "environment": PRODUCTION}
TILL = one(ios_idfv="till")


def order(**more: object) -> pb.QuarantineRequest:
    return pb.QuarantineRequest(**RETAIL, identity=TILL, **more)  # type: ignore[arg-type]


def release(**more: object) -> pb.ReleaseRequest:
    return pb.ReleaseRequest(**RETAIL, identity=TILL, **more)  # type: ignore[arg-type]


async def test_a_quarantined_device_finds_nobody_until_it_is_released(app: App, client: AsyncClient) -> None:
    """Answer, read-only miss, journal, explanation, list, metric; the previous profile stays."""
    first = (await client.identify(identify(ios_idfv="till"))).mpid
    done = await client.quarantine(order(reason="a counter", request_id="q-1"), credentials=OPERATOR)
    request = identify(ios_idfv="till")
    request.request_id = "r-1"

    other = await client.identify(request)
    request.previous_mpid = first
    stays = await client.identify(request)
    with pytest.raises(NotFoundError) as missed:
        await client.search(search(ios_idfv="till"))
    why = await client.explain(graph.ExplainRequest(environment=PRODUCTION, request_id="r-1"))
    of_entry = await client.explain(graph.ExplainRequest(environment=PRODUCTION, request_id="q-1"))
    listed = await client.list_quarantined(
        pb.ListQuarantinedRequest(scope="retail", environment=PRODUCTION), credentials=OPERATOR
    )
    released = await client.release(release(), credentials=OPERATOR)
    again = await client.identify(identify(ios_idfv="till"))

    notice = i.Notice(
        type=i.IDENTITY_TYPE_IOS_IDFV, reason=i.NOTICE_REASON_QUARANTINED, journal_seq=done.journal_seq
    )
    said = (
        "The ios_idfv finds nobody but the previous profile, as it was quarantined by journal entry "
        f"{done.journal_seq}."
    )
    assert done.holders == pb.ProfileCount(anonymous=1)
    assert other.mpid != first
    assert list(other.decision.notices) == list(stays.decision.notices) == [notice]
    assert stays.mpid == first
    assert [m.value for m in stays.matched_identities] == ["till"]
    assert missed.value.metadata == {"rule": "quarantine/passed-over"}
    assert said in why.sentences
    assert "The ios_idfv 'till' was quarantined: nobody is found by it (a counter)." in of_entry.sentences
    [shown] = listed.quarantined
    assert (shown.identity, shown.input_id, shown.reason) == (TILL, "operator", "a counter")
    assert (shown.journal_seq, shown.holders.anonymous) == (done.journal_seq, 2)
    assert (released.quarantined_seq, released.holders.anonymous) == (done.journal_seq, 2)
    assert again.mpid in {first, other.mpid}
    assert list(again.decision.notices) == []
    labels = {"type": "ios_idfv", "reason": "quarantined"}
    assert app.registry.get_sample_value("idsync_notices_total", labels) == 2


async def test_what_is_wrong_is_told(client: AsyncClient) -> None:
    """Twice, not at all, unheld, too long, the value in the reason; and who may do what."""
    await client.identify(identify(ios_idfv="till"))
    with pytest.raises(NotFoundError, match="not quarantined"):
        await client.release(release(), credentials=OPERATOR)
    nobody = pb.QuarantineRequest(scope="retail", environment=PRODUCTION, identity=one(ios_idfv="nobody"))
    with pytest.raises(NotFoundError, match="no profile"):
        await client.quarantine(nobody, credentials=OPERATOR)
    for wrong in (order(reason="x" * 257), order(reason="the till"), order(request_id="till-1")):
        with pytest.raises(InvalidRequestError):
            await client.quarantine(wrong, credentials=OPERATOR)
    for credentials in (SHOP, FEED, CLUB):
        with pytest.raises(ForbiddenError):
            await client.quarantine(order(), credentials=credentials)
        with pytest.raises(ForbiddenError):
            await client.release(release(), credentials=credentials)

    done = await client.quarantine(order(), credentials=OPERATOR)

    with pytest.raises(ConflictError) as told:
        await client.quarantine(order(), credentials=OPERATOR)
    assert told.value.metadata["journal_seq"] == str(done.journal_seq)
    mine = pb.ListQuarantinedRequest(environment=PRODUCTION)
    assert len((await client.list_quarantined(mine, credentials=SHOP)).quarantined) == 1
    assert len((await client.list_quarantined(mine, credentials=CLUB)).quarantined) == 0
    with pytest.raises(ForbiddenError):
        await client.list_quarantined(mine, credentials=FEED)


async def test_a_call_that_was_not_made_is_explained(client: AsyncClient) -> None:
    """Who has the value, and that it leads to none of them."""
    await client.identify(identify(ios_idfv="till"))
    seq = (await client.quarantine(order(), credentials=OPERATOR)).journal_seq
    call = reasoning.ExplainedCall(operation=reasoning.EXPLAINED_OPERATION_IDENTIFY, known_identities=[TILL])

    why = await client.explain(graph.ExplainRequest(environment=PRODUCTION, call=call))

    [visit] = why.reasoning.visits
    assert (visit.anonymous_holders, visit.eligible, visit.quarantined_seq) == (1, 0, seq)
    assert (
        "The ios_idfv 'till' is on 0 known and 1 anonymous profiles; "
        f"journal entry {seq} has quarantined it; candidates left: 0."
    ) in why.sentences


async def test_a_revert_leads_to_the_release(client: AsyncClient) -> None:
    await client.identify(identify(ios_idfv="till"))
    seq = (await client.quarantine(order(), credentials=OPERATOR)).journal_seq
    revert = undo.RevertChangeRequest(scope="retail", environment=PRODUCTION, seq=seq)

    with pytest.raises(ConflictError, match="release the value"):
        await client.revert_change(revert, credentials=OPERATOR)


async def test_quarantine_in_a_terminal(app: App, client: AsyncClient) -> None:
    for number in range(3):
        await client.login(login(customerid=f"c-{number}", ios_idfv="till"))
    access = ("--target", app.grpc_address, "--token", "op-token", "--scope", "retail")

    none = await idsync("radar", "quarantined", *access)
    done = await idsync("radar", "quarantine", "ios_idfv=till", "--reason", "the counter in Bern", *access)
    twice = await idsync("radar", "quarantine", "ios_idfv=till", *access)
    shop = ("--target", app.grpc_address, "--key", "shop-web", "--secret", "shop-secret")
    answer = await idsync("login", "customerid=c-9", "ios_idfv=till", *shop)
    listed = await idsync("radar", "quarantined", *access)
    as_json = await idsync("radar", "quarantined", "--json", *access)
    journal = await idsync("journal", *access)
    looked = await idsync("radar", "--json", "ios_idfv=till", *access)
    released = await idsync("radar", "release", "ios_idfv=till", *access)
    refused = await idsync("radar", "release", "ios_idfv=till", *access)
    wrong = await idsync("radar", "free", "ios_idfv=till", *access)

    assert (none.code, none.out) == (0, "nothing is quarantined\n")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "quarantined ios_idfv=till",
        "holders     3 known, 0 anonymous; they keep it",
        "journal     entry 4",
    ]
    assert (twice.code, twice.out) == (1, "")
    assert "journal entry 4 has quarantined it already" in twice.err
    assert "notice      ios_idfv: quarantined by entry 4" in answer.out.splitlines()
    first, since, holders = listed.out.splitlines()
    assert first == "ios_idfv=till"
    assert re.fullmatch(r"  since     \S+Z, entry 4 by operator: the counter in Bern", since)
    assert holders == "  holders   4 known, 0 anonymous"
    assert len(ParseDict(as_json.document, pb.ListQuarantinedResponse()).quarantined) == 1
    assert "    quarantined ios_idfv=till (the counter in Bern)" in journal.out.splitlines()
    assert ParseDict(looked.document, pb.GetCollapseRiskResponse()).holders.known == 4
    assert released.out.splitlines() == [
        "released    ios_idfv=till",
        "holders     4 known, 0 anonymous; found by it again",
        "journal     entry 6; it was quarantined by entry 4",
    ]
    assert (refused.code, wrong.code) == (1, 2)


# -- alarms --------------------------------------------------------------------------------------------------


@pytest.fixture
async def watching(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[App]:
    """A service that watches one type."""
    text = f"{CONFIGURATION}\n[radar]\nmax_known = {{ ios_idfv = 2 }}\n"
    async with open_app(parse_configuration(text, tmp_path), database_url, "127.0.0.1:0", clock=clock) as app:
        yield app


async def test_an_alarm_is_listed_told_and_counted(watching: App) -> None:
    """The watch itself runs every few seconds; nobody asks it to."""
    async with AsyncClient.connect(watching.grpc_address, SHOP) as client:
        for number in range(3):
            await client.login(login(customerid=f"c-{number}", ios_idfv="till"))
        wanted = pb.ListAlarmsRequest(environment=PRODUCTION)
        async with asyncio.timeout(60):
            changes = client.watch_changes(graph.WatchChangesRequest(environment=PRODUCTION))
            async for change in changes:
                if change.entry.cause == "alarm":
                    break
        await client.quarantine(order(), credentials=OPERATOR)
        [alarm] = (await client.list_alarms(wanted)).alarms
        access = ("--target", watching.grpc_address, "--key", "shop-web", "--secret", "shop-secret")
        told = await idsync("radar", "alarms", *access)

    assert (alarm.identity, alarm.kind) == (TILL, alarm_pb2.ALARM_KIND_MANY_KNOWN)
    assert (alarm.holders.known, alarm.growth.added) == (3, 3)
    assert alarm.figures == "3 known, 0 anonymous, limit 2"
    assert (alarm.journal_seq, alarm.quarantined_seq) == (4, 5)
    first, since, *rest = told.out.splitlines()
    assert first == "ios_idfv=till  (many known)"
    assert re.fullmatch(r"  since     \S+Z, entry 4: 3 known, 0 anonymous, limit 2", since)
    assert rest == [
        "  holders   3 known, 0 anonymous",
        "  came      3 within 24 h",
        "  quarantined by entry 5",
    ]
