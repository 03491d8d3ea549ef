"""What the runner asks of whatever it runs scenarios against, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from idsync.model.aliasing import AliasState
from idsync.model.identity import GraphKey, Mpid
from idsync.testing.scenario.case import Capability, Case, Step

__all__ = [
    "NEEDS",
    "Answer",
    "Controls",
    "InexpressibleError",
    "Observed",
    "OpenSurface",
    "Refusal",
    "ShownAlias",
    "ShownProfile",
    "Surface",
]


NEEDS: Final[Mapping[Capability, str]] = {
    Capability.INSPECTION: "needs inspection: an operator's token, or an input that may read",
    Capability.CLOCK: "needs a clock that can be moved",
    Capability.ERASURE: "needs the call delete",
    Capability.WORKSPACES: "needs several workspaces",
    Capability.HTTP: "needs HTTP",
}
"""Why something could not be done without a capability, for people."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that succeeded; what the answer does not have is `None`.

    Attributes:
        status: The HTTP status; a surface without HTTP gives the one its answer stands for.
        matched: Type to value (ID-171).
        changes: The entries of `change_results`, in order.
        rule: The rule that decided, where the surface tells it.
        decided: What became of the call and by which identity type, for people.
        alias_seq: The journal entry that took an alias request, where the surface tells it.
    """

    status: int = 200
    mpid: Mpid | None = None
    matched: Mapping[str, str] | None = None
    is_logged_in: bool | None = None
    is_ephemeral: bool | None = None
    changes: tuple[tuple[str, Mpid], ...] | None = None
    rule: str = ""
    decided: str = ""
    alias_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that failed.

    Attributes:
        status: The HTTP status, or its counterpart by ID-236.
        code: The code of ID-233; `None` where the answer has none.
        message: For people.
        rule: The rule of the strategy that refused, where the surface tells it.
        wrote: Whether the journal grew all the same; `None` where that cannot be seen.
        besides: Members of a result that came with the error.
    """

    status: int
    code: str | None
    message: str
    rule: str = ""
    wrote: bool | None = None
    besides: tuple[str, ...] = ()


Observed = Answer | Refusal


@dataclass(frozen=True, slots=True)
class ShownAlias:
    """A taken alias request as inspection shows it; times in UTC milliseconds."""

    seq: int
    source: Mpid
    destination: Mpid
    state: AliasState
    apply_at_ms: int


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """A profile as inspection shows it."""

    record: Mapping[str, tuple[str, ...]]
    source: Mpid | None
    aliases: tuple[ShownAlias, ...]


class InexpressibleError(Exception):
    """A step cannot be said on this surface; the text says why."""


class Controls(Protocol):
    """What only the owner of a service can do: move its clock, erase a profile, see its whole journal."""

    def now_ms(self) -> int:
        """Give the service's time in UTC milliseconds."""
        ...

    async def advance(self, by_ms: int) -> None:
        """Move the clock forward and let everything happen that became due."""
        ...

    async def delete(self, graph: GraphKey, mpid: Mpid) -> bool:
        """Erase a profile completely, at once; says whether there was one."""
        ...

    async def journal_size(self) -> int:
        """Count the entries of all graphs."""
        ...


class Surface(Protocol):
    """A graph that was empty, seen through one of the ways to reach it."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond the calls of clients."""
        ...

    def check(self, step: Step) -> None:
        """Say whether a step can be expressed; its symbols may still be unbound.

        Raises:
            InexpressibleError: It cannot.
        """
        ...

    async def call(self, step: Step, request_id: str) -> Observed:
        """Make the call, symbols replaced; what the service says of it is an answer or a refusal."""
        ...

    async def inspect(self, mpid: Mpid) -> ShownProfile | None:
        """Show a profile; `None`: there is none."""
        ...

    async def why(self, request_id: str) -> str:
        """Say which rule decided a call, if it can be known afterwards; else nothing."""
        ...

    def now_ms(self) -> int:
        """Give the service's time in UTC milliseconds, as far as it can be known."""
        ...

    async def advance(self, by_ms: int) -> None:
        """Move the clock forward (capability `clock`) and let everything happen that became due."""
        ...


OpenSurface = Callable[[Case], AbstractAsyncContextManager[Surface]]
"""Prepares what one case needs, and clears it away."""
