"""The reader against a real Dovecot."""

from __future__ import annotations

import asyncio
import imaplib
import shutil
import smtplib
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete

from mailbot.config import ImapSettings, Tls
from mailbot.ingress.imap import ImapReader, probe
from mailbot.ingress.imap_syntax import mailbox
from mailbot.ingress.reconcile import FolderReport, Reconciler
from mailbot.observe import utc_now
from mailbot.storage.schema import inbox, raw_message
from tests.intake import SECRET, FailingDatabase, messages, open_database, until
from tests.integration.servers import PASSWORD, USER, Dovecot, dovecot


def mail(name: object) -> bytes:
    return f"From: jan@sender.example\r\nSubject: {name}\r\n\r\nZażółć {name}\r\n.\r\n".encode()


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@dataclass
class Box:
    """The mailbox, seen by another client."""

    server: Dovecot

    def open(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.server.imap, timeout=30)
        client._encoding = "utf-8"  # type: ignore[attr-defined]  # the password is not ASCII
        client.login(USER, PASSWORD)
        return client

    def append(self, *raws: bytes, folder: str = "INBOX", flags: str = "") -> None:
        client = self.open()
        for raw in raws:
            assert client.append(mailbox(folder), flags, "", raw)[0] == "OK"
        client.logout()

    def create(self, folder: str) -> None:
        client = self.open()
        assert client.create(mailbox(folder))[0] == "OK"
        client.logout()

    def deliver(self, raw: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", self.server.lmtp, timeout=60) as client:
            client.sendmail("jan@sender.example", [USER], raw)

    def flags(self, folder: str = "INBOX") -> list[set[bytes]]:
        """Flags of each message, without \\Recent."""
        client = self.open()
        _, count = client.select(mailbox(folder), readonly=True)
        answer = client.fetch("1:*", "(FLAGS)")[1] if count != [b"0"] else []
        found = [set(imaplib.ParseFlags(line)) - {b"\\Recent"} for line in answer if isinstance(line, bytes)]
        client.logout()
        return found


@dataclass
class Intake:
    server: Dovecot
    database: FailingDatabase
    settings: ImapSettings

    async def raws(self) -> list[bytes]:
        return [message.raw for message in await messages(self.database)]

    async def holds(self, count: int) -> None:
        async def enough() -> bool:
            return len(await self.raws()) >= count

        await until(enough, 90)

    async def holds_all(self, *raws: bytes) -> None:
        async def all_there() -> bool:
            return set(raws) <= set(await self.raws())

        await until(all_there, 90)

    @asynccontextmanager
    async def reading(self, **changes: object) -> AsyncIterator[ImapReader]:
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        reader = ImapReader(settings, self.database, SECRET, utc_now, sleep=lambda _: asyncio.sleep(0.1))
        task = asyncio.create_task(reader.run())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def intake(server: Dovecot, tmp_path: Path) -> AsyncIterator[Intake]:
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    settings = ImapSettings(
        "127.0.0.1", server.imaps, "imaps", str(server.tls.ca), USER, str(password), timeout_seconds=30
    )
    async with open_database(tmp_path) as database:
        yield Intake(server, database, settings)


@pytest.fixture
def box(server: Dovecot) -> Box:
    return Box(server)


async def test_each_message_is_stored_once_and_no_flag_changes(intake: Intake, box: Box) -> None:
    sent = [mail(number) for number in range(120)]
    await asyncio.to_thread(box.append, *sent)
    await asyncio.to_thread(box.append, mail("read by a person"), flags="(\\Seen \\Flagged)")
    async with intake.reading():
        await intake.holds(121)
        await asyncio.to_thread(box.deliver, mail("by LMTP"))
        await intake.holds(122)
    async with intake.reading() as reader:
        await until(lambda: reader.last_poll is not None)
    stored = await messages(intake.database)
    assert [message.raw for message in stored[:121]] == [*sent, mail("read by a person")]
    assert len(stored) == 122
    assert stored[-1].raw.endswith(mail("by LMTP"))  # Dovecot puts Return-Path and Received above
    assert await asyncio.to_thread(box.flags) == [set()] * 120 + [{b"\\Seen", b"\\Flagged"}, set()]


async def test_messages_are_moved_to_a_folder_that_is_made(intake: Intake, box: Box) -> None:
    done = "Zgłoszenia przyjęte & zapisane"
    await asyncio.to_thread(box.append, mail(1), mail(2))
    async with intake.reading(done_folder=done):
        await intake.holds(2)
        await asyncio.to_thread(box.append, mail(3))
        await intake.holds(3)

        async def empty() -> bool:
            return not await asyncio.to_thread(box.flags)

        await until(empty)
    assert await asyncio.to_thread(box.flags, done) == [set()] * 3
    assert await intake.raws() == [mail(1), mail(2), mail(3)]


@pytest.mark.parametrize("tls", ["imaps", "starttls", "plain"])
async def test_every_way_to_connect_and_a_polish_folder(intake: Intake, box: Box, tls: Tls) -> None:
    await asyncio.to_thread(box.create, "Zgłoszenia/Hasła")
    await asyncio.to_thread(box.append, mail(1), folder="Zgłoszenia/Hasła")
    port = intake.server.imaps if tls == "imaps" else intake.server.imap
    async with intake.reading(tls=tls, port=port, folder="Zgłoszenia/Hasła"):
        await intake.holds(1)
    assert await intake.raws() == [mail(1)]


@pytest.mark.parametrize("tls", ["imaps", "starttls"])
async def test_a_server_of_an_unknown_authority_gets_no_password(intake: Intake, tls: Tls) -> None:
    port = intake.server.imaps if tls == "imaps" else intake.server.imap
    async with intake.reading(tls=tls, port=port, ca_file="") as reader:
        await until(lambda: reader._attempt >= 2)
        assert reader.last_poll is None
    assert "Login:" not in intake.server.log()


async def test_after_a_restart_of_the_server_reading_goes_on(intake: Intake, box: Box) -> None:
    await asyncio.to_thread(box.append, mail(1))
    async with intake.reading() as reader:
        await intake.holds(1)
        await asyncio.to_thread(intake.server.stop)
        await until(lambda: not reader.connected)
        await asyncio.to_thread(intake.server.start)
        await asyncio.to_thread(box.append, mail(2))
        await intake.holds(2)
    assert await intake.raws() == [mail(1), mail(2)]


async def test_a_folder_that_is_deleted_and_made_again(intake: Intake, box: Box) -> None:
    """New UIDVALIDITY: the UIDs below the cursor are other messages now."""

    def replace_folder() -> None:
        client = box.open()
        assert client.delete("Work")[0] == "OK"
        client.logout()
        box.create("Work")
        box.append(mail("a"), mail("b"), folder="Work")

    await asyncio.to_thread(box.create, "Work")
    await asyncio.to_thread(box.append, mail(1), mail(2), mail(3), folder="Work")
    async with intake.reading(folder="Work"):
        await intake.holds(3)
    await asyncio.to_thread(replace_folder)
    async with intake.reading(folder="Work"):
        await intake.holds(5)
    assert await intake.raws() == [mail(1), mail(2), mail(3), mail("a"), mail("b")]


async def test_nothing_is_moved_until_the_database_answers(intake: Intake, box: Box) -> None:
    intake.database.failures = 1
    await asyncio.to_thread(box.append, mail(1))
    async with intake.reading(done_folder="Done"):
        await until(lambda: intake.database.failures == 0)
        assert await asyncio.to_thread(box.flags) == [set()]
        await intake.holds(1)
    assert await intake.raws() == [mail(1)]


# --------------------------------------------------------------------------------- who reads it, and what was missed


@asynccontextmanager
async def second_office(intake: Intake, folder: Path) -> AsyncIterator[Intake]:
    """Another installation with the same settings."""
    await asyncio.to_thread(folder.mkdir)
    async with open_database(folder) as database:
        yield Intake(intake.server, database, intake.settings)


async def test_two_installations_make_no_double_tickets(
    intake: Intake, box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(box.append, *(mail(number) for number in range(20)))
    async with second_office(intake, tmp_path / "b") as other, intake.reading(), other.reading():

        async def taken() -> list[int]:
            return sorted([len(await intake.raws()), len(await other.raws())])

        async def all_taken() -> bool:
            return sum(await taken()) >= 20

        await until(all_taken, 60)
        await until(lambda: "imap-claimed" in caplog.text)
        await asyncio.to_thread(box.deliver, mail("one more"))

        async def one_more() -> bool:
            return sum(await taken()) >= 21

        await until(one_more, 60)
        assert await taken() == [0, 21]


async def test_a_restored_installation_takes_over_and_takes_in(intake: Intake, box: Box, tmp_path: Path) -> None:
    """The database is lost with all it held; the mails lie in the folder of taken messages, and one in neither."""
    done = "Zgłoszenia przyjęte"
    await asyncio.to_thread(box.append, *(mail(number) for number in range(5)))
    async with intake.reading(done_folder=done):
        await intake.holds(5)

        async def empty() -> bool:
            return not await asyncio.to_thread(box.flags)

        await until(empty)
    await asyncio.to_thread(box.append, mail("since"))
    async with second_office(intake, tmp_path / "b") as restored:
        restored.settings = replace(restored.settings, done_folder=done)
        reconciler = Reconciler(restored.settings, restored.database, SECRET, utc_now)
        assert await reconciler.run(dry_run=True, take_over=True) == [
            FolderReport(done, 5, 5, 0),
            FolderReport("INBOX", 1, 1, 0),
        ]
        assert await reconciler.run(dry_run=False, take_over=True) == [
            FolderReport(done, 5, 5, 5),
            FolderReport("INBOX", 1, 1, 1),
        ]
        assert await reconciler.run(dry_run=False, take_over=False) == [
            FolderReport(done, 5, 0, 0),
            FolderReport("INBOX", 1, 0, 0),
        ]
        again = [message.envelope.again for message in await messages(restored.database)]
        assert again == [True] * 5 + [False]
        async with restored.reading() as reader:
            await until(lambda: reader.last_poll is not None)
            async with intake.reading() as old:
                await until(lambda: old._attempt > 2)
                assert old.last_poll is None
        assert len(await restored.raws()) == 6


async def test_what_lies_below_the_cursor_is_taken(intake: Intake, box: Box) -> None:
    await asyncio.to_thread(box.append, *(mail(number) for number in range(4)))
    async with intake.reading():
        await intake.holds(4)
    with intake.database.engine.begin() as connection:  # as if the server had never named the second
        connection.execute(delete(raw_message).where(raw_message.c.inbox_id == 2))
        connection.execute(delete(inbox).where(inbox.c.id == 2))
    async with intake.reading():
        await intake.holds(4)
    assert (await intake.raws())[-1] == mail(1)


async def test_what_is_old_is_counted_before_the_first_start(intake: Intake, box: Box) -> None:
    def old() -> None:
        client = box.open()
        for day in ("02-Mar-2020", "03-Mar-2026"):
            client.append("INBOX", "", f'"{day} 08:30:00 +0100"', mail(day))
        client.logout()

    await asyncio.to_thread(old)
    assert "; 1 messages from before 2026-03-02 would go to" in await probe(intake.settings, None, date(2026, 3, 2))
    since = replace(intake.settings, since="2026-03-01")
    assert "would go to" not in await probe(since, None, date(2026, 3, 2))
    async with intake.reading(since="2026-03-01"):
        await intake.holds(1)
    assert await intake.raws() == [mail("03-Mar-2026")]


@pytest.mark.parametrize("meanwhile", ["before mail comes", "when as much has come again", "when more has come"])
@pytest.mark.parametrize("done", ["", "Done"])
async def test_a_mail_server_put_back_from_its_backup(intake: Intake, box: Box, meanwhile: str, done: str) -> None:
    """It gives UIDs a second time under the same UIDVALIDITY: by these the new mail was taken long ago."""
    mails, kept = intake.server.folder / "mail", intake.server.folder / "kept"
    come = {"before mail comes": 0, "when as much has come again": 3, "when more has come": 5}[meanwhile]

    async def again(*, put_back: bool) -> None:
        await asyncio.to_thread(intake.server.stop)
        await asyncio.to_thread(_carry, kept if put_back else mails, mails if put_back else kept)
        await asyncio.to_thread(intake.server.start)

    await asyncio.to_thread(box.append, mail(1), mail(2))
    async with intake.reading(done_folder=done):
        await intake.holds(2)
    await again(put_back=False)
    async with intake.reading(done_folder=done) as reader:
        await asyncio.to_thread(box.append, mail(3), mail(4), mail(5))
        await intake.holds(5)
        await until(lambda: reader.last_poll is not None)
    await again(put_back=True)
    await asyncio.to_thread(box.append, *(mail(f"new {number}") for number in range(come)))
    async with intake.reading(done_folder=done) as reader:
        await until(lambda: reader.last_poll is not None)
        await asyncio.to_thread(box.append, mail("late"))
        await intake.holds_all(*(mail(f"new {number}") for number in range(come)), mail("late"))
    async with intake.reading(done_folder=done) as reader:
        await until(lambda: reader.last_poll is not None)
    found = await intake.raws()
    assert [raw for raw in found if b"new" in raw or b"late" in raw] == [
        *(mail(f"new {number}") for number in range(come)),
        mail("late"),
    ]


def _carry(source: Path, target: Path) -> None:
    """As a backup does: owners and times stay."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", source, target], check=True)
