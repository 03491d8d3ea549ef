"""Many calls in one message: each is counted, read and answered by itself, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from grpc import StatusCode

from idsync.model.changes import Resolution
from idsync.model.errors import IdsyncError
from idsync.model.request import ModifyRequest, ResolveRequest
from idsync.resolve.resolver import Resolver
from idsync.server.call import Call
from idsync.server.meters import Meters
from idsync.server.method import told_of
from idsync.server.services.counting import Counting
from idsync.server.services.replies import Replies
from idsync.server.wire.batch import CallReader, error_to_wire, fill_result
from idsync.server.wire.status import code_of
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["ManyCalls"]

_KIND: Final = pb.ResolveCall.DESCRIPTOR.full_name

_Read = tuple[bytes, ResolveRequest | ModifyRequest]


class ManyCalls:
    """Answers the calls of a batch or stream; an error harms its call only.

    Args:
        count: Counts one call against the rate limits of its caller.
        replies: `None`: every call must be read.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        count: Callable[[Call], None],
        counting: Counting,
        replies: Replies | None,
        meters: Meters,
    ) -> None:
        self._resolver = resolver
        self._count = count
        self._counting = counting
        self._replies = replies
        self._meters = meters

    async def answer(
        self, calls: Sequence[pb.ResolveCall], call: Call, result: Callable[[], pb.ResolveResult]
    ) -> None:
        """Answer calls in order, each seeing the effect of those before it.

        Args:
            calls: What is asked.
            call: What surrounds them.
            result: Gives a place for the next answer.
        """
        looked: list[bytes | Exception | _Read] = []
        answers = iter(await self._resolver.resolve_all(self._look(calls, call, looked)))
        for message, seen in zip(calls, looked, strict=True):
            place = result()
            if isinstance(seen, bytes):
                place.MergeFromString(seen)
            elif isinstance(seen, Exception):
                place.CopyFrom(self._refusal(seen, call))
            else:
                request, wanted = seen
                answer = next(answers)
                self._counting.answered(wanted, answer)
                if isinstance(answer, IdsyncError):
                    place.CopyFrom(self._refusal(answer, call))
                    continue
                fill_result(place, message, answer)
                if request and isinstance(wanted, ResolveRequest) and isinstance(answer, Resolution):
                    self._keep(request, wanted, answer, place)

    def _look(
        self, calls: Sequence[pb.ResolveCall], call: Call, looked: list[bytes | Exception | _Read]
    ) -> Iterator[ResolveRequest | ModifyRequest]:
        """Give the calls that must be decided, each when those before it are.

        Args:
            calls: What is asked.
            call: What surrounds them.
            looked: Takes for each call its reply, if it is known, or what is wrong with it, or what it says.
        """
        reader = CallReader(call.caller)
        input_id = call.caller.input_id
        replies = self._replies
        for message in calls:
            try:
                self._count(call)
                request = b""
                if replies is not None:
                    request = message.SerializeToString()
                    reply = replies.recall(_KIND, input_id, request)
                    if reply is not None:
                        looked.append(reply.told())
                        continue
                wanted = reader.read(message)
                self._counting.asked(wanted)
            except Exception as error:
                looked.append(error)
            else:
                looked.append((request, wanted))
                yield wanted

    def _keep(
        self, request: bytes, wanted: ResolveRequest, resolution: Resolution, result: pb.ResolveResult
    ) -> None:
        if self._replies is not None and not resolution.journal_seq:
            self._replies.keep(_KIND, request, wanted, resolution, result.SerializeToString())

    def _refusal(self, error: Exception, call: Call) -> pb.ResolveResult:
        """Put an error in the place of its call; a fault of ours is logged like that of a single call."""
        code = code_of(error)
        self._meters.refused(code)
        if isinstance(error, IdsyncError) and code is not StatusCode.INTERNAL:
            return error_to_wire(error)
        return error_to_wire(told_of(error, call, _KIND))
