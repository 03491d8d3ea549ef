"""The five strategies as a shop would set them up, and whom the same story then leads to under each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["INPUTS", "STRATEGIES", "Strategy"]

_PEOPLE_FIRST: Final = """
identity_priority = ["customerid", "email", "ios_idfv", "android_uuid", "device_application_stamp"]
"""
_ACCOUNTS: Final = (
    _PEOPLE_FIRST
    + """
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
"""
)

INPUTS: Final = """
[operator]
token = "op-token"

[workspaces.shop]
scope = "shop"
[[workspaces.shop.inputs]]
platform = "web"
key = "us1-shop-web"
secret = "web-secret"
key_only = true
[[workspaces.shop.inputs]]
platform = "server"
key = "us1-shop-server"
secret = "server-secret"
may_read = true
"""


@dataclass(frozen=True)
class Strategy:
    """A strategy and what it makes of the story.

    Attributes:
        settings: The rest of its scope.
        story: By step, a letter for the profile that the client must be on.
        has_accounts: Whether there are known profiles at all.
        has_aliasing: Whether an alias is taken (ID-180).
        names_its_source: Whether the account remembers the visitor it came from (ID-122).
        refuses_login_without_account: ID-082.
        sign_up_rule: What the journal must name for the sign-up.
    """

    name: str
    settings: str
    story: Mapping[str, str]
    sign_up_rule: str
    has_accounts: bool = True
    has_aliasing: bool = True
    names_its_source: bool = False
    refuses_login_without_account: bool = False

    @property
    def configuration(self) -> str:
        """A whole file."""
        return f'{INPUTS}\n[scopes.shop]\nstrategy = "{self.name}"\n{self.settings}'


def _story(letters: str) -> Mapping[str, str]:
    steps = (
        "visit",
        "sign_up",
        "logout",
        "second_user",
        "second_logout",
        "return",
        "second_device",
        "second_device_login",
    )
    return dict(zip(steps, letters, strict=True))


STRATEGIES: Final = (
    Strategy("default", "", _story("AABBCADA"), "default/converted"),
    Strategy("profile_conversion", _ACCOUNTS, _story("AABBCADA"), "conversion/converted"),
    Strategy(
        "profile_link",
        _ACCOUNTS,
        _story("ABCDEBFB"),
        "link/new-known",
        names_its_source=True,
        refuses_login_without_account=True,
    ),
    Strategy(
        "profile_isolation",
        _ACCOUNTS,
        _story("ABACABDB"),
        "isolation/new-known",
        has_aliasing=False,
        refuses_login_without_account=True,
    ),
    Strategy(
        "best_match",
        _PEOPLE_FIRST,
        _story("AAAAAABA"),
        "best-match/match",
        has_accounts=False,
        has_aliasing=False,
    ),
)
