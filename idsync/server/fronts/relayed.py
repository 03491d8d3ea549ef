"""The methods of the service in a front: the same to a transport, answered elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from idsync.server.call import Call
from idsync.server.fronts.contract import RPCS, path_of
from idsync.server.fronts.relay import Relay

__all__ = ["RelayedBytes", "RelayedMessages", "relayed_bytes", "relayed_messages"]


class RelayedBytes:
    """One rpc for a wire: bytes in and out, never parsed here.

    Attributes:
        path: As on the wire.
        serialize: Nothing: the response is bytes already.
    """

    serialize: None = None

    def __init__(self, relay: Relay, number: int, rpc: MethodDescriptor) -> None:
        self.path = path_of(rpc)
        self.client_streaming: bool = rpc.client_streaming
        self.server_streaming: bool = rpc.server_streaming
        self._relay = relay
        self._number = number

    async def answer(self, request: bytes, call: Call) -> bytes:
        """Have one request answered; see `Method.answer`."""
        return await self._relay.call(self._number, request, call)

    def answers(self, requests: AsyncIterable[bytes], call: Call) -> AsyncGenerator[bytes, None]:
        """Have a stream answered; see `Method.answers`."""
        return self._relay.stream(self._number, requests, call)


class RelayedMessages:
    """One rpc for those who speak in messages, as the gateway does."""

    def __init__(self, relayed: RelayedBytes, rpc: MethodDescriptor) -> None:
        self.path = relayed.path
        self._relayed = relayed
        self._read = GetMessageClass(rpc.output_type).FromString

    async def answer(self, request: Message, call: Call) -> Message:
        """Have one request answered; see `Method.answer`."""
        return self._read(await self._relayed.answer(request.SerializeToString(), call))

    async def answers(self, requests: AsyncIterable[Message], call: Call) -> AsyncGenerator[Message, None]:
        """Have a stream answered; see `Method.answers`."""
        written = (request.SerializeToString() async for request in requests)
        async with aclosing(self._relayed.answers(written, call)) as responses:
            async for response in responses:
                yield self._read(response)


def relayed_bytes(relay: Relay) -> list[RelayedBytes]:
    """Give every rpc of the contract, for a wire."""
    return [RelayedBytes(relay, number, rpc) for number, rpc in enumerate(RPCS)]


def relayed_messages(relay: Relay) -> list[RelayedMessages]:
    """Give every rpc of the contract, for those who speak in messages."""
    return [RelayedMessages(RelayedBytes(relay, number, rpc), rpc) for number, rpc in enumerate(RPCS)]
