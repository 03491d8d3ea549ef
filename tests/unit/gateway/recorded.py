"""What published clients put on the wire, byte for byte or rebuilt from what is known of them.

The web client's were recorded, those of the devices are described by their source; keys are invented.
"""

from __future__ import annotations

from typing import Final

DAS: Final = "ff5e9fd1-5b1b-4774-da77-5bad8fd7536b"

WEB_FIRST_IDENTIFY: Final = (
    b'{"client_sdk":{"platform":"web","sdk_vendor":"mparticle","sdk_version":"2.68.0"},\n'
    b' "context":null,"environment":"development",\n'
    b' "request_id":"351d6acf-a340-49d6-49a0-13e1eaa0dac6","request_timestamp_ms":1795295999404,\n'
    b' "previous_mpid":null,\n'
    b' "known_identities":{"device_application_stamp":"ff5e9fd1-5b1b-4774-da77-5bad8fd7536b"}}'
)
"""Recorded: a new browser, client 2.68.0."""

WEB_LOGIN: Final = (
    b'{"client_sdk":{"platform":"web","sdk_vendor":"mparticle","sdk_version":"2.68.0"},\n'
    b' "context":null,"environment":"development",\n'
    b' "request_id":"e12e168e-66fe-48f1-879a-ebc8b8438d49","request_timestamp_ms":1795296000003,\n'
    b' "previous_mpid":"1857639672855741850",\n'
    b' "known_identities":{"customerid":"c-1","email":"u1@example.com",\n'
    b'   "device_application_stamp":"ff5e9fd1-5b1b-4774-da77-5bad8fd7536b"}}'
)
"""Recorded: the login that follows."""

WEB_OLD_IDENTIFY: Final = (
    b'{"client_sdk":{"platform":"web","sdk_vendor":"mparticle","sdk_version":"2.11.15"},"context":"",'
    b'"environment":"development","request_id":"8d3e4ab6-5a0c-4d0e-9f8d-2f2f62b1f7aa",'
    b'"request_timestamp_ms":1795295999404,"previous_mpid":null,"known_identities":{"email":"",'
    b'"device_application_stamp":"ff5e9fd1-5b1b-4774-da77-5bad8fd7536b"}}'
)
"""Client 2.11.15: an empty email, an empty context."""

WEB_SEARCH: Final = (
    b'{"client_sdk":{"platform":"web","sdk_vendor":"mparticle","sdk_version":"2.68.0"},'
    b'"environment":"development","request_id":"c6b1e7de-06ef-4a53-8d43-4d76a0b2d5f1",'
    b'"request_timestamp_ms":1795296000003,"known_identities":{"email":"u1@example.com"}}'
)
"""Search sends neither context, nor previous MPID, nor stamp."""

ANDROID_IDENTIFY: Final = (
    b'{"client_sdk":{"platform":"android","sdk_vendor":"mparticle","sdk_version":"5.62.0"},'
    b'"context":"null","environment":"production","request_timestamp_ms":1795296007766,'
    b'"request_id":"0a7a2f7e-0a64-4c4c-9d1a-6a1e0c4cbd3c","previous_mpid":-8712345678901234567,'
    b'"known_identities":{"android_uuid":"f924f1e5707b34b7","push_token":"dG9rZW4\\u003d",'
    b'"device_application_stamp":"ff5e9fd1-5b1b-4774-da77-5bad8fd7536b"}}'
)
"""Android: the MPID as a 64-bit integer, the text "null" as context, an escape that its JSON writer makes."""

ROKU_LOGIN: Final = (
    b'{"client_sdk":{"platform":"roku","sdk_vendor":"mparticle","sdk_version":"2.3.1"},"context":"",'
    b'"environment":"production","requestId":"4be3ab9a-1a75-4a52-a5f7-91a1c9b3a1de",'
    b'"request_timestamp_ms":1795296007766,"previous_mpid":"",'
    b'"known_identities":{"roku_aid":"7ea2a4d2-2cf2-5f24-a4a2-7f2a8a9d6c55","customerid":"c-1"}}'
)
"""Roku: requestId in camel case, an empty previous MPID."""

WEB_MODIFY: Final = (
    b'{"client_sdk":{"platform":"web","sdk_vendor":"mparticle","sdk_version":"2.68.0"},"context":null,'
    b'"environment":"development","request_id":"2f0d7a51-9c0b-4d60-8d31-2b0b7d9c3f11",'
    b'"request_timestamp_ms":1795296000003,'
    b'"identity_changes":[{"old_value":"u1@example.com","new_value":"u1b@example.com","identity_type":"email"}]}'
)
"""Recorded changes: the old value, the new one, the type."""

ROKU_MODIFY: Final = (
    b'{"client_sdk":{"platform":"roku","sdk_vendor":"mparticle","sdk_version":"2.3.1"},"context":"",'
    b'"environment":"production","requestId":"91c2d2d8-4c07-4f02-8d9b-b3a7c1e0a3f7",'
    b'"request_timestamp_ms":1795296007766,'
    b'"identity_changes":[{"identity_type":"email","new_value":"u1@example.com"},'
    b'{"identity_type":"customerid","old_value":"c-1"}]}'
)
"""Roku leaves out the value that is not there."""

WEB_ALIAS: Final = (
    b'{"request_id":"65a5808f-ae3d-4e5e-492a-e6cfd5953ad0","request_type":"alias",\n'
    b' "environment":"development","api_key":"us1-0123456789abcdef",\n'
    b' "data":{"destination_mpid":"1857639672855741850","source_mpid":"-3977432327909981328",\n'
    b'  "start_unixtime_ms":1795296007766,"end_unixtime_ms":1795296008013,"scope":"device",\n'
    b'  "device_application_stamp":"3d775fc4-a974-44bb-fc51-8231d7e8c072"}}'
)
"""Recorded: an alias of the web client, which old versions send as text/plain."""

NATIVE_ALIAS: Final = (
    b'{"request_id":"65a5808f-ae3d-4e5e-492a-e6cfd5953ad0","request_type":"alias",'
    b'"environment":"production","api_key":"us1-0123456789abcdef",'
    b'"data":{"destination_mpid":1857639672855741850,"source_mpid":-3977432327909981328,'
    b'"device_application_stamp":"3d775fc4-a974-44bb-fc51-8231d7e8c072"}}'
)
"""Devices: MPIDs as integers, no times, no scope."""
