"""MPIDs as clients write them: decimal text, or a JSON integer (ID-007)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["parse_mpid"]

_CANONICAL: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1


def parse_mpid(value: object) -> int | None:
    """Read a signed 64-bit integer, exactly.

    Only the spelling that the service itself writes is taken, so no sign of zero, no plus, no leading zeros,
    no blanks and no digits of other scripts. JSON integers beyond 64 bits arrive as `float` and are refused
    with all other fractions.

    Args:
        value: What stood in the JSON body, or the text from the path.

    Returns:
        The number; `None` if it is not one.
    """
    if type(value) is str:
        if not _CANONICAL.fullmatch(value):
            return None
        value = int(value)
    elif type(value) is not int:
        return None
    return value if _MIN <= value <= _MAX else None
