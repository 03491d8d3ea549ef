"""Both lock files fit pyproject.toml, and hold what they are for: the newest and the oldest."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.project.tree import ROOT


def _declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = (entry for extra in project["optional-dependencies"].values() for entry in extra)
    return [Requirement(entry) for entry in [*project["dependencies"], *extras]]


def _pins(lock: str) -> Iterator[tuple[str, Version]]:
    """Give the packages a lock installs on this machine."""
    pin = re.compile(
        r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?: ; (?P<marker>[^\\]+?))? *\\?$", re.MULTILINE
    )
    for found in pin.finditer((ROOT / lock).read_text()):
        if found["marker"] is None or Marker(found["marker"]).evaluate():
            yield canonicalize_name(found["name"]), Version(found["version"])


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-lowest.lock"])
def test_lock_holds_what_is_declared(lock: str) -> None:
    """A dependency added or raised without `make lock` would be missing for whoever installs."""
    pins = dict(_pins(lock))
    unmet = [
        str(wanted)
        for wanted in _declared()
        if (wanted.marker is None or wanted.marker.evaluate())
        and not wanted.specifier.contains(pins.get(canonicalize_name(wanted.name), Version("0")))
    ]

    assert unmet == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-lowest.lock"])
def test_every_pin_has_a_hash(lock: str) -> None:
    """pip checks hashes only where all have one."""
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())

    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_lowest_lock_is_older_than_the_other() -> None:
    newest, lowest = dict(_pins("requirements.lock")), dict(_pins("requirements-lowest.lock"))
    names = {canonicalize_name(wanted.name) for wanted in _declared()} & newest.keys() & lowest.keys()

    assert [name for name in names if lowest[name] > newest[name]] == []
    assert lowest["grpcio"] < newest["grpcio"]
