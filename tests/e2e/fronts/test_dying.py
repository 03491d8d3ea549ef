"""Fronts that die are started anew; an owner that dies takes them along; nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import grpc

from tests.e2e.fronts.processes import FLAGS, SERVED, Load, figure, find_again, fronts_of, is_alive, until
from tests.e2e.http_process import http_process


async def test_a_front_is_killed_under_load(tmp_path: Path) -> None:
    """Its own calls fail, the others go on, and it is replaced."""
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        load = Load(service.addresses.grpc)
        running = asyncio.create_task(load.run())
        await load.more(200)
        before = fronts_of(service)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        await load.more(200)
        await until(lambda: len(fronts_of(service) - {victim}) == 2)
        log = service.log
        await until(lambda: "front_restarted" in log.read_text())
        await load.more(200)
        load.end()
        await running
        changed = await find_again(service.addresses.grpc, load.acknowledged)
        figures = [
            figure(service, name)
            for name in (
                "idsync_fronts",
                *(f'idsync_front_restarts_total{{front="{number}"}}' for number in (1, 2)),
            )
        ]
        after = fronts_of(service)
        assert service.stop() == 0

    failed = [codes for codes in load.failures.values() if codes]
    assert {code for codes in failed for code in codes} <= {grpc.StatusCode.UNAVAILABLE}
    assert changed == {}
    assert (figures[0], sum(figures[1:])) == (2, 1)
    assert len(after) == 2
    assert len(before & after) == 1
    assert '"event": "front_died"' in log.read_text()


async def test_the_owner_is_killed_under_load(tmp_path: Path) -> None:
    """No front outlives it, and what was answered is there when it comes back."""
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        load = Load(service.addresses.grpc)
        running = asyncio.create_task(load.run(until_failure=True))
        await load.more(300)
        fronts = fronts_of(service)
        service.process.kill()
        service.process.wait()
        await running
        await until(lambda: not any(map(is_alive, fronts)))
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        changed = await find_again(service.addresses.grpc, load.acknowledged)
        assert service.stop() == 0

    assert len(fronts) == 2
    assert {code for codes in load.failures.values() for code in codes} == {grpc.StatusCode.UNAVAILABLE}
    assert changed == {}


async def test_an_owner_that_was_stopped_by_the_system_loses_nobody(tmp_path: Path) -> None:
    """Callers wait while it stands still, and are answered when it goes on."""
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        load = Load(service.addresses.grpc)
        running = asyncio.create_task(load.run())
        await load.more(50)
        service.process.send_signal(signal.SIGSTOP)
        line = service.line()
        assert line.get("/healthz").status == 200
        service.process.send_signal(signal.SIGCONT)
        await load.more(50)
        load.end()
        await running
        assert service.stop() == 0

    assert not any(load.failures.values())
