"""`idsync replay`: send a file of traffic to a running service and say what became of it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from idsync.cli import options
from idsync.cli.session import REFUSED, environment_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from idsync.client import AsyncClient
    from idsync.client.replay import Pump, Tally
    from idsync.model.identity import Environment

__all__ = ["replay"]

_WRONG_USAGE, _IN_PART = 2, 3
_MALFORMED_SHOWN = 20


def replay(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, metavar="FILE", help="JSON calls, one a line."
        ),
    ],
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    in_flight: Annotated[int, typer.Option(envvar="IDSYNC_IN_FLIGHT", min=1, help="Calls at once.")] = 64,
    as_json: options.AsJson = False,
) -> None:
    """Send the calls in FILE to a running service.

    Many calls are on their way at once, but none overtakes an earlier one about the same person. The form of
    a line is described in docs/traffic.md; --environment is for lines that name none.

    Exits 0 when all were answered, 1 when nothing could be sent, 2 for a missing file or malformed lines (the
    others are sent), 3 when calls were refused or failed.
    """
    from idsync.cli.log_output import log_to_stderr
    from idsync.client import AsyncClient
    from idsync.client.retry_policy import BRIEFLY
    from idsync.model.errors import IdsyncError
    from idsync.model.identity import Environment
    from idsync.v1.identity_service_pb2 import GetCallerRequest

    graph = Environment(environment_of(environment))
    log_to_stderr("error")
    pumps: list[Pump] = []

    async def run() -> None:
        # Whether anybody is there is soon said; a service that goes away later is waited for.
        async with AsyncClient.connect(target, key=key, secret=secret, retry=BRIEFLY) as client:
            await client.get_caller(GetCallerRequest())
        async with AsyncClient.connect(target, key=key, secret=secret) as client:
            await _send(client, lines, in_flight, graph, pumps.append)

    interrupted = False
    try:
        with file.open("rb") as lines:
            asyncio.run(run())
    except IdsyncError as error:
        typer.echo(f"nothing was sent: {error.message}", err=True)
        raise typer.Exit(REFUSED) from error
    except KeyboardInterrupt:
        interrupted = True
        if not pumps:
            raise
    raise typer.Exit(_report(pumps[0].tally, as_json=as_json, interrupted=interrupted))


async def _send(
    client: AsyncClient,
    lines: BinaryIO,
    in_flight: int,
    environment: Environment,
    started: Callable[[Pump], None],
) -> None:
    """Send the file, and show how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from idsync.client.replay import Pump

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[calls]} calls"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=os.fstat(lines.fileno()).st_size or None, calls=0)

        def on_done(size: int) -> None:
            bar.update(task, advance=size, calls=pump.tally.answered)

        pump = Pump(
            client,
            in_flight=in_flight,
            environment=environment,
            on_done=on_done,
            on_malformed=_Complaints(console).add,
        )
        started(pump)
        await pump.send(lines)


class _Complaints:
    """Names malformed lines, but not a million of them: the summary counts them all."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._left = _MALFORMED_SHOWN

    def add(self, number: int, message: str) -> None:
        """Name one."""
        if self._left > 0:
            self._console.print(f"line {number}: {message}", markup=False, highlight=False)
        elif self._left == 0:
            self._console.print("further malformed lines are only counted")
        self._left -= 1


def _report(tally: Tally, *, as_json: bool, interrupted: bool) -> int:
    """Print the summary; returns the exit code."""
    if as_json:
        import orjson

        document = {**tally.document(), "interrupted": interrupted}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print_tables(tally)
    if interrupted:
        typer.echo("interrupted: the rest of the file was not sent", err=True)
    if tally.malformed:
        return _WRONG_USAGE
    return _IN_PART if tally.refused or interrupted else 0


def _print_tables(tally: Tally) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    console = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)
    if tally.answers:
        rule, lines = Column("rule", overflow="fold"), Column("lines", justify="right")
        table = Table("call", "outcome", rule, lines, box=SIMPLE)
        for (call, outcome, name), count in sorted(tally.answers.items()):
            table.add_row(call, outcome, name, f"{count:,}")
        console.print(table)
    for (call, reason), refusal in sorted(tally.refusals.items()):
        what = f"{refusal.lines:,} refused{call and ' '}{call}: {reason}"
        console.print(f"{what}; first line {refusal.first_line}: {refusal.message}")
    for reason, count in sorted(tally.notices.items()):
        console.print(f"{count:,} identities without full effect: {reason}")
    if tally.lost_references:
        console.print(f"{tally.lost_references:,} lines sent without previous_mpid: theirs had no answer")
    rate = f"{tally.elapsed_s:.1f} s, {tally.per_s:,.0f} a second"
    console.print(f"{tally.answered:,} answered, {tally.refused:,} refused, {rate}")
