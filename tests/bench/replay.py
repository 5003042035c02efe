"""``make bench ARGS=replay``: how many stored mails a second another rule set decides again."""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from mailbot.config import AuthenticationSettings, DatabaseSettings, SecretSettings, Settings
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import utc_now
from mailbot.outbox import jobs
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.schema import inbox
from tests.bench.mails import citizens
from tests.citizens import AUTHSERV_ID
from tests.flow import mail

_BATCH = 100
_TEXTS = (
    "Nie widzę na pulpicie dokumentu wysłanego wczoraj. ",
    "Proszę o usunięcie konta. ",
    "Ile osób może korzystać z systemu Wrota Celne? ",
    "Chcę zgłosić niebieski traktor i nie wiem, jak wypełnić formularz. ",
)
_FILLER = "Od kilku dni nie mogę wejść do systemu i proszę o pomoc w tej sprawie, bo nie mam już innej drogi. "


def main(arguments: Sequence[str]) -> None:
    """Fill a database by the real flow, decide it again, print."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=replay", description=__doc__)
    parser.add_argument("--mails", type=int, default=10_000, help="stored mails, (%(default)s)")
    parser.add_argument("--size", type=int, default=2_048, help="octets of a text (%(default)s)")
    options = parser.parse_args(arguments)
    print(f"python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{options.mails:,} mails of {options.size:,} octets, all of them opened")
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-") as name:
        folder = Path(name)
        _fill(folder, options.mails, options.size)
        for label, switches in {
            "1 process": ("--jobs", "1"),
            f"{os.cpu_count()} processes": (),
            "stored facts": ("--stored-facts",),
        }.items():
            wall, cpu = _replay(folder, *switches)
            print(f"{label}: {wall:.1f} s, {options.mails / wall:,.0f} mails/s; {cpu:.1f} s of processors")


def _fill(folder: Path, count: int, size: int) -> None:
    (folder / "mailbot.toml").write_text(f'[authentication]\nauthserv_id = "{AUTHSERV_ID}"\n', encoding="utf-8")
    chosen = Settings(
        database=DatabaseSettings(f"sqlite:///{folder / 'mailbot.db'}"),
        authentication=AuthenticationSettings(AUTHSERV_ID),
        secret=SecretSettings(str(folder / "mailbot.key")),
    )
    parts = compose.build(chosen, rng=random.Random(1), resolver=StaticResolver({}))
    people = citizens(count)
    for first in range(0, count, _BATCH):
        now = utc_now()
        raws = [
            RawMessage(_mail(people[n].login, n, size), Envelope(Source.LMTP), now)
            for n in range(first, min(first + _BATCH, count))
        ]
        with parts.database.engine.begin() as connection:
            store(connection, raws, now, parts.secret)
            rows = jobs.claim(connection, inbox, "bench", now, timedelta(hours=1), _BATCH)
            batch = [(row, parts.pipeline.understand(raw)) for row, raw in zip(rows, raws, strict=True)]
            parts.pipeline.record(connection, "bench", batch, now)
    parts.database.engine.dispose()


def _mail(login: str, serial: int, size: int) -> bytes:
    text = _TEXTS[serial % len(_TEXTS)]
    body = f"{text}{_FILLER * (size // len(_FILLER))}Sprawa {serial}."
    return mail(login, body, subject=f"Sprawa {serial}", name=f"bench-{serial}")


def _replay(folder: Path, *options: str) -> tuple[float, float]:
    """Seconds by the clock, and of all processors together."""
    command = [sys.executable, "-m", "mailbot", "rules", "replay", *options]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"replay found differences: {done.stdout[-500:]}{done.stderr[-500:]}")
    return seconds, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
