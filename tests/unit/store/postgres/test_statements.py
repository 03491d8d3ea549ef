"""How the database goes about what calls ask: by key, however much there is beside it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from idsync.store.postgres import call_statements, statements
from idsync.store.postgres.address import Connection, read_address
from idsync.store.postgres.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE

pytestmark = pytest.mark.postgres

PEOPLE = 4_000
SHARED = 900_000
"""An identity that all of them hold."""
FEW = 64
"""Rows that a look-up may touch in one table: as many as it asks for, or the holders it is to give."""
HOT = {
    "identity",
    "profile",
    "link",
    "alias",
    "must_not",
    "journal",
    "directory",
    "recorded_call",
    "recorded_value",
}

PERSON = 1_000_000
"""The person of number n is the profile 1,000,000 + n, has the identity 10 + n and the entry 1 + n."""
FILLING = (
    "INSERT INTO identity (graph_id, identity_id, type, digest, value, version, holders) "
    "SELECT {g}, 10 + n, 1, sha256(n::text::bytea), n::text::bytea, n, '[8,1]' "
    "FROM generate_series({first}, {last}) n",
    "INSERT INTO identity (graph_id, identity_id, type, digest, value, version, holders) "
    f"VALUES ({{g}}, {SHARED}, 8, sha256('shared'), 'shared', 1, '[8,9]') ON CONFLICT DO NOTHING",
    "INSERT INTO profile "
    "(graph_id, mpid, created_seq, created_ms, recency, active_ms, erased, types, size, version) "
    f"SELECT {{g}}, {PERSON} + n, n, n, n, n, 0, 8, 2, n FROM generate_series({{first}}, {{last}}) n",
    "INSERT INTO link (graph_id, identity_id, mpid, since_seq, position, descriptive, kind, recency) "
    f"SELECT {{g}}, i, {PERSON} + n, n, 0, 0, 8, n "
    f"FROM generate_series({{first}}, {{last}}) n CROSS JOIN LATERAL (VALUES (10 + n), ({SHARED})) v(i)",
    "INSERT INTO alias (graph_id, seq, source, destination, start_ms, end_ms, scope, apply_at_ms, state, "
    f"arrived_ms, ignored_reason) SELECT {{g}}, n, {PERSON} + n, {PERSON} + n + 1, 0, 1, '', n, 1, n, '' "
    "FROM generate_series({first}, {last}) n",
    "INSERT INTO must_not (graph_id, seq, position, side, identity_id, mpid) "
    f"SELECT {{g}}, 1 + n, p, p, CASE p WHEN 0 THEN 10 + n END, CASE p WHEN 1 THEN {PERSON} + n END "
    "FROM generate_series({first}, {last}) n CROSS JOIN generate_series(0, 1) p",
    "INSERT INTO journal "
    "(graph_id, seq, at_ms, cause, rule, request_id, input_id, mpid, idempotency_key, body, mark) "
    f"SELECT {{g}}, 1 + n, n, 'c', 'r', n::text, 'input', {PERSON} + n, n::text, '[[],[]]', n "
    "FROM generate_series({first}, {last}) n",
    "INSERT INTO recorded_value (graph_id, value_id, type, digest, value, at_ms) "
    "SELECT {g}, 10 + n, 1, sha256(n::text::bytea), n::text::bytea, n "
    "FROM generate_series({first}, {last}) n",
    "INSERT INTO recorded_call "
    "(graph_id, call_id, after_seq, seq, operation, mpid, named, rule, count, body) "
    f"SELECT {{g}}, n, n, 0, 'login', {PERSON} + n, NULL, 'r', 1, '[]' "
    "FROM generate_series({first}, {last}) n",
)


@dataclass(frozen=True)
class LookUp:
    """A statement, and what it is asked beside the graph, as SQL.

    Attributes:
        tables: In which of the large tables it looks.
    """

    statement: str
    asked: tuple[str, ...]
    tables: frozenset[str]


def look_ups() -> Iterator[tuple[str, LookUp]]:
    """Every statement of the hot path, asked for a few of the many."""
    one = f"'{{{PERSON + 77}}}'"
    by_value = "ARRAY[sha256('77'), sha256('shared')]"
    yield (
        "identities by value",
        LookUp(statements.IDENTITIES_BY_VALUE, ("'{1,8}'", by_value), frozenset({"identity"})),
    )
    yield "identities by id", LookUp(statements.IDENTITIES_BY_ID, ("'{87,900000}'",), frozenset({"identity"}))
    yield (
        "holders",
        LookUp(statements.HOLDERS, ("'{87,900000}'", "'{8,8}'", f"'{{{FEW},10}}'"), frozenset({"link"})),
    )
    yield "newest", LookUp(statements.NEWEST, ("'{87,900000}'", "'{8,8}'"), frozenset({"link"}))
    yield "profiles", LookUp(statements.PROFILES, (one,), frozenset({"profile"}))
    yield "links", LookUp(statements.LINKS_OF, (one,), frozenset({"link"}))
    yield "aliases", LookUp(statements.ALIASES_OF, (one,), frozenset({"alias"}))
    yield "aliases by position", LookUp(statements.ALIASES_BY_SEQ, ("'{77}'",), frozenset({"alias"}))
    yield "must-nots", LookUp(statements.MUST_NOTS_OF, ("'{87}'",), frozenset({"must_not"}))
    yield "must-nots by position", LookUp(statements.MUST_NOTS_BY_SEQ, ("'{77}'",), frozenset({"must_not"}))
    yield "entries by key", LookUp(statements.ENTRIES_BY_KEY, ("'{input}'", "'{77}'"), frozenset({"journal"}))
    yield "was committed", LookUp(statements.WAS_COMMITTED, ("77",), frozenset({"journal"}))
    recorded, first = frozenset({"recorded_value"}), "ARRAY[sha256('77')]"
    yield (
        "ids of identities",
        LookUp(call_statements.IDENTITY_IDS, ("'{1,8}'", by_value), frozenset({"identity"})),
    )
    yield "ids of recorded values", LookUp(call_statements.VALUE_IDS, ("'{1}'", first), recorded)
    yield "recorded values by id", LookUp(call_statements.VALUES_BY_ID, ("'{87}'",), recorded)
    yield "recorded calls of", LookUp(call_statements.CALLS_OF, (one,), frozenset({"recorded_call"}))
    yield (
        "who else holds them",
        LookUp(
            call_statements.HELD, ("'{8}'", "ARRAY[sha256('shared')]", one), frozenset({"identity", "link"})
        ),
    )
    nothing = ("'{}'",) * (max(map(int, re.findall(r"\$(\d+)", statements.WRITE))) - 3)
    yield "write", LookUp(statements.WRITE, ("9999", "999999", *nothing), frozenset())


LOOK_UPS = dict(look_ups())


@dataclass(frozen=True)
class Graph:
    """A graph with one person, in a database of its own."""

    url: str
    graph_id: int


@pytest.fixture
async def graph(new_postgres: Callable[[], str]) -> Graph:
    url = await asyncio.to_thread(new_postgres)
    store = await open_store(url, clock=ManualClock())
    scribe = Scribe(store)
    await scribe.create(DEVICE)
    graph_id = await store._known(scribe.graph)
    await store.close()
    assert graph_id is not None
    return Graph(url, graph_id)


@asynccontextmanager
async def session_on(graph: Graph, *, of_store: bool) -> AsyncIterator[Connection]:
    """Open a session with the settings of a store, or one that leaves everything to the planner."""
    connection = await read_address(graph.url).connect(led_by_keys=of_store)
    try:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection
    finally:
        await connection.close()


async def fill(connection: Connection, graph: Graph, first: int, last: int) -> None:
    """Add people by number, who share an identity."""
    for statement in FILLING:
        await connection.execute(statement.format(g=graph.graph_id, first=first, last=last))


async def count(connection: Connection) -> None:
    """Let the database find out how much there is of everything."""
    await connection.execute(f"ANALYZE {', '.join(HOT)}, graph")


async def prepare(connection: Connection) -> None:
    """Prepare all look-ups, under a number each, as a store's driver does."""
    for number, look_up in enumerate(LOOK_UPS.values()):
        await connection.execute(f"PREPARE look_up_{number} AS {look_up.statement}")


