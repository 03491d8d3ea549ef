"""Answers to the wire (sections 8 and 9 of the specification)."""

from __future__ import annotations

import pytest

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.identity import Identity
from idsync.model.notice import Notice, NoticeReason
from idsync.server.wire.convert import (
    modification_to_wire,
    resolution_to_wire,
)
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.wire.wire_identities import T, wire


class TestAnswers:
    @pytest.mark.parametrize("others", [(), ((T.OTHER, "not on the profile"),)], ids=["all", "some"])
    def test_resolution(self, others: tuple[tuple[T, str], ...]) -> None:
        """ID-170 to ID-173, ID-252; where all that was sent matched, and where some of it did."""
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

        sent = wire((T.EMAIL, "a"), (T.IOS_IDFV, "v"), *others)

        answer = resolution_to_wire(pb.LoginResponse(), resolution, sent)

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

        answer = resolution_to_wire(pb.IdentifyResponse(), resolution, wire((T.EMAIL, "a")))

        assert not answer.decision.HasField("decided_by")
        assert answer.decision.outcome == identity_pb2.OUTCOME_CREATED
        assert not answer.is_logged_in
        assert not answer.is_ephemeral

    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_every_outcome_has_its_number(self, outcome: Outcome) -> None:
        resolution = Resolution(3, (), False, False, outcome, "r", None, 0, ())

        answer = resolution_to_wire(pb.IdentifyResponse(), resolution, wire((T.EMAIL, "a")))

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
