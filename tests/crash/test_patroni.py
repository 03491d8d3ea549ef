"""The machine of the leader is lost under load: callers wait for the next leader, and nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from tests.crash.load import SignUps, require_clean_database
from tests.crash.patroni_cluster import patroni_cluster
from tests.crash.served import PATIENT, served

pytestmark = [pytest.mark.patroni, pytest.mark.timeout(1_200)]

LOSSES = int(os.environ.get("IDSYNC_LEADERS_LOST", "2"))
LONGEST_OUTAGE_S = 45.0


async def test_the_leader_is_lost(tmp_path: Path, server_folder: Path) -> None:
    """Eight patient callers at two nodes see no error; two that do not try again say how long it took."""
    patient, impatient = SignUps("patient"), SignUps("impatient")
    outages: list[float] = []
    async with patroni_cluster(server_folder) as cluster:
        url = cluster.url("idsync")
        async with (
            served(tmp_path, database_url=url) as left,
            served(tmp_path, database_url=url) as right,
        ):
            patient.begin(left, right, callers=8, retry=PATIENT)
            impatient.begin(left, right, callers=2)
            for _ in range(LOSSES):
                lost = await cluster.leader()
                await asyncio.gather(patient.more(200), impatient.more(20))
                killed = time.monotonic()
                lost.kill()
                await impatient.more_refused(4)
                await asyncio.gather(patient.more(200), impatient.more(20))
                outages.append(_longest_gap(patient, impatient, since=killed))
                await cluster.start(lost)
            await cluster.leader()
            await asyncio.gather(patient.end(), impatient.end())
            for node in (left, right):
                for people in (patient, impatient):
                    await people.require_kept(node)
            assert [await left.stop(), await right.stop()] == [0, 0]
        await require_clean_database(url)

    told = ", ".join(sorted({error.message for error in impatient.refused.values()}))
    sys.stdout.write(
        f"\nleaders lost: {LOSSES}; seconds without an answered write: "
        f"{', '.join(f'{outage:.1f}' for outage in outages)}\n"
        f"answered: {len(patient.acknowledged)} to 8 patient callers, "
        f"{len(impatient.acknowledged)} to 2 others; "
        f"refused: {len(impatient.refused)} ({told})\n"
    )
    assert patient.refused == {}
    impatient.require_honest_refusals()
    assert max(outages) < LONGEST_OUTAGE_S


def _longest_gap(*loads: SignUps, since: float) -> float:
    """Measure the longest time in which nobody was answered, in seconds."""
    moments = sorted(moment for people in loads for moment in people.moments if moment >= since)
    return max(later - earlier for earlier, later in itertools.pairwise([since, *moments]))
