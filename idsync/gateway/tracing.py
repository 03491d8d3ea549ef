"""What travels beside a call: the trace id there, the use of the rate limits back (ID-234, ID-235)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextvars import ContextVar
from typing import Final

from google.protobuf.message import Message

from idsync.client import Metadata, Rpc, Trailing, Transport

__all__ = ["TRACE", "Trace", "TracedTransport"]

_TRACE_ID: Final = "x-mp-trace-id"
_USED_PERCENT: Final = "x-mp-rate-limit-percentage-used"


class Trace:
    """One HTTP request, as far as both sides need to know of it.

    Attributes:
        id: Joins the answer and what the service logs about it; 32 hexadecimal digits.
        used_percent: How much of the tightest rate limit is used, in percent, as the service writes it; empty
            where no limit applies.
    """

    __slots__ = ("id", "used_percent")

    def __init__(self, trace_id: str) -> None:
        self.id = trace_id
        self.used_percent = ""


TRACE: Final[ContextVar[Trace]] = ContextVar("idsync_http_trace")
"""The HTTP request that is being answered."""


class TracedTransport:
    """Tells the service which HTTP request a call belongs to, and hears from it how close its limits are."""

    def __init__(self, transport: Transport) -> None:
        """Wrap a transport, which is closed with this one."""
        self._transport = transport

    async def call(
        self,
        rpc: Rpc,
        request: Message,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
    ) -> Message:
        """Send one request; see `Transport.call`."""
        trace = TRACE.get()
        beside: Trailing = [] if trailing is None else trailing
        traced = (*metadata, (_TRACE_ID, trace.id))
        response = await self._transport.call(rpc, request, traced, timeout_s, beside)
        for name, value in beside:
            if name == _USED_PERCENT and isinstance(value, str):
                trace.used_percent = value
        return response

    def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        """Open a stream; see `Transport.stream`."""
        return self._transport.stream(rpc, requests, (*metadata, (_TRACE_ID, TRACE.get().id)))

    async def close(self) -> None:
        """Close the transport; see `Transport.close`."""
        await self._transport.close()
