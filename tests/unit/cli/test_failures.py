"""How the command line ends: exit codes, a closed pipe, an interrupt."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from mailbot.cli import failures, main
from mailbot.cli.completion import completion
from mailbot.errors import ConfigError, DatabaseGone, DatabaseUnavailable

_BROKEN = OperationalError("SELECT secret", {}, Exception("disk I/O error"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 78),
        (DatabaseUnavailable("x"), 75),
        (DatabaseGone("x"), 78),
        (_BROKEN, 75),
        (OperationalError("SELECT 1", {}, Exception("no such table: inbox")), 78),
        (PermissionError(13, "Permission denied", "mailbot.key"), 74),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), 75),
        (OSError(errno.EMFILE, "Too many open files", "mailbot.toml"), 75),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 75),
        (MemoryError(), 75),
        (RuntimeError("can't start new thread"), 75),
    ],
)
def test_what_a_person_or_the_machine_causes_has_a_code(error: Exception, code: int) -> None:
    told = failures.told(error)
    assert told is not None
    assert told.code == code
    assert "SELECT" not in told.words


@pytest.mark.parametrize("error", [KeyError("x"), IntegrityError("INSERT", {}, Exception("UNIQUE"))])
def test_a_fault_of_the_program_keeps_its_traceback(error: Exception) -> None:
    assert failures.told(error) is None


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mailbot", "completion", "bash"])
    monkeypatch.setattr(completion, "callback", lambda shell: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts us in the background ignores it
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130


@pytest.mark.parametrize("words", [["rules", "schema"], ["--help"], ["api", "schema"]])
def test_a_reader_that_goes_away_is_no_traceback(words: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mailbot", *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
