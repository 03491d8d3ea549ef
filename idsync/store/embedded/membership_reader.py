"""Reads the digests of all identities out of the tables, beside the service, once after each start.

SQLite makes one text of all digests that begin alike without the interpreter's lock: that takes a fraction
of a microsecond each, where a row of its own would take one or two, on the loop's time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

import structlog

from idsync.store.embedded.digest_set import HEAD_BYTES, KEPT_BYTES, DigestSet
from idsync.store.embedded.membership import Membership
from idsync.store.embedded.prefetch import available_bytes, prefetch

__all__ = ["MembershipReader"]

_PAGE: Final = 16_384
"""Digests that are read together, about: what Python then does with them takes a few milliseconds at most."""
_HEADS: Final = 1 << 8 * HEAD_BYTES
_LARGE_BYTES: Final = 64 * 1_024 * 1_024

_NEXT_TYPE = "SELECT min(type) FROM identity WHERE graph_id = ? AND type > ?"
_BOUND = (
    "SELECT digest FROM identity WHERE graph_id = ? AND type = ? AND digest >= x'' "
    "ORDER BY digest LIMIT 1 OFFSET ?"
)
_DIGESTS = (
    "SELECT substr(digest, 1, ?) AS head, group_concat(hex(substr(digest, 1 + ?, ?)), '') FROM identity "
    "WHERE graph_id = ? AND type = ? AND digest >= ? AND digest < ? GROUP BY head"
)
_log = structlog.get_logger("idsync.store")


class MembershipReader:
    """Completes the memberships of graphs that are in the tables; until then these rule nothing out.

    Args:
        database: The tables' file, with everything of the log folded.
        graphs: Memberships by the graph's number, told of whatever is introduced from now on.

    Attributes:
        done: Finished, with all of them complete or not.
    """

    def __init__(self, database: Path, graphs: Mapping[int, Membership]) -> None:
        self._database = database
        self._graphs = dict(graphs)
        self._loop = asyncio.get_running_loop()
        self._stop = Event()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._thread: Thread | None = None
        if self._graphs:
            self._thread = Thread(target=self._run, name="idsync-membership", daemon=True)
            self._thread.start()
        else:
            self.done.set_result(None)

    async def close(self) -> None:
        """Stop reading; what is not complete by now never will be."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
            await self.done

    def _run(self) -> None:
        try:
            uri = f"{self._database.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None)
            try:
                if not self._fetch():
                    _log.warning("membership_unknown", reason="the database is too large for the memory")
                    return
                for graph_id, membership in self._graphs.items():
                    written = self._read(connection, graph_id)
                    if self._stop.is_set():
                        break
                    self._tell(membership, written)
            finally:
                connection.close()
        except (sqlite3.Error, OSError, ValueError) as error:
            _log.warning("membership_unknown", reason=type(error).__name__)
        finally:
            self._tell(None, {})

    def _fetch(self) -> bool:
        """Have a large file brought into the system's cache; says whether there is room for it.

        The digests are all over the file: reading them from a disk page by page takes minutes, in which
        nobody else has much of the disk. So they are left alone where the file would not fit.
        """
        size = self._database.stat().st_size
        if size > available_bytes() // 2:
            return False
        if size > _LARGE_BYTES:
            prefetch(self._database, self._stop.is_set)
        return True

    def _tell(self, membership: Membership | None, written: dict[int, DigestSet]) -> None:
        # a loop that is closed has nobody left to tell
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._told, membership, written)

    def _told(self, membership: Membership | None, written: dict[int, DigestSet]) -> None:
        if membership is not None:
            membership.complete(written)
        elif not self.done.done():
            self.done.set_result(None)

    def _read(self, connection: sqlite3.Connection, graph_id: int) -> dict[int, DigestSet]:
        sets: defaultdict[int, DigestSet] = defaultdict(DigestSet)
        identity_type = -1
        while True:
            row = connection.execute(_NEXT_TYPE, (graph_id, identity_type)).fetchone()
            if row[0] is None:
                return dict(sets)
            identity_type = row[0]
            for page in self._pages(connection, graph_id, identity_type):
                if self._stop.is_set():
                    return {}
                for head, tails in page:
                    sets[identity_type].put(head, bytes.fromhex(tails))

    def _pages(
        self, connection: sqlite3.Connection, graph_id: int, identity_type: int
    ) -> Iterator[Iterable[tuple[bytes, str]]]:
        """Give the digests of one type page by page: those that begin alike together, in hexadecimal.

        Digests are spread evenly, so where the first page ends says how wide all of them should be.
        """
        bound = connection.execute(_BOUND, (graph_id, identity_type, _PAGE)).fetchone()
        width = _HEADS if bound is None else max(int.from_bytes(bound[0][:HEAD_BYTES]), 1)
        for start in range(0, _HEADS, width):
            end = start + width
            # longer than any digest, so after all of them
            before = end.to_bytes(HEAD_BYTES) if end < _HEADS else b"\xff" * 33
            bounds = (graph_id, identity_type, start.to_bytes(HEAD_BYTES), before)
            yield connection.execute(_DIGESTS, (HEAD_BYTES, HEAD_BYTES, KEPT_BYTES - HEAD_BYTES, *bounds))
