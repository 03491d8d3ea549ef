"""Two front processes before one owner, beside one process that does everything."""

from __future__ import annotations

from typing import Final

from tests.bench.listeners import listeners
from tests.bench.load import closed_loop
from tests.bench.measurement import Entrant, Figures, LeftOutError, Options, Session, figures_of
from tests.bench.meter import Meter, family
from tests.bench.rates import IN_FLIGHT, SETTLE_S, closed, introduce
from tests.bench.servers import RefusedError, Server, echo_server, service
from tests.bench.workloads import Users

__all__ = ["run"]

_CONNECTIONS: Final = 16
"""The system deals connections out among processes; with few of them one process may get them all."""


async def run(session: Session) -> None:
    """Measure repeated callers over several connections on the echo server, one process and two."""
    options, folder = session.options, session.folder
    async with echo_server(folder) as echo, service(folder, "one") as one:
        try:
            async with service(folder, "two", flags=("--processes", "2")) as two:
                users = Users(options.users)
                await introduce(one, users)
                await introduce(two, users)
                await session.alternate(
                    [
                        closed(options, "repeat", "echo", [echo], users, _CONNECTIONS),
                        closed(options, "repeat", "one", [one], users, _CONNECTIONS),
                        _parted(options, two, users),
                    ]
                )
        except RefusedError as refused:
            raise LeftOutError(f"this service has no --processes 2: {refused}") from refused


def _parted(options: Options, server: Server, users: Users) -> Entrant:
    """Measure two processes, with the processor time of those who listen and of the one behind them."""

    async def measure() -> Figures:
        target = server.target("Identify")
        fronts = listeners(target.port, family(server.pid)) - {server.pid}
        if not fronts:
            raise LeftOutError("no process but the owner listens")
        meter = Meter(server.pid)
        sample = await closed_loop(
            [target],
            users.messages("repeat"),
            meter,
            in_flight=IN_FLIGHT,
            seconds=options.seconds,
            warm_up_s=options.warm_up_s,
            connections=_CONNECTIONS,
        )
        answered = max(1, len(sample.latencies_s))
        fronts_s = sum(meter.used_by.get(pid, 0.0) for pid in fronts)
        figures = figures_of(sample, meter, await meter.settle(SETTLE_S))
        figures["fronts_us"] = fronts_s / answered * 1e6
        figures["owner_us"] = (meter.used_s - fronts_s) / answered * 1e6
        return figures

    return Entrant("repeat", "two", measure)
