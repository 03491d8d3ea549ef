"""The wire: one HTTP/2 channel, shared by all calls of a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any, Final, cast

import grpc
from google.protobuf.message import Message

from idsync.client.errors import client_closed, error_of_rpc
from idsync.client.rpcs import RPCS, Rpc
from idsync.client.transport import Metadata, Trailing

__all__ = ["GrpcTransport"]

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""A batch of 1,000 calls, or a page of 1,000 journal entries, with room to spare."""
MAX_METADATA_BYTES: Final = 1024 * 1024
"""A signed request brings the text it was signed over, once or twice (ID-224)."""

_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    # A restarted service is found again soon: by default the waits start at 1 s and grow to 2 minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # What is repeated is decided by the client alone, never by a record in somebody's DNS.
    ("grpc.service_config_disable_resolution", 1),
)


class GrpcTransport:
    """Carries calls over `grpc.aio`; to be made, used and closed within one running event loop."""

    def __init__(self, target: str, *, tls: bool = False, tls_roots: bytes | None = None) -> None:
        """Prepare a channel; it connects with the first call.

        Args:
            target: Where the service listens, `HOST:PORT`, or any name that gRPC knows.
            tls: Encrypt, and believe the authorities that gRPC brings along.
            tls_roots: Encrypt, and believe these authorities instead (PEM).
        """
        if tls or tls_roots is not None:
            secrecy = grpc.ssl_channel_credentials(root_certificates=tls_roots)
            self._channel = grpc.aio.secure_channel(target, secrecy, options=_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        self._callables = {rpc.path: self._callable(rpc) for rpc in RPCS}
        self._streams: set[grpc.aio.Call] = set()
        self._closed = False

    def _callable(self, rpc: Rpc) -> Any:
        make = {
            (False, False): self._channel.unary_unary,
            (False, True): self._channel.unary_stream,
            (True, False): self._channel.stream_unary,
            (True, True): self._channel.stream_stream,
        }[rpc.client_streaming, rpc.server_streaming]
        return make(
            rpc.path,
            request_serializer=rpc.request_type.SerializeToString,
            response_deserializer=rpc.response_type.FromString,
        )

    async def call(
        self,
        rpc: Rpc,
        request: Message,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
    ) -> Message:
        """Send one request and wait for its response; see `Transport.call`."""
        self._refuse_if_closed()
        try:
            call = self._callables[rpc.path](request, metadata=metadata, timeout=timeout_s)
            response = cast("Message", await call)
            if trailing is not None:
                trailing.extend(await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            raise error_of_rpc(error) from error
        except asyncio.CancelledError:
            self._refuse_if_not_ours()
            raise
        return response

    async def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        """Open a stream; see `Transport.stream`."""
        sending = _Sending(requests)
        what: Any = sending.messages()
        if not rpc.client_streaming:
            (what,) = [request async for request in requests]
        self._refuse_if_closed()
        call = self._callables[rpc.path](what, metadata=metadata)
        self._streams.add(call)
        try:
            async for response in call:
                yield response
            if sending.failure is not None:
                raise sending.failure
        except grpc.aio.AioRpcError as error:
            raise error_of_rpc(error) from error
        except asyncio.CancelledError:
            self._refuse_if_not_ours()
            raise
        finally:
            self._streams.discard(call)
            call.cancel()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise client_closed()

    def _refuse_if_not_ours(self) -> None:
        # Closing the channel cancels its calls; to a caller whose own task nobody cancelled, that is an
        # error like others.
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            self._refuse_if_closed()

    async def close(self) -> None:
        """Close the channel; see `Transport.close`."""
        self._closed = True
        # Older versions of grpc close the channel and leave the readers of its streams waiting.
        for call in self._streams:
            call.cancel()
        await self._channel.close()


class _Sending:
    """Hands requests to grpc and keeps the error they end with, of which grpc would tell nobody."""

    def __init__(self, requests: AsyncIterable[Message]) -> None:
        self._requests = requests
        self.failure: Exception | None = None

    async def messages(self) -> AsyncGenerator[Message, None]:
        try:
            async for request in self._requests:
                yield request
        except Exception as error:
            # To grpc it is an end like others, so that the answers to what was sent still come.
            self.failure = error
