"""Connections of the HTTP server: only so many, and none that keeps it waiting for a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from idsync.cli.http_connection import HttpConnection
from idsync.cli.http_server import HttpServer

DEADLINE_S = 30
REQUEST = b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n\r\n"


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer once the request is here."""
    with suppress(ClientDisconnect):
        await Request(scope, receive).body()
        await PlainTextResponse("here")(scope, receive, send)


@asynccontextmanager
async def server(connections: int) -> AsyncIterator[int]:
    """Serve a page; gives the port."""
    http = HttpServer(page, None, connections)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(http.serve(sockets=[listener]))
        assert await http.has_started(running)
        yield listener.getsockname()[1]
        http.should_exit = True
        await asyncio.wait_for(running, DEADLINE_S)


class Line:
    """A connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self, text: bytes) -> bytes:
        """Send something; gives the first line of what comes back, nothing if the connection is closed."""
        self.writer.write(text)
        try:
            return await asyncio.wait_for(self.reader.readline(), DEADLINE_S)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        await asyncio.wait([asyncio.create_task(self.writer.wait_closed())])


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    opened = Line(*await asyncio.open_connection("127.0.0.1", port))
    yield opened
    await opened.close()


async def test_a_connection_too_many_is_told_when_to_come_again() -> None:
    """ID-234: a 503 always carries Retry-After; once another one has gone there is room."""
    async with server(connections=1) as port:
        async with line(port) as first, line(port) as second:
            assert b"200" in await first.answer(REQUEST + b"body")
            refused = await asyncio.wait_for(second.reader.read(), DEADLINE_S)
        async with line(port) as third:
            answered = await third.answer(REQUEST + b"body")

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in refused
    assert b"200" in answered


@pytest.mark.parametrize("begun", [b"", b"POST / HT", REQUEST, REQUEST + b"bo"])
async def test_a_sender_who_is_too_slow_is_cut_off(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far the request has come: the first one of a connection, or a later one."""
    monkeypatch.setattr(HttpConnection, "request_s", 0.3)
    async with server(connections=10) as port, line(port) as new, line(port) as used:
        assert b"200" in await used.answer(REQUEST + b"body")

        assert await new.answer(begun) == b""
        if begun:
            used.writer.write(begun)
        rest = await asyncio.wait_for(used.reader.read(), DEADLINE_S)

    assert b"HTTP/1.1" not in rest


async def test_a_sender_in_time_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for one request, not for the connection."""
    monkeypatch.setattr(HttpConnection, "request_s", 0.5)
    async with server(connections=10) as port, line(port) as used:
        async with asyncio.timeout(DEADLINE_S):
            began = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < began + 1.5:
                used.writer.write(REQUEST + b"body")
                assert b"200" in await used.reader.readuntil(b"\r\n\r\nhere")
