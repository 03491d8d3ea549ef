"""What operators do with versions of settings, and with values that these do not allow (ID-039)."""

from __future__ import annotations

from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.config.candidate import parse_candidate
from idsync.model.errors import ConfigurationError, NotFoundError
from idsync.model.policy import Policy
from idsync.model.settings_version import SettingsVersion, VersionState, state_of
from idsync.server.call import Call
from idsync.server.switch.staging import Staging
from idsync.server.switch.switch import Switch
from idsync.server.versions import FILE, SERVICE
from idsync.server.wire.convert_versions import offenders_to_wire, version_to_wire
from idsync.server.wire.faults import refuse
from idsync.server.wire.pages import page_of
from idsync.v1 import staging_pb2 as pb

__all__ = ["MAX_AUTHOR_CHARS", "MAX_NOTE_CHARS", "MAX_REPAIRS", "Versions"]

MAX_AUTHOR_CHARS: Final = 100
"""Characters of an author's name: it is kept in the journal."""
MAX_NOTE_CHARS: Final = 256
"""Characters of a note."""
MAX_REPAIRS: Final = 1_000
"""Journal entries that one call of `Repair` writes."""
_MAX_MS: Final = 253_402_300_799_999
_ITEMS: Final = {"default": 100, "most": 1_000}


class Versions:
    """Part of `AdminService`."""

    _switch: Switch
    _staging: Staging

    async def stage_version(self, request: pb.StageVersionRequest, call: Call) -> pb.StageVersionResponse:
        """Let other settings take effect at a moment, or say what that would mean."""
        call.caller.require_operator()
        self._require_scope(request.scope)
        _check_words(request.author, request.note)
        at_once = not request.HasField("effective_time")
        draft = SettingsVersion(
            request.scope,
            0,
            request.author,
            0,
            0 if at_once else _moment(request.effective_time),
            "",
            request.note,
            repair=request.repair,
        )
        candidate = _candidate(request.candidate, request.scope)
        found = await self._staging.stage(draft, candidate, at_once=at_once, dry_run=request.validate_only)
        is_current = found.version.number == self._switch.current(request.scope).number
        state = VersionState.IN_FORCE if is_current else VersionState.STAGED
        return pb.StageVersionResponse(
            version=version_to_wire(found.version, state),
            shared_values=offenders_to_wire(found.offenders.shown),
            shared_values_total=found.offenders.total,
        )

    async def list_versions(self, request: pb.ListVersionsRequest, call: Call) -> pb.ListVersionsResponse:
        """Show the versions of a scope, the newest first."""
        call.caller.require_operator()
        self._require_scope(request.scope)
        question = ("versions", request.scope)
        page = page_of(request.page_size, request.page_token, **_ITEMS, question=question)
        versions = await self._staging.versions(request.scope)
        now_ms = self._staging.now_ms()
        older = [v for v in reversed(versions) if page.cursor is None or v.number < page.cursor]
        shown = older[: page.size]
        states = [state_of(version, versions, now_ms) for version in shown]
        shared = self._switch.shared_values(request.scope)
        return pb.ListVersionsResponse(
            versions=[
                version_to_wire(version, state, shared if state is VersionState.IN_FORCE else 0)
                for version, state in zip(shown, states, strict=True)
            ],
            next_page_token=page.token(shown[-1].number) if len(older) > len(shown) else "",
        )

    async def withdraw_version(
        self, request: pb.WithdrawVersionRequest, call: Call
    ) -> pb.WithdrawVersionResponse:
        """Withdraw a version that has not taken effect."""
        call.caller.require_operator()
        self._require_scope(request.scope)
        _check_words(request.author, request.note)
        version = await self._staging.withdraw(request.scope, request.version, request.author, request.note)
        return pb.WithdrawVersionResponse(version=version_to_wire(version, VersionState.WITHDRAWN))

    async def plan_repair(self, request: pb.PlanRepairRequest, call: Call) -> pb.PlanRepairResponse:
        """Show what a repair would do."""
        call.caller.require_operator()
        self._require_scope(request.scope)
        candidate = _candidate(request.candidate, request.scope) if request.candidate else None
        found = await self._staging.offenders(request.scope, candidate)
        return pb.PlanRepairResponse(shared_values=offenders_to_wire(found.shown), total=found.total)

    async def repair(self, request: pb.RepairRequest, call: Call) -> pb.RepairResponse:
        """Take values off all records but one, by the settings in force."""
        call.caller.require_operator()
        self._require_scope(request.scope)
        _check_words(request.author, "")
        entries, remaining = await self._staging.repair(request.scope, request.author, MAX_REPAIRS)
        return pb.RepairResponse(entries=entries, remaining=remaining)

    def _require_scope(self, name: str) -> None:
        if not name:
            raise refuse([("scope", "is empty")])
        if name not in self._switch.names():
            raise NotFoundError("no such scope")


def _candidate(text: str, scope: str) -> Policy:
    try:
        return parse_candidate(text, scope)
    except ConfigurationError as error:
        raise refuse([("candidate", fault) for fault in error.faults or [error.message]]) from error


def _moment(time: Timestamp) -> int:
    moment_ms = time.seconds * 1_000 + time.nanos // 1_000_000
    if not 0 <= moment_ms <= _MAX_MS:
        raise refuse([("effective_time", "must be in the years 1970 to 9999")])
    return moment_ms


def _check_words(author: str, note: str) -> None:
    faults = []
    if not author.strip():
        faults.append(("author", "is empty: say who you are"))
    elif author in {FILE, SERVICE}:
        faults.append(("author", f"{author!r} is no operator"))
    for field, text, most in (("author", author, MAX_AUTHOR_CHARS), ("note", note, MAX_NOTE_CHARS)):
        if len(text) > most:
            faults.append((field, f"has more than {most} characters"))
        if not text.isprintable():
            faults.append((field, "has characters that cannot be printed"))
    if faults:
        raise refuse(faults)
