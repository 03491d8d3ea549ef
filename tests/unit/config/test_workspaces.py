"""Workspaces, their scopes, and the keys and secrets of their inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import InputSettings, WorkspaceSettings, parse_configuration
from idsync.model.policy import DEFAULT_PRIORITY
from tests.unit.config.refusals import SCOPE, faults_of


def an_input(*lines: str, key: str = "k") -> str:
    """Write workspace `w` with one input; `lines` are the lines 3 and following."""
    return "\n".join(["[[workspaces.w.inputs]]", f"key = '{key}'", *lines])


def the_input(text: str, base: Path = Path()) -> InputSettings:
    [found] = parse_configuration(text, base).inputs()
    return found


def test_a_workspace_and_its_inputs_are_read() -> None:
    text = SCOPE + (
        '[workspaces.shop]\nscope = "retail"\naliasing = false\n'
        '[[workspaces.shop.inputs]]\nplatform = "web"\nkey = "shop-web"\nkey_only = true\n'
        '[[workspaces.shop.inputs]]\nkey = "back"\nsecret = "s"\nmay_read = true\n'
    )

    [workspace] = parse_configuration(text, Path()).workspaces

    assert workspace == WorkspaceSettings(
        "shop",
        "retail",
        aliasing=False,
        inputs=(
            InputSettings("shop-web", None, "web", "shop", "retail", key_only=True),
            InputSettings("back", "s", "other", "shop", "retail", may_read=True),
        ),
    )
    assert [entry.input_id for entry in workspace.inputs] == ["shop/shop-web", "shop/back"]


def test_aliasing_is_on_and_the_rights_of_an_input_are_off_unless_set() -> None:
    """Design, section 5."""
    [workspace] = parse_configuration(an_input("secret = 's'"), Path()).workspaces

    assert workspace.aliasing
    assert not workspace.inputs[0].key_only
    assert not workspace.inputs[0].may_read


def test_a_workspace_without_scope_has_one_of_its_own() -> None:
    """ID-003; the scope that nobody described has the preset of ID-038."""
    configuration = parse_configuration("[workspaces.shop]\n[workspaces.club]\n", Path())

    assert [workspace.scope for workspace in configuration.workspaces] == ["shop", "club"]
    assert {name: (p.strategy, p.priority) for name, p in configuration.scopes.items()} == {
        "shop": ("default", DEFAULT_PRIORITY),
        "club": ("default", DEFAULT_PRIORITY),
    }


def test_the_scope_of_a_workspaces_own_name_may_be_described() -> None:
    configuration = parse_configuration(SCOPE + "[workspaces.retail]\n", Path())

    assert configuration.workspaces[0].scope == "retail"
    assert configuration.scopes["retail"].strategy == "profile_conversion"


def test_workspaces_may_share_a_scope() -> None:
    """ID-002."""
    text = SCOPE + '[workspaces.a]\nscope = "retail"\n[workspaces.b]\nscope = "retail"\n'

    configuration = parse_configuration(text, Path())

    assert {workspace.scope for workspace in configuration.workspaces} == {"retail"}
    assert set(configuration.scopes) == {"retail"}


@pytest.mark.parametrize(
    ("scope", "fault"),
    [
        ('"retial"', "there is no scope 'retial'; did you mean retail?"),
        ('"a"', "there is no scope 'a'"),
        ("1", "must be a string, not a whole number"),
        ('""', "must not be empty"),
    ],
)
def test_only_a_described_scope_can_be_named(scope: str, fault: str) -> None:
    """A scope that a workspace has for itself is not shared by accident."""
    text = SCOPE + f"[workspaces.a]\n[workspaces.b]\nscope = {scope}\n"

    assert faults_of(text) == (f"line 8: workspaces.b.scope: {fault}",)


def test_a_key_stands_for_one_input_only() -> None:
    text = (
        "[[workspaces.a.inputs]]\nkey = 'k'\nsecret = 's'\n"
        "[[workspaces.b.inputs]]\nkey = 'other'\nsecret = 's'\n"
        "[[workspaces.b.inputs]]\nkey = 'k'\nsecret = 's'\n"
    )

    assert faults_of(text) == (
        "line 8: workspaces.b.inputs[1].key: is the key of workspaces.a.inputs[0] too",
    )


@pytest.mark.parametrize("key", ["a:b", "a/b", "a b", "a\tb", "é"])
def test_a_key_that_cannot_travel_is_refused(key: str) -> None:
    """Basic ends a key at its colon (ID-223), the path of alias at its slash (ID-220)."""
    assert faults_of(an_input("secret = 's'", key=key)) == (
        "line 2: workspaces.w.inputs[0].key: a key has ASCII letters, digits and signs other than : and /",
    )


@pytest.mark.parametrize("key", ["us1-0123456789abcdef", "A.b_c~d!", "0"])
def test_ordinary_keys_are_accepted(key: str) -> None:
    assert the_input(an_input("secret = 's'", key=key)).key == key


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[workspaces.w.inputs]]\nsecret = 's'", "line 1: workspaces.w.inputs[0]: key is missing"),
        (
            an_input("secret = 1"),
            "line 3: workspaces.w.inputs[0].secret: must be a string, not a whole number",
        ),
        (an_input("secret = ''"), "line 3: workspaces.w.inputs[0].secret: must not be empty"),
        (
            an_input("secret = 's'", "platform = 'wep'"),
            "line 4: workspaces.w.inputs[0].platform: must be one of ios, android, web, tvos, roku, alexa, "
            "smart_tv, fire, xbox, other, server, feed; did you mean web?",
        ),
        (
            "[workspaces.w.inputs]\nkey = 'k'",
            "line 1: workspaces.w.inputs: must be a list of tables, each under [[...inputs]], not a table",
        ),
    ],
)
def test_a_faulty_input_is_refused(text: str, fault: str) -> None:
    assert faults_of(text) == (fault,)


@pytest.mark.parametrize("lines", [(), ("key_only = false",)])
def test_only_an_input_by_key_alone_needs_no_secret(lines: tuple[str, ...]) -> None:
    assert faults_of(an_input(*lines)) == (
        "line 1: workspaces.w.inputs[0]: secret or secret_file is missing; "
        "only an input with key_only = true needs none",
    )
    assert the_input(an_input("key_only = true")).secret is None


@pytest.mark.parametrize("secret", ["x", "   ", "ünï:/ cödé"])
def test_any_secret_that_is_not_empty_is_accepted(secret: str) -> None:
    assert the_input(an_input(f"secret = '{secret}'")).secret == secret


@pytest.mark.parametrize("content", [b"the secret", b"the secret\n", b"the secret\r\n"])
def test_a_secret_may_be_in_a_file_beside_the_configuration(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "web.secret").write_bytes(content)

    assert the_input(an_input("secret_file = 'web.secret'"), tmp_path).secret == "the secret"


def test_blanks_belong_to_a_secret(tmp_path: Path) -> None:
    (tmp_path / "web.secret").write_bytes(b" s \n")

    assert the_input(an_input("secret_file = 'web.secret'"), tmp_path).secret == " s "


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "the file cannot be read: No such file or directory"),
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"\xff", "the file is not UTF-8"),
    ],
)
def test_a_secret_file_that_gives_none_is_refused(tmp_path: Path, content: bytes | None, fault: str) -> None:
    if content is not None:
        (tmp_path / "web.secret").write_bytes(content)

    faults = faults_of(an_input("secret_file = 'web.secret'"), tmp_path)

    assert faults == (f"line 3: workspaces.w.inputs[0].secret_file: {fault}",)


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("s")

    faults = faults_of(an_input("secret = 's'", "secret_file = 'f'"), tmp_path)

    assert faults == ("line 4: workspaces.w.inputs[0].secret_file: give either secret or secret_file",)


def test_the_operators_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("op-secret\n")

    assert parse_configuration("[operator]\ntoken_file = 'token'", tmp_path).operator_token == "op-secret"
    assert parse_configuration("[operator]\ntoken = 'op-secret'", tmp_path).operator_token == "op-secret"


@pytest.mark.parametrize("token", ["é", "a\\tb", " a", "a "])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    assert faults_of(f'[operator]\ntoken = "{token}"') == (
        "line 2: operator.token: a token travels in a header: printable ASCII, no blank at either end",
    )


def test_a_token_from_a_file_is_refused_at_the_key_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("é")

    assert faults_of("[operator]\ntoken_file = 'token'", tmp_path) == (
        "line 2: operator.token_file: a token travels in a header: printable ASCII, no blank at either end",
    )


def test_secrets_are_in_no_text_about_a_configuration() -> None:
    """Design, section 10: neither in what is shown of a configuration nor in what is said against one."""
    text = an_input("secret = 'SESAME'") + "\n[operator]\ntoken = 'SESAME'\n"

    assert "SESAME" not in repr(parse_configuration(text, Path()))
    assert "SESAME" not in str(faults_of(text + "max = 'SESAME'\n[limits]\nmax_age_s = 'SESAME'\n"))
