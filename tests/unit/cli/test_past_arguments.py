"""What cannot be asked about the past is wrong usage, told before anything is sent."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from idsync.cli.main import app


def _told(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words, env={"NO_COLOR": "1", "COLUMNS": "200"})
    return result.exit_code, result.stderr


@pytest.mark.parametrize("command", [("profile", "5"), ("profile", "-5"), ("history", "email=a@example.com")])
@pytest.mark.parametrize(
    ("then", "said"),
    [
        (("--at", "2026-05-03T12:00"), "must say its zone"),
        (("--at", "2026-05-03"), "must say its zone"),
        (("--at", "yesterday"), "must be a time like 2026-05-03T12:00Z"),
        (("--at", "2026-02-30T12:00Z"), "must be a time like 2026-05-03T12:00Z"),
        (("--at", ""), "must be a time like 2026-05-03T12:00Z"),
        (("--at", "0001-01-01T00:00+01:00"), "years 1 to 9999"),
        (("--at", "9999-12-31T23:59-01:00"), "years 1 to 9999"),
        (("--known-at", "-1"), "--known-at"),
        (("--known-at", "9223372036854775808"), "--known-at"),
        (("--known-at", "three"), "valid integer"),
    ],
)
def test_a_past_that_is_none(command: tuple[str, ...], then: tuple[str, ...], said: str) -> None:
    """Exit code 2 (section 5 of the design): a time without its zone may mean any of two dozen hours."""
    code, told = _told(*command, *then)

    assert code == 2
    assert said in told


@pytest.mark.parametrize("words", [("fax=1",), ("email",), ("email=a", "--limit", "0"), ()])
def test_a_history_of_nothing(words: tuple[str, ...]) -> None:
    """ID-020: a type is one of the known ones."""
    assert _told("history", *words)[0] == 2
