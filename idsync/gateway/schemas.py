"""The JSON bodies as the OpenAPI document shows them.

They describe and check nothing: what is read, and how patiently, is with whatever reads it. Members that are
not listed are ignored (ID-228).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from idsync.model.identity import TYPES_BY_NAME

__all__ = ["SCHEMAS"]

Mpid = Annotated[
    str,
    Field(pattern=r"^-?[0-9]{1,19}$", description="A signed 64-bit integer in decimal.", examples=["-42"]),
]
AnyMpid = Mpid | Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
EnvironmentName = Literal["production", "development"]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class ClientSdk(_Open):
    """What the caller's library says of itself."""

    platform: str = ""
    sdk_vendor: str = ""
    sdk_version: str = ""


class ResolveBody(_Open):
    """Identify, login, logout or search."""

    environment: EnvironmentName
    known_identities: dict[str, str | None] = Field(
        min_length=1,
        examples=[{"customerid": "c-1"}],
        json_schema_extra={"propertyNames": {"enum": list(TYPES_BY_NAME)}},
    )
    previous_mpid: AnyMpid | Literal[""] | None = None
    request_id: str = ""
    client_sdk: ClientSdk | None = None


class ResolveAnswer(BaseModel):
    """Whom the identities mean."""

    context: None
    mpid: Mpid
    matched_identities: dict[str, str] = {}
    is_ephemeral: bool
    is_logged_in: bool


class IdentityChange(_Open):
    """A value that comes, goes or takes the place of another."""

    identity_type: str = Field(json_schema_extra={"enum": list(TYPES_BY_NAME)})
    old_value: str | None = None
    new_value: str | None = None


class ModifyBody(_Open):
    """Changes of one profile."""

    environment: EnvironmentName
    identity_changes: list[IdentityChange] = Field(min_length=1, max_length=100)
    request_id: str = ""


class ChangeResult(BaseModel):
    """A profile that was changed."""

    identity_type: str
    modified_mpid: Mpid


class ModifyAnswer(BaseModel):
    """What was changed."""

    change_results: list[ChangeResult]
    is_logged_in: bool


class AliasData(_Open):
    """Whose data is to count for whom."""

    source_mpid: AnyMpid
    destination_mpid: AnyMpid
    start_unixtime_ms: int | None = None
    end_unixtime_ms: int | None = None
    scope: Literal["device", "mpid"] | None = None
    device_application_stamp: str | None = None


class AliasBody(_Open):
    """An alias request."""

    request_id: str = ""
    request_type: str = "alias"
    environment: EnvironmentName | None = None
    data: AliasData


class Fault(BaseModel):
    """One reason."""

    code: str
    message: str


class IdentityError(BaseModel):
    """Why an identity call failed, for every kind of client."""

    errors: list[Fault]
    Errors: list[Fault]
    ErrorCode: str
    StatusCode: int
    RequestId: str


class EventError(BaseModel):
    """Why an upload or a question failed."""

    errors: list[Fault]


class Event(_Open):
    """Something that happened."""

    event_type: str = Field(min_length=1, examples=["custom_event"])
    data: dict[str, Any] = {}


class Batch(_Open):
    """What happened to one user."""

    environment: EnvironmentName = "production"
    mpid: AnyMpid | None = None
    source_request_id: str | None = Field(None, description="The same when the batch is sent again.")
    user_identities: dict[str, str | None] | None = None
    device_info: dict[str, Any] | None = None
    mp_deviceid: str | None = None
    events: list[Event] | None = None


class NativeBatch(_Open):
    """What a device uploads."""

    dt: Literal["h"] = "h"
    id: str = ""
    mpid: AnyMpid | None = None
    das: str = ""
    dbg: bool = False
    msgs: list[dict[str, Any]] = []


class NativeAnswer(BaseModel):
    """What a device reads of the answer."""

    dt: Literal["rh"]
    id: str
    ct: int
    msgs: list[dict[str, Any]]


class PageEvent(_Open):
    """The single event of an old page."""

    dt: int
    n: str | int | None = None
    mpid: AnyMpid | None = None
    ct: int | None = None


class PageSettings(BaseModel):
    """What wins over a page's own configuration."""

    flags: dict[str, str]


class DeviceSettings(BaseModel):
    """The configuration of a device."""

    dt: Literal["ac"]
    id: str
    ct: int
    eks: list[dict[str, Any]]


class Audiences(BaseModel):
    """The audiences of a user."""

    dt: Literal["cam"]
    ct: int
    id: str
    audience_memberships: list[dict[str, Any]]


class ListedEvent(BaseModel):
    """An event of a profile."""

    name: str | None
    type: str
    timestamp_unixtime_ms: int
    mpid: Mpid


class EventPage(BaseModel):
    """Events, newest first."""

    events: list[ListedEvent]
    next_page_token: str = Field("", description="Asks for what follows; missing on the last page.")


class RefusedBatch(BaseModel):
    """A batch that was not kept among the events."""

    cause: str
    channel: str
    received_unixtime_ms: int
    workspace: str
    input: str
    body: str


class RefusedBatches(BaseModel):
    """Refused batches, newest first."""

    refused: list[RefusedBatch]


SCHEMAS: dict[str, Any] = {
    model.__name__: model
    for model in (
        AliasBody, Audiences, Batch, DeviceSettings, EventError, EventPage, Fault, IdentityError,
        ModifyAnswer, ModifyBody, NativeAnswer, NativeBatch, PageEvent, PageSettings, RefusedBatches,
        ResolveAnswer, ResolveBody,
    )
} | {"Batches": Annotated[list[Batch], Field(max_length=100)]}  # fmt: skip
"""By the names that the table uses."""