async def plans(connection: Connection, graph: Graph) -> dict[str, dict[str, Any]]:
    """Carry all look-ups out; gives what the database did for each."""
    found = {}
    for number, (name, look_up) in enumerate(LOOK_UPS.items()):
        asked = ", ".join((str(graph.graph_id), *look_up.asked))
        shown = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE look_up_{number}({asked})")
        found[name] = orjson.loads(shown)[0]["Plan"]
    return found


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for step in plan.get("Plans", ()):
        yield from steps(step)


def touched(step: dict[str, Any]) -> float:
    """Say how many rows of its table a step has looked at."""
    looked_at = step["Actual Rows"] + sum(v for k, v in step.items() if k.startswith("Rows Removed by"))
    return float(looked_at * step["Actual Loops"])


def require_keys_only(plans: dict[str, dict[str, Any]]) -> None:
    """Each look-up found what it was asked for, and looked at no row beside it."""
    found: dict[str, set[str]] = {}
    walks: list[tuple[str, str, float]] = []
    for name, plan in plans.items():
        looks = [s for s in steps(plan) if s.get("Relation Name") in HOT and "Scan" in s["Node Type"]]
        found[name] = {step["Relation Name"] for step in looks if step["Actual Rows"]}
        walks += [
            (name, step["Node Type"], touched(step))
            for step in looks
            if step["Node Type"] == "Seq Scan" or touched(step) > FEW
        ]
    assert walks == []
    assert found == {name: look_up.tables for name, look_up in LOOK_UPS.items()}


