"""The results as a picture: bars with their spread, and a mark at each target.

`python -m tests.bench.chart FILE.json [STEM]` draws what a run has written as STEM.svg and STEM.png.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["draw"]

_HEIGHT_OF_A_BAR: Final = 0.34
_MET, _MISSED, _MARK = "#3b7a57", "#c77c3c", "#1d1d1d"
_PANELS: Final = (
    (
        "at least, to the echo server or to one process",
        lambda r: _is_ratio(r, "at least") and r["target"] < 2,
    ),
    ("at least, to the unary echo", lambda r: _is_ratio(r, "at least") and r["target"] >= 2),
    ("at most, ratios", lambda r: _is_ratio(r, "at most")),
    ("at most, seconds or GiB", lambda r: r["target"] is not None and r["unit"] != ""),
)
"""Titles, and which results go where: those of a panel share its scale."""

_Row = Mapping[str, Any]


def _is_ratio(result: _Row, bound: str) -> bool:
    return result["target"] is not None and result["bound"] == bound and result["unit"] == ""


def draw(document: Mapping[str, Any], stem: Path) -> list[Path]:
    """Draw the results that have a target; the same document gives the same SVG to the byte.

    Args:
        document: What `tests.bench.report.document` gives.
        stem: The files' name without its end.

    Raises:
        ValueError: Nothing in the document has a target.
    """
    panels = [
        (title, rows)
        for title, belongs in _PANELS
        if (rows := [r for r in document["results"] if belongs(r) and r["median"] is not None])
    ]
    if not panels:
        raise ValueError("nothing to draw: no result has a target")
    with mpl.rc_context({"svg.hashsalt": "idsync", "font.size": 9, "svg.fonttype": "none"}):
        bars = [len(rows) for _, rows in panels]
        figure = Figure(figsize=(9.0, _HEIGHT_OF_A_BAR * sum(bars) + 0.9 * len(bars)), layout="constrained")
        all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=[count + 1 for count in bars])
        for axes, (title, rows) in zip(all_axes[:, 0], panels, strict=True):
            _draw_panel(axes, title, rows)
        written = [stem.with_name(f"{stem.name}.{kind}") for kind in ("svg", "png")]
        figure.savefig(written[0], metadata={"Date": None, "Creator": None})
        figure.savefig(written[1], dpi=150, metadata={"Software": None})
    return written


def _draw_panel(axes: Axes, title: str, rows: Sequence[_Row]) -> None:
    places = range(len(rows))
    medians = [row["median"] for row in rows]
    # a spread without end is left open
    spread = [
        [row["median"] - (row["smallest"] or row["median"]) for row in rows],
        [(row["largest"] or row["median"]) - row["median"] for row in rows],
    ]
    colours = [_MET if row["is_met"] else _MISSED for row in rows]
    axes.barh(places, medians, xerr=spread, height=0.6, color=colours, error_kw={"lw": 1, "capsize": 2})
    for place, row in zip(places, rows, strict=True):
        axes.plot([row["target"]] * 2, [place - 0.4, place + 0.4], color=_MARK, lw=2)
    axes.set_yticks(places, [row["title"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_title(title, loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw the file that the command line names."""
    source = Path(sys.argv[1])
    stem = Path(sys.argv[2]) if len(sys.argv) > 2 else source.with_suffix("")
    for path in draw(json.loads(source.read_text()), stem):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
