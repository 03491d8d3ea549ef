"""Works through the queue for as long as the service runs, and gives nothing up that could still succeed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import stamina
import structlog

from idsync.model.errors import DeadlineExceededError, UnavailableError
from idsync.pipeline.runner.group import Worked, work_through
from idsync.pipeline.runner.meters import RunnerMeters
from idsync.pipeline.stages.identity import IdentityStage
from idsync.pipeline.store.work import BatchQueue, Death, QueuedBatch, Settlement

__all__ = ["GROUP", "POLL_S", "Runner"]

GROUP: Final = 128
"""Batches that go through the stages together; those who wait for a 202 wait for the write of one group."""
POLL_S: Final = 0.25
"""How long a batch that another process took in lies unnoticed at most, in seconds."""
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0
"""Waits while a service that all batches need is away, in seconds."""
_FIGURES_S: Final = 5.0
"""How old the figures of what waits may be, in seconds: counting visits all that waits."""

_log = structlog.get_logger("idsync.pipeline")


class Runner:
    """Takes batches from the queue and through the stages (PL-006)."""

    def __init__(
        self,
        queue: BatchQueue,
        identity: IdentityStage,
        meters: RunnerMeters,
        clock: Callable[[], int],
    ) -> None:
        """Build it; `run` makes it work.

        Args:
            queue: What waits.
            identity: Stage 6.
            meters: Where to count.
            clock: UTC milliseconds.
        """
        self._queue = queue
        self._identity = identity
        self._meters = meters
        self._clock = clock
        self._arrived = asyncio.Event()
        self._is_ending = False
        self._one_by_one = 0
        self._counted_s = -_FIGURES_S

    def wake(self) -> None:
        """Say that something was put into the queue."""
        self._arrived.set()

    def end(self) -> None:
        """Let `run` return once nothing is left that could be processed now."""
        self._is_ending = True
        self._arrived.set()

    async def run(self) -> None:
        """Work until `end` was called and the queue is empty, or this is cancelled."""
        while True:
            self._arrived.clear()
            is_any = await self._patiently()
            if not is_any:
                if self._is_ending:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._arrived.wait()

    async def _patiently(self) -> bool:
        """Process one group, however long what it needs is away; `False`: nothing could be done."""
        async for attempt in stamina.retry_context(
            on=Exception,
            attempts=None,
            timeout=None,
            wait_initial=_FIRST_WAIT_S,
            wait_max=_LONGEST_WAIT_S,
            wait_jitter=_FIRST_WAIT_S,
        ):
            with attempt:
                try:
                    return await self.once()
                except (UnavailableError, DeadlineExceededError) as error:
                    self._meters.failed(error.reason.lower())
                    raise
                except Exception:
                    # nobody planned it, and a runner that ends would hold up everybody
                    self._meters.failed("fault")
                    _log.exception("runner_fault")
                    raise
        raise AssertionError("stamina ends with an answer or an error")  # pragma: no cover

    async def once(self) -> bool:
        """Process one group of batches; `False`: there is none, or another node works on the queue.

        Raises:
            UnavailableError: The identity service or the store is away; nothing is lost (PI-008).
            DeadlineExceededError: One of them does not answer.
        """
        if not await self._queue.lead():
            return False
        await self._count()
        batches = await self._queue.next(GROUP, self._clock())
        if not batches:
            return False
        if self._one_by_one:
            self._one_by_one -= 1
            batches = batches[:1]
        try:
            worked = await work_through(batches, self._queue, self._identity, self._clock())
            await self._queue.settle(worked.settlement)
        except (UnavailableError, DeadlineExceededError):
            raise
        except Exception as error:
            await self._isolate(batches, error)
        else:
            self._meters.settled(worked, self._clock())
            for death in worked.settlement.dead:
                _tell(death)
        return True

    async def _isolate(self, batches: list[QueuedBatch], error: Exception) -> None:
        """Find the one that nobody can process, and go on without it."""
        _log.error("batch_fault", error=type(error).__name__, batches=len(batches))
        self._meters.failed("fault")
        if len(batches) > 1:
            self._one_by_one = len(batches)
            return
        (poison,) = batches
        death = Death(poison, "fault", self._clock())
        freed = [poison.mpid] if poison.is_held else []
        settlement = Settlement(dead=[death], freed=freed)
        await self._queue.settle(settlement)
        self._meters.settled(Worked(settlement), self._clock())
        _tell(death)

    async def _count(self) -> None:
        now_s = time.monotonic()
        if now_s - self._counted_s >= _FIGURES_S:
            self._counted_s = now_s
            self._meters.waiting(await self._queue.figures())


def _tell(death: Death) -> None:
    """Show the operator that a batch was given up."""
    _log.error(
        "dead_letter", batch_id=death.batch.batch_id, cause=death.cause, workspace=death.batch.workspace
    )
