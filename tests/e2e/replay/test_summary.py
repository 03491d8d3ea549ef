"""`idsync replay` against a running service: every line ends up in the summary."""

from __future__ import annotations

import signal
from pathlib import Path

from idsync.client import AsyncClient
from idsync.server.app import App
from idsync.v1 import graph_service_pb2, identity_pb2
from scripts.simulate_traffic import main as simulate
from tests.e2e.replay.traffic import ACCESS, counts, identify, write
from tests.program import end, idsync, start


async def test_simulated_traffic_is_all_answered_and_counted_by_outcome_and_rule(
    app: App, tmp_path: Path
) -> None:
    """Exit code 0; the table names calls, outcomes and rules; nothing but it is on standard output."""
    file = tmp_path / "traffic.jsonl"
    simulate(["--people", "40", "--calls", "600", "--output", str(file)])

    as_json = await idsync("replay", str(file), "--target", app.grpc_address, *ACCESS, "--json")

    assert as_json.code == 0, as_json.err
    assert as_json.err == ""
    document = as_json.document
    assert (document["lines"], document["answered"], document["refused"]) == (600, 600, 0)
    assert document["answered_per_s"] > 0
    found = counts(document)
    assert sum(found.values()) == 600
    assert {call for call, _, _ in found} == {"identify", "login", "logout", "search", "modify"}
    outcomes = {(call, outcome) for call, outcome, _ in found}
    assert {
        ("identify", "created"),
        ("identify", "found"),
        ("login", "converted"),
        ("modify", "changed"),
    } <= outcomes
    assert all(rule for call, outcome, rule in found if outcome in {"found", "created", "converted"})
    assert {"opted-out", "blank", "login-id-in-logout"} <= set(document["notices"])


async def test_the_summary_is_a_table_for_people(app: App, tmp_path: Path) -> None:
    """Call, outcome, rule and number of lines; then what else there is to say."""
    file = write(
        tmp_path / "f",
        identify(ios_idfv="v", email=""),
        {"call": "login", "known_identities": {"customerid": "c", "ios_idfv": "v"}},
        {"call": "login", "known_identities": {"customerid": "c", "ios_idfv": "v"}},
    )

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS)

    assert ended.code == 0, ended.err
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["identify", "created", "conversion/new-anonymous", "1"] in rows
    assert ["login", "converted", "conversion/converted", "1"] in rows
    assert ["login", "found", "conversion/known", "1"] in rows
    assert "1 identities without full effect: blank" in ended.out
    assert "3 answered, 0 refused" in ended.out


async def test_a_search_that_finds_nobody_is_an_answer(app: App, tmp_path: Path) -> None:
    """It asked, and was told (ID-087); so was a read-only call (ID-088)."""
    file = write(
        tmp_path / "f",
        {"call": "search", "known_identities": {"customerid": "nobody"}},
        {**identify(ios_idfv="v"), "read_only": True},
    )

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS, "--json")

    assert ended.code == 0
    assert counts(ended.document) == {("search", "not-found", ""): 1, ("identify", "not-found", ""): 1}


async def test_the_environment_option_is_for_lines_that_name_none(app: App, tmp_path: Path) -> None:
    """A profile of one environment does not exist in the other (ID-004)."""
    production = {"environment": "production"}
    file = write(tmp_path / "f", identify(ios_idfv="v"), {**identify(ios_idfv="v"), **production})

    ended = await idsync(
        "replay", file, "--target", app.grpc_address, *ACCESS, "--environment", "development", "--json"
    )

    assert ended.code == 0
    assert [a["lines"] for a in ended.document["answers"] if a["outcome"] == "created"] == [2]


async def test_an_interrupted_replay_says_how_far_it_came(
    app: App, client: AsyncClient, tmp_path: Path
) -> None:
    """Exit code 3: what was answered is in the summary, and that there was more."""
    file = tmp_path / "traffic.jsonl"
    simulate(["--people", "500", "--calls", "20000", "--output", str(file)])
    process = await start("replay", str(file), "--target", app.grpc_address, *ACCESS, "--json")
    watched = client.watch_changes(
        graph_service_pb2.WatchChangesRequest(environment=identity_pb2.ENVIRONMENT_PRODUCTION)
    )

    async for change in watched:
        if change.entry.seq == 500:
            process.send_signal(signal.SIGINT)
            break
    ended = await end(process)

    assert ended.code == 3, ended.err
    assert ended.document["interrupted"]
    assert 0 < ended.document["answered"] < 20_000
    assert ended.err.splitlines()[-1] == "interrupted: the rest of the file was not sent"


async def test_an_empty_file_is_done_at_once(app: App, tmp_path: Path) -> None:
    """There is nothing to refuse."""
    ended = await idsync("replay", write(tmp_path / "f"), "--target", app.grpc_address, *ACCESS, "--json")

    assert ended.code == 0
    assert ended.document["lines"] == 0
