"""Ports for servers that must be told where to listen."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["held_ports"]


@contextmanager
def held_ports(count: int) -> Iterator[list[int]]:
    """Reserve free ports on loopback: a server can listen there, and again after it was away.

    The system gives such a port to nobody meanwhile; who connects while no server listens is refused.
    """
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            held = stack.enter_context(socket.socket())
            # bound and not listening, as the server's own will be when it binds: then both may
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", 0))
            ports.append(held.getsockname()[1])
        yield ports
