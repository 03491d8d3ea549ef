"""What is counted of each call, alone or one of many: the identities it asks for, and how it ended."""

from __future__ import annotations

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.errors import IdsyncError, LookupFailedError, NotFoundError
from idsync.model.request import ModifyRequest, ResolveRequest
from idsync.server.admission.limits import Gate
from idsync.server.meters import Meters

__all__ = ["Counting"]


class Counting:
    """Counts against the limits of single identities, and into the meters.

    Args:
        gate: Rate limits; `None`: nothing is limited.

    Attributes:
        needs_identities: Whether each call must be read, be it only for the identities it asks for.
    """

    def __init__(self, gate: Gate | None, meters: Meters) -> None:
        self._gate = gate if gate is not None and gate.limits_identities else None
        self._meters = meters
        self.needs_identities = self._gate is not None

    def asked(self, wanted: ResolveRequest | ModifyRequest) -> None:
        """Count the identities that a call asks for (ID-240).

        Raises:
            RateLimitedError: One of them is asked for too often.
        """
        if self._gate is None:
            return
        if isinstance(wanted, ResolveRequest):
            self._gate.admit_identities(wanted.identities.values())
        else:
            named = (side for change in wanted.changes for side in (change.old, change.new))
            self._gate.admit_identities({side for side in named if side is not None})

    def answered(
        self, wanted: ResolveRequest | ModifyRequest, answer: Resolution | Modification | IdsyncError
    ) -> None:
        """Count what became of a call."""
        scope = wanted.graph.scope
        if isinstance(answer, Resolution):
            self._meters.outcome(scope, answer.outcome, answer.rule).count += 1
        elif isinstance(wanted, ResolveRequest) and (
            isinstance(answer, LookupFailedError)
            or (isinstance(answer, NotFoundError) and "rule" in answer.metadata)
        ):
            self._meters.outcome(scope, Outcome.REFUSED, answer.metadata.get("rule", "")).count += 1
        if not isinstance(answer, IdsyncError) and answer.notices:
            self._meters.notices(answer.notices)
