"""The reader against a mailbox where things go wrong: nothing is lost, nothing is taken twice."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from mailbot.config import ImapSettings
from mailbot.inbox import Cursor
from mailbot.ingress.imap import ImapReader
from mailbot.model import Source
from mailbot.storage.mailbox import imap_cursor
from tests.imap_fake import FakeImap, Say
from tests.intake import NOW, SECRET, FailingDatabase, clock, cursor_of, messages, open_database, until
from tests.support import examples


def mail(name: object) -> bytes:
    return f"Subject: {name}\r\nMessage-ID: <{name}@sender.example>\r\n\r\nbody of {name} \x00\r\n".encode()


class Intake:
    """A reader, its server and its database."""

    def __init__(self, server: FakeImap, database: FailingDatabase, folder: Path) -> None:
        self.server = server
        self.database = database
        password = folder / "password"
        password.write_text("secret\n")
        self.settings = ImapSettings(
            "127.0.0.1", server.port, "plain", user="helpdesk", password_file=str(password), timeout_seconds=30
        )
        self.pauses: list[float] = []
        self.stored = 0
        self.reader: ImapReader | None = None

    @property
    def mailbox(self) -> str:
        return "helpdesk@127.0.0.1/INBOX"

    async def bodies(self) -> list[bytes]:
        return [message.raw for message in await messages(self.database)]

    def holds_uid(self, uid: int) -> Callable[[], Awaitable[bool]]:
        async def holds() -> bool:
            return uid in [message.envelope.uid for message in await messages(self.database)]

        return holds

    @asynccontextmanager
    async def reading(self, **changes: object) -> AsyncIterator[ImapReader]:
        """Runs a reader with these settings changed."""

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            await asyncio.sleep(0.005)

        def stored() -> None:
            self.stored += 1

        changed = replace(self.settings, **changes)  # type: ignore[arg-type]
        reader = ImapReader(changed, self.database, SECRET, clock, stored, rand=lambda: 0.0, sleep=pause)
        task = asyncio.create_task(reader.run())
        try:
            yield reader
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not reader.connected

    async def read(self, **changes: object) -> None:
        """Run until the mailbox holds nothing new."""
        async with self.reading(**changes) as reader:
            await until(lambda: reader.last_poll is not None)
            assert reader.connected


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    server = FakeImap({uid: mail(uid) for uid in (3, 4, 9)})
    async with server.listening(), open_database(tmp_path) as database:
        yield Intake(server, database, tmp_path)


async def test_every_message_is_stored_once_with_where_it_lay(intake: Intake) -> None:
    await intake.read()
    await intake.read()
    stored = await messages(intake.database)
    assert [message.raw for message in stored] == [mail(3), mail(4), mail(9)]
    assert [message.envelope.uid for message in stored] == [3, 4, 9]
    first = stored[0]
    assert first.envelope.source is Source.IMAP
    assert (first.envelope.mailbox, first.envelope.uidvalidity, first.envelope.note) == (intake.mailbox, 7, None)
    assert first.received_at == datetime(2026, 3, 2, 8, 30, tzinfo=timezone(timedelta(hours=1)))
    assert await cursor_of(intake.database, intake.mailbox) == Cursor(intake.mailbox, 7, 9)
    assert intake.stored == 1


async def test_nothing_is_ever_flagged_or_deleted(intake: Intake) -> None:
    await intake.read(done_folder="Done")
    allowed = ("CAPABILITY", "LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID MOVE", "CREATE", "IDLE")
    assert all(command.startswith(allowed) for command in intake.server.commands), intake.server.commands
    assert all(".PEEK[" in command or "SIZE" in command for command in intake.server.asked("UID FETCH"))


async def test_a_new_message_wakes_idle(intake: Intake) -> None:
    async with intake.reading() as reader:
        await until(lambda: reader.last_poll == NOW and bool(intake.server.asked("IDLE")))
        intake.server.deliver(12, mail(12))
        await until(lambda: intake.stored == 2)
    assert (await intake.bodies())[-1] == mail(12)
    assert intake.server.connections == 1


async def test_without_idle_the_mailbox_is_polled(intake: Intake) -> None:
    intake.server.capabilities = "IMAP4rev1"
    async with intake.reading(poll_seconds=0) as reader:
        await until(lambda: reader.last_poll == NOW)
        intake.server.messages[12] = mail(12)
        await until(lambda: intake.stored == 2)
    assert "NOOP" in intake.server.commands
    assert not intake.server.asked("IDLE")


@pytest.mark.parametrize("empty", [True, False])
async def test_each_look_is_noted_for_the_metrics(intake: Intake, empty: bool) -> None:
    """A night without mail is no fault of the reader's; the place it reads from does not move."""
    if empty:
        intake.server.messages.clear()
    looked = select(imap_cursor.c.polled_at)
    for _ in range(2):
        with intake.database.engine.begin() as connection:
            connection.execute(update(imap_cursor).values(polled_at=NOW - timedelta(days=1)))
        await intake.read()
        with intake.database.engine.connect() as connection:
            assert connection.execute(looked).scalar_one() == NOW
    cursor = await cursor_of(intake.database, intake.mailbox)
    assert cursor is not None
    assert cursor.last_uid == (0 if empty else 9)


