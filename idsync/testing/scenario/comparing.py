"""What was expected against what came, member by member."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from idsync.model.identity import Mpid
from idsync.testing.scenario.surface import Answer, Observed, Refusal, ShownProfile
from idsync.testing.scenario.symbols import Symbols

__all__ = ["Difference", "compare", "compare_record", "compare_source"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One member that is not as expected; both sides are written for people."""

    member: str
    expected: str
    came: str


def compare(expect: Mapping[str, Any], observed: Observed, symbols: Symbols) -> list[Difference]:
    """Compare an answer or refusal with what a step expects; binds the symbol of `mpid`.

    What only inspection can show (`profiles`, `source_mpid`, `outcome`) is compared elsewhere.
    """
    if "error" in expect:
        return list(_compare_error(expect["error"], observed))
    if isinstance(observed, Refusal):
        wanted = f"the MPID {expect['mpid']}" if "mpid" in expect else "an answer"
        return [Difference("answer", wanted, _refused(observed))]
    return list(_compare_answer(expect, observed, symbols))


def _compare_error(error: Mapping[str, Any], observed: Observed) -> Iterator[Difference]:
    expected = " ".join(str(error[name]) for name in ("http_status", "code") if name in error)
    if isinstance(observed, Answer):
        came = "an answer" if observed.mpid is None else f"an answer with the MPID {observed.mpid}"
        yield Difference("error", expected, f"{came}, status {observed.status}")
        return
    if observed.status != error["http_status"] or observed.code != error.get("code", observed.code):
        yield Difference("error", expected, _refused(observed))
    if observed.wrote:
        yield Difference("error", "no entry in the journal", "the refused call was journaled")
    if observed.besides:
        yield Difference("error", "no other result", f"a result with {', '.join(observed.besides)}")


def _refused(refusal: Refusal) -> str:
    code = f" {refusal.code}" if refusal.code else ""
    return f"{refusal.status}{code}{f': {refusal.message}' if refusal.message else ''}"


def _compare_answer(expect: Mapping[str, Any], answer: Answer, symbols: Symbols) -> Iterator[Difference]:
    if "http_status" in expect and answer.status != expect["http_status"]:
        yield Difference("http_status", str(expect["http_status"]), str(answer.status))
    if "mpid" in expect:
        yield from _compare_mpid(expect["mpid"], answer.mpid, symbols)
    for name, came in (
        ("matched_identities", answer.matched),
        ("is_logged_in", answer.is_logged_in),
        ("is_ephemeral", answer.is_ephemeral),
    ):
        if name in expect and came != expect[name]:
            yield Difference(name, _written(expect[name], name), _written(came, name))
    if "change_results" in expect:
        yield from _compare_changes(expect["change_results"], answer.changes, symbols)


def _compare_mpid(symbol: str, came: Mpid | None, symbols: Symbols) -> Iterator[Difference]:
    if symbol in symbols:
        if came != symbols[symbol]:
            shown = "no MPID" if came is None else symbols.shown(came)
            yield Difference("mpid", symbols.shown(symbols[symbol]), shown)
    elif came is None:
        yield Difference("mpid", f"{symbol}, a new profile", "no MPID")
    elif symbols.named(came) is not None:
        yield Difference("mpid", f"{symbol}, a new profile", symbols.shown(came))
    else:
        symbols.bind(symbol, came)


def _compare_changes(
    expected: Iterable[Mapping[str, str]], came: tuple[tuple[str, Mpid], ...] | None, symbols: Symbols
) -> Iterator[Difference]:
    wanted = [(entry["identity_type"], symbols[entry["modified_mpid"]]) for entry in expected]
    if came is None or Counter(wanted) != Counter(came):
        yield Difference("change_results", _changes(wanted, symbols), _changes(came, symbols))


def _changes(changes: Iterable[tuple[str, Mpid]] | None, symbols: Symbols) -> str:
    if changes is None:
        return "no such member"
    return ", ".join(f"{name} of {symbols.shown(mpid)}" for name, mpid in changes) or "none"


def compare_record(
    symbol: str, expected: Mapping[str, list[str]], shown: ShownProfile | None
) -> Difference | None:
    """Compare a complete identity record; values of a type come in any order."""
    member = f"profiles.{symbol}"
    if shown is None:
        return Difference(member, _written(expected), "no such profile")
    if {t: sorted(values) for t, values in expected.items() if values} == {
        t: sorted(values) for t, values in shown.record.items() if values
    }:
        return None
    return Difference(member, _written(expected), _written({t: list(v) for t, v in shown.record.items()}))


def compare_source(expected: str | None, shown: ShownProfile | None, symbols: Symbols) -> Difference | None:
    """Compare the source of a profile (ID-122)."""
    wanted = None if expected is None else symbols[expected]
    if shown is not None and shown.source == wanted:
        return None
    came = "no such profile" if shown is None else _source(shown.source, symbols)
    return Difference("source_mpid", _source(wanted, symbols), came)


def _source(mpid: Mpid | None, symbols: Symbols) -> str:
    return "none" if mpid is None else symbols.shown(mpid)


def _written(value: Any, name: str = "") -> str:
    if value is None:
        return f"no member {name}" if name else "nothing"
    return json.dumps(value, ensure_ascii=False)
