"""What time makes due: aliases (ID-187), the removal of the inactive (ID-214), seals of the journal."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

import structlog

from idsync.model.errors import UnavailableError
from idsync.resolve.resolver import Resolver
from idsync.server.traceback import traceback_without_values
from idsync.store.protocol import Store

__all__ = ["run_schedule"]

_EVERY_S: Final = 5.0
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
