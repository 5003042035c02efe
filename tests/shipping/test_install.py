"""docs/operating.md, *Install*, line by line: at its end every command has worked and the service starts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.servers import free_port
from tests.support import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE.split("## Install\n")[1].split("\n## ")[0], re.MULTILINE | re.DOTALL)
LINES = [line.split("   #")[0].strip() for block in BLOCKS for line in block.splitlines()]
OF_THE_MACHINE = (
    "git clone",
    "cd /opt/mailbot",
    "ln -s",
    "adduser",
    "chmod",
    "chown",
    "cp deploy/mailbot.service",
    "systemctl",
)
"""What the test does not do to the machine it runs on."""
ANSWERS = ("lmtp.listen", "web.listen", "console.listen")


def place(line: str, folder: Path) -> str:
    """``line`` as it must be in ``folder``."""
    here = {
        "runuser -u mailbot -- mailbot": f"{sys.executable} -m mailbot",
        "mailbot init": f"{sys.executable} -m mailbot init --yes"
        + "".join(f" --set {key}=127.0.0.1:{free_port()}" for key in ANSWERS),
        "/opt/mailbot/deploy": str(ROOT / "deploy"),
        "/etc/mailbot": f"{folder}/etc",
        "/var/lib/mailbot": f"{folder}/var",
    }
    for old, new in here.items():
        line = line.replace(old, new)
    return line


def test_every_line_is_followed_or_left_to_the_machine() -> None:
    mine = [line for line in LINES if not line.startswith(OF_THE_MACHINE)]
    assert [line.split()[0] for line in mine] == ["mailbot", "cd", *["runuser"] * 4]


def test_who_follows_the_page_has_a_mailbot_that_runs(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAILBOT_")}
    environment = {**clean, "PYTHONPATH": str(ROOT)}
    lines = [place(line, tmp_path) for line in LINES if not line.startswith(OF_THE_MACHINE)]
    *followed, doctor = lines
    script = "\n".join(("set -eu", "umask 077", *followed))
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "temporary password" in done.stdout

    asked = subprocess.run(
        ["sh", "-c", doctor], cwd=tmp_path / "etc", env=environment, capture_output=True, text=True, timeout=300
    )
    wrong = [line for line in asked.stdout.splitlines() if line.startswith("✗")]
    assert [line for line in wrong if not line.startswith("✗ delivery")] == [], "no outgoing server is here"
    assert "Traceback" not in asked.stdout + asked.stderr

    before = sorted(str(path) for path in (tmp_path / "etc").rglob("*"))
    log = tmp_path / "log"
    with log.open("wb") as told:
        command = [sys.executable, "-m", "mailbot", "run", "--config", str(tmp_path / "etc" / "mailbot.toml")]
        process = subprocess.Popen(command, cwd=tmp_path / "var", env=environment, stdout=told, stderr=told)
    deadline = time.monotonic() + 300
    while b'"started"' not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, log.read_text()
    after = sorted(str(path) for path in (tmp_path / "etc").rglob("*"))
    assert after == before, "the unit may write into its state folder alone"
    assert {path.name for path in (tmp_path / "var").iterdir()} >= {"mailbot.db", "mailbot.key"}
