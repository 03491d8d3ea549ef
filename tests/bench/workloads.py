"""What is sent: identify calls of users with four identities, framed and ready (136 bytes each)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from idsync.v1 import identity_pb2, identity_service_pb2
from tests.bench.http2 import framed

__all__ = ["BATCH", "WORKLOADS", "Users", "Workload"]

BATCH: Final = 100
_NUMBER: Final = "__number_of_"
_REPEATED: Final = 0.8


def _request(number: str) -> identity_service_pb2.IdentifyRequest:
    """Build what an iOS app sends for a signed-in user; types are those of the preset `default`."""
    values = (
        (identity_pb2.IDENTITY_TYPE_CUSTOMERID, f"c-{number}"),
        (identity_pb2.IDENTITY_TYPE_EMAIL, f"{number}@example.com"),
        (identity_pb2.IDENTITY_TYPE_IOS_IDFV, f"5b0f0a6e-0c8b-4b8e-9c9e-{number}"),
        (identity_pb2.IDENTITY_TYPE_DEVICE_APPLICATION_STAMP, f"0b3f6b1e-7d55-4d0e-8a41-{number}"),
    )
    return identity_service_pb2.IdentifyRequest(
        environment=identity_pb2.ENVIRONMENT_PRODUCTION,
        known_identities=[identity_pb2.Identity(type=t, value=v) for t, v in values],
    )


class Users:
    """Users by number: the first `known` exist before anything is measured, others are new once sent."""

    def __init__(self, known: int) -> None:
        self.known = known
        single = framed(_request(_NUMBER).SerializeToString())
        call = identity_service_pb2.ResolveCall(identify=_request(_NUMBER))
        one_of_batch = identity_service_pb2.BatchResolveRequest(calls=[call]).SerializeToString()
        self._single = single.split(_NUMBER.encode())
        self._one_of_batch = one_of_batch.split(_NUMBER.encode())
        self._fresh = count(known)
        self._random = Random(known)

    def identify(self, user: int) -> bytes:
        """Give the framed `IdentifyRequest` of one user."""
        return _digits(user).join(self._single)

    def batch(self, users: list[int]) -> bytes:
        """Give the framed `BatchResolveRequest` with one identify for each user."""
        return framed(b"".join(_digits(user).join(self._one_of_batch) for user in users))

    def any_known(self) -> int:
        """Draw one who exists."""
        return int(self._random.random() * self.known)

    def new(self) -> int:
        """Name one who was never sent before."""
        return next(self._fresh)

    def mixed(self) -> int:
        """Draw one who exists four times in five, else a new one."""
        return self.any_known() if self._random.random() < _REPEATED else self.new()


def _digits(user: int) -> bytes:
    """Scatter the numbers over 48 bits, one to one: neighbours in time are no neighbours in an index."""
    return b"%012x" % (user * 0x9E3779B97F4B & 0xFFFF_FFFF_FFFF)


@dataclass(frozen=True)
class Workload:
    """One kind of load: which method, what to send, how many resolutions that is, how many calls at once."""

    name: str
    title: str
    method: str
    messages: Callable[[Users], Callable[[], bytes]]
    resolutions: int = 1
    in_flight_share: float = 1.0


def _repeat(users: Users) -> Callable[[], bytes]:
    return lambda: users.identify(users.any_known())


def _new(users: Users) -> Callable[[], bytes]:
    return lambda: users.identify(users.new())


def _mixed(users: Users) -> Callable[[], bytes]:
    return lambda: users.identify(users.mixed())


def _batch(users: Users) -> Callable[[], bytes]:
    return lambda: users.batch([users.mixed() for _ in range(BATCH)])


WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload("repeat", "repeated identify", "Identify", _repeat),
        Workload("new", "new user", "Identify", _new),
        Workload("mixed", "80 % repeated, 20 % new", "Identify", _mixed),
        # Eight batches at once are 800 resolutions on their way; 64 would only measure the queue.
        Workload("batch", f"the same, {BATCH} a call", "BatchResolve", _batch, BATCH, 1 / 8),
    )
}
