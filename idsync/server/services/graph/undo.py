"""What operators take back and forbid."""

from __future__ import annotations

from idsync.model.errors import NotFoundError
from idsync.resolve.resolver import Resolver
from idsync.server.call import Call
from idsync.server.services.graph.sight import Sight
from idsync.server.wire.convert_undo import (
    forbid_from_wire,
    forbid_to_wire,
    revert_from_wire,
    split_from_wire,
    undone_to_wire,
)
from idsync.v1 import undo_pb2 as undo

__all__ = ["Undo"]


class Undo(Sight):
    """Part of `GraphService`."""

    _resolver: Resolver

    async def split_profile(self, request: undo.SplitProfileRequest, call: Call) -> undo.SplitProfileResponse:
        """Take identities off a profile, or say what that would do."""
        call.caller.require_operator()
        graphs = await self._graphs([request.mpid], call.caller)
        if request.mpid not in graphs:
            raise NotFoundError("no such profile")
        answer = undo.SplitProfileResponse()
        done = await self._resolver.split(split_from_wire(request, graphs[request.mpid]))
        undone_to_wire(answer.undone, done)
        return answer

    async def revert_change(self, request: undo.RevertChangeRequest, call: Call) -> undo.RevertChangeResponse:
        """Undo a journal entry, or say what that would do."""
        call.caller.require_operator()
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        answer = undo.RevertChangeResponse()
        undone_to_wire(answer.undone, await self._resolver.revert(revert_from_wire(request, graph)))
        return answer

    async def forbid(self, request: undo.ForbidRequest, call: Call) -> undo.ForbidResponse:
        """Forbid that two sides come together, or permit it again."""
        call.caller.require_operator()
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        return forbid_to_wire(await self._resolver.forbid(forbid_from_wire(request, graph)))
