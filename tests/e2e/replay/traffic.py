"""Traffic files, and what a replay of them leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from idsync.client import AsyncClient
from idsync.v1 import graph_service_pb2, identity_pb2
from tests.e2e.conftest import SHOP

ACCESS = ("--key", SHOP.key, "--secret", SHOP.secret)


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
