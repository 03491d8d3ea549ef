"""Inspection of a running service over gRPC: what calls leave behind, seen from outside."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.client import AsyncClient, Credentials
from idsync.model.aliasing import AliasState
from idsync.model.errors import NotFoundError
from idsync.model.identity import Environment, IdentityType, Mpid
from idsync.testing.scenario.surface import ShownAlias, ShownProfile
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2 as nouns

__all__ = ["Inspector"]


class Inspector:
    """Reads profiles and journal.

    Args:
        client: The service.
        credentials: An operator's, or those of an input that may read.
        scopes: The scopes that calls are made in.
    """

    def __init__(self, client: AsyncClient, credentials: Credentials, scopes: Iterable[str]) -> None:
        self._client = client
        self._credentials = credentials
        self._scopes = tuple(dict.fromkeys(scopes))

    async def profile(self, mpid: Mpid) -> ShownProfile | None:
        """Show a profile; `None`: there is none."""
        try:
            answer = await self._client.get_profile(
                pb.GetProfileRequest(mpid=mpid), credentials=self._credentials
            )
        except NotFoundError:
            return None
        return _shown(answer.profile)

    async def entries(self, request_id: str) -> list[pb.JournalEntry]:
        """Find the journal entries that a call left, in any scope and environment."""
        entries: list[pb.JournalEntry] = []
        for scope in self._scopes:
            for environment in Environment:
                request = pb.ExplainRequest(
                    scope=scope,
                    environment=nouns.Environment.ValueType(environment),
                    request_id=request_id,
                )
                explanation = await self._client.explain(request, credentials=self._credentials)
                if explanation.verdict == pb.EXPLANATION_VERDICT_RECORDED:
                    entries.extend(explanation.entries)
        return entries

    async def rule(self, request_id: str) -> str:
        """Name the rule that decided a call, if the call is in the journal."""
        for entry in await self.entries(request_id) if request_id else ():
            return entry.rule
        return ""


def _shown(profile: nouns.Profile) -> ShownProfile:
    record: dict[str, tuple[str, ...]] = {}
    for recorded in profile.identities:
        name = IdentityType(recorded.identity.type).wire_name
        record[name] = (*record.get(name, ()), recorded.identity.value)
    aliases = (
        ShownAlias(
            alias.journal_seq,
            alias.source_mpid,
            alias.destination_mpid,
            AliasState(alias.state),
            _milliseconds(alias.apply_time),
        )
        for alias in profile.aliases
    )
    source = profile.source_mpid if profile.HasField("source_mpid") else None
    return ShownProfile(record, source, tuple(aliases))


def _milliseconds(time: Timestamp) -> int:
    return time.ToMilliseconds()
