"""Identity calls from the wire, and answers to it (ID-233, sections 8 and 9 of the specification)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.errors import InvalidRequestError, LookupFailedError
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.notice import Notice, NoticeReason
from idsync.model.request import IdentityChange, Operation, ResolveRequest
from idsync.server.caller import Caller
from idsync.server.convert import (
    modification_to_wire,
    modify_from_wire,
    resolution_to_wire,
    resolve_from_wire,
)
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

CALLER = Caller(key="web", workspace="shop", scope="retail")
T = IdentityType
PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION


def wire(*pairs: tuple[int, str]) -> list[identity_pb2.Identity]:
    return [identity_pb2.Identity(type=kind, value=value) for kind, value in pairs]  # type: ignore[arg-type]


def read(*pairs: tuple[int, str], environment: int = PRODUCTION) -> ResolveRequest:
    message = pb.IdentifyRequest(environment=environment, known_identities=wire(*pairs))  # type: ignore[arg-type]
    return resolve_from_wire(Operation.IDENTIFY, message, CALLER)


def fields_of(*pairs: tuple[int, str]) -> Sequence[str]:
    with pytest.raises(InvalidRequestError) as caught:
        read(*pairs)
    assert caught.value.reason == "VALIDATION_ERROR"
    return caught.value.fields


def change(kind: int, **values: str) -> pb.IdentityChange:
    return pb.IdentityChange(type=kind, **values)  # type: ignore[arg-type]


def modify(*changes: pb.IdentityChange, environment: int = PRODUCTION) -> pb.ModifyRequest:
    return pb.ModifyRequest(environment=environment, mpid=7, identity_changes=changes)  # type: ignore[arg-type]


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

        request = resolve_from_wire(Operation.LOGOUT, message, CALLER)

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

        assert resolve_from_wire(Operation.IDENTIFY, message, CALLER).previous_mpid is None

    @pytest.mark.parametrize("field", ["request_id", "idempotency_key"])
    def test_own_identifiers_are_bounded(self, field: str) -> None:
        """They are kept in the journal."""
        message = pb.LogoutRequest(environment=PRODUCTION, known_identities=wire((T.IOS_IDFV, "x")))
        setattr(message, field, "x" * 256)
        assert resolve_from_wire(Operation.LOGOUT, message, CALLER)
        setattr(message, field, "x" * 257)

        with pytest.raises(InvalidRequestError) as caught:
            resolve_from_wire(Operation.LOGOUT, message, CALLER)

        assert caught.value.fields == (field,)


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

        request = modify_from_wire(message, CALLER)

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
            CALLER,
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
            modify_from_wire(message, CALLER)

        assert caught.value.reason == "VALIDATION_ERROR"
        assert list(caught.value.fields) == fields

    def test_a_hundred_changes_are_allowed(self) -> None:
        """ID-242."""
        assert len(modify_from_wire(modify(*[change(T.EMAIL, new_value="x")] * 100), CALLER).changes) == 100

    @pytest.mark.parametrize("field", ["request_id", "idempotency_key"])
    def test_own_identifiers_are_bounded(self, field: str) -> None:
        message = modify(change(T.EMAIL, new_value="x"))
        setattr(message, field, "x" * 257)

        with pytest.raises(InvalidRequestError) as caught:
            modify_from_wire(message, CALLER)

        assert caught.value.fields == (field,)


class TestAnswers:
    def test_resolution(self) -> None:
        """ID-170 to ID-173, ID-252."""
        resolution = Resolution(
            mpid=-9,
            matched=(Identity(T.EMAIL, "a"), Identity(T.IOS_IDFV, "v")),
            is_logged_in=True,
            is_ephemeral=True,
            outcome=Outcome.CONVERTED,
            rule="conversion/converted",
            decided_by=Identity(T.EMAIL, "a"),
            journal_seq=12,
            notices=(Notice(T.OTHER, NoticeReason.BLANK),),
        )

        answer = resolution_to_wire(pb.LoginResponse(), resolution)

        assert answer == pb.LoginResponse(
            mpid=-9,
            matched_identities=wire((T.EMAIL, "a"), (T.IOS_IDFV, "v")),
            is_logged_in=True,
            is_ephemeral=True,
            decision=identity_pb2.Decision(
                outcome=identity_pb2.OUTCOME_CONVERTED,
                rule="conversion/converted",
                decided_by=wire((T.EMAIL, "a"))[0],
                journal_seq=12,
                notices=[
                    identity_pb2.Notice(
                        type=identity_pb2.IDENTITY_TYPE_OTHER, reason=identity_pb2.NOTICE_REASON_BLANK
                    )
                ],
            ),
        )

    def test_nothing_decided(self) -> None:
        """Absent is absent, not an empty identity."""
        resolution = Resolution(3, (), False, False, Outcome.CREATED, "default/new", None, 0, ())

        answer = resolution_to_wire(pb.IdentifyResponse(), resolution)

        assert not answer.decision.HasField("decided_by")
        assert answer.decision.outcome == identity_pb2.OUTCOME_CREATED
        assert not answer.is_logged_in
        assert not answer.is_ephemeral

    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_every_outcome_has_its_number(self, outcome: Outcome) -> None:
        resolution = Resolution(3, (), False, False, outcome, "r", None, 0, ())

        answer = resolution_to_wire(pb.IdentifyResponse(), resolution)

        assert identity_pb2.Outcome.Name(answer.decision.outcome) == f"OUTCOME_{outcome.name}"

    def test_modification(self) -> None:
        """ID-159, ID-230."""
        answer = modification_to_wire(
            Modification(
                results=((T.EMAIL, 5), (T.EMAIL, 6)),
                is_logged_in=True,
                journal_seq=4,
                notices=(Notice(T.OTHER, NoticeReason.OUTSIDE_PRIORITY),),
            )
        )

        assert [(T(r.type), r.modified_mpid) for r in answer.change_results] == [(T.EMAIL, 5), (T.EMAIL, 6)]
        assert answer.is_logged_in
        assert answer.journal_seq == 4
        assert answer.notices == [
            identity_pb2.Notice(
                type=identity_pb2.IDENTITY_TYPE_OTHER, reason=identity_pb2.NOTICE_REASON_OUTSIDE_PRIORITY
            )
        ]

    @pytest.mark.parametrize("reason", list(NoticeReason))
    def test_notice_reasons_are_those_of_the_wire(self, reason: NoticeReason) -> None:
        assert identity_pb2.NoticeReason.Name(reason) == f"NOTICE_REASON_{reason.name}"  # type: ignore[arg-type]
