"""The methods of the service in a front: the same to a transport, answered elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from idsync.model.wording import Wording
from idsync.server.call import Call
from idsync.server.fronts.contract import RPCS, path_of
from idsync.server.fronts.relay import Relay

__all__ = ["RelayedBytes", "RelayedMessages", "relayed_bytes", "relayed_messages"]


class _Written:
    """A message that nobody here needs to read."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def SerializeToString(self) -> bytes:  # noqa: N802 - the name is protobuf's
        return self._data


class RelayedBytes:
    """One rpc for a wire: bytes in and out, never parsed here.

    Attributes:
        path: As on the wire.
    """

    def __init__(self, relay: Relay, number: int, rpc: MethodDescriptor) -> None:
        self.path = path_of(rpc)
        self.client_streaming: bool = rpc.client_streaming
        self.server_streaming: bool = rpc.server_streaming
        self._relay = relay
        self._number = number

    async def answer_bytes(self, request: bytes, call: Call) -> bytes:
        """Have one request answered; see `Method.answer_bytes`."""
        return await self._relay.call(self._number, request, call)

    async def answers(self, requests: AsyncIterable[bytes], call: Call) -> AsyncGenerator[_Written, None]:
        """Have a stream answered; see `Method.answers`."""
        async with aclosing(self._relay.stream(self._number, requests, call)) as responses:
            async for response in responses:
                yield _Written(response)


class RelayedMessages:
    """One rpc for those who speak in messages, as the gateway does.

    Attributes:
        path: As on the wire.
    """

    def __init__(self, relay: Relay, number: int, rpc: MethodDescriptor) -> None:
        self.path = path_of(rpc)
        self._relay = relay
        self._number = number
        self._read = GetMessageClass(rpc.output_type).FromString

    async def answer(self, request: Message, call: Call) -> Message:
        """Have one request answered; see `Method.answer`."""
        return self._read(await self._relay.call(self._number, request.SerializeToString(), call))

    def recall(self, request: Wording, call: Call) -> None:
        """Remember nothing: whether an answer stands only the owner knows."""
        del request, call

    async def answers(self, requests: AsyncIterable[Message], call: Call) -> AsyncGenerator[Message, None]:
        """Have a stream answered; see `Method.answers`."""
        written = (request.SerializeToString() async for request in requests)
        async with aclosing(self._relay.stream(self._number, written, call)) as responses:
            async for response in responses:
                yield self._read(response)


def relayed_bytes(relay: Relay) -> list[RelayedBytes]:
    """Give every rpc of the contract, for a wire."""
    return [RelayedBytes(relay, number, rpc) for number, rpc in enumerate(RPCS)]


def relayed_messages(relay: Relay) -> list[RelayedMessages]:
    """Give every rpc of the contract, for those who speak in messages."""
    return [RelayedMessages(relay, number, rpc) for number, rpc in enumerate(RPCS)]
