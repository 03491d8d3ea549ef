"""Tracebacks for the log: where, and what kind, never what it was about."""

from __future__ import annotations

from idsync.model.identity import Identity, IdentityType
from idsync.server.traceback import traceback_without_values

SECRET = "ed@example.com"


def shown(error: BaseException) -> str:
    try:
        raise error
    except type(error) as caught:
        return traceback_without_values(caught)


def test_frames_and_kind() -> None:
    text = shown(RuntimeError("x"))

    assert "test_traceback.py" in text
    assert "in shown" in text
    assert text.endswith("RuntimeError")


def test_values_stay_out() -> None:
    """A message quotes what was being handled."""
    for error in (KeyError(SECRET), ValueError(f"bad value {SECRET!r}"), RuntimeError(SECRET)):
        assert SECRET not in shown(error)


def test_identities_hide_their_values() -> None:
    assert SECRET not in shown(AttributeError(str(Identity(IdentityType.EMAIL, SECRET))))


def test_messages_without_data_are_kept() -> None:
    assert "No space left" in shown(OSError(28, "No space left on device"))


def test_causes_are_shown() -> None:
    error = LookupError(SECRET)
    error.__cause__ = OSError(5, "Input/output error")

    text = shown(error)

    assert text.index("Input/output error") < text.index("which led to") < text.index("LookupError")
    assert SECRET not in text
