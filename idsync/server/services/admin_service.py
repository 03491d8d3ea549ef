"""AdminService: shows operators how the service is set up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from idsync.config.configuration import Configuration, InputSettings, WorkspaceSettings
from idsync.config.policy_json import policy_from_json
from idsync.config.scopes import policy_warnings
from idsync.model.blocking import BlockedValues
from idsync.model.errors import NotFoundError
from idsync.model.policy import Policy
from idsync.model.settings_version import SettingsVersion
from idsync.resolve.registry import load_strategies
from idsync.server.call import Call
from idsync.server.services.versions import Versions
from idsync.server.switch.staging import Staging
from idsync.server.switch.switch import Switch
from idsync.server.versions import FILE
from idsync.server.wire.pages import Page, page_of
from idsync.v1 import admin_service_pb2 as pb

__all__ = ["AdminService"]

T = TypeVar("T")

_ITEMS: Final = {"default": 100, "most": 1_000}


class AdminService(Versions):
    """Answers operators only; shows everything but secrets."""

    def __init__(self, configuration: Configuration, switch: Switch, staging: Staging) -> None:
        self._switch = switch
        self._staging = staging
        self._warnings = configuration.warnings
        self._workspaces = [_workspace(w) for w in sorted(configuration.workspaces, key=lambda w: w.name)]
        self._inputs = [_input(i) for i in sorted(configuration.inputs(), key=lambda i: i.key)]

    async def list_scopes(self, request: pb.ListScopesRequest, call: Call) -> pb.ListScopesResponse:
        """Show all scopes."""
        call.caller.require_operator()
        page = page_of(request.page_size, request.page_token, **_ITEMS, question="scopes")
        names, token = _part(self._switch.names(), page)
        return pb.ListScopesResponse(scopes=[self._scope(name) for name in names], next_page_token=token)

    async def get_scope(self, request: pb.GetScopeRequest, call: Call) -> pb.GetScopeResponse:
        """Show one scope."""
        call.caller.require_operator()
        if request.name not in self._switch.names():
            raise NotFoundError("no such scope")
        return pb.GetScopeResponse(scope=self._scope(request.name))

    async def list_workspaces(
        self, request: pb.ListWorkspacesRequest, call: Call
    ) -> pb.ListWorkspacesResponse:
        """Show all workspaces."""
        call.caller.require_operator()
        page = page_of(request.page_size, request.page_token, **_ITEMS, question="workspaces")
        shown, token = _part(self._workspaces, page)
        return pb.ListWorkspacesResponse(workspaces=shown, next_page_token=token)

    async def get_workspace(self, request: pb.GetWorkspaceRequest, call: Call) -> pb.GetWorkspaceResponse:
        """Show one workspace."""
        call.caller.require_operator()
        return pb.GetWorkspaceResponse(workspace=self._workspace(request.name))

    async def list_inputs(self, request: pb.ListInputsRequest, call: Call) -> pb.ListInputsResponse:
        """Show the inputs of all workspaces, or of one."""
        call.caller.require_operator()
        wanted = request.workspace
        if wanted:
            self._workspace(wanted)
        page = page_of(request.page_size, request.page_token, **_ITEMS, question=("inputs", wanted))
        shown, token = _part([i for i in self._inputs if wanted in {"", i.workspace}], page)
        return pb.ListInputsResponse(inputs=shown, next_page_token=token)

    async def get_input(self, request: pb.GetInputRequest, call: Call) -> pb.GetInputResponse:
        """Show one input."""
        call.caller.require_operator()
        for item in self._inputs:
            if item.key == request.key:
                return pb.GetInputResponse(input=item)
        raise NotFoundError("no such input")

    def _scope(self, name: str) -> pb.Scope:
        version = self._switch.current(name)
        policy = policy_from_json(version.settings)
        if version.author == FILE:
            warnings: Sequence[str] = self._warnings.get(name, ())
        else:
            strategy = load_strategies([policy.strategy])[policy.strategy]
            warnings = [f"{setting}: {text}" for setting, text in policy_warnings(policy, strategy)]
        return _scope(name, policy, version, warnings)

    def _workspace(self, name: str) -> pb.Workspace:
        for workspace in self._workspaces:
            if workspace.name == name:
                return workspace
        raise NotFoundError("no such workspace")


def _part(items: Sequence[T], page: Page) -> tuple[Sequence[T], str]:
    """Cut out a page; the lists are those of one start, so that a place in them is a number."""
    start = max(0, page.cursor or 0)
    end = start + page.size
    return items[start:end], page.token(end) if end < len(items) else ""


def _scope(name: str, policy: Policy, version: SettingsVersion, warnings: Sequence[str]) -> pb.Scope:
    message = pb.Scope(name=name, version=version.number, author=version.author, warnings=warnings)
    message.version_time.FromMilliseconds(version.effective_ms)
    message.settings.CopyFrom(
        pb.ScopeSettings(
            strategy=policy.strategy,
            identity_priority=policy.priority,  # type: ignore[arg-type]  # the numbers are the wire's
            login_ids=sorted(policy.login),  # type: ignore[arg-type]
            unique_ids=sorted(policy.unique),  # type: ignore[arg-type]
            immutable_ids=sorted(policy.immutable),  # type: ignore[arg-type]
            max_per_type={t.wire_name: most for t, most in policy.max_per_type.items()},
            alias_max_window_days=policy.alias_max_window_days,
            alias_delay_s=policy.alias_delay_s,
            search_requires_immutable=policy.search_requires_immutable,
            conflict_guard=policy.conflict_guard,
            blocked_values=None if policy.blocked_values is None else _blocked(policy.blocked_values),
        )
    )
    return message


def _blocked(values: BlockedValues) -> pb.BlockedValues:
    return pb.BlockedValues(
        shipped=values.shipped,
        entries=[
            pb.BlockedValue(type=kind, value=entry)  # type: ignore[arg-type]
            for kind, entries in values.entries.items()
            for entry in entries
        ],
    )


def _workspace(workspace: WorkspaceSettings) -> pb.Workspace:
    return pb.Workspace(name=workspace.name, scope=workspace.scope, aliasing=workspace.aliasing)


def _input(item: InputSettings) -> pb.Input:
    return pb.Input(
        key=item.key,
        workspace=item.workspace,
        platform=item.platform,
        key_only=item.key_only,
        may_read=item.may_read,
    )
