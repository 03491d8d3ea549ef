"""The configuration of a service that was started without one."""

from __future__ import annotations

from typing import Final

from idsync.config.configuration import Configuration, InputSettings, WorkspaceSettings
from idsync.config.presets import preset_policy

__all__ = ["DEMO", "demo_configuration"]

DEMO: Final = "demo"
"""Name of the one workspace and of its scope."""


def demo_configuration(key: str, secret: str, token: str) -> Configuration:
    """Return a configuration with which everything can be tried out at once.

    Args:
        key: Key of its one input, which may authenticate by key alone and may read.
        secret: That input's secret.
        token: The operator's token.
    """
    demo_input = InputSettings(
        key=key, secret=secret, platform="web", workspace=DEMO, scope=DEMO, key_only=True, may_read=True
    )
    return Configuration(
        scopes={DEMO: preset_policy()},
        workspaces=(WorkspaceSettings(DEMO, DEMO, inputs=(demo_input,)),),
        operator_token=token,
    )
