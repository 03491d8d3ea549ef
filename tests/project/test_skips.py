"""A test that lacks a tool may be skipped on somebody's machine, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.tree import ROOT

ONE_TEST = "import pytest\n\n\ndef test_nothing():\n    pytest.skip('a tool is missing')\n"
WHOLE_MODULE = "import pytest\n\npytest.skip('a tool is missing', allow_module_level=True)\n"


def _exit_code(folder: Path, module: str, ci: str) -> int:
    (folder / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (folder / "test_skipped.py").write_text(module)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(folder),
    ]
    run = subprocess.run(command, cwd=folder, env={**os.environ, "CI": ci}, capture_output=True, check=False)
    return run.returncode


@pytest.mark.parametrize("module", [ONE_TEST, WHOLE_MODULE])
def test_skip_fails_in_ci(tmp_path: Path, module: str) -> None:
    assert _exit_code(tmp_path, module, "true") in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}


@pytest.mark.parametrize(
    ("module", "code"), [(ONE_TEST, pytest.ExitCode.OK), (WHOLE_MODULE, pytest.ExitCode.NO_TESTS_COLLECTED)]
)
def test_skip_is_a_skip_elsewhere(tmp_path: Path, module: str, code: pytest.ExitCode) -> None:
    assert _exit_code(tmp_path, module, "") == code
