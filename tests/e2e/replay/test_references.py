"""Lines mean the answers of earlier lines, and each person's lines are sent in order."""

from __future__ import annotations

from pathlib import Path

from idsync.client import AsyncClient
from idsync.client.replay import Pump
from idsync.config import parse_configuration
from idsync.server.app import App, open_app
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from scripts.simulate_traffic import main as simulate
from tests.e2e.conftest import SHOP
from tests.e2e.replay.conftest import CONFIGURATION
from tests.e2e.replay.traffic import ACCESS, counts, identify, people_of, write
from tests.program import idsync


async def test_the_same_file_leaves_the_same_people_whatever_is_in_flight(tmp_path: Path) -> None:
    """Sixty-four at once and one at a time end in the same graph: order is kept for each person."""
    file = tmp_path / "traffic.jsonl"
    simulate(["--people", "8", "--calls", "300", "--kiosks", "1", "--households", "3", "--output", str(file)])
    graphs = []
    for in_flight in (1, 64):
        configuration = parse_configuration(CONFIGURATION.format(strategy="profile_conversion"), tmp_path)
        async with (
            open_app(configuration, "memory://", "127.0.0.1:0") as app,
            AsyncClient.connect(app.grpc_address, SHOP) as client,
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
