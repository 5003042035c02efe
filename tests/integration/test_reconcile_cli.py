"""`mailbot reconcile` as an operator calls it, against a real Dovecot: words, JSON, exit codes, metrics."""

from __future__ import annotations

import asyncio
import imaplib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select

from mailbot.cli import cli
from mailbot.observe import utc_now
from mailbot.service import doctor
from mailbot.service.places import settings
from mailbot.storage.engine import connect
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import inbox
from mailbot.web.metrics import measure
from tests.integration.servers import PASSWORD, USER, Dovecot, dovecot

DONE = "Processed"


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


def office(folder: Path, server: Dovecot) -> Path:
    folder.mkdir()
    (folder / "password").write_text(PASSWORD)
    file = folder / "mailbot.toml"
    file.write_text(
        f'[database]\nurl = "sqlite:///{folder}/mailbot.db"\n[secret]\nkey_file = "{folder}/key"\n'
        f'[imap]\nhost = "127.0.0.1"\nport = {server.imaps}\nca_file = "{server.tls.ca}"\nuser = "{USER}"\n'
        f'password_file = "{folder}/password"\ndone_folder = "{DONE}"\nsince = 2026-01-01\n'
    )
    return file


def append(server: Dovecot, count: int) -> None:
    client = imaplib.IMAP4("127.0.0.1", server.imap, timeout=30)
    client._encoding = "utf-8"  # type: ignore[attr-defined]  # the password is not ASCII
    client.login(USER, PASSWORD)
    client.create(DONE)
    for n in range(count):
        client.append(DONE, "", '"02-Mar-2026 08:30:00 +0100"', f"Message-ID: <{n}@a.example>\r\n\r\n{n}\r\n".encode())
    client.append(DONE, "", '"02-Mar-2020 08:30:00 +0100"', b"Subject: before the day\r\n\r\n")
    client.logout()


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["reconcile", "--config", str(file), *arguments])


def engine(file: Path) -> Engine:
    return connect(f"sqlite:///{file.parent}/mailbot.db")


def metrics(file: Path) -> dict[str, float]:
    opened = engine(file)
    try:
        with opened.begin() as connection:
            row = {"mailbox": f"{USER}@127.0.0.1/INBOX", "uidvalidity": 1, "last_uid": 0, "polled_at": utc_now()}
            connection.execute(imap_cursor.insert(), row)
            return {s.name: s.value for family in measure(connection, utc_now()) for s in family.samples}
    finally:
        opened.dispose()


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_after_a_loss_of_the_database(tmp_path: Path, server: Dovecot) -> None:
    append(server, 3)
    file = office(tmp_path / "a", server)
    looked = run(file, "--dry-run", "--json")
    assert looked.exit_code == 1
    found = {"folder": DONE, "compared": 4, "missing": 3, "taken": 0, "failed": 0}
    assert lines(looked) == [found, {**found, "folder": "INBOX", "compared": 0, "missing": 0}]
    taken = run(file, "--take-over")
    assert taken.exit_code == 0
    assert taken.stdout.splitlines()[0] == f"{DONE}: 4 messages, 3 missing, 3 taken in"
    assert lines(run(file, "--json"))[0] == {**found, "missing": 0}
    with engine(file).connect() as connection:
        assert connection.execute(select(func.count()).select_from(inbox)).scalar_one() == 3
    told = metrics(file)
    assert told["mailbot_imap_reconciled_missing"] == 0
    assert 0 <= told["mailbot_imap_reconciled_age_seconds"] < 60

    other = office(tmp_path / "b", server)
    refused = run(other)
    assert refused.exit_code == 1
    assert "mailbot reconcile --take-over" in str(refused.exception)
    checked = asyncio.run(doctor.examine(settings(other)))
    assert next(one for one in checked if one.what == "imap").works is False
    checked = asyncio.run(doctor.examine(settings(file)))
    assert next(one for one in checked if one.what == "imap").works


def test_without_a_mailbox_there_is_nothing_to_compare(tmp_path: Path) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text("")
    assert "[imap] host: is empty" in str(run(file).exception)


def test_a_wrong_day_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text('[imap]\nsince = "yesterday"\n[intake]\noldest_days = 0\n')
    told = str(run(file).exception)
    assert "[imap] since: 'yesterday' is no day; mend: write 2026-11-01" in told
    assert "[intake] oldest_days: not a number of days; mend: write 7" in told
