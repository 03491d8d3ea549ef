"""A file is read as a whole, or refused with all of its faults by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import Configuration, Limits, load_configuration, parse_configuration
from idsync.model.errors import ConfigurationError
from tests.unit.config.refusals import SCOPE, faults_of


def test_an_empty_file_is_a_configuration() -> None:
    """Nothing is limited, encrypted or required unless set (design, section 5)."""
    assert parse_configuration("", Path()) == Configuration()
    assert Configuration().limits == Limits(date_tolerance_s=900, max_age_s=86_400)
    assert Configuration().operator_token is None


def test_all_faults_are_told_together_in_the_order_of_their_lines() -> None:
    text = (
        "[limits]\nmax_age_s = -1\n"
        "[guards]\nspam = true\n"
        "[scopes.retail]\n"
        'strategy = "profile_conversion"\n'
        'identity_priority = ["customerid",\n'
        '  "emial"]\n'
        'login_ids = ["ios_idfv"]\n'
        "[workspaces.shop]\n"
        "aliasing = 1\n"
        "[operator]\n"
    )

    assert faults_of(text) == (
        "line 2: limits.max_age_s: must be at least 0",
        "line 4: guards.spam: unknown key",
        "line 8: scopes.retail.identity_priority[1]: unknown identity type 'emial'; did you mean email?",
        "line 9: scopes.retail.login_ids: ios_idfv is not in identity_priority",
        "line 9: scopes.retail.login_ids: ios_idfv is a device type",
        "line 11: workspaces.shop.aliasing: must be true or false, not a whole number",
        "line 12: operator: token or token_file is missing",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[scope.retail]", "line 1: scope: unknown key; did you mean scopes?"),
        ("scopes = 1", "line 1: scopes: must be a table, not a whole number"),
        ("[scopes]\nretail = 1", "line 2: scopes.retail: must be a table, not a whole number"),
        ("[[workspaces]]", "line 1: workspaces: must be a table, not a list"),
        ("[limits]\nspeed = 1", "line 2: limits.speed: unknown key"),
        ("[retention]\ndays = 1", "line 2: retention.days: unknown key"),
        ("[operator]\nkey = 'x'", "line 2: operator.key: unknown key"),
        ("[tls]\nca_file = 'x'", "line 2: tls.ca_file: unknown key; did you mean key_file?"),
        (
            "[workspaces.w]\nalias = true",
            "line 2: workspaces.w.alias: unknown key; did you mean aliasing?",
        ),
        (
            "[[workspaces.w.inputs]]\nkey = 'k'\nkey_only = true\nscret = ''",
            "line 4: workspaces.w.inputs[0].scret: unknown key; did you mean secret?",
        ),
        (
            SCOPE + "unique = []",
            "line 6: scopes.retail.unique: unknown key; did you mean unique_ids?",
        ),
        ('[workspaces."we b"]\nx = 1', 'line 2: workspaces."we b".x: unknown key'),
    ],
)
def test_what_nobody_knows_is_refused(text: str, fault: str) -> None:
    assert fault in faults_of(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\nb =\n", "line 2: no TOML: Invalid value (column 4)"),
        ("a = 1\na = 2\nb = 1\n", "line 2: no TOML: Cannot overwrite a value (column 6)"),
        ("a = 1\n[x", "line 2: no TOML: Expected ']' at the end of a table declaration"),
        ("\n\n=", "line 3: no TOML: Invalid statement (column 1)"),
    ],
)
def test_what_is_no_toml_is_refused_by_line(text: str, fault: str) -> None:
    assert faults_of(text) == (fault,)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5_000])
def test_what_no_reader_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="nested too deeply or a number too long"):
        parse_configuration(text, Path())


def test_limits_are_read() -> None:
    """ID-175 allows 0; all rates are settings (ID-240)."""
    text = "[limits]\nmax_age_s = 0\ndate_tolerance_s = 1\nrequests_per_second_per_key = 7\n"

    configuration = parse_configuration(text, Path())

    assert configuration.limits == Limits(max_age_s=0, date_tolerance_s=1, requests_per_second_per_key=7)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("requests_per_second_total = 0", "must be at least 1"),
        ("acceleration_per_second_per_key = 0", "must be at least 1"),
        ("requests_per_second_total = 1.5", "must be a whole number, not a number with a fraction"),
        ("requests_per_second_total = true", "must be a whole number, not true or false"),
        ("max_age_s = 2026-01-01", "must be a whole number, not a date or time"),
        ("max_age_s = 2147483648", "must be at most 2147483647"),
    ],
)
def test_limits_out_of_range_are_refused(line: str, fault: str) -> None:
    """A rate of 0 would lock everybody out by a slip; above 31 bits the wire cannot carry a number."""
    name = line.partition(" ")[0]

    assert faults_of(f"[limits]\n{line}") == (f"line 2: limits.{name}: {fault}",)


def test_the_inactivity_limit_holds_in_every_scope() -> None:
    """ID-214; also in a scope that only a workspace makes."""
    configuration = parse_configuration(SCOPE + "[workspaces.own]\n[retention]\ninactive_days = 30\n", Path())

    assert {name: p.inactive_days for name, p in configuration.scopes.items()} == {"retail": 30, "own": 30}


def test_profiles_live_for_ever_unless_told() -> None:
    """ID-214: off unless set."""
    assert parse_configuration(SCOPE, Path()).scopes["retail"].inactive_days is None


@pytest.mark.parametrize("days", [0, 36_501])
def test_an_inactivity_limit_out_of_range_is_refused(days: int) -> None:
    """0 would remove every profile at once."""
    assert len(faults_of(f"[retention]\ninactive_days = {days}")) == 1


def test_an_empty_section_of_guards_is_accepted() -> None:
    assert parse_configuration("[guards]", Path()) == Configuration()


def test_both_tls_files_must_be_named_and_there(tmp_path: Path) -> None:
    assert faults_of("[tls]\ncertificate_file = 'absent.pem'\n", tmp_path) == (
        "line 1: tls: key_file is missing",
        "line 2: tls.certificate_file: the file cannot be read: No such file or directory",
    )


def test_tls_files_are_found_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "pem").mkdir()
    for name in ("chain.pem", "key.pem"):
        (tmp_path / "pem" / name).write_text("x")
    (tmp_path / "idsync.toml").write_text(
        "[tls]\ncertificate_file = 'pem/chain.pem'\nkey_file = 'pem/key.pem'\n"
    )

    configuration = load_configuration(tmp_path / "idsync.toml")

    assert configuration.tls is not None
    assert configuration.tls.certificate_file == tmp_path / "pem" / "chain.pem"
    assert configuration.tls.key_file == tmp_path / "pem" / "key.pem"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    faults = faults_of("[tls]\ncertificate_file = '.'\nkey_file = \"\\u0000\"\n", tmp_path)

    assert faults == (
        "line 2: tls.certificate_file: the file cannot be read: Is a directory",
        "line 3: tls.key_file: the file cannot be read: not a file name",
    )


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml cannot be read: No such file"):
        load_configuration(tmp_path / "absent.toml")


def test_the_refusal_of_a_file_names_it_and_shows_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "idsync.toml"
    path.write_text("a = 1\nb = 2\n")

    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path)

    assert str(caught.value).splitlines() == [
        f"{path} is refused: the configuration has 2 faults",
        "  line 1: a: unknown key",
        "  line 2: b: unknown key",
    ]


def test_a_single_fault_is_not_spoken_of_as_several() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration("a = 1", Path())

    assert caught.value.message == "the configuration has a fault"


def test_a_file_must_be_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "idsync.toml"
    path.write_bytes(b"# fine\n# \xff\n")

    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path)

    assert caught.value.faults == ("line 2: is not UTF-8",)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "idsync.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SCOPE.encode())

    assert set(load_configuration(path).scopes) == {"retail"}
