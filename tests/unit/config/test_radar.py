"""The section `[radar]`: limits by type, or every fault told."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import parse_configuration
from idsync.model.errors import ConfigurationError
from idsync.model.flag import Flag
from idsync.model.identity import IdentityType
from idsync.model.radar_limits import RadarLimits

V, E = IdentityType.IOS_IDFV, IdentityType.EMAIL


def read(text: str) -> RadarLimits:
    return parse_configuration(text, Path()).radar


def test_nothing_is_watched_unless_it_is_set() -> None:
    assert read("") == read("[radar]\n") == RadarLimits()
    assert not RadarLimits().types


def test_limits_are_read_by_type() -> None:
    found = read(
        "[radar]\nmax_known = { ios_idfv = 4 }\nmax_records = { email = 50, ios_idfv = 9 }\n"
        "max_growth_per_day = { email = 7 }\nquarantine = true\n"
    )

    assert found == RadarLimits({V: 4}, {E: 50, V: 9}, {E: 7}, quarantine=True)
    assert found.types == {V, E}
    assert list(found.of(V)) == [(Flag.MANY_KNOWN, 4), (Flag.MANY_RECORDS, 9)]
    assert list(found.of(E)) == [(Flag.MANY_RECORDS, 50), (Flag.FAST_GROWTH, 7)]


def test_the_same_limits_have_the_same_wording_in_any_order() -> None:
    """By it the watch knows whether it has looked at everything already."""
    one, other = RadarLimits(max_known={V: 4, E: 5}), RadarLimits(max_known={E: 5, V: 4})

    assert one.wording == other.wording
    for different in (RadarLimits(max_known={V: 4}), RadarLimits(max_records={V: 4, E: 5})):
        assert different.wording != one.wording


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("max_known = { ios_idfw = 4 }", "ios_idfw"),
        ("max_known = { ios_idfv = 0 }", "must be 1 or more, not 0"),
        ("max_growth_per_day = { email = -1 }", "must be 1 or more, not -1"),
        ("max_records = 5", "max_records"),
        ('quarantine = "yes"', "quarantine"),
        ("max_persons = { email = 5 }", "max_persons"),
    ],
)
def test_what_cannot_be_is_refused_by_line(line: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(f"[radar]\n{line}\n")

    [told] = refused.value.faults
    assert told.startswith("line 2:")
    assert fault in told
