"""Versions of settings: in order, each number once, withdrawn only while their moment is to come."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from idsync.model.settings_version import SettingsVersion
from idsync.store.protocol import Store
from idsync.testing.clock import START_MS

__all__ = ["VersionChecks", "first_version"]


def first_version(scope: str = "retail") -> SettingsVersion:
    """Give a version as the file makes one."""
    return SettingsVersion(scope, 1, "file", START_MS, START_MS, 'one "\u00e9\U0001f600"', taken_ms=START_MS)


class VersionChecks:
    """What is written of the settings of scopes (ID-039, ID-252)."""

    async def test_versions_count_for_each_scope(self, store: Store) -> None:
        """Each is given back as it was written, oldest first."""
        first, other = first_version(), first_version("wholesale")
        second = replace(_second(), note="for 3 May", repair=True)

        none = await store.versions()
        added = [await store.add_version(version) for version in (first, other, second)]

        assert (none, added) == ([], [True, True, True])
        assert await store.versions("retail") == [first, second]
        assert await store.versions("wholesale") == [other]
        assert await store.versions() == [first, second, other]
        assert await store.versions("unheard of") == []

    async def test_a_number_is_given_once(self, store: Store) -> None:
        """Of several that write the same next version at once, one is told that it did."""
        await store.add_version(first_version())
        second = replace(first_version(), number=2, author="Ann")

        added = await asyncio.gather(*(store.add_version(replace(second, note=str(n))) for n in range(5)))
        leap = await store.add_version(replace(second, number=4))

        assert sorted(added) == [False] * 4 + [True]
        assert leap is False
        versions = await store.versions("retail")
        assert [version.number for version in versions] == [1, 2]
        assert versions[1].note == str(added.index(True))

    async def test_what_is_to_come_can_be_withdrawn_once(self, store: Store) -> None:
        """What has taken effect cannot, nor what is withdrawn, nor what is not there."""
        second = _second()
        await store.add_version(first_version())
        await store.add_version(second)

        late = await store.withdraw_version("retail", 2, START_MS + 5, "Bob", "too late")
        withdrawn = [
            await store.withdraw_version("retail", number, START_MS + 4, by, "a mistake")
            for number, by in ((1, "Bob"), (2, "Ann"), (2, "Bob"), (3, "Bob"))
        ]

        assert late is False
        assert withdrawn == [False, True, False, False]
        assert await store.versions("retail") == [
            first_version(),
            replace(second, withdrawn_ms=START_MS + 4, withdrawn_by="Ann", withdrawn_note="a mistake"),
        ]

    async def test_what_nobody_took_can_be_withdrawn_when_its_moment_has_passed(self, store: Store) -> None:
        """Nobody was there at its moment; once somebody took it, it is in force."""
        await store.add_version(first_version())
        await store.add_version(_second())
        third = replace(_second(), number=3)
        await store.add_version(third)
        await store.mark_version("retail", 3, taken_ms=START_MS + 6)

        withdrawn = [
            await store.withdraw_version("retail", number, START_MS + 9, "service", "", even_if_due=True)
            for number in (1, 2, 3)
        ]

        assert withdrawn == [False, True, False]

    async def test_what_became_of_a_version_is_noted(self, store: Store) -> None:
        """Of several nodes that take it, the first is noted; a repair may end again."""
        await store.add_version(first_version())
        await store.add_version(_second())

        await store.mark_version("retail", 2, taken_ms=START_MS + 5)
        await store.mark_version("retail", 2, taken_ms=START_MS + 6)
        await store.mark_version("retail", 2, repaired_ms=START_MS + 7)
        await store.mark_version("retail", 2, repaired_ms=START_MS + 8)

        assert await store.versions("retail") == [
            first_version(),
            replace(_second(), taken_ms=START_MS + 5, repaired_ms=START_MS + 8),
        ]


def _second() -> SettingsVersion:
    return replace(first_version(), number=2, author="Ann", effective_ms=START_MS + 5, taken_ms=None)
