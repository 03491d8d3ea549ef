"""People who sign up while something goes wrong, and what must be found of them afterwards."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from idsync.client import AsyncClient, RetryPolicy, identities
from idsync.model.errors import IdsyncError, UnavailableError
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION, IDENTITY_TYPE_IOS_IDFV, Identity
from tests.crash.served import ONCE, Served
from tests.program import idsync

__all__ = [
    "NOTHING_CHANGED",
    "SignUps",
    "holders",
    "require_clean",
    "require_clean_database",
    "search",
    "sign_up",
    "until",
]

NOTHING_CHANGED = "nothing was changed"
DEADLINE_S = 60.0
_AT_ONCE = 1_000


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that is not announced, a minute at most."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not holds():  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_S:.0f} s: {what}") from None


async def sign_up(client: AsyncClient, name: str) -> int:
    """Sign somebody up, with a device; gives the MPID."""
    request = pb.LoginRequest(
        environment=ENVIRONMENT_PRODUCTION,
        known_identities=identities({"customerid": name, "ios_idfv": f"device of {name}"}),
    )
    return (await client.login(request, timeout_s=DEADLINE_S)).mpid


async def search(client: AsyncClient, name: str) -> int:
    """Find somebody."""
    request = pb.SearchRequest(
        environment=ENVIRONMENT_PRODUCTION, known_identities=identities({"customerid": name})
    )
    return (await client.search(request, timeout_s=DEADLINE_S)).mpid


class SignUps:
    """A load of sign-ups, each of somebody new.

    Args:
        kind: What their names begin with.

    Attributes:
        acknowledged: The MPID of everybody who was answered one, by name.
        refused: What everybody else was told.
        moments: When each of them was acknowledged, in seconds that only grow.
    """

    def __init__(self, kind: str = "person") -> None:
        self._kind = kind
        self.acknowledged: dict[str, int] = {}
        self.refused: dict[str, IdsyncError] = {}
        self.moments: list[float] = []
        self._numbers = itertools.count()
        self._callers: list[asyncio.Task[None]] = []
        self._ending = asyncio.Event()

    def begin(self, *services: Served, callers: int = 16, retry: RetryPolicy = ONCE) -> None:
        """Set callers to work, who go on whatever they are told, until the end; each at one service."""
        self._ending.clear()
        chosen = itertools.islice(itertools.cycle(services), callers)
        self._callers = [asyncio.create_task(self._call(service, retry)) for service in chosen]

    async def end(self) -> None:
        """Let the calls under way come to their end."""
        self._ending.set()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*self._callers)

    async def more(self, count: int = 100) -> None:
        """Wait until so many more were acknowledged."""
        goal = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= goal, f"{count} more answers")

    async def more_refused(self, count: int = 20) -> None:
        """Wait until so many more were refused."""
        goal = len(self.refused) + count
        await until(lambda: len(self.refused) >= goal, f"{count} more refusals")

    async def _call(self, service: Served, retry: RetryPolicy) -> None:
        async with service.client(retry) as client:
            while not self._ending.is_set():
                name = f"{self._kind}-{next(self._numbers)}"
                try:
                    self.acknowledged[name] = await sign_up(client, name)
                    self.moments.append(time.monotonic())
                except IdsyncError as error:
                    self.refused[name] = error
                    await asyncio.sleep(0.05)

    def require_honest_refusals(self) -> None:
        """Everybody who was refused was told to come again, and when."""
        assert {type(error) for error in self.refused.values()} <= {UnavailableError}
        assert all(error.retry_delay_s > 0 for error in self.refused.values())

    async def require_kept(self, service: Served, newest: int | None = None) -> None:
        """Acknowledged means there; not acknowledged there or not, never half; refused for sure: not.

        Args:
            service: Whom to ask.
            newest: How many of the acknowledged to look for; all by default.
        """
        expected = dict(list(self.acknowledged.items())[-newest if newest else 0 :])
        async with service.client() as client:
            found = await _found(client, expected)
            assert found == expected
            assert len(set(found.values())) == len(found)
            others = await _found(client, self.refused)
            for name, error in self.refused.items():
                has_it = await holders(client, f"device of {name}")
                assert has_it == ([others[name]] if name in others else []), "half of a call was kept"
                if NOTHING_CHANGED in error.message:
                    assert name not in others, error.message


async def _found(client: AsyncClient, names: Iterable[str]) -> dict[str, int]:
    everybody = list(names)
    found: dict[str, int] = {}
    for start in range(0, len(everybody), _AT_ONCE):
        chosen = everybody[start : start + _AT_ONCE]
        calls = [
            pb.ResolveCall(
                search=pb.SearchRequest(
                    environment=ENVIRONMENT_PRODUCTION, known_identities=identities({"customerid": name})
                )
            )
            for name in chosen
        ]
        answer = await client.batch_resolve(pb.BatchResolveRequest(calls=calls), timeout_s=DEADLINE_S)
        for name, result in zip(chosen, answer.results, strict=True):
            if result.HasField("search"):
                found[name] = result.search.mpid
            else:
                assert result.error.reason == "NOT_FOUND_ERROR"
    return found


async def holders(client: AsyncClient, device: str) -> list[int]:
    """List who has a device, out of the tables."""
    request = graph.FindProfilesRequest(
        environment=ENVIRONMENT_PRODUCTION, identity=Identity(type=IDENTITY_TYPE_IOS_IDFV, value=device)
    )
    return [profile.mpid for profile in (await client.find_profiles(request, timeout_s=DEADLINE_S)).profiles]


async def require_clean(folder: Path) -> None:
    """The tables of a folder are what the journal says."""
    await require_clean_database(f"sqlite:///{folder / 'idsync.db'}")


async def require_clean_database(url: str) -> None:
    """The tables are what the journal says."""
    code, out, err = await idsync("db", "check", "--database", url)
    assert code == 0, out + err
