"""What operators do with versions: stage one, withdraw it (ID-039)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from idsync.config.policy_json import policy_from_json, policy_to_json
from idsync.model.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from idsync.model.policy import Policy
from idsync.model.settings_version import SettingsVersion, in_force, staged
from idsync.server.switch.repairs import Offenders
from idsync.server.switch.switch import LEAD_MS, STALE_S, Switch
from idsync.server.versions import SERVICE, newly_unique
from idsync.store.protocol import Store

__all__ = ["MAX_AHEAD_DAYS", "Staged", "Staging"]

MAX_AHEAD_DAYS: Final = 366
"""How far ahead a moment may be, in days."""
_DAY_MS: Final = 86_400_000
_NAMED: Final = 10
"""Offenders that a refusal names by their profiles."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What was, or would be, staged.

    Attributes:
        offenders: What stands against it, or is to be repaired.
    """

    version: SettingsVersion
    offenders: Offenders


class Staging:
    """Writes and withdraws versions; one is staged for each scope at most.

    Args:
        store: Keeps them.
        switch: Brings them into force.
        clock: UTC milliseconds.
    """

    def __init__(self, store: Store, switch: Switch, clock: Callable[[], int]) -> None:
        self._store = store
        self._switch = switch
        self._clock = clock
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def now_ms(self) -> int:
        """Give the time that states of versions are told for, UTC milliseconds."""
        return self._clock()

    async def repair(self, scope: str, author: str, most: int) -> tuple[int, int]:
        """Repair what the settings in force do not allow.

        Returns:
            How many entries were written, `most` at most, and how many values are still on several records.
        """
        types = policy_from_json(self._switch.current(scope).settings).unique
        written = await self._switch.repairs.carry_out(scope, types, author, most)
        remaining = await self._switch.repairs.count(scope, types)
        self._switch.note_shared_values(scope, remaining)
        return written, remaining

    async def versions(self, scope: str) -> list[SettingsVersion]:
        """List the versions of a scope, oldest first."""
        return await self._store.versions(scope)

    async def offenders(self, scope: str, candidate: Policy | None) -> Offenders:
        """Show what a repair would do: for settings that are tried, or for those in force."""
        now = policy_from_json(self._switch.current(scope).settings)
        types = now.unique if candidate is None else newly_unique(candidate, now)
        found = await self._switch.repairs.look(scope, types)
        if candidate is None:
            self._switch.note_shared_values(scope, found.total)
        return found

    async def stage(
        self, draft: SettingsVersion, candidate: Policy, *, at_once: bool, dry_run: bool
    ) -> Staged:
        """Write a version down that takes effect at its moment.

        Args:
            draft: What was asked for; its number, its settings and the time of writing are given here.
            candidate: The settings.
            at_once: As soon as can be, instead of the moment of the draft.
            dry_run: Judge it only.

        Raises:
            InvalidRequestError: The moment is past, too near or too far; the settings are those in force.
            ConflictError: A version is staged already, somebody was faster, or values of a type that would
                become unique are on several records.
            UnavailableError: The store is out of reach; nothing is staged.
        """
        async with self._one_at_a_time[draft.scope]:
            versions = await self._store.versions(draft.scope)
            now_ms = self._clock()
            current = in_force(versions, now_ms)
            assert current is not None, "a start records what the file says"
            before = policy_from_json(current.settings)
            # how long the inactive are kept is said for all scopes at once, and by the file alone
            policy = replace(candidate, inactive_days=before.inactive_days)
            self._check_moment(draft, now_ms, at_once=at_once)
            if policy == before:
                raise _invalid("candidate", "says what is in force already")
            waiting = staged(versions, now_ms)
            if waiting is not None:
                raise ConflictError(
                    f"version {waiting.number} is staged already: withdraw it first",
                    version=str(waiting.number),
                )
            types = newly_unique(policy, before)
            offenders = await self._switch.repairs.look(draft.scope, types)
            if offenders.total and not draft.repair and not dry_run:
                raise _refusal(offenders)
            written_ms = self._clock()
            version = replace(
                draft,
                number=versions[-1].number + 1,
                at_ms=written_ms,
                effective_ms=self._soonest(written_ms) if at_once else draft.effective_ms,
                settings=policy_to_json(policy),
            )
            if not dry_run:
                self._check_moment(version, written_ms, at_once=at_once)
                await self._write(version)
        return Staged(version, offenders)

    async def withdraw(self, scope: str, number: int, by: str, note: str) -> SettingsVersion:
        """Withdraw a version whose moment is to come.

        Raises:
            NotFoundError: There is no such version.
            ConflictError: It is withdrawn already, or took effect, or is about to.
            UnavailableError: The store is out of reach.
        """
        versions = {version.number: version for version in await self._store.versions(scope)}
        version = versions.get(number)
        if version is None:
            raise NotFoundError("the scope has no such version")
        if version.withdrawn_ms is None:
            now_ms = self._clock()
            if version.taken_ms is not None or version.effective_ms <= now_ms:
                raise ConflictError("it has taken effect: stage the settings of an earlier version anew")
            if self._store.is_shared and version.effective_ms < now_ms + LEAD_MS:
                raise ConflictError(
                    "it is about to take effect, and other nodes might not learn in time that it shall not"
                )
            if await self._store.withdraw_version(scope, number, now_ms, by, note):
                await self._switch.refresh()
                return (await self._store.versions(scope))[number - 1]
        raise ConflictError("somebody else has withdrawn it, or it took effect meanwhile")

    async def _write(self, version: SettingsVersion) -> None:
        if not await self._store.add_version(version):
            raise ConflictError("somebody else wrote a version meanwhile: list the versions, and try again")
        late = self._clock() > version.effective_ms - int(STALE_S * 1_000)
        if self._store.is_shared and late:
            # not every node has had the time to learn of it
            note = "it was written too late"
            if await self._store.withdraw_version(
                version.scope, version.number, self._clock(), SERVICE, note
            ):
                raise UnavailableError("the store took too long to write it; it is not staged")
            raise UnavailableError(
                "the store took too long to write it: its moment has come, and it takes effect"
            )
        await self._switch.refresh()

    def _soonest(self, now_ms: int) -> int:
        return now_ms + LEAD_MS if self._store.is_shared else now_ms

    def _check_moment(self, version: SettingsVersion, now_ms: int, *, at_once: bool) -> None:
        if at_once:
            return
        if version.effective_ms <= now_ms:
            raise _invalid("effective_time", "is past")
        if version.effective_ms < self._soonest(now_ms):
            raise _invalid("effective_time", f"is less than {LEAD_MS // 1_000} seconds ahead")
        if version.effective_ms > now_ms + MAX_AHEAD_DAYS * _DAY_MS:
            raise _invalid("effective_time", f"is more than {MAX_AHEAD_DAYS} days ahead")


def _invalid(field: str, text: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field}: {text}", fields=(field,))


def _refusal(offenders: Offenders) -> ConflictError:
    """Say who stands against it, by profile and type, never by value."""
    named = []
    for offender in offenders.shown[:_NAMED]:
        mpids = ", ".join(map(str, offender.shared.mpids[:_NAMED]))
        kind = offender.shared.identity.type.wire_name
        named.append(f"one {kind} is on profiles {mpids} ({offender.graph.environment.wire_name})")
    more = offenders.total - len(named)
    rest = f"; and {more:,} more" if more > 0 else ""
    return ConflictError(
        "values that would be unique are on several records: ask for a repair, or split the profiles first: "
        + "; ".join(named)
        + rest,
        shared_values=str(offenders.total),
    )
