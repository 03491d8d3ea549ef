"""Results: ratios within a round, medians and spread over the rounds, and which targets are met."""

from __future__ import annotations

from math import inf

import pytest

from tests.bench.claims import CLAIMS, Bound, Claim, Quantity
from tests.bench.measurement import Measurement, Options
from tests.bench.parts import PARTS
from tests.bench.report import document, measured_table, result_table
from tests.bench.results import results

RATE = Claim(
    "rate",
    Quantity("calls", "repeat", "service", "per_s"),
    Quantity("calls", "repeat", "echo", "per_s"),
    Bound.AT_LEAST,
    0.5,
)


def measured(number: int, subject: str, **figures: float) -> Measurement:
    return Measurement("calls", number, "repeat", subject, figures)


def test_a_ratio_is_taken_within_its_round() -> None:
    """The machine was twice as slow in the second round: that must not show."""
    found = results(
        [
            measured(0, "echo", per_s=1_000),
            measured(0, "service", per_s=200),
            measured(1, "echo", per_s=500),
            measured(1, "service", per_s=300),
            measured(2, "echo", per_s=1_000),
            measured(2, "service", per_s=700),
        ],
        [RATE],
    )

    assert [(r.median, r.smallest, r.largest, r.rounds, r.is_met) for r in found] == [
        (0.6, 0.2, 0.7, 3, True)
    ]


def test_what_was_not_measured_has_no_result() -> None:
    assert results([measured(0, "service", per_s=600)], [RATE]) == []
    assert results([measured(0, "service", per_s=600), measured(1, "echo", per_s=600)], [RATE]) == []


@pytest.mark.parametrize(
    ("bound", "value", "is_met"),
    [
        (Bound.AT_LEAST, 0.5, True),
        (Bound.AT_LEAST, 0.49, False),
        (Bound.AT_MOST, 0.5, True),
        (Bound.AT_MOST, 0.51, False),
        (Bound.AT_MOST, inf, False),
    ],
)
def test_a_target_is_met_on_its_side(bound: Bound, value: float, is_met: bool) -> None:
    claim = Claim("p99", Quantity("calls", "repeat", "service", "p99_ms"), None, bound, 0.5, "ms")

    [result] = results([measured(0, "service", p99_ms=value)], [claim])

    assert result.is_met is is_met


def test_the_table_says_by_how_much_a_target_is_missed() -> None:
    found = results([measured(0, "echo", per_s=1_000), measured(0, "service", per_s=250)], [RATE])

    assert "| rate | at least 0.5 | 0.25 | | missed: 0.50 of it |" in result_table(found)


def test_failed_calls_and_a_busy_generator_are_told() -> None:
    table = measured_table([measured(0, "echo", per_s=1.0, failed=3, load=0.95)])

    assert "failed on echo" in table
    assert "the load generator was the limit" in table


def test_a_document_has_no_number_that_json_lacks_and_nothing_of_the_machine() -> None:
    options = Options(postgres="postgresql://user:secret@host/db")
    whole = document(options, [measured(0, "echo", p99_ms=inf)], {"postgres": "none here"}, "2026-11-22")

    assert whole["measurements"][0]["figures"]["p99_ms"] is None
    assert "secret" not in str(whole)
    assert whole["left_out"] == {"postgres": "none here"}


def test_every_claim_is_about_a_part_that_there_is() -> None:
    assert {claim.over.part for claim in CLAIMS} == set(PARTS)
    assert len({claim.title for claim in CLAIMS}) == len(CLAIMS)
