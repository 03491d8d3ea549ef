"""What a batch tells of its user, in each form in which it may come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idsync.model.events import Channel
from idsync.model.identity import Environment, IdentityType
from idsync.pipeline.profile import attributes as limits
from idsync.pipeline.profile.documents import read_document, write_document
from idsync.pipeline.profile.reading import identities_in, is_named, read_batch, told_by
from idsync.pipeline.profile.record import Period, WorkspaceProfile
from idsync.pipeline.store.work import QueuedBatch

NOW_MS = 10_000
ZEROS = "00000000-0000-0000-0000-000000000000"


def queued(body: object, channel: Channel = Channel.SERVER) -> QueuedBatch:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return QueuedBatch(5, "shop", "k", 7, Environment.PRODUCTION, channel, NOW_MS, text)


def told(body: object, channel: Channel = Channel.SERVER) -> WorkspaceProfile:
    profile, _ = told_by(read_batch(queued(body, channel)))
    assert read_document(write_document(profile)) == profile
    return profile


def warned(body: object) -> list[str]:
    return told_by(read_batch(queued(body)))[1]


def values(profile: WorkspaceProfile) -> dict[str, object]:
    return {
        name: (write.at_ms, "gone" if write.is_deleted else write.value)
        for name, write in profile.attributes.items()
    }


def change(name: str, at_ms: int | None = None, **data: object) -> dict[str, Any]:
    members = {"user_attribute_name": name, "timestamp_unixtime_ms": at_ms, **data}
    return {"event_type": "user_attribute_change", "data": members}


def screen(at_ms: object) -> dict[str, Any]:
    return {"event_type": "screen_view", "data": {"screen_name": "a", "timestamp_unixtime_ms": at_ms}}


class TestAttributes:
    def test_of_a_server_they_are_applied_as_they_are(self) -> None:
        """PR-016, PR-010, PR-012: at the time of the newest event; null is a tag."""
        profile = told(
            {
                "events": [screen(100), screen(300), screen(200)],
                "user_attributes": {
                    "$FirstName": "Teo",
                    "n": 1.5,
                    "vip": None,
                    "likes": ["a", "b"],
                    "b": True,
                },
                "deleted_user_attributes": ["trial", "n"],
            }
        )

        assert values(profile) == {
            "$firstname": (300, "Teo"),
            "n": (300, 1.5),
            "vip": (300, None),
            "likes": (300, ["a", "b"]),
            "b": (300, True),
            "trial": (300, "gone"),
        }

    def test_without_events_they_are_of_the_moment_of_receipt(self) -> None:
        """PR-013, EV-031."""
        assert values(told({"user_attributes": {"a": 1}})) == {"a": (NOW_MS, 1)}

    def test_a_change_event_says_when(self) -> None:
        """PR-013: whatever the map says of the same attribute."""
        profile = told(
            {
                "events": [
                    change("tier", 100, new="gold"),
                    change("$AGE", 50, new=7),
                    change("old", 60, deleted=True, new="x"),
                    screen(900),
                ],
                "user_attributes": {"tier": "map", "$age": "map", "old": "map", "other": 1},
            }
        )

        assert values(profile) == {
            "tier": (100, "gold"),
            "$age": (50, 7),
            "old": (60, "gone"),
            "other": (900, 1),
        }

    @pytest.mark.parametrize("channel", [Channel.WEB, Channel.NATIVE])
    def test_of_a_client_only_changes_count(self, channel: Channel) -> None:
        """PR-016: the map is context; what devices send in short keys is not read yet."""
        body = {
            "events": [change("tier", 100, new="gold")],
            "user_attributes": {"tier": "gold", "seen": 1},
            "deleted_user_attributes": ["x"],
        }

        expected = {"tier": (100, "gold")} if channel is Channel.WEB else {}
        assert values(told(body, channel)) == expected

    def test_no_time_is_later_than_the_receipt(self) -> None:
        """A clock that is ahead for years must not win for years."""
        profile = told({"events": [change("tier", NOW_MS + 10**12, new="gold"), screen(2.0)]})

        assert values(profile) == {"tier": (NOW_MS, "gold")}
        assert profile.seen == Period(2, NOW_MS)

    @pytest.mark.parametrize("when", [None, -1, "5", 2**63, 1.5, True])
    def test_what_is_no_time_is_that_of_the_receipt(self, when: object) -> None:
        """EV-024."""
        assert told({"events": [screen(when)]}).seen == Period(NOW_MS, NOW_MS)

    @pytest.mark.parametrize(
        ("name", "value", "cause"),
        [
            ("a" * (limits.MAX_NAME_CHARS + 1), 1, "attribute_name"),
            ("", 1, "attribute_name"),
            ("a", "x" * (limits.MAX_VALUE_CHARS + 1), "attribute_value"),
            ("a", {"b": 1}, "attribute_value"),
            ("a", 2**63, "attribute_value"),
            ("a", ["x"] * (limits.MAX_LIST_ENTRIES + 1), "attribute_list"),
            ("a", ["x" * (limits.MAX_LIST_ENTRY_CHARS + 1)], "attribute_list"),
            ("a", [["x"]], "attribute_list"),
            ("a", [None], "attribute_list"),
        ],
    )
    def test_what_is_too_large_is_refused_alone(self, name: str, value: object, cause: str) -> None:
        """EV-010."""
        body = {"user_attributes": {name: value, "sound": 1}}

        assert warned(body) == [cause]
        assert values(told(body)) == {"sound": (NOW_MS, 1)}

    def test_the_largest_are_kept(self) -> None:
        """EV-010."""
        body = {
            "user_attributes": {
                "n" * limits.MAX_NAME_CHARS: "x" * limits.MAX_VALUE_CHARS,
                "l": ["x" * limits.MAX_LIST_ENTRY_CHARS] * limits.MAX_LIST_ENTRIES,
                "i": 2**63 - 1,
            }
        }

        assert warned(body) == []
        assert len(told(body).attributes) == 3

    def test_of_too_many_the_first_are_kept(self) -> None:
        """EV-010."""
        body = {"user_attributes": {f"a{n}": n for n in range(limits.MAX_PER_BATCH + 2)}}

        assert warned(body) == ["too_many_attributes"] * 2
        assert list(told(body).attributes) == [f"a{n}" for n in range(limits.MAX_PER_BATCH)]

    def test_half_a_surrogate_pair_is_replaced(self) -> None:
        r"""A page cuts texts where it likes; \ud800 alone cannot be stored."""
        profile = told(rb'{"user_attributes":{"a\ud800":"b\ud800"},"mp_deviceid":"\ud800"}')

        assert values(profile) == {"a?": (NOW_MS, "b?")}
        assert list(profile.devices) == ["?"]


class TestDevices:
    def test_a_device_has_what_its_batch_says(self) -> None:
        """PR-020, EV-006: zeros in the place of an advertising id are none."""
        body = {
            "mp_deviceid": "stamp",
            "device_info": {
                "platform": "iOS",
                "ios_idfv": "V",
                "ios_advertising_id": ZEROS,
                "limit_ad_tracking": True,
                "odd": {"a": 1},
            },
            "events": [screen(100), screen(50)],
        }

        (device,) = told(body).devices.values()

        assert device.seen == Period(50, 100)
        assert device.info is not None
        assert device.info.value == {
            "platform": "iOS",
            "ios_idfv": "V",
            "ios_advertising_id": ZEROS,
            "limit_ad_tracking": True,
        }
        assert {kind: write.value for kind, write in device.identities.items()} == {"ios_idfv": "V"}

    def test_without_a_stamp_its_identity_is_its_name(self) -> None:
        assert list(told({"device_info": {"android_uuid": "U"}}).devices) == ["android_uuid=U"]

    def test_without_either_there_is_none(self) -> None:
        assert told({"device_info": {"platform": "web", "ios_advertising_id": ZEROS}}).devices == {}
        assert told({"device_info": None, "mp_deviceid": 5}).devices == {}

    def test_short_forms_have_stamp_and_times(self) -> None:
        """Of devices and of old pages (http-wire 6 and 8)."""
        native = told({"das": "d", "msgs": [{"ct": 10}, {"ct": 30}, 5]}, Channel.NATIVE)
        page = told({"dt": 3, "das": "d", "ct": 20}, Channel.WEB)

        assert (native.seen, list(native.devices)) == (Period(10, 30), ["d"])
        assert (page.seen, list(page.devices)) == (Period(20, 20), ["d"])


class TestIdentities:
    def test_of_a_long_batch(self) -> None:
        """PI-001: translated, blanks and zeros left out."""
        body = {
            "user_identities": {"customer_id": "c", "email": " ", "other_id_2": "o"},
            "device_info": {"ios_advertising_id": ZEROS, "android_uuid": ZEROS},
            "mp_deviceid": "d",
        }

        assert identities_in(read_batch(queued(body))) == {
            IdentityType.CUSTOMERID: "c",
            IdentityType.OTHER2: "o",
            IdentityType.ANDROID_UUID: ZEROS,
            IdentityType.DEVICE_APPLICATION_STAMP: "d",
        }

    def test_of_a_short_batch(self) -> None:
        body = {"ui": [{"n": 1, "i": "c"}], "das": "d"}

        assert identities_in(read_batch(queued(body, Channel.NATIVE))) == {
            IdentityType.CUSTOMERID: "c",
            IdentityType.DEVICE_APPLICATION_STAMP: "d",
        }

    @pytest.mark.parametrize(
        ("mpid", "named"),
        [(5, True), ("5", True), (-5, True), (0, False), ("0", False), ("", False), (None, False)],
    )
    def test_whether_it_names_its_profile(self, mpid: object, named: bool) -> None:
        """PI-003, ID-007."""
        assert is_named(read_batch(queued({"mpid": mpid}))) is named


def test_the_last_opt_out_holds() -> None:
    """EV-047: by time, not by place."""
    events = [
        {"event_type": "opt_out", "data": {"is_opted_out": True, "timestamp_unixtime_ms": 200}},
        {"event_type": "opt_out", "data": {"is_opted_out": False, "timestamp_unixtime_ms": 100}},
        {"event_type": "opt_out", "data": {"is_opted_out": "no", "timestamp_unixtime_ms": 300}},
    ]

    opted_out = told({"events": events}).opted_out

    assert opted_out is not None
    assert (opted_out.at_ms, opted_out.value) == (200, True)
    assert told({}).opted_out is None


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize(
    "member",
    [
        "events",
        "user_attributes",
        "deleted_user_attributes",
        "device_info",
        "mp_deviceid",
        "msgs",
        "das",
        "ui",
        "ct",
    ],
)
@pytest.mark.parametrize("value", [None, 5, "x", [], [None, 5, "x", [], {}], {}, {"data": 5}, [{"data": 5}]])
def test_odd_members_harm_nobody(channel: Channel, member: str, value: object) -> None:
    """They were accepted, and clients resend what is not."""
    told({member: value, "dt": 4}, channel)


def test_a_document_of_a_later_version_is_not_guessed_at() -> None:
    document = write_document(told({})).replace(b'"version":1', b'"version":2')

    with pytest.raises(ValueError, match="another version"):
        read_document(document)


def test_the_names_of_the_document_stay() -> None:
    """What is stored is read by later versions."""
    document = write_document(told({"user_attributes": {"a": 1}, "mp_deviceid": "d"}))

    assert json.loads(document) == {
        "version": 1,
        "seen": [NOW_MS, NOW_MS],
        "stored": NOW_MS,
        "inputs": {"k": [NOW_MS, NOW_MS]},
        "attributes": {"a": [NOW_MS, 5, 1, 1, False]},
        "devices": {"d": {"seen": [NOW_MS, NOW_MS], "info": None, "identities": {}}},
        "opted_out": None,
    }
