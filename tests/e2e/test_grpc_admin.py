"""AdminService over the wire: how the service is set up, for operators only."""

from __future__ import annotations

from typing import Any

import pytest

from idsync.client import AsyncClient
from idsync.model.errors import ForbiddenError, InvalidRequestError, NotFoundError
from idsync.server.app import App
from idsync.testing.clock import START_MS
from idsync.v1 import admin_service_pb2 as pb
from idsync.v1 import identity_pb2 as i
from tests.e2e.conftest import OPERATOR, SHOP


@pytest.fixture
async def operator(app: App) -> Any:
    async with AsyncClient.connect(app.grpc_address, OPERATOR) as client:
        yield client


async def test_scopes(operator: AsyncClient) -> None:
    """ID-252: the settings with their version."""
    listed = (await operator.list_scopes(pb.ListScopesRequest())).scopes
    scope = (await operator.get_scope(pb.GetScopeRequest(name="retail"))).scope

    assert [s.name for s in listed] == ["parted", "retail"]
    assert listed[1] == scope
    assert (scope.version, scope.author, scope.version_time.ToMilliseconds()) == (1, "file", START_MS)
    assert scope.settings == pb.ScopeSettings(
        strategy="profile_link",
        identity_priority=[
            i.IDENTITY_TYPE_CUSTOMERID,
            i.IDENTITY_TYPE_EMAIL,
            i.IDENTITY_TYPE_IOS_IDFV,
            i.IDENTITY_TYPE_ROKU_AID,
        ],
        login_ids=[i.IDENTITY_TYPE_CUSTOMERID, i.IDENTITY_TYPE_EMAIL],
        unique_ids=[i.IDENTITY_TYPE_CUSTOMERID, i.IDENTITY_TYPE_EMAIL],
        alias_max_window_days=90,
        alias_delay_s=86_400,
        search_requires_immutable=True,
    )


async def test_workspaces(operator: AsyncClient) -> None:
    listed = (await operator.list_workspaces(pb.ListWorkspacesRequest())).workspaces
    outlet = (await operator.get_workspace(pb.GetWorkspaceRequest(name="outlet"))).workspace

    assert [w.name for w in listed] == ["club", "outlet", "shop"]
    assert outlet == pb.Workspace(name="outlet", scope="retail", aliasing=False)


async def test_inputs(operator: AsyncClient) -> None:
    every = (await operator.list_inputs(pb.ListInputsRequest())).inputs
    shop = (await operator.list_inputs(pb.ListInputsRequest(workspace="shop"))).inputs
    web = (await operator.get_input(pb.GetInputRequest(key="shop-web"))).input

    assert [item.key for item in every] == ["club", "outlet-ios", "shop-feed", "shop-web"]
    assert [item.key for item in shop] == ["shop-feed", "shop-web"]
    assert web == pb.Input(key="shop-web", workspace="shop", platform="web", key_only=True, may_read=True)


async def test_secrets_are_never_shown(operator: AsyncClient) -> None:
    shown = (await operator.list_inputs(pb.ListInputsRequest())).SerializeToString()

    assert b"secret" not in shown


async def test_pages(operator: AsyncClient) -> None:
    first = await operator.list_inputs(pb.ListInputsRequest(page_size=3))
    second = await operator.list_inputs(pb.ListInputsRequest(page_size=3, page_token=first.next_page_token))

    assert [item.key for item in (*first.inputs, *second.inputs)] == [
        "club", "outlet-ios", "shop-feed", "shop-web",
    ]  # fmt: skip
    assert not second.next_page_token
    with pytest.raises(InvalidRequestError):
        await operator.list_workspaces(pb.ListWorkspacesRequest(page_token=first.next_page_token))


async def test_unknown_names(operator: AsyncClient) -> None:
    with pytest.raises(NotFoundError):
        await operator.get_scope(pb.GetScopeRequest(name="nowhere"))
    with pytest.raises(NotFoundError):
        await operator.get_workspace(pb.GetWorkspaceRequest(name="nowhere"))
    with pytest.raises(NotFoundError):
        await operator.get_input(pb.GetInputRequest(key="nobody"))
    with pytest.raises(NotFoundError):
        await operator.list_inputs(pb.ListInputsRequest(workspace="nowhere"))


async def test_inputs_may_not_look(client: AsyncClient) -> None:
    for call in (
        client.list_scopes(pb.ListScopesRequest()),
        client.get_scope(pb.GetScopeRequest(name="retail")),
        client.list_workspaces(pb.ListWorkspacesRequest()),
        client.get_workspace(pb.GetWorkspaceRequest(name="shop")),
        client.list_inputs(pb.ListInputsRequest()),
        client.get_input(pb.GetInputRequest(key="shop-web"), credentials=SHOP),
    ):
        with pytest.raises(ForbiddenError):
            await call
