"""Ports that processes of one service share, and no other service."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from idsync.model.errors import ConfigurationError
from idsync.server.fronts.ports import Reservation, listeners


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_reserved_port_is_for_those_who_share_it(host: str) -> None:
    with closing(Reservation(f"{host}:0")) as reserved:
        for _ in range(2):
            found = listeners("127.0.0.1", 0, 2)
            for each in found:
                each.close()
        ours = socket.socket()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ours.bind(("127.0.0.1", port_of(reserved.address)))
        ours.listen()
        with closing(ours), pytest.raises(ConfigurationError, match=reserved.address):
            Reservation(reserved.address)


def test_who_listens_there_alone_keeps_it() -> None:
    (alone,) = listeners("127.0.0.1", 0, 1)
    with closing(alone):
        port = alone.getsockname()[1]
        with pytest.raises(ConfigurationError):
            Reservation(f"127.0.0.1:{port}")
        other = socket.socket()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with closing(other), pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        for count in (1, 2):
            with pytest.raises(OSError, match="in use"):
                listeners("127.0.0.1", port, count)


def test_listeners_share_one_port() -> None:
    found = listeners("127.0.0.1", 0, 3)
    try:
        ports = {each.getsockname()[1] for each in found}
        (port,) = ports
        for count in (1, 2):
            with pytest.raises(OSError, match="in use"):
                listeners("127.0.0.1", port, count)
    finally:
        for each in found:
            each.close()


@pytest.mark.parametrize("address", ["no.such.host.invalid:0", "192.0.2.1:0", "127.0.0.1:70000"])
def test_what_cannot_be_had(address: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot listen on"):
        Reservation(address)
