"""A device that 10,000 people use, beside devices of one person each, on one service."""

from __future__ import annotations

from typing import Final

from tests.bench.measurement import Session
from tests.bench.rates import introduce, opened
from tests.bench.servers import service
from tests.bench.workloads import Users

__all__ = ["run"]

_PEOPLE: Final = 10_000
_RATE_PER_S: Final = 500.0
"""Low enough that nobody queues: what a call on such a device takes is asked, not how many fit."""
_ELSEWHERE: Final = 1 << 40
"""Users of one device are none of the others."""


async def run(session: Session) -> None:
    """Measure 80/20 at a rate of our own: people of the shared device, and people with one each."""
    options, folder = session.options, session.folder
    async with service(folder) as ours:
        ordinary = Users(_PEOPLE)
        shared = Users(_PEOPLE, first=_ELSEWHERE, device="00000000ffff")
        for users in (ordinary, shared):
            await introduce(ours, users)
        await session.alternate(
            [
                opened(options, "mixed", name, ours, users, "mixed", _RATE_PER_S)
                for name, users in (("ordinary", ordinary), ("shared", shared))
            ]
        )
