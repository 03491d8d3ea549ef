"""SplitProfile, RevertChange and Forbid over the wire, on each store."""

from __future__ import annotations

import asyncio

import pytest

from idsync.client import AsyncClient, identities
from idsync.model.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as i
from idsync.v1 import identity_service_pb2 as service
from idsync.v1 import reasoning_pb2 as reasoning
from idsync.v1 import undo_pb2 as pb
from tests.e2e.conftest import OPERATOR
from tests.e2e.identity_requests import EMAIL, PRODUCTION, calls, login, modify
from tests.e2e.profiles import one

RETAIL = {"scope": "retail", "environment": PRODUCTION}


async def joined(client: AsyncClient) -> int:
    """Make one profile of two people."""
    mpid = (await client.login(login(customerid="ada", email="ada@x.example", ios_idfv="tablet"))).mpid
    assert (await client.login(login(customerid="ada", email="bob@x.example"))).mpid == mpid
    return mpid


def split(mpid: int, **more: object) -> pb.SplitProfileRequest:
    return pb.SplitProfileRequest(mpid=mpid, identities=[one(email="bob@x.example")], **more)  # type: ignore[arg-type]


def revert(seq: int, **more: object) -> pb.RevertChangeRequest:
    return pb.RevertChangeRequest(**RETAIL, seq=seq, **more)  # type: ignore[arg-type]


def apart(first: pb.MustNotSide, second: pb.MustNotSide, **more: object) -> pb.ForbidRequest:
    link = pb.MustNotLink(first=first, second=second)
    return pb.ForbidRequest(**RETAIL, link=link, **more)  # type: ignore[arg-type]


def side(mpid: int | None = None, **known: str) -> pb.MustNotSide:
    return pb.MustNotSide(identities=[one(**{name: value}) for name, value in known.items()], mpid=mpid)


async def split_profile(client: AsyncClient, request: pb.SplitProfileRequest) -> pb.Undone:
    return (await client.split_profile(request, credentials=OPERATOR)).undone


async def revert_change(client: AsyncClient, request: pb.RevertChangeRequest) -> pb.Undone:
    return (await client.revert_change(request, credentials=OPERATOR)).undone


async def shown(client: AsyncClient, mpid: int) -> i.Profile:
    return (await client.get_profile(graph.GetProfileRequest(mpid=mpid))).profile


async def test_a_split_is_announced_done_and_seen(client: AsyncClient) -> None:
    mpid = await joined(client)

    preview = await split_profile(client, split(mpid, preview=True))
    unchanged = await shown(client, mpid)
    done = await split_profile(client, split(mpid, expected_version=preview.version))
    former, owner = [await shown(client, p.mpid) for p in reversed(done.profiles)]

    assert preview.journal_seq == 0
    assert len(unchanged.identities) == 4
    assert [(p.is_new, p.was_known, p.is_known) for p in done.profiles] == [
        (True, False, True),
        (False, True, True),
    ]
    assert [list(p.identities) for p in preview.profiles] == [list(p.identities) for p in done.profiles]
    since = [[], [2]]
    assert [list(p.removed_since_seqs) for p in preview.profiles] == since
    assert [list(p.removed_since_seqs) for p in done.profiles] == since
    assert former.mpid == mpid
    assert list(former.moved_to_mpids) == [owner.mpid]
    assert [r.identity for r in owner.identities] == [one(email="bob@x.example")]
    assert owner.identities[0].journal_seq == done.journal_seq


async def test_what_was_split_stays_apart_and_every_answer_says_why(app: App, client: AsyncClient) -> None:
    """Login, batch, modify; journal, explanation, metric."""
    mpid = await joined(client)
    done = await split_profile(client, split(mpid))
    seq, owner = done.journal_seq, done.profiles[0].mpid
    request = login(customerid="bob", email="bob@x.example", ios_idfv="tablet")
    request.request_id = "r-1"

    answer = await client.login(request)
    again = login(customerid="ada", email="bob@x.example")
    [both] = (await client.batch_resolve(_batch(again))).results
    with pytest.raises(InvalidRequestError) as refusal:
        await client.modify(modify(mpid, _added("bob@x.example")))
    [entry] = [e for e in (await _journal(client)).entries if e.request_id == "r-1"]
    why = await client.explain(graph.ExplainRequest(environment=PRODUCTION, request_id="r-1"))

    withheld = i.Notice(type=i.IDENTITY_TYPE_IOS_IDFV, reason=i.NOTICE_REASON_FORBIDDEN, journal_seq=seq)
    assert answer.mpid == owner
    assert list(answer.decision.notices) == list(entry.evidence.notices) == [withheld]
    assert f"The ios_idfv was not added, as that was forbidden by journal entry {seq}." in why.sentences
    assert both.login.mpid == mpid
    assert [(n.type, n.reason, n.journal_seq) for n in both.login.decision.notices] == [
        (EMAIL, i.NOTICE_REASON_FORBIDDEN, seq)
    ]
    assert refusal.value.metadata == {"rule": "modify/forbidden", "journal_seq": str(seq)}
    labels = {"type": "ios_idfv", "reason": "forbidden"}
    assert app.registry.get_sample_value("idsync_notices_total", labels) == 1


