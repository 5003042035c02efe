"""Writes docs/settings.md from the settings themselves: python -m tests.docs.settings > docs/settings.md"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mailbot.config import Settings

_HEAD = """\
# Settings

Defaults, then `mailbot.toml`, then the environment: the key `host` of `[imap]` is `MAILBOT_IMAP_HOST` there. An
unknown section or key is an error that names it. `python -m tests.docs.settings` writes this page; a test compares it.
"""


def page() -> str:
    """The whole page, Markdown."""
    settings = Settings()
    return _HEAD + "".join(_section(f.name, getattr(settings, f.name)) for f in fields(settings))


def _section(name: str, section: Any) -> str:
    hints = get_type_hints(type(section))
    rows = [f"\n## [{name}]\n\n| key | default | meaning |\n|---|---|---|\n"]
    for f in fields(section):
        words = get_args(hints[f.name]) if get_origin(hints[f.name]) is Literal else ()
        meaning = str(f.metadata["doc"]) + (f" (one of {', '.join(words)})" if words else "")
        rows.append(f"| `{f.name}` | `{_toml(getattr(section, f.name))}` | {meaning} |\n")
    return "".join(rows)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)


if __name__ == "__main__":
    print(page(), end="")
