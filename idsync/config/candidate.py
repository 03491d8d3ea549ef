"""Settings of one scope that somebody wants to try: the same sections as in a configuration file."""

from __future__ import annotations

from typing import Final

from idsync.config import keys
from idsync.config.faults import Faults
from idsync.config.file import parse_toml
from idsync.config.guards import read_guards
from idsync.config.scopes import read_scope
from idsync.config.section import Section
from idsync.model.policy import Policy

__all__ = ["parse_candidate"]

_TOP: Final = ("scopes", "guards")


def parse_candidate(text: str, scope: str) -> Policy:
    """Read the settings of a scope.

    Args:
        text: The TOML: `[scopes.NAME]` and, if wanted, `[guards]`. Nothing else may be in it: what else a
            configuration file holds are secrets, which are nobody's business here.
        scope: The scope it is for.

    Raises:
        ConfigurationError: It is no TOML, or what it says is refused (ID-036); every fault is named with
            its line.
    """
    faults = Faults(text)
    root = Section(parse_toml(text), (), faults, tables=_TOP)
    scopes = {
        name: read_scope(section, None)
        for name, section in root.named_children("scopes", keys.SECTIONS["scopes.NAME"])
    }
    for name in scopes:
        if name != scope:
            root.fault(f"is another scope than {scope}, which this is for", "scopes", name)
    if scope not in scopes:
        root.fault(f"[scopes.{scope}] is missing")
    guarded = read_guards(root, {name: found for name, found in scopes.items() if found}, tuple(scopes))
    if faults:
        raise faults.error()
    return guarded[scope].policy
