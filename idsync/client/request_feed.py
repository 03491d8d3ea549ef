"""Requests of a blocking program, fed to a stream on an event loop that must not be blocked."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from itertools import islice
from typing import TypeAlias, TypeVar

__all__ = ["fed"]

R = TypeVar("R")
_Order: TypeAlias = concurrent.futures.Future[tuple[R, ...]]
"""Asks for the next request: one, or none at the end."""


async def fed(requests: Iterable[R]) -> AsyncGenerator[R, None]:
    """Iterate over `requests` on a thread of their own, one at a time, each when it is wanted.

    The thread is a daemon rather than one of an executor: an iterable that never yields again (a terminal,
    a queue) must keep neither the loop from closing nor the program from ending.

    Args:
        requests: May block for as long as it likes.

    Yields:
        The requests; an error of the iterable is raised here.
    """
    orders: queue.SimpleQueue[_Order[R] | None] = queue.SimpleQueue()
    threading.Thread(
        target=_deliver, args=(iter(requests), orders), name="idsync-requests", daemon=True
    ).start()
    try:
        while True:
            order: _Order[R] = concurrent.futures.Future()
            orders.put(order)
            delivered = await asyncio.wrap_future(order)
            if not delivered:
                return
            yield delivered[0]
    finally:
        orders.put(None)


def _deliver(requests: Iterator[R], orders: queue.SimpleQueue[_Order[R] | None]) -> None:
    while (order := orders.get()) is not None:
        if order.set_running_or_notify_cancel():
            try:
                order.set_result(tuple(islice(requests, 1)))
            except BaseException as error:
                order.set_exception(error)
