"""Nothing in the mailbox is passed over, whatever the server leaves out, cuts off, doubles or says twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.ingress.imap_syntax import arrival
from tests.imap_fake import FakeImap, Say
from tests.intake import NOW, messages, open_database, until
from tests.support import examples
from tests.unit.ingress.test_imap_reader import Intake, mail

UIDS = range(1, 13)


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    server = FakeImap({uid: mail(uid) for uid in UIDS})
    async with server.listening(), open_database(tmp_path) as database:
        yield Intake(server, database, tmp_path)


def all_of(intake: Intake, count: int = len(UIDS)):  # type: ignore[no-untyped-def]
    async def holds() -> bool:
        return len(await messages(intake.database)) >= count

    return holds


async def uids(intake: Intake) -> list[int | None]:
    return sorted(message.envelope.uid or 0 for message in await messages(intake.database))


# ----------------------------------------------------------------------------------------------- what SEARCH leaves out


@pytest.mark.parametrize("done_folder", ["", "Done"])
async def test_what_search_leaves_out_once_is_taken_at_the_next_look(intake: Intake, done_folder: str) -> None:
    """The cursor has passed it by then."""
    left = [3, 7, 8]
    times = iter(range(100))

    def once(found: list[int]) -> list[int]:
        return [uid for uid in found if uid not in left] if next(times) < 3 else found

    intake.server.uid_sets = once
    intake.server.script = [Say("UID FETCH 1:*", b"%t OK nothing\r\n") for _ in range(2)]
    async with intake.reading(poll_seconds=0, done_folder=done_folder):
        await until(all_of(intake))
    assert await uids(intake) == list(UIDS)


async def test_what_search_never_names_is_found_by_its_number(intake: Intake) -> None:
    """EXISTS says twelve, SEARCH names eleven: FETCH knows the one."""
    intake.server.uid_sets = lambda found: [uid for uid in found if uid != 5]
    await intake.read()
    assert await uids(intake) == list(UIDS)
    assert len(intake.server.asked("UID FETCH 1:*")) >= 1


async def test_what_is_stored_is_not_fetched_again_at_the_next_start(intake: Intake) -> None:
    """Nor by a version that compares over the rows of one that did not. Of the last one the moment is asked."""
    await intake.read()
    fetched = len(intake.server.asked("UID FETCH"))
    intake.server.messages[4711] = mail(4711)
    await intake.read()
    asked = [command.split(" (")[0] for command in intake.server.asked("UID FETCH")[fetched:]]
    assert asked == ["UID FETCH 12", "UID FETCH 4711", "UID FETCH 4711"]


async def test_a_large_folder_is_compared_quickly(intake: Intake) -> None:
    """Ten thousand messages that are old news: nothing but their numbers is asked."""
    intake.server.messages = dict.fromkeys(range(1, 10_001), b"")
    intake.server.dates = dict.fromkeys(intake.server.messages, b'"02-Mar-2020 08:30:00 +0100"')
    intake.server.messages[70_000] = mail(1)
    await intake.read(since="2026-01-01")
    assert await uids(intake) == [70_000]
    fetched = len(intake.server.asked("UID FETCH"))
    assert fetched == 21 + 1


# --------------------------------------------------------------------------------------------- octets that do not come


def gives(uid: int, body: bytes) -> bytes:
    return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)\r\n%%t OK\r\n" % (uid, len(body), body)


@pytest.mark.parametrize("body", [b"", mail(12)[:20], mail(12)[:-3]], ids=["nothing", "a part", "nearly all"])
@pytest.mark.parametrize("times", [1, 2])
async def test_octets_that_are_missing_once_are_asked_for_again(intake: Intake, body: bytes, times: int) -> None:
    intake.server.messages = {12: mail(12)}
    intake.server.script = [Say("UID FETCH 12 (UID BODY", gives(12, body)) for _ in range(times)]
    await intake.read()
    assert await intake.bodies() == [mail(12)]


async def test_an_empty_literal_is_never_a_message(intake: Intake) -> None:
    """BODY[] "" with a size: those behind it go on, and a person gets it after some tries."""
    intake.server.script = [
        Say("UID FETCH 1:12 (UID BODY", gives(5, b"")),
        *(Say("UID FETCH 5 (UID BODY", gives(5, b"")) for _ in range(9)),
    ]
    async with intake.reading(done_folder="Done"):
        await until(all_of(intake))
    taken = {message.envelope.uid: message for message in await messages(intake.database)}
    assert "unreadable" in (taken[5].envelope.note or "")
    assert 5 in intake.server.messages  # it stays where a person can find it
    assert all(taken[uid].raw == mail(uid) for uid in UIDS if uid != 5)


@pytest.mark.parametrize("too_much", [1, 40, -40])
async def test_a_server_that_only_guesses_sizes_holds_nobody_up(intake: Intake, too_much: int) -> None:
    """Exchange does, unless it is told not to."""
    intake.server.sizes = {uid: len(mail(uid)) + too_much for uid in UIDS}
    await intake.read()
    intake.server.messages[20], intake.server.sizes[20] = mail(20), len(mail(20)) + too_much
    await intake.read()
    stored = await messages(intake.database)
    assert [message.raw for message in stored] == [*(mail(uid) for uid in UIDS), mail(20)]
    assert all(message.envelope.note is None for message in stored)
    assert intake.server.connections <= 4


async def test_less_than_half_of_it_again_and_again_is_for_a_person(intake: Intake) -> None:
    intake.server.sizes = {12: 10_000}
    async with intake.reading():
        await until(all_of(intake))
    last = (await messages(intake.database))[-1]
    assert last.raw == mail(12)
    assert last.envelope.note == f"unreadable: the server gives {len(mail(12))} of 10000 octets"


async def test_a_message_that_is_never_given_waits_for_hours_not_for_ever(intake: Intake) -> None:
    intake.server.script = [Say("UID FETCH 12 (UID BODY", b"%t NO\r\n") for _ in range(30)]
    intake.server.messages = {12: mail(12)}
    async with intake.reading() as reader:
        await until(lambda: len(intake.pauses) > 4)
        assert await intake.bodies() == []
        reader._fetcher._clock = lambda: NOW + timedelta(hours=7)
        await until(all_of(intake, 1))
    assert "failed to give" in ((await messages(intake.database))[0].envelope.note or "")


# -------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"02-Mar-2026 08:30:00 +0000", datetime(2026, 3, 2, 8, 30, tzinfo=UTC)),
        (b"31-Dec-9999 23:59:59 -0100", NOW),
        (b"01-Jan-0001 00:00:00 +0100", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"01-Jan-0099 00:00:00 +0100", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"01-Jan-1970 00:00:00 +1400", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"02-Mar-2036 08:30:00 +0000", NOW),
        (b"02-Mar-2026 23:30:00 +0000", datetime(2026, 3, 2, 23, 30, tzinfo=UTC)),
        (b"", NOW),
    ],
)
def test_an_arrival_can_always_be_kept(text: bytes, expected: datetime) -> None:
    found = arrival(text, NOW)
    assert found.astimezone(UTC).year >= 1970
    if expected.year > 1970 or text.endswith(b"+1400"):
        assert found == expected


@given(st.datetimes(), st.integers(-1439, 1439))
def test_no_arrival_is_out_of_range(moment: datetime, minutes: int) -> None:
    sign, offset = "-" if minutes < 0 else "+", f"{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    text = f"{moment.day:2}-{moment:%b}-{moment.year:04} {moment:%H:%M:%S} {sign}{offset}"
    found = arrival(text.encode(), NOW).astimezone(UTC)
    assert datetime(1970, 1, 1, tzinfo=UTC) <= found <= NOW + timedelta(days=1)


async def test_a_date_out_of_range_stops_nothing(intake: Intake) -> None:
    intake.server.dates = {3: b'"31-Dec-9999 23:59:59 -1200"', 4: b'"01-Jan-0001 00:00:00 +1200"'}
    await intake.read()
    assert await uids(intake) == list(UIDS)


async def test_what_came_before_the_day_is_left_alone(intake: Intake) -> None:
    intake.server.dates = dict.fromkeys((1, 2, 12), b'"28-Feb-2026 23:59:59 +0100"')
    await intake.read(since="2026-03-01", done_folder="Done")
    assert await uids(intake) == list(range(3, 12))
    assert sorted(intake.server.messages) == [1, 2, 12]


# -------------------------------------------------------------------------------------------------- whatever it answers


@dataclass
class Liar(FakeImap):
    """Leaves out, doubles, reorders, lies about sizes, gives parts, refuses and closes: as its die falls."""

    die: random.Random = field(default_factory=random.Random)
    honest: bool = False

    def _responses(self, word, rest):  # type: ignore[no-untyped-def]
        found = list(super()._responses(word, rest))
        if self.honest or word != "UID":
            return found
        if self.die.random() < 0.15:
            raise ConnectionResetError
        if rest[0] == "SEARCH":
            listed = [uid for uid in found[0].split()[2:] if self.die.random() < 0.7]
            return [b"* SEARCH " + b" ".join(self.die.sample(listed, len(listed))) + b"\r\n"]
        if rest[0] == "FETCH":
            found = [response for response in found for _ in range(self.die.choice((1, 1, 2)))]
            found = found if "SIZE" in " ".join(rest) else self.die.sample(found, len(found) - len(found) // 5)
            self.die.shuffle(found)
        return found

    def _fetched(self, number: int, uid: int, items: str) -> bytes:
        if self.honest or "SIZE" in items:
            return super()._fetched(number, uid, items)
        raw = self.messages[uid]
        part = self.die.choice((raw, raw, raw, b"", raw[: len(raw) // 3]))
        return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, len(part), part)


@settings(max_examples=examples(12), deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["", "Done"]))
def test_in_the_end_every_message_is_one_row(seed: int, done_folder: str) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            server = Liar({uid: mail(uid) for uid in UIDS}, die=random.Random(seed))
            async with server.listening(), open_database(Path(folder)) as database:
                intake = Intake(server, database, Path(folder))
                async with intake.reading(poll_seconds=0, done_folder=done_folder) as reader:
                    await until(lambda: len(intake.pauses) > 6 or reader.last_poll is not None)
                    server.honest = True
                    reader.last_poll = None
                    await until(lambda: reader.last_poll is not None)
                stored = await messages(database)
                assert sorted(message.envelope.uid or 0 for message in stored) == list(UIDS)
                for message in stored:
                    assert message.raw == mail(message.envelope.uid) or message.envelope.note

    asyncio.run(run())


async def test_a_ghost_is_told_to_a_person_and_stops_nobody(intake: Intake) -> None:
    """Listed for ever, never given, and said to be gone."""
    intake.server.uid_sets = lambda found: [*found, 99] if len(found) > 1 or not found else found
    intake.server.script = [Say("UID SEARCH UID 99", b"* SEARCH\r\n%t OK\r\n") for _ in range(40)]
    async with intake.reading(poll_seconds=0) as reader:
        await until(lambda: reader.last_poll is not None)
    assert await uids(intake) == [*UIDS, 99]


async def test_the_second_process_of_an_installation_waits_and_takes_over(intake: Intake) -> None:
    """Two machines on one database: one reads; the other begins when the lease of the first runs out."""
    async with intake.reading() as first:
        await until(lambda: first.last_poll is not None)
        async with intake.reading(poll_seconds=0) as second:
            second._claim._name = "elsewhere:1"
            await until(lambda: len(intake.pauses) > 3)
            assert not second.connected
            second._claim._clock = lambda: NOW + timedelta(minutes=30)
            await until(lambda: second.connected)
            intake.server.deliver(50, mail(50))
            await until(all_of(intake, len(UIDS) + 1))
