"""Who is calling, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from idsync.model.errors import ForbiddenError
from idsync.model.identity import Environment, GraphKey

__all__ = ["OPERATOR", "Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """An input, or an operator (ID-001).

    Attributes:
        key: The input's key; empty for an operator.
        scope: The only scope an input can reach (ID-002); empty for an operator, who reaches all.
        platform: What the input collects from, e.g. `web` or `feed`.
        may_read: Whether it may look into the graph.
        is_delegate: Whether it is the pipeline that acts for the input.
        aliasing: Whether its workspace has aliasing switched on (ID-180).
        input_id: The input as the journal names it: workspace/key.
        graphs: Its graphs by the wire number of the environment; built once, since every call needs one.
    """

    key: str = ""
    workspace: str = ""
    scope: str = ""
    platform: str = ""
    may_read: bool = False
    aliasing: bool = False
    is_operator: bool = False
    is_delegate: bool = False
    input_id: str = field(init=False, default="")
    graphs: tuple[GraphKey | None, ...] = field(init=False, default=(), repr=False)

    def __post_init__(self) -> None:
        """Derive what every call needs."""
        if not self.is_operator:
            object.__setattr__(self, "input_id", f"{self.workspace}/{self.key}")
            graphs = (None, *(GraphKey(self.scope, environment) for environment in Environment))
            object.__setattr__(self, "graphs", graphs)

    def require_input(self) -> None:
        """Refuse an operator: these calls belong to a workspace.

        Raises:
            ForbiddenError: The caller is an operator.
        """
        if self.is_operator:
            raise ForbiddenError("an operator belongs to no workspace; use the key of an input")

    def require_operator(self) -> None:
        """Refuse an input.

        Raises:
            ForbiddenError: The caller is an input.
        """
        if not self.is_operator:
            raise ForbiddenError("only operators may call this")

    def require_reader(self) -> None:
        """Refuse an input that may not look into the graph.

        Raises:
            ForbiddenError: The caller is neither an operator nor an input with `may_read`.
        """
        if not (self.is_operator or self.may_read):
            raise ForbiddenError("this input may not read the graph")


OPERATOR: Final = Caller(is_operator=True)