async def test_search_again_at_each_renewal_of_idle(intake: Intake) -> None:
    """An EXISTS that came as a side reply is not repeated in IDLE, so IDLE alone is not relied on."""
    async with intake.reading(poll_seconds=0) as reader:
        await until(lambda: reader.last_poll == NOW)
        intake.server.messages[12] = mail(12)  # and nobody is told
        await until(lambda: intake.stored == 2)


async def test_a_message_announced_during_the_search_is_not_slept_over(intake: Intake) -> None:
    step = Say("UID SEARCH UID 10:*", b"* 4 EXISTS\r\n* SEARCH\r\n%t OK\r\n")
    intake.server.script = [replace(step, before=lambda: intake.server.messages.update({12: mail(12)}))]
    async with intake.reading(poll_seconds=540):
        await until(lambda: intake.stored == 2)


async def test_a_server_that_announces_what_is_not_there_does_not_make_us_spin(intake: Intake) -> None:
    intake.server.script = [Say("IDLE", b"+ idling\r\n* 9 EXISTS\r\n%t OK\r\n") for _ in range(3)]
    async with intake.reading():
        await until(lambda: not intake.server.script)
    assert 1 in intake.pauses


async def test_a_backlog_is_read_in_batches(intake: Intake) -> None:
    intake.server.messages = {uid: mail(uid) for uid in range(1, 1201)}
    await intake.read()
    assert await intake.bodies() == [mail(uid) for uid in range(1, 1201)]
    bodies = [command for command in intake.server.asked("UID FETCH") if "PEEK" in command]
    assert len(bodies) == 24
    assert len(intake.server.asked("UID FETCH")) == 24 + 3


async def test_a_batch_has_at_most_eight_megabytes(intake: Intake) -> None:
    intake.server.messages = {uid: mail(uid) + bytes(3 * 2**20) for uid in range(1, 7)}
    await intake.read()
    bodies = [command for command in intake.server.asked("UID FETCH") if "PEEK" in command]
    assert [command.split()[2] for command in bodies] == ["1:2", "3:4", "5:6"]


# ---------------------------------------------------------------------------------------------- interruptions


FETCH = "UID FETCH 3:4,9 (UID BODY"


