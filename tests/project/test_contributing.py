"""CONTRIBUTING.md shows the tree as it is."""

from __future__ import annotations

import re

from tests.project.tree import ROOT, project_files

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def _folders(below: str) -> set[str]:
    """Name the folders directly below one that hold files of the project."""
    base = ROOT / below
    parts = (path.relative_to(base).parts for path in project_files(below))
    return {part[0] for part in parts if len(part) > 1}


def test_every_folder_of_the_tree_is_explained() -> None:
    tree = GUIDE.split("```")[1]
    shown = set(re.findall(r"^ {0,2}(\w+)/(?: |$)", tree, re.MULTILINE))
    stages = set(re.findall(r"^ {4}(\w+)/ ", tree, re.MULTILINE))

    assert shown == {folder for folder in _folders(".") if not folder.startswith(".")} | _folders("idsync")
    assert stages == _folders("idsync/server") | _folders("idsync/resolve")


def test_every_kind_of_test_has_its_folder() -> None:
    shown = set(re.findall(r"^\| `tests/(\w+)/` \|", GUIDE, re.MULTILINE))

    assert shown == _folders("tests")


def test_every_package_has_its_row_in_the_table_of_imports() -> None:
    rows = set(re.findall(r"^\| `idsync\.(\w+)` \|", GUIDE, re.MULTILINE))

    assert rows == _folders("idsync") - {"v1", "testing"}


def test_every_target_shown_can_be_made() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make ([a-z-]+)", GUIDE)) <= targets
