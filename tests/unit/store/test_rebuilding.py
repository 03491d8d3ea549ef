"""What is in memory after a failed write, where the tables are further than the store was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from idsync.model.errors import UnavailableError
from idsync.model.identity import IdentityType
from idsync.store.embedded.folding import Folder
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.resident import MANY
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_DEVICE, numbered


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    yield store
    await store.close()


async def _fail(scribe: Scribe) -> None:
    store = scribe.store
    assert isinstance(store, EmbeddedStore)
    store._log._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(UnavailableError):
        await scribe.create(OTHER_DEVICE)
    store._log._connection.execute("PRAGMA query_only = OFF")


def _fold(path: Path) -> None:
    """Fold as the fold's own process does, without a word to the store yet."""
    folder = Folder(path / "graph.db")
    folder.run()
    folder.close()


@pytest.mark.parametrize("folded", [True, False])
async def test_what_stands_is_found(store: EmbeddedStore, tmp_path: Path, folded: bool) -> None:
    """ID-041: a graph that is new, whether or not the tables have it already."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE)
    if folded:
        _fold(tmp_path)

    await _fail(scribe)

    assert await scribe.holders(DEVICE) == [mpid]
    assert await scribe.holders(OTHER_DEVICE) == []
    assert await scribe.holders(MAIL) == []
    second = await scribe.create(DEVICE, OTHER_DEVICE)
    assert await scribe.holders(DEVICE) == [second, mpid]
    assert await scribe.holders(OTHER_DEVICE) == [second]
    assert [entry.seq for entry in await scribe.journal()] == [1, 2]


async def test_what_the_tables_have_is_not_added_again(store: EmbeddedStore, tmp_path: Path) -> None:
    """ID-011: who was overtaken since is so still."""
    scribe = Scribe(store)
    first, second = await scribe.create(DEVICE), await scribe.create(DEVICE)
    await store.settle()
    await scribe.give_back(first)
    await scribe.give_back(second)
    _fold(tmp_path)

    await _fail(scribe)

    view = await scribe.look(DEVICE, profiles=[first, second])
    overtaken = [profile.overtaken for mpid in (first, second) if (profile := view.profile(mpid))]
    assert overtaken == [True, False]
    assert await scribe.holders(DEVICE) == [second, first]


async def test_no_value_is_counted_twice(store: EmbeddedStore, tmp_path: Path) -> None:
    """ID-243: the warning is for more than 100 values, and there are 100."""
    scribe = Scribe(store)
    values = [numbered(IdentityType.OTHER, number) for number in range(MANY)]
    mpid = await scribe.create(*values[1:])
    await store.settle()
    await scribe.add(mpid, values[0])
    _fold(tmp_path)

    with capture_logs() as logs:
        await _fail(scribe)

    assert "record_with_many_values" not in [log["event"] for log in logs]
