"""Values that stand for nobody: what programs send in place of an identity that they do not have.

One such value on many devices makes strangers look like one person. A scope that blocks them counts them as
not sent, as it does blank ones (ID-024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from idsync.model.identity import IdentityType

__all__ = [
    "MAX_ENTRIES",
    "MAX_ENTRY_CHARS",
    "MAX_PATTERNS",
    "SHIPPED_EMAILS",
    "SHIPPED_WORDS",
    "BlockedValues",
    "entry_fault",
]

MAX_ENTRY_CHARS: Final = 256
"""Characters of one entry: as many as a user identity may have (ID-241)."""
MAX_ENTRIES: Final = 10_000
"""Entries of one list; exact ones are looked up, so that many cost no more than few."""
MAX_PATTERNS: Final = 100
"""Entries of one list that have a `*`: they are tried one after another, for every value that is sent."""

SHIPPED_WORDS: Final = frozenset(
    {
        "",
        "-",
        "--",
        "(null)",
        "<null>",
        "[object object]",
        "anonymous",
        "false",
        "guest",
        "n/a",
        "nan",
        "nil",
        "none",
        "not available",
        "not set",
        "not_set",
        "null",
        "true",
        "undefined",
        "unknown",
    }
)
"""What is blocked as a value of any type; besides these, values of zeros."""
SHIPPED_EMAILS: Final = (
    "a@a.*",
    "abc@abc.*",
    "anonymous@anonymous.*",
    "email@email.*",
    "example@example.*",
    "guest@guest.*",
    "no@no.*",
    "none@none.*",
    "null@null.*",
    "test@example.*",
    "test@test",
    "test@test.*",
    "undefined@undefined.*",
    "unknown@unknown.*",
    "user@example.*",
)
"""Addresses that forms are tried out with."""
_SHIPPED_DEVICES: Final = frozenset({"9774d56d682e549c"})
"""The ID that a fault of Android 2.2 gave to a whole series of devices."""

_ZEROS: Final = "0-.:+ "
_QUOTES: Final = "\"'`\u00b4\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
_EDGES: Final = _QUOTES + "".join(c for c in map(chr, range(0x3001)) if c.isspace())


class _Pattern(NamedTuple):
    """What stands between the stars; tried without going back, so that no value takes long."""

    first: str
    middle: tuple[str, ...]
    last: str

    def fits(self, value: str) -> bool:
        first, middle, last = self
        at, end = len(first), len(value) - len(last)
        if at > end or not value.startswith(first) or not value.endswith(last):
            return False
        for part in middle:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


class _Compiled(NamedTuple):
    exact: frozenset[str]
    patterns: tuple[_Pattern, ...]


@dataclass(frozen=True, slots=True)
class BlockedValues:
    """Which values of which types count as not sent.

    Values and entries are compared without regard to case, and without the blanks and quotes around them. A
    `*` in an entry stands for any characters, or none.

    Attributes:
        shipped: Whether the shipped list holds.
        entries: Further ones by type; those of `None` hold for all types.
    """

    shipped: bool = True
    entries: Mapping[IdentityType | None, tuple[str, ...]] = field(default_factory=dict)
    _by_type: Mapping[IdentityType, _Compiled] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Take the entries apart once, for all values to come."""
        object.__setattr__(self, "_by_type", {t: self._compiled(t) for t in IdentityType})

    def _compiled(self, identity_type: IdentityType) -> _Compiled:
        entries = [_bare(e) for e in (*self.entries.get(None, ()), *self.entries.get(identity_type, ()))]
        if self.shipped:
            entries += SHIPPED_WORDS
            if identity_type is IdentityType.EMAIL:
                entries += SHIPPED_EMAILS
            elif identity_type is IdentityType.ANDROID_UUID:
                entries += _SHIPPED_DEVICES
        patterns = dict.fromkeys(entry for entry in entries if "*" in entry)
        return _Compiled(
            frozenset(entry for entry in entries if "*" not in entry),
            tuple(_pattern(entry) for entry in patterns),
        )

    @property
    def is_any(self) -> bool:
        """Whether there is anything to block."""
        return self.shipped or bool(self.entries)

    def blocks(self, identity_type: IdentityType, value: str) -> bool:
        """Say whether a value counts as not sent."""
        bare = _bare(value)
        exact, patterns = self._by_type[identity_type]
        if bare in exact or (self.shipped and "0" in bare and not bare.strip(_ZEROS)):
            return True
        return any(pattern.fits(bare) for pattern in patterns)


def entry_fault(entry: str) -> str | None:
    """Say what is wrong with an entry of somebody's own; the text does not show it."""
    if len(entry) > MAX_ENTRY_CHARS:
        return f"must have at most {MAX_ENTRY_CHARS} characters"
    bare = _bare(entry)
    if not bare:
        return "must have more than blanks and quotes"
    if not bare.strip("*"):
        return "would block every value"
    return None


def _bare(value: str) -> str:
    return value.strip(_EDGES).casefold()


def _pattern(entry: str) -> _Pattern:
    first, *middle, last = entry.split("*")
    return _Pattern(first, tuple(filter(None, middle)), last)
