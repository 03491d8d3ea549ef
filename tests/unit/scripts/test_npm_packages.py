"""npm packages are those of the lock files, whole ones, and where there is no npm that is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.npm_packages import FOLDERS, MissingError, installed


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_package_is_pinned_by_its_content(folder: Path) -> None:
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = {name: package for name, package in locked.items() if name}

    assert [
        name for name, package in packages.items() if not package["integrity"].startswith("sha512-")
    ] == []
    # an alias says which package it stands for: npm:NAME@VERSION
    versions = {name: version.rpartition("@")[2] for name, version in wanted.items()}
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == versions


def test_without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingError, match="there is no npm"):
        installed(tmp_path)
    assert not (tmp_path / "node_modules").exists()
