"""A setting with its meaning."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def doc(text: str, default: Any) -> Any:
    """A field of a section. ``text`` stands in docs/settings.md."""
    return field(default=default, metadata={"doc": text})
