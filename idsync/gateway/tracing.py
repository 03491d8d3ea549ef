"""What travels beside a call: the trace id there, the use of the rate limits back (ID-234, ID-235)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextvars import ContextVar
from typing import Final, TypeAlias

from google.protobuf.message import Message

from idsync.client import Credentials, Metadata, RecallingTransport, Rpc, Trailing, Transport
from idsync.model.wording import Wording

__all__ = ["TRACE", "Trace", "TracedTransport"]

_TRACE_ID: Final = "x-mp-trace-id"
_USED_PERCENT: Final = "x-mp-rate-limit-percentage-used"
_TRACE_HEADER: Final = _TRACE_ID.encode()
_USED_HEADER: Final = _USED_PERCENT.encode()

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Trace:
    """One HTTP request, as far as both sides need to know of it.

    Attributes:
        id: Joins the answer and what the service logs about it; 32 hexadecimal digits.
        used_percent: How much of the tightest rate limit is used, in percent, as the service writes it; empty
            where no limit applies.
        worded: A call that is to be sent, and what its answer can be recalled by; `None`: there is none.
    """

    __slots__ = ("id", "used_percent", "worded")

    def __init__(self, trace_id: str) -> None:
        self.id = trace_id
        self.used_percent = ""
        self.worded: tuple[Rpc, Wording] | None = None

    def headers(self) -> Headers:
        """Give what the answer says of it."""
        if self.used_percent:
            return (_TRACE_HEADER, self.id.encode()), (_USED_HEADER, self.used_percent.encode())
        return ((_TRACE_HEADER, self.id.encode()),)

    def hear(self, trailing: Trailing) -> None:
        """Take what the service said beside its answer."""
        for name, value in trailing:
            if name == _USED_PERCENT and isinstance(value, str):
                self.used_percent = value


TRACE: Final[ContextVar[Trace]] = ContextVar("idsync_http_trace")
"""The HTTP request that is being answered."""


class TracedTransport:
    """Tells the service which HTTP request a call belongs to, and hears from it how close its limits are."""

    def __init__(self, transport: Transport) -> None:
        """Wrap a transport, which is closed with this one."""
        self._transport = transport
        self._recalling = transport if isinstance(transport, RecallingTransport) else None

    def recall(self, rpc: Rpc, wording: Wording, credentials: Credentials) -> bytes | None:
        """Answer a call that came before, and prepare for it to be sent if that cannot be done.

        Args:
            rpc: Where it goes.
            wording: What it says.
            credentials: Who calls.

        Returns:
            The answer as the wording writes it; `None`: the call must be sent.
        """
        if self._recalling is None:
            return None
        trace = TRACE.get()
        beside: Trailing = []
        answer = self._recalling.recall(
            rpc, wording, (*credentials.metadata(), (_TRACE_ID, trace.id)), beside
        )
        if answer is None:
            trace.worded = rpc, wording
        else:
            trace.hear(beside)
        return answer

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
        if self._recalling is not None and trace.worded is not None and trace.worded[0] is rpc:
            wording = trace.worded[1]
            response = await self._recalling.call(rpc, request, traced, timeout_s, beside, wording)
        else:
            response = await self._transport.call(rpc, request, traced, timeout_s, beside)
        trace.hear(beside)
        return response

    def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        """Open a stream; see `Transport.stream`."""
        return self._transport.stream(rpc, requests, (*metadata, (_TRACE_ID, TRACE.get().id)))

    async def close(self) -> None:
        """Close the transport; see `Transport.close`."""
        await self._transport.close()
