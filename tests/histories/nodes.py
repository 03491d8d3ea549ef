"""Plays histories on real nodes: processes of `idsync serve` that are killed, stopped and started again."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

from idsync.client import AsyncClient, RetryPolicy, identities
from idsync.client.credentials import BasicCredentials
from idsync.client.grpc_transport import GrpcTransport
from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.errors import DeadlineExceededError, IdsyncError, UnavailableError
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.notice import Notice, NoticeReason
from idsync.model.request import ModifyRequest, ResolveRequest
from idsync.model.request import Operation as Rpc
from idsync.resolve.scope import Scope
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION, OUTCOME_CONVERTED, OUTCOME_CREATED, OUTCOME_FOUND
from tests.histories.calls import any_request, any_scope
from tests.histories.recording import CALLS, CLIENTS, History, Operation
from tests.program import addresses_of, serve_command

__all__ = ["Nodes", "configuration_of", "record_on"]

_DEADLINE_S: Final = 60.0
_CALL_S: Final = 20.0
_STOPPED_S: Final = 0.05
_OUTCOMES: Final = {
    OUTCOME_FOUND: Outcome.FOUND,
    OUTCOME_CREATED: Outcome.CREATED,
    OUTCOME_CONVERTED: Outcome.CONVERTED,
}
_REQUESTS: Final = {
    Rpc.IDENTIFY: pb.IdentifyRequest,
    Rpc.LOGIN: pb.LoginRequest,
    Rpc.LOGOUT: pb.LogoutRequest,
    Rpc.SEARCH: pb.SearchRequest,
}


def configuration_of(scopes: Mapping[str, Scope]) -> str:
    """Write the configuration that has these scopes, each with a workspace and an input of its name."""
    parts = []
    for name, scope in scopes.items():
        policy = scope.policy
        maxima = ", ".join(f"{kind.wire_name} = {most}" for kind, most in policy.max_per_type.items())
        parts.append(
            f"""
