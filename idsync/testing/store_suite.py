"""The one suite that every store passes, ours and yours.

    class TestMyStore(StoreSuite):
        lacks = {Capability.BOUNDED_READS: "the reason, in a sentence"}

        @pytest.fixture
        def open_store(self, clock: ManualClock, tmp_path: Path) -> OpenStore:
            return lambda: my_store(tmp_path, clock=clock)

        @pytest.fixture
        async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
            store = await open_store()
            yield store
            await store.close()

The checks need pytest with pytest-asyncio (in its mode `strict` an asynchronous fixture is declared with
`pytest_asyncio.fixture`). They speak to the store through its protocol alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from idsync.store.protocol import Store
from idsync.testing.capability import Capability, OpenStore, without
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.alarms import AlarmChecks
from idsync.testing.store_checks.aliases import AliasChecks
from idsync.testing.store_checks.commits import CommitChecks
from idsync.testing.store_checks.erasure import ErasureChecks
from idsync.testing.store_checks.forgetting import ForgettingChecks
from idsync.testing.store_checks.inspection import InspectionChecks
from idsync.testing.store_checks.isolation import IsolationChecks
from idsync.testing.store_checks.journal import JournalChecks
from idsync.testing.store_checks.must_nots import MustNotChecks
from idsync.testing.store_checks.names import NameChecks
from idsync.testing.store_checks.order import OrderChecks
from idsync.testing.store_checks.past import PastChecks
from idsync.testing.store_checks.popularity import PopularityChecks
from idsync.testing.store_checks.quarantines import QuarantineChecks
from idsync.testing.store_checks.races import RaceChecks
from idsync.testing.store_checks.recording import RecordingChecks
from idsync.testing.store_checks.restart import RestartChecks
from idsync.testing.store_checks.values import ValueChecks

__all__ = ["Capability", "ManualClock", "OpenStore", "StoreSuite"]


class StoreSuite(
    CommitChecks,
    RaceChecks,
    ValueChecks,
    IsolationChecks,
    OrderChecks,
    PopularityChecks,
    JournalChecks,
    ErasureChecks,
    ForgettingChecks,
    AliasChecks,
    InspectionChecks,
    PastChecks,
    MustNotChecks,
    QuarantineChecks,
    AlarmChecks,
    NameChecks,
    RecordingChecks,
    RestartChecks,
):
    """Subclass it, and give it a `store` fixture: a fresh, empty store that uses the fixture `clock`.

    Attributes:
        lacks: What the store cannot promise, each with the reason; these checks are left out.
    """

    pytestmark = pytest.mark.asyncio
    lacks: ClassVar[Mapping[Capability, str]] = {}

    def __init_subclass__(cls) -> None:
        """Leave out what the store lacks."""
        super().__init_subclass__()
        without(cls, cls.lacks)

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Give the clock that the store must use."""
        return ManualClock()

    @pytest.fixture
    def store(self) -> Store:
        """Override it."""
        pytest.fail("give the suite a fixture `store`", pytrace=False)

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Override it, unless the store lacks `Capability.RESTART`."""
        pytest.fail(
            "give the suite a fixture `open_store`, or say in `lacks` why there is none", pytrace=False
        )

    @pytest.fixture
    def scribe(self, store: Store) -> Scribe:
        """Write into a graph of the store."""
        return Scribe(store)
