"""Finds out whether a function asks the world for anything: the time, chance, a file, the network."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final

__all__ = ["impure_calls"]

_IMPURE: Final = frozenset(
    {
        "_datetime",
        "_io",
        "_random",
        "_socket",
        "_sqlite3",
        "_thread",
        "asyncio",
        "datetime",
        "io",
        "logging",
        "nt",
        "os",
        "pathlib",
        "posix",
        "random",
        "secrets",
        "select",
        "socket",
        "sqlite3",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
    }
)
"""Modules, ours and those of C, through which a program reaches beyond its arguments."""


def impure_calls(function: Callable[[], object]) -> list[str]:
    """Call a function, and name the modules that it reached beyond its arguments through."""
    found: list[str] = []

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            module = str(frame.f_globals.get("__name__", ""))
        elif event == "c_call":
            module = _module_of(argument)
        else:
            return
        if module.partition(".")[0] in _IMPURE:
            found.append(module)

    previous = sys.getprofile()
    # Whoever listens to the garbage collector (hypothesis does) takes the time while the function runs.
    collects = gc.isenabled()
    gc.disable()
    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(previous)
        if collects:
            gc.enable()
    return found


def _module_of(builtin: object) -> str:
    """Say where a function of C belongs: to its module, or to the type it is a method of."""
    owner = getattr(builtin, "__self__", None)
    if owner is not None and type(owner).__name__ != "module":
        owner = owner if isinstance(owner, type) else type(owner)
        return owner.__module__
    return str(getattr(builtin, "__module__", None) or "")