@pytest.mark.parametrize(
    "step",
    [
        Say("CAPABILITY", b"", "cut"),
        Say("LOGIN", b"%t NO wrong password\r\n"),
        Say("SELECT", b"%t NO no such folder\r\n"),
        Say("SELECT", b"%t OK no UIDVALIDITY\r\n"),
        Say("UID SEARCH", b"* SEARCH 3 4", "cut"),
        Say("UID SEARCH", b"%t BAD what\r\n"),
        Say("UID FETCH", b"* 1 FETCH (UID 3 RFC822.SIZE 10)\r\n", "cut"),
        Say("UID FETCH", b"%t NO sizes are broken\r\n"),
        Say("UID FETCH", b"* 1 FETCH (UID 3 RFC822.SIZE x INTERNALDATE NIL)\r\n%t OK half of it\r\n"),
        Say(FETCH, b"* 1 FETCH (UID 3 BODY[] {50}\r\nhalf of it", "cut"),
        Say(FETCH, b"* 1 FETCH (UID 3 BODY[] {3}\r\nabc)\r\n", "cut"),
        Say(FETCH, b"%t NO [SERVERBUG]\r\n"),
        Say(FETCH, b"* junk\r\nA1 junk\r\n"),
        Say(FETCH, b"* BYE idle too long\r\n", "cut"),
        Say(FETCH, b"* 1 FETCH (UID 3 BODY[] NIL)\r\n%t OK lies\r\n"),
        Say("IDLE", b"+ idling\r\n", "cut"),
        Say("IDLE", b"+ idling\r\n* BYE\r\n", "cut"),
        Say("IDLE", b"%t NO\r\n"),
    ],
    ids=lambda step: f"{step.to.split(' (')[0]} {step.what[:24]!r} {step.then}",
)
async def test_after_any_interruption_everything_is_there_once(intake: Intake, step: Say) -> None:
    intake.server.script = [step]

    async def read(count: int) -> bool:
        return len(await intake.bodies()) >= count

    async with intake.reading(poll_seconds=0):
        await until(lambda: not intake.server.script)
        await until(lambda: read(3))
        intake.server.deliver(12, mail(12))
        await until(lambda: read(4))
    assert await intake.bodies() == [mail(3), mail(4), mail(9), mail(12)]


async def test_a_silent_server_is_left_and_tried_again(intake: Intake) -> None:
    intake.server.script = [Say(FETCH, b"", "hang")]
    async with intake.reading(timeout_seconds=0.3):
        await until(lambda: intake.stored >= 1)
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]


async def test_the_back_off_doubles_up_to_five_minutes_and_is_reset_by_success(intake: Intake) -> None:
    intake.server.script = [Say("LOGIN", b"%t NO\r\n") for _ in range(12)]
    async with intake.reading() as reader:
        await until(lambda: reader.last_poll is not None)
        assert intake.pauses == [1, 1, 2, 4, 8, 16, 32, 64, 128, 150, 150, 150]  # half of it, the jitter being 0
        intake.pauses.clear()
        intake.server.script = [Say("IDLE", b"", "cut")]
        intake.server.deliver(12, mail(12))
        await until(lambda: intake.pauses != [])
    assert intake.pauses[0] == 1


async def test_a_missing_password_file_is_tried_again(intake: Intake) -> None:
    here, away = Path(intake.settings.password_file), Path(f"{intake.settings.password_file}.away")
    shutil.move(here, away)
    async with intake.reading():
        await until(lambda: intake.pauses != [])
        assert not intake.server.asked("LOGIN")
        shutil.move(away, here)
        await until(lambda: intake.stored == 1)
    assert intake.server.asked("LOGIN") == ['LOGIN "helpdesk" "secret"']


async def test_the_token_is_read_anew_at_each_login(intake: Intake, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")

    def renew() -> None:
        token.write_text("second")

    intake.server.script = [Say("AUTHENTICATE", b"%t NO\r\n", before=renew)]
    await intake.read(token_file=str(token))
    first, second = intake.server.asked("AUTHENTICATE")
    assert first != second


_WRONGS = [
    Say("", b"", "cut"),
    Say("", b"%t NO no\r\n"),
    Say("", b"%t OK and no more\r\n"),
    Say("", b"* 7 EXISTS\r\n* 1 FETCH (UID 3 BODY[] NIL)\r\n", "answer"),
    Say("", b"* 1 FETCH (UID 4 BODY[] {9}\r\n", "cut"),
    Say("", b"* SEARCH 3 4 9 77\r\n", "answer"),
    Say("", b"* BYE\r\n"),
    Say("", b"junk\r\n"),
]
_FAULTS = [
    replace(wrong, to=to)
    for to in ("CAPABILITY", "LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID MOVE", "CREATE", "IDLE")
    for wrong in _WRONGS
]


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.sampled_from(_FAULTS), max_size=12),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_whatever_goes_wrong_each_message_has_one_row(script: list[Say], failures: int, lost_answers: int) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            server = FakeImap({uid: mail(uid) for uid in (3, 4, 9)}, script=list(script))
            async with server.listening(), open_database(Path(folder)) as database:
                intake = Intake(server, database, Path(folder))
                database.failures, database.lost_answers = failures, lost_answers
                async with intake.reading(poll_seconds=0, done_folder="Done") as reader:
                    await until(lambda: reader.last_poll is not None)
                    server.script.clear()
                    server.deliver(12, mail(12))
                    await until(intake.holds_uid(12))
                stored = await messages(database)
                assert [message.envelope.uid for message in stored] == [3, 4, 9, 12]
                assert all(message.raw == mail(message.envelope.uid) or message.envelope.note for message in stored)

    asyncio.run(run())


