"""A database written in bulk is one that the service could have written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from idsync.client import AsyncClient
from idsync.store.embedded.audit import check
from tests.bench.learned import learn
from tests.bench.population import people_in, populate
from tests.bench.servers import KEY, SECRET, service
from tests.bench.workloads import digits, request

PEOPLE = 2_000


async def test_the_journal_explains_every_row_and_the_service_knows_everybody(tmp_path: Path) -> None:
    """What `idsync db check` says, and calls for the first, one in the middle, the last and a new one."""
    database = tmp_path / "graph.db"
    await populate(database, PEOPLE)

    entries, differences = check(database)

    assert (entries, differences, people_in(database)) == (PEOPLE, [], PEOPLE)

    mpids = {}
    async with (
        service(tmp_path, database=f"sqlite:///{database}") as server,
        AsyncClient.connect(server.addresses["grpc"], key=KEY, secret=SECRET) as client,
    ):
        for person in (0, 2, 3, 1_000, PEOPLE - 1, PEOPLE):
            answer = await client.identify(request(digits(person).decode()))
            mpids[person] = answer.mpid
            assert len(answer.matched_identities) == (4 if person < PEOPLE else 0)

    assert people_in(database) == PEOPLE + 1
    with closing(sqlite3.connect(database)) as connection:
        in_order = [mpid for (mpid,) in connection.execute("SELECT mpid FROM profile ORDER BY created_seq")]
    assert [in_order[person] for person in mpids] == list(mpids.values())
    assert in_order == sorted(in_order)


def test_a_column_that_is_not_understood_is_refused() -> None:
    """Numbers that do not grow evenly cannot be continued; guessing would make a store that nobody wrote."""
    people = [
        {"identity": [], "profile": [(1, number)], "link": [], "directory": [], "journal": []}
        for number in (1, 2, 4)
    ]

    with pytest.raises(ValueError, match="do not grow evenly"):
        learn(people, [10, 20, 30], ["aa", "bb", "cc"])
