"""GraphService over the wire: why identities are together, or are not, and why a call has its answer."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient, identities
from idsync.model.errors import ForbiddenError, IdsyncError, InvalidRequestError, LookupFailedError
from idsync.resolve import explain
from idsync.server.app import App
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2
from idsync.v1.identity_service_pb2 import IdentifyRequest
from idsync.v1.reasoning_pb2 import (
    EXPLAINED_OPERATION_LOGIN,
    PROTECTION_LOGIN_ID,
    ExplainedCall,
    ExplainedOperation,
)
from tests.e2e.conftest import CLUB, FEED, OPERATOR
from tests.e2e.profiles import PRODUCTION, identify, login, one
from tests.program import idsync


class TestExplain:
    async def test_identity_on_profile(self, client: AsyncClient) -> None:
        mpid = await login(client, "r-1", email="ed@example.com", ios_idfv="d")
        subject = pb.IdentityOnProfile(identity=one(ios_idfv="d"), mpid=mpid)

        answer = await client.explain(pb.ExplainRequest(environment=PRODUCTION, identity_on_profile=subject))

        assert answer.verdict == pb.EXPLANATION_VERDICT_TOGETHER
        assert answer.sentences
        assert [(link.mpid, link.since_seq, link.until_seq) for link in answer.links] == [(mpid, 1, 0)]
        assert [entry.rule for entry in answer.entries] == ["link/new-known"]

    async def test_beyond_the_oldest_links_of_a_popular_value(
        self, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bound may leave history out, but never deny what holds."""
        monkeypatch.setattr(explain, "_MAX_LINKS", 2)
        mpids = [await login(client, email=f"{n}@example.com", ios_idfv="kiosk") for n in range(4)]
        subject = pb.IdentityOnProfile(identity=one(ios_idfv="kiosk"), mpid=mpids[3])
        pair = pb.IdentityPair(first=one(ios_idfv="kiosk"), second=one(email="3@example.com"))
        nobody = pb.IdentityOnProfile(identity=one(ios_idfv="kiosk"), mpid=42)

        held = await client.explain(pb.ExplainRequest(environment=PRODUCTION, identity_on_profile=subject))
        both = await client.explain(pb.ExplainRequest(environment=PRODUCTION, identities=pair))
        apart = await client.explain(pb.ExplainRequest(environment=PRODUCTION, identity_on_profile=nobody))

        assert held.verdict == both.verdict == pb.EXPLANATION_VERDICT_TOGETHER
        assert [(link.mpid, link.since_seq) for link in held.links] == [(mpids[3], 4)]
        assert {link.mpid for link in both.links} == {mpids[3]}
        assert apart.verdict == pb.EXPLANATION_VERDICT_APART
        assert "oldest 2" in apart.sentences[0]

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


def call_of(operation: str, previous: int | None = None, **known: str) -> pb.ExplainRequest:
    call = ExplainedCall(
        operation=ExplainedOperation.Value(f"EXPLAINED_OPERATION_{operation}"),
        known_identities=identities(known),
        previous_mpid=previous,
    )
    return pb.ExplainRequest(environment=PRODUCTION, call=call)


