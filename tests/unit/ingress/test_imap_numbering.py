"""A mail server put back from its backup gives UIDs again; one that tells less, or wrongly, changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailbot.ingress.reconcile import FolderReport, Reconciler
from tests.imap_fake import FakeImap, Say
from tests.intake import SECRET, clock, cursor_of, open_database
from tests.unit.ingress.test_imap_reader import Intake, mail

_LATER = b'"02-Mar-2026 08:45:00 +0100"'
_DATE = "UID FETCH 9 (UID INTERNALDATE)"


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    server = FakeImap({uid: mail(uid) for uid in (3, 4, 9)})
    async with server.listening(), open_database(tmp_path) as database:
        yield Intake(server, database, tmp_path)


def put_back(intake: Intake, *uids: int) -> None:
    """What came last is gone; these are new mail, which came later."""
    for uid in (4, 9):
        del intake.server.messages[uid]
    for uid in uids:
        intake.server.messages[uid] = mail(f"new {uid}")
        intake.server.dates[uid] = _LATER


@pytest.mark.parametrize(
    ("uids", "following"),
    [((), 4), ((4,), 5), ((4, 9), 10), ((4, 9, 10), 11), ((9,), 0), ((5, 9), 10), ((4, 9, 10), 1)],
)
async def test_mail_under_uids_that_were_taken_is_taken(intake: Intake, uids: tuple[int, ...], following: int) -> None:
    await intake.read()
    put_back(intake, *uids)
    intake.server.uid_next = following
    await intake.read()
    intake.server.messages[11] = mail("since")
    intake.server.uid_next = 12 if following else 0
    await intake.read()
    await intake.read()
    found = await intake.bodies()
    assert found[:3] == [mail(3), mail(4), mail(9)]
    assert sorted(found[3:]) == sorted([mail(3), *(mail(f"new {uid}") for uid in uids), mail("since")])
    cursor = await cursor_of(intake.database, intake.mailbox)
    assert cursor is not None
    assert (cursor.uidvalidity, cursor.last_uid) == (7 + 2**32, 11)


async def test_it_is_put_back_once_more(intake: Intake) -> None:
    await intake.read()
    for turn in range(2):
        put_back(intake, 4, 9)
        intake.server.messages[9] = mail(f"{turn} of them")
        intake.server.dates[9] = b'"02-Mar-2026 08:5%d:00 +0100"' % turn
        await intake.read()
    assert {mail("0 of them"), mail("1 of them"), mail("new 4")} <= set(await intake.bodies())


async def test_a_new_uidvalidity_of_the_server_is_one_as_before(intake: Intake) -> None:
    await intake.read()
    put_back(intake, 9)
    await intake.read()
    intake.server.uidvalidity = 8
    await intake.read()
    cursor = await cursor_of(intake.database, intake.mailbox)
    assert cursor is not None
    assert (cursor.uidvalidity, cursor.last_uid) == (8, 9)


@pytest.mark.parametrize("following", [0, 1, 3, 9, 10, 4_294_967_295])
async def test_a_wrong_uidnext_takes_nothing_again(intake: Intake, following: int) -> None:
    await intake.read()
    intake.server.uid_next = following
    await intake.read()
    intake.server.messages[12] = mail(12)
    await intake.read()
    assert await intake.bodies() == [mail(3), mail(4), mail(9), mail(12)]


@pytest.mark.parametrize(
    "says",
    [
        Say(_DATE, b'* 3 FETCH (UID 9 INTERNALDATE "02-Mar-2026 08:31:00 +0100")\r\n%t OK done\r\n'),
        Say(_DATE, b"* 3 FETCH (UID 9 INTERNALDATE NIL)\r\n%t OK done\r\n"),
        Say(_DATE, b'* 3 FETCH (UID 9 INTERNALDATE "yesterday")\r\n%t OK done\r\n'),
        Say(_DATE, b"%t OK done\r\n"),
        Say(_DATE, b"%t NO [EXPUNGEISSUED] gone\r\n"),
        Say(_DATE, b"", "cut"),
    ],
)
async def test_a_moment_that_is_told_wrongly_takes_nothing_again(intake: Intake, says: Say) -> None:
    await intake.read()
    intake.server.script = [says]
    await intake.read()
    assert not intake.server.script
    assert await intake.bodies() == [mail(3), mail(4), mail(9)]


async def test_a_message_that_is_too_large_is_known_by_its_header(intake: Intake) -> None:
    intake.server.messages[9] = mail(9) + b"x" * 200_000
    await intake.read(max_size=100_000)
    intake.server.dates[9] = _LATER  # it is the same
    await intake.read(max_size=100_000)
    assert len(await intake.bodies()) == 3
    intake.server.messages[9] = mail("another") + b"x" * 200_000
    await intake.read(max_size=100_000)
    assert len(await intake.bodies()) == 6


async def test_reconcile_knows_it_as_well(intake: Intake) -> None:
    await intake.read()
    put_back(intake, 4, 9)
    reconciler = Reconciler(intake.settings, intake.database, SECRET, clock)
    assert await reconciler.run(dry_run=False, take_over=False) == [FolderReport("INBOX", 3, 2, 2)]
    await intake.read()
    assert {mail("new 4"), mail("new 9")} <= set(await intake.bodies())
