"""What time makes due: aliases, removal of the inactive, seals of the journal, counts of calls."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

import structlog

from idsync.model.errors import UnavailableError
from idsync.resolve.recorder import INTERVAL_S, Recorder
from idsync.resolve.resolver import Resolver
from idsync.resolve.watch import Watch
from idsync.server.traceback import traceback_without_values
from idsync.store.protocol import Store

__all__ = ["run_recording", "run_schedule", "run_watch"]

_EVERY_S: Final = 5.0
_ROUNDS_A_MINUTE: Final = int(60 / _EVERY_S)
_ROUNDS_AN_HOUR: Final = int(3_600 / INTERVAL_S)
_log = structlog.get_logger("idsync.server")


async def run_schedule(resolver: Resolver, store: Store) -> NoReturn:
    """Look for due work every few seconds, and go on after a failure: what is due stays due.

    A start is no moment for the first look: it reads tables, which takes more of the program than calls do.
    """
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            while await resolver.run_due():
                pass
            await store.seal()
        except UnavailableError as error:
            _log.warning("schedule_waits", detail=error.message)
        except Exception as error:
            _log.error("schedule_failed", traceback=traceback_without_values(error))


async def run_watch(watch: Watch) -> NoReturn:
    """Read on in the journals every few seconds, all of what has come; look at old alarms once a minute."""
    rounds = 0
    while True:
        try:
            while await watch.look():
                pass
            if rounds % _ROUNDS_A_MINUTE == 0:
                await watch.review()
            rounds += 1
        except UnavailableError as error:
            _log.warning("watch_waits", detail=error.message)
        except Exception as error:
            _log.error("watch_failed", traceback=traceback_without_values(error))
        await asyncio.sleep(_EVERY_S)


async def run_recording(recorder: Recorder) -> NoReturn:
    """Write every few seconds what was counted of calls, and once an hour remove what is too old."""
    rounds = 0
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await recorder.write()
            if rounds % _ROUNDS_AN_HOUR == 0:
                await recorder.drop_old()
            rounds += 1
        except UnavailableError as error:
            _log.warning("recording_waits", detail=error.message)
        except Exception as error:
            _log.error("recording_failed", traceback=traceback_without_values(error))
