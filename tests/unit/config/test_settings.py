"""Each setting of a process has one name in Python, on the command line and in the environment."""

from __future__ import annotations

from idsync.config.settings import CLIENT_SETTINGS, SERVE_SETTINGS, ClientSettings, ServeSettings


def test_a_setting_is_a_flag_and_a_variable() -> None:
    """Design, section 5: every flag is also an environment variable."""
    [setting] = [s for s in SERVE_SETTINGS if s.name == "cache_identities"]

    assert (setting.flag, setting.variable) == ("--cache-identities", "IDSYNC_CACHE_IDENTITIES")
    assert (setting.default, setting.unit) == (1_000_000, "identities")


def test_the_flags_are_those_agreed() -> None:
    """Design, section 5."""
    assert {"--config", "--database", "--grpc", "--http", "--processes"} <= {s.flag for s in SERVE_SETTINGS}
    assert [s.flag for s in CLIENT_SETTINGS] == [
        "--target",
        "--environment",
        "--key",
        "--secret",
        "--token",
        "--json",
    ]


def test_a_service_is_reached_where_it_listens_by_default() -> None:
    assert ClientSettings().target == ServeSettings().grpc == "127.0.0.1:50051"


def test_no_variable_means_two_things() -> None:
    variables = [s.variable for s in (*SERVE_SETTINGS, *CLIENT_SETTINGS)]

    assert len(set(variables)) == len(variables)


def test_secrets_are_not_shown() -> None:
    assert "SESAME" not in repr(ClientSettings(secret="SESAME", token="SESAME"))
