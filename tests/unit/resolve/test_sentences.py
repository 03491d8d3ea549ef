"""Journal entries as sentences: every kind of change, and every notice, can be told."""

from __future__ import annotations

import pytest

from idsync.model.identity import IdentityType
from idsync.model.journal import Change, ChangeKind, Evidence, JournalEntry
from idsync.model.notice import Notice, NoticeReason
from idsync.resolve.sentences import entry_sentence, notice_sentence
from idsync.testing.scribe import GRAPH
from idsync.testing.store_checks.people import MAIL


@pytest.mark.parametrize("kind", ChangeKind)
def test_every_change_can_be_told(kind: ChangeKind) -> None:
    change = Change(kind, 7, MAIL, other=9, alias_seq=3, reason="because")
    entry = JournalEntry(GRAPH, 1, 0, "modify", "a/rule", "", "", 7, (change,), Evidence())

    first, *told = entry_sentence(entry)

    assert first == "Journal entry 1: modify led to profile 7 by the rule a/rule."
    assert told[-1].endswith(".")


def test_an_entry_about_no_profile_names_none() -> None:
    entry = JournalEntry(GRAPH, 4, 0, "forbid", "forbid/forbidden", "", "", 0, (), Evidence())

    assert list(entry_sentence(entry)) == [
        "Journal entry 4: forbid, about values alone, by the rule forbid/forbidden."
    ]


@pytest.mark.parametrize("reason", NoticeReason)
def test_every_notice_can_be_told(reason: NoticeReason) -> None:
    told = notice_sentence(Notice(IdentityType.EMAIL, reason, 5))

    assert told.startswith("The email ")
    assert "entry 5" in told
