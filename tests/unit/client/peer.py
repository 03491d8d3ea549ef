"""A real server on the wire that says what a test wants said; the client's other side, not our service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from idsync.client.rpcs import RPCS, Rpc
from idsync.v1 import (
    admin_service_pb2_grpc,
    graph_service_pb2,
    graph_service_pb2_grpc,
    identity_service_pb2,
    identity_service_pb2_grpc,
    privacy_service_pb2_grpc,
    radar_service_pb2_grpc,
)

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Seen:
    """One call as it came over the wire."""

    rpc: str
    request: Message
    metadata: tuple[tuple[str, str | bytes], ...]
    left_s: float | None


class Refusal:
    """An answer that is an error: canonical code, text, and details."""

    def __init__(self, code: grpc.StatusCode, message: str = "no", *details: Message) -> None:
        self.status = Status(code=code.value[0], message=message)
        for detail in details:
            self.status.details.add().Pack(detail)


class Silence:
    """No answer at all, until the caller gives up."""


@dataclass
class Peer:
    """Answers each call with the next of `answers`, and with an empty response when there are none left.

    While there is an `outage`, its refusal is the answer to all.
    """

    answers: deque[Message | Refusal | Silence] = field(default_factory=deque)
    outage: Callable[[], Refusal | None] = field(default=lambda: None)
    seen: list[Seen] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, secrecy: grpc.ServerCredentials | None = None) -> str:
        """Listen on a port of the system's choice, encrypted if a certificate is given, and say where."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0), *_METADATA_LIMITS])
        identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(
            _servicer(identity_service_pb2_grpc.IdentityServiceServicer, self), self._server
        )
        graph_service_pb2_grpc.add_GraphServiceServicer_to_server(
            _servicer(graph_service_pb2_grpc.GraphServiceServicer, self), self._server
        )
        privacy_service_pb2_grpc.add_PrivacyServiceServicer_to_server(
            _servicer(privacy_service_pb2_grpc.PrivacyServiceServicer, self), self._server
        )
        radar_service_pb2_grpc.add_RadarServiceServicer_to_server(
            _servicer(radar_service_pb2_grpc.RadarServiceServicer, self), self._server
        )
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(
            _servicer(admin_service_pb2_grpc.AdminServiceServicer, self), self._server
        )
        if secrecy is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", secrecy)
        await self._server.start()
        return f"127.0.0.1:{port}"

    async def stop(self) -> None:
        await self._server.stop(None)

    async def answer(self, rpc: Rpc, request: Message, context: Context) -> Message:
        metadata = tuple((key, value) for key, value in context.invocation_metadata() or ())
        self.seen.append(Seen(rpc.name, request, metadata, context.time_remaining()))
        self.called.set()
        answer = self.outage() or (self.answers.popleft() if self.answers else _usual(rpc, request))
        if isinstance(answer, Refusal):
            await context.abort_with_status(rpc_status.to_status(answer.status))
        if isinstance(answer, Silence):
            await self.silence()
        assert isinstance(answer, Message)
        return answer

    async def silence(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()


_METADATA_LIMITS = (("grpc.max_metadata_size", 1 << 20), ("grpc.absolute_max_metadata_size", 1 << 20))


def _servicer(base: Any, peer: Peer) -> Any:
    """Fill every method of a generated servicer with the peer's answer."""
    methods: dict[str, Any] = {}
    for rpc in RPCS:
        if hasattr(base, rpc.name):
            methods[rpc.name] = _STREAMS.get(rpc.name, _unary)(rpc, peer)
    return type(base.__name__, (base,), methods)()


def _usual(rpc: Rpc, request: Message) -> Message:
    """Give an empty response; to a batch one for each call, with the MPID that an identify brought."""
    response = rpc.response_type()
    if isinstance(request, identity_service_pb2.BatchResolveRequest):
        assert isinstance(response, identity_service_pb2.BatchResolveResponse)
        for call in request.calls:
            result = response.results.add()
            getattr(result, call.WhichOneof("call") or "").SetInParent()
            if call.HasField("identify"):
                result.identify.mpid = call.identify.previous_mpid
    return response


def _unary(rpc: Rpc, peer: Peer) -> Any:
    async def answer(_: object, request: Message, context: Context) -> Message:
        return await peer.answer(rpc, request, context)

    return answer


def _watch(rpc: Rpc, peer: Peer) -> Any:
    async def entries(
        _: object, request: graph_service_pb2.WatchChangesRequest, context: Context
    ) -> AsyncIterator[graph_service_pb2.WatchChangesResponse]:
        """Give three entries after the cursor, then what the next answer says."""
        for seq in range(request.after_seq + 1, request.after_seq + 4):
            yield graph_service_pb2.WatchChangesResponse(entry=graph_service_pb2.JournalEntry(seq=seq))
        await peer.answer(rpc, request, context)

    return entries


def _stream(rpc: Rpc, peer: Peer) -> Any:
    async def answers(
        _: object, requests: AsyncIterator[identity_service_pb2.StreamResolveRequest], context: Context
    ) -> AsyncIterator[identity_service_pb2.StreamResolveResponse]:
        """Answer each call with the MPID it brought as its last one."""
        async for request in requests:
            response = identity_service_pb2.StreamResolveResponse()
            response.result.identify.mpid = request.call.identify.previous_mpid
            yield response

    return answers


_STREAMS = {"WatchChanges": _watch, "StreamResolve": _stream}
