"""Where an error came from, without the values it was about.

The frames and the kinds of the errors are always safe to log; a message often quotes what was being handled.
"""

from __future__ import annotations

import sqlite3
import traceback
from typing import Final

__all__ = ["traceback_without_values"]

_SPEAKING: Final = (
    OSError,
    sqlite3.Error,
    AttributeError,
    TypeError,
    ImportError,
    RecursionError,
    MemoryError,
)
"""Kinds whose messages name types, files and columns, never the data."""


def traceback_without_values(error: BaseException) -> str:
    """Give the frames of an error and of those that led to it, innermost last, as Python would show them."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\nwhich led to:\n".join(_one(link) for link in reversed(chain))


def _one(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{frames}{name}: {error}" if isinstance(error, _SPEAKING) else f"{frames}{name}"
