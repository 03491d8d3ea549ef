"""One group of batches on its way through the stages; what becomes of each, and nothing written yet."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from idsync.model.identity import Mpid
from idsync.pipeline.profile.reading import Reading, read_batch
from idsync.pipeline.stages.identity import Attributed, IdentityStage, Outcome, Refused
from idsync.pipeline.stages.profile_write import ProfileWrite
from idsync.pipeline.store.work import BatchQueue, Death, Hold, QueuedBatch, Settlement

__all__ = ["FIRST_WAIT_S", "LONGEST_WAIT_S", "MAX_ATTEMPTS", "Worked", "work_through"]

MAX_ATTEMPTS: Final = 8
"""Attempts with one batch, the first included, before it becomes a dead letter (OU-050)."""
FIRST_WAIT_S: Final = 2.0
"""Wait before the second attempt, in seconds; it doubles with every further one."""
LONGEST_WAIT_S: Final = 300.0
"""The doubling ends here, in seconds."""


@dataclass(slots=True)
class Worked:
    """What became of a group.

    Attributes:
        warnings: What was refused of sound batches, in words of ours.
    """

    settlement: Settlement = field(default_factory=Settlement)
    warnings: list[str] = field(default_factory=list)


async def work_through(
    batches: Sequence[QueuedBatch],
    queue: BatchQueue,
    identity: IdentityStage,
    now_ms: int,
    jitter: Callable[[], float] = random.random,
) -> Worked:
    """Take batches through the stages, those of one profile in their order.

    Args:
        batches: In the order of `BatchQueue.next`.
        queue: Only read.
        identity: Stage 6.
        now_ms: UTC milliseconds.
        jitter: A number from 0 to 1 that spreads attempts by up to a quarter.

    Raises:
        UnavailableError: The identity service or the store is away; nothing became of any batch.
    """
    worked = Worked()
    settlement = worked.settlement
    readings: dict[int, Reading] = {}
    unreadable: set[int] = set()
    for batch in batches:
        if batch.is_blocked:
            continue
        try:
            readings[batch.batch_id] = read_batch(batch)
        except (ValueError, TypeError, RecursionError):
            unreadable.add(batch.batch_id)
    attributed = await identity.attribute(list(readings.values()))
    outcomes: dict[int, Outcome] = dict(zip(readings, attributed, strict=True))
    profiles = ProfileWrite(
        await queue.documents(
            list(
                {
                    (outcome.mpid, readings[number].batch.workspace)
                    for number, outcome in outcomes.items()
                    if isinstance(outcome, Attributed)
                }
            )
        )
    )
    stuck: set[Mpid] = set()
    passed: set[Mpid] = set()
    for batch in batches:
        outcome = Refused("unreadable") if batch.batch_id in unreadable else outcomes.get(batch.batch_id)
        if outcome is None or batch.mpid in stuck:
            settlement.waiting.append(batch)
        elif isinstance(outcome, Attributed):
            worked.warnings += profiles.apply(readings[batch.batch_id], outcome.mpid)
            settlement.done.append(batch)
            if outcome.mpid != batch.mpid:
                settlement.moved.append((batch, outcome.mpid))
        elif isinstance(outcome, Refused):
            settlement.dead.append(Death(batch, outcome.cause, now_ms))
        else:
            # only the first from behind a hold has failed before
            attempts = 1 + (0 if batch.mpid in passed else batch.attempts)
            if attempts >= MAX_ATTEMPTS:
                settlement.dead.append(Death(batch, outcome.cause, now_ms))
            else:
                settlement.waiting.append(batch)
                stuck.add(batch.mpid)
                due_ms = now_ms + int(_wait_s(attempts, jitter()) * 1_000)
                settlement.holds.append(Hold(batch.mpid, due_ms, attempts, outcome.cause))
        if batch.is_held and batch.mpid not in stuck:
            passed.add(batch.mpid)
    settlement.freed.extend(passed - stuck)
    settlement.documents = profiles.documents()
    return worked


def _wait_s(attempts: int, spread: float) -> float:
    return min(FIRST_WAIT_S * 2.0 ** (attempts - 1), LONGEST_WAIT_S) * (1 + spread / 4)
