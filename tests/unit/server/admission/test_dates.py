"""The forms of a signed date (ID-225)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from idsync.server.admission.dates import parse_date

MOMENT_MS = 1_764_698_598_000


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own zone must not matter."""
    monkeypatch.setenv("TZ", "UTC-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    "text",
    [
        "20251202T180318Z",
        "20251202T180318",
        "2025-12-02T18:03:18Z",
        "2025-12-02T18:03:18",
        "2025-12-02T20:03:18+02:00",
        "Tue, 02 Dec 2025 18:03:18 GMT",
        "Tue, 02 Dec 2025 18:03:18 -0000",
        "Tue, 02 Dec 2025 13:03:18 -0500",
    ],
)
def test_same_moment(text: str) -> None:
    assert parse_date(text) == MOMENT_MS


@pytest.mark.parametrize("text", ["", "x", "18:03:18", "2025-02-30T00:00:00Z", "Tue, 99 Dec 2025", "9" * 400])
def test_no_moment(text: str) -> None:
    assert parse_date(text) is None
