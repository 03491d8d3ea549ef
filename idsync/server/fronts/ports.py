"""Ports that several processes of one service share, and no other service."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from idsync.model.errors import ConfigurationError

__all__ = ["Reservation", "listeners"]

_BACKLOG: Final = 1_024


def listeners(host: str, port: int, count: int) -> list[socket.socket]:
    """Listen `count` times on one address: the system spreads connections over these sockets.

    Whoever holds them keeps what connects, even while the process that answers there is started anew. A
    single one shares its port with nobody.

    Args:
        host: An address, or a name of one.
        port: 0: the system chooses.
        count: How many processes will answer there.

    Raises:
        OSError: Somebody else listens there, or the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found: list[socket.socket] = []
    try:
        for _ in range(count):
            opened = socket.socket(family, socket.SOCK_STREAM)
            found.append(opened)
            if len(found) == 1:
                _bind(opened, (host, port))
            else:
                _share(opened)
                _bind(opened, found[0].getsockname())
            if count > 1:
                _share(opened)
            opened.listen(_BACKLOG)
    except (OSError, OverflowError):
        for opened in found:
            opened.close()
        raise
    return found


class Reservation:
    """Keeps an address for the processes of this service without listening there.

    Attributes:
        address: HOST:PORT, with the number where the system chose it.
    """

    def __init__(self, address: str) -> None:
        """Take the address.

        Args:
            address: HOST:PORT; a name may stand for several addresses.

        Raises:
            ConfigurationError: Somebody else listens there, or the address cannot be had.
        """
        host, _, text = address.rpartition(":")
        port = int(text)
        self._sockets: list[socket.socket] = []
        try:
            found = socket.getaddrinfo(
                host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, kind, protocol, _, where in found:
                with suppress(_NoSuchFamilyError):
                    opened = _opened(family, kind, protocol)
                    self._sockets.append(opened)
                    _bind(opened, (where[0], port, *where[2:]))
                    _share(opened)
                    port = opened.getsockname()[1]
        except (OSError, OverflowError) as error:
            self.close()
            raise ConfigurationError(f"cannot listen on {address}") from error
        self.address = f"{host}:{port}"

    def close(self) -> None:
        """Let go of it."""
        for opened in self._sockets:
            opened.close()


class _NoSuchFamilyError(Exception):
    """The machine has no such kind of address."""


def _opened(family: int, kind: int, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, kind, protocol)
    except OSError as error:
        raise _NoSuchFamilyError from error


def _bind(opened: socket.socket, where: tuple[object, ...]) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(where)


def _share(opened: socket.socket) -> None:
    """Let others listen there too; where it is done after binding, nobody else listened there before."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
