"""What the clients of a history ask for: few identities, so that their calls collide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.scope import Scope
from idsync.resolve.step import Step
from idsync.resolve.steps.deleting import DeleteStep
from idsync.resolve.steps.modifying import ModifyStep
from idsync.resolve.steps.resolving import ResolveStep
from idsync.testing.scribe import GRAPH

__all__ = ["IDENTITIES", "Deletion", "Request", "any_request", "any_scope", "step_of", "with_mpid"]

T = IdentityType
IDENTITIES: Final = (
    Identity(T.CUSTOMERID, "c1"),
    Identity(T.CUSTOMERID, "c2"),
    Identity(T.EMAIL, "e1"),
    Identity(T.IOS_IDFV, "d1"),
    Identity(T.IOS_IDFV, "d2"),
)
_STRATEGIES: Final = load_strategies(
    ["profile_conversion", "profile_link", "profile_isolation", "best_match", "default"]
)


@dataclass(frozen=True)
class Deletion:
    """The removal of a profile."""

    mpid: Mpid


Request = ResolveRequest | ModifyRequest | Deletion


def any_scope(random: Random) -> Scope:
    """Draw a strategy and a policy that it takes."""
    name = random.choice(sorted(_STRATEGIES))
    login = frozenset() if name == "best_match" else frozenset({T.CUSTOMERID})
    unique = login if random.random() < 0.7 else frozenset()
    maxima = {T.EMAIL: 1} if random.random() < 0.3 else {}
    policy = Policy(
        name, (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV), login=login, unique=unique, max_per_type=maxima
    )
    return Scope(policy, _STRATEGIES[name])


def any_request(random: Random, mine: Mpid | None) -> Request:
    """Draw a call of a client that knows the profile `mine`."""
    kind = random.random()
    if mine is not None and kind < 0.2:
        picked = random.choice(IDENTITIES)
        others: list[Identity | None] = [i for i in IDENTITIES if i.type is picked.type and i != picked]
        old, new = random.choice([(None, picked), (picked, None), (picked, random.choice([*others, None]))])
        return ModifyRequest(GRAPH, mine, (IdentityChange(picked.type, old, new),))
    if mine is not None and kind < 0.25:
        return Deletion(mine)
    operation = random.choice([Operation.IDENTIFY, Operation.LOGIN, Operation.LOGOUT, Operation.SEARCH])
    chosen = random.sample(IDENTITIES, random.randint(1, 3))
    return ResolveRequest(operation, GRAPH, {i.type: i for i in chosen}, mine)


def with_mpid(request: Request, mpid: Mpid | None) -> Request:
    """Give the same call about, or after, another profile."""
    if isinstance(request, ResolveRequest):
        return replace(request, previous_mpid=mpid)
    return replace(request, mpid=0 if mpid is None else mpid)


def mpid_of(request: Request) -> Mpid | None:
    """Say which profile a call names."""
    return request.previous_mpid if isinstance(request, ResolveRequest) else request.mpid


def identities_of(request: Request) -> set[Identity]:
    """Say which identities a call names."""
    if isinstance(request, ResolveRequest):
        return set(request.identities.values())
    if isinstance(request, ModifyRequest):
        return {i for change in request.changes for i in (change.old, change.new) if i is not None}
    return set()


def step_of(request: Request, scope: Scope) -> Step[Any]:
    """Give the step that decides a call."""
    if isinstance(request, ResolveRequest):
        return ResolveStep(request, scope, lambda: 0)
    if isinstance(request, ModifyRequest):
        return ModifyStep(request, scope)
    return DeleteStep(GRAPH, request.mpid, scope.policy, "erase")
