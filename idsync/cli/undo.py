"""`idsync split`, `revert`, `forbid`: taking something back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli import options
from idsync.cli.session import connected, environment_of, identity_of, print_answer

if TYPE_CHECKING:
    from idsync.v1 import undo_pb2 as pb

__all__ = ["forbid", "revert", "split"]

_Preview = Annotated[bool, typer.Option("--preview", help="Write nothing, and say what would happen.")]
_NoForbid = Annotated[
    bool, typer.Option("--no-forbid", help="Leave no must-not-link between what goes and what stays.")
]
_Expected = Annotated[
    int | None,
    typer.Option(
        metavar="VERSION", min=0, max=options.MAX_MPID, help="Only if nothing changed since that preview."
    ),
]
_RequestId = Annotated[str, typer.Option(help="To find the call in the journal again.")]


def split(
    mpid: Annotated[
        int,
        typer.Argument(
            metavar="MPID", min=options.MIN_MPID, max=options.MAX_MPID, help="The profile to split."
        ),
    ],
    identities: Annotated[list[str], typer.Argument(metavar="TYPE=VALUE...", help="What to take off it.")],
    onto: Annotated[
        int | None,
        typer.Option(
            metavar="MPID", min=options.MIN_MPID, max=options.MAX_MPID, help="Who gets it; else a new one."
        ),
    ] = None,
    preview: _Preview = False,
    no_forbid: _NoForbid = False,
    expected_version: _Expected = None,
    request_id: _RequestId = "",
    target: options.Target = "127.0.0.1:50051",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Take identities off a profile, onto a new or a named one; they are kept apart from then on.

    For operators. Exits 0 when done, 1 when refused.
    """
    from idsync.cli.wording import undone_lines
    from idsync.v1 import undo_pb2 as pb

    request = pb.SplitProfileRequest(
        mpid=mpid,
        identities=[identity_of(text) for text in identities],
        onto_mpid=onto,
        no_forbid=no_forbid,
        preview=preview,
        expected_version=expected_version,
        request_id=request_id,
    )
    with connected(target, key, secret, token) as client:
        answer = client.split_profile(request)
    print_answer(answer, lambda: undone_lines(answer.undone), as_json=as_json)


def revert(
    seq: Annotated[
        int, typer.Argument(metavar="SEQ", min=1, max=options.MAX_MPID, help="The journal entry to undo.")
    ],
    with_following: Annotated[
        bool, typer.Option("--with-following", help="Undo with it the later entries that rest on it.")
    ] = False,
    preview: _Preview = False,
    no_forbid: _NoForbid = False,
    expected_version: _Expected = None,
    request_id: _RequestId = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Undo a journal entry: what it changed is as it was before.

    For operators. Exits 0 when done, 1 when refused.
    """
    from idsync.cli.wording import undone_lines
    from idsync.v1 import undo_pb2 as pb

    request = pb.RevertChangeRequest(
        scope=scope,
        environment=environment_of(environment),
        seq=seq,
        with_following=with_following,
        no_forbid=no_forbid,
        preview=preview,
        expected_version=expected_version,
        request_id=request_id,
    )
    with connected(target, key, secret, token) as client:
        answer = client.revert_change(request)
    print_answer(answer, lambda: undone_lines(answer.undone), as_json=as_json)


def forbid(
    first: Annotated[str, typer.Argument(metavar="A", help="TYPE=VALUE or an MPID.")],
    second: Annotated[str, typer.Argument(metavar="B", help="TYPE=VALUE or an MPID.")],
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Permit it again: withdraw what keeps the two apart.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Kept in the journal; at most 256 characters.")] = "",
    preview: _Preview = False,
    request_id: _RequestId = "",
    scope: options.Scope = "",
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Forbid that two identities, or an identity and a profile, ever come together on one profile.

    For operators. Exits 0 when done, 1 when refused.
    """
    from idsync.cli.wording import forbidding_lines
    from idsync.v1 import undo_pb2 as pb

    request = pb.ForbidRequest(
        scope=scope,
        environment=environment_of(environment),
        link=pb.MustNotLink(first=_side(first), second=_side(second)),
        withdraw=withdraw,
        reason=reason,
        validate_only=preview,
        request_id=request_id,
    )
    with connected(target, key, secret, token) as client:
        answer = client.forbid(request)
    print_answer(answer, lambda: forbidding_lines(answer), as_json=as_json)


def _side(text: str) -> pb.MustNotSide:
    from idsync.cli.session import mpid_of
    from idsync.v1 import undo_pb2 as pb

    if "=" in text:
        return pb.MustNotSide(identities=[identity_of(text)])
    return pb.MustNotSide(mpid=mpid_of(text))
