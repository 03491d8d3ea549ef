"""Which of a scope's versions is in force at a moment (ID-039)."""

from __future__ import annotations

import pytest

from idsync.model.settings_version import SettingsVersion, VersionState, in_force, staged, state_of

S = VersionState
FIRST = SettingsVersion("retail", 1, "file", 0, 0, "{}")
SECOND = SettingsVersion("retail", 2, "Ann", 5, 10, "{}")
WITHDRAWN = SettingsVersion("retail", 3, "Bob", 11, 20, "{}", withdrawn_ms=12)
FOURTH = SettingsVersion("retail", 4, "Ann", 13, 30, "{}")
VERSIONS = [FIRST, SECOND, WITHDRAWN, FOURTH]


@pytest.mark.parametrize(
    ("now_ms", "current", "waiting"),
    [(-1, None, FOURTH), (0, FIRST, FOURTH), (9, FIRST, FOURTH), (10, SECOND, FOURTH), (30, FOURTH, None)],
)
def test_in_force_from_its_moment_on(
    now_ms: int, current: SettingsVersion | None, waiting: SettingsVersion | None
) -> None:
    assert in_force(VERSIONS, now_ms) is current
    assert staged(VERSIONS, now_ms) is waiting


def test_states() -> None:
    assert [state_of(v, VERSIONS, 29) for v in VERSIONS] == [S.SUPERSEDED, S.IN_FORCE, S.WITHDRAWN, S.STAGED]
    assert [state_of(v, VERSIONS, 30) for v in VERSIONS] == [
        S.SUPERSEDED,
        S.SUPERSEDED,
        S.WITHDRAWN,
        S.IN_FORCE,
    ]
