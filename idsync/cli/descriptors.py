"""Open files: every connection is one, and the usual limit is far below what the system would give."""

from __future__ import annotations

import resource
from typing import Final

__all__ = ["allow_many_connections"]

_ENOUGH: Final = 65_536


def allow_many_connections() -> None:
    """Raise the limit of open files of this process as far as is useful and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
