"""What strategies/README.md tells authors of strategies works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.project.tree import ROOT

GUIDE = (ROOT / "strategies" / "README.md").read_text()
STRATEGY, SUITE = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
(PACKAGING,) = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_example_passes_the_suite_as_shown(tmp_path: Path) -> None:
    (tmp_path / "idsync_strategies_tills.py").write_text(STRATEGY)
    (tmp_path / "test_tills.py").write_text(SUITE)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "pythonpath=.",
            "test_tills.py",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout


def test_example_is_offered_like_ours() -> None:
    (group,) = tomllib.loads(PACKAGING)["project"]["entry-points"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]

    assert group in ours


def test_table_has_every_strategy_of_ours() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "idsync.strategies"
    ]
    offered = {(name, target.split(":")[0].split(".")[1] + ".py") for name, target in points.items()}

    assert set(re.findall(r"^\| `(\w+)` \| `(\w+\.py)` \|", GUIDE, re.MULTILINE)) == offered
