"""Identity calls from the wire, and what in them is refused (ID-233)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from idsync.model.errors import InvalidRequestError, LookupFailedError
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.notice import Notice, NoticeReason
from idsync.model.request import Operation, ResolveRequest
from idsync.server.wire.convert import (
    resolve_from_wire,
)
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import WEB
from tests.unit.server.wire.wire_identities import PRODUCTION, T, wire


def read(*pairs: tuple[int, str], environment: int = PRODUCTION) -> ResolveRequest:
    message = pb.IdentifyRequest(environment=environment, known_identities=wire(*pairs))  # type: ignore[arg-type]
    return resolve_from_wire(Operation.IDENTIFY, message, WEB)


def fields_of(*pairs: tuple[int, str]) -> Sequence[str]:
    with pytest.raises(InvalidRequestError) as caught:
        read(*pairs)
    assert caught.value.reason == "VALIDATION_ERROR"
    return caught.value.fields


class TestResolve:
    def test_everything_arrives(self) -> None:
        message = pb.LogoutRequest(
            environment=identity_pb2.ENVIRONMENT_DEVELOPMENT,
            known_identities=wire((T.EMAIL, "a@example.com"), (T.IOS_IDFV, "v")),
            previous_mpid=-5,
            request_id="r-1",
            read_only=True,
            idempotency_key="once",
        )

        request = resolve_from_wire(Operation.LOGOUT, message, WEB)

        assert request.operation is Operation.LOGOUT
        assert request.graph == GraphKey("retail", Environment.DEVELOPMENT)
        assert request.identities == {
            T.EMAIL: Identity(T.EMAIL, "a@example.com"),
            T.IOS_IDFV: Identity(T.IOS_IDFV, "v"),
        }
        assert request.previous_mpid == -5
        assert request.request_id == "r-1"
        assert request.input_id == "shop/web"
        assert request.read_only
        assert request.idempotency_key == "once"
        assert request.notices == ()

    def test_identities_are_of_the_model(self) -> None:
        """The hot path builds them by hand; they must still name their type and hide their value."""
        (identity,) = read((T.EMAIL, "a@example.com")).identities.values()

        assert isinstance(identity, Identity)
        assert repr(identity) == "Identity(email, ***)"

    @pytest.mark.parametrize("kind", list(IdentityType))
    def test_every_type_is_known(self, kind: IdentityType) -> None:
        """ID-020."""
        assert read((kind, "x")).identities == {kind: Identity(kind, "x")}

    def test_numbers_of_the_wire_are_those_of_the_model(self) -> None:
        """The tables of the hot path rest on it."""
        wire_names = {
            value.number: value.name.removeprefix("IDENTITY_TYPE_")
            for value in identity_pb2.IdentityType.DESCRIPTOR.values
            if value.number
        }

        assert wire_names == {kind.value: kind.name for kind in IdentityType}

    @pytest.mark.parametrize("environment", [0, 3, -1, 2**31 - 1])
    def test_environment_must_be_one_of_two(self, environment: int) -> None:
        """ID-004, ID-233."""
        with pytest.raises(InvalidRequestError) as caught:
            read((T.EMAIL, "x"), environment=environment)

        assert caught.value.reason == "VALIDATION_ERROR"
        assert caught.value.fields == ("environment",)

    def test_environment_is_reported_before_types(self) -> None:
        """ID-233: the first of the order is reported."""
        with pytest.raises(InvalidRequestError) as caught:
            read((99, "x"), environment=0)

        assert caught.value.fields == ("environment",)

    def test_shape_is_reported_before_emptiness(self) -> None:
        """ID-233."""
        assert fields_of((99, "")) == ("known_identities[0].type",)

    @pytest.mark.parametrize("number", [0, -1, 35, 99, 2**31 - 1])
    def test_unknown_type(self, number: int) -> None:
        assert fields_of((T.EMAIL, "x"), (number, "y")) == ("known_identities[1].type",)

    def test_type_twice(self) -> None:
        assert fields_of((T.EMAIL, "x"), (T.EMAIL, "y")) == ("known_identities[1].type",)

    def test_type_twice_although_once_absent(self) -> None:
        """Which of the two was meant would be a guess."""
        assert fields_of((T.EMAIL, ""), (T.EMAIL, "y")) == ("known_identities[1].type",)

    def test_all_faults_are_named(self) -> None:
        faults = fields_of((0, "x"), (T.EMAIL, "y" * 257), (T.GOOGLE, "ok"), (T.GOOGLE, "z"), (77, "w"))

        assert faults == (
            "known_identities[0].type",
            "known_identities[1].value",
            "known_identities[3].type",
            "known_identities[4].type",
        )

    @pytest.mark.parametrize(("kind", "most"), [(T.EMAIL, 256), (T.IOS_IDFV, 4096)])
    def test_longest_value(self, kind: IdentityType, most: int) -> None:
        """ID-241 counts code points, not bytes."""
        assert read((kind, "\U0001f600" * most)).identities
        assert fields_of((kind, "x" * (most + 1))) == ("known_identities[0].value",)

    def test_error_text_has_no_value(self) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            read((T.EMAIL, "secret@example.com" * 20), (77, "hidden"))

        assert "secret" not in str(caught.value)
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u2003"])
    def test_blank_is_not_sent(self, blank: str) -> None:
        """ID-024."""
        request = read((T.EMAIL, blank), (T.IOS_IDFV, "v"))

        assert list(request.identities) == [T.IOS_IDFV]
        assert request.notices == (Notice(T.EMAIL, NoticeReason.BLANK),)

    def test_opted_out_is_not_sent(self) -> None:
        """ID-025."""
        request = read((T.IOS_IDFA, "00000000-0000-0000-0000-000000000000"), (T.IOS_IDFV, "0"))

        assert list(request.identities) == [T.IOS_IDFV]
        assert request.notices == (Notice(T.IOS_IDFA, NoticeReason.OPTED_OUT),)

    @pytest.mark.parametrize("pairs", [(), ((T.EMAIL, ""),), ((T.IOS_IDFA, "0-0"), (T.EMAIL, " "))])
    def test_nothing_to_look_up(self, pairs: tuple[tuple[int, str], ...]) -> None:
        """ID-233, with the text that clients know."""
        with pytest.raises(LookupFailedError, match=r"^knownIdentities is empty\.$"):
            read(*pairs)

    def test_zero_means_no_user_yet(self) -> None:
        """ID-007."""
        message = pb.IdentifyRequest(
            environment=PRODUCTION, known_identities=wire((T.EMAIL, "x")), previous_mpid=0
        )

        assert resolve_from_wire(Operation.IDENTIFY, message, WEB).previous_mpid is None

    @pytest.mark.parametrize("field", ["request_id", "idempotency_key"])
    def test_own_identifiers_are_bounded(self, field: str) -> None:
        """They are kept in the journal."""
        message = pb.LogoutRequest(environment=PRODUCTION, known_identities=wire((T.IOS_IDFV, "x")))
        setattr(message, field, "x" * 256)
        assert resolve_from_wire(Operation.LOGOUT, message, WEB)
        setattr(message, field, "x" * 257)

        with pytest.raises(InvalidRequestError) as caught:
            resolve_from_wire(Operation.LOGOUT, message, WEB)

        assert caught.value.fields == (field,)
