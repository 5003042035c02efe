"""The log: a cause is said once and counted, and no value of a mail, an account or a library stands in it."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailbot
from mailbot import logs
from mailbot.logs import Handler, Throttle, describe
from mailbot.observe import Event, failure, log_event

ADDRESS = "jan.kowalski@wp.example"
SECRET = f"{ADDRESS}: hasło Tajne!1, Jan Kowalski"


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def out(time: Time) -> Iterator[io.StringIO]:
    """What the process's log holds; every logger of the process writes there."""
    root, ours = logging.getLogger(), logging.getLogger("mailbot")
    level, handlers, own = root.level, root.handlers[:], ours.level
    stream = io.StringIO()
    logs.to(stream)
    for handler in root.handlers:
        if isinstance(handler, Handler):
            handler._throttle = Throttle(time)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    ours.setLevel(own)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """What they say, without their moment and level."""
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all(line.pop("time") and line.pop("level") for line in found)
    return found


@pytest.mark.parametrize(
    "text",
    [
        *('{"step": "a", "n": 1}', '{"step": "żółw", "n": 1}', '{"step": "a\x7f"}'),
        *("plain words", '{"step": "a"', "[1]", '{"other": "\\u0105"}', '{"step": "a\\u0105", "x": null}'),
    ],
)
def test_a_line_is_an_object_in_ascii_whatever_was_said(text: str) -> None:
    made = [Event(text)] if text.startswith('{"step"') and text.endswith("}") else []
    (line, *again) = (
        logs._Json().format(logging.LogRecord("mailbot", logging.INFO, "", 0, one, None, None)) for one in (text, *made)
    )
    assert [json.loads(one) | {"time": ""} for one in again] == [json.loads(line) | {"time": ""}] * len(again)
    assert all(one.isascii() and one.isprintable() for one in again)
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    told = json.loads(line)
    assert line.isascii()
    assert line.isprintable()
    assert told == {"time": told["time"], "level": "info", **(said if isinstance(said, dict) else told)}
    assert isinstance(said, dict) or told["text"] == text


def test_a_repeated_line_is_said_once_and_counted(time: Time) -> None:
    throttle = Throttle(time)
    assert [throttle.admits("accept", "no descriptors") for _ in range(1000)] == [True] + [False] * 999
    assert throttle.over() == []
    time.now = 60
    assert throttle.over() == [("accept", 999)]
    assert throttle.over() == []
    assert throttle.admits("accept", "no descriptors"), "it is said again in the next minute"


def test_of_lines_that_differ_only_so_many_are_written(time: Time) -> None:
    throttle = Throttle(time)
    written = sum(throttle.admits("refused", f"peer {n}") for n in range(100_000))
    assert written == 60
    time.now = 61
    assert throttle.over() == [("refused", 100_000 - 60)]


def test_one_cause_does_not_silence_another(time: Time) -> None:
    throttle = Throttle(time)
    assert throttle.admits("accept", "x")
    assert throttle.admits("sla-breach", "ZGL0000001")
    assert throttle.admits("sla-breach", "ZGL0000002")


def test_what_was_left_out_is_told_with_the_next_line_and_at_the_end(out: io.StringIO, time: Time) -> None:
    for _ in range(500):
        log_event("worker-paused", level=logging.WARNING, reason="locked")
    assert len(lines(out)) == 1
    time.now = 75
    log_event("decided", inbox=1)
    assert [line["step"] for line in lines(out)] == ["worker-paused", "log-repeated", "decided"]
    assert lines(out)[1] == {"step": "log-repeated", "what": "worker-paused", "left_out": 499, "seconds": 60}
    for _ in range(3):
        log_event("worker-paused", level=logging.WARNING, reason="locked")
    next(h for h in logging.getLogger().handlers if isinstance(h, Handler)).close()
    assert lines(out)[-1]["left_out"] == 2


def test_the_lines_of_the_work_are_never_left_out(out: io.StringIO) -> None:
    for _ in range(200):
        log_event("lmtp-stored", inbox=1)
    assert len(lines(out)) == 200


def raise_secret() -> None:
    raise ValueError(SECRET)


