"""Where a command finds the settings, the rule set and the mails of the demo. Light to import: `mailbot rules check`
runs at every save."""

from __future__ import annotations

from pathlib import Path

from mailbot import config
from mailbot.config import Settings
from mailbot.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parents[1]
_SHIPPED = _PACKAGE / "shipped" if (_PACKAGE / "shipped").is_dir() else _PACKAGE.parent
"""A wheel holds them in the package (deploy/wheel.py), a checkout beside it."""

SHIPPED_RULES = _SHIPPED / "rules"
FIXTURES = _SHIPPED / "fixtures"
DEFAULT_CONFIG = Path("mailbot.toml")
ROLES = ("ingress", "worker", "delivery", "web", "console")
"""What a process of `mailbot run` may do."""


def settings(path: Path | None) -> Settings:
    """Settings of ``path``; without one those of ./mailbot.toml when it is there, else the defaults."""
    if path is None and DEFAULT_CONFIG.is_file():
        path = DEFAULT_CONFIG
    return config.load(path)


def rules_directory(setting: str) -> Path:
    """The folder of the rule set: the setting, else the one shipped beside the program."""
    directory = Path(setting) if setting else SHIPPED_RULES
    if not directory.is_dir():
        raise ConfigError(
            f"[rules] directory: {directory}: no such folder; mend: name the folder that holds procedures.yaml"
        )
    return directory
