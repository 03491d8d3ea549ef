"""Reasoning as sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from idsync.model.changes import Outcome
from idsync.model.identity import Identity
from idsync.model.journal import Change, ChangeKind
from idsync.resolve.reasoning import Alteration, Alternative, Ending, Kind, Reasoning
from idsync.resolve.sentences import named, notice_sentence
from idsync.resolve.visits import Protected, Protection, Visit

__all__ = ["reasoning_sentences"]

_PROTECTIONS: Final = {
    Protection.LOGIN_ID: "of which the request brings none",
    Protection.IMMUTABLE_ID: "immutable, of which the request brings none",
    Protection.CONFLICT: "which the request contradicts",
}
_WRITTEN: Final = {
    ChangeKind.IDENTITY_ADDED: "It gets the {}.",
    ChangeKind.IDENTITY_REMOVED: "It loses the {}.",
    ChangeKind.DESCRIPTION_ADDED: "It keeps the {} as a description.",
}


def reasoning_sentences(reasoning: Reasoning) -> Iterator[str]:
    """Tell why a call has its answer, and what would have given another."""
    yield f"The {reasoning.request.operation.value} {_ended(reasoning.ending)}."
    for visit in reasoning.visits:
        yield _visited(visit)
    if reasoning.decided_by is not None:
        yield f"The {named(reasoning.decided_by)} settled it."
    yield from (text for change in reasoning.changes for text in _written(change))
    yield from map(notice_sentence, reasoning.notices)
    yield from map(_otherwise, reasoning.alternatives)
    more = reasoning.alternative_count - len(reasoning.alternatives)
    if more > 0:
        yield f"There are {more} more alterations of that size that lead elsewhere."
    if not reasoning.is_whole:
        yield "Some values have more holders than were looked at, so the answer itself may be another."


def _ended(ending: Ending) -> str:
    if ending.outcome is Outcome.REFUSED:
        by = f" (rule {ending.rule})" if ending.rule else ""
        return f"is refused{by}: {ending.message.rstrip('.')}"
    if ending.mpid is None:
        return f"creates a new profile by the rule {ending.rule}"
    verb = "converts" if ending.outcome is Outcome.CONVERTED else "finds"
    return f"{verb} profile {ending.mpid} by the rule {ending.rule}"


def _visited(visit: Visit) -> str:
    if not visit.known and not visit.anonymous:
        return f"Nobody has the {named(visit.identity)}."
    protected = "".join(map(_protected, visit.protected))
    if visit.quarantined:
        protected = f"; journal entry {visit.quarantined} has quarantined it{protected}"
    unnamed = visit.protected_count - len(visit.protected)
    if unnamed:
        protected += f"; {unnamed} more are passed over"
    return (
        f"The {named(visit.identity)} is on {visit.known} known and {visit.anonymous} anonymous profiles"
        f"{protected}; candidates left: {visit.candidates}."
    )


def _protected(one: Protected) -> str:
    what = ", ".join(map(named, one.identities))
    return f"; {one.mpid} is protected by its {what}, {_PROTECTIONS[one.by]}"


def _written(change: Change) -> Iterator[str]:
    if change.kind in _WRITTEN and change.identity is not None:
        yield _WRITTEN[change.kind].format(named(change.identity))


def _otherwise(alternative: Alternative) -> str:
    return f"{_altered(alternative.alterations)} the call {_instead(alternative.ending)}."


def _instead(ending: Ending) -> str:
    if ending.mpid is None:
        return f"would create a new profile (rule {ending.rule})"
    return f"would lead to profile {ending.mpid} (rule {ending.rule})"


def _altered(alterations: Iterable[Alteration]) -> str:
    texts = [_alteration(kind, identity) for kind, identity in alterations]
    text = " and ".join(texts)
    return text[0].upper() + text[1:]


def _alteration(kind: Kind, identity: Identity | None) -> str:
    if identity is None:
        return "without its previous MPID"
    return f"{'with' if kind is Kind.BRING else 'without'} the {named(identity)}"
