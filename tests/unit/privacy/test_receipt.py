"""Receipts: nothing personal in them, the same to the byte each time, and no byte of them can be changed."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from idsync.model.errors import InvalidRequestError, NoSigningKeyError
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.journal import Change, ChangeKind, Evidence, JournalEntry
from idsync.privacy.receipt import INPUT_ID, read_receipt, tombstone, written_receipt
from idsync.privacy.signing_key import SigningKey, key_at, key_made_at

GRAPH = GraphKey("retail", Environment.PRODUCTION)
MAIL = Identity(IdentityType.EMAIL, "ada@example.com")
DEVICE = Identity(IdentityType.IOS_IDFV, "tablet")
KEY = SigningKey()
LINK = bytes(range(32))


def entry(key: SigningKey = KEY) -> JournalEntry:
    """An erasure by the address, of one who shares a device."""
    told = {i: tombstone(key, "id-1", GRAPH, i) for i in (MAIL, DEVICE)}
    changes = (
        Change(ChangeKind.PROFILE_ERASED, 7),
        # as it is read back: without the value
        Change(ChangeKind.VALUE_ERASED, 7, MAIL._replace(value=""), other=7, reason=told[MAIL]),
        Change(ChangeKind.VALUE_KEPT, 7, DEVICE, reason=told[DEVICE]),
    )
    return JournalEntry(
        GRAPH,
        4,
        1_767_225_600_000,
        "erase",
        "erase/only-holder",
        "case-1",
        INPUT_ID,
        7,
        changes,
        Evidence(),
        "id-1",
    )


RECEIPT = written_receipt(entry(), LINK, ["backups"], KEY)


def test_it_says_what_was_done() -> None:
    statement = orjson.loads(RECEIPT)["statement"]
    mail = {"type": "email", "digest": KEY.digest("id-1", GRAPH, MAIL)}

    assert statement["time"] == "2026-01-01T00:00:00.000Z"
    assert statement["asked"] == {"mpids": [], "identities": [mail]}
    assert statement["removed"] == [mail]
    assert statement["counts"] == {
        "profiles": 1,
        "removed": {"email": 1},
        "kept": {"ios_idfv": 1},
        "alias_requests_ignored": 0,
    }
    assert statement["journal"] == {"position": 4, "link": LINK.hex()}
    assert statement["not_reached"] == ["backups"]
    assert (statement["requested_by"], statement["request_id"]) == ("operator", "case-1")


def test_nothing_personal_is_in_it() -> None:
    assert MAIL.value not in RECEIPT
    assert "tablet" not in RECEIPT


def test_it_is_the_same_each_time() -> None:
    assert written_receipt(entry(), LINK, ["backups"], KEY) == RECEIPT


def test_it_can_be_read_with_its_key() -> None:
    receipt = read_receipt(RECEIPT.encode(), KEY)

    assert (receipt.erasure_id, receipt.graph, receipt.mpids) == ("id-1", GRAPH, (7,))
    assert receipt.removed == {KEY.digest("id-1", GRAPH, MAIL)}
    assert (receipt.position, receipt.link) == (4, LINK)


def test_no_byte_of_it_can_be_changed() -> None:
    """White space and the signature included."""
    content = RECEIPT.encode()

    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(InvalidRequestError):
            read_receipt(bytes(changed), KEY)


@pytest.mark.parametrize(
    "changed", [RECEIPT.replace("\n  ", "\n"), RECEIPT.replace(": 4", ":  4"), RECEIPT + "\n"]
)
def test_what_reads_the_same_is_not_the_same(changed: str) -> None:
    with pytest.raises(InvalidRequestError, match="not written as it was signed"):
        read_receipt(changed.encode(), KEY)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"statement":{},"signature":""}', b"null"])
def test_what_is_no_receipt(content: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="no receipt"):
        read_receipt(content, KEY)


def test_another_key() -> None:
    with pytest.raises(InvalidRequestError, match=KEY.key_id):
        read_receipt(RECEIPT.encode(), SigningKey())
    with pytest.raises(NoSigningKeyError, match=KEY.key_id):
        written_receipt(entry(), LINK, [], SigningKey())


def test_digests_of_one_value_have_nothing_in_common() -> None:
    """Who has two receipts cannot tell that they are about the same address, nor try addresses on them."""
    other = GRAPH._replace(environment=Environment.DEVELOPMENT)

    digests = {
        KEY.digest("id-1", GRAPH, MAIL),
        KEY.digest("id-2", GRAPH, MAIL),
        KEY.digest("id-1", other, MAIL),
        KEY.digest("id-1", GRAPH, Identity(IdentityType.OTHER, MAIL.value)),
        SigningKey().digest("id-1", GRAPH, MAIL),
    }

    assert len(digests) == 5


def test_a_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"

    made, again = key_made_at(path), key_made_at(path)

    assert made.key_id == again.key_id == key_at(path).key_id
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]


def test_keys_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no key")
    rsa = generate_private_key(65_537, 2_048)
    (tmp_path / "rsa").write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    for name in ("text", "rsa", "missing"):
        with pytest.raises(NoSigningKeyError):
            key_at(tmp_path / name)
    with pytest.raises(NoSigningKeyError, match="cannot be kept"):
        key_made_at(tmp_path / "no folder" / "key.pem")
