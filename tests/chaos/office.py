"""mailbot as an administrator starts it: a settings file, ``mailbot run`` once or once for each role, and its clock.

The clock is libfaketime's: an offset to the machine's that all processes read anew each time, so that hours pass in an
instant, on the wall and on the monotonic clock. Where somebody sets the wall clock alone, tests.chaos.clocked does it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.certificates import make
from tests.citizens import AUTHSERV_ID
from tests.integration.servers import free_port
from tests.support import ROOT, missing

TOGETHER: tuple[tuple[str, ...], ...] = (("ingress", "worker", "delivery", "web"),)
APART: tuple[tuple[str, ...], ...] = (("ingress",), ("worker",), ("delivery", "web"))
TWICE: tuple[tuple[str, ...], ...] = (("ingress", "worker", "delivery", "web"), ("worker", "delivery"))
"""A second machine beside the first, on one PostgreSQL."""
_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_OWNER = 61_234
"""Where root runs the campaign, the program runs as an account of its own, as it should: root knows few limits. Of
root's rights it keeps the one to read: Python may lie in root's home."""
_ENVIRONMENT = {**os.environ, "TZ": "Europe/Warsaw"}
_AGAIN = 75  # exit code of a temporary failure
_PATIENCE = 180.0  # seconds for a start or an end on a busy machine
LARGEST = 2_000_000  # octets of a mail

SETTINGS = """\
[database]
url = "{url}"
lock_seconds = 1
statement_seconds = 3
idle_seconds = 1
connect_seconds = 2
peer_seconds = 4
[secret]
key_file = "{folder}/mailbot.key"
[authentication]
authserv_id = "{authserv_id}"
max_age_days = 36500
missing = "none"
[delivery]
port = {relay}
tls = "{tls}"
timeout_seconds = 1
[web]
listen = "127.0.0.1:{web}"
public_url = "http://127.0.0.1:{web}"
behind_tls = false
[console]
listen = ""
[rules]
directory = "{folder}/rules"
reload_seconds = 1
[worker]
lease_seconds = 120
{more}
"""


@dataclass(eq=False)
class Process:
    """One ``mailbot run``."""

    roles: tuple[str, ...]
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def children(self) -> list[int]:
        """The locked processes that understand mails and check signatures."""
        found = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for file in found for pid in file.read_text().split()]


@dataclass
class Office:
    """A folder with settings and the processes that run on them."""

    folder: Path
    state: Path
    """Where the SQLite file lies: a small file system of its own."""
    url: str
    groups: Sequence[tuple[str, ...]]
    relay: int
    sections: str = ""
    """Ways in other than LMTP."""
    wall_only: bool = False
    """Whether a jump of the clock leaves the monotonic clock alone: somebody set it. Otherwise time has passed."""
    authority: Path | None = None
    """PEM file of whoever vouches for the relay; None: it is spoken to in clear."""
    nameserver: str = ""
    """In the place of the system's, for its processes alone."""
    lmtp: int = field(default_factory=free_port)
    web: int = field(default_factory=free_port)
    offset: timedelta = timedelta()
    running: list[Process] = field(default_factory=list)
    _started: int = 0

    def __post_init__(self) -> None:
        for place in {self.folder, self.state} if _is_root() else ():
            os.chown(place, _OWNER, _OWNER)
        shutil.copytree(ROOT / "rules", self.rules)
        more = self.sections or self._lmtp()
        tls = "starttls" if self.authority else "plain"
        text = SETTINGS.format(
            url=self.url,
            tls=tls,
            folder=self.folder,
            authserv_id=AUTHSERV_ID,
            relay=self.relay,
            web=self.web,
            more=more,
        )
        self.config.write_text(text, encoding="utf-8")
        self.set_clock(self.offset)

    def _lmtp(self) -> str:
        files = make(self.folder)
        if self.nameserver:
            return f'[smtp]\nlisten = "127.0.0.1:{self.lmtp}"\nauthentication = "own"\n'
        return (
            f'[lmtp]\nlisten = "127.0.0.1:{self.lmtp}"\nmax_size = {LARGEST}\n'
            f'tls_certificate = "{files.certificate}"\ntls_key = "{files.key}"\n'
        )

    @property
    def rules(self) -> Path:
        """The folder of its rule set."""
        return self.folder / "rules"

    @property
    def config(self) -> Path:
        return self.folder / "mailbot.toml"

    def now(self) -> datetime:
        """What the processes believe."""
        return datetime.now(UTC) + self.offset

    def set_clock(self, offset: timedelta) -> None:
        """Let all processes live ``offset`` from now."""
        self.offset = offset
        told = f"{offset.total_seconds():+024f}\n"  # always as long, so that one write in its place says all
        if not self._clock_file.exists():
            self._clock_file.write_text(told)
        with self._clock_file.open("r+") as file:
            file.write(told)

    def pass_time(self, span: timedelta) -> None:
        """So much time goes by in which nothing happens. Who sleeps in the kernel is woken to see it."""
        self.set_clock(self.offset + span)
        for process in self.running:
            process.popen.send_signal(signal.SIGHUP)  # an administrator's word that changes nothing

    def start(self) -> None:
        """Start what does not run, and wait until it listens."""
        fresh = [self.spawn(group) for group in self.groups if all(p.roles != group for p in self.running)]
        for process in fresh:
            while not self.wait_until_started(process):
                process = self.spawn(process.roles)

    def spawn(self, roles: tuple[str, ...], stderr: int | None = None) -> Process:
        """Begin to start one process. ``stderr``: the descriptor it logs to, in the place of a file of its own."""
        self._started += 1
        log = self.folder / f"log-{self._started}"
        arguments = [word for role in roles for word in ("--role", role)]
        command = [*self._program(), "run", "--config", str(self.config), *arguments]
        with log.open("wb") as told:
            popen = subprocess.Popen(
                command, cwd=ROOT, stdout=told, stderr=told if stderr is None else stderr, env=_ENVIRONMENT
            )
        process = Process(roles, popen, log)
        self.running.append(process)
        return process

    def wait_until_started(self, process: Process) -> bool:
        """False when it asks to be started again, as systemd does; AssertionError with the log when it ends else."""
        deadline = time.monotonic() + _PATIENCE
        while b'"started"' not in process.log.read_bytes():
            if process.popen.poll() == _AGAIN:
                self.running.remove(process)
                return False
            if not process.alive or time.monotonic() > deadline:
                raise AssertionError(f"mailbot did not start ({process.popen.poll()}):\n{process.log.read_text()}")
            time.sleep(0.01)
        return True

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any other command, as an administrator would give it."""
        command = [*self._program(), *arguments, "--config", str(self.config)]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def kill(self, process: Process) -> None:
        """``kill -9``."""
        process.popen.kill()
        self.gone(process)

    def terminate(self, process: Process) -> int:
        """SIGTERM, as systemd does. Returns the exit code."""
        process.popen.send_signal(signal.SIGTERM)
        return self.gone(process)

    def gone(self, process: Process) -> int:
        """Wait until it has ended. Returns the exit code."""
        code = process.popen.wait(_PATIENCE)
        self.running.remove(process)
        for left in Path("/dev/shm").glob(f"*faketime_*_{process.pid}"):  # of a clock that was killed
            left.unlink(missing_ok=True)
        return code

    def logged(self) -> str:
        """Everything that the processes wrote."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("log-*")))

    def _program(self) -> list[str]:
        """The variables are for Python alone: what becomes another account must not have begun the clock as root."""
        python = [
            *self._in_own_place(),
            *as_an_account(),
            "env",
            *(f"{name}={value}" for name, value in self._variables().items()),
        ]
        module = ["tests.chaos.clocked", str(self._clock_file)] if self.wall_only else ["mailbot"]
        return [*python, sys.executable, "-m", *module]

    def _in_own_place(self) -> list[str]:
        if not self.nameserver:
            return []
        file = self.folder / "resolv.conf"
        file.write_text(f"nameserver {self.nameserver}\noptions timeout:1 attempts:1\n")
        return ["unshare", "--mount", "sh", "-c", f'mount --bind {file} /etc/resolv.conf && exec "$@"', "sh"]

    def _variables(self) -> dict[str, str]:
        trust = {"SSL_CERT_FILE": str(self.authority)} if self.authority else {}
        if self.wall_only:
            return trust
        return {
            **trust,
            "LD_PRELOAD": str(_FAKETIME[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock_file),
            "FAKETIME_NO_CACHE": "1",
        }

    @property
    def _clock_file(self) -> Path:
        return self.folder / "clock"


def _is_root() -> bool:
    return os.geteuid() == 0


def as_an_account() -> list[str]:
    """What stands before a command that the program's own account is to run."""
    if not _is_root():
        return []
    rights = [f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--clear-groups", *rights]


@contextmanager
def ended(office: Office) -> Iterator[Office]:
    """Whatever happens, no process of the office is left."""
    if not _FAKETIME:
        missing("libfaketime")
    try:
        yield office
    finally:
        for process in list(office.running):
            process.popen.send_signal(signal.SIGCONT)
            office.kill(process)
