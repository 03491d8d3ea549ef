"""A repair leaves each value of a unique type to one profile, whatever came before (ID-039)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver
from idsync.resolve.scope import Scope
from idsync.server.switch.repairs import Repairs
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock

T = IdentityType
GRAPH = GraphKey("retail", Environment.PRODUCTION)
SHARED = Policy(
    "profile_conversion",
    (T.CUSTOMERID, T.EMAIL, T.MOBILE_NUMBER, T.IOS_IDFV),
    login=frozenset({T.CUSTOMERID}),
    unique=frozenset({T.CUSTOMERID}),
)
EMAIL_AND_NUMBER = frozenset({T.EMAIL, T.MOBILE_NUMBER})

# few emails and numbers, so that most are on several records, of known and anonymous people
calls = st.lists(
    st.fixed_dictionaries(
        {T.IOS_IDFV: st.integers(0, 3)},
        optional={
            T.EMAIL: st.integers(0, 1),
            T.MOBILE_NUMBER: st.integers(0, 1),
            T.CUSTOMERID: st.integers(0, 3),
        },
    ),
    min_size=6,
    max_size=30,
)


def scope_of(policy: Policy) -> Scope:
    return Scope(policy, load_strategies([policy.strategy])[policy.strategy])


def request_of(call: dict[IdentityType, int]) -> ResolveRequest:
    identities = {t: Identity(t, f"{t.wire_name}-{number}") for t, number in call.items()}
    return ResolveRequest(Operation.IDENTIFY, GRAPH, identities)


@given(calls=calls, is_login=st.booleans())
async def test_each_value_stays_with_its_newest_holder(
    calls: list[dict[IdentityType, int]], is_login: bool
) -> None:
    """What else was on the records stays, in one entry for each value; a second repair writes nothing."""
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    scopes = {"retail": scope_of(SHARED)}
    resolver = Resolver(store, scopes, clock)
    for call in calls:
        await resolver.resolve(request_of(call))
    before = await _links(store)
    newest = {identity: found[0] for identity in before if (found := await _holders(store, identity))}
    seq = await store.last_seq(GRAPH)
    login = SHARED.login | EMAIL_AND_NUMBER if is_login else SHARED.login
    scopes["retail"] = scope_of(replace(SHARED, login=login, unique=SHARED.unique | EMAIL_AND_NUMBER))
    repairs = Repairs(store, resolver)
    planned = await repairs.look("retail", EMAIL_AND_NUMBER)

    written = await repairs.carry_out("retail", EMAIL_AND_NUMBER, "Ann")
    again = await repairs.carry_out("retail", EMAIL_AND_NUMBER, "Ann")

    entries = await store.entries(GRAPH, seq, 1_000)
    assert (written, again) == (planned.total, 0) == (len(entries), 0)
    assert {o.shared.identity: o.shared.mpids[0] for o in planned.shown} == {
        identity: mpid for identity, mpid in newest.items() if _is_shared(identity, before)
    }
    assert all(_is_repair(entry) for entry in entries)
    after = await _links(store)
    for identity, mpids in before.items():
        expected = {newest[identity]} if identity.type in EMAIL_AND_NUMBER else mpids
        assert after[identity] == expected


def _is_shared(identity: Identity, links: dict[Identity, set[int]]) -> bool:
    return identity.type in EMAIL_AND_NUMBER and len(links[identity]) > 1


def _is_repair(entry: JournalEntry) -> bool:
    kinds = {change.kind for change in entry.changes}
    return (
        (entry.cause, entry.rule, entry.input_id) == ("repair", "ID-039/unique", "Ann")
        and ChangeKind.IDENTITY_REMOVED in kinds
        and all(change.mpid != entry.mpid for change in entry.changes)
    )


async def _links(store: MemoryStore) -> dict[Identity, set[int]]:
    """Say who has what."""
    values = [
        *(Identity(T.CUSTOMERID, f"customerid-{n}") for n in range(4)),
        *(Identity(T.EMAIL, f"email-{n}") for n in range(2)),
        *(Identity(T.MOBILE_NUMBER, f"mobile_number-{n}") for n in range(2)),
        *(Identity(T.IOS_IDFV, f"ios_idfv-{n}") for n in range(4)),
    ]
    found = {identity: set(await _holders(store, identity)) for identity in values}
    return {identity: mpids for identity, mpids in found.items() if mpids}


async def _holders(store: MemoryStore, identity: Identity) -> list[int]:
    return await store.find_profiles(GRAPH, identity, 100)
