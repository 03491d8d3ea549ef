"""MPIDs: chosen by the store, in time order, never 0, never given twice (ID-007)."""

from __future__ import annotations

from idsync.model.changes import Applied
from idsync.model.journal import NEW
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE

__all__ = ["NameChecks"]


class NameChecks:
    """The names of profiles."""

    async def test_names_are_unique_and_in_order(self, scribe: Scribe) -> None:
        """Many in one millisecond, over all graphs of the store."""
        elsewhere = Scribe(scribe.store, scribe.graph._replace(scope="elsewhere"))
        creations = [
            await writer.prepare(NEW, *writer.creation(DEVICE))
            for _ in range(200)
            for writer in (scribe, elsewhere)
        ]

        mpids = [result.mpid for result in await scribe.apply(*creations) if isinstance(result, Applied)]

        assert len(set(mpids)) == 400
        assert mpids == sorted(mpids)
        assert 0 < mpids[0] < mpids[-1] < 2**63

    async def test_names_do_not_return_when_the_clock_is_set_back(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        before = await scribe.create(DEVICE)
        clock.now_ms -= 86_400_000

        assert await scribe.create(DEVICE) > before

    async def test_names_are_greater_as_time_goes_on(self, scribe: Scribe, clock: ManualClock) -> None:
        """Rows of one moment lie together, which makes them cheaper to index."""
        before = await scribe.create(DEVICE)
        clock.advance(1_000)
        after = await scribe.create(DEVICE)

        assert after - before > 900 << 20

    async def test_the_name_of_an_erased_profile_stays_dead(self, scribe: Scribe) -> None:
        mpid = await scribe.create(DEVICE)
        await scribe.erase(mpid)

        again = [await scribe.create(DEVICE) for _ in range(10)]

        assert mpid not in again