async def test_a_call_that_was_not_made_is_explained_with_what_would_be_withheld(
    client: AsyncClient,
) -> None:
    """Only what stands counts."""
    mpid = await joined(client)
    seq = (await split_profile(client, split(mpid))).journal_seq
    call = reasoning.ExplainedCall(
        operation=reasoning.EXPLAINED_OPERATION_LOGIN,
        known_identities=identities({"customerid": "bob", "email": "bob@x.example", "ios_idfv": "tablet"}),
    )
    asked = graph.ExplainRequest(environment=PRODUCTION, call=call)
    said = f"The ios_idfv was not added, as that was forbidden by journal entry {seq}."

    forbidden = await client.explain(asked)
    withdrawal = apart(side(email="bob@x.example"), side(ios_idfv="tablet"), withdraw=True)
    await client.forbid(withdrawal, credentials=OPERATOR)
    permitted = await client.explain(asked)

    assert said in forbidden.sentences
    assert said not in permitted.sentences


async def test_an_undo_can_be_undone(client: AsyncClient) -> None:
    mpid = await joined(client)
    done = await split_profile(client, split(mpid))

    back = await revert_change(client, revert(done.journal_seq))
    restored = await shown(client, mpid)
    forth = await revert_change(client, revert(back.journal_seq))
    parted = await shown(client, mpid)

    assert list(back.reverted_seqs) == list(back.withdrawn_seqs) == [done.journal_seq]
    assert one(email="bob@x.example") in [r.identity for r in restored.identities]
    assert list(restored.moved_to_mpids) == []
    assert list(forth.forbidden) == list(done.forbidden)
    assert list(parted.moved_to_mpids) == [done.profiles[0].mpid]


async def test_what_later_entries_rest_on_is_undone_with_them_or_not_at_all(client: AsyncClient) -> None:
    await joined(client)
    await client.login(login(email="bob@x.example", ios_idfv="bobs"))

    with pytest.raises(ConflictError) as refusal:
        await revert_change(client, revert(2))
    preview = await revert_change(client, revert(2, with_following=True, preview=True))
    done = await revert_change(client, revert(2, with_following=True))
    with pytest.raises(ConflictError, match="4 has undone it already") as late:
        await revert_change(client, revert(2))

    assert refusal.value.metadata == {"entries": "3"}
    assert list(preview.reverted_seqs) == list(done.reverted_seqs) == [2, 3]
    assert {v.value for v in done.profiles[0].removed} == {"bob@x.example", "bobs"}
    assert len(done.forbidden) == 1
    assert late.value.metadata["entries"] == "3,4"


async def test_the_entry_that_created_a_profile_is_undone_like_any_other(client: AsyncClient) -> None:
    """Nothing stays on it, and the same identities open a new life."""
    mpid = (await client.login(login(customerid="c"))).mpid

    done = await revert_change(client, revert(1))
    again = (await client.login(login(customerid="c"))).mpid

    assert list(done.profiles[0].identities) == []
    assert list(done.forbidden) == []
    assert again != mpid
    assert (await shown(client, mpid)).state == i.PROFILE_STATE_LIVE


