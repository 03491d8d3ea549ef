"""The HTTP load generator reads answers however they come, and hides no failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.bench.http1 import HttpConnection
from tests.bench.target import Target

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BAD = b"HTTP/1.1 500 Sorry\r\ncontent-length: 0\r\n\r\n"


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Target]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
            writer.close()
            await writer.wait_closed()
        finally:
            ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield Target("127.0.0.1", server.sockets[0].getsockname()[1], "/v1/identify", "Basic eA==", True)
        await ended.wait()


async def calls(target: Target, count: int) -> list[bool]:
    """Make some calls at once over one connection; gives who succeeded."""
    ended: list[bool] = []
    done = asyncio.Event()

    def answered(begun: float, end: float, succeeded: bool) -> None:
        assert end >= begun
        ended.append(succeeded)
        if len(ended) == count:
            done.set()

    connection = await target.connect(answered)
    for number in range(count):
        connection.start(b"x" * (number + 1), 0.0)
    connection.flush()
    await done.wait()

    assert connection.under_way == 0
    connection.close()
    return ended


async def test_answers_may_come_in_pieces() -> None:
    """Byte by byte, and the first of one with the last of another."""
    ended: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(serve) as target:
        connection = await target.connect(lambda begun, end, succeeded: ended.append(succeeded))
        assert isinstance(connection, HttpConnection)
        connection.bodies = []
        for _ in range(3):
            connection.start(b"x", 0.0)
        connection.flush()
        for byte in OK:
            connection.data_received(bytes([byte]))
        connection.data_received(OK[:-1])
        connection.data_received(OK[-1:])
        connection.data_received(BAD)
        connection.close()

    assert ended == [True, True, False]
    assert connection.bodies == [b"{}", b"{}", b""]


async def test_failures_are_counted() -> None:
    """One after the other: the second request is sent once the first was answered."""
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (OK, OK, BAD):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(len(heads))
            writer.write(answer)

    async with serving(serve) as target:
        ended = await calls(target, 3)

    assert ended == [True, True, False]
    assert heads[0].startswith(b"POST /v1/identify HTTP/1.1\r\n")
    assert b"authorization: Basic eA==\r\n" in heads[0]


async def test_a_lost_connection_fails_what_is_open_and_what_is_queued() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with serving(serve) as target:
        ended = await calls(target, 3)

    assert ended == [False] * 3
