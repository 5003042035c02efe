"""Settings as a commented mailbot.toml: ``load`` of what is written gives the same settings."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mailbot.config.sections import Settings

_WIDTH = 100


def toml(value: object) -> str:
    """A value of a setting as TOML 1.0 writes it. The escapes of JSON are a subset of those of a basic string."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    return str(value)


def meaning(section: Any, key: str) -> str:
    """What docs/settings.md says of a setting."""
    field = next(f for f in fields(section) if f.name == key)
    hint = get_type_hints(type(section))[key]
    words = get_args(hint) if get_origin(hint) is Literal else ()
    allowed = ", ".join(word or "empty" for word in words)
    return str(field.metadata["doc"]) + (f" (one of {allowed})" if words else "")


def written(settings: Settings, head: str, said: Collection[str] = ()) -> str:
    """The whole file behind the comment ``head``: what differs from the default, or was ``said`` ("section.key"), as a
    line that counts, the rest of it as comments with the default."""
    default = Settings()
    parts = [_comment(head)]
    for section in fields(Settings):
        now, before = getattr(settings, section.name), getattr(default, section.name)
        parts.append(f"\n[{section.name}]")
        for f in fields(now):
            line = f"{f.name} = {toml(getattr(now, f.name))}"
            counts = getattr(now, f.name) != getattr(before, f.name) or f"{section.name}.{f.name}" in said
            parts += [_comment(meaning(now, f.name)), line if counts else f"#{line}"]
    return "\n".join(parts) + "\n"


def _comment(text: str) -> str:
    return "\n".join(
        textwrap.fill(line, _WIDTH, initial_indent="# ", subsequent_indent="# ") for line in text.split("\n")
    )
