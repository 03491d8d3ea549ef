"""`idsync scenario`: run files of small stories on a configuration, or on a live service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli.options import AsJson, Key, Secret, Token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from idsync.model.policy import Policy
    from idsync.testing.scenario.case import AnyCase
    from idsync.testing.scenario.live import LiveService
    from idsync.testing.scenario.result import CaseResult

__all__ = ["app"]

app = typer.Typer(
    name="scenario", help="Run scenario files on a configuration or a live service.", no_args_is_help=True
)

_REFUSED = 1
_OWN = "the configuration that each case brings, in this process"


@app.callback()
def scenario() -> None:
    """Run scenario files on a configuration or a live service."""


@app.command()
def run(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR...", help="Scenario files, or directories of them.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, readable=True, metavar="FILE", help="Use the settings of its scope."
        ),
    ] = None,
    scope: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which scope of --config; the only one by default.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Call a live service over gRPC.")
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Call a live service over HTTP; --target then inspects."),
    ] = None,
    key: Key = None,
    secret: Secret = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Run scenarios and say of each step that is not as expected what came, and which rule decided.

    Each case runs in this process on the configuration it brings; with --config on those of a scope. With
    --target or --http, which are never taken from the environment, it runs on a live service, which keeps the
    profiles that are made. Files are described in docs/scenarios.md.

    Exits 0 when all passed, 1 when some failed or nothing could be run, 2 for wrong usage (no such file), 3
    when nothing failed but cases were skipped or expectations not checked.
    """
    from idsync.model.errors import IdsyncError
    from idsync.testing.scenario.reading import find_files
    from idsync.testing.scenario.report import document, exit_code, summary_lines

    try:
        files = find_files(paths)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error), param_hint="FILE|DIR...") from error
    service = _live(target, http, key, secret, token)
    if service is not None and config is not None:
        raise typer.BadParameter("choose a configuration or a live service", param_hint="--config")
    if scope is not None and config is None:
        raise typer.BadParameter("needs --config", param_hint="--scope")
    try:
        policy, against = (None, _OWN) if config is None else _policy(config, scope)
        log = _Log(quiet=as_json)
        asyncio.run(_run_live(files, service, log) if service else _run_here(files, policy, against, log))
    except IdsyncError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_REFUSED) from error
    if as_json:
        typer.echo(json.dumps(document(log.against, log.results), ensure_ascii=False, indent=2))
    else:
        for line in summary_lines(log.results):
            typer.echo(line)
    raise typer.Exit(exit_code(log.results))


class _Log:
    """Keeps the results, and tells of failures as they come."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.against = ""
        self._policy: Policy | None = None
        self.results: list[CaseResult] = []

    def begin(self, against: str, policy: Policy | None = None) -> None:
        """Say what the cases run against, and by which policy if it is not their own."""
        self.against = against
        self._policy = policy
        if not self._quiet:
            typer.echo(f"running on {against}")

    async def follow(self, results: AsyncIterator[CaseResult]) -> None:
        """Take all results."""
        from idsync.testing.scenario.report import failure_lines

        async for result in results:
            self.results.append(result)
            if result.failure is not None and not self._quiet:
                typer.echo("\n".join([*failure_lines(result, self._written_for(result.case)), ""]))

    def _written_for(self, case: AnyCase) -> str:
        settings = getattr(case, "settings", None)
        if self._policy is None or settings is None:
            return ""
        names = settings.differs_from(self._policy)
        return f"other settings: {names}" if names else ""


def _live(
    target: str | None, http: str | None, key: str | None, secret: str | None, token: str | None
) -> LiveService | None:
    from idsync.testing.scenario.live import LiveService

    if target is None and http is None:
        return None
    if key is None:
        raise typer.BadParameter("a live service is called with the key of an input", param_hint="--key")
    return LiveService(target, http, key, secret, token)


def _policy(config: Path, scope: str | None) -> tuple[Policy, str]:
    """Find the settings of a scope in a configuration file, and describe them."""
    from idsync.config import load_configuration

    scopes = load_configuration(config).scopes
    names = ", ".join(scopes) or "none"
    if scope is None and len(scopes) != 1:
        raise typer.BadParameter(f"needed: the file has the scopes {names}", param_hint="--scope")
    name = next(iter(scopes)) if scope is None else scope
    if name not in scopes:
        raise typer.BadParameter(f"no such scope; the file has {names}", param_hint="--scope")
    described = f"scope {name} of {config} ({scopes[name].strategy}), in this process"
    return scopes[name], f"{described}; the configurations in the files are ignored"


async def _run_here(files: list[Path], policy: Policy | None, against: str, log: _Log) -> None:
    from idsync.testing.scenario.reading import load_cases
    from idsync.testing.scenario.resolver_surface import over_memory, refuse_unusable
    from idsync.testing.scenario.runner import run_cases

    cases = load_cases(files)
    if policy is None:
        refuse_unusable(cases)
    log.begin(against, policy)
    await log.follow(run_cases(cases, over_memory(policy)))


async def _run_live(files: list[Path], service: LiveService, log: _Log) -> None:
    from idsync.cli.log_output import log_to_stderr
    from idsync.testing.scenario.live import marked_cases, new_mark, open_live
    from idsync.testing.scenario.reading import load_cases
    from idsync.testing.scenario.runner import run_cases

    # Attempts that are repeated are no news: the error of the last one is told.
    log_to_stderr("error")
    mark = new_mark()
    cases = marked_cases(load_cases(files), mark)
    async with open_live(service) as live:
        described = (
            f"{live.description}; the configurations in the files are ignored, and every value carries a "
            f"mark that begins with {mark}"
        )
        log.begin(described, live.policy)
        await log.follow(run_cases(cases, live.open_surface, prefix=f"{mark}-"))
