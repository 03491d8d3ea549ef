"""Text that a caller chose: it may hold NUL, which text columns of PostgreSQL cannot."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

__all__ = ["FreeText", "escaped", "unescaped"]

_ESCAPE: Final = "\x1b"


def escaped(text: str) -> str:
    """Write a text without NUL, so that each text keeps a spelling of its own."""
    if "\0" not in text and _ESCAPE not in text:
        return text
    return text.replace(_ESCAPE, f"{_ESCAPE}1").replace("\0", f"{_ESCAPE}0")


def unescaped(text: str) -> str:
    """Undo `escaped`."""
    if _ESCAPE not in text:
        return text
    return text.replace(f"{_ESCAPE}0", "\0").replace(f"{_ESCAPE}1", _ESCAPE)


class FreeText(TypeDecorator[str]):
    """A text column that takes every text; only PostgreSQL needs another spelling."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Spell a text for the database."""
        return value if value is None or dialect.name != "postgresql" else escaped(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Spell a text as it was given."""
        return value if value is None or dialect.name != "postgresql" else unescaped(value)
