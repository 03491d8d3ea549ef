"""One trace id for the answer over HTTP and for what the service logs about it (ID-235)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextvars import ContextVar
from typing import Final

from google.protobuf.message import Message

from idsync.client import Metadata, Rpc, Transport

__all__ = ["TRACE_ID", "TracedTransport"]

TRACE_ID: Final[ContextVar[str]] = ContextVar("idsync_http_trace_id")
"""The trace id of the HTTP request that is being answered; 32 hexadecimal digits."""

_NAME: Final = "x-mp-trace-id"


class TracedTransport:
    """Tells the service with every call which HTTP request it belongs to."""

    def __init__(self, transport: Transport) -> None:
        """Wrap a transport, which is closed with this one."""
        self._transport = transport

    async def call(self, rpc: Rpc, request: Message, metadata: Metadata, timeout_s: float | None) -> Message:
        """Send one request; see `Transport.call`."""
        traced = (*metadata, (_NAME, TRACE_ID.get()))
        return await self._transport.call(rpc, request, traced, timeout_s)

    def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        """Open a stream; see `Transport.stream`."""
        return self._transport.stream(rpc, requests, (*metadata, (_NAME, TRACE_ID.get())))

    async def close(self) -> None:
        """Close the transport; see `Transport.close`."""
        await self._transport.close()
