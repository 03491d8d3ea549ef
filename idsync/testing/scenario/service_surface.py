"""What the surfaces of a running service share: who calls, who looks, and what only its owner can do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from idsync.model.identity import Mpid
from idsync.testing.scenario.case import Call, Capability, Step
from idsync.testing.scenario.controls import delete_profile
from idsync.testing.scenario.inspection import Inspector
from idsync.testing.scenario.requests import environment_of, sent_request_id
from idsync.testing.scenario.surface import (
    NEEDS,
    Controls,
    InexpressibleError,
    Observed,
    Refusal,
    ShownProfile,
)

__all__ = ["InputAccess", "ServiceSurface"]

_OWNER: Final = frozenset({Capability.CLOCK, Capability.ERASURE})


@dataclass(frozen=True, slots=True)
class InputAccess:
    """One input of a workspace.

    Attributes:
        secret: `None`: the key alone is shown.
        scope: The scope of the workspace.
    """

    key: str
    secret: str | None
    scope: str


class ServiceSurface:
    """The part of a surface that does not depend on how calls travel.

    Args:
        inputs: Who calls for each workspace of the case.
        inspector: Looks into the graph; `None`: nobody may.
        controls: Hands on the service, where it runs in this process.
    """

    def __init__(
        self, inputs: Mapping[str, InputAccess], inspector: Inspector | None, controls: Controls | None
    ) -> None:
        self.inputs = inputs
        self._inspector = inspector
        self._controls = controls

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What can be seen and moved from here."""
        found = set[Capability]()
        if self._inspector is not None:
            found.add(Capability.INSPECTION)
        if self._controls is not None:
            found |= _OWNER
        if len(self.inputs) > 1:
            found.add(Capability.WORKSPACES)
        return frozenset(found)

    def check(self, step: Step) -> None:
        """Judge what every surface of a service judges alike."""
        if step.workspace not in self.inputs:
            raise InexpressibleError(f"needs credentials of the workspace {step.workspace}")
        if step.call is Call.DELETE:
            if self._controls is None:
                raise InexpressibleError(NEEDS[Capability.ERASURE])
            environment_of(step)

    async def delete(self, step: Step) -> Observed:
        """Carry out the call `delete`, which no client can make yet."""
        assert self._controls is not None, "checked before the case began"
        return await delete_profile(step, self.inputs[step.workspace].scope, self._controls)

    async def journal_size(self) -> int | None:
        """Count the journal, where that can be done."""
        return None if self._controls is None else await self._controls.journal_size()

    async def traced(self, refusal: Refusal, step: Step, request_id: str, size_before: int | None) -> Refusal:
        """Find out whether a refused call was journaled (ID-041)."""
        sent = sent_request_id(step, request_id)
        if size_before is not None:
            return replace(refusal, wrote=await self.journal_size() != size_before)
        if self._inspector is not None and sent:
            return replace(refusal, wrote=bool(await self._inspector.entries(sent)))
        return refusal

    async def inspect(self, mpid: Mpid) -> ShownProfile | None:
        """Show a profile."""
        assert self._inspector is not None, "asked only of a surface that can inspect"
        return await self._inspector.profile(mpid)

    async def why(self, request_id: str) -> str:
        """Look into the journal."""
        return "" if self._inspector is None else await self._inspector.rule(request_id)

    def now_ms(self) -> int:
        """Give the service's time; of a distant one it is taken to be ours."""
        return time.time_ns() // 1_000_000 if self._controls is None else self._controls.now_ms()

    async def advance(self, by_ms: int) -> None:
        """Move the clock."""
        assert self._controls is not None, "asked only of a surface with a clock"
        await self._controls.advance(by_ms)
