"""Another update of our Python, mostly that of Debian, runs what leans on the interpreter: processes that pickle, time
limits, TLS, mails. An update may change what a name does, and who installs mailbot has the one he has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support import ROOT

_MINE = sys.version_info[:3]
_NAME = f"python{_MINE[0]}.{_MINE[1]}"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of the other Python, with all packages of this one: their ABI is the same."""
    for place in filter(None, (shutil.which(_NAME), f"/usr/bin/{_NAME}")):
        told = subprocess.run([place, "-V"], capture_output=True, text=True, check=False)
        if told.returncode or told.stdout.split()[-1] == ".".join(map(str, _MINE)):
            continue
        folder = tmp_path_factory.mktemp("other")
        subprocess.run([place, "-m", "venv", "--without-pip", folder], check=True, timeout=300)
        packages = folder / "lib" / _NAME / "site-packages"
        packages.rmdir()
        packages.symlink_to(sysconfig.get_path("purelib"))  # in its place: a locked process reads no other
        (folder / "share").symlink_to(Path(sysconfig.get_path("data"), "share"))  # what pictures are read with
        return folder / "bin" / "python"
    pytest.skip(f"there is no {_NAME} but ours on this machine")


@pytest.mark.parametrize("folder", ["workers", "ingress", "delivery", "parsing", "sender"])
def test_its_tests_pass_there(other: Path, folder: str) -> None:
    ours = ("PYTEST_XDIST", "MAILBOT_LONG")  # the second job chooses a few of these tests
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = [other, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", f"tests/unit/{folder}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=890)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr


def test_the_whole_story_is_played_there(other: Path, tmp_path: Path) -> None:
    command = [other, "-m", "mailbot", "demo", "--once", "--folder", tmp_path / "demo"]
    command += ["--port", "0", "--desk-port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=890)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
