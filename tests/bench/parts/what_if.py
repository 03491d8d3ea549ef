"""A preview over many recorded calls: its rate, its processor time, and its memory."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import perf_counter, time_ns
from typing import Final

from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.preview.previewer import Previewer
from idsync.preview.report import Report
from idsync.resolve.recorder import Recorder
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from tests.bench.measurement import Session
from tests.bench.workloads import digits

__all__ = ["CALLS_PER_PROFILE", "run"]

CALLS_PER_PROFILE: Final = 5
"""Of five calls four come again, as in the mixed load: so many people make so many times as many calls."""
_T: Final = IdentityType
_TYPES: Final = (_T.CUSTOMERID, _T.EMAIL, _T.IOS_IDFV, _T.DEVICE_APPLICATION_STAMP)
_LOGIN: Final = frozenset({_T.CUSTOMERID, _T.EMAIL})
_GRAPH: Final = GraphKey("bench", Environment.PRODUCTION)
_MOST_PEOPLE: Final = 200_000
_AT_ONCE: Final = 1_000
_WRITTEN_EVERY: Final = 20
"""Batches between two writes of what was counted; no kind of call is too many for an interval."""
_MIB: Final = 1 << 20


async def run(session: Session) -> None:
    """Record calls of people who visit, sign in and come back; then replay them with another strategy."""
    people = min(session.options.profiles, _MOST_PEOPLE)
    conversion, link = _scope("profile_conversion"), _scope("profile_link")
    store = await open_store(f"sqlite:///{Path(session.folder) / 'what-if.db'}", clock=_clock)
    try:
        recorder = Recorder(store, _clock, 30)
        resolver = Resolver(store, {_GRAPH.scope: conversion}, _clock, recorder)
        session.say(f"what-if: recording {people * CALLS_PER_PROFILE:,} calls")
        batch: list[ResolveRequest] = []
        batches = 0
        for request in _requests(people):
            batch.append(request)
            if len(batch) == _AT_ONCE:
                await resolver.resolve_all(batch)
                batch, batches = [], batches + 1
                if batches % _WRITTEN_EVERY == 0:
                    await recorder.write()
        await resolver.resolve_all(batch)
        await recorder.write()
        await store.settle()
        previewer = Previewer(store, recorder)
        for number in range(session.options.rounds):
            for name, scope in (("same", conversion), ("other", link)):
                session.say(f"what-if, round {number + 1} of {session.options.rounds}: {name}")
                session.record(number, "replay", name, await _replay(previewer, scope.policy))
    finally:
        await store.close()


async def _replay(previewer: Previewer, candidate: Policy) -> dict[str, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    report = Report()
    async for told in previewer.preview(_GRAPH, candidate, 0):
        if isinstance(told, Report):
            report = told
    elapsed_s = perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    calls = report.entries + report.repeated + report.refused
    return {
        "calls": calls,
        "per_s": calls / elapsed_s,
        "cpu_us": used_s / max(calls, 1) * 1e6,
        "memory_mb": report.peak_bytes / _MIB,
        "failed": report.not_recorded,
    }


def _scope(strategy: str) -> Scope:
    policy = Policy(strategy, _TYPES, login=_LOGIN, unique=_LOGIN)
    return Scope(policy, load_strategies([strategy])[strategy])


def _clock() -> int:
    return time_ns() // 1_000_000


def _requests(people: int) -> Iterator[ResolveRequest]:
    """Let people come: half of them visit before they sign in, and all come again, some long after."""
    random = Random(people)
    for person in range(people):
        number = digits(person).decode()
        device = {
            _T.IOS_IDFV: Identity(_T.IOS_IDFV, f"5b0f0a6e-0c8b-4b8e-9c9e-{number}"),
            _T.DEVICE_APPLICATION_STAMP: Identity(
                _T.DEVICE_APPLICATION_STAMP, f"0b3f6b1e-7d55-4d0e-8a41-{number}"
            ),
        }
        visits = person % 2 == 0
        if visits:
            yield ResolveRequest(Operation.IDENTIFY, _GRAPH, device)
        yield _signed_in(number)
        for _ in range(CALLS_PER_PROFILE - 1 - visits):
            again = person if random.random() < 0.5 else random.randrange(person + 1)
            yield _signed_in(digits(again).decode())


def _signed_in(number: str) -> ResolveRequest:
    values = (
        f"c-{number}",
        f"{number}@example.com",
        f"5b0f0a6e-0c8b-4b8e-9c9e-{number}",
        f"0b3f6b1e-7d55-4d0e-8a41-{number}",
    )
    return ResolveRequest(
        Operation.LOGIN, _GRAPH, {t: Identity(t, value) for t, value in zip(_TYPES, values, strict=True)}
    )
