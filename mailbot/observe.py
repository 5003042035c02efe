"""What the outside can see of the work: one log line a step, with the id of the message, never with its content."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

Clock = Callable[[], datetime]
"""Returns the present moment, aware. Passed in everywhere, so that tests own the time."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


log = logging.getLogger("mailbot")
_encoder = json.JSONEncoder(ensure_ascii=False)
_ABOUT: ContextVar[int | None] = ContextVar("about", default=None)
_LONGEST = 2000  # characters of one text in a line
_ADDRESS = re.compile(r"[^\s<>\"'(),:;=]+@[^\s<>\"'(),:;=]+")


class LogEvent(str):
    """A line of our own: an object of JSON."""


def log_event(name: str, *, level: int = logging.INFO, **detail: str | int | float | bool | None) -> None:
    """One line of JSON about one step of the flow. ``detail`` holds ids, codes and counts: no names, no texts.

    Of a text the first line is told (a database puts values into the second), and no address in it. A line about a row
    of the inbox (``inbox``) bears the ``id`` of its message, from the way in to the answers of the outgoing server.
    """
    if log.isEnabledFor(level):
        inbox = detail.get("inbox", _ABOUT.get())
        told: dict[str, object] = {"id": road(inbox)} if isinstance(inbox, int) else {}
        told |= {key: _json(value) for key, value in detail.items()}
        text = LogEvent(_encoder.encode({"step": name, **told}))
        log.handle(logging.LogRecord(log.name, level, "", 0, text, None, None))  # log.log() looks for our caller's line


@contextmanager
def about(inbox_id: int) -> Iterator[None]:
    """What is logged within, by whomever, is about this row of the inbox."""
    token = _ABOUT.set(inbox_id)
    try:
        yield
    finally:
        _ABOUT.reset(token)


def road(inbox_id: int) -> str:
    """What a message and everything that became of it is called in logs and traces: "m17"."""
    return f"m{inbox_id}"


def _json(value: str | int | float | bool | None) -> str | int | float | bool | None:
    if isinstance(value, str):
        return plain(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value  # NaN is no JSON (RFC 8259 §6)


def failure(
    name: str, error: BaseException, *, level: int = logging.ERROR, **detail: str | int | float | bool | None
) -> None:
    """One line about an exception: which kinds led to it and where it was raised. Its text may quote a mail."""
    log_event(name, level=level, **detail, kind=kinds(error), at=place(error.__traceback__))


def plain(text: str) -> str:
    """The first line of ``text``, addresses taken out, cut where it is too long."""
    first = text.partition("\n")[0][:_LONGEST]
    if not first.isascii():
        first = first.encode("utf-8", "backslashreplace").decode()
    return _ADDRESS.sub("[address]", first) if "@" in first else first


def kinds(error: BaseException) -> str:
    """The exception's class and those of what caused it: "DatabaseUnavailable < OperationalError"."""
    return " < ".join(type(each).__name__ for each in _chain(error))


def place(trace: TracebackType | None) -> str:
    """ "module:line" of the innermost frame, behind that of ours which led there: "mailbot.web.app:70 > json:12"."""
    found: list[tuple[str, int]] = []
    while trace is not None:
        found.append((trace.tb_frame.f_globals.get("__name__", "?"), trace.tb_lineno))
        trace = trace.tb_next
    ours = [frame for frame in found if frame[0].partition(".")[0] == "mailbot"]
    return " > ".join(f"{module}:{line}" for module, line in dict.fromkeys(ours[-1:] + found[-1:]))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
