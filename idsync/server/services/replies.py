"""Answers to calls that come again in the very same bytes, ready for the wire.

Most calls are: a device says who it is, as it did before. Such a call is neither read nor decided nor put
into words anew, once the resolver vouches that its answer would be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from idsync.model.changes import Resolution
from idsync.model.notice import Notice
from idsync.model.request import ResolveRequest
from idsync.resolve.resolver import Resolver
from idsync.server.meters import Meters, OutcomeMeter

__all__ = ["MAX_BYTES", "Replies"]

MAX_BYTES: Final = 2_048
"""Size of a request whose reply is kept; what is longer has more than identities in it."""


@dataclass(frozen=True, slots=True)
class _Reply:
    message: bytes
    outcome: OutcomeMeter
    notices: tuple[Notice, ...]


class Replies:
    """Replies by the call's kind, its input, and its bytes."""

    def __init__(self, resolver: Resolver, meters: Meters) -> None:
        self._resolver = resolver
        self._meters = meters

    def recall(self, kind: str, input_id: str, request: bytes) -> bytes | None:
        """Give the reply to a request and count it, if it would be the same now.

        Args:
            kind: What parts requests of the same bytes that mean different things.
            input_id: Whose request it is.
            request: As it came.
        """
        reply: _Reply | None = self._resolver.recall((kind, input_id, request))
        if reply is None:
            return None
        reply.outcome.count += 1
        if reply.notices:
            self._meters.notices(reply.notices)
        return reply.message

    def keep(
        self, kind: str, request: bytes, wanted: ResolveRequest, resolution: Resolution, reply: bytes
    ) -> None:
        """Keep the reply to a request, unless it changed something.

        Args:
            kind: As for `recall`.
            request: As it came.
            wanted: What it says.
            resolution: What was answered.
            reply: The same for the wire.
        """
        if resolution.journal_seq or len(request) > MAX_BYTES:
            return
        outcome = self._meters.outcome(wanted.graph.scope, resolution.outcome, resolution.rule)
        ready = _Reply(reply, outcome, resolution.notices)
        self._resolver.prepare((kind, wanted.input_id, request), wanted, resolution, ready)
