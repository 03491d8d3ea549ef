"""The client for programs without an event loop: `AsyncClient` on a thread of its own, not a second one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from idsync.client.async_client import AsyncClient
from idsync.client.credentials import Credentials
from idsync.client.loop_thread import LoopThread
from idsync.client.request_feed import fed
from idsync.model.errors import UnavailableError
from idsync.v1 import identity_service_pb2 as identity

__all__ = ["Client"]

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    """Turn a method of `AsyncClient` into one that waits for the answer."""

    @wraps(method)
    def wait(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._wait(lambda client: method(client, *args, **kwargs))

    return wait


def _iterating(
    method: Callable[Concatenate[AsyncClient, P], AsyncIterator[R]],
) -> Callable[Concatenate[Client, P], Iterator[R]]:
    """Turn a method of `AsyncClient` that streams into one whose iterator waits for each answer."""

    @wraps(method)
    def iterate(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        return self._iterate(lambda client: method(client, *args, **kwargs))

    return iterate


def _connecting(build: Callable[P, AsyncClient]) -> Callable[Concatenate[type[Client], P], Client]:
    """Turn a constructor of `AsyncClient` into one of `Client`."""

    @wraps(build)
    def connect(cls: type[Client], /, *args: P.args, **kwargs: P.kwargs) -> Client:
        return cls(lambda: build(*args, **kwargs))

    return connect


class Client:
    """Calls the service and waits; the methods, arguments and errors are those of `AsyncClient`.

    One client may be used from any number of threads. Used with `with`, it is closed at the end; one that
    is forgotten does not keep the program from ending.
    """

    def __init__(self, build: Callable[[], AsyncClient]) -> None:
        """Start the thread and build the client in it.

        Args:
            build: Makes the client that does the work, e.g. on a transport of one's own.

        Raises:
            Exception: What `build` raised.
        """
        self._thread = LoopThread("idsync-client")
        self._closing = threading.Lock()

        async def built() -> AsyncClient:
            return build()

        try:
            self._client = self._thread.run(built)
        except BaseException:
            self._thread.stop()
            raise

    connect = classmethod(_connecting(AsyncClient.connect))

    identify = _blocking(AsyncClient.identify)
    login = _blocking(AsyncClient.login)
    logout = _blocking(AsyncClient.logout)
    search = _blocking(AsyncClient.search)
    modify = _blocking(AsyncClient.modify)
    batch_resolve = _blocking(AsyncClient.batch_resolve)
    alias = _blocking(AsyncClient.alias)
    get_caller = _blocking(AsyncClient.get_caller)
    get_profile = _blocking(AsyncClient.get_profile)
    batch_get_profiles = _blocking(AsyncClient.batch_get_profiles)
    find_profiles = _blocking(AsyncClient.find_profiles)
    get_profile_at = _blocking(AsyncClient.get_profile_at)
    find_profiles_at = _blocking(AsyncClient.find_profiles_at)
    list_holders = _blocking(AsyncClient.list_holders)
    get_neighborhood = _blocking(AsyncClient.get_neighborhood)
    explain = _blocking(AsyncClient.explain)
    list_journal = _blocking(AsyncClient.list_journal)
    split_profile = _blocking(AsyncClient.split_profile)
    revert_change = _blocking(AsyncClient.revert_change)
    forbid = _blocking(AsyncClient.forbid)
    watch_changes = _iterating(AsyncClient.watch_changes)
    get_collapse_risk = _blocking(AsyncClient.get_collapse_risk)
    quarantine = _blocking(AsyncClient.quarantine)
    release = _blocking(AsyncClient.release)
    list_quarantined = _blocking(AsyncClient.list_quarantined)
    list_alarms = _blocking(AsyncClient.list_alarms)
    erase = _blocking(AsyncClient.erase)
    get_erasure = _blocking(AsyncClient.get_erasure)
    export = _blocking(AsyncClient.export)
    preview_strategy = _iterating(AsyncClient.preview_strategy)
    list_scopes = _blocking(AsyncClient.list_scopes)
    get_scope = _blocking(AsyncClient.get_scope)
    list_workspaces = _blocking(AsyncClient.list_workspaces)
    get_workspace = _blocking(AsyncClient.get_workspace)
    list_inputs = _blocking(AsyncClient.list_inputs)
    get_input = _blocking(AsyncClient.get_input)

    def stream_resolve(
        self, requests: Iterable[identity.StreamResolveRequest], *, credentials: Credentials | None = None
    ) -> Iterator[identity.StreamResolveResponse]:
        """Send calls and get their answers in order; `requests` is read on another thread, as it goes."""
        return self._iterate(lambda client: client.stream_resolve(fed(requests), credentials=credentials))

    def close(self) -> None:
        """Close the client and its thread; calls under way in other threads raise `UnavailableError`."""
        if not self._closing.acquire(blocking=False):
            return
        try:
            self._thread.run(self._client.close)
        finally:
            self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, call: Callable[[AsyncClient], Coroutine[Any, Any, R]]) -> R:
        return self._thread.run(lambda: call(self._client))

    def _iterate(self, call: Callable[[AsyncClient], AsyncIterator[R]]) -> Iterator[R]:
        async def opened() -> AsyncIterator[R]:
            return call(self._client)

        async def following() -> tuple[R, ...]:
            async for answer in answers:
                return (answer,)
            return ()

        async def ended() -> None:
            if isinstance(answers, AsyncGenerator):
                await answers.aclose()

        answers = self._thread.run(opened)
        try:
            while answer := self._thread.run(following):
                yield answer[0]
        finally:
            # Not waited for: a stream may be collected when the thread is no more.
            with contextlib.suppress(UnavailableError):
                self._thread.submit(ended)
