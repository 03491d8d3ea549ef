"""`idsync preview`: what other settings would have made of the calls that came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli import options
from idsync.cli.session import connected, environment_of, print_answer, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idsync.client import Client
    from idsync.v1 import preview_pb2 as pb

__all__ = ["preview"]


def preview(
    candidate: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="CANDIDATE.toml",
            help="The settings to try: the sections scopes.NAME and guards of a configuration file.",
        ),
    ],
    scope: Annotated[str, typer.Option("--scope", help="The scope whose calls are replayed.")],
    until: Annotated[
        int, typer.Option("--until", metavar="SEQ", min=0, help="The last entry to replay; 0: all.")
    ] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report as a page, too.")
    ] = None,
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Replay the recorded calls of a scope with other settings, and show what would have been different.

    Nothing of the running service is touched. How far it is stands on standard error; Ctrl-C ends it. For
    operators.
    """
    from idsync.v1 import preview_pb2 as pb

    try:
        text = candidate.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{candidate} cannot be read: {error}")
    request = pb.PreviewStrategyRequest(
        scope=scope, environment=environment_of(environment), candidate=text, until_seq=until
    )
    with connected(target, None, None, token) as client:
        report = _report(client, request)
    if html is not None:
        from idsync.cli.preview_page import page

        try:
            html.write_text(page(report, scope, text), encoding="utf-8")
        except OSError as error:
            refuse(f"{html} cannot be written: {error.strerror}")
    print_answer(report, lambda: _lines(report, candidate, scope), as_json=as_json)


def _report(client: Client, request: pb.PreviewStrategyRequest) -> pb.PreviewReport:
    """Wait for the report, and show how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[calls]:,} calls"),
        TimeRemainingColumn(),
    )
    report: pb.PreviewReport | None = None
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None, calls=0)
        for answer in client.preview_strategy(request):
            if answer.WhichOneof("told") == "report":
                report = answer.report
            told = answer.progress
            bar.update(task, completed=told.journal_seq, total=told.until_seq or None, calls=told.calls)
    if report is None:
        refuse("the service ended the replay without a report")
    return report


def _lines(report: pb.PreviewReport, candidate: Path, scope: str) -> Iterator[str]:
    from shlex import join

    from idsync.cli.preview_wording import report_lines

    yield from report_lines(report)
    yield ""
    yield f"to stage it: {join(['idsync', 'config', 'stage', str(candidate), '--scope', scope])} --at TIME"
