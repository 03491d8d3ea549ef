"""What a service is told at start: the configuration file, and the settings of the process."""

from __future__ import annotations

from idsync.config.configuration import Configuration, InputSettings, Limits, Tls, WorkspaceSettings
from idsync.config.demo import demo_configuration
from idsync.config.examples import example_configuration
from idsync.config.file import load_configuration, parse_configuration
from idsync.config.policy_json import policy_from_json, policy_to_json

__all__ = [
    "Configuration",
    "InputSettings",
    "Limits",
    "Tls",
    "WorkspaceSettings",
    "demo_configuration",
    "example_configuration",
    "load_configuration",
    "parse_configuration",
    "policy_from_json",
    "policy_to_json",
]
