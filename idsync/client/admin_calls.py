"""What a client asks about the service: scopes and their versions, workspaces and inputs."""

from __future__ import annotations

from idsync.client.caller import Caller
from idsync.client.credentials import Credentials
from idsync.v1 import admin_service_pb2 as admin
from idsync.v1 import staging_pb2 as staging

__all__ = ["AdminCalls"]


class AdminCalls:
    """The calls of `AdminService`; part of `AsyncClient`."""

    _caller: Caller

    async def list_scopes(
        self,
        request: admin.ListScopesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.ListScopesResponse:
        """Show all scopes, by pages."""
        return await self._caller.call(admin.ListScopesResponse, request, credentials, timeout_s)

    async def get_scope(
        self,
        request: admin.GetScopeRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.GetScopeResponse:
        """Show one scope by name."""
        return await self._caller.call(admin.GetScopeResponse, request, credentials, timeout_s)

    async def list_workspaces(
        self,
        request: admin.ListWorkspacesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.ListWorkspacesResponse:
        """Show all workspaces, by pages."""
        return await self._caller.call(admin.ListWorkspacesResponse, request, credentials, timeout_s)

    async def get_workspace(
        self,
        request: admin.GetWorkspaceRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.GetWorkspaceResponse:
        """Show one workspace by name."""
        return await self._caller.call(admin.GetWorkspaceResponse, request, credentials, timeout_s)

    async def list_inputs(
        self,
        request: admin.ListInputsRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.ListInputsResponse:
        """Show the inputs of all workspaces, or of one, by pages."""
        return await self._caller.call(admin.ListInputsResponse, request, credentials, timeout_s)

    async def get_input(
        self,
        request: admin.GetInputRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.GetInputResponse:
        """Show one input by key."""
        return await self._caller.call(admin.GetInputResponse, request, credentials, timeout_s)

    async def stage_version(
        self,
        request: staging.StageVersionRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> staging.StageVersionResponse:
        """Let other settings of a scope take effect at a moment, or say what that would mean."""
        return await self._caller.call(staging.StageVersionResponse, request, credentials, timeout_s)

    async def list_versions(
        self,
        request: staging.ListVersionsRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> staging.ListVersionsResponse:
        """Show the versions that the settings of a scope have had, and what is staged, by pages."""
        return await self._caller.call(staging.ListVersionsResponse, request, credentials, timeout_s)

    async def withdraw_version(
        self,
        request: staging.WithdrawVersionRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> staging.WithdrawVersionResponse:
        """Withdraw a version that has not taken effect."""
        return await self._caller.call(staging.WithdrawVersionResponse, request, credentials, timeout_s)

    async def plan_repair(
        self,
        request: staging.PlanRepairRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> staging.PlanRepairResponse:
        """Show which values are on more records than their type allows, and who would keep them."""
        return await self._caller.call(staging.PlanRepairResponse, request, credentials, timeout_s)

    async def repair(
        self,
        request: staging.RepairRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> staging.RepairResponse:
        """Take values of unique types off all records but one."""
        return await self._caller.call(staging.RepairResponse, request, credentials, timeout_s)
