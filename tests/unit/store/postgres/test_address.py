"""Where a URL leads, and to which of several servers."""

from __future__ import annotations

import pytest

from idsync.model.errors import StoreError
from idsync.store.postgres.address import read_address


@pytest.mark.parametrize(
    ("url", "dsns"),
    [
        ("postgresql://u:p@one:1/name", ["postgresql://u:p@one:1/name"]),
        ("postgres://one/name", ["postgresql://one/name"]),
        ("postgresql:///name", ["postgresql:///name"]),
        ("postgresql://", ["postgresql://"]),
        (
            "postgresql://u:p%40@one:1,two:2/name?sslmode=require",
            [
                "postgresql://u:p%40@one:1/name?sslmode=require",
                "postgresql://u:p%40@two:2/name?sslmode=require",
            ],
        ),
        (
            "postgresql://u@/name?host=one:1&host=two:2",
            ["postgresql://u@one:1/name", "postgresql://u@two:2/name"],
        ),
        ("postgresql://one,[::1]:5/name", ["postgresql://one/name", "postgresql://[::1]:5/name"]),
        ("postgresql:///name?host=/run/sockets", ["postgresql:///name?host=%2Frun%2Fsockets"]),
    ],
)
def test_each_server_has_an_address(url: str, dsns: list[str]) -> None:
    """In the order in which they are tried."""
    address = read_address(url)

    assert list(address.dsns) == dsns
    assert address.wanted == "read-write"


def test_another_kind_of_session_may_be_wanted() -> None:
    address = read_address("postgresql://one/name?target_session_attrs=any")

    assert (address.dsns, address.wanted) == (("postgresql://one/name",), "any")


@pytest.mark.parametrize(
    "url", ["postgresql:name", "mysql://one/name", "postgresql://u:p:q@one:x/name", "postgresql://[one/name"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"database"):
        read_address(url)


@pytest.mark.postgres
async def test_a_server_that_is_down_is_passed_over(postgres_url: str, nobody: str) -> None:
    """And the next time the one that answered comes first."""
    host = postgres_url.partition("@")[2].partition("/")[0]
    address = read_address(postgres_url.replace(host, f"{nobody},{host}"))

    connection = await address.connect()
    answer = await connection.fetchval("SELECT 1")
    await connection.close()

    assert answer == 1
    assert len(address.dsns) == 2
    assert address._last == 1
