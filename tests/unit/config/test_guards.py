"""The section `[guards]`: for all scopes, for one, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import Configuration, parse_configuration, policy_from_json, policy_to_json
from idsync.model.blocking import MAX_ENTRIES, MAX_PATTERNS, BlockedValues
from idsync.model.identity import IdentityType
from tests.unit.config.refusals import SCOPE, faults_of

T = IdentityType
TWO = SCOPE + SCOPE.replace("retail", "support")


def parse(*lines: str, scopes: str = TWO) -> Configuration:
    return parse_configuration(scopes + "\n".join(lines), Path())


def test_both_are_off_unless_set() -> None:
    for configuration in (parse(), parse("[guards]"), parse("[guards.retail]")):
        for policy in configuration.scopes.values():
            assert (policy.conflict_guard, policy.blocked_values) == (False, None)


def test_one_setting_switches_each_on_for_all_scopes() -> None:
    """Also for the scope of a workspace that nobody described (ID-003)."""
    guards = ["[guards]", "conflict_guard = true", 'blocked_values = "shipped"', "[workspaces.w]"]
    configuration = parse(*guards)

    assert set(configuration.scopes) == {"retail", "support", "w"}
    for policy in configuration.scopes.values():
        assert policy.conflict_guard
        assert policy.blocked_values == BlockedValues()


def test_a_scope_has_its_own_key_by_key() -> None:
    configuration = parse(
        "[guards]",
        "conflict_guard = true",
        'blocked_values = "shipped"',
        "[guards.support]",
        "blocked_values = { shipped = false }",
        "[guards.retail]",
        "conflict_guard = false",
    )
    retail, support = configuration.scopes["retail"], configuration.scopes["support"]

    assert (retail.conflict_guard, retail.blocked_values) == (False, BlockedValues())
    assert (support.conflict_guard, support.blocked_values) == (True, None)


def test_a_table_adds_to_the_shipped_list() -> None:
    configuration = parse(
        "[guards.retail.blocked_values]",
        'any = ["kiosk-*"]',
        'facebook_custom_audience_id = ["x"]',
        "email = []",
    )

    assert configuration.scopes["support"].blocked_values is None
    assert configuration.scopes["retail"].blocked_values == BlockedValues(
        entries={None: ("kiosk-*",), T.FACEBOOKCUSTOMAUDIENCEID: ("x",)}
    )


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["conflict_guard = 1"], "line 12: guards.conflict_guard: must be true or false, not a whole number"),
        (["[guards.retial]"], "line 12: guards.retial: unknown key; did you mean retail?"),
        (["[guards.retail]", "spam = 1"], "line 13: guards.retail.spam: unknown key"),
        (["retail = true"], "line 12: guards.retail: must be a table, not true or false"),
        (['blocked_values = "shiped"'], 'line 12: guards.blocked_values: must be "shipped" or a table'),
        (
            ["blocked_values = true"],
            'line 12: guards.blocked_values: must be "shipped" or a table, not true or false',
        ),
        (
            ["[guards.blocked_values]", "shipped = 1"],
            "line 13: guards.blocked_values.shipped: must be true or false, not a whole number",
        ),
        (
            ["[guards.blocked_values]", 'emial = ["x"]'],
            "line 13: guards.blocked_values.emial: unknown identity type; did you mean email?",
        ),
        (
            ["[guards.blocked_values]", 'email = "x"'],
            "line 13: guards.blocked_values.email: must be a list of strings, not a string",
        ),
        (
            ["[guards.blocked_values]", "email = [", '"x",', "7]"],
            "line 15: guards.blocked_values.email[1]: must be a string, not a whole number",
        ),
        (
            ["[guards.blocked_values]", 'email = ["x",', '"*"]'],
            "line 14: guards.blocked_values.email[1]: would block every value",
        ),
        (
            ["[guards.retail.blocked_values]", "any = [\"' '\"]"],
            "line 13: guards.retail.blocked_values.any[0]: must have more than blanks and quotes",
        ),
        (
            ["[guards.blocked_values]", f'any = ["{"x" * 257}"]'],
            "line 13: guards.blocked_values.any[0]: must have at most 256 characters",
        ),
        (
            ["[guards.blocked_values]", f"any = {['x'] * (MAX_ENTRIES + 1)}"],
            "line 13: guards.blocked_values.any: must have at most 10000 entries",
        ),
        (
            ["[guards.blocked_values]", f"any = {['x*'] * (MAX_PATTERNS + 1)}"],
            "line 13: guards.blocked_values.any: must have at most 100 entries with a *",
        ),
        (
            [
                "[guards.blocked_values]",
                'facebookcustomaudienceid = ["a"]',
                'facebook_custom_audience_id = ["b"]',
            ],
            "line 14: guards.blocked_values.facebook_custom_audience_id: is named twice",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_line(lines: list[str], fault: str) -> None:
    assert faults_of(TWO + "\n".join(["[guards]", *lines])) == (fault,)


def test_the_bounds_themselves_are_accepted() -> None:
    entries = [f"x{number}" for number in range(MAX_ENTRIES - MAX_PATTERNS)]
    entries += [f"x{number}*" for number in range(MAX_PATTERNS)]

    [policy] = parse("[guards.blocked_values]", f"any = {entries}", scopes=SCOPE).scopes.values()

    assert policy.blocked_values is not None
    assert policy.blocked_values.blocks(T.OTHER, "X7 and more")


def test_a_guard_that_can_do_nothing_is_warned_of() -> None:
    scope = '[scopes.s]\nstrategy = "best_match"\nidentity_priority = ["email"]\n'
    configuration = parse("[guards]", "conflict_guard = true", scopes=SCOPE + scope)

    assert configuration.warnings == {
        "s": ("conflict_guard: there are no unique types, so nobody is ever at odds with a request",)
    }


def test_they_are_kept_with_the_versions_of_the_settings() -> None:
    lines = [
        "[guards]",
        "conflict_guard = true",
        "[guards.blocked_values]",
        'email = ["a", "b*"]',
        'any = ["c"]',
    ]
    policy = parse(*lines).scopes["retail"]

    text = policy_to_json(policy)

    assert text.endswith(
        '"conflict_guard":true,"blocked_values":{"shipped":true,"any":["c"],"email":["a","b*"]}}'
    )
    assert policy_from_json(text) == policy


def test_off_they_leave_the_recorded_versions_as_they_were() -> None:
    """A start with this version is no change of the settings."""
    assert "guard" not in policy_to_json(parse("[guards]").scopes["retail"])
    assert "blocked" not in policy_to_json(parse("[guards]").scopes["retail"])