@pytest.mark.parametrize("of_store", [True, False], ids=["of a store", "of anybody"])
async def test_no_statement_of_the_hot_path_walks_a_table(graph: Graph, of_store: bool) -> None:
    """Also where the planner may do as it likes: each key is looked up by itself, for the rows it names."""
    async with session_on(graph, of_store=of_store) as session:
        await fill(session, graph, 1, PEOPLE)
        await count(session)
        await prepare(session)

        require_keys_only(await plans(session, graph))


@pytest.mark.parametrize("few", [0, 60], ids=["nothing known", "some counted"])
async def test_a_plan_from_when_there_was_little_serves_when_there_is_much(graph: Graph, few: int) -> None:
    """A node that fills a new database goes on with the plans it made at the beginning.

    The server counts by itself from 50 rows on; before, and where it is told not to, it guesses.
    """
    async with session_on(graph, of_store=True) as session:
        if few:
            await fill(session, graph, 1, few)
            await count(session)
        await prepare(session)
        await plans(session, graph)
        await fill(session, graph, few + 1, PEOPLE)

        require_keys_only(await plans(session, graph))


def test_every_statement_is_looked_at() -> None:
    """Those about the graph itself, a table of few rows, aside, and what only writes or removes calls."""
    public = {getattr(module, name) for module in (statements, call_statements) for name in module.__all__}
    written = {
        call_statements.KEEP_VALUES,
        call_statements.RECORD,
        call_statements.SPAN,
        call_statements.EMPTY_VALUES,
        call_statements.DROP_CALLS,
        call_statements.DROP_VALUES,
        call_statements.NOTHING_UP_TO,
    }

    assert {look_up.statement for look_up in LOOK_UPS.values()} == public - written - {
        statements.GRAPH,
        statements.HOLD_GRAPH,
        statements.NEW_GRAPH,
        statements.NOTE_WATCHED,
    }
