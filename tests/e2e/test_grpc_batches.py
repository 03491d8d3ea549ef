"""Many identity calls in one: answered each, in order, none to the harm of another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from google.rpc.code_pb2 import Code
from structlog.testing import capture_logs

from idsync.client import AsyncClient, identities
from idsync.model.changes import ChangeSet
from idsync.model.errors import (
    InvalidRequestError,
)
from idsync.model.view import GraphView
from idsync.resolve.steps.resolving import ResolveStep
from idsync.server.app import App
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.identity_requests import (
    EMAIL,
    PRODUCTION,
    calls,
    identify,
    login,
    modify,
    search,
)


class TestBatch:
    async def test_what_fails_is_counted(self, app: App, client: AsyncClient) -> None:
        """The batch itself ended well, so its own metric says nothing of it."""
        await client.batch_resolve(
            pb.BatchResolveRequest(calls=calls(identify(), None, identify(ios_idfv="d")))
        )

        counted = app.registry.get_sample_value(
            "idsync_batched_calls_failed_total", {"grpc_code": "INVALID_ARGUMENT"}
        )
        assert counted == 2

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

    async def test_a_fault_of_ours_harms_its_call_only(
        self, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Calls of strangers travel in one message, so none may fall with another's; and the log has it."""
        decide = ResolveStep.decide

        def failing(step: ResolveStep, view: GraphView) -> ChangeSet:
            if any(identity.value == "bad" for identity in step.wanted.identities):
                raise ZeroDivisionError("bad")
            return decide(step, view)

        monkeypatch.setattr(ResolveStep, "decide", failing)
        # each is decided by itself
        monkeypatch.setattr(ResolveStep, "likeness", None)
        wanted = (identify(ios_idfv=value) for value in ("bad", "a", "bad", "b", "a", "bad"))

        with capture_logs() as lines:
            results = (await client.batch_resolve(pb.BatchResolveRequest(calls=calls(*wanted)))).results

        assert [r.WhichOneof("result") for r in results] == [
            "error", "identify", "error", "identify", "identify", "error",
        ]  # fmt: skip
        assert results[1].identify.mpid == results[4].identify.mpid != results[3].identify.mpid
        assert {(r.error.code, r.error.message) for r in results if r.HasField("error")} == {
            (Code.INTERNAL, "internal error")
        }
        assert ["ZeroDivisionError" in line["traceback"] for line in lines] == [True] * 3
        assert "'bad'" not in str(lines)

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
