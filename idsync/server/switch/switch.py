"""The switch: a version of a scope's settings takes effect at its moment, while the service runs (ID-039).

Whoever needs settings looks them up in `LiveScopes` when a request begins, so that bringing others is one
assignment, and no call asks the clock. A timer of the loop does it at the moment; nothing is awaited between
looking at the clock and the change.

Where several nodes share a database, each reads the versions every second. A version is written some seconds
before its moment, and withdrawn some seconds before it or not at all. So a node whose last look is recent
knows what is to happen; one that could not look for a while no longer knows, and says so to its callers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, NoReturn

import structlog

from idsync.config.policy_json import policy_from_json
from idsync.model.errors import ConfigurationError, IdsyncError, UnavailableError
from idsync.model.identity import IdentityType
from idsync.model.settings_version import SettingsVersion, in_force, staged
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver
from idsync.resolve.scope import Scope
from idsync.server.switch.live_scopes import LiveScopes
from idsync.server.switch.repairs import Repairs
from idsync.server.traceback import traceback_without_values
from idsync.server.versions import SERVICE, newly_unique
from idsync.store.protocol import Store

__all__ = ["CHECK_S", "LAST_LOOK_MS", "LEAD_MS", "POLL_S", "STALE_S", "Switch", "scope_of"]

POLL_S: Final = 1.0
"""Between two looks at the versions, where several nodes share them, in seconds."""
STALE_S: Final = 3.0
"""After so long without a look, in seconds, a node no longer knows which settings are in force."""
LEAD_MS: Final = 5_000
"""How long before its moment a version is written or withdrawn, where several nodes share them."""
CHECK_S: Final = 0.25
"""The clock of the system is looked at as often while a version is staged, in seconds: it may be set."""
LAST_LOOK_MS: Final = 15_000
"""How long before its moment it is looked once more whether a version may take effect."""
_SETTLE_S: Final = 10.0
"""How long calls that began under other settings are waited for, in seconds, before a repair is done."""
_log = structlog.get_logger("idsync.server")


def scope_of(version: SettingsVersion) -> Scope:
    """Make ready what a version says.

    Raises:
        ConfigurationError: Its strategy is not installed, or a newer service has written it.
    """
    policy = policy_from_json(version.settings)
    return Scope(policy, load_strategies([policy.strategy])[policy.strategy])


class Switch:
    """Knows the versions of each scope, and brings them into force.

    Args:
        store: Keeps the versions.
        versions: Those of each scope at the start, as `record_versions` gives them.
        scopes: Takes what is in force.
        clock: UTC milliseconds.
        settle_s: How long calls under way are waited for before a repair is done, in seconds.

    Raises:
        ConfigurationError: What is in force cannot be had here.
    """

    def __init__(
        self,
        store: Store,
        versions: Mapping[str, list[SettingsVersion]],
        scopes: LiveScopes,
        clock: Callable[[], int],
        settle_s: float = _SETTLE_S,
    ) -> None:
        self._store = store
        self._scopes = scopes
        self._clock = clock
        self._settle_s = settle_s
        self._versions = dict(versions)
        self._current: dict[str, SettingsVersion] = {}
        self._ready: dict[tuple[str, int], Scope] = {}
        self._unusable: set[tuple[str, int]] = set()
        self._shared_values: dict[str, int] = {}
        self._looked: set[tuple[str, int]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._resolver: Resolver | None = None
        self._repairs: Repairs | None = None
        for name, known in self._versions.items():
            current = in_force(known, clock())
            assert current is not None, "a start records what the file says"
            self._current[name] = current
            scopes.bring(name, scope_of(current))

    # -- what there is -------------------------------------------------------------------------------------

    @property
    def repairs(self) -> Repairs:
        """What finds and repairs offenders."""
        assert self._repairs is not None, "started"
        return self._repairs

    def names(self) -> list[str]:
        """Name the scopes."""
        return sorted(self._versions)

    def current(self, scope: str) -> SettingsVersion:
        """Give the version in force."""
        return self._current[scope]

    def staged(self, scope: str) -> SettingsVersion | None:
        """Give the version whose moment is to come, as far as this node knows."""
        return staged(self._versions[scope], self._clock())

    def shared_values(self, scope: str) -> int:
        """Say how many values of its unique types were on several records when last looked."""
        return self._shared_values.get(scope, 0)

    def note_shared_values(self, scope: str, count: int) -> None:
        """Keep what a look has found."""
        self._shared_values[scope] = count

    # -- following -----------------------------------------------------------------------------------------

    def start(self, resolver: Resolver, repairs: Repairs) -> None:
        """Follow the versions from now on; what was under way when the service stopped goes on."""
        self._resolver = resolver
        self._repairs = repairs
        if self._store.is_shared:
            self._watch()
            self._spawn(self._poll())
        for version in self._current.values():
            self._begin(version)
        self._arm()

    async def stop(self) -> None:
        """Follow no more."""
        for timer in (self._timer, self._watchdog):
            if timer is not None:
                timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def refresh(self) -> None:
        """Read the versions, and do what is due.

        Raises:
            UnavailableError: The store is out of reach.
        """
        found: dict[str, list[SettingsVersion]] = {name: [] for name in self._versions}
        for version in await self._store.versions():
            if version.scope in found:
                found[version.scope].append(version)
        # a scope that the store has lost would be a fault of the store: what was known of it stays
        self._versions.update({name: known for name, known in found.items() if known})
        self._take_due()
        for name in self._versions:
            waiting = self.staged(name)
            if waiting is not None:
                self._make_ready(waiting)
        self._arm()

    async def _poll(self) -> NoReturn:
        while True:
            try:
                async with asyncio.timeout(STALE_S):
                    begun = asyncio.get_running_loop().time()
                    await self.refresh()
                self._watch(begun)
            except (UnavailableError, TimeoutError):
                _log.warning("versions_not_read")
            except Exception as error:
                _log.error("versions_not_read", traceback=traceback_without_values(error))
            await asyncio.sleep(POLL_S)

    def _watch(self, begun: float | None = None) -> None:
        """Go on for a while with what is known since a look that began then."""
        loop = asyncio.get_running_loop()
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = loop.call_at((loop.time() if begun is None else begun) + STALE_S, self._lose)
        for name, current in self._current.items():
            if self._scopes.get(name) is None and (name, current.number) not in self._unusable:
                self._bring(current)

    def _lose(self) -> None:
        _log.error("settings_not_known")
        self._scopes.suspend(self._versions)

    def _arm(self) -> None:
        """Be there at the next moment."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ms = self._clock()
        moments = [found.effective_ms for name in self._versions if (found := self.staged(name))]
        if moments:
            delay_s = min((min(moments) - now_ms) / 1_000, CHECK_S)
            self._timer = asyncio.get_running_loop().call_later(max(delay_s, 0.0), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._take_due()
        for name in self._versions:
            version = self.staged(name)
            if version is not None and version.effective_ms - self._clock() <= LAST_LOOK_MS:
                self._look_once_more(version)
        self._arm()

    # -- taking effect -------------------------------------------------------------------------------------

    def _take_due(self) -> None:
        now_ms = self._clock()
        for name, known in self._versions.items():
            due = in_force(known, now_ms)
            if due is None or due.number == self._current[name].number:
                continue
            self._current[name] = due
            self._shared_values.pop(name, None)
            self._bring(due)
            self._begin(due)

    def _bring(self, version: SettingsVersion) -> None:
        """Let a version hold for every request that begins from now on."""
        name = version.scope
        self._make_ready(version)
        ready = self._ready.pop((name, version.number), None)
        if ready is None:
            # neither the old settings nor these: calls of the scope are refused here until that is mended
            self._scopes.suspend([name])
        else:
            self._scopes.bring(name, ready)
        if self._resolver is not None:
            self._resolver.forget()
        _log.info("version_in_force", scope=name, version=version.number, author=version.author)

    def _make_ready(self, version: SettingsVersion) -> None:
        """Load the strategy of a version; one that cannot be had is told as early as that."""
        key = (version.scope, version.number)
        if key in self._ready or key in self._unusable:
            return
        try:
            self._ready[key] = scope_of(version)
        except ConfigurationError as error:
            self._unusable.add(key)
            _log.error("version_unusable", scope=key[0], version=key[1], detail=error.message)

    def _begin(self, version: SettingsVersion) -> None:
        """Do what a version in force asks for besides: be noted, repair, be looked at."""
        types = self._types(version)
        if version.taken_ms is None or (types and version.repaired_ms is None):
            self._spawn(self._follow_up(version, types))

    def _types(self, version: SettingsVersion) -> frozenset[IdentityType]:
        """Name the types that a version makes unique."""
        earlier = [v for v in self._versions[version.scope] if v.number < version.number]
        before = in_force(earlier, version.effective_ms)
        with suppress(ConfigurationError):
            policy = policy_from_json(version.settings)
            return newly_unique(policy, policy if before is None else policy_from_json(before.settings))
        return frozenset()

    async def _follow_up(self, version: SettingsVersion, types: frozenset[IdentityType]) -> None:
        """Go on until it is done, whatever becomes of the store meanwhile."""
        while True:
            try:
                await self._note_taken(version)
                if types and (version.repair or version.taken_ms is None):
                    await self._clear(version, types)
                await self.refresh()
            except UnavailableError as error:
                _log.warning(
                    "version_waits", scope=version.scope, version=version.number, detail=error.message
                )
                await asyncio.sleep(POLL_S)
            else:
                return

    async def _note_taken(self, version: SettingsVersion) -> None:
        if version.taken_ms is None:
            await self._store.mark_version(version.scope, version.number, taken_ms=self._clock())

    async def _clear(self, version: SettingsVersion, types: frozenset[IdentityType]) -> None:
        """Repair, if that was asked for, and see what is left.

        Under the new settings nothing more comes to be shared, once the calls that began before are through.
        """
        name, number = version.scope, version.number
        written = 0
        if version.repair:
            self.note_shared_values(name, await self.repairs.count(name, types))
            written += await self.repairs.finish(name, types, version.author)
        await asyncio.sleep(self._settle_s)
        if version.repair:
            written += await self.repairs.finish(name, types, version.author)
            await self._store.mark_version(name, number, repaired_ms=self._clock())
            _log.info("repair_done", scope=name, version=number, entries=written)
        count = await self.repairs.count(name, types)
        self.note_shared_values(name, count)
        if count:
            _log.warning("values_shared", scope=name, version=number, shared_values=count)

    def _look_once_more(self, version: SettingsVersion) -> None:
        """See shortly before its moment whether a version that repairs nothing may still take effect."""
        key = (version.scope, version.number)
        types = self._types(version)
        if key in self._looked or version.repair or not types:
            return
        self._looked.add(key)
        self._spawn(self._refuse_if_shared(version, types))

    async def _refuse_if_shared(self, version: SettingsVersion, types: frozenset[IdentityType]) -> None:
        name, number = version.scope, version.number
        try:
            count = await self.repairs.count(name, types)
        except UnavailableError:
            self._looked.discard((name, number))
            raise
        lead_ms = LEAD_MS if self._store.is_shared else 0
        now_ms = self._clock()
        if count and now_ms + lead_ms < version.effective_ms:
            note = f"values that would be unique are on several records: {count}"
            if await self._store.withdraw_version(name, number, now_ms, SERVICE, note):
                _log.error("version_refused", scope=name, version=number, shared_values=count)
        await self.refresh()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, IdsyncError):
            _log.warning("version_waits", detail=error.message)
        elif error is not None:
            _log.error("switch_failed", traceback=traceback_without_values(error))
