"""`idsync config stage`, `versions`, `withdraw`, `repair`: what operators read, and what cannot be asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.config import Configuration, parse_configuration
from idsync.testing.clock import ManualClock
from tests.e2e.staged_service import MAIL, OTHER_STRATEGY, SHARED, UNIQUE, Service, running
from tests.program import Ended, idsync


@pytest.fixture
def database_url() -> str:
    """What a command prints does not depend on the store."""
    return "memory://"


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """An email may be on several profiles."""
    return parse_configuration(SHARED, tmp_path)


@pytest.fixture
async def service(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> AsyncIterator[Service]:
    async with running(configuration, database_url, clock) as service:
        yield service


@pytest.fixture
def unique(tmp_path: Path) -> str:
    """A candidate that makes emails unique."""
    file = tmp_path / "unique.toml"
    file.write_text(UNIQUE)
    return str(file)


@pytest.fixture
def other(tmp_path: Path) -> str:
    """A candidate with another strategy."""
    file = tmp_path / "other.toml"
    file.write_text(OTHER_STRATEGY)
    return str(file)


async def _told(service: Service, *words: str) -> Ended:
    """Run a command as an operator, whose name is Ann."""
    access = ("--scope", "retail", "--target", service.app.grpc_address, "--token", "op-token")
    named = () if words[0] == "versions" else ("--author", "Ann")
    return await idsync("config", *words, *access, *named)


async def test_what_is_staged_is_listed_and_withdrawn(service: Service, other: str) -> None:
    staged = await _told(service, "stage", other, "--at", "2026-05-03T12:00+02:00", "--note", "try it")
    listed = await _told(service, "versions")
    withdrawn = await _told(service, "withdraw", "2", "--note", "not yet")
    again = await _told(service, "withdraw", "2")

    assert (staged.code, staged.err) == (0, "")
    lines = staged.out.splitlines()
    assert lines[:3] == [
        "version 2   staged, by Ann",
        "  from      2026-05-03T10:00:00Z",
        "  note      try it",
    ]
    assert lines[-1] == "shared      no value of a unique type is on several records"
    assert listed.out.splitlines()[:3] == lines[:3]
    assert "version 1   in force, by file" in listed.out.splitlines()
    assert withdrawn.out.splitlines()[0] == "version 2   withdrawn, by Ann"
    assert re.search(r"withdrawn +\S+Z by Ann: not yet", withdrawn.out)
    assert (again.code, again.err.startswith("CONFLICT")) == (1, True)


async def test_offenders_are_shown_to_operators_and_repaired(service: Service, unique: str) -> None:
    """ID-039: the refusal names profiles, the plan the value too."""
    kept, lost = await service.share()

    refused = await _told(service, "stage", unique)
    shown = await _told(service, "stage", unique, "--dry-run")
    staged = await _told(service, "stage", unique, "--repair")

    assert refused.code == 1
    assert str(kept) in refused.err
    assert MAIL not in refused.err
    plan = [f"shared      email={MAIL}", f"  stays on  {kept}", f"  leaves    {lost}"]
    assert shown.out.splitlines()[0] == "nothing is staged; this is what would be"
    assert shown.out.splitlines()[-3:] == plan
    assert (staged.code, staged.out.splitlines()[-3:]) == (0, plan)
    assert "in force, by Ann" in staged.out.splitlines()[0]


async def test_a_repair_by_hand_has_nothing_to_do(service: Service) -> None:
    planned = await _told(service, "repair", "--dry-run")
    done = await _told(service, "repair")

    assert (planned.code, planned.out) == (0, "shared      no value of a unique type is on several records\n")
    assert (done.code, done.out.splitlines()) == (
        0,
        ["repaired    0 journal entries", "left        0 values on several records"],
    )


@pytest.mark.parametrize(
    ("at", "code"),
    [("2027-05-03T12:00", 2), ("tomorrow", 2), ("2001-05-03T12:00Z", 1), ("2999-05-03T12:00Z", 1)],
)
async def test_moments_that_cannot_be(service: Service, other: str, at: str, code: int) -> None:
    """Without a zone it is wrong usage; past or too far ahead it is refused."""
    told = await _told(service, "stage", other, "--at", at)

    assert told.code == code
    assert len(await service.versions()) == 1


async def test_a_preview_ends_in_the_command_that_stages_it(service: Service, other: str) -> None:
    await service.share()
    told = await idsync(
        "preview", other, "--scope", "retail", "--target", service.app.grpc_address, "--token", "op-token"
    )

    last = told.out.splitlines()[-1]
    assert last == f"to stage it: idsync config stage {other} --scope retail --at TIME"
