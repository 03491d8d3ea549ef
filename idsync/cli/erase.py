"""`idsync erase`: forgetting somebody for good, and proving it later."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from idsync.cli import options
from idsync.cli.databases import DEFAULT, DatabaseUrl, is_server, path_of, receipt_faults, refusing
from idsync.cli.session import (
    REFUSED,
    connected,
    environment_of,
    identity_of,
    mpid_of,
    print_answer,
    refuse,
)

if TYPE_CHECKING:
    from idsync.v1 import privacy_service_pb2 as pb

__all__ = ["app"]

_WHOM: Final = "who"


class _WhomOrCommand(TyperGroup):
    """A group whose first word may be whom to erase, as well as a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the hidden command before words that are none."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = [_WHOM, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_WhomOrCommand,
    help="Forget somebody for good: `idsync erase MPID|TYPE=VALUE...`; options: `idsync erase who --help`.",
    no_args_is_help=True,
)

_Receipt = Annotated[
    Path | None,
    typer.Option("--receipt", metavar="FILE", dir_okay=False, help="Write the signed receipt there."),
]


@app.command(_WHOM, cls=options.MpidCommand)
def who(
    subjects: Annotated[
        list[str],
        typer.Argument(metavar="MPID|TYPE=VALUE...", help="Profiles, identities, or both."),
    ],
    scope: options.Scope = "",
    preview: Annotated[bool, typer.Option("--preview", help="Say what would be removed, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    all_holders: Annotated[
        bool,
        typer.Option("--all-holders", help="Erase every profile that holds one of the identities."),
    ] = False,
    request_id: Annotated[
        str,
        typer.Option("--request", metavar="ID", help="Your number of the case; it stays on the receipt."),
    ] = "",
    receipt: _Receipt = None,
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Erase profiles, with every value that no other living profile holds.

    With identities alone the one profile is meant that holds any of them; where there are several the preview
    names them: repeat the command with the MPIDs that are meant, or with --all-holders. For operators only.
    Without --yes the preview comes first, and a question. Exits 1 if nothing was erased.
    """
    from idsync.cli.erase_wording import erasure_lines, scope_lines
    from idsync.v1 import identity_pb2
    from idsync.v1 import privacy_service_pb2 as pb

    mpids = [mpid_of(word) for word in subjects if "=" not in word]
    named = [identity_of(word) for word in subjects if "=" in word]
    if named and not scope:
        raise typer.BadParameter("is needed with TYPE=VALUE", param_hint="--scope")
    if receipt is not None and receipt.exists():
        raise typer.BadParameter("the file exists already", param_hint="--receipt")
    graph = environment_of(environment)
    request = pb.EraseRequest(
        scope=scope,
        environment=graph if scope else identity_pb2.ENVIRONMENT_UNSPECIFIED,
        mpids=mpids,
        identities=named,
        all_holders=all_holders,
        request_id=request_id,
    )
    with connected(target, None, None, token) as client:
        if preview or not yes:
            request.preview = True
            shown = client.erase(request)
            if preview:
                print_answer(shown.scope, lambda: scope_lines(shown.scope), as_json=as_json)
                return
            for line in scope_lines(shown.scope):
                typer.echo(line, err=True)
            if not sys.stdin.isatty():
                refuse("nothing was erased; say --yes")
            if not typer.confirm("erase this for good?", err=True):
                refuse("nothing was erased")
            request.preview = False
        answer = client.erase(request)
    _keep(receipt, answer.erasure)
    print_answer(answer, lambda: erasure_lines(answer.erasure, receipt), as_json=as_json)


@app.command()
def show(
    erasure_id: Annotated[str, typer.Argument(metavar="ERASURE_ID", help="The erasure.")],
    receipt: _Receipt = None,
    target: options.Target = "127.0.0.1:50051",
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show an erasure that was carried out, and write its receipt again. For operators only."""
    from idsync.cli.erase_wording import erasure_lines
    from idsync.v1 import privacy_service_pb2 as pb

    if receipt is not None and receipt.exists():
        raise typer.BadParameter("the file exists already", param_hint="--receipt")
    with connected(target, None, None, token) as client:
        erasure = client.get_erasure(pb.GetErasureRequest(erasure_id=erasure_id)).erasure
    _keep(receipt, erasure)
    print_answer(erasure, lambda: erasure_lines(erasure, receipt), as_json=as_json)


@app.command()
def verify(
    receipt: Annotated[
        Path, typer.Argument(metavar="RECEIPT", exists=True, dir_okay=False, readable=True, help="The file.")
    ],
    database: DatabaseUrl = DEFAULT,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The key that signed it; by default the one beside the database.",
        ),
    ] = None,
) -> None:
    """Hold a receipt against the database: is it as it was signed, and does what it says still hold?

    Looks at the signature, at the chain of the journal up to the erasure, at the erased profiles, and whether
    an erased value is back in the old life; one that begins a new life is nobody's fault. A service may go on
    meanwhile. Exits 1 if anything is wrong.
    """
    from idsync.model.errors import InvalidRequestError, NoSigningKeyError
    from idsync.privacy.receipt import MAX_RECEIPT_BYTES, read_receipt
    from idsync.privacy.signing_key import key_at

    if key_file is None:
        if is_server(database):
            raise typer.BadParameter("is needed with PostgreSQL", param_hint="--key-file")
        from idsync.server.services.signing import KEY_FILE

        key_file = path_of(database).with_name(KEY_FILE)
    if receipt.stat().st_size > MAX_RECEIPT_BYTES:
        refuse("the file is no receipt")
    try:
        key = key_at(key_file)
        told = read_receipt(receipt.read_bytes(), key)
    except (InvalidRequestError, NoSigningKeyError) as error:
        refuse(error.message)
    with refusing():
        faults = receipt_faults(database, told, key)
    if faults:
        for fault in faults:
            typer.echo(fault, err=True)
        raise typer.Exit(REFUSED)
    typer.echo(f"erasure {told.erasure_id} holds: signed by {key.key_id}, the journal is whole up to entry")
    typer.echo(
        f"{told.position}, {len(told.mpids):,} profiles are erased, {len(told.removed):,} values are gone"
    )


def _keep(path: Path | None, erasure: pb.Erasure) -> None:
    if path is None:
        return
    try:
        path.write_text(erasure.receipt, encoding="utf-8")
    except OSError as error:
        refuse(
            f"erased, but the receipt cannot be written: {error.strerror}; "
            f"idsync erase show {erasure.erasure_id} --receipt FILE"
        )
