"""A policy survives being kept as text, and equal ones are kept as equal texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.config import policy_from_json, policy_to_json
from idsync.config.keys import SECTIONS
from idsync.model.errors import ConfigurationError
from idsync.model.identity import IdentityType
from idsync.model.policy import DEFAULT_PRIORITY, Policy

TYPES = st.sampled_from(IdentityType)
POLICIES = st.builds(
    Policy,
    strategy=st.text(min_size=1),
    priority=st.lists(TYPES, unique=True).map(tuple),
    login=st.frozensets(TYPES),
    unique=st.frozensets(TYPES),
    immutable=st.frozensets(TYPES),
    max_per_type=st.dictionaries(TYPES, st.integers(1, 2**31 - 1)),
    alias_max_window_days=st.integers(0, 36_500),
    alias_delay_s=st.integers(0, 2**31 - 1),
    search_requires_immutable=st.booleans(),
    inactive_days=st.none() | st.integers(1, 36_500),
)


@given(POLICIES)
def test_a_policy_comes_back_as_it_went(policy: Policy) -> None:
    assert policy_from_json(policy_to_json(policy)) == policy


@given(POLICIES)
def test_the_order_in_which_sets_were_built_does_not_show(policy: Policy) -> None:
    again = Policy(
        strategy=policy.strategy,
        priority=policy.priority,
        login=frozenset(sorted(policy.login, reverse=True)),
        unique=frozenset(sorted(policy.unique, reverse=True)),
        immutable=frozenset(sorted(policy.immutable, reverse=True)),
        max_per_type={t: policy.max_per_type[t] for t in sorted(policy.max_per_type, reverse=True)},
        alias_max_window_days=policy.alias_max_window_days,
        alias_delay_s=policy.alias_delay_s,
        search_requires_immutable=policy.search_requires_immutable,
        inactive_days=policy.inactive_days,
    )

    assert policy_to_json(again) == policy_to_json(policy)


def test_the_text_has_the_names_of_the_file_and_of_the_wire() -> None:
    policy = Policy("default", DEFAULT_PRIORITY[:2], max_per_type={IdentityType.EMAIL: 5}, inactive_days=30)

    assert policy_to_json(policy) == (
        '{"strategy":"default","identity_priority":["customerid","email"],"login_ids":[],"unique_ids":[],'
        '"immutable_ids":[],"max_per_type":{"email":5},"alias_max_window_days":90,"alias_delay_s":86400,'
        '"search_requires_immutable":true,"inactive_days":30}'
    )


def test_every_setting_of_a_scope_is_kept() -> None:
    """A setting that is added to the file and forgotten here would be lost with the next version."""
    kept = json.loads(policy_to_json(Policy("default", DEFAULT_PRIORITY)))

    assert set(kept) == {key.name for key in SECTIONS["scopes.NAME"]} - {"preset"}


def test_what_an_older_version_did_not_have_takes_its_default() -> None:
    lists = '"identity_priority":["email"],"login_ids":[],"unique_ids":[],"immutable_ids":[]'
    text = f'{{"strategy":"best_match",{lists}}}'

    assert policy_from_json(text) == Policy("best_match", (IdentityType.EMAIL,))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", None),
        ("[" * 100_000, None),
        ("[]", "policy: must be a table, not a list"),
        (
            '{"login_ids":[],"unique_ids":[],"immutable_ids":[],"identity_priority":[]}',
            "policy: strategy is missing",
        ),
        (
            '{"strategy":"x","identity_priority":null,"login_ids":[],"unique_ids":[],"immutable_ids":[]}',
            "policy.identity_priority: must be a list of identity types, not null",
        ),
        (
            '{"strategy":"x","identity_priority":["email"],"login_ids":[],"unique_ids":[],"immutable_ids":[],'
            '"invented_later":1}',
            "policy.invented_later: unknown key",
        ),
    ],
)
def test_a_text_that_is_not_ours_is_refused(text: str, fault: str | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy_from_json(text)

    assert caught.value.faults == (() if fault is None else (fault,))
