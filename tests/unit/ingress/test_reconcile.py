"""`mailbot reconcile` after a restore: what was taken since the backup lies in the folder of taken messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from mailbot.ingress.reconcile import FolderReport, Reconciler
from mailbot.storage.mailbox import imap_cursor, mailbox_claim
from mailbot.storage.schema import inbox, raw_message
from tests.imap_fake import FakeImap, Say
from tests.intake import NOW, SECRET, clock, messages, open_database
from tests.unit.ingress.test_imap_reader import Intake, mail

DONE = {"done_folder": "Done"}


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    server = FakeImap({uid: mail(uid) for uid in range(1, 9)})
    async with server.listening(), open_database(tmp_path) as database:
        intake = Intake(server, database, tmp_path)
        intake.settings = intake.settings.__class__(**{**asdict(intake.settings), **DONE})
        await intake.read()
        yield intake


def forget(intake: Intake, *uids: int) -> None:
    """The backup was made before these came."""
    with intake.database.engine.begin() as connection:
        rows = connection.execute(select(inbox.c.id, inbox.c.envelope)).all()
        gone = [row.id for row in rows if row.envelope["uid"] in uids]
        connection.execute(delete(raw_message).where(raw_message.c.inbox_id.in_(gone)))
        connection.execute(delete(inbox).where(inbox.c.id.in_(gone)))
        connection.execute(update(imap_cursor).values(last_uid=min(uids) - 1))


async def reconciled(intake: Intake, *, dry_run: bool = False) -> list[FolderReport]:
    return await Reconciler(intake.settings, intake.database, SECRET, clock).run(dry_run=dry_run, take_over=False)


async def test_what_was_taken_after_the_backup_is_taken_in_once(intake: Intake) -> None:
    forget(intake, 5, 6, 7)
    intake.server.messages[20] = mail(20)  # and one that nobody has taken yet
    assert await reconciled(intake, dry_run=True) == [FolderReport("Done", 8, 3, 0), FolderReport("INBOX", 1, 1, 0)]
    assert len(await messages(intake.database)) == 5
    assert await reconciled(intake) == [FolderReport("Done", 8, 3, 3), FolderReport("INBOX", 1, 1, 1)]
    assert await reconciled(intake) == [FolderReport("Done", 8, 0, 0), FolderReport("INBOX", 1, 0, 0)]
    stored = await messages(intake.database)
    assert [message.raw for message in stored[5:]] == [mail(5), mail(6), mail(7), mail(20)]
    assert [message.envelope.again for message in stored] == [False] * 5 + [True] * 3 + [False]
    await intake.read()
    assert len(await messages(intake.database)) == 9
    assert intake.server.moved[-1] == 20


@pytest.mark.parametrize("understood", [True, False])
async def test_what_is_known_by_its_message_id_is_not_fetched(intake: Intake, understood: bool) -> None:
    if understood:
        with intake.database.engine.begin() as connection:
            for row in connection.execute(select(inbox.c.id, inbox.c.envelope)).all():
                name = f"<{row.envelope['uid']}@sender.example>"
                connection.execute(update(inbox).where(inbox.c.id == row.id).values(message_key=name))
    before = len(intake.server.asked("UID FETCH"))
    assert [one.missing for one in await reconciled(intake)] == [0, 0]
    bodies = [command for command in intake.server.asked("UID FETCH")[before:] if "PEEK[]" in command]
    assert len(bodies) == (0 if understood else 8)


async def test_the_same_message_id_over_other_words_is_another_mail(intake: Intake) -> None:
    with intake.database.engine.begin() as connection:
        connection.execute(
            update(inbox).where(inbox.c.id == 1).values(message_key="<9@sender.example>", received_at=NOW)
        )
    intake.server.others['"Done"'].append(mail(9) + b"and more\r\n")
    assert [one.taken for one in await reconciled(intake)] == [1, 0]


async def test_what_the_server_does_not_give_is_missing_still(intake: Intake) -> None:
    forget(intake, 5)
    intake.server.script = [Say("UID FETCH 5 (UID BODY.PEEK[])", b"%t NO\r\n")]
    assert [(one.missing, one.taken, one.failed, one.left) for one in await reconciled(intake)] == [
        (1, 0, 1, 1),
        (0, 0, 0, 0),
    ]
    noted = select(mailbox_claim.c.reconciled_at, mailbox_claim.c.reconciled_missing)
    with intake.database.engine.connect() as connection:
        assert connection.execute(noted).one() == (NOW, 1)
    await reconciled(intake)
    with intake.database.engine.connect() as connection:
        assert connection.execute(noted).one() == (NOW, 0)


async def test_a_dry_run_writes_nothing(intake: Intake) -> None:
    with intake.database.engine.connect() as connection:
        before = connection.execute(select(mailbox_claim)).all()
        await reconciled(intake, dry_run=True)
        assert connection.execute(select(mailbox_claim)).all() == before