# ----------------------------------------------------------------------------------------------------- the database


async def test_nothing_moves_while_the_database_does_not_answer(intake: Intake) -> None:
    intake.database.failures = 3
    async with intake.reading(done_folder="Done") as reader:
        await until(lambda: intake.database.failures == 0)
        await until(lambda: reader.last_poll is not None)
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]
    assert intake.server.moved == [3, 4, 9]
    assert len(intake.server.asked("UID MOVE")) == 2  # one made the folder
    assert intake.server.connections == 4


async def test_a_lost_answer_to_the_commit_makes_no_second_row(intake: Intake) -> None:
    intake.database.lost_answers = 1
    await intake.read(done_folder="Done")
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]


async def test_a_crash_before_the_commit_takes_everything_again(intake: Intake) -> None:
    intake.database.failures = 1000
    async with intake.reading():
        await until(lambda: intake.pauses != [])
    intake.database.failures = 0
    assert await intake.bodies() == []
    await intake.read()
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]


# ---------------------------------------------------------------------------------------- messages that come and go


async def test_a_new_uidvalidity_reads_everything_again(intake: Intake) -> None:
    await intake.read()
    intake.server.uidvalidity = 8
    intake.server.messages = {1: mail(9), 2: mail("new")}
    await intake.read()
    assert (await intake.bodies())[3:] == [mail(9), mail("new")]
    assert await cursor_of(intake.database, intake.mailbox) == Cursor(intake.mailbox, 8, 2)


@pytest.mark.parametrize("to", ["UID FETCH 3:4,9 (UID RFC822", FETCH])
@pytest.mark.parametrize("gone", [(4,), (3, 4, 9)])
async def test_a_message_that_vanished_is_skipped(intake: Intake, to: str, gone: tuple[int, ...]) -> None:
    def vanish() -> None:
        for uid in gone:
            del intake.server.messages[uid]

    intake.server.script = [Say(to, then="answer", before=vanish)]
    await intake.read()
    assert await intake.bodies() == [mail(uid) for uid in (3, 4, 9) if uid not in gone]
    assert intake.server.connections == 1
    intake.server.messages[10] = mail(10)
    await intake.read()
    assert (await intake.bodies())[-1] == mail(10)


async def test_a_server_that_lists_what_is_gone_does_not_make_us_spin(intake: Intake) -> None:
    await intake.read()
    searches = len(intake.server.asked("UID SEARCH"))
    intake.server.script = [Say("UID SEARCH UID 10:*", b"* SEARCH 11\r\n%t OK\r\n") for _ in range(4)]
    await intake.read()
    assert len(intake.server.asked("UID SEARCH")) - searches <= 4 + 3 + 2 * 2
    assert intake.pauses == [1, 1]


async def test_a_message_that_is_there_but_not_given_is_never_skipped(intake: Intake) -> None:
    """A server that answers OK without the body must not make us pass over the message."""
    intake.server.script = [
        Say(FETCH, b"* 1 FETCH (UID 3 BODY[] {1}\r\nx)\r\n%t OK\r\n"),
        Say("UID FETCH 9 (UID BODY", b"%t OK nothing\r\n"),
    ]
    async with intake.reading() as reader:
        await until(lambda: reader.last_poll is not None)
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]


def refuse(uid: int) -> Say:
    return Say(f"UID FETCH {uid} (UID BODY", b"%t NO [SERVERBUG] corrupted\r\n")


def kill(uid: int) -> Say:
    return Say(f"UID FETCH {uid} (UID BODY", b"* 1 FETCH (UID %d BODY[] {9999}\r\n" % uid, "cut")


