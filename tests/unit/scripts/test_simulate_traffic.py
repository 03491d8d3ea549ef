"""The simulated traffic is reproducible, in order, and has what the issue asks for (docs/traffic.md)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from idsync.model.identity import TYPES_BY_NAME
from scripts.simulate_traffic import OPTED_OUT, main

Call = dict[str, Any]


def write(path: Path, *arguments: str) -> list[Call]:
    """Let the script write a file, and read its lines."""
    main([*arguments, "--output", str(path)])
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Two thousand calls of 150 people."""
    path = tmp_path_factory.mktemp("traffic") / "traffic.jsonl"
    return write(path, "--people", "150", "--calls", "2000", "--seed", "5", "--households", "20")


def stamps(calls: list[Call], *kinds: str) -> list[Call]:
    """Give the resolving calls of those kinds that come from a browser."""
    return [c for c in calls if c["call"] in kinds and "device_application_stamp" in c["known_identities"]]


def test_one_seed_gives_one_file_and_another_seed_another(tmp_path: Path) -> None:
    """A replay can be repeated exactly."""
    for name, seed in (("first", "3"), ("again", "3"), ("other", "4")):
        write(tmp_path / name, "--people", "50", "--calls", "300", "--seed", seed)

    first = (tmp_path / "first").read_bytes()
    assert first == (tmp_path / "again").read_bytes()
    assert first != (tmp_path / "other").read_bytes()


def test_standard_output_gets_the_same_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --output the lines go where a pipe can take them."""
    written = write(tmp_path / "file", "--calls", "20")
    main(["--calls", "20"])

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == written


def test_every_line_is_a_call_of_the_documented_form(calls: list[Call]) -> None:
    """Types are those of ID-020, request ids unique, times never go back."""
    for call in calls:
        if call["call"] == "modify":
            assert set(call) == {"call", "of", "identity_changes", "at_ms", "environment", "request_id"}
            assert all(c["identity_type"] in TYPES_BY_NAME for c in call["identity_changes"])
        else:
            assert call["call"] in {"identify", "login", "logout", "search"}
            assert set(call) - {"previous"} == {
                "call",
                "known_identities",
                "at_ms",
                "environment",
                "request_id",
            }
            assert set(call["known_identities"]) <= set(TYPES_BY_NAME)

    times = [call["at_ms"] for call in calls]
    assert times == sorted(times)
    assert times[-1] - times[0] <= 7 * 86_400_000
    assert len({call["request_id"] for call in calls}) == len(calls) == 2000


def test_a_line_refers_to_an_earlier_line_of_the_same_device(calls: list[Call]) -> None:
    """`previous` is what the client of that device was answered last, so it is never a search."""
    for number, call in enumerate(calls, 1):
        if "previous" in call:
            assert call["previous"] < number
            earlier = calls[call["previous"] - 1]
            shared = earlier["known_identities"].items() & call["known_identities"].items()
            assert earlier["call"] != "search"
            assert any(name not in {"email", "customerid", "other"} for name, _ in shared)


def test_a_modify_replaces_the_address_of_who_is_signed_in_there(calls: list[Call]) -> None:
    """Its line named the account, and the account's next login uses the new address."""
    changes = [(n, c) for n, c in enumerate(calls, 1) if c["call"] == "modify"]
    used_later = 0
    for number, call in changes:
        assert call["of"] < number
        assert "customerid" in calls[call["of"] - 1]["known_identities"]
        [change] = call["identity_changes"]
        assert change["old_value"] != change["new_value"]
        later = (c.get("known_identities", {}) for c in calls[number:])
        used_later += any(k.get("email") == change["new_value"] for k in later)

    assert len(changes) > 10
    assert used_later > len(changes) / 2
    assert {c["identity_changes"][0]["old_value"] is None for _, c in changes} == {True, False}


def test_the_crowd_has_everything_that_makes_traffic_hard(calls: list[Call]) -> None:
    """Several devices a person, several people a device, opt-outs, blanks, feeds, copied login ids."""
    resolving = [c["known_identities"] | {"call": c["call"]} for c in calls if c["call"] != "modify"]
    devices: dict[str, set[str]] = {}
    people: dict[str, set[str]] = {}
    for known in resolving:
        device = next(
            (known[t] for t in ("ios_idfv", "android_uuid", "device_application_stamp") if t in known), None
        )
        if device and known.get("customerid") and known["call"] == "login":
            devices.setdefault(known["customerid"], set()).add(device)
            people.setdefault(device, set()).add(known["customerid"])

    assert sum(len(d) > 1 for d in devices.values()) > 20
    assert sum(len(p) == 1 for p in people.values()) > 20
    assert sum(len(p) in {2, 3} for p in people.values()) > 5, "households"
    assert sum(len(p) > 4 for p in people.values()) == 2, "kiosks"
    assert sum(OPTED_OUT in (k.get("ios_idfa"), k.get("android_aaid")) for k in resolving) > 20
    assert sum(any(v is None or not v.strip() for v in k.values()) for k in resolving) > 20
    assert sum(set(k) == {"email", "call"} for k in resolving) > 20
    assert sum(k["call"] == "logout" and bool(k.get("customerid")) for k in resolving) > 3
    assert sum(k["call"] == "logout" and not k.get("customerid") for k in resolving) > 20


def test_a_shared_browser_changes_hands(calls: list[Call]) -> None:
    """On one browser somebody else signs in while the account before is still open, and after a logout."""
    handed_over: Counter[str] = Counter()
    current: dict[str, str | None] = {}
    for call in stamps(calls, "login", "logout"):
        known = call["known_identities"]
        browser, before = known["device_application_stamp"], current.get(known["device_application_stamp"])
        if call["call"] == "login" and before not in (None, known["customerid"]):
            handed_over["without logout"] += 1
        if call["call"] == "logout":
            handed_over["logout"] += 1
        current[browser] = known["customerid"] if call["call"] == "login" else None

    assert handed_over["without logout"] > 5
    assert handed_over["logout"] > 5


def test_without_kiosks_and_households_everybody_is_alone(tmp_path: Path) -> None:
    """The options really switch them off."""
    lonely = write(tmp_path / "f", "--people", "60", "--calls", "800", "--kiosks", "0", "--households", "0")
    people: dict[str, set[str]] = {}
    for call in stamps(lonely, "login"):
        known = call["known_identities"]
        people.setdefault(known["device_application_stamp"], set()).add(known["customerid"])

    assert people
    assert all(len(p) == 1 for p in people.values())


def test_never_more_people_than_asked_for(tmp_path: Path) -> None:
    """--people is a bound."""
    crowd = write(tmp_path / "f", "--people", "3", "--calls", "400")

    customers = {c["known_identities"].get("customerid") for c in crowd if c["call"] == "login"}
    assert 1 <= len(customers) <= 3


@pytest.mark.parametrize("wrong", [["--people", "0"], ["--calls", "-1"], ["--kiosks", "-1"], ["--days", "x"]])
def test_a_wrong_argument_is_wrong_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the option is named."""
    with pytest.raises(SystemExit, match="2"):
        main(wrong)

    assert wrong[0] in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said in one line, without a traceback."""
    with pytest.raises(SystemExit, match="2"):
        main(["--calls", "1", "--output", str(tmp_path)])

    assert "cannot write" in capsys.readouterr().err
