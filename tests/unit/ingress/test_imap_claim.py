"""One mailbox, one reader: what the markers in it say, and what becomes of the second installation."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from mailbot.errors import MailboxUnavailable
from mailbot.ingress.imap_claim import NOBODY, Claim, Claimed, Marker, owner
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.reconcile import Reconciler
from mailbot.storage.mailbox import mailbox_claim
from tests.imap_fake import FakeImap, Say
from tests.intake import SECRET, clock, messages, open_database, until
from tests.unit.ingress.test_imap_reader import Intake, mail

CAPABLE = "IMAP4rev1 SASL-IR IDLE MOVE UIDPLUS NAMESPACE"
PLACE = '"mailbot"'


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[tuple[Intake, Intake]]:
    """Two installations, each with a database of its own, and one mailbox."""
    server = FakeImap({uid: mail(uid) for uid in (3, 4, 9)}, capabilities=CAPABLE)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server.listening())
        made = []
        for name in "ab":
            (folder := tmp_path / name).mkdir()
            made.append(Intake(server, await stack.enter_async_context(open_database(folder)), folder))
        yield made[0], made[1]


async def rows(office: Intake) -> int:
    return len(await messages(office.database))


async def test_of_two_installations_one_reads(offices: tuple[Intake, Intake], caplog: pytest.LogCaptureFixture) -> None:
    first, second = offices
    async with first.reading() as reader:
        await until(lambda: reader.last_poll is not None)
        async with second.reading() as other:
            await until(lambda: len(second.pauses) > 2)
            assert other.last_poll is None
    assert (await rows(first), await rows(second)) == (3, 0)
    assert "mend: stop the other one for good, then here: mailbot reconcile --take-over" in caplog.text


async def test_at_the_same_moment_too(offices: tuple[Intake, Intake]) -> None:
    async with offices[0].reading(), offices[1].reading():
        await until(lambda: any(len(office.pauses) > 3 for office in offices))
        for office in offices:
            office.server.deliver(12, mail(12))
    assert 0 in (await rows(offices[0]), await rows(offices[1]))


async def test_a_restart_keeps_the_mailbox(offices: tuple[Intake, Intake]) -> None:
    first, _ = offices
    for _ in range(3):
        await first.read()
    assert await rows(first) == 3
    assert len(first.server.others[PLACE]) == 6, "each begins and ends"


async def test_an_answer_to_append_that_was_lost_locks_nobody_out(offices: tuple[Intake, Intake]) -> None:
    first, _ = offices
    for lost in range(3):
        first.server.script = [Say("SELECT" if lost == 1 else "EXAMINE", b"", "cut")]
        await first.read()
    assert await rows(first) == 3


async def test_a_copy_of_the_database_is_seen(offices: tuple[Intake, Intake]) -> None:
    """As when a restored backup, or the image of a machine, is started beside the machine it was taken from."""
    first, second = offices
    await first.read()
    with first.database.engine.connect() as one, second.database.engine.begin() as other:
        for row in one.execute(select(mailbox_claim)).mappings():
            other.execute(mailbox_claim.insert(), {**row, "holder": None})
    async with second.reading() as copy:
        await until(lambda: copy.last_poll is not None)
        async with first.reading() as reader:
            await until(lambda: len(first.pauses) > 2)
            assert reader.last_poll is None


async def test_who_ends_in_order_leaves_the_mailbox(offices: tuple[Intake, Intake]) -> None:
    """What had arrived by then may have been answered; what came after it was not."""
    first, second = offices
    await first.read()
    first.server.messages[12] = mail(12)
    first.server.dates[12] = b'"02-Mar-2026 09:30:00 +0000"'
    await second.read()
    assert [message.envelope.again for message in await messages(second.database)] == [True] * 3 + [False]


async def test_nobody_slips_in_while_the_reader_restarts(offices: tuple[Intake, Intake]) -> None:
    first, second = offices
    async with first.reading() as reader:
        await until(lambda: reader.last_poll is not None)
        async with second.reading() as waiting:
            await until(lambda: len(second.pauses) > 1)
            await first.read()
            first.server.messages[12] = mail(12)
            tried = len(second.pauses)
            await until(lambda: len(second.pauses) > tried + 2)
            assert waiting.last_poll is None


async def test_a_dead_process_of_this_machine_holds_nothing(offices: tuple[Intake, Intake]) -> None:
    first, second = offices
    async with first.reading() as killed:
        killed._claim._name = f"{killed._claim._name.rpartition(':')[0]}:{2**22 + 1}"
        await until(lambda: killed.last_poll is not None)
        await second.read()
    assert await rows(second) == 3


async def test_the_mailbox_is_taken_over_and_the_old_one_stops(offices: tuple[Intake, Intake]) -> None:
    first, second = offices
    async with first.reading(poll_seconds=0) as reader:
        await until(lambda: reader.last_poll is not None)
        with pytest.raises(Claimed):
            await Reconciler(second.settings, second.database, SECRET, clock).run(dry_run=False, take_over=False)
        await Reconciler(second.settings, second.database, SECRET, clock).run(dry_run=False, take_over=True)
        await until(lambda: not reader.connected)
        async with second.reading() as other:
            await until(lambda: other.last_poll is not None)
            reader.last_poll = None
            first.server.deliver(12, mail(12))
            await until(lambda: second.stored > 0)
        assert reader.last_poll is None
    assert (await rows(first), await rows(second)) == (3, 4)
    taken = await messages(second.database)
    assert all(message.envelope.again for message in taken), "all came before the moment of the take-over"


@pytest.mark.parametrize(
    "step",
    [
        Say("APPEND", b"%t NO [OVERQUOTA] full\r\n"),
        Say("CREATE", b"%t NO not here\r\n"),
        Say("STATUS", b"%t OK nothing\r\n", "go on"),
    ],
    ids=lambda step: step.to,
)
async def test_where_no_marker_can_be_put_mail_is_read_nevertheless(offices: tuple[Intake, Intake], step: Say) -> None:
    first, _ = offices
    first.server.script = [step]
    await first.read()
    assert await rows(first) == 3


async def test_another_folder_is_another_mailbox(offices: tuple[Intake, Intake]) -> None:
    first, second = offices
    await first.read()
    await second.read(folder="Work")
    assert await rows(second) == 3


async def test_nothing_is_deleted_or_flagged(offices: tuple[Intake, Intake]) -> None:
    await offices[0].read()
    await offices[0].read()
    words = {command.split()[0] for command in offices[0].server.commands}
    assert not words & {"STORE", "DELETE", "EXPUNGE", "RENAME"}
    assert not any(command.startswith("UID STORE") for command in offices[0].server.commands)


async def test_the_prefix_of_the_server_is_used(offices: tuple[Intake, Intake]) -> None:
    first, _ = offices
    first.server.script = [Say("NAMESPACE", b'* NAMESPACE (("INBOX." ".")) NIL NIL\r\n%t OK\r\n')]
    connection = await ImapConnection.open(first.settings)
    await connection.login_password("helpdesk", "secret")
    await Claim(first.settings, first.database, first.mailbox, clock).take(connection)
    connection.abort()
    assert list(first.server.others) == ['"INBOX.mailbot"']
    assert b'X-Mailbot-Folder: "INBOX"' in first.server.others['"INBOX.mailbot"'][0]


async def test_a_marker_written_since_is_seen(offices: tuple[Intake, Intake]) -> None:
    first, _ = offices
    connection = await ImapConnection.open(first.settings)
    await connection.login_password("helpdesk", "secret")
    claim = Claim(first.settings, first.database, first.mailbox, clock)
    await claim.take(connection)
    await claim.keep(connection)
    first.server.others[PLACE].append(b"Subject: somebody\r\n\r\n")
    with pytest.raises(MailboxUnavailable, match="has changed"):
        await claim.keep(connection)
    connection.abort()


# ---------------------------------------------------------------------------------------------------------- the chain


def marker(claim: str, follows: str, folder: str = "a") -> Marker:
    return Marker(claim, follows, folder, claim)


def test_whose_it_is() -> None:
    assert owner([], "a") is None
    assert owner([marker("1", NOBODY)], "b") is None
    assert owner([marker("1", NOBODY), marker("2", NOBODY)], "a") == marker("1", NOBODY)
    assert owner([marker("1", NOBODY), marker("2", "1"), marker("3", "1")], "a") == marker("2", "1")
    assert owner([marker("8", "7"), marker("9", "8")], "a") == marker("9", "8")  # older ones were tidied away


@given(st.lists(st.sampled_from("abc"), max_size=8), st.randoms())
def test_of_claims_that_saw_the_same_only_one_counts(who: list[str], die) -> None:  # type: ignore[no-untyped-def]
    """Whatever the order in which the server puts them: whoever reads it back as his own is the only one."""
    written: list[Marker] = []
    numbers = itertools.count()
    for _ in who:
        seen = owner(written, "a")
        rivals = [marker(str(next(numbers)), seen.claim if seen else NOBODY) for _ in range(3)]
        die.shuffle(rivals)
        written += rivals
        assert owner(written, "a") == rivals[0]
