"""`idsync serve` as a process, and callers that speak HTTP to it byte by byte."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from tests.program import Addresses, addresses_of, serve_command

CONFIGURATION = """
[scopes.shop]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv", "android_uuid", "device_application_stamp"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]

[workspaces.shop]
scope = "shop"
[[workspaces.shop.inputs]]
platform = "web"
key = "us1-0123456789abcdef"
secret = "web-secret"
key_only = true
[[workspaces.shop.inputs]]
platform = "android"
key = "us1-android"
secret = "android-secret"
"""
WEB = {"x-mp-key": "us1-0123456789abcdef"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """One TCP connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Answer:
        """Read one answer, and leave the connection open."""
        response = HTTPResponse(self.socket, method="POST")
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, response.read())
        response.close()
        return answer

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = WEB) -> Answer:
        self.send(head(path, {**headers, "content-length": str(len(body))}) + body)
        return self.answer()

    def get(self, path: str) -> Answer:
        self.send(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        return self.answer()

    def close(self) -> None:
        self.socket.close()


def head(path: str, headers: Mapping[str, str]) -> bytes:
    """Write a request line and headers."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: localhost",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass
class HttpProcess:
    """A running service.

    Attributes:
        log: The file that takes what it writes to standard error.
    """

    process: subprocess.Popen[str]
    addresses: Addresses
    log: Path
    lines: list[Line] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens for HTTP."""
        return int(self.addresses.http.rpartition(":")[2])

    def line(self) -> Line:
        """Connect; closed with the process."""
        line = Line(self.port)
        self.lines.append(line)
        return line

    def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def http_process(folder: Path, configuration: str = CONFIGURATION, *flags: str) -> Iterator[HttpProcess]:
    """Start the service on the database of a folder; it is killed at the end if it still runs."""
    log = folder / "log"
    command = [*serve_command(folder, configuration), *flags]
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    running: HttpProcess | None = None
    try:
        ready = process.stdout.readline()
        assert ready, log.read_text()
        running = HttpProcess(process, addresses_of(ready), log)
        yield running
    finally:
        for line in running.lines if running else ():
            line.close()
        process.kill()
        process.wait()
        process.stdout.close()
