"""Messages about neighbourhoods and what values hold together."""

from __future__ import annotations

from idsync.model.policy import Policy
from idsync.resolve.neighborhood import Neighborhood
from idsync.resolve.radar import Assessment, Part
from idsync.server.wire.convert import identity_to_wire
from idsync.server.wire.convert_graph import profile_to_wire
from idsync.v1 import neighborhood_pb2, radar_service_pb2

__all__ = ["assessment_to_wire", "neighborhood_to_wire"]


def neighborhood_to_wire(around: Neighborhood, policy: Policy) -> neighborhood_pb2.GetNeighborhoodResponse:
    """Build the answer about a neighbourhood."""
    answer = neighborhood_pb2.GetNeighborhoodResponse(
        identities_left_out=around.identities_left_out, is_whole=around.is_whole
    )
    for mpid, profile in around.profiles.items():
        profile_to_wire(answer.profiles.add(hops=around.hops[mpid]).profile, profile, policy)
    for identity, popularity in around.identities.items():
        message = answer.identities.add(
            hops=around.hops[identity],
            known_holders=popularity.known,
            anonymous_holders=popularity.anonymous,
            holders_left_out=popularity.left_out,
        )
        identity_to_wire(message.identity, identity)
    return answer


def assessment_to_wire(assessment: Assessment) -> radar_service_pb2.GetCollapseRiskResponse:
    """Build the answer about a value."""
    answer = radar_service_pb2.GetCollapseRiskResponse(
        holders=_count(Part(assessment.known, assessment.anonymous)),
        connected=_count(assessment.connected),
        is_whole=assessment.is_whole,
        parts=map(_count, assessment.parts),
        part_count=assessment.part_count,
        pivot_count=assessment.pivot_count,
        tie_count=assessment.tie_count,
    )
    for growth in assessment.growth:
        message = answer.growth.add(added=growth.added, is_least=growth.is_least)
        message.within.FromMilliseconds(growth.within_ms)
    for pivot in assessment.pivots:
        identity_to_wire(answer.pivots.add(), pivot)
    for tie in assessment.ties:
        identity_to_wire(answer.ties.add(mpid=tie.mpid).identity, tie.identity)
    return answer


def _count(part: Part) -> radar_service_pb2.ProfileCount:
    return radar_service_pb2.ProfileCount(known=part.known, anonymous=part.anonymous)
