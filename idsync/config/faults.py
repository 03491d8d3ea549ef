"""Collects everything that is wrong with a configuration, so that all of it is said at once."""

from __future__ import annotations

import json
import re
from typing import Final

from idsync.config.lines import Lines, Path
from idsync.model.errors import ConfigurationError

__all__ = ["Faults", "show_path"]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


class Faults:
    """The faults of one configuration text, each at the place it belongs to."""

    def __init__(self, text: str | None = None) -> None:
        """Begin without faults.

        Args:
            text: The TOML that the faults are about; `None` if there are no lines to name.
        """
        self._text = text
        self._found: list[tuple[Path, str]] = []

    def add(self, path: Path, text: str) -> None:
        """Note that the value at `path` is wrong; the text names no secret."""
        self._found.append((path, text))

    def __len__(self) -> int:
        return len(self._found)

    def texts(self) -> tuple[str, ...]:
        """Return the faults as "line 12: scopes.retail.login_ids: ...", in the order of their lines."""
        if self._text is None:
            return tuple(f"{show_path(path)}: {text}" for path, text in self._found)
        lines = Lines(self._text)
        placed = [(lines.find(path), path, text) for path, text in self._found]
        placed.sort(key=lambda fault: fault[0])
        return tuple(f"line {line}: {show_path(path)}: {text}" for line, path, text in placed)

    def error(self) -> ConfigurationError:
        """Return the refusal that names every fault."""
        count = len(self._found)
        message = f"the configuration has {'a fault' if count == 1 else f'{count} faults'}"
        return ConfigurationError(message, self.texts())


def show_path(path: Path) -> str:
    """Write a path the way a TOML key is written, positions in brackets."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            name = part if _BARE_KEY.fullmatch(part) else json.dumps(part)
            shown += f".{name}" if shown else name
    return shown
