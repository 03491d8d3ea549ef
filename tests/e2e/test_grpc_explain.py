"""GraphService over the wire: why identities are together, or are not."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient
from idsync.model.errors import InvalidRequestError
from idsync.resolve import explain
from idsync.v1 import graph_service_pb2 as pb
from tests.e2e.conftest import CLUB
from tests.e2e.profiles import PRODUCTION, login, one


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
