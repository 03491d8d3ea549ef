"""Flags in the query string; every other parameter is ignored (ID-088 to ID-090, ID-221)."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import parse_qsl

__all__ = ["Flags", "parse_flags"]


class Flags(NamedTuple):
    """What the query asks for."""

    read_only: bool = False
    return_matches: bool = True


_DEFAULT: Final = Flags()


def parse_flags(query: bytes) -> Flags:
    """Read the flags, names and values without regard to case.

    A flag that is given more than once asks for the less: nothing is written, or nothing is shown, if any of
    its values says so.
    """
    if not query:
        return _DEFAULT
    given = {(name.lower(), value.lower()) for name, value in parse_qsl(query.decode("latin-1"))}
    return Flags(
        read_only=("read_only", "true") in given,
        return_matches=("return_matches", "false") not in given,
    )
