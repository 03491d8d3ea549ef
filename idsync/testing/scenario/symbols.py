"""Symbols such as `$A`: each stands for the MPID it was bound to, and every new one for a new profile."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final, TypeGuard

from idsync.model.identity import Mpid
from idsync.testing.scenario.case import HttpMessage, Step

__all__ = ["MPID_MEMBERS", "Symbols", "is_symbol"]

MPID_MEMBERS: Final = ("mpid", "previous_mpid", "source_mpid", "destination_mpid")
"""Members of requests in which a symbol may stand."""

_SYMBOL: Final = re.compile(r"\$[A-Z][A-Za-z0-9_]*")


def is_symbol(value: object) -> TypeGuard[str]:
    """Say whether a value of a scenario file is a symbol; `$key`, in lower case, is none."""
    return isinstance(value, str) and _SYMBOL.fullmatch(value) is not None


class Symbols:
    """What the symbols of one case stand for by now."""

    def __init__(self) -> None:
        self._mpids: dict[str, Mpid] = {}

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._mpids

    def __getitem__(self, symbol: str) -> Mpid:
        return self._mpids[symbol]

    def bind(self, symbol: str, mpid: Mpid) -> None:
        """Let a symbol stand for an MPID from now on."""
        self._mpids[symbol] = mpid

    def named(self, mpid: Mpid) -> str | None:
        """Give the symbol of an MPID, if it has one."""
        return next((symbol for symbol, bound in self._mpids.items() if bound == mpid), None)

    def shown(self, mpid: Mpid) -> str:
        """Write an MPID for people, with its symbol if it has one."""
        symbol = self.named(mpid)
        return f"{mpid}, not seen before" if symbol is None else f"{symbol} ({mpid})"

    def all(self) -> dict[str, Mpid]:
        """Give everything that is bound."""
        return dict(self._mpids)

    def in_step(self, step: Step) -> Step:
        """Put decimal MPIDs in the place of the symbols of a step."""
        request = {
            name: str(self._mpids[value]) if name in MPID_MEMBERS and is_symbol(value) else value
            for name, value in step.request.items()
        }
        return replace(step, request=request, http=None if step.http is None else self._in_http(step.http))

    def _in_http(self, http: HttpMessage) -> HttpMessage:
        headers = {name: self._in_text(value) for name, value in http.headers.items()}
        return HttpMessage(http.method, self._in_text(http.path), headers, self._in_text(http.body))

    def _in_text(self, text: str) -> str:
        words = {symbol: str(mpid) for symbol, mpid in self._mpids.items()}
        return _SYMBOL.sub(lambda found: words.get(found[0], found[0]), text)