def flood_of_asyncio() -> None:
    """As asyncio logs when there are no descriptors: finished text, with a traceback."""
    try:
        raise OSError(24, "Too many open files")
    except OSError as error:
        text = "socket.accept() out of system resource\nsocket: <asyncio.TransportSocket fd=7>"
        logging.getLogger("asyncio").error(text, exc_info=error)


def test_a_thousand_failed_accepts_are_one_line(out: io.StringIO) -> None:
    for _ in range(1000):
        flood_of_asyncio()
    (line,) = lines(out)
    assert line["text"] == "socket.accept() out of system resource"
    assert line["kind"] == "OSError"
    assert len(out.getvalue()) < 400


def test_a_library_is_told_by_its_template(out: io.StringIO) -> None:
    try:
        raise_secret()
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", ADDRESS)
    logging.getLogger("mail.log").warning("%r unrecognised: %s", ("192.0.2.1", 1), SECRET)
    logging.getLogger("pyhanko").warning(f"Could not read Jan Kowalski of {SECRET}")
    logging.getLogger("asyncio").error(f"Exception in callback handle('{ADDRESS}')")
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: <Task {SECRET}>")
    told = lines(out)
    assert [line["text"] for line in told] == [
        "Error handling request from %s",
        "%r unrecognised: %s",
        told[2]["text"],
        "Exception in callback handle",
        "Task exception was never retrieved",
    ]
    assert re.fullmatch(r"test_logs:\d+", str(told[2]["text"]))
    assert told[0]["kind"] == "ValueError"
    assert "test_logs:" in str(told[0]["at"])
    check_silence(out)


def check_silence(out: io.StringIO) -> None:
    for secret in (ADDRESS, "Tajne", "Kowalski", "192.0.2.1", "Traceback"):
        assert secret not in out.getvalue()


async def test_what_nobody_catches_is_told_without_values(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    logs.keep_values_out()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.of_the_loop)

    thread = threading.Thread(target=raise_secret)
    thread.start()
    thread.join()
    try:
        raise_secret()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
        sys.unraisablehook(type("Args", (), {"exc_value": error})())  # type: ignore[arg-type]
    warnings.showwarning(UserWarning(SECRET), UserWarning, __file__, 7)
    loop.call_soon(lambda _: raise_secret(), SECRET)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    told = lines(out)
    assert [line["step"] for line in told] == ["uncaught", "uncaught", "unraisable", "warning", "event-loop"]
    assert str(told[-1]["what"]).startswith("Exception in callback")
    check_silence(out)


def test_a_failure_tells_kinds_and_place(out: io.StringIO) -> None:
    try:
        try:
            raise_secret()
        except ValueError as error:
            raise LookupError(SECRET) from error
    except LookupError as error:
        failure("step-failed", error, worker="decide-0", reason=f"no {ADDRESS} here\nDETAIL: {SECRET}")
    (line,) = lines(out)
    assert line["kind"] == "LookupError < ValueError"
    assert str(line["at"]).rpartition(":")[2].isdigit()
    assert line["reason"] == "no [address] here"
    check_silence(out)


def test_a_record_of_our_own_is_told_as_it_is() -> None:
    record = logging.LogRecord("mailbot", logging.WARNING, "", 0, '{"step": "imap-interrupted", "a": 1}', (), None)
    assert describe(record) == ("imap-interrupted", '{"step": "imap-interrupted", "a": 1}')


PACKAGE = Path(mailbot.__file__).parent
MAY_LOG = {"observe.py", "logs.py"}


def test_nothing_else_logs_exceptions() -> None:
    """Only observe.failure tells of an exception, and only logs.py of records of others."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.relative_to(PACKAGE).as_posix() in MAY_LOG:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = (node.value.id, node.attr)
                loud = node.value.id in ("log", "logger") and node.attr in vars(logging.Logger)
                formats = node.value.id == "traceback" and node.attr.startswith(("format", "print"))
                if loud or formats or called in {("sys", "exc_info"), ("warnings", "warn")}:
                    found.append(f"{file.name}:{node.lineno}: {called}")
            if isinstance(node, ast.keyword) and node.arg in ("exc_info", "stack_info"):
                found.append(f"{file.name}:{node.value.lineno}: {node.arg}")
    assert not found
