"""What is sent: identify calls of users with four identities, framed and ready (136 bytes each)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from random import Random
from typing import Final

import orjson

from idsync.v1 import identity_pb2, identity_service_pb2
from tests.bench.http2 import framed

__all__ = ["BATCH", "MULTIPLIER", "Messages", "Users", "digits", "request"]

Messages = Callable[[], bytes]
"""Gives the next message to send."""

BATCH: Final = 100
MULTIPLIER: Final = 0x9E3779B97F4B
"""Scatters user numbers over 48 bits."""
_NUMBER: Final = "__number_of_"
_REPEATED: Final = 0.8


def _values(number: str, device: str | None = None) -> dict[str, str]:
    """Give what an iOS app sends for a signed-in user, by wire name; others may use the same device."""
    of_device = number if device is None else device
    return {
        "customerid": f"c-{number}",
        "email": f"{number}@example.com",
        "ios_idfv": f"5b0f0a6e-0c8b-4b8e-9c9e-{of_device}",
        "device_application_stamp": f"0b3f6b1e-7d55-4d0e-8a41-{of_device}",
    }


def request(number: str, device: str | None = None) -> identity_service_pb2.IdentifyRequest:
    """Build the identify of one user; types are those of the preset `default`."""
    return identity_service_pb2.IdentifyRequest(
        environment=identity_pb2.ENVIRONMENT_PRODUCTION,
        known_identities=[
            identity_pb2.Identity(
                type=identity_pb2.IdentityType.Value(f"IDENTITY_TYPE_{name.upper()}"), value=value
            )
            for name, value in _values(number, device).items()
        ],
    )


def _body(number: str) -> bytes:
    """Build the same as an HTTP client writes it."""
    return orjson.dumps({"environment": "production", "known_identities": _values(number)})


class Users:
    """Users by number: `known` of them exist before anything is measured, others are new once sent.

    Args:
        known: How many exist.
        first: Number of the first of them.
        fresh_from: Number of the first new one; by default that after the last who exists.
        device: All of them use this one device; by default each has its own.
    """

    def __init__(
        self, known: int, *, first: int = 0, fresh_from: int | None = None, device: str | None = None
    ) -> None:
        self.known = known
        self.first = first
        single = request(_NUMBER, device).SerializeToString()
        call = identity_service_pb2.ResolveCall(identify=request(_NUMBER, device))
        one_of_batch = identity_service_pb2.BatchResolveRequest(calls=[call]).SerializeToString()
        self._single = framed(single).split(_NUMBER.encode())
        self._body = _body(_NUMBER).split(_NUMBER.encode())
        self._one_of_batch = one_of_batch.split(_NUMBER.encode())
        self._fresh = count(first + known if fresh_from is None else fresh_from)
        self._random = Random(known)

    def identify(self, user: int) -> bytes:
        """Give the framed `IdentifyRequest` of one user."""
        return digits(user).join(self._single)

    def posted(self, user: int) -> bytes:
        """Give the body of an identify of one user over HTTP."""
        return digits(user).join(self._body)

    def batch(self, users: list[int]) -> bytes:
        """Give the framed `BatchResolveRequest` with one identify for each user."""
        return framed(b"".join(digits(user).join(self._one_of_batch) for user in users))

    def any_known(self) -> int:
        """Draw one who exists."""
        return self.first + int(self._random.random() * self.known)

    def new(self) -> int:
        """Name one who was never sent before."""
        return next(self._fresh)

    def mixed(self) -> int:
        """Draw one who exists four times in five, else a new one."""
        return self.any_known() if self._random.random() < _REPEATED else self.new()

    def messages(self, kind: str) -> Messages:
        """Give what sends one workload, by name: which people, and how many in a message."""
        people = {"repeat": self.any_known, "mixed": self.mixed, "new": self.new}
        transport, _, drawn = kind.rpartition("-")
        draw = people[drawn]
        if transport == "batch":
            return lambda: self.batch([draw() for _ in range(BATCH)])
        if transport == "http":
            return lambda: self.posted(draw())
        return lambda: self.identify(draw())


def digits(user: int) -> bytes:
    """Scatter the numbers, one to one: neighbours in time are no neighbours in an index."""
    return b"%012x" % (user * MULTIPLIER & 0xFFFF_FFFF_FFFF)
