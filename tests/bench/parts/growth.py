"""Many profiles beside few: processor time a call, memory, and how long a start takes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from tests.bench.measurement import Session
from tests.bench.meter import memory_bytes
from tests.bench.population import people_in, populate
from tests.bench.rates import closed, visit
from tests.bench.servers import Server, service
from tests.bench.workloads import Users

__all__ = ["run"]

_IDENTITIES_EACH: Final = 4
_BOUNDED_IDENTITIES: Final = 1_000_000
"""What a service keeps by default."""
_STARTS: Final = 3
_START_S: Final = 1_800.0
_GIB: Final = 1 << 30


async def run(session: Session) -> None:
    """Measure a complete index, then a bounded cache, each beside a service that knows few people."""
    profiles = session.options.profiles
    few = await _database(session, session.folder, session.options.few)
    many = await _database(session, session.options.keep or session.folder, profiles)
    async with _serving(session, "few", few) as small:
        people = Users(session.options.few, fresh_from=people_in(few))
        for subject, identities in (
            ("complete", 2 * profiles * _IDENTITIES_EACH),
            ("bounded", _BOUNDED_IDENTITIES),
        ):
            for number in range(min(_STARTS, session.options.rounds) - 1):
                async with _serving(session, subject, many, identities) as started:
                    _record_start(session, number, subject, started)
            async with _serving(session, subject, many, identities) as large:
                _record_start(session, min(_STARTS, session.options.rounds) - 1, subject, large)
                crowd = Users(profiles, fresh_from=people_in(many))
                session.say(f"growth: filling the memory, {subject}")
                # half again as many identities as a bounded cache has room for
                await visit(large, crowd, min(profiles, _BOUNDED_IDENTITIES * 3 // (2 * _IDENTITIES_EACH)))
                await session.alternate(
                    *(
                        [
                            closed(session.options, f"{kind}-{subject}", "few", [small], people, kind=kind),
                            closed(session.options, f"{kind}-{subject}", "many", [large], crowd, kind=kind),
                        ]
                        for kind in ("repeat", "mixed")
                    )
                )
                session.record(0, "loaded", subject, _memory(large))


async def _database(session: Session, folder: Path, people: int) -> Path:
    """Give a database of so many people, which an earlier run may have left."""
    home = folder / f"people-{people}"
    if not home.exists():
        session.say(f"growth: writing a database of {people:,} profiles")
        partial = folder / f"people-{people}.partial"
        partial.mkdir(parents=True)
        await populate(partial / "graph.db", people)
        partial.rename(home)
    return home / "graph.db"


@contextlib.asynccontextmanager
async def _serving(
    session: Session, name: str, database: Path, identities: int = _BOUNDED_IDENTITIES
) -> AsyncIterator[Server]:
    session.say(f"growth: starting, {name}")
    async with service(
        session.folder,
        name,
        database=f"sqlite:///{database}",
        flags=("--cache-identities", str(identities)),
        start_s=_START_S,
    ) as server:
        yield server


def _record_start(session: Session, number: int, subject: str, server: Server) -> None:
    session.record(number, "start", subject, {"start_s": server.started_in_s, **_memory(server)})


def _memory(server: Server) -> dict[str, float]:
    resident, peak = memory_bytes(server.pid)
    return {"resident_gib": resident / _GIB, "peak_gib": peak / _GIB}
