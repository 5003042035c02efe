"""What the outside can see of the work: one log line a step, with the id of the message, never with its content."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, aware. Passed in everywhere, so that tests own the time."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


log = logging.getLogger("mailbot")


def step(name: str, *, level: int = logging.INFO, **detail: str | int | float | bool | None) -> None:
    """One line of JSON about one step of the flow. ``detail`` holds ids, codes and counts: no names, no texts."""
    if log.isEnabledFor(level):
        log.log(level, json.dumps({"step": name, **detail}, ensure_ascii=False, sort_keys=False))
