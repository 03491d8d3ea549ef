"""What carries a call to the service: over the wire, or within the process."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol, TypeAlias, runtime_checkable

from google.protobuf.message import Message

from idsync.client.rpcs import Rpc
from idsync.model.wording import Wording

__all__ = ["Metadata", "RecallingTransport", "Trailing", "Transport"]

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]
"""Pairs that travel beside a call; a key may occur twice, and one ending in `-bin` carries bytes."""

Trailing: TypeAlias = list[tuple[str, str | bytes]]
"""Pairs that come beside an answer, such as a trace id and how much of a rate limit is used."""


class Transport(Protocol):
    """Carries calls, unchanged and once each: repeating is the client's decision.

    A transport may wrap another one. Every error of a call is an `IdsyncError`; the cancellation of the
    caller's task passes through and ends the call.
    """

    async def call(
        self,
        rpc: Rpc,
        request: Message,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
    ) -> Message:
        """Send one request and wait for its response.

        Args:
            rpc: A unary rpc.
            request: An instance of `rpc.request_type`, not changed afterwards.
            metadata: Credentials and the like.
            timeout_s: Seconds until the answer must be here; `None` waits for as long as it takes.
            trailing: Takes what comes beside the response, for those who want it.

        Returns:
            An instance of `rpc.response_type`.

        Raises:
            IdsyncError: What the service answered, `UnavailableError` if it could not be reached, or
                `DeadlineExceededError`.
        """
        ...

    def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        """Open a stream; closing the iterator (`aclose`), or cancelling its reader, ends the call.

        Args:
            rpc: A streaming rpc.
            requests: What to send; exactly one message unless `rpc.client_streaming`. An error it raises
                is raised to the reader, after the answers to what was sent before.
            metadata: Credentials and the like.

        Returns:
            The responses as they come. Iterating raises `IdsyncError`.
        """
        ...

    async def close(self) -> None:
        """Let go of what the transport holds; calls under way fail, further ones are refused."""
        ...


@runtime_checkable
class RecallingTransport(Protocol):
    """A transport that is close enough to the service to know which answers still stand.

    Both methods authenticate, count and refuse like any call.
    """

    def recall(self, rpc: Rpc, wording: Wording, metadata: Metadata, trailing: Trailing) -> bytes | None:
        """Answer a request at once that was called before with the same wording.

        Args:
            rpc: A unary rpc.
            wording: The request.
            metadata: Credentials and the like.
            trailing: Takes what comes beside the answer.

        Returns:
            What the wording made of the response; `None`: the request must be sent in full, be it only to
            hear why it is refused.
        """
        ...

    async def call(
        self,
        rpc: Rpc,
        request: Message,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
        wording: Wording | None = None,
    ) -> Message:
        """Send one request as `Transport.call` does, and let its answer be recalled by its wording."""
        ...
