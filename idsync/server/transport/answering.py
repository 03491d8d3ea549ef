"""What a transport needs of a method, wherever it is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable
from typing import Protocol

from google.protobuf.message import Message

from idsync.model.wording import Wording
from idsync.server.call import Call

__all__ = ["Answerable", "Served", "Writable"]


class Answerable(Protocol):
    """One rpc for those who speak in messages."""

    @property
    def path(self) -> str:
        """As on the wire, e.g. `/idsync.v1.IdentityService/Identify`."""
        ...

    def answer(self, request: Message, call: Call, /) -> Awaitable[Message]:
        """Answer one request with one response.

        Raises:
            IdsyncError: What went wrong.
        """
        ...

    def recall(self, request: Wording, call: Call, /) -> bytes | None:
        """Answer a request that came before in the same words, at once; `None`: it must come in full."""
        ...

    def answers(self, requests: AsyncIterable[Message], call: Call, /) -> AsyncGenerator[Message, None]:
        """Answer a stream, or one request with many responses.

        Raises:
            IdsyncError: As for `answer`.
        """
        ...


class Writable(Protocol):
    """A response, as far as a wire looks at it."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - the name is protobuf's
        """Give its bytes."""
        ...


class Served(Protocol):
    """One rpc for a wire."""

    @property
    def path(self) -> str:
        """As on the wire."""
        ...

    @property
    def client_streaming(self) -> bool:
        """Many requests instead of one."""
        ...

    @property
    def server_streaming(self) -> bool:
        """Many responses instead of one."""
        ...

    def answer_bytes(self, request: bytes, call: Call, /) -> Awaitable[bytes]:
        """Answer one request with one response; see `Answerable.answer`."""
        ...

    def answers(self, requests: AsyncIterable[bytes], call: Call, /) -> AsyncGenerator[Writable, None]:
        """Answer a stream, or one request with many responses; see `Answerable.answers`."""
        ...