class TestExplainCall:
    async def test_what_a_call_would_do_is_what_it_does(self, client: AsyncClient) -> None:
        """Nothing is written by asking."""
        mpid = await login(client, email="ed@example.com", ios_idfv="d")

        told = await client.explain(call_of("IDENTIFY", ios_idfv="d", other="kept"))
        again = await client.explain(call_of("IDENTIFY", ios_idfv="d", other="kept"))
        made = await identify(client, ios_idfv="d", other="kept")

        assert told == again
        assert told.verdict == pb.EXPLANATION_VERDICT_REASONED
        assert (told.reasoning.ending.rule, told.reasoning.ending.HasField("mpid")) == (
            "link/new-anonymous",
            False,
        )
        (visit,) = told.reasoning.visits
        assert (visit.known_holders, visit.anonymous_holders, visit.eligible, visit.candidates) == (
            1,
            0,
            0,
            0,
        )
        (protected,) = visit.protected
        assert (protected.mpid, protected.protection) == (mpid, PROTECTION_LOGIN_ID)
        assert list(protected.identities) == [one(email="ed@example.com")]
        assert [(c.identity.value, c.is_description) for c in told.reasoning.changes] == [
            ("d", False),
            ("kept", True),
        ]
        (alternative,) = told.reasoning.alternatives
        assert [each.identity for each in alternative.alterations] == [one(email="ed@example.com")]
        assert alternative.ending.mpid == mpid
        assert made != mpid
        assert told.reasoning.is_whole

    async def test_refusals_are_answers(self, client: AsyncClient) -> None:
        """ID-082."""
        told = await client.explain(call_of("LOGIN", ios_idfv="d"))

        assert told.reasoning.ending.outcome == identity_pb2.OUTCOME_REFUSED
        assert told.reasoning.ending.rule == "link/login-without-login-id"
        assert told.reasoning.ending.message

    async def test_a_request_is_told_by_what_was_known_before(self, client: AsyncClient) -> None:
        """Whatever came later."""
        first = await identify(client, ios_idfv="d")
        brought = identities({"customerid": "c-1", "ios_idfv": "d"})
        await client.identify(
            IdentifyRequest(environment=PRODUCTION, known_identities=brought, request_id="r-1")
        )
        await login(client, customerid="c-2", ios_idfv="d")

        told = await client.explain(pb.ExplainRequest(environment=PRODUCTION, request_id="r-1"))

        assert told.verdict == pb.EXPLANATION_VERDICT_RECORDED
        assert told.reasoning.ending.rule == told.entries[0].rule == "link/new-known"
        assert [(v.identity.value, v.known_holders, v.anonymous_holders) for v in told.reasoning.visits] == [
            ("c-1", 0, 0),
            ("d", 0, 1),
        ]
        (alternative,) = told.reasoning.alternatives
        assert [each.identity.value for each in alternative.alterations] == ["c-1"]
        assert alternative.ending.outcome == identity_pb2.OUTCOME_FOUND
        assert alternative.ending.mpid == first

    async def test_what_was_erased_since_is_not_reasoned_about(self, app: App, client: AsyncClient) -> None:
        """ID-212."""
        mpid = await login(client, "r-1", email="ed@example.com")
        (graph,) = (await app.store.graph_of([mpid])).values()
        await app.resolver.delete(graph, mpid)

        told = await client.explain(pb.ExplainRequest(environment=PRODUCTION, request_id="r-1"))

        assert told.verdict == pb.EXPLANATION_VERDICT_RECORDED
        assert not told.HasField("reasoning")

    async def test_who_may_ask(self, client: AsyncClient) -> None:
        """ID-002: what another scope knows is not told."""
        await login(client, customerid="c-1")
        request = call_of("LOGIN", customerid="c-1")

        theirs = await client.explain(request, credentials=CLUB)
        request.scope = "retail"
        operators = await client.explain(request, credentials=OPERATOR)

        assert theirs.reasoning.ending.outcome == identity_pb2.OUTCOME_CREATED
        assert operators.reasoning.ending.outcome == identity_pb2.OUTCOME_FOUND
        with pytest.raises(ForbiddenError):
            await client.explain(request, credentials=FEED)

    @pytest.mark.parametrize(
        ("call", "error", "said"),
        [
            (ExplainedCall(known_identities=identities({"other": "x"})), InvalidRequestError, "operation"),
            (ExplainedCall(operation=EXPLAINED_OPERATION_LOGIN), LookupFailedError, "empty"),
            (
                ExplainedCall(
                    operation=EXPLAINED_OPERATION_LOGIN, known_identities=[identity_pb2.Identity(value="x")]
                ),
                InvalidRequestError,
                "known_identities",
            ),
        ],
    )
    async def test_bad_calls(
        self, client: AsyncClient, call: ExplainedCall, error: type[IdsyncError], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            await client.explain(pb.ExplainRequest(environment=PRODUCTION, call=call))


async def test_a_call_is_explained_in_a_terminal(app: App, client: AsyncClient) -> None:
    mpid = await login(client, email="ed@example.com", ios_idfv="d")
    access = ("--target", app.grpc_address, "--key", "shop-web", "--secret", "shop-secret")

    told = await idsync("explain", "--call", "identify", "ios_idfv=d", "--previous", "42", *access)
    wrong = [
        await idsync("explain", *words, *access)
        for words in (
            ("--call", "modify", "ios_idfv=d"),
            ("--call", "login"),
            ("--call", "login", "ios_idfv=d", "--request", "r-1"),
            ("--previous", "42", "ios_idfv=d", "other=x"),
        )
    ]

    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        "The identify creates a new profile by the rule link/new-anonymous.",
        f"The ios_idfv 'd' is on 1 known and 0 anonymous profiles; {mpid} is protected by its email "
        "'ed@example.com', of which the request brings none; candidates left: 0.",
        "It gets the ios_idfv 'd'.",
        f"With the email 'ed@example.com' the call would lead to profile {mpid} (rule link/known).",
    ]
    assert [ended.code for ended in wrong] == [2, 2, 2, 2]
