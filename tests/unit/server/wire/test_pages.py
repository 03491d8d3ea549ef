"""Pages and their tokens."""

from __future__ import annotations

import pytest

from idsync.model.errors import InvalidRequestError
from idsync.server.wire.pages import Page, page_of


def page(size: int = 0, token: str = "", question: object = "q") -> Page:
    return page_of(size, token, default=50, most=100, question=question)


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
def test_size(asked: int, given: int) -> None:
    assert page(asked).size == given


def test_negative_size() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        page(-1)

    assert caught.value.fields == ("page_size",)


@pytest.mark.parametrize("cursor", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_token_continues(cursor: int) -> None:
    token = page().token(cursor)

    assert page(token=token).cursor == cursor
    assert page().cursor is None


def test_token_belongs_to_its_question() -> None:
    token = page(question=("journal", "retail")).token(7)

    with pytest.raises(InvalidRequestError) as caught:
        page(token=token, question=("journal", "other"))

    assert caught.value.fields == ("page_token",)


@pytest.mark.parametrize("token", ["x", "é", "====", "AAAA", "A" * 22, "A" * 5000, " ", "\x00"])
def test_broken_token(token: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        page(token=token)

    assert caught.value.reason == "VALIDATION_ERROR"


def test_altered_token() -> None:
    token = page().token(7)
    altered = ("B" if token[0] != "B" else "C") + token[1:]

    with pytest.raises(InvalidRequestError):
        page(token=altered)
    with pytest.raises(InvalidRequestError):
        page(token=token[:-1])
