"""Connections of the HTTP server: only so many, and none that keeps it waiting for a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

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


class Recording:
    """A transport that notes what is written to it."""

    def __init__(self, transport: asyncio.Transport, pieces: list[bytes]) -> None:
        self._transport = transport
        self._pieces = pieces

    def write(self, data: bytes) -> None:
        self._pieces.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the server writes, piece by piece."""
    pieces: list[bytes] = []
    connection_made = HttpConnection.connection_made

    def made(self: HttpConnection, transport: asyncio.Transport) -> None:
        connection_made(self, cast("asyncio.Transport", Recording(transport, pieces)))

    monkeypatch.setattr(HttpConnection, "connection_made", made)
    return pieces


async def test_an_answer_goes_out_in_one_piece(written: list[bytes]) -> None:
    """Head and body together, also where the body is empty or left out."""
    async with server(connections=1) as port, line(port) as client:
        assert b"200" in await client.answer(REQUEST + b"body")
        client.writer.write(REQUEST.replace(b"POST", b"HEAD") + b"body")
        async with asyncio.timeout(DEADLINE_S):
            await client.reader.readuntil(b"hereHTTP/1.1 200 OK\r\n")
            await client.reader.readuntil(b"\r\n\r\n")
        # Had its head not been sent until the connection was given up, there would be none any more.
        assert b"200" in await client.answer(REQUEST + b"body")

    assert [piece.startswith(b"HTTP/1.1 200 OK\r\n") for piece in written] == [True] * 3
    assert [piece.endswith(b"\r\n\r\nhere") for piece in written] == [True, False, True]


async def test_whoever_waits_to_be_asked_is_asked(written: list[bytes]) -> None:
    """`Expect: 100-continue`: the body comes only after that word, which must not wait for the answer."""
    asking = REQUEST.replace(b"host", b"expect: 100-continue\r\nhost")
    async with server(connections=1) as port, line(port) as client:
        assert b"100" in await client.answer(asking)
        client.writer.write(b"body")
        rest = await asyncio.wait_for(client.reader.readuntil(b"here"), DEADLINE_S)

    assert b"HTTP/1.1 200" in rest
    assert len(written) == 2


async def test_garbage_is_refused(written: list[bytes]) -> None:
    """A refusal by the server itself is sent before it hangs up."""
    async with server(connections=1) as port, line(port) as client:
        client.writer.write(b"\x00\r\n\r\n")
        answer = await asyncio.wait_for(client.reader.read(), DEADLINE_S)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert written == [answer]


async def test_an_answer_in_pieces_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the pieces say."""

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"24")]})
        for piece in (b"HTTP/1.1 200", b"HTTP/1.1 500"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr("tests.unit.cli.test_http_connection.page", streaming)
    async with server(connections=1) as port, line(port) as client:
        client.writer.write(REQUEST + b"body")
        answer = await asyncio.wait_for(client.reader.readuntil(b"500"), DEADLINE_S)

    assert answer.endswith(b"\r\n\r\nHTTP/1.1 200HTTP/1.1 500")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with path, headers in question and body."""
    request = Request(scope, receive)
    names = sorted({"connection", "upgrade", "http2-settings"} & set(request.headers))
    text = f"<{request.url.path} {names} {(await request.body()).decode()}>"
    await PlainTextResponse(text)(scope, receive, send)


@pytest.mark.parametrize(
    "offer",
    [
        b"connection: Upgrade\r\nupgrade: websocket\r\n",
        b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
    ],
)
@pytest.mark.parametrize("pieces", [1, 2, 1_000])
async def test_an_offer_of_another_protocol_is_declined(offer: bytes, pieces: int) -> None:
    """The body is the request's, however it arrives, and never taken for a request of its own."""
    body = b"GET /smuggled HTTP/1.1\r\n\r\n"
    one = b"POST /one HTTP/1.1\r\nhost: here\r\n%bcontent-length: %d\r\n\r\n%b" % (offer, len(body), body)
    text = one + one.replace(b"/one", b"/two") + b"GET /three HTTP/1.1\r\nconnection: close\r\n\r\n"
    size = -(-len(text) // pieces)
    http = HttpServer(echo, None, 10)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(http.serve(sockets=[listener]))
        assert await http.has_started(running)
        async with line(listener.getsockname()[1]) as client:
            for begin in range(0, len(text), size):
                client.writer.write(text[begin : begin + size])
                await client.writer.drain()
            answers = await asyncio.wait_for(client.reader.read(), DEADLINE_S)
        http.should_exit = True
        await asyncio.wait_for(running, DEADLINE_S)

    assert [part.partition(">")[0] for part in answers.decode().split("<")[1:]] == [
        f"/one [] {body.decode()}",
        f"/two [] {body.decode()}",
        "/three ['connection'] ",
    ]


async def test_a_tunnel_is_refused() -> None:
    async with server(connections=10) as port, line(port) as client:
        assert b"400" in await client.answer(b"CONNECT here:80 HTTP/1.1\r\nhost: here:80\r\n\r\n")