async def test_values_that_nobody_has_can_be_kept_apart(client: AsyncClient) -> None:
    wanted = apart(side(customerid="a"), side(email="b@x.example"), reason="ticket 7")

    checked = await client.forbid(
        apart(side(customerid="a"), side(email="b@x.example"), validate_only=True), credentials=OPERATOR
    )
    made = await client.forbid(wanted, credentials=OPERATOR)
    answer = await client.login(login(customerid="a", email="b@x.example"))
    with pytest.raises(ConflictError, match="forbids that already"):
        await client.forbid(wanted, credentials=OPERATOR)
    wanted.withdraw = True
    withdrawn = await client.forbid(wanted, credentials=OPERATOR)
    free = await client.login(login(customerid="a", email="b@x.example"))
    [entry] = [e for e in (await _journal(client)).entries if e.seq == made.journal_seq]

    assert checked.journal_seq == 0
    assert checked.links == made.links == withdrawn.links
    assert (entry.mpid, entry.input_id, entry.changes[0].reason) == (0, "operator", "ticket 7")
    assert [n.journal_seq for n in answer.decision.notices] == [made.journal_seq]
    assert list(withdrawn.withdrawn_seqs) == [made.journal_seq]
    assert not free.decision.notices


async def test_what_cannot_be_is_refused_with_the_reason(client: AsyncClient) -> None:
    """Bad input of all three; nothing is written."""
    mpid = await joined(client)
    other = (await client.login(login(customerid="eve"))).mpid
    last = (await _journal(client)).entries[-1].seq
    refused: list[tuple[type[Exception], str, object]] = [
        (NotFoundError, "no such profile", split(12345)),
        (NotFoundError, "no live profile", split(mpid, onto_mpid=12345)),
        (InvalidRequestError, "profile itself", split(mpid, onto_mpid=mpid)),
        (InvalidRequestError, r"identities\[0\]: is not on the profile", split(other)),
        (InvalidRequestError, "is empty", pb.SplitProfileRequest(mpid=mpid)),
        (InvalidRequestError, "twice", pb.SplitProfileRequest(mpid=mpid, identities=[one(email="x")] * 2)),
        (ConflictError, "nothing would stay", _all_of(other)),
        (ConflictError, "after version 1", split(mpid, expected_version=1)),
        (NotFoundError, "no journal entry 99", revert(99)),
        (InvalidRequestError, "seq", revert(0)),
        (NotFoundError, "no such scope", pb.RevertChangeRequest(scope="x", environment=PRODUCTION, seq=1)),
        (ConflictError, "together", apart(side(customerid="ada"), side(email="ada@x.example"))),
        (ConflictError, "together", apart(side(customerid="ada"), side(mpid))),
        (InvalidRequestError, "other side", apart(side(customerid="ada"), side(customerid="ada"))),
        (InvalidRequestError, "no identity", apart(side(mpid), side(other))),
        (InvalidRequestError, "is empty", apart(side(customerid="ada"), side())),
        (InvalidRequestError, "256", apart(side(customerid="q"), side(other), reason="x" * 257)),
        (NotFoundError, "no live profile", apart(side(customerid="q"), side(12345))),
        (NotFoundError, "no such must-not", apart(side(customerid="q"), side(other), withdraw=True)),
    ]

    for kind, said, request in refused:
        with pytest.raises(kind, match=said):
            await _sent(client, request)

    assert (await _journal(client)).entries[-1].seq == last


async def test_only_operators_take_things_back(client: AsyncClient) -> None:
    """An input that may read may not."""
    mpid = await joined(client)

    for call in (
        client.split_profile(split(mpid)),
        client.revert_change(revert(1)),
        client.forbid(apart(side(customerid="q"), side(mpid))),
    ):
        with pytest.raises(ForbiddenError):
            await call


async def test_of_two_operators_one_wins(client: AsyncClient) -> None:
    mpid = await joined(client)

    outcomes = await asyncio.gather(
        *(split_profile(client, split(mpid, expected_version=2)) for _ in range(2)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ConflictError", "Undone"]


async def _sent(client: AsyncClient, request: object) -> None:
    if isinstance(request, pb.SplitProfileRequest):
        await client.split_profile(request, credentials=OPERATOR)
    elif isinstance(request, pb.RevertChangeRequest):
        await client.revert_change(request, credentials=OPERATOR)
    else:
        assert isinstance(request, pb.ForbidRequest)
        await client.forbid(request, credentials=OPERATOR)


def _all_of(mpid: int) -> pb.SplitProfileRequest:
    return pb.SplitProfileRequest(mpid=mpid, identities=[one(customerid="eve")])


def _batch(request: service.LoginRequest) -> service.BatchResolveRequest:
    return service.BatchResolveRequest(calls=calls(request))


def _added(value: str) -> service.IdentityChange:
    return service.IdentityChange(type=EMAIL, new_value=value)


async def _journal(client: AsyncClient) -> graph.ListJournalResponse:
    return await client.list_journal(graph.ListJournalRequest(environment=PRODUCTION, page_size=1_000))
