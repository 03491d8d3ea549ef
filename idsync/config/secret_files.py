"""Secrets and files that a configuration names: given in place, or in a file of their own."""

from __future__ import annotations

import os
from pathlib import Path

from idsync.config.keys import Key
from idsync.config.section import Section

__all__ = ["read_path", "read_secret"]


def read_secret(section: Section, inline: Key[str | None], file: Key[str | None], base: Path) -> str | None:
    """Read a secret; faults never show it.

    Args:
        section: Where the two keys may stand.
        inline: The key that gives the secret itself.
        file: The key that names the file holding it, as UTF-8; line ends at its end are no part of it.
        base: The folder that a relative file name starts from.

    Returns:
        The secret; `None` if there is none or it could not be read.
    """
    if inline in section and file in section:
        section.fault(f"give either {inline.name} or {file.name}", file.name)
    path = read_path(section, file, base)
    if path is None:
        return section.read(inline)
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        section.fault("the file is not UTF-8", file.name)
        return None
    if not secret:
        section.fault("the file is empty", file.name)
        return None
    return secret


def read_path(section: Section, key: Key[str | None], base: Path) -> Path | None:
    """Read the name of a file that must be there and readable; `None` if it is not, or not named."""
    name = section.read(key)
    if name is None:
        return None
    try:
        path = base / name
        with path.open("rb"):
            return path
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "not a file name"
        section.fault(f"the file cannot be read: {reason}", key.name)
        return None
