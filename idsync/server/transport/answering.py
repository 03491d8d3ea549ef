"""What a transport needs of a method, wherever it is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from typing import Any, Protocol

from idsync.server.call import Call

__all__ = ["Answerable", "Served"]


class Answerable(Protocol):
    """One rpc that can be called."""

    @property
    def path(self) -> str:
        """As on the wire, e.g. `/idsync.v1.IdentityService/Identify`."""
        ...

    def answer(self, request: Any, call: Call, /) -> Awaitable[Any]:
        """Answer one request with one response.

        Raises:
            IdsyncError: What went wrong.
        """
        ...

    def answers(self, requests: AsyncIterable[Any], call: Call, /) -> AsyncGenerator[Any, None]:
        """Answer a stream, or one request with many responses.

        Raises:
            IdsyncError: As for `answer`.
        """
        ...


class Served(Answerable, Protocol):
    """One rpc that can be served on a wire."""

    @property
    def client_streaming(self) -> bool:
        """Many requests instead of one."""
        ...

    @property
    def server_streaming(self) -> bool:
        """Many responses instead of one."""
        ...

    @property
    def serialize(self) -> Callable[[Any], bytes] | None:
        """Turns a response into bytes; `None` where it is bytes already."""
        ...
