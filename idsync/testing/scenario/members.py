"""Members of JSON objects, each taken out with its type; what is wrong is noted with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["Members"]


class Members:
    """One JSON object of a scenario file. Faults are noted, never raised, so that all of them are found.

    Args:
        value: What stands at the place; anything but an object is a fault.
        origin: The file and the case, for people.
        path: The way to the object within the case, e.g. `steps[2].expect`; empty for the case itself.
        faults: Where faults are noted.
        known: The members it may have; another one is a fault.
    """

    def __init__(
        self, value: object, origin: str, path: str, faults: list[str], known: Collection[str]
    ) -> None:
        self.origin = origin
        self.path = path
        self.faults = faults
        self._members: Mapping[str, Any] = {}
        if not isinstance(value, dict):
            self.fault("", f"must be an object, not {_called(value)}")
            return
        self._members = value
        for name in value:
            if name not in known:
                self.fault(name, f"unknown member; known are {', '.join(sorted(known))}")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def fault(self, name: str, text: str) -> None:
        """Note what is wrong with a member, or with the object itself."""
        place = ".".join(part for part in (self.path, name) if part)
        self.faults.append(": ".join(part for part in (self.origin, place, text) if part))

    def inner(self, name: str, value: object, known: Collection[str]) -> Members:
        """Open an object that stands below this one."""
        return Members(value, self.origin, ".".join(p for p in (self.path, name) if p), self.faults, known)

    def raw(self, name: str) -> Any:
        """Give a member as it is; `None` if there is none."""
        return self._members.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Give a text; without a default it must be there and must not be empty."""
        value = self._members.get(name, default)
        if isinstance(value, str) and (value or default is not None):
            return value
        self.fault(name, "is missing" if value is None else f"must be a text, not {_called(value)}")
        return ""

    def texts(self, name: str, *, required: bool = True) -> tuple[str, ...]:
        """Give a list of texts."""
        value = self._members.get(name)
        if value is None and name not in self._members:
            if required:
                self.fault(name, "is missing")
            return ()
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.fault(name, f"must be a list of texts, not {_called(value)}")
        return ()

    def table(self, name: str) -> Mapping[str, Any]:
        """Give an object; an absent one is empty."""
        value = self._members.get(name, {})
        if isinstance(value, dict):
            return value
        self.fault(name, f"must be an object, not {_called(value)}")
        return {}

    def integer(self, name: str, default: int, least: int) -> int:
        """Give a whole number."""
        value = self._members.get(name, default)
        if type(value) is int and value >= least:
            return value
        self.fault(name, f"must be a whole number from {least} on")
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Give true or false."""
        value = self._members.get(name, default)
        if isinstance(value, bool):
            return value
        self.fault(name, f"must be true or false, not {_called(value)}")
        return default

    def one_of(self, name: str, words: Iterable[str], default: str | None = None) -> str | None:
        """Give one of the words; `None` if it is none of them."""
        words = list(words)
        value = self._members.get(name, default)
        if isinstance(value, str) and value in words:
            return value
        what = "is missing; it" if value is None else f"is {value!r}; it"
        self.fault(name, f"{what} must be one of {', '.join(words)}")
        return None


def _called(value: object) -> str:
    names: Mapping[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
        type(None): "null",
    }
    return names.get(type(value), "something else")
