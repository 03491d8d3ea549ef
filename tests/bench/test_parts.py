"""Parts, run for real but briefly: every result they are for comes out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.claims import CLAIMS
from tests.bench.clusters import _url, _variables
from tests.bench.listeners import listeners
from tests.bench.measurement import Figures, LeftOutError, Options, Session
from tests.bench.meter import Meter, family, memory_bytes
from tests.bench.parts import PARTS
from tests.bench.results import results
from tests.bench.run import measure
from tests.bench.soak import line, soak

BRIEFLY = Options(rounds=1, seconds=0.4, warm_up_s=0.1, patience_s=0.0, users=200, profiles=600, few=300)


@pytest.mark.parametrize("part", ["batches", "client", "http", "growth", "what-if"])
async def test_a_part_gives_all_its_results(part: str) -> None:
    run = await measure(BRIEFLY, [part])

    assert run.left_out == {}
    assert {r.title for r in results(run.measurements)} == {c.title for c in CLAIMS if c.over.part == part}
    assert not any(m.figures.get("failed") for m in run.measurements)
    assert all(r.median > 0 for r in results(run.measurements))


async def test_a_part_that_cannot_be_measured_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are measured all the same."""

    async def none(session: Session) -> None:
        session.record(0, "case", "subject", {"per_s": 1.0})
        raise LeftOutError("no such thing here")

    monkeypatch.setitem(PARTS, "fronts", none)

    run = await measure(BRIEFLY, ["fronts"])

    assert run.left_out == {"fronts": "no such thing here"}
    assert len(run.measurements) == 1


async def test_a_soak_shows_how_the_store_grows(tmp_path: Path) -> None:
    lines: list[Figures] = []

    await soak(tmp_path, 1.0, 0.5, lines.append)

    first, *_, last = lines
    assert 0 < first["people"] <= last["people"]
    assert first["per_s"] > 0
    assert first["at_s"] < last["at_s"]
    assert last["tables_mib"] > 0
    assert lines[0]["rss_mib"] > 10
    assert line({"at_s": 1.0, "people": 1_000}).startswith("| 1.0 | 1,000.0 | ")


def test_who_listens_is_found_by_the_socket() -> None:
    """A connection that a listener took has the same port, and does not make its holder a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        with socket.create_connection(address), listening.accept()[0]:
            assert listeners(address[1], [os.getpid()]) == {os.getpid()}
            assert listeners(address[1], []) == set()

            listening.close()

            assert listeners(address[1], [os.getpid()]) == set()


WAITING = "import sys\nprint(flush=True)\nsys.stdin.readline()\n{}\nprint(flush=True)\nsys.stdin.readline()"


def test_processor_time_is_told_apart_by_process() -> None:
    """A child that works, beside one that waits."""
    with ExitStack() as stack:
        busy, idle = (
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WAITING.format(work)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for work in ("sum(range(10_000_000))", "pass")
        )
        _hear(busy, idle)
        meter = Meter(os.getpid())
        meter.begin()
        _tell(busy, idle)
        _hear(busy, idle)
        meter.end()

        assert {busy.pid, idle.pid} <= family(os.getpid())
        assert meter.used_by[busy.pid] > 0.05 > meter.used_by[idle.pid]
        assert meter.used_s >= meter.used_by[busy.pid]
        assert memory_bytes(busy.pid)[1] >= memory_bytes(busy.pid)[0] > 1_000_000
        _tell(busy, idle)


def _hear(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()


def _tell(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def test_the_address_of_a_cluster_comes_from_its_variables_and_back() -> None:
    variables = {
        "PGHOST": "localhost",
        "PGPORT": "5433",
        "PGUSER": "someone",
        "PGPASSWORD": "secret",
        "PGDATABASE": "postgres",
    }

    assert _url(variables) == "postgresql://someone:secret@localhost:5433/postgres"
    assert _variables(_url(variables)) == variables
