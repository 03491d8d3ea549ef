"""A configuration to begin with for each strategy: complete, commented, and free of warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from idsync.model.errors import ConfigurationError

__all__ = ["EXAMPLES", "example_configuration"]

_LISTS: Final = """\
identity_priority = [             # highest first, login IDs before all others
  "customerid", "email",
  "ios_idfv", "android_uuid", "device_application_stamp",
]
login_ids = ["customerid", "email"]    # the default of this strategy, as are the next
unique_ids = ["customerid", "email"]
immutable_ids = []                     # a value, once set, stays
"""

_SCOPES: Final[Mapping[str, str]] = {
    "default": """\
# default: one profile from the first visit to the account; every logout begins a new one.
# Only the customer ID makes a profile known. It needs no settings: what is not given is the published preset.

[scopes.retail]
strategy = "default"
#preset = "older"                 # the longer list of types that was published first; nothing is immutable
""",
    "profile_conversion": """\
# profile_conversion: one profile from the first visit to the account; every logout begins a new one.
# A new login ID makes the anonymous profile known, which keeps its MPID and its history.

[scopes.retail]
strategy = "profile_conversion"
identity_priority = [             # highest first; types that are not here are never looked up
  "customerid", "email",
  "ios_idfv", "android_uuid", "device_application_stamp",
]
login_ids = ["customerid", "email"]    # whoever has one is known, and found only by one of them
unique_ids = ["customerid", "email"]   # a value is on one profile only
immutable_ids = []                     # a value, once set, stays
""",
    "profile_link": """\
# profile_link: a new login ID gets a profile of its own that remembers the anonymous one it came from;
# every logout begins a new anonymous profile. Aliasing can then carry over what the anonymous profile did.

[scopes.retail]
strategy = "profile_link"
"""
    + _LISTS,
    "profile_isolation": """\
# profile_isolation: anonymous and known data stay apart; a logout returns to the device's anonymous profile.
# There is no aliasing with it.

[scopes.retail]
strategy = "profile_isolation"
"""
    + _LISTS,
    "best_match": """\
# best_match: the profile that fits best, whoever it is; nobody is known, nothing is protected.
# It has no login, unique or immutable IDs, and no aliasing.

[scopes.retail]
strategy = "best_match"
identity_priority = [             # highest first; types that are not here are never looked up
  "customerid", "email", "mobile_number",
  "ios_idfv", "android_uuid", "device_application_stamp",
]
""",
}

_REST: Final = """\
#max_per_type = { email = 5 }      # values of a type that one profile may have; the oldest gives way
#alias_max_window_days = 90        # how far back an alias may reach
#alias_delay_s = 86400             # seconds between taking an alias and carrying it out
#search_requires_immutable = true  # search needs an immutable ID where the scope has one

[workspaces.shop]
scope = "retail"                  # without it a workspace has a scope of its own
aliasing = true                   # false answers alias calls with 403

[[workspaces.shop.inputs]]
platform = "web"                  # ios android web tvos roku alexa smart_tv fire xbox other server feed
key = "shop-web"
secret = "change-me"              # or secret_file = "shop-web.secret"
key_only = true                   # may authenticate by key alone, as browsers do
may_read = false                  # may call GraphService

[[workspaces.shop.inputs]]
platform = "server"
key = "shop-backend"
secret = "change-me-too"

# All that follows is off unless set.

#[operator]
#token = "change-me-as-well"       # or token_file = "operator.token"

#[limits]
#date_tolerance_s = 900            # how far the date of a signed call may be off
#max_age_s = 86400                 # how long clients may reuse an answer
#requests_per_second_per_key = 500 # more answers 429

#[guards]
#conflict_guard = false            # true passes over who has another value of a higher unique type
#blocked_values = "shipped"        # null, undefined, zeros, test addresses and the like count as not sent

#[retention]
#inactive_days = 30                # profiles without activity are removed after that
#calls_days = 30                   # calls are kept so long for idsync preview; 0 records none
"""

EXAMPLES: Final = tuple(_SCOPES)
"""The strategies that there is an example for."""


def example_configuration(strategy: str) -> str:
    """Return a commented configuration file for a strategy.

    Settings that are commented out begin with `#` and no blank; they are sound as they stand.

    Raises:
        ConfigurationError: There is no example for this strategy.
    """
    if strategy not in _SCOPES:
        raise ConfigurationError(
            f"no example for strategy {strategy!r}; there is one for {', '.join(EXAMPLES)}"
        )
    return _SCOPES[strategy] + _REST
