"""Writes docs/settings.md from the settings themselves: python -m tests.docs.settings > docs/settings.md"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mailbot.config import Settings
from mailbot.config.writing import meaning, toml

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
    rows = [f"\n## [{name}]\n\n| key | default | meaning |\n|---|---|---|\n"]
    rows += [
        f"| `{f.name}` | `{toml(getattr(section, f.name))}` | {meaning(section, f.name)} |\n" for f in fields(section)
    ]
    return "".join(rows)


if __name__ == "__main__":
    print(page(), end="")
