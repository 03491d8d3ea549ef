"""A preview's report as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from idsync.cli.preview_wording import GROUPS, Heading, caveats, differs, group_of, sample_text, summary

if TYPE_CHECKING:
    from idsync.v1 import preview_pb2 as pb

__all__ = ["page"]

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; }
.figure { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; }
.figure b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
.figure.none { opacity: .55; }
.note { border-left: 4px solid #d80; background: var(--soft); padding: .4rem .8rem; margin: .4rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: .85rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; }
"""


def page(report: pb.PreviewReport, scope: str, candidate: str) -> str:
    """Write the page.

    Args:
        report: What the replay found.
        scope: Whose calls.
        candidate: The settings that were tried, as TOML.
    """
    return "\n".join(_parts(report, scope, candidate)) + "\n"


def _parts(report: pb.PreviewReport, scope: str, candidate: str) -> Iterator[str]:
    title = f"What if: {escape(scope)}"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield from (f"<p>{escape(text)}</p>" for text in summary(report))
    yield from (f'<p class="note">{escape(text)}</p>' for text in caveats(report))
    if report.until_seq and not differs(report):
        yield "<p><b>No difference.</b></p>"
    yield '<div class="figures">'
    for heading in GROUPS:
        count = group_of(report, heading).count
        kind = "figure" if count else "figure none"
        yield f'<div class="{kind}"><b>{count:,}</b>{escape(heading.title)}</div>'
    yield "</div>"
    for heading in GROUPS:
        yield from _group(heading, group_of(report, heading))
    yield f"<h2>The settings that were tried</h2>\n<pre>{escape(candidate)}</pre>\n</body>\n</html>"


def _group(heading: Heading, group: pb.PreviewGroup) -> Iterator[str]:
    if not group.count:
        return
    calls = f" ({group.calls:,} calls)" if heading.field == "moved" else ""
    yield f"<h2>{group.count:,} {escape(heading.title)}{calls}</h2>\n<p>{escape(heading.explanation)}</p>"
    yield '<table><tr><th class="n">times</th><th>rule that decided</th><th>would decide</th></tr>'
    for rule in group.rules:
        yield (
            f'<tr><td class="n">{rule.count:,}</td><td><code>{escape(rule.rule or "-")}</code></td>'
            f"<td><code>{escape(rule.candidate_rule or '-')}</code></td></tr>"
        )
    yield "</table>\n<table><tr><th>examples</th></tr>"
    yield from (f"<tr><td><code>{escape(sample_text(s))}</code></td></tr>" for s in group.samples)
    yield "</table>"
