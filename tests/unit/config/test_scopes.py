"""A scope's policy: what is given, what is preset, what ID-036 refuses and warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import parse_configuration
from idsync.model.identity import IdentityType
from idsync.model.policy import DEFAULT_PRIORITY, OLDER_DEFAULT_PRIORITY, Policy
from idsync.resolve.registry import available_strategies
from tests.unit.config.refusals import SCOPE, faults_of

T = IdentityType
CUSTOMER = frozenset({T.CUSTOMERID})
CUSTOMER_AND_EMAIL = frozenset({T.CUSTOMERID, T.EMAIL})


def scope(*lines: str, strategy: str = "profile_conversion") -> str:
    """Write one scope; `lines` are its lines 3 and following."""
    return "\n".join(["[scopes.s]", f'strategy = "{strategy}"', *lines])


def policy(*lines: str, strategy: str = "profile_conversion") -> Policy:
    return parse_configuration(scope(*lines, strategy=strategy), Path()).scopes["s"]


def test_every_setting_of_a_scope_is_read() -> None:
    read = policy(
        'identity_priority = ["customerid", "email", "facebook_custom_audience_id", "ios_idfv"]',
        'login_ids = ["customerid", "email"]',
        'unique_ids = ["customerid"]',
        'immutable_ids = ["customerid"]',
        "max_per_type = { email = 5, facebookcustomaudienceid = 2 }",
        "alias_max_window_days = 30",
        "alias_delay_s = 0",
        "search_requires_immutable = false",
    )

    assert read == Policy(
        strategy="profile_conversion",
        priority=(T.CUSTOMERID, T.EMAIL, T.FACEBOOKCUSTOMAUDIENCEID, T.IOS_IDFV),
        login=CUSTOMER_AND_EMAIL,
        unique=CUSTOMER,
        immutable=CUSTOMER,
        max_per_type={T.EMAIL: 5, T.FACEBOOKCUSTOMAUDIENCEID: 2},
        alias_max_window_days=30,
        alias_delay_s=0,
        search_requires_immutable=False,
    )


def test_settings_that_are_not_given_have_the_defaults_of_a_policy() -> None:
    """ID-183, ID-187, ID-086, ID-035; without lists there are no special types."""
    assert policy('identity_priority = ["email"]') == Policy("profile_conversion", (T.EMAIL,))


@pytest.mark.parametrize("lines", [(), ('preset = "newer"',)])
def test_default_needs_no_settings(lines: tuple[str, ...]) -> None:
    """ID-038: the newer preset."""
    assert policy(*lines, strategy="default") == Policy(
        "default", DEFAULT_PRIORITY, login=CUSTOMER, unique=CUSTOMER, immutable=CUSTOMER
    )


def test_the_older_preset_of_default_is_offered() -> None:
    """ID-038: the named alternative; nothing is immutable."""
    assert policy('preset = "older"', strategy="default") == Policy(
        "default", OLDER_DEFAULT_PRIORITY, login=CUSTOMER, unique=CUSTOMER
    )


def test_what_a_default_scope_gives_replaces_the_preset() -> None:
    read = policy('identity_priority = ["email", "customerid"]', "immutable_ids = []", strategy="default")

    assert read == Policy("default", (T.EMAIL, T.CUSTOMERID), login=CUSTOMER, unique=CUSTOMER)


def test_a_priority_without_the_preset_types_is_refused_and_says_where_they_come_from() -> None:
    faults = faults_of(scope('identity_priority = ["email"]', "immutable_ids = []", strategy="default"))

    assert faults == (
        "line 1: scopes.s.login_ids: customerid is not in identity_priority "
        "(not given, so the preset holds: customerid)",
        "line 1: scopes.s.unique_ids: customerid is not in identity_priority "
        "(not given, so the preset holds: customerid)",
    )


@pytest.mark.parametrize("strategy", ["profile_link", "profile_isolation"])
def test_link_and_isolation_have_published_login_and_unique_ids(strategy: str) -> None:
    """ID-037."""
    read = policy('identity_priority = ["customerid", "email", "ios_idfv"]', strategy=strategy)

    assert (read.login, read.unique, read.immutable) == (CUSTOMER_AND_EMAIL, CUSTOMER_AND_EMAIL, frozenset())


@pytest.mark.parametrize("strategy", ["profile_link", "profile_isolation"])
def test_an_empty_list_is_given_too(strategy: str) -> None:
    """The preset fills in what is absent, not what is empty."""
    read = policy('identity_priority = ["email"]', "login_ids = []", "unique_ids = []", strategy=strategy)

    assert (read.login, read.unique) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    "strategy", ["profile_conversion", "profile_link", "profile_isolation", "best_match"]
)
def test_every_strategy_but_default_needs_a_priority(strategy: str) -> None:
    """ID-031; the absence is told once, not again for each list."""
    assert faults_of(scope(strategy=strategy)) == ("line 1: scopes.s: identity_priority is missing",)


CONVERSION = "profile_conversion"
LINK = "profile_link"
PRIORITY = 'identity_priority = ["customerid", "email", "ios_idfv"]'


@pytest.mark.parametrize(
    ("strategy", "lines", "fault"),
    [
        (CONVERSION, ['login_ids = ["email"]'], "line 1: scopes.s: identity_priority is missing"),
        (
            CONVERSION,
            ["identity_priority = []"],
            "line 3: scopes.s.identity_priority: must name at least one type",
        ),
        (
            CONVERSION,
            [PRIORITY, 'login_ids = ["other"]'],
            "line 4: scopes.s.login_ids: other is not in identity_priority",
        ),
        (
            CONVERSION,
            [PRIORITY, 'unique_ids = ["ios_idfv"]'],
            "line 4: scopes.s.unique_ids: ios_idfv is a device type",
        ),
        (
            CONVERSION,
            [PRIORITY, 'immutable_ids = ["customerid"]'],
            "line 4: scopes.s.immutable_ids: customerid must be a login and a unique ID to be immutable",
        ),
        (
            CONVERSION,
            [PRIORITY, 'login_ids = ["email"]', 'unique_ids = ["email"]', 'immutable_ids = ["email"]'],
            "line 6: scopes.s.immutable_ids: email ranks below a type that is not immutable",
        ),
        (
            "best_match",
            [PRIORITY, 'unique_ids = ["email"]'],
            "line 4: scopes.s.unique_ids: email: the strategy best_match has no such types",
        ),
        (
            "default",
            ['login_ids = ["customerid", "email"]'],
            "line 3: scopes.s.login_ids: email: the strategy default knows customerid only",
        ),
        (
            LINK,
            [
                'identity_priority = ["customerid", "ios_idfv", "email"]',
                'login_ids = ["customerid", "email"]',
            ],
            "line 4: scopes.s.login_ids: email ranks below a type that is not a login ID",
        ),
        (
            "profile_isolation",
            ['identity_priority = ["customerid", "ios_idfv", "email"]'],
            "line 1: scopes.s.login_ids: email ranks below a type that is not a login ID "
            "(not given, so the preset holds: customerid, email)",
        ),
        (
            CONVERSION,
            [PRIORITY, "max_per_type = { email = 0 }"],
            "line 4: scopes.s.max_per_type: email must be at least 1",
        ),
        (
            "default",
            ["max_per_type = { customerid = 2 }"],
            "line 3: scopes.s.max_per_type: customerid is immutable: its maximum is 1",
        ),
    ],
)
def test_what_id_036_refuses_is_refused_by_line(strategy: str, lines: list[str], fault: str) -> None:
    assert faults_of(scope(*lines, strategy=strategy)) == (fault,)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('login_ids = "email"', "login_ids: must be a list of identity types, not a string"),
        ("login_ids = [1]", "login_ids[0]: must be the name of an identity type, not a whole number"),
        ('login_ids = ["email", "email"]', "login_ids[1]: email is named twice"),
        ('login_ids = ["Email"]', "login_ids[0]: unknown identity type 'Email'; did you mean email?"),
        ('login_ids = ["zzz"]', "login_ids[0]: unknown identity type 'zzz'"),
        ("max_per_type = 5", "max_per_type: must be a table of identity types, not a whole number"),
        ("max_per_type = { zzz = 5 }", "max_per_type.zzz: unknown identity type 'zzz'"),
        ('max_per_type = { email = "5" }', "max_per_type.email: must be a whole number, not a string"),
        ("alias_max_window_days = -1", "alias_max_window_days: must be at least 0"),
        ("alias_max_window_days = 36501", "alias_max_window_days: must be at most 36500"),
        ("alias_delay_s = -1", "alias_delay_s: must be at least 0"),
        ("alias_delay_s = 1.5", "alias_delay_s: must be a whole number, not a number with a fraction"),
        (
            "search_requires_immutable = 0",
            "search_requires_immutable: must be true or false, not a whole number",
        ),
        ("max_per_type = { zzz = 5, email = 1 }", "max_per_type.zzz: unknown identity type 'zzz'"),
        ('preset = "older"', "preset: only the strategy default has presets"),
    ],
)
def test_values_of_a_wrong_kind_are_refused(line: str, fault: str) -> None:
    assert faults_of(scope(PRIORITY, line)) == (f"line 4: scopes.s.{fault}",)


def test_a_type_named_twice_in_two_spellings_is_refused() -> None:
    """ID-022: both spellings are one type."""
    both = "facebookcustomaudienceid", "facebook_custom_audience_id"

    assert faults_of(
        scope(f"identity_priority = {list(both)}", f"max_per_type = {{ {both[0]}=1, {both[1]}=1 }}")
    ) == (
        "line 3: scopes.s.identity_priority[1]: facebookcustomaudienceid is named twice",
        "line 4: scopes.s.max_per_type.facebook_custom_audience_id: facebookcustomaudienceid is named twice",
    )


def test_a_misspelt_type_is_one_fault_and_not_a_trail_of_them() -> None:
    faults = faults_of(scope('identity_priority = ["customerid", "emial"]', 'login_ids = ["email"]'))

    assert faults == (
        "line 3: scopes.s.identity_priority[1]: unknown identity type 'emial'; did you mean email?",
    )


def test_a_list_that_cannot_be_read_is_one_fault_and_not_a_trail_of_them() -> None:
    assert faults_of(scope("identity_priority = 7", 'login_ids = ["email"]')) == (
        "line 3: scopes.s.identity_priority: must be a list of identity types, not a whole number",
    )


def test_an_unreadable_list_is_not_judged_as_if_the_preset_held() -> None:
    faults = faults_of(scope('identity_priority = ["email"]', "login_ids = 7", strategy="profile_link"))

    assert faults == ("line 4: scopes.s.login_ids: must be a list of identity types, not a whole number",)


def test_a_scope_must_name_its_strategy() -> None:
    """ID-030."""
    assert faults_of("[scopes.s]\n" + PRIORITY) == ("line 1: scopes.s: strategy is missing",)


def test_an_unknown_strategy_is_refused_beside_the_faults_that_any_strategy_would_have() -> None:
    assert faults_of(scope(PRIORITY, 'login_ids = ["other"]', strategy="nope")) == (
        f"line 2: scopes.s.strategy: unknown strategy 'nope'; available: {', '.join(available_strategies())}",
        "line 4: scopes.s.login_ids: other is not in identity_priority",
    )


def test_an_unknown_preset_is_refused() -> None:
    assert faults_of(scope("preset = 1", strategy="default")) == (
        "line 3: scopes.s.preset: must be a string, not a whole number",
    )
    assert faults_of(scope('preset = "oldest"', strategy="default")) == (
        "line 3: scopes.s.preset: must be one of newer, older; did you mean older?",
    )


@pytest.mark.parametrize("name", ['""', '" s"', '"a\\tb"'])
def test_a_name_that_cannot_be_seen_is_refused(name: str) -> None:
    faults = faults_of(f'[scopes.{name}]\nstrategy = "default"\n')

    assert [fault.rpartition(": ")[2] for fault in faults] == [
        "a name has visible characters only, and no blank at either end"
    ]


def test_warnings_of_policy_and_strategy_are_kept_by_scope() -> None:
    """ID-036: both work, and both surprise."""
    text = (
        '[scopes.ranked]\nstrategy = "profile_conversion"\n'
        'identity_priority = ["ios_idfv", "email"]\nlogin_ids = ["email"]\n'
        '[scopes.fixed]\nstrategy = "profile_link"\nidentity_priority = ["customerid", "email"]\n'
        'immutable_ids = ["customerid"]\n' + SCOPE
    )

    assert parse_configuration(text, Path()).warnings == {
        "ranked": ("login_ids: email ranks below a type that is not a login ID",),
        "fixed": (
            "immutable_ids: email is login and unique but not immutable: it alone opens no profile that has "
            "an immutable ID",
        ),
    }
