"""What cannot be replayed: refused calls, malformed lines, no service, wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.server.app import App
from tests.e2e.replay.traffic import ACCESS, identify, write
from tests.program import idsync


async def test_refused_calls_are_counted_by_reason_and_the_others_go_on(app: App, tmp_path: Path) -> None:
    """Exit code 3; the first line of each kind is named; no value is shown."""
    change = {"identity_type": "email", "old_value": None, "new_value": "a@example.com"}
    file = write(
        tmp_path / "f",
        {"call": "identify", "known_identities": {"email": " "}},
        {"call": "modify", "mpid": 12345, "identity_changes": [change]},
        {"call": "modify", "of": 1, "identity_changes": [change]},
        identify(email="x" * 300),
        {**identify(ios_idfv="v"), "previous": 1},
        {"call": "identify", "known_identities": {}},
    )

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS, "--json")

    assert ended.code == 3
    refusals = {(r["call"], r["reason"]): (r["lines"], r["first_line"]) for r in ended.document["refusals"]}
    assert refusals == {
        ("identify", "LOOKUP_ERROR"): (2, 1),
        ("modify", "LOOKUP_ERROR"): (1, 2),
        ("modify", "NO_ANSWER_TO_REFER_TO"): (1, 3),
        ("identify", "VALIDATION_ERROR"): (1, 4),
    }
    assert ended.document["answered"] == 1
    assert ended.document["lost_references"] == 1

    table = await idsync("replay", file, "--target", app.grpc_address, *ACCESS)

    assert table.code == 3
    assert "1 answered, 5 refused" in table.out
    assert (
        "1 refused modify: NO_ANSWER_TO_REFER_TO; first line 3: the line it refers to brought no MPID"
        in table.out
    )
    assert "1 lines sent without previous_mpid" in table.out
    assert "xxx" not in table.out + table.err


async def test_malformed_lines_are_named_and_the_others_sent(app: App, tmp_path: Path) -> None:
    """Exit code 2, and nothing is lost: they are counted as refused."""
    file = write(tmp_path / "f", "{", identify(ios_idfv="v"), "[]", identify(ios_idfv="w"))

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS, "--json")

    assert ended.code == 2
    assert ended.err.splitlines() == ["line 1: not JSON", "line 3: not a JSON object"]
    assert (ended.document["answered"], ended.document["refused"], ended.document["malformed"]) == (2, 2, 2)


async def test_a_flood_of_malformed_lines_does_not_drown_the_summary(app: App, tmp_path: Path) -> None:
    """Twenty are named, all are counted."""
    file = write(tmp_path / "f", *["?"] * 50)

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS)

    assert ended.code == 2
    assert ended.err.count("not JSON") == 20
    assert "further malformed lines are only counted" in ended.err
    assert "0 answered, 50 refused" in ended.out


async def test_nothing_is_sent_to_a_service_that_cannot_be_reached(nobody: str, tmp_path: Path) -> None:
    """Exit code 1, in words."""
    file = write(tmp_path / "f", identify(ios_idfv="v"))

    ended = await idsync("replay", file, "--target", nobody, *ACCESS)

    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith("nothing was sent: ")
    assert "Traceback" not in ended.err


async def test_nothing_is_sent_with_credentials_that_are_not_accepted(app: App, tmp_path: Path) -> None:
    """Exit code 1: each line would be refused for the same reason."""
    file = write(tmp_path / "f", identify(ios_idfv="v"))

    ended = await idsync(
        "replay", file, "--target", app.grpc_address, "--key", "shop-web", "--secret", "wrong"
    )

    assert ended.code == 1
    assert ended.err.startswith("nothing was sent: ")


@pytest.mark.parametrize(
    "arguments",
    [("absent.jsonl",), (), (".",), (__file__, "--in-flight", "0"), (__file__, "--environment", "test")],
)
async def test_wrong_usage_is_said(arguments: tuple[str, ...]) -> None:
    """Exit code 2, before anything is sent."""
    ended = await idsync("replay", *arguments)

    assert ended.code == 2
    assert ended.out == ""
    assert "Traceback" not in ended.err
