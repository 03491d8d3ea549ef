"""Answers to calls that come again in the very same words, ready for the surface they came through.

Most calls are: a device says who it is, as it did before. Such a call is neither read nor decided nor put
into words anew, once the resolver vouches that its answer would be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from idsync.model.changes import Resolution
from idsync.model.notice import Notice
from idsync.model.request import ResolveRequest
from idsync.model.wording import Wording
from idsync.resolve.resolver import Resolver
from idsync.server.meters import Meters, OutcomeMeter

__all__ = ["MAX_BYTES", "Replies", "Reply"]

MAX_BYTES: Final = 2_048
"""Size of a request whose reply is kept; what is longer has more than identities in it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that would be given again.

    Attributes:
        outcome: Counts those who get it.
        notices: What it says was ignored, which is counted too.
    """

    message: bytes
    outcome: OutcomeMeter
    notices: tuple[Notice, ...]
    meters: Meters

    def told(self) -> bytes:
        """Give it to one more, and count that."""
        self.outcome.count += 1
        if self.notices:
            self.meters.notices(self.notices)
        return self.message


class Replies:
    """Replies by the call's kind, its input, and its bytes or wording."""

    def __init__(self, resolver: Resolver, meters: Meters) -> None:
        self._resolver = resolver
        self._meters = meters

    def recall(self, kind: str, input_id: str, request: bytes | Wording) -> Reply | None:
        """Give the reply to a request, if it would be the same now.

        Args:
            kind: What parts requests of the same bytes that mean different things.
            input_id: Whose request it is.
            request: As it came.
        """
        reply: Reply | None = self._resolver.recall((kind, input_id, request))
        return reply

    def keep(
        self,
        kind: str,
        request: bytes | Wording,
        wanted: ResolveRequest,
        resolution: Resolution,
        reply: bytes,
    ) -> None:
        """Keep the reply to a request, unless it changed something.

        Args:
            kind: As for `recall`.
            request: As it came.
            wanted: What it says.
            resolution: What was answered.
            reply: The same for the surface.
        """
        text = request if isinstance(request, bytes) else request.text
        if resolution.journal_seq or len(text) > MAX_BYTES:
            return
        outcome = self._meters.outcome(wanted.graph.scope, resolution.outcome, resolution.rule)
        ready = Reply(reply, outcome, resolution.notices, self._meters)
        self._resolver.prepare((kind, wanted.input_id, request), wanted, resolution, ready)
