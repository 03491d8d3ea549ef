"""How faults are told: a few by name, never all of a hostile request."""

from __future__ import annotations

from itertools import count

from idsync.server.wire.faults import refuse


def test_looking_for_faults_ends() -> None:
    """A request of a million faults costs no more than one of ten."""
    error = refuse((f"calls[{number}]", "is wrong") for number in count())

    assert error.fields == tuple(f"calls[{number}]" for number in range(10))
    assert error.message.endswith("; and more")


def test_all_of_a_few() -> None:
    error = refuse([("a", "is empty"), ("b", "is negative")])

    assert (error.message, error.fields) == ("a: is empty; b: is negative", ("a", "b"))
