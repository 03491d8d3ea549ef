"""What IdentityService refuses, by reason and field (ID-233, ID-236)."""

from __future__ import annotations

import pytest

from idsync.client import AsyncClient
from idsync.model.errors import (
    ForbiddenError,
    InvalidRequestError,
    LookupFailedError,
    NotFoundError,
)
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import OPERATOR
from tests.e2e.identity_requests import (
    EMAIL,
    identify,
    login,
    modify,
    search,
)


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
