"""A request as a surface words it, for surfaces whose requests are no messages of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Wording"]


class Wording(NamedTuple):
    """Names a request, and says how its surface writes the answer.

    Whatever has the same wording is the same request: to the same method, with the same effect, answered by
    the same bytes. What does not matter for that, such as an id that each request has of its own, stays out.

    Attributes:
        form: Tells apart requests of the same text that ask for different things.
        text: What the caller said.
        write: Makes the surface's answer of the response; the same function each time, since it is compared.
    """

    form: str
    text: bytes
    write: Callable[[Any], bytes]
