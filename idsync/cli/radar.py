"""`idsync radar`: what one value holds together, and which values are taken away from finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from idsync.cli import options
from idsync.cli.session import connected, environment_of, identity_of, print_answer

if TYPE_CHECKING:
    from idsync.v1 import radar_service_pb2 as pb

__all__ = ["app"]

_SHOWN: Final = 10
_DAY_H: Final = 24
_VALUE: Final = "value"


class _ValueOrCommand(TyperGroup):
    """A group whose first word may be the value to look at, as well as a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command that looks before words that are none."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = [_VALUE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ValueOrCommand,
    help="Find the values that weld strangers together: `idsync radar TYPE=VALUE` looks at one.",
    no_args_is_help=True,
)

_Identity = Annotated[str, typer.Argument(metavar="TYPE=VALUE", help="The identity.")]
_Reason = Annotated[str, typer.Option(help="Kept in the journal; at most 256 characters.")]
_RequestId = Annotated[str, typer.Option(help="To find the call in the journal again.")]


@app.command(_VALUE)
def value(
    identity: _Identity,
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a value holds together: who has it, how fast that grows, and what falls apart without it.

    The word `value` may be left out. The 500 profiles nearest to it are looked at. For operators, and for
    inputs that may read.
    """
    from idsync.v1 import radar_service_pb2 as pb

    request = pb.GetCollapseRiskRequest(
        scope=scope, environment=environment_of(environment), identity=identity_of(identity)
    )
    with connected(target, key, secret, token) as client:
        answer = client.get_collapse_risk(request)
    print_answer(answer, lambda: _lines(answer), as_json=as_json)


@app.command("quarantine")
def quarantine(
    identity: _Identity,
    reason: _Reason = "",
    request_id: _RequestId = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Take a value away from finding: it finds nobody but the previous profile of a call.

    Nothing is taken off anybody, and `idsync radar release` gives it back. For operators. Exits 0 when done,
    1 when refused.
    """
    from idsync.v1 import radar_service_pb2 as pb

    request = pb.QuarantineRequest(
        scope=scope,
        environment=environment_of(environment),
        identity=identity_of(identity),
        reason=reason,
        request_id=request_id,
    )
    with connected(target, key, secret, token) as client:
        answer = client.quarantine(request)
    print_answer(answer, lambda: _quarantined(identity, answer), as_json=as_json)


@app.command("release")
def release(
    identity: _Identity,
    reason: _Reason = "",
    request_id: _RequestId = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a quarantined value back to finding: everybody who has it is found by it again.

    For operators. Exits 0 when done, 1 when refused.
    """
    from idsync.v1 import radar_service_pb2 as pb

    request = pb.ReleaseRequest(
        scope=scope,
        environment=environment_of(environment),
        identity=identity_of(identity),
        reason=reason,
        request_id=request_id,
    )
    with connected(target, key, secret, token) as client:
        answer = client.release(request)
    print_answer(answer, lambda: _released(identity, answer), as_json=as_json)


_PageSize = Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How many to show at once.")]
_PageToken = Annotated[str, typer.Option(metavar="TOKEN", help="Go on where a page before this one ended.")]


@app.command("quarantined")
def quarantined(
    page_size: _PageSize = 100,
    page_token: _PageToken = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """List what is quarantined, by whom and why. For operators, and for inputs that may read."""
    from idsync.v1 import radar_service_pb2 as pb

    request = pb.ListQuarantinedRequest(
        scope=scope, environment=environment_of(environment), page_size=page_size, page_token=page_token
    )
    with connected(target, key, secret, token) as client:
        answer = client.list_quarantined(request)
    print_answer(answer, lambda: _quarantined_lines(answer), as_json=as_json)


@app.command("alarms")
def alarms(
    page_size: _PageSize = 100,
    page_token: _PageToken = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """List the values above a limit of `[radar]`. For operators, and for inputs that may read."""
    from idsync.v1 import radar_service_pb2 as pb

    request = pb.ListAlarmsRequest(
        scope=scope, environment=environment_of(environment), page_size=page_size, page_token=page_token
    )
    with connected(target, key, secret, token) as client:
        answer = client.list_alarms(request)
    print_answer(answer, lambda: _alarm_lines(answer), as_json=as_json)


def _quarantined(identity: str, answer: pb.QuarantineResponse) -> Iterator[str]:
    from idsync.cli.wording import row

    yield row("quarantined", identity)
    yield row("holders", f"{_count(answer.holders)}; they keep it")
    yield row("journal", f"entry {answer.journal_seq}")


def _released(identity: str, answer: pb.ReleaseResponse) -> Iterator[str]:
    from idsync.cli.wording import row

    yield row("released", identity)
    yield row("holders", f"{_count(answer.holders)}; found by it again")
    yield row("journal", f"entry {answer.journal_seq}; it was quarantined by entry {answer.quarantined_seq}")


def _quarantined_lines(answer: pb.ListQuarantinedResponse) -> Iterator[str]:
    from idsync.cli.wording import identity_text, row

    if not answer.quarantined:
        yield "nothing is quarantined"
    for each in answer.quarantined:
        yield identity_text(each.identity)
        by = f" by {each.input_id}" if each.input_id else ""
        why = f": {each.reason}" if each.reason else ""
        yield row("  since", f"{each.time.ToJsonString()}, entry {each.journal_seq}{by}{why}")
        yield row("  holders", _count(each.holders))
    yield from _more(answer.next_page_token)


def _alarm_lines(answer: pb.ListAlarmsResponse) -> Iterator[str]:
    from idsync.cli.wording import identity_text, row
    from idsync.v1 import alarm_pb2

    if not answer.alarms:
        yield "no alarm stands"
    for alarm in answer.alarms:
        kind = alarm_pb2.AlarmKind.Name(alarm.kind).removeprefix("ALARM_KIND_").lower().replace("_", " ")
        yield f"{identity_text(alarm.identity)}  ({kind})"
        yield row("  since", f"{alarm.time.ToJsonString()}, entry {alarm.journal_seq}: {alarm.figures}")
        yield row("  holders", _count(alarm.holders))
        yield row("  came", _growth(alarm.growth))
        if alarm.quarantined_seq:
            yield f"  quarantined by entry {alarm.quarantined_seq}"
    yield from _more(answer.next_page_token)


def _more(page_token: str) -> Iterator[str]:
    if page_token:
        yield f"there are more: --page-token {page_token}"


def _lines(answer: pb.GetCollapseRiskResponse) -> Iterator[str]:
    from idsync.cli.wording import identity_text, row

    yield row("holders", _count(answer.holders))
    yield row("came", ", ".join(map(_growth, answer.growth)))
    more = "" if answer.is_whole else ", and more that were not looked at"
    yield row("connected", f"{_count(answer.connected)}{more}")
    if answer.part_count > 1:
        yield row("without it", f"{answer.part_count} parts that nothing else connects")
        alike = Counter((part.known, part.anonymous) for part in answer.parts)
        for (known, anonymous), number in alike.items():
            yield row("", f"{number} of {known} known, {anonymous} anonymous")
        if answer.part_count > len(answer.parts):
            yield row("", f"{answer.part_count - len(answer.parts)} that are no larger")
    for pivot in answer.pivots[:_SHOWN]:
        yield row("pivot", f"{identity_text(pivot)} holds others together likewise")
    if answer.pivot_count > _SHOWN:
        yield row("pivot", f"and {answer.pivot_count - _SHOWN} more; --json names up to 100")
    if answer.tie_count:
        yield row("ties", f"{answer.tie_count} links alone connect both their sides; --json names up to 100")


def _growth(growth: pb.HolderGrowth) -> str:
    least = "at least " if growth.is_least else ""
    hours = growth.within.ToSeconds() // 3_600
    span = f"{hours} h" if hours <= _DAY_H else f"{hours // _DAY_H} d"
    return f"{least}{growth.added} within {span}"


def _count(count: pb.ProfileCount) -> str:
    return f"{count.known} known, {count.anonymous} anonymous"
