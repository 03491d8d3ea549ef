"""docs/errors.md says of every reason what the contract says."""

from __future__ import annotations

import re

import grpc
import pytest

from idsync.model import errors
from idsync.server.wire.status import code_of
from idsync.v1 import error_reason_pb2
from tests.project.tree import ROOT

ROW = re.compile(
    r"^\| `(?P<reason>\w+)` \| (?P<http>\d{3}) \| `(?P<code>\w+)` \| (?P<when>.+) \|$", re.MULTILINE
)
ROWS = {row["reason"]: row for row in ROW.finditer((ROOT / "docs" / "errors.md").read_text())}
CODE_OF_STATUS = {
    "400": grpc.StatusCode.INVALID_ARGUMENT,
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.NOT_FOUND,
    "409": grpc.StatusCode.FAILED_PRECONDITION,
    "429": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "500": grpc.StatusCode.INTERNAL,
    "503": grpc.StatusCode.UNAVAILABLE,
}
"""Rule ID-236."""


def _reasons() -> dict[str, str]:
    """Give every reason of the contract with the comment above it."""
    source = (ROOT / "proto" / "idsync" / "v1" / "error_reason.proto").read_text()
    values = re.finditer(r"(?P<comment>(?: *//.*\n)+) *ERROR_REASON_(?P<name>\w+) = \d+;", source)
    return {value["name"]: value["comment"] for value in values}


def test_every_reason_is_documented_and_no_other() -> None:
    """A reason that nobody can look up is a riddle (ID-233)."""
    names = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    sent = {name.removeprefix("ERROR_REASON_") for name in names} - {"UNSPECIFIED"}

    assert set(ROWS) == sent


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_both_surfaces_mean_the_same(reason: str) -> None:
    assert CODE_OF_STATUS[ROWS[reason]["http"]].name == ROWS[reason]["code"]


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_contract_names_the_same_code(reason: str) -> None:
    """The comment in error_reason.proto begins with the canonical code."""
    code = re.match(r" *// ([A-Z_]+)\b", _reasons()[reason])

    assert code
    assert code.group(1) == ROWS[reason]["code"]


def test_service_sends_the_documented_code() -> None:
    """Each error of ours that has a reason of the contract, through the one table of the server."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    sent = {
        kind.reason: code_of(kind.__new__(kind)).name
        for kind in kinds
        if issubclass(kind, errors.IdsyncError) and kind.reason in ROWS
    }

    assert sent == {reason: ROWS[reason]["code"] for reason in ROWS if reason != "BAD_REQUEST"}
