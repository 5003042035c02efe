"""The log of a process: one line a record, no values of others, and no cause that fills the disk.

Records of libraries are told by their template, without values; exceptions, whoever logs them, by kind and place.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from mailbot import observe
from mailbot.config import LogForm

_WINDOW = 60.0  # seconds in which a repetition is counted instead of written
_OF_ONE_KIND = 60  # different lines of one kind that are written in a window
_WORDS = re.compile(r"(?:[\w .,;-]|\(\))*")
"""The part of asyncio's finished text before any value: it puts a repr, quotes or a new line there."""

_STEP = re.compile(r'\{"step": "([^"]*)"')


@dataclass(slots=True)
class _Kind:
    """What one window has seen of a kind of lines: the lines themselves, and how many were left out."""

    until: float
    lines: set[str]
    left_out: int = 0


class Throttle:
    """Says a thing once and counts the rest. ``clock`` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def admits(self, kind: str, line: str) -> bool:
        """Whether ``line`` is to be written: it is new in this window, and not too many of its kind were."""
        seen = self._kinds.setdefault(kind, _Kind(self._clock() + _WINDOW, set()))
        if line in seen.lines or len(seen.lines) >= _OF_ONE_KIND:
            seen.left_out += 1
            return False
        seen.lines.add(line)
        return True

    def over(self, *, all_of_them: bool = False) -> list[tuple[str, int]]:
        """Kinds whose window is over, with the number of lines left out of it; those with none are only forgotten."""
        now = self._clock()
        ended = [kind for kind, seen in self._kinds.items() if all_of_them or seen.until <= now]
        found = [(kind, self._kinds.pop(kind).left_out) for kind in ended]
        return [(kind, left_out) for kind, left_out in found if left_out]


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes to ``stream``; warnings and errors go through the throttle, the lines of the work do not."""

    def __init__(
        self,
        stream: TextIO,
        throttle: Throttle | None = None,
        form: LogForm = "json",
        counted: Callable[[str], None] | None = None,
    ) -> None:
        """``counted`` hears the level of each line, written or left out."""
        super().__init__(stream)
        self._counted = counted
        self.setFormatter(_Json() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._throttle = throttle or Throttle()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, and before it what windows that are over have left out."""
        self._tell_left_out(self._throttle.over())
        if self._counted is not None:
            self._counted(record.levelname.lower())
        ours = isinstance(record.msg, observe.LogEvent)
        if ours and record.levelno < logging.WARNING:  # nearly all
            super().emit(record)
            return
        kind, text = describe(record)
        if record.levelno < logging.WARNING or self._throttle.admits(kind, text):
            super().emit(record if ours else _made(record.levelno, text))

    def close(self) -> None:
        """Tell what was left out to the end."""
        self._tell_left_out(self._throttle.over(all_of_them=True))
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Say nothing: logging's own way prints the record with its values."""

    def _tell_left_out(self, kinds: list[tuple[str, int]]) -> None:
        for kind, count in kinds:
            text = json.dumps({"step": "log-repeated", "what": kind, "left_out": count, "seconds": int(_WINDOW)})
            super().emit(_made(logging.WARNING, text))


class _Json(logging.Formatter):
    """One object of JSON a line: when (UTC), how grave, and what the line says."""

    def format(self, record: logging.LogRecord) -> str:
        """In ASCII: a stream may know no more, and what it cannot write would be lost."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = record.getMessage()
        if isinstance(record.msg, observe.LogEvent) and text.isascii() and text.isprintable():  # nearly all
            return f'{{"time": "{at}", "level": "{record.levelname.lower()}", {text[1:]}'
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            told = {"step": "said", "text": text}
        return json.dumps({"time": at, "level": record.levelname.lower(), **told})


def describe(record: logging.LogRecord) -> tuple[str, str]:
    """The kind of a record, and its line without values. Our own lines have none (observe.log_event)."""
    if record.name == observe.log.name:
        text = record.getMessage()
        found = _STEP.match(text)
        return found[1] if found else "mailbot", text
    error = record.exc_info[1] if record.exc_info else None
    told = {"step": "library", "logger": record.name, "text": observe.plain(_template(record))}
    if error is not None:
        told |= {"kind": observe.kinds(error), "at": observe.place(error.__traceback__)}
    line = json.dumps(told, ensure_ascii=False)
    return f"{record.name}: {told['text']}", line


def _template(record: logging.LogRecord) -> str:
    """The constant part of a library's text; where that cannot be told from the values, the place that wrote it."""
    if record.args:
        return str(record.msg)
    return _words(str(record.msg)) if record.name == "asyncio" else f"{record.module}:{record.lineno}"


def _words(text: str) -> str:
    found = _WORDS.match(text)
    return found[0].strip() if found else ""


def _made(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord(observe.log.name, level, "", 0, "%s", (text,), None)


def to(
    stream: TextIO,
    level: int = logging.INFO,
    form: LogForm = "json",
    counted: Callable[[str], None] | None = None,
) -> None:
    """From now on everything this process logs, whoever logs it, goes to ``stream``; libraries from WARNING on."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells them
    root = logging.getLogger()
    ours = LogHandler(stream, form=form, counted=counted)
    root.handlers = [each for each in root.handlers if not isinstance(each, LogHandler)] + [ours]
    root.setLevel(logging.WARNING)
    observe.log.handlers = []
    observe.log.propagate = True
    observe.log.setLevel(level)


def keep_values_out() -> None:
    """What nobody caught, in whichever thread, and what Python warns of: into the log, by kind and place."""

    def uncaught(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
        observe.failure("uncaught", error, level=logging.CRITICAL)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            observe.failure("uncaught", args.exc_value, thread=args.thread.name if args.thread else None)

    def unraisable(args: Any) -> None:
        if args.exc_value is not None:
            observe.failure("unraisable", args.exc_value)

    def warned(message: object, category: type[Warning], filename: str, lineno: int, *_: object, **__: object) -> None:
        observe.log_event(
            "warning", level=logging.WARNING, kind=category.__name__, at=f"{Path(filename).name}:{lineno}"
        )

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
    warnings.showwarning = warned


def of_the_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For ``loop.set_exception_handler``: asyncio's own puts the repr of tasks and arguments into its text."""
    told = _words(str(context.get("message", "")))
    error = context.get("exception")
    if isinstance(error, BaseException):
        observe.failure("event-loop", error, what=told)
    else:
        observe.log_event("event-loop", level=logging.ERROR, what=told)
