"""What citizens should not have written is nowhere in the database to be read; the right key still opens the mail."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select, update

from mailbot.cli import cli
from mailbot.config import WorkerSettings
from mailbot.inbox import message_of, store
from mailbot.model import REQUIRED_SUBJECT, Envelope, RawMessage, Source
from mailbot.observe import Clock as AnyClock
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.keys import KeyStore
from mailbot.storage.schema import inbox, metadata, raw_message, ticket
from mailbot.workers.decide import DecideWorker
from tests.citizens import AUTHSERV_ID, HELPDESK
from tests.flow import GOOD, JAN, Clock, add_accounts, settings

PESEL, IDSISC, PASSWORD = "44051401359", "PL987654321098765", "Kotek-Puszek7"
SECRETS = (PESEL, "440514 01359", IDSISC, PASSWORD)
BODY = f"{GOOD}\n\nMój PESEL: {PESEL} (440514 01359), IDSISC {IDSISC}.\nMoje hasło dostępowe: {PASSWORD}\nŻegnam\n"
SUBJECTS = (
    REQUIRED_SUBJECT,
    f"{REQUIRED_SUBJECT} {PESEL}",  # a near miss, whose difference is told
    f"HASLO AWARYJNE PUESC PROCEDURA SPECJALNA hasło: {PASSWORD}",
    f"Odp: {REQUIRED_SUBJECT} IDSISC {IDSISC}",
    f"Zmiana hasła, {IDSISC}",
)
MASKED = ("Mój PESEL: [PESEL] ([PESEL]), IDSISC [IDSISC].", "Moje hasło dostępowe: [usunięto]")


def written(number: int, subject: str, encoding: str, *, attachment: bool) -> bytes:
    """A mail of JAN as our MX hands it over."""
    mail = EmailMessage()
    mail["Authentication-Results"] = f"{AUTHSERV_ID}; dmarc=pass header.from={JAN.login.partition('@')[2]}"
    mail["From"], mail["To"], mail["Subject"] = JAN.login, HELPDESK, subject
    mail["Message-ID"], mail["Date"] = f"<{number}@wp.example>", "Wed, 04 Mar 2026 10:00:00 +0100"
    mail.set_content(BODY, cte=encoding)
    if attachment:
        mail.add_attachment(BODY.encode(), maintype="text", subtype="plain", filename=f"dane {PESEL}.txt")
    return mail.as_bytes()


MAILS = [
    written(10 * n + 2 * m + attachment, subject, encoding, attachment=bool(attachment))
    for n, subject in enumerate(SUBJECTS)
    for m, encoding in enumerate(("quoted-printable", "base64", "8bit"))
    for attachment in (False, True)
]


def spellings(text: str) -> list[bytes]:
    """As written, and as it may stand within Base64 at each of its three places."""
    shifted = [b64encode(b"\0" * shift + text.encode())[2 * shift : -4].strip(b"=") for shift in range(3)]
    return [text.encode(), *(part[4:] if shift else part for shift, part in enumerate(shifted))]


NEEDLES = [spelling for text in SECRETS for spelling in spellings(text)]


def found(octets: bytes) -> list[bytes]:
    return [needle for needle in NEEDLES if needle in octets]


def dump(engine: Engine) -> bytes:
    """Every column of every row of every table."""
    with engine.connect() as connection:
        values = [v for table in metadata.sorted_tables for row in connection.execute(select(table)) for v in row]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


def files(folder: Path) -> bytes:
    """The database file of SQLite and its write-ahead log."""
    return b"".join(file.read_bytes() for file in folder.glob("test.db*"))


@asynccontextmanager
async def office(engine: Engine, folder: Path, clock: AnyClock) -> AsyncIterator[tuple[compose.Parts, DecideWorker]]:
    chosen = settings(engine.url.render_as_string(hide_password=False), folder / "key", 1)
    chosen = replace(chosen, worker=WorkerSettings(attempts=2))
    parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
    try:
        yield parts, DecideWorker("w", parts.database, parts.pipeline, clock, parts.rng)
    finally:
        await parts.database.close()


def put(parts: compose.Parts, raws: list[bytes], now: datetime) -> None:
    envelope = Envelope(Source.LMTP, JAN.login, (HELPDESK,))
    with parts.database.engine.begin() as connection:
        store(connection, [RawMessage(raw, envelope, now) for raw in raws], now, parts.secret)


Shown = Callable[..., str]


@pytest.fixture
def shown(empty_engine: Engine, tmp_path: Path) -> Shown:
    """What a command of an operator prints."""
    settings_file = tmp_path / "mailbot.toml"
    url = empty_engine.url.render_as_string(hide_password=False)
    settings_file.write_text(f'[secret]\nkey_file = "{tmp_path}/key"\n[database]\nurl = "{url}"\n')

    def invoke(*arguments: str) -> str:
        done = CliRunner().invoke(cli, [*arguments, "--config", str(settings_file)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return invoke


def test_the_test_would_find_them() -> None:
    assert all(found(raw) for raw in MAILS)


async def test_no_secret_lies_readable_and_operators_see_the_masked_text(
    empty_engine: Engine, tmp_path: Path, shown: Shown, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    caplog.set_level(0)
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        add_accounts(empty_engine)
        for raw in MAILS:
            put(parts, [raw], clock())
            assert await worker.step() == 1
            clock.advance(hours=25)  # none of them is over a limit
        assert not found(dump(empty_engine))
        assert not found(files(tmp_path))
        assert not found(caplog.text.encode())
        with empty_engine.connect() as connection:
            assert set(connection.execute(select(inbox.c.state)).scalars()) == {"done"}
            numbers = list(connection.execute(select(ticket.c.number)).scalars())
            wanted = select(inbox, raw_message.c.raw).join(raw_message).order_by(inbox.c.id)
            kept = [message_of(row, parts.secret).raw for row in connection.execute(wanted).mappings()]
        assert kept == MAILS, "the octets are what a signature is checked on"
        texts = [shown("tickets", "show", number, "--text") for number in numbers]
        assert not found("\n".join(texts).encode())
        assert all(line in text for line in MASKED for text in texts)
        assert any("dane [PESEL].txt" in text for text in texts)
        assert GOOD in texts[0]


async def test_the_exact_octets_are_shown_to_who_asks_and_that_is_written_down(
    empty_engine: Engine, tmp_path: Path, shown: Shown
) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        add_accounts(empty_engine)
        put(parts, MAILS[:1], clock())
        await worker.step()
        assert not found(shown("queue", "show", "1").encode())
        assert found(shown("queue", "show", "1", "--raw").encode())
        assert "raw-shown" in shown("tickets", "show", "ZGL0000001")


async def test_with_another_key_a_message_waits_for_a_person_and_the_right_one_opens_it(
    empty_engine: Engine, tmp_path: Path
) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        add_accounts(empty_engine)
        put(parts, MAILS[:1], clock())
        with empty_engine.begin() as connection:
            sealed = connection.execute(select(raw_message.c.raw)).scalar_one()
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        put(parts, MAILS[1:2], clock())
        # A start with another key is refused (test_installation.py), so this is what a damaged message looks like.
        assert isinstance(parts.secret.store, KeyStore)
        wrong = KeyStore(parts.secret.store.engine, bytes(32))
        other = replace(parts.pipeline, secret=Secret(bytes(32), store=wrong))
        worker = DecideWorker("w", parts.database, other, clock, parts.rng)
        with empty_engine.begin() as connection:
            connection.execute(update(raw_message).where(raw_message.c.inbox_id == 2).values(raw=MAILS[1]))
            before = {"source": "lmtp", "mail_from": JAN.login, "rcpt_to": [HELPDESK]}  # there were seals
            connection.execute(update(inbox).where(inbox.c.id == 2).values(envelope=before))
        assert await worker.step() == 2
        clock.advance(hours=1)
        assert await worker.step() == 1
        with empty_engine.connect() as connection:
            first, second = connection.execute(select(inbox).order_by(inbox.c.id)).mappings()
            assert (
                connection.execute(select(raw_message.c.raw).order_by(raw_message.c.inbox_id)).scalars().first()
                == sealed
            )
        assert (first["state"], second["state"]) == ("buried", "done"), "the other message does not suffer"
        assert first["last_error"].startswith("message 1: [secret] key_file: this key does not open it")
        assert first["last_error"].endswith("mend: put back the right file, then: mailbot queue retry 1")
        wrong.close()
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        with empty_engine.begin() as connection:
            assert jobs.revive(connection, inbox, 1, clock())
        assert await worker.step() == 1
        with empty_engine.connect() as connection:
            assert connection.execute(select(inbox.c.state).where(inbox.c.id == 1)).scalar_one() == "done"


def test_a_message_from_before_there_were_seals_is_read(engine: Engine) -> None:
    key, envelope, now = Secret(b"k" * 32), Envelope(Source.INJECT), Clock()()
    with engine.begin() as connection:
        store(connection, [RawMessage(MAILS[0], envelope, now)], now, key)
        connection.execute(update(raw_message).values(raw=MAILS[0]))
        row = connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings().one()
        assert message_of(row, key).raw == MAILS[0]