@pytest.mark.parametrize("fault", [refuse, kill])
@pytest.mark.parametrize("size", [100, 9 * 2**20], ids=["small", "alone in its batch"])
async def test_one_bad_message_does_not_block_those_behind_it(
    intake: Intake, fault: Callable[[int], Say], size: int
) -> None:
    intake.server.sizes = {4: size}
    first = Say(FETCH, fault(4).what, fault(4).then)
    intake.server.script = [first, *(fault(4) for _ in range(50))]
    intake.server.script.append(Say("UID FETCH 4,9 (UID BODY", fault(4).what, fault(4).then))
    await intake.read(done_folder="Done")
    stored = await messages(intake.database)
    assert [(message.envelope.uid, message.raw) for message in stored] == [(3, mail(3)), (4, b""), (9, mail(9))]
    assert stored[1].envelope.note is not None
    assert "unreadable" in stored[1].envelope.note
    assert sorted(intake.server.moved) == [3, 9]


async def test_a_bad_message_with_none_behind_it_is_tried_until_it_can_be_read(intake: Intake) -> None:
    """Perhaps the fault is the server's: nothing waits, so nothing is given up."""
    intake.server.script = [Say(FETCH, b"%t NO\r\n"), *(refuse(9) for _ in range(8))]
    await intake.read()
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]


async def test_of_a_message_too_large_the_header_is_kept(intake: Intake) -> None:
    intake.server.messages[4] = b"Subject: large\r\n\r\n" + b"x" * 5000
    await intake.read(max_size=4000, done_folder="Done")
    stored = await messages(intake.database)
    assert [message.envelope.uid for message in stored] == [3, 4, 9]
    assert stored[1].raw == b"Subject: large\r\n\r\n"
    assert stored[1].envelope.note == "oversized: 5018 octets, only the header was fetched"
    assert sorted(intake.server.moved) == [3, 4, 9]  # whole, where a person looks for what was taken
    assert not any("4 (UID BODY.PEEK[])" in command for command in intake.server.commands)


# ------------------------------------------------------------------------------------------------------------ MOVE


async def test_the_folder_is_made_and_messages_moved_after_the_commit(intake: Intake) -> None:
    seen: list[int] = []

    async def count() -> None:
        seen.append(len(await messages(intake.database)))

    tasks: list[asyncio.Task[None]] = []
    step = Say("UID MOVE", then="answer", before=lambda: tasks.append(asyncio.create_task(count())))
    intake.server.script = [step]
    await intake.read(done_folder="Zgłoszone")
    await asyncio.gather(*tasks)
    assert seen == [3]
    assert intake.server.folders == {'"INBOX"', '"Zg&AUI-oszone"'}
    assert intake.server.asked("UID MOVE")[-1] == 'UID MOVE 3:4,9 "Zg&AUI-oszone"'
    assert intake.server.messages == {}


async def test_a_refused_move_is_only_logged_and_tried_again_at_the_next_connection(intake: Intake) -> None:
    intake.server.script = [Say("UID MOVE", b"%t NO read-only\r\n") for _ in range(2)]  # once more after CREATE
    await intake.read(done_folder="Done")
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]
    assert intake.server.moved == []
    await intake.read(done_folder="Done")
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]
    assert intake.server.moved == [3, 4, 9]


async def test_a_connection_cut_in_the_move_moves_after_reconnecting(intake: Intake) -> None:
    intake.server.script = [Say("UID MOVE", b"", "cut")]
    await intake.read(done_folder="Done")
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]
    assert intake.server.moved == [3, 4, 9]


async def test_what_a_process_that_died_left_behind_is_moved(intake: Intake) -> None:
    await intake.read()  # it stored, and died before the MOVE
    assert set(intake.server.messages) == {3, 4, 9}
    await intake.read(done_folder="Done")
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]
    assert intake.server.moved == [3, 4, 9]


async def test_without_move_messages_stay(intake: Intake) -> None:
    intake.server.capabilities = "IMAP4rev1 IDLE"
    await intake.read(done_folder="Done")
    assert set(intake.server.messages) == {3, 4, 9}
    assert not intake.server.asked("UID MOVE")
    assert not intake.server.asked("UID COPY")
