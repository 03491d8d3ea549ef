"""`idsync history`: who held an identity, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from idsync.cli import options
from idsync.cli.session import connected, environment_of, identity_of, print_answer, time_of

if TYPE_CHECKING:
    from idsync.v1 import graph_service_pb2 as pb

__all__ = ["history"]

_MOST_PROFILES: Final = 100
"""On one page of those who held it then."""


def history(
    identity: Annotated[str, typer.Argument(metavar="TYPE=VALUE", help="The identity.")],
    at: options.At = None,
    known_at: options.KnownAt = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 100,
    page: Annotated[
        str, typer.Option("--page", metavar="TOKEN", help="Go on where the last answer ended.")
    ] = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show every profile that ever had an identity on its record: from when to when, and by which rule.

    With --at those that had it at a moment, as they were; with --known-at as the journal knew it after an
    entry, with both as that journal has it for that moment. At most 100 of these are on one page.

    For operators, and for inputs that may read. Profiles that were erased are left out.
    """
    from idsync.v1 import graph_service_pb2 as pb

    wanted, time = identity_of(identity), time_of(at)
    graph = environment_of(environment)
    answer: pb.ListHoldersResponse | pb.FindProfilesAtResponse
    with connected(target, key, secret, token) as client:
        if time is None and known_at is None:
            answer = client.list_holders(
                pb.ListHoldersRequest(
                    scope=scope, environment=graph, identity=wanted, page_size=limit, page_token=page
                )
            )
        else:
            answer = client.find_profiles_at(
                pb.FindProfilesAtRequest(
                    scope=scope,
                    environment=graph,
                    identity=wanted,
                    time=time,
                    journal_seq=known_at,
                    page_size=min(limit, _MOST_PROFILES),
                    page_token=page,
                )
            )
    print_answer(answer, lambda: _lines(answer, identity), as_json=as_json)


def _lines(answer: pb.ListHoldersResponse | pb.FindProfilesAtResponse, identity: str) -> Iterator[str]:
    from idsync.cli.wording import holding_lines, profile_lines
    from idsync.v1 import graph_service_pb2 as pb

    found: list[Iterable[str]]
    if isinstance(answer, pb.ListHoldersResponse):
        found = [holding_lines(each) for each in answer.holdings]
        nobody = f"nobody ever had {identity}"
    else:
        found = [profile_lines(each) for each in answer.profiles]
        nobody = f"nobody had {identity} then"
    for number, lines in enumerate(found):
        if number:
            yield ""
        yield from lines
    if answer.next_page_token:
        yield f"there are more: --page {answer.next_page_token}"
    elif not found:
        yield nobody
