"""Settings are looked up anew for each request; what is not known is not guessed (ID-039)."""

from __future__ import annotations

import pytest

from idsync.model.errors import UnavailableError
from idsync.model.identity import IdentityType
from idsync.model.policy import Policy
from idsync.resolve.registry import load_strategies
from idsync.resolve.scope import Scope
from idsync.server.switch.live_scopes import LiveScopes

POLICY = Policy("profile_conversion", (IdentityType.CUSTOMERID,))
SCOPE = Scope(POLICY, load_strategies([POLICY.strategy])[POLICY.strategy])


def test_a_suspended_scope_is_still_one() -> None:
    scopes = LiveScopes()
    scopes.bring("retail", SCOPE)
    brought = scopes["retail"]
    scopes.suspend(["retail"])

    assert brought is SCOPE
    assert "retail" in scopes
    with pytest.raises(UnavailableError):
        scopes["retail"]
    with pytest.raises(KeyError):
        scopes["unheard of"]
    scopes.bring("retail", SCOPE)
    assert scopes["retail"] is SCOPE
