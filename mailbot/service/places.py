"""Where a command finds the settings and the rule set. Light to import: `mailbot rules check` runs at every save."""

from __future__ import annotations

from pathlib import Path

from mailbot import config
from mailbot.config import Settings
from mailbot.errors import ConfigError

SHIPPED_RULES = Path(__file__).resolve().parents[2] / "rules"
DEFAULT_CONFIG = Path("mailbot.toml")


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
