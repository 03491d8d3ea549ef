"""The tables and the journal of one graph of the memory store."""

from __future__ import annotations

import os

import orjson

from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import ALIAS_KINDS
from idsync.store.chain import SALT_BYTES, Seal, SealedRow, commitment, sealed
from idsync.store.codec import pack
from idsync.store.fold import fold, forgotten
from idsync.store.rows import AliasRow, FlagRow, IdentityRow, LinkRow, MustNotRow, ProfileRow, StoredEntry

__all__ = ["MemoryGraph", "concerns", "sealed_row"]


class MemoryGraph:
    """The tables and the journal of one graph; the fold works on it directly.

    Args:
        start: What stands before the first link of the chain.
    """

    def __init__(self, start: bytes = b"") -> None:
        self.identities: dict[int, IdentityRow] = {}
        self.ids: dict[Identity, int] = {}
        self.profiles: dict[Mpid, ProfileRow] = {}
        self.links: list[LinkRow] = []
        self.aliases: dict[int, AliasRow] = {}
        self.must_nots: list[MustNotRow] = []
        self.flags: list[FlagRow] = []
        self.journal: list[StoredEntry] = []
        self.seals: list[Seal] = []
        self._start = start

    def identity(self, identity_id: int) -> IdentityRow:
        """Give an identity."""
        return self.identities[identity_id]

    def is_held(self, identity_id: int) -> bool:
        """Say whether an open link leads to the identity."""
        return any(link.identity_id == identity_id and link.until_seq is None for link in self.links)

    def profile(self, mpid: Mpid) -> ProfileRow:
        """Give a profile."""
        return self.profiles[mpid]

    def add_profile(self, row: ProfileRow) -> None:
        """Add a profile."""
        self.profiles[row.mpid] = row

    def open_links(self, mpid: Mpid) -> list[LinkRow]:
        """List the open links of a profile, oldest first."""
        return [link for link in self.links if link.mpid == mpid and link.until_seq is None]

    def add_link(self, row: LinkRow) -> None:
        """Open a link."""
        self.links.append(row)

    def close_link(self, identity_id: int, mpid: Mpid, seq: int, *, descriptive: bool) -> None:
        """Close the open link of an identity and a profile."""
        for link in self.open_links(mpid):
            if link.identity_id == identity_id and link.descriptive == descriptive:
                link.until_seq = seq

    def add_alias(self, row: AliasRow) -> None:
        """Add an alias request."""
        self.aliases[row.seq] = row

    def alias(self, seq: int) -> AliasRow:
        """Give an alias request."""
        return self.aliases[seq]

    def add_must_not(self, row: MustNotRow) -> None:
        """Add a member of a must-not-link."""
        self.must_nots.append(row)

    def end_must_nots(self, seq: int, until_seq: int) -> list[int]:
        """Withdraw what an entry forbade."""
        ended = [row for row in self.must_nots if row.seq == seq and row.until_seq is None]
        for row in ended:
            row.until_seq = until_seq
        return [row.identity_id for row in ended if row.identity_id is not None]

    def add_flag(self, row: FlagRow) -> None:
        """Raise a flag."""
        self.flags.append(row)

    def end_flags(self, identity_id: int, kind: int | None, until_seq: int) -> None:
        """Take a flag off, or all."""
        for row in self.flags:
            if row.identity_id == identity_id and row.until_seq is None and kind in {None, row.kind}:
                row.until_seq = until_seq

    def value_of(self, identity_id: int) -> Identity:
        """Give an identity by id; its value is empty once it was erased."""
        row = self.identities[identity_id]
        return Identity(IdentityType(row.type), row.value or "")

    def id_of(self, identity: Identity) -> int:
        """Give the id of an identity, a new one if it is unknown."""
        if identity not in self.ids:
            self.ids[identity] = len(self.identities) + 1
            self.identities[self.ids[identity]] = IdentityRow(
                self.ids[identity], int(identity.type), identity.value
            )
        return self.ids[identity]

    def append(self, entry: StoredEntry) -> None:
        """Write one entry, seal and fold it; erased values and texts are forgotten."""
        row = sealed_row(entry)
        salt = os.urandom(SALT_BYTES) if row.has_text else None
        self.seals.append(sealed(self.seals[-1].link if self.seals else self._start, row, salt))
        self.journal.append(entry)
        fold(entry, self)
        for mpid in forgotten(entry):
            self._forget_texts(mpid)
        for identity in [i for i, n in self.ids.items() if self.identities[n].value is None]:
            del self.ids[identity]

    def _forget_texts(self, mpid: Mpid) -> None:
        for place, entry in enumerate(self.journal[:-1]):
            row = sealed_row(entry)
            if row.has_text and concerns(entry, mpid):
                seq, link, salt = self.seals[place]
                assert salt is not None, "there is a text that it commits to"
                self.seals[place] = Seal(seq, link, commitment(salt, row))
                self.journal[place] = entry._replace(request_id="", idempotency_key=None)


def concerns(entry: StoredEntry, mpid: Mpid) -> bool:
    """Say whether an entry is about a profile: names it, changes it, or aliases from or to it."""
    return entry.mpid == mpid or any(
        change.mpid == mpid or (change.kind in ALIAS_KINDS and change.other == mpid)
        for change in entry.changes
    )


def sealed_row(entry: StoredEntry) -> SealedRow:
    """Give an entry as the chain covers it."""
    *head, changes, evidence, key = pack(entry)
    return SealedRow._make((*head, key, orjson.dumps((changes, evidence))))
