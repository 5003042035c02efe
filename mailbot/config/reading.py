"""From mailbot.toml and the environment to settings, with every mistake at once."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mailbot.config.contradictions import contradictions
from mailbot.config.sections import Settings
from mailbot.config.web import ANY
from mailbot.errors import ConfigError


def load(
    path: Path | None = None, environment: Mapping[str, str] | None = None, said_by: str = "environment"
) -> Settings:
    """Settings from ``path`` (may be None) and the environment. Raises ConfigError with every mistake, one a line; each
    names the file, or ``said_by`` where there is none."""
    tables: dict[str, Any] = {}
    where = str(path) if path else said_by
    if path is not None:
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror}); mend: give the file's right place with --config"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not TOML: {error}; mend: correct that place") from error
    sections: dict[str, Any] = {}
    known = {f.name: f for f in fields(Settings)}
    mistakes = [f"{where}: [{name}]: no such section{_hint(name, known)}" for name in tables if name not in known]
    for name in known:
        given = tables.get(name, {})
        if not isinstance(given, dict):
            mistakes.append(f"{where}: {name}: must be a table; mend: write [{name}] on a line of its own")
            continue
        given = {**given, **_from_environment(name, environment if environment is not None else os.environ)}
        sections[name] = _section(getattr(Settings(), name), given, f"{where}: [{name}]", mistakes)
    settings = Settings(**sections) if not mistakes else Settings()
    mistakes += contradictions(settings, where)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return settings


def outdated(settings: Settings) -> list[str]:
    """What is read as an older version meant it, each with its mend."""
    sections = (("web", settings.web), ("console", settings.console), ("api", settings.api))
    return [
        f"[{name}] trusted_proxy: true believes whoever reaches the port; mend: write the addresses of the proxies, "
        '["127.0.0.1", "::1"]'
        for name, section in sections
        if ANY in section.trusted_proxy
    ]


def in_environment(environment: Mapping[str, str]) -> bool:
    """Whether the environment sets anything."""
    return any(_from_environment(section.name, environment) for section in fields(Settings))


def _from_environment(section: str, environment: Mapping[str, str]) -> dict[str, str]:
    prefix = f"MAILBOT_{section.upper()}_"
    return {key[len(prefix) :].lower(): value for key, value in environment.items() if key.startswith(prefix)}


def _section(default: Any, given: Mapping[str, Any], where: str, mistakes: list[str]) -> Any:
    hints = get_type_hints(type(default))
    values = {f.name: getattr(default, f.name) for f in fields(default)}
    for key, value in given.items():
        if key not in values:
            mistakes.append(f"{where} {key}: no such setting{_hint(key, values)}")
            continue
        try:
            if "\0" in str(value):
                raise ValueError("has a NUL in it; mend: take it out")
            values[key] = _convert(hints[key], _proxies(value) if key == "trusted_proxy" else value)
        except ValueError as error:
            mistakes.append(f"{where} {key}: {error}")
    return type(default)(**values)


def _proxies(value: Any) -> Any:
    """A list as it is; once it was a yes or no."""
    said = str(value).lower() if isinstance(value, bool | str) else ""
    return {"true": ANY, "false": ""}.get(said, value)


def _convert(hint: Any, value: Any) -> Any:
    """``value`` of TOML or of the environment (always text) as ``hint``; ValueError names the mend."""
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{value!r} is not allowed; mend: one of {', '.join(map(str, get_args(hint)))}")
        return value
    if origin in (Union, UnionType):  # a text or a list of them
        return value if isinstance(value, str) else _convert(tuple[str, ...], value)
    if hint is bool and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
            raise ValueError(f'{value!r} is not a list of texts; mend: ["a", "b"]')
        return tuple(i.strip() for i in items if i.strip())
    if hint in (int, float) and isinstance(value, str):
        try:
            return hint(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number; mend: write digits") from None
    if hint is str and isinstance(value, date):  # TOML has days of its own
        return value.isoformat()
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{value!r} is not of type {hint.__name__}; mend: write a {hint.__name__}")
    return value


def _hint(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; mend: did you mean {close[0]}?" if close else f"; mend: one of {', '.join(known)}"
