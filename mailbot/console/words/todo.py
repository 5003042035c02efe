"""The list of what is to be done, and the search."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "todo": ("Do zrobienia", "To do"),
}
