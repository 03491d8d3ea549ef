"""Stage 6: whose each batch is, asked of the identity service and of nobody else (PL-007, PI-001 to PI-008).

The service named the profile of a batch when it was taken in. Until its turn comes the profile may have been
erased, so that it is asked again; what would have gone to the dead goes to whom its identities mean now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from idsync.client import AsyncClient, Credentials, error_of_result
from idsync.model.errors import (
    DeadlineExceededError,
    ForbiddenError,
    InvalidRequestError,
    LookupFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.model.events import BatchRefusedError
from idsync.model.identity import Mpid
from idsync.pipeline.profile.reading import Reading, identities_in, is_named
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["Attributed", "IdentityStage", "Outcome", "Postponed", "Refused"]

_MAX_CALLS: Final = 1_000
"""Calls in one message (section 4 of the design)."""


@dataclass(frozen=True, slots=True)
class Attributed:
    """The service says whose the batch is."""

    mpid: Mpid


@dataclass(frozen=True, slots=True)
class Refused:
    """The service will never say; `cause` is a word of ours."""

    cause: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """The service could not say it of this one now; `cause` is a word of ours."""

    cause: str


_AWAY: Final = Postponed("identity_unavailable")
"""Said of one batch, its profile is busy; said of all, the service is away."""

Outcome: TypeAlias = Attributed | Refused | Postponed


class IdentityStage:
    """Asks for many batches in one message for each input."""

    def __init__(self, client: AsyncClient, credentials_of: Callable[[str], Credentials]) -> None:
        """Build it.

        Args:
            client: The identity service.
            credentials_of: Gives the credentials to act for an input, by its key.
        """
        self._client = client
        self._credentials_of = credentials_of

    async def attribute(self, readings: Sequence[Reading]) -> list[Outcome]:
        """Ask whose each batch is.

        Returns:
            An outcome for each, in their order.

        Raises:
            UnavailableError: The service is away; nothing may go on without it (PI-008).
            DeadlineExceededError: It does not answer.
        """
        outcomes: dict[int, Outcome] = {}
        by_key: dict[str, list[Reading]] = {}
        for reading in readings:
            by_key.setdefault(reading.batch.input_key, []).append(reading)
        for key, mine in by_key.items():
            outcomes.update(await self._of_input(key, mine))
        if outcomes and all(outcome == _AWAY for outcome in outcomes.values()):
            raise UnavailableError("the identity service is not available")
        return [outcomes[reading.batch.batch_id] for reading in readings]

    async def _of_input(self, key: str, readings: Sequence[Reading]) -> dict[int, Outcome]:
        credentials = self._credentials_of(key)

        async def ask(calls: Sequence[pb.ResolveCall]) -> list[pb.ResolveResult]:
            results: list[pb.ResolveResult] = []
            for start in range(0, len(calls), _MAX_CALLS):
                request = pb.BatchResolveRequest(calls=calls[start : start + _MAX_CALLS])
                answer = await self._client.batch_resolve(request, credentials=credentials)
                results.extend(answer.results)
            return results

        try:
            return await _attribute(readings, ask)
        except (UnauthenticatedError, ForbiddenError):
            # the configuration has no such input any more
            return {reading.batch.batch_id: Refused("unknown_input") for reading in readings}


async def _attribute(
    readings: Sequence[Reading], ask: Callable[[Sequence[pb.ResolveCall]], Awaitable[list[pb.ResolveResult]]]
) -> dict[int, Outcome]:
    asked = {(each.batch.environment.value, each.batch.mpid): each for each in readings}
    answers = await ask([_verification(environment, mpid) for environment, mpid in asked])
    verified = {which: _outcome(which[1], result) for which, result in zip(asked, answers, strict=True)}
    outcomes: dict[int, Outcome] = {}
    orphans: list[Reading] = []
    for each in readings:
        outcome = verified[each.batch.environment.value, each.batch.mpid]
        if outcome is not None:
            outcomes[each.batch.batch_id] = outcome
        elif is_named(each):
            # an MPID that is erased makes nobody (PI-003, ID-200)
            outcomes[each.batch.batch_id] = Refused("unknown_mpid")
        else:
            orphans.append(each)
    calls: list[pb.ResolveCall] = []
    asking: list[Reading] = []
    for each in orphans:
        try:
            calls.append(_identification(each))
            asking.append(each)
        except BatchRefusedError as error:
            outcomes[each.batch.batch_id] = Refused(error.cause)
    if calls:
        for each, result in zip(asking, await ask(calls), strict=True):
            found = _outcome(result.identify.mpid, result)
            outcomes[each.batch.batch_id] = Refused("no_identity") if found is None else found
    return outcomes


def _verification(environment: int, mpid: Mpid) -> pb.ResolveCall:
    # A change from nothing to nothing is none (ID-154): refused only where there is no such profile (ID-150).
    return pb.ResolveCall(
        modify=pb.ModifyRequest(
            environment=nouns.Environment.ValueType(environment),
            mpid=mpid,
            identity_changes=[pb.IdentityChange(type=nouns.IDENTITY_TYPE_OTHER)],
        )
    )


def _identification(reading: Reading) -> pb.ResolveCall:
    return pb.ResolveCall(
        identify=pb.IdentifyRequest(
            environment=nouns.Environment.ValueType(reading.batch.environment.value),
            known_identities=[
                nouns.Identity(type=nouns.IdentityType.ValueType(kind), value=value)
                for kind, value in identities_in(reading).items()
            ],
        )
    )


def _outcome(mpid: Mpid, result: pb.ResolveResult) -> Outcome | None:
    """Read one result; `None`: there is no such profile."""
    if result.WhichOneof("result") != "error":
        return Attributed(mpid)
    error = error_of_result(result.error)
    if isinstance(error, LookupFailedError):
        return None
    if isinstance(error, InvalidRequestError):
        return Refused("invalid_identity")
    if isinstance(error, (UnavailableError, DeadlineExceededError)):
        return _AWAY
    return Postponed("identity_fault")
