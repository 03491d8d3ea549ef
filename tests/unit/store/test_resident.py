"""Resident nodes: what is unusual is said once, and without values."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.resident import MANY
from idsync.testing.clock import ManualClock

GRAPH = GraphKey("shop", Environment.PRODUCTION)
DEVICE, EMAIL = IdentityType.IOS_IDFV, IdentityType.EMAIL


async def test_popular_values_and_large_records_are_warned_of_once(tmp_path: Path) -> None:
    """ID-243: a value on more than 100 records, a record with more than 100 values; types only, no values."""
    policy = Policy("profile_conversion", (EMAIL, DEVICE))
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    store = await open_store(f"sqlite:///{tmp_path / 'idsync.db'}", clock=ManualClock())
    resolver = Resolver(store, {GRAPH.scope: scope}, ManualClock())
    device = {DEVICE: Identity(DEVICE, "the kiosk")}

    with capture_logs() as logs:
        for _ in range(MANY + 5):
            answer = await resolver.resolve(ResolveRequest(Operation.LOGOUT, GRAPH, device))
        changes = tuple(
            IdentityChange(EMAIL, None, Identity(EMAIL, f"user-{n}@example.com")) for n in range(MANY)
        )
        await resolver.modify(ModifyRequest(GRAPH, answer.mpid, changes))
    await store.close()

    assert [log["event"] for log in logs] == ["value_on_many_records", "record_with_many_values"]
    assert logs[0]["identity_type"] == "ios_idfv"
    assert "kiosk" not in repr(logs)
    assert "example.com" not in repr(logs)
