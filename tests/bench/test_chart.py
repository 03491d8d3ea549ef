"""The chart shows every result that has a target, and is the same whenever it is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench.chart import draw


def result(title: str, median: float | None, target: float | None, **other: object) -> dict[str, Any]:
    return {
        "title": title,
        "bound": "at least",
        "target": target,
        "unit": "",
        "median": median,
        "smallest": median,
        "largest": median,
        "is_met": True,
        **other,
    }


def test_the_same_results_give_the_same_picture(tmp_path: Path) -> None:
    document = {
        "results": [
            result("unary", 0.9, 0.85),
            result("batch", 5.0, 6.0, is_met=False),
            result("p99", 1.5, 2.0, bound="at most", smallest=1.0, largest=None),
            result("start", 12.0, 20.0, bound="at most", unit="s"),
            result("told only", 0.4, None),
            result("without end", None, 2.0, bound="at most"),
        ]
    }
    first = draw(document, tmp_path / "first")
    second = draw(document, tmp_path / "second")

    text = first[0].read_text()

    assert [path.name for path in first] == ["first.svg", "first.png"]
    assert first[0].read_bytes() == second[0].read_bytes()
    assert all(f">{title}<" in text for title in ("unary", "batch", "p99", "start"))
    assert "told only" not in text
    assert "dc:date" not in text


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        draw({"results": [result("told only", 0.4, None)]}, tmp_path / "chart")
