"""`idsync profile`, `explain`, `journal`: what the graph holds, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli import options
from idsync.cli.session import connected, environment_of, identity_of, print_answer, refuse, time_of

if TYPE_CHECKING:
    from idsync.v1 import reasoning_pb2

__all__ = ["explain", "journal", "profile"]


def profile(
    context: typer.Context,
    mpid: Annotated[
        int,
        typer.Argument(
            metavar="MPID", min=options.MIN_MPID, max=options.MAX_MPID, help="The profile to show."
        ),
    ],
    at: options.At = None,
    known_at: options.KnownAt = None,
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a profile: its identities, each with the entry that put it there, its state and its aliases.

    With --at as it was at a moment, with --known-at as the journal knew it after an entry, with both as that
    journal has it for that moment; what was erased since is gone from then, too.

    For operators, and for inputs that may read. Exits 1 where there is no such profile. An MPID says by
    itself which environment it is of (ID-004); with --environment, a profile of the other one does not exist.
    """
    from idsync.cli.wording import profile_lines
    from idsync.v1 import graph_service_pb2 as pb

    wanted, time = environment_of(environment), time_of(at)
    source = context.get_parameter_source("environment")
    answer: pb.GetProfileResponse | pb.GetProfileAtResponse
    with connected(target, key, secret, token) as client:
        if time is None and known_at is None:
            answer = client.get_profile(pb.GetProfileRequest(mpid=mpid))
        else:
            then = pb.GetProfileAtRequest(mpid=mpid, time=time, journal_seq=known_at)
            answer = client.get_profile_at(then)
    if source is not None and source.name != "DEFAULT" and answer.profile.environment != wanted:
        refuse(f"there is no such profile in {environment.lower()}")
    print_answer(answer.profile, lambda: profile_lines(answer.profile), as_json=as_json)


def explain(
    subject: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TYPE=VALUE TYPE=VALUE|MPID]",
            help="Two identities, or an identity and a profile; with --call all that the call brings.",
        ),
    ] = None,
    call: Annotated[
        str | None,
        typer.Option(
            "--call",
            metavar="OPERATION",
            help="Explain what identify, login, logout or search would do with them; writes nothing.",
        ),
    ] = None,
    previous: Annotated[
        int | None,
        typer.Option(
            "--previous",
            metavar="MPID",
            min=options.MIN_MPID,
            max=options.MAX_MPID,
            help="With --call: the MPID of the answer before.",
        ),
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="ID", help="Explain the call with this request id.")
    ] = None,
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Say why two identities, or an identity and a profile, belong together, or why a call has its answer.

    Of a call: which profiles the walk came to, who was protected by what, what is added or withheld, and the
    least that would have to be different for another profile.

    For operators, and for inputs that may read.
    """
    from idsync.v1 import graph_service_pb2 as pb

    asked = pb.ExplainRequest(scope=scope, environment=environment_of(environment))
    if call is not None and request is None and subject:
        asked.call.CopyFrom(_call(call, subject, previous))
    elif call is not None or previous is not None:
        raise typer.BadParameter(
            "--call needs identities, --previous needs --call, and neither goes with --request"
        )
    elif request is not None and not subject:
        asked.request_id = request
    elif request is None and subject is not None and len(subject) == 2:  # noqa: PLR2004 - one thing and another
        first, second = subject
        if "=" in second:
            pair = pb.IdentityPair(first=identity_of(first), second=identity_of(second))
            asked.identities.CopyFrom(pair)
        else:
            held = pb.IdentityOnProfile(identity=identity_of(first), mpid=_mpid(second))
            asked.identity_on_profile.CopyFrom(held)
    else:
        raise typer.BadParameter("give two identities, an identity and an MPID, or --request ID")
    with connected(target, key, secret, token) as client:
        answer = client.explain(asked)
    print_answer(answer, lambda: answer.sentences, as_json=as_json)


def _call(operation: str, brought: list[str], previous: int | None) -> reasoning_pb2.ExplainedCall:
    from idsync.v1 import reasoning_pb2

    names = ("identify", "login", "logout", "search")
    if operation not in names:
        raise typer.BadParameter(f"--call must be one of {', '.join(names)}")
    return reasoning_pb2.ExplainedCall(
        operation=f"EXPLAINED_OPERATION_{operation.upper()}",  # type: ignore[arg-type]
        known_identities=map(identity_of, brought),
        previous_mpid=previous,
    )


def _mpid(text: str) -> int:
    try:
        mpid = int(text)
    except ValueError:
        raise typer.BadParameter("must be TYPE=VALUE or an MPID") from None
    if not options.MIN_MPID <= mpid <= options.MAX_MPID:
        raise typer.BadParameter("an MPID has 64 bits")
    return mpid


def journal(
    mpid: Annotated[
        int | None,
        typer.Option(
            metavar="MPID",
            min=options.MIN_MPID,
            max=options.MAX_MPID,
            help="Only entries about this profile.",
        ),
    ] = None,
    after: Annotated[int, typer.Option(metavar="SEQ", help="Only entries with a greater position.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new entries, without end.")] = False,
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the journal of a graph: who asked, which rule decided, what changed; oldest first.

    For operators, and for inputs that may read. With --follow and --json each entry is a document of its own.
    """
    from idsync.cli.wording import entry_lines
    from idsync.v1 import graph_service_pb2 as pb

    graph = environment_of(environment)
    if follow and mpid is not None:
        raise typer.BadParameter("--follow shows all entries; leave --mpid out", param_hint="--mpid")
    with connected(target, key, secret, token) as client:
        if follow:
            watch = pb.WatchChangesRequest(scope=scope, environment=graph, after_seq=after)
            for change in client.watch_changes(watch):
                entry = change.entry
                print_answer(entry, lambda entry=entry: entry_lines(entry), as_json=as_json)  # type: ignore[misc]
            return
        asked = pb.ListJournalRequest(
            scope=scope, environment=graph, mpid=mpid, after_seq=after, page_size=limit
        )
        answer = client.list_journal(asked)
    print_answer(
        answer, lambda: (line for entry in answer.entries for line in entry_lines(entry)), as_json=as_json
    )
