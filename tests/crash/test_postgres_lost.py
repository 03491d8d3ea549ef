"""A PostgreSQL that restarts, hangs or only reads: callers are told to come again, and nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from idsync.model.errors import NotFoundError, UnavailableError
from idsync.store.postgres.address import read_address
from tests.crash.load import SignUps, holders, require_clean_database, search, sign_up
from tests.crash.postgres_server import PostgresServer, Shutdown, folder_of_server, own_postgres
from tests.crash.served import PATIENT, served
from tests.crash.small_disk import fill, make_room, small_disk

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("how", list(Shutdown))
async def test_a_database_that_restarts(tmp_path: Path, own_server: PostgresServer, how: Shutdown) -> None:
    """Callers who do not try again are told when to; callers who do notice nothing but the time it took."""
    url = own_server.url("idsync")
    people, patient = SignUps("person"), SignUps("patient")
    async with served(tmp_path, database_url=url) as service:
        people.begin(service)
        patient.begin(service, callers=8, retry=PATIENT)
        for _ in range(2):
            await asyncio.gather(people.more(), patient.more())
            await own_server.shut_down(how)
            await people.more_refused()
            await own_server.start()
            await asyncio.gather(people.more(), patient.more())
        await asyncio.gather(people.end(), patient.end())
        for each in (people, patient):
            await each.require_kept(service)
        assert await service.stop() == 0
    await require_clean_database(url)

    people.require_honest_refusals()
    assert patient.refused == {}


async def test_a_database_that_hangs(tmp_path: Path, own_server: PostgresServer) -> None:
    """Who writes and who looks into the tables is refused in bounded time, and it goes on by itself."""
    url = own_server.url("idsync")
    people = SignUps()
    async with served(tmp_path, database_url=url) as service, service.client() as client:
        people.begin(service)
        await people.more()
        assert len(await holders(client, "device of person-0")) == 1
        own_server.freeze()
        async with asyncio.timeout(120):
            with pytest.raises(UnavailableError) as refused:
                await holders(client, "device of person-0")
            await people.more_refused()
        own_server.thaw()
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean_database(url)

    people.require_honest_refusals()
    assert refused.value.retry_delay_s > 0


async def test_a_database_that_hangs_for_a_moment(tmp_path: Path, own_server: PostgresServer) -> None:
    """Within the time that a statement is given the callers wait, and are answered."""
    url = own_server.url("idsync")
    people = SignUps()
    async with served(tmp_path, database_url=url) as service:
        people.begin(service)
        for _ in range(3):
            await people.more()
            own_server.freeze()
            await asyncio.sleep(0.5)  # this is how long it hangs
            own_server.thaw()
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean_database(url)

    assert people.refused == {}


@pytest.mark.parametrize("sessions", ["all", "new"])
async def test_a_database_that_only_reads(tmp_path: Path, own_server: PostgresServer, sessions: str) -> None:
    """As a server that is no leader any more: each call is refused whole, until it takes writes again."""
    url = own_server.url("idsync")
    people = SignUps()
    whose = "SYSTEM" if sessions == "all" else "DATABASE idsync"
    told = ("SELECT pg_reload_conf()",) if sessions == "all" else ()
    async with served(tmp_path, database_url=url) as service:
        people.begin(service)
        await people.more()
        await own_server.execute(f"ALTER {whose} SET default_transaction_read_only = on", *told)
        if sessions == "new":
            await own_server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'idsync'"
            )
        await people.more_refused(100)
        await own_server.execute(
            "SET default_transaction_read_only = off",
            f"ALTER {whose} RESET default_transaction_read_only",
            *told,
        )
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean_database(url)

    people.require_honest_refusals()
    assert any("takes writes" in error.message for error in people.refused.values())


async def test_servers_that_only_read_are_passed_over(own_server: PostgresServer, nobody: str) -> None:
    """As the standbys of a lost leader: the one that takes writes is found wherever it stands in the URL."""
    async with folder_of_server() as folder, own_postgres(folder) as standby:
        await standby.execute(
            "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
        )
        leader = own_server.host
        for hosts in ([standby.host, leader], [nobody, standby.host, leader], [leader, standby.host, nobody]):
            address = read_address(f"postgresql://postgres@{','.join(hosts)}/idsync")
            for _ in range(2):
                connection = await address.connect()
                port = await connection.fetchval("SELECT inet_server_port()")
                await connection.close()

                assert f"127.0.0.1:{port}" == leader


async def test_what_no_standby_has_yet_is_not_answered(tmp_path: Path, own_server: PostgresServer) -> None:
    """Not even to who asks again: it may yet be lost with the leader."""
    url = own_server.url("idsync")
    async with served(tmp_path, database_url=url) as service, service.client() as client:
        await sign_up(client, "somebody")
        await own_server.execute(
            "ALTER SYSTEM SET synchronous_standby_names = 'missing'", "SELECT pg_reload_conf()"
        )
        with pytest.raises(UnavailableError):
            await sign_up(client, "in doubt")
        with pytest.raises(NotFoundError):
            await search(client, "in doubt")
        with pytest.raises(UnavailableError):
            await sign_up(client, "in doubt")
        await own_server.execute("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
        mpid = await sign_up(client, "in doubt")
        holding = await holders(client, "device of in doubt")
        assert await service.stop() == 0
    await require_clean_database(url)

    assert holding == [mpid]


@pytest.mark.mount
@pytest.mark.parametrize("full", ["tables", "log"])
async def test_a_database_whose_disk_is_full(tmp_path: Path, server_folder: Path, full: str) -> None:
    """Calls that write are refused whole; with room it goes on. Without room for its log the server ends."""
    people = SignUps()
    with small_disk(server_folder / "small") as small:
        where = (small, server_folder / "log") if full == "tables" else (server_folder, small / "log")
        async with own_postgres(*where) as server:
            url = server.url("idsync")
            async with served(tmp_path, database_url=url) as service, service.client() as client:
                people.begin(service)
                await people.more()
                fill(small)
                await people.more_refused()
                if full == "tables":
                    assert await search(client, "person-0") == people.acknowledged["person-0"]
                else:
                    await server.ended()
                make_room(small)
                if full == "log":
                    await server.start()
                await people.more()
                await people.end()
                await people.require_kept(service)
                assert await service.stop() == 0
            await require_clean_database(url)

    people.require_honest_refusals()
