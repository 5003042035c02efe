"""One file of a rule set, read alone: what it becomes and what is found in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Mistakes

T = TypeVar("T")


def reading(read: Callable[[YamlDocument], T], path: Path, text: str | None = None) -> tuple[T, list[str]]:
    """What ``read`` makes of ``path`` (of ``text``, when it is given), and the findings as they are printed, without
    the folder."""
    if text is not None:
        path.write_text(text, encoding="utf-8")
    mistakes = Mistakes()
    value = read(YamlDocument(path, mistakes))
    return value, [str(found).replace(f"{path.parent}/", "") for found in mistakes.all()]
