"""The settings in force, which all parts of a service look up anew for each request (ID-039)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from idsync.model.errors import UnavailableError
from idsync.resolve.scope import Scope

__all__ = ["LiveScopes"]


class LiveScopes(dict[str, Scope]):
    """Settings and strategy by scope name; a scope changes as a whole, between two turns of the loop.

    A scope whose settings are not known now is still one: whoever needs them is told `UnavailableError`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def bring(self, name: str, scope: Scope) -> None:
        """Let settings hold from now on."""
        self.names.add(name)
        self[name] = scope

    def suspend(self, names: Iterable[str]) -> None:
        """Let none hold: which do is not known any more."""
        for name in names:
            self.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __missing__(self, name: str) -> NoReturn:
        if name in self.names:
            raise UnavailableError("the settings of the scope could not be read for a while")
        raise KeyError(name)
