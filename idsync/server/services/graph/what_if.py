"""What other settings would have made of the calls that came."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from idsync.config.candidate import parse_candidate
from idsync.model.errors import ConfigurationError
from idsync.preview.previewer import Previewer
from idsync.server.call import Call
from idsync.server.drain import Drain
from idsync.server.services.graph.sight import Sight
from idsync.server.wire.convert_preview import preview_to_wire
from idsync.server.wire.faults import refuse
from idsync.v1.preview_pb2 import PreviewStrategyRequest, PreviewStrategyResponse

__all__ = ["WhatIf"]

_READ_AHEAD: Final = 256


class WhatIf(Sight):
    """Part of `GraphService`."""

    _previewer: Previewer
    _drain: Drain

    async def preview_strategy(
        self, request: PreviewStrategyRequest, call: Call
    ) -> AsyncGenerator[PreviewStrategyResponse, None]:
        """Replay the recorded calls of a graph with other settings; to cancel the call ends the replay."""
        call.caller.require_operator()
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        if request.until_seq < 0:
            raise refuse([("until_seq", "is negative")])
        try:
            candidate = parse_candidate(request.candidate, graph.scope)
        except ConfigurationError as error:
            raise refuse([("candidate", fault) for fault in error.faults or [error.message]]) from error
        replay = self._previewer.preview(graph, candidate, request.until_seq)
        async for answers in self._drain.waiting(replay, _READ_AHEAD):
            for answer in answers:
                yield preview_to_wire(answer)
