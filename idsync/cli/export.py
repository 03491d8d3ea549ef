"""`idsync export`: all that is kept of one profile, for whoever asks to see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from idsync.cli import options
from idsync.cli.session import connected, refuse

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["export"]


def export(
    mpid: Annotated[
        int,
        typer.Argument(metavar="MPID", min=options.MIN_MPID, max=options.MAX_MPID, help="Whose data."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="Write it there.")
    ] = None,
    target: options.Target = "127.0.0.1:50051",
    token: options.Token = None,
) -> None:
    """Write all that is kept of a profile as one JSON document, and nothing of others. For operators only."""
    import json
    import os

    from google.protobuf.json_format import MessageToDict

    from idsync.v1 import privacy_service_pb2 as pb

    def told(message: Message) -> dict[str, Any]:
        return MessageToDict(message, preserving_proto_field_name=True)

    request = pb.ExportRequest(mpid=mpid, page_size=1_000)
    with connected(target, None, None, token) as client:
        page = client.export(request)
        document = told(page)
        while page.next_page_token:
            request.page_token = page.next_page_token
            page = client.export(request)
            document["entries"] += told(page)["entries"]
    document.pop("next_page_token", None)
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        refuse(f"{out} cannot be written: {error.strerror}")
