"""Scenarios on a service that is running already and cannot be emptied."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from idsync.client import AsyncClient, OperatorCredentials
from idsync.client.retry_policy import BRIEFLY
from idsync.model.blocking import BlockedValues
from idsync.model.errors import ConfigurationError, IdsyncError
from idsync.model.identity import TYPES_BY_NAME, IdentityType
from idsync.model.policy import Policy
from idsync.testing.scenario.case import AnyCase, Case
from idsync.testing.scenario.grpc_surface import GrpcSurface, credentials_of
from idsync.testing.scenario.http_surface import HttpSurface, http_client
from idsync.testing.scenario.inspection import Inspector
from idsync.testing.scenario.marking import marked_case
from idsync.testing.scenario.service_surface import InputAccess
from idsync.testing.scenario.surface import OpenSurface, Surface
from idsync.v1.admin_service_pb2 import BlockedValues as BlockedValuesMessage
from idsync.v1.admin_service_pb2 import GetScopeRequest
from idsync.v1.identity_service_pb2 import GetCallerRequest, GetCallerResponse

__all__ = ["Live", "LiveService", "marked_cases", "new_mark", "open_live"]

_WORKSPACE: Final = "w1"


@dataclass(frozen=True, slots=True)
class LiveService:
    """How to reach a service.

    Attributes:
        grpc: HOST:PORT; `None`: only HTTP is used, and nothing can be inspected.
        http: HOST:PORT or URL: calls go there, and gRPC only inspects; `None`: calls go over gRPC.
        key: The input that calls.
        secret: `None`: its key alone is shown.
        token: An operator's, for inspection; without it the input inspects, if it may read.
    """

    grpc: str | None
    http: str | None
    key: str
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Live:
    """A service one is connected to.

    Attributes:
        open_surface: Prepares a case, which here means nothing.
        description: The service, for people.
        policy: The settings of its scope; `None`: they are shown to operators only.
    """

    open_surface: OpenSurface
    description: str
    policy: Policy | None


@asynccontextmanager
async def open_live(service: LiveService) -> AsyncIterator[Live]:
    """Connect, and make sure before the first case that the service takes the credentials.

    Raises:
        IdsyncError: The service cannot be reached, or does not accept the credentials.
    """
    async with AsyncExitStack() as stack:
        access = InputAccess(service.key, service.secret, "")
        caller: GetCallerResponse | None = None
        policy: Policy | None = None
        inspector: Inspector | None = None
        surface: Surface
        if service.grpc is not None:
            client = await stack.enter_async_context(AsyncClient.connect(service.grpc, retry=BRIEFLY))
            caller = await client.get_caller(GetCallerRequest(), credentials=credentials_of(access))
            access = InputAccess(service.key, service.secret, caller.scope)
            inspector = await _inspector(client, service, access, caller)
            if service.token is not None:
                policy = await _policy(client, OperatorCredentials(service.token), caller.scope)
        if service.http is not None:
            http = await stack.enter_async_context(http_client(service.http))
            surface = HttpSurface(http, {_WORKSPACE: access}, inspector)
        elif service.grpc is not None:
            surface = GrpcSurface(client, {_WORKSPACE: access}, inspector)
        else:
            raise ConfigurationError("a live service needs an address")

        @asynccontextmanager
        async def open_surface(_case: Case) -> AsyncIterator[Surface]:
            yield surface

        yield Live(open_surface, _described(service, caller), policy)


async def _inspector(
    client: AsyncClient, service: LiveService, access: InputAccess, caller: GetCallerResponse
) -> Inspector | None:
    if service.token is not None:
        operator = OperatorCredentials(service.token)
        if not (await client.get_caller(GetCallerRequest(), credentials=operator)).is_operator:
            raise IdsyncError("the token is not an operator's")
        return Inspector(client, operator, [caller.scope])
    return Inspector(client, credentials_of(access), [caller.scope]) if caller.may_read else None


async def _policy(client: AsyncClient, operator: OperatorCredentials, scope: str) -> Policy:
    answer = await client.get_scope(GetScopeRequest(name=scope), credentials=operator)
    settings = answer.scope.settings
    return Policy(
        settings.strategy,
        tuple(map(IdentityType, settings.identity_priority)),
        frozenset(map(IdentityType, settings.login_ids)),
        frozenset(map(IdentityType, settings.unique_ids)),
        frozenset(map(IdentityType, settings.immutable_ids)),
        {TYPES_BY_NAME[name]: limit for name, limit in settings.max_per_type.items()},
        settings.alias_max_window_days,
        settings.alias_delay_s,
        settings.search_requires_immutable,
        conflict_guard=settings.conflict_guard,
        blocked_values=_blocked(settings.blocked_values) if settings.HasField("blocked_values") else None,
    )


def _blocked(values: BlockedValuesMessage) -> BlockedValues:
    entries: dict[IdentityType | None, tuple[str, ...]] = {}
    for entry in values.entries:
        kind = IdentityType(entry.type) if entry.HasField("type") else None
        entries[kind] = (*entries.get(kind, ()), entry.value)
    return BlockedValues(values.shipped, entries)


def _described(service: LiveService, caller: GetCallerResponse | None) -> str:
    way = f"HTTP at {service.http}" if service.http is not None else f"gRPC at {service.grpc}"
    scope = "" if caller is None else f", scope {caller.scope} ({caller.strategy})"
    return f"a live service over {way}{scope}"


def new_mark() -> str:
    """Make a mark that no earlier run had: letters and digits only."""
    return f"r{secrets.token_hex(5)}"


def marked_cases(cases: list[AnyCase], mark: str) -> list[AnyCase]:
    """Mark the values of each case with the mark of the run and the number of the case."""
    return [
        marked_case(case, f"{mark}c{number}") if isinstance(case, Case) else case
        for number, case in enumerate(cases, start=1)
    ]
