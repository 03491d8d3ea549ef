"""Modify calls from the wire, and what in them is refused (ID-230, ID-233)."""

from __future__ import annotations

import pytest

from idsync.model.errors import InvalidRequestError
from idsync.model.identity import Environment, GraphKey, Identity
from idsync.model.notice import Notice, NoticeReason
from idsync.model.request import IdentityChange
from idsync.server.wire.convert import (
    modify_from_wire,
)
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import WEB
from tests.unit.server.wire.wire_identities import PRODUCTION, T


def change(kind: int, **values: str) -> pb.IdentityChange:
    return pb.IdentityChange(type=kind, **values)  # type: ignore[arg-type]


def modify(*changes: pb.IdentityChange, environment: int = PRODUCTION) -> pb.ModifyRequest:
    return pb.ModifyRequest(environment=environment, mpid=7, identity_changes=changes)  # type: ignore[arg-type]


class TestModify:
    def test_everything_arrives(self) -> None:
        """ID-151 to ID-154, ID-162."""
        message = modify(
            change(T.EMAIL, old_value="a", new_value="b"),
            change(T.EMAIL, new_value="c"),
            change(T.IOS_IDFV, old_value="d"),
            change(T.OTHER),
        )
        message.request_id = "r-1"
        message.idempotency_key = "once"

        request = modify_from_wire(message, WEB)

        assert request.graph == GraphKey("retail", Environment.PRODUCTION)
        assert request.mpid == 7
        assert request.changes == (
            IdentityChange(T.EMAIL, Identity(T.EMAIL, "a"), Identity(T.EMAIL, "b")),
            IdentityChange(T.EMAIL, None, Identity(T.EMAIL, "c")),
            IdentityChange(T.IOS_IDFV, Identity(T.IOS_IDFV, "d"), None),
            IdentityChange(T.OTHER, None, None),
        )
        assert (request.request_id, request.input_id, request.idempotency_key) == ("r-1", "shop/web", "once")
        assert request.notices == ()

    def test_absent_values_are_null_and_said(self) -> None:
        """ID-024, ID-025."""
        request = modify_from_wire(
            modify(
                change(T.EMAIL, old_value=" ", new_value="b"),
                change(T.IOS_IDFA, new_value="000"),
                change(T.EMAIL, old_value="", new_value=""),
            ),
            WEB,
        )

        assert request.changes == (
            IdentityChange(T.EMAIL, None, Identity(T.EMAIL, "b")),
            IdentityChange(T.IOS_IDFA, None, None),
            IdentityChange(T.EMAIL, None, None),
        )
        assert request.notices == (
            Notice(T.EMAIL, NoticeReason.BLANK),
            Notice(T.IOS_IDFA, NoticeReason.OPTED_OUT),
        )

    @pytest.mark.parametrize(
        ("message", "fields"),
        [
            (modify(change(T.EMAIL, new_value="x"), environment=0), ["environment"]),
            (modify(change(99), environment=3), ["environment"]),
            (modify(), ["identity_changes"]),
            (modify(*[change(T.EMAIL, new_value="x")] * 101), ["identity_changes"]),
            (modify(change(0, new_value="x")), ["identity_changes[0].type"]),
            (modify(change(T.EMAIL), change(35)), ["identity_changes[1].type"]),
            (modify(change(T.EMAIL, new_value="x" * 257)), ["identity_changes[0].new_value"]),
            (modify(change(T.EMAIL, old_value="x" * 257)), ["identity_changes[0].old_value"]),
            (modify(change(T.IOS_IDFV, new_value="x" * 4097)), ["identity_changes[0].new_value"]),
        ],
    )
    def test_faults(self, message: pb.ModifyRequest, fields: list[str]) -> None:
        """ID-230, ID-233, ID-242."""
        with pytest.raises(InvalidRequestError) as caught:
            modify_from_wire(message, WEB)

        assert caught.value.reason == "VALIDATION_ERROR"
        assert list(caught.value.fields) == fields

    def test_a_hundred_changes_are_allowed(self) -> None:
        """ID-242."""
        assert len(modify_from_wire(modify(*[change(T.EMAIL, new_value="x")] * 100), WEB).changes) == 100

    @pytest.mark.parametrize("field", ["request_id", "idempotency_key"])
    def test_own_identifiers_are_bounded(self, field: str) -> None:
        message = modify(change(T.EMAIL, new_value="x"))
        setattr(message, field, "x" * 257)

        with pytest.raises(InvalidRequestError) as caught:
            modify_from_wire(message, WEB)

        assert caught.value.fields == (field,)