[scopes.{name}]
strategy = "{policy.strategy}"
identity_priority = {_names(policy.priority)}
login_ids = {_names(policy.login)}
unique_ids = {_names(policy.unique)}
immutable_ids = []
max_per_type = {{ {maxima} }}
[workspaces.{name}]
scope = "{name}"
[[workspaces.{name}.inputs]]
platform = "server"
key = "{name}"
secret = "secret"
"""
        )
    return "".join(parts)


def _names(kinds: Any) -> str:
    return "[" + ", ".join(f'"{kind.wire_name}"' for kind in kinds) + "]"


class Node:
    """One process of the service."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: Process | None = None
        self._address = ""
        self._is_up = asyncio.Event()

    async def start(self) -> None:
        """Start it, and wait until it takes calls."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "--log-level", "error", stdout=PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(_DEADLINE_S):
            self._address = addresses_of((await self._process.stdout.readline()).decode()).grpc
        self._is_up.set()

    async def end(self) -> None:
        """Kill it, at whatever it is."""
        self._is_up.clear()
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process._transport.close()  # type: ignore[attr-defined]

    async def fail(self, draw: Random) -> None:
        """Kill it and start it again, or stop it for a moment."""
        assert self._process is not None
        if draw.random() < 0.5:
            await self.end()
            await self.start()
        else:
            self._process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(_STOPPED_S)  # this is how long it is stopped
            self._process.send_signal(signal.SIGCONT)

    async def call(self, scope: str, request: ResolveRequest | ModifyRequest) -> Any:
        """Call once; gives the answer or the error that the service meant.

        Raises:
            UnavailableError, DeadlineExceededError: Nobody knows what became of the call.
        """
        await asyncio.wait_for(self._is_up.wait(), _DEADLINE_S)
        credentials = BasicCredentials(scope, "secret")
        once = RetryPolicy(attempts=1)
        async with AsyncClient(GrpcTransport(self._address), credentials, retry=once) as client:
            try:
                return await _call(client, request)
            except (UnavailableError, DeadlineExceededError):
                raise
            except IdsyncError as error:
                return error


class Nodes:
    """The nodes of a database: one of a file, two or more of a database server.

    Args:
        folder: Where configuration and file lie.
        scopes: What they serve.
        database: URL of a database server; `None`: a file, which has one node.
    """

    def __init__(self, folder: Path, scopes: Mapping[str, Scope], database: str | None) -> None:
        command = serve_command(folder, configuration_of(scopes))
        if database is not None:
            command = [*command, "--database", database]
        self.nodes = [Node(command) for _ in range(1 if database is None else 2)]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Nodes:
        for node in self.nodes:
            self._stack.push_async_callback(node.end)
            await node.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()


async def record_on(nodes: Nodes, seed: int, scope: str, *, faults: int) -> History:
    """Play a history in a scope of its own; what is asked, and when something fails, comes from the seed."""
    random = Random(seed)
    history = History(seed, any_scope(random))
    events = iter(range(1 << 30))
    answered = 0
    more = asyncio.Event()

    async def client(number: int) -> None:
        nonlocal answered, more
        mine: Mpid | None = None
        draw = Random(seed * CLIENTS + number)
        for _ in range(CALLS):
            request = any_request(draw, mine)
            while not isinstance(request, ResolveRequest | ModifyRequest):
                request = any_request(draw, mine)
            operation = Operation(request, next(events))
            history.operations.append(operation)
            try:
                operation.outcome = await draw.choice(nodes.nodes).call(scope, request)
            except (UnavailableError, DeadlineExceededError):
                continue
            finally:
                answered += 1
                more.set()
                more = asyncio.Event()
            operation.ended = next(events)
            if isinstance(operation.outcome, Resolution):
                mine = operation.outcome.mpid

    async def fail() -> None:
        draw = Random(seed)
        for goal in sorted(draw.sample(range(1, CLIENTS * CALLS), faults)):
            while answered < goal:
                await more.wait()
            await draw.choice(nodes.nodes).fail(draw)

    failing = asyncio.create_task(fail())
    async with asyncio.timeout(10 * _DEADLINE_S):
        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
        await failing
    return history


async def _call(client: AsyncClient, request: ResolveRequest | ModifyRequest) -> Resolution | Modification:
    if isinstance(request, ModifyRequest):
        answer = await client.modify(
            pb.ModifyRequest(
                environment=ENVIRONMENT_PRODUCTION,
                mpid=request.mpid,
                identity_changes=[
                    pb.IdentityChange(
                        type=change.type,  # type: ignore[arg-type]
                        old_value=None if change.old is None else change.old.value,
                        new_value=None if change.new is None else change.new.value,
                    )
                    for change in request.changes
                ],
            ),
            timeout_s=_CALL_S,
        )
        results = tuple((IdentityType(each.type), each.modified_mpid) for each in answer.change_results)
        return Modification(results, answer.is_logged_in, answer.journal_seq, _notices(answer.notices))
    message = _REQUESTS[request.operation](
        environment=ENVIRONMENT_PRODUCTION,
        known_identities=identities({i.type.wire_name: i.value for i in request.identities.values()}),
        previous_mpid=request.previous_mpid,
    )
    said: Any = await getattr(client, request.operation.value)(message, timeout_s=_CALL_S)
    decision = said.decision
    return Resolution(
        mpid=said.mpid,
        matched=tuple(_identity(each) for each in said.matched_identities),
        is_logged_in=said.is_logged_in,
        is_ephemeral=said.is_ephemeral,
        outcome=_OUTCOMES[decision.outcome],
        rule=decision.rule,
        decided_by=_identity(decision.decided_by) if decision.HasField("decided_by") else None,
        journal_seq=decision.journal_seq,
        notices=_notices(decision.notices),
    )


def _identity(message: Any) -> Identity:
    return Identity(IdentityType(message.type), message.value)


def _notices(messages: Any) -> tuple[Notice, ...]:
    return tuple(Notice(IdentityType(each.type), NoticeReason(each.reason)) for each in messages)
