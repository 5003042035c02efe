"""What is installed from a wheel works outside of any checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support import ROOT

Mailbot = Callable[..., "subprocess.CompletedProcess[str]"]
_LEFT_OUT = shutil.ignore_patterns(".*", "tests", "docs", "__pycache__", "build", "*.egg-info")


@pytest.fixture(scope="module")
def mailbot(tmp_path_factory: pytest.TempPathFactory) -> Mailbot:
    """The program from a wheel, with the dependencies of this environment, started in an empty folder."""
    place = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, place / "source", ignore=_LEFT_OUT)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    made = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(place / "source")]
    subprocess.run(made, check=True, timeout=600)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(place / "site"), str(wheel)], check=True, timeout=600)
    (place / "work").mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(place / "site")}
        words = [sys.executable, "-m", "mailbot", *arguments]
        return subprocess.run(words, cwd=place / "work", env=environment, capture_output=True, text=True, timeout=600)

    return run


def test_the_demo_plays_and_every_command_works_on_what_it_left(mailbot: Mailbot) -> None:
    played = mailbot("demo", "--once")
    assert played.returncode == 0, played.stdout[-2000:] + played.stderr
    settings = ("--config", ".demo/mailbot.toml")
    for words in (
        "tickets list",
        "queue ls",
        "outbox ls",
        "operators list",
        "audit verify",
        "rules hits",
        "notices list",
    ):
        told = mailbot(*words.split(), *settings)
        assert (told.returncode, told.stderr) == (0, ""), words
    assert "ZGL2400001" in mailbot("tickets", "list", "--limit", "500", *settings).stdout


def test_an_office_begins_with_init(mailbot: Mailbot) -> None:
    made = mailbot("init", "office", "--yes")
    assert (made.returncode, made.stderr) == (0, "")
    checked = mailbot("rules", "check", "office/rules")
    assert checked.returncode == 0, checked.stdout
    doctor = mailbot("doctor", "--config", "office/mailbot.toml")
    assert "✓ rules" in doctor.stdout
    assert "Traceback" not in doctor.stdout + doctor.stderr
