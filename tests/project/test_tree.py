"""What no file of the project may contain."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project.tree import ROOT, project_files, text_lines

SETTING_OF_A_REGISTRY = re.compile(
    r'"resolved": *"http[s:]|index[-]url|find[-]links|registry *[=:]? *"?http[s]?:'
)
SOMEBODYS_FOLDER = r"/(?:home|Users|root|work|mnt)/[a-z]|[A-Z]:\\Users"
THIS_FILE = Path(__file__).resolve()


def _lines_with(pattern: re.Pattern[str], *files: str) -> list[str]:
    paths = [path for path in project_files(*files) if path != THIS_FILE]
    return [place for place, line in text_lines(paths) if pattern.search(line)]


def test_lock_files_name_no_host() -> None:
    """Whoever installs chooses the registry: a lock file holds names, versions and hashes only."""
    locks = ["*.lock", "package-lock.json"]

    assert project_files(*locks)
    assert _lines_with(re.compile("://|^--|@ "), *locks) == []


def test_no_file_sets_a_package_registry() -> None:
    assert _lines_with(SETTING_OF_A_REGISTRY) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    """A path of the author's machine works nowhere else."""
    assert _lines_with(re.compile(f"{SOMEBODYS_FOLDER}|{re.escape(str(ROOT))}")) == []
