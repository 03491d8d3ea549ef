"""`idsync config stage`, `versions`, `withdraw`, `repair`: other settings, at a moment of one's choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from idsync.cli import options
from idsync.cli.session import connected, print_answer, refuse, time_of

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from idsync.v1 import staging_pb2 as pb

__all__ = ["repair", "stage", "versions", "withdraw"]

_SHOWN: Final = 10
"""Holders of a shared value that are named; the JSON has more."""
_Scope = Annotated[str, typer.Option("--scope", help="The scope.")]
_Author = Annotated[str, typer.Option("--author", help="Who you are; without it, what the system calls you.")]
_Note = Annotated[str, typer.Option("--note", help="Why; at most 256 characters.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, and say what would happen.")]


def stage(
    candidate: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="CANDIDATE.toml",
            help="The settings: the sections scopes.NAME and guards of a configuration file.",
        ),
    ],
    scope: _Scope,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="When they take effect, with the zone: 2026-05-03T12:00Z; without it, as soon as can be.",
        ),
    ] = None,
    repair_values: Annotated[
        bool, typer.Option("--repair", help="Take values that become unique off all records but one.")
    ] = False,
    author: _Author = "",
    note: _Note = "",
    dry_run: _DryRun = False,
    target: options.Target = "127.0.0.1:50051",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Let other settings of a scope take effect at a moment, while the service runs.

    For operators. Exits 0 when done, 1 when refused.
    """
    from idsync.v1 import staging_pb2 as pb

    try:
        text = candidate.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{candidate} cannot be read: {error}")
    request = pb.StageVersionRequest(
        scope=scope,
        candidate=text,
        effective_time=time_of(at),
        author=author or _user(),
        note=note,
        repair=repair_values,
        validate_only=dry_run,
    )
    with connected(target, None, None, token) as client:
        answer = client.stage_version(request)
    print_answer(answer, lambda: _staged_lines(answer, dry_run, repair_values), as_json=as_json)


def versions(
    scope: _Scope,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 100,
    page: Annotated[
        str, typer.Option("--page", metavar="TOKEN", help="Go on where the last answer ended.")
    ] = "",
    target: options.Target = "127.0.0.1:50051",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """List the versions that the settings of a scope have had, and what is staged, the newest first.

    For operators.
    """
    from idsync.v1 import staging_pb2 as pb

    request = pb.ListVersionsRequest(scope=scope, page_size=limit, page_token=page)
    with connected(target, None, None, token) as client:
        answer = client.list_versions(request)

    def lines() -> Iterator[str]:
        for version in answer.versions:
            yield from _version_lines(version)
        if answer.next_page_token:
            yield f"more with   --page {answer.next_page_token}"

    print_answer(answer, lines, as_json=as_json)


def withdraw(
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, max=2**31 - 1, help="Its number.")],
    scope: _Scope,
    author: _Author = "",
    note: _Note = "",
    target: options.Target = "127.0.0.1:50051",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Withdraw a version that has not taken effect.

    For operators. Exits 0 when done, 1 when refused.
    """
    from idsync.v1 import staging_pb2 as pb

    request = pb.WithdrawVersionRequest(scope=scope, version=version, author=author or _user(), note=note)
    with connected(target, None, None, token) as client:
        answer = client.withdraw_version(request)
    print_answer(answer, lambda: _version_lines(answer.version), as_json=as_json)


def repair(
    scope: _Scope,
    author: _Author = "",
    dry_run: _DryRun = False,
    target: options.Target = "127.0.0.1:50051",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Leave each value of a unique type to one profile: the one that was returned or created last.

    For operators. Exits 0 when done, 1 when refused, 3 when some are left: then ask again.
    """
    from idsync.v1 import staging_pb2 as pb

    with connected(target, None, None, token) as client:
        if dry_run:
            plan = client.plan_repair(pb.PlanRepairRequest(scope=scope))
            print_answer(plan, lambda: _plan_lines(plan.shared_values, plan.total), as_json=as_json)
            return
        done = client.repair(pb.RepairRequest(scope=scope, author=author or _user()))
    print_answer(done, lambda: _repaired_lines(done), as_json=as_json)
    if done.remaining:
        raise typer.Exit(3)


def _user() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (OSError, KeyError):
        raise typer.BadParameter("the system has no name for you", param_hint="--author") from None


def _staged_lines(answer: pb.StageVersionResponse, dry_run: bool, repairs: bool) -> Iterator[str]:
    if dry_run:
        yield "nothing is staged; this is what would be"
    yield from _version_lines(answer.version)
    if answer.shared_values_total and not repairs:
        yield "it would be refused: values that would be unique are on several records, see --repair"
    yield from _plan_lines(answer.shared_values, answer.shared_values_total)


def _repaired_lines(answer: pb.RepairResponse) -> Iterator[str]:
    from idsync.cli.wording import row

    yield row("repaired", f"{answer.entries:,} journal entries")
    yield row("left", f"{answer.remaining:,} values on several records")


def _plan_lines(values: Iterable[pb.SharedValue], total: int) -> Iterator[str]:
    from idsync.cli.wording import identity_text, row
    from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION

    count = 0
    for value in values:
        count += 1
        where = "" if value.environment == ENVIRONMENT_PRODUCTION else "  (development)"
        yield row("shared", f"{identity_text(value.identity)}{where}")
        yield row("  stays on", str(value.kept_by))
        losers = ", ".join(map(str, value.taken_off[:_SHOWN]))
        more = value.holders - 1 - min(len(value.taken_off), _SHOWN)
        yield row("  leaves", f"{losers} and {more:,} more" if more > 0 else losers)
    if total > count:
        yield row("", f"and {total - count:,} more values")
    elif not total:
        yield row("shared", "no value of a unique type is on several records")


def _version_lines(version: pb.SettingsVersion) -> Iterator[str]:
    from idsync.cli.wording import row
    from idsync.v1.staging_pb2 import VersionState

    state = VersionState.Name(version.state).removeprefix("VERSION_STATE_").lower().replace("_", " ")
    yield row(f"version {version.version}", f"{state}, by {version.author}")
    yield row("  from", _time(version.effective_time))
    if version.note:
        yield row("  note", version.note)
    if version.HasField("withdraw_time"):
        why = f": {version.withdraw_note}" if version.withdraw_note else ""
        yield row("  withdrawn", f"{_time(version.withdraw_time)} by {version.withdrawn_by}{why}")
    if version.repair and not version.HasField("withdraw_time"):
        done = f"done {_time(version.repair_time)}" if version.HasField("repair_time") else "to be done"
        yield row("  repair", done)
    if version.shared_values:
        yield row("  shared", f"{version.shared_values:,} values of unique types are on several records")
    yield row("  settings", version.settings)


def _time(stamp: Timestamp) -> str:
    return stamp.ToJsonString()
