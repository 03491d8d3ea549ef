"""`idsync radar`: what one value holds together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from idsync.cli import options
from idsync.cli.session import connected, environment_of, identity_of, print_answer

if TYPE_CHECKING:
    from idsync.v1 import radar_service_pb2 as pb

__all__ = ["radar"]

_SHOWN: Final = 10
_DAY_H: Final = 24


def radar(
    identity: Annotated[str, typer.Argument(metavar="TYPE=VALUE", help="The identity.")],
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a value holds together: who has it, how fast that grows, and what falls apart without it.

    The 500 profiles nearest to it are looked at. For operators, and for inputs that may read.
    """
    from idsync.v1 import radar_service_pb2 as pb

    request = pb.GetCollapseRiskRequest(
        scope=scope, environment=environment_of(environment), identity=identity_of(identity)
    )
    with connected(target, key, secret, token) as client:
        answer = client.get_collapse_risk(request)
    print_answer(answer, lambda: _lines(answer), as_json=as_json)


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
