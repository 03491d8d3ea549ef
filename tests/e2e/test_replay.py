"""`idsync replay` against a running service: every line ends up in the summary, each person's in order."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from idsync.client import AsyncClient
from idsync.client.replay import Pump
from idsync.config import parse_configuration
from idsync.server.app import App, open_app
from idsync.v1 import graph_service_pb2, identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from scripts.simulate_traffic import main as simulate

CONFIGURATION = """
[scopes.shop]
strategy = "{strategy}"
identity_priority = ["customerid", "email", "ios_idfv", "android_uuid", "device_application_stamp"]
login_ids = ["customerid"]
unique_ids = ["customerid"]
immutable_ids = ["customerid"]

[workspaces.shop]
scope = "shop"

[[workspaces.shop.inputs]]
platform = "web"
key = "shop"
secret = "s3cret"
may_read = true
"""
ACCESS = ("--key", "shop", "--secret", "s3cret")


@dataclass(frozen=True)
class Ended:
    """What a finished command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Its output with --json."""
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


async def start(*arguments: str) -> Process:
    """Start the program."""
    return await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "idsync", *arguments), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )


async def end(process: Process) -> Ended:
    """Wait for the end of the program."""
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def idsync(*arguments: str) -> Ended:
    """Run the program."""
    return await end(await start(*arguments))


@pytest.fixture(params=["profile_conversion"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[App]:
    configuration = parse_configuration(CONFIGURATION.format(strategy=request.param), tmp_path)
    async with open_app(configuration, "memory://", "127.0.0.1:0") as app:
        yield app


@pytest.fixture
async def client(app: App) -> AsyncIterator[AsyncClient]:
    async with AsyncClient.connect(app.grpc_address, key="shop", secret="s3cret") as client:
        yield client


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens, and nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


async def people_of(client: AsyncClient, customer: str) -> list[set[str]]:
    """Show the values of every profile of one customer."""
    identity = identity_pb2.Identity(type=identity_pb2.IDENTITY_TYPE_CUSTOMERID, value=customer)
    response = await client.find_profiles(
        graph_service_pb2.FindProfilesRequest(
            identity=identity, environment=identity_pb2.ENVIRONMENT_PRODUCTION
        )
    )
    return [{r.identity.value for r in profile.identities} for profile in response.profiles]


def write(path: Path, *lines: dict[str, Any] | str) -> str:
    """Write a traffic file."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


def counts(document: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    """Index the answers of a summary."""
    return {(a["call"], a["outcome"], a["rule"]): a["lines"] for a in document["answers"]}


def identify(**identities: str) -> dict[str, Any]:
    """Make an identify line."""
    return {"call": "identify", "known_identities": identities}


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


async def test_the_same_file_leaves_the_same_people_whatever_is_in_flight(tmp_path: Path) -> None:
    """Sixty-four at once and one at a time end in the same graph: order is kept for each person."""
    file = tmp_path / "traffic.jsonl"
    simulate(["--people", "8", "--calls", "300", "--kiosks", "1", "--households", "3", "--output", str(file)])
    graphs = []
    for in_flight in (1, 64):
        configuration = parse_configuration(CONFIGURATION.format(strategy="profile_conversion"), tmp_path)
        async with (
            open_app(configuration, "memory://", "127.0.0.1:0") as app,
            AsyncClient.connect(app.grpc_address, key="shop", secret="s3cret") as client,
        ):
            pump = Pump(client, in_flight=in_flight)
            with file.open("rb") as lines:
                await pump.send(lines)
            assert pump.tally.answered == 300
            graphs.append([await people_of(client, f"c-1-{number}") for number in range(8)])

    assert graphs[0] == graphs[1]
    assert sum(map(len, graphs[0])) > 3


async def test_lines_refer_to_the_answers_of_earlier_lines(
    app: App, client: AsyncClient, tmp_path: Path
) -> None:
    """`previous` becomes previous_mpid, `of` the profile to modify; a modify may be referred to as well."""
    change = {"identity_type": "email", "old_value": None, "new_value": "a@example.com"}
    file = write(
        tmp_path / "f",
        identify(ios_idfv="v"),
        "",
        {"call": "login", "known_identities": {"customerid": "c", "ios_idfv": "v"}, "previous": 1},
        {"call": "modify", "of": 3, "identity_changes": [change]},
        {"call": "modify", "of": 4, "identity_changes": [{**change, "new_value": "b@example.com"}]},
    )

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS, "--json")

    assert ended.code == 0, ended.out
    assert ended.document["lines"] == 4, "blank lines are no lines, but they are counted as places"
    [profile] = await people_of(client, "c")
    assert profile == {"c", "v", "a@example.com", "b@example.com"}


async def test_the_previous_mpid_of_a_reference_decides_a_tie(app: App, tmp_path: Path) -> None:
    """After a logout two profiles share the device; the MPID of the first visit means the first (ID-064)."""
    file = write(
        tmp_path / "f",
        identify(ios_idfv="v"),
        {"call": "logout", "known_identities": {"ios_idfv": "v"}, "previous": 1},
        {**identify(ios_idfv="v"), "previous": 1},
        {
            "call": "modify",
            "of": 3,
            "identity_changes": [{"identity_type": "customerid", "old_value": None, "new_value": "c"}],
        },
        {
            "call": "modify",
            "of": 1,
            "identity_changes": [{"identity_type": "customerid", "old_value": None, "new_value": "c"}],
        },
    )

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS, "--json")

    assert counts(ended.document)["modify", "changed", ""] == 1
    assert counts(ended.document)["modify", "unchanged", ""] == 1


async def test_mpids_may_be_given_directly(app: App, client: AsyncClient, tmp_path: Path) -> None:
    """A file written from answers needs no references."""
    response = await client.identify(
        pb.IdentifyRequest(
            environment=identity_pb2.ENVIRONMENT_PRODUCTION,
            known_identities=[identity_pb2.Identity(type=identity_pb2.IDENTITY_TYPE_IOS_IDFV, value="v")],
        )
    )
    change = {"identity_type": "customerid", "new_value": "c"}
    file = write(
        tmp_path / "f",
        {**identify(ios_idfv="v"), "previous_mpid": str(response.mpid)},
        {"call": "modify", "mpid": response.mpid, "identity_changes": [change]},
    )

    ended = await idsync("replay", file, "--target", app.grpc_address, *ACCESS, "--json")

    assert ended.code == 0
    assert await people_of(client, "c") == [{"c", "v"}]


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


async def test_the_environment_option_is_for_lines_that_name_none(app: App, tmp_path: Path) -> None:
    """A profile of one environment does not exist in the other (ID-004)."""
    production = {"environment": "production"}
    file = write(tmp_path / "f", identify(ios_idfv="v"), {**identify(ios_idfv="v"), **production})

    ended = await idsync(
        "replay", file, "--target", app.grpc_address, *ACCESS, "--environment", "development", "--json"
    )

    assert ended.code == 0
    assert [a["lines"] for a in ended.document["answers"] if a["outcome"] == "created"] == [2]


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

    ended = await idsync("replay", file, "--target", app.grpc_address, "--key", "shop", "--secret", "wrong")

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
