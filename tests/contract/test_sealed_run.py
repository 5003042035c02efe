"""A sealed database through everything that the desk and the machine do: nowhere in it stands who wrote, or what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update

from mailbot.desk import letter
from mailbot.model import REQUIRED_SUBJECT, Understanding
from mailbot.secret import Hiding
from mailbot.storage import personal
from mailbot.storage.desk import operator
from mailbot.storage.schema import account, inbox, installation, metadata
from mailbot.storage.shared import schema_mark
from mailbot.workers.decide import DecideWorker
from tests.bench_desk import NEW, Bench
from tests.contract.test_secrecy import files, office, put
from tests.flow import EWA, GOOD, JAN, Clock, mail
from tests.unit.desk.test_actions import ROWS

BEGINNING = (account, operator, installation, schema_mark)
"""What every case begins with. Accounts are the registry's, and operators the office's (docs/privacy.md)."""
SAID = ("jan.kowalski", "jan.nowy", "Kowalsk", "powód", "Jak złożyć", "nadal nie działa", "wp.example")
TYPED = [one for row in ROWS.values() if (one := row.values.get("text"))]
MARKS = [one.encode() for one in (JAN.login, EWA.login, NEW, *SAID, *TYPED)]
ADDRESS = re.compile(rb"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.example")
OURS = re.compile(rb"(?:.*@)?(?:helpdesk|puesc)\.example|pomoc.*@.*")


def readable(octets: bytes) -> set[bytes]:
    """Words and addresses of citizens."""
    found = {mark for mark in MARKS if mark in octets}
    return found | {one for one in ADDRESS.findall(octets) if not OURS.fullmatch(one)}


def rows(engine: Engine) -> bytes:
    with engine.connect() as connection:
        tables = [one for one in metadata.sorted_tables if one not in BEGINNING]
        values = [(t.name, *row) for t in tables for row in connection.execute(select(t))]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in values for v in row)


def begin_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(inbox).values(ticket_id=None))
        for table in reversed(metadata.sorted_tables):
            if table not in BEGINNING:
                connection.execute(delete(table))


@pytest.mark.parametrize(
    "empty_engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.campaign)], indirect=True
)
async def test_nothing_that_is_done_leaves_a_word_or_an_address_readable(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        assert parts.secret.hiding is Hiding.DONE
        bench = Bench(empty_engine, fill=True, flow=parts.pipeline)
        for name, row in ROWS.items():
            bench.clock.now = clock()
            row.start(bench)
            bench.done(row.who, row.kind, **row.values)
            bench.clock.advance(days=3)
            bench.send()
            assert readable(rows(empty_engine)) == set(), name
            begin_anew(empty_engine)
    sealed = [mark for mark in (NEW, *TYPED, "nadal nie działa") if mark.encode() in files(tmp_path)]
    assert sealed == [], "nor was it ever written to the file"


async def test_what_a_decision_notes_of_the_words_of_a_mail_is_sealed(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        put(parts, [mail(JAN.login, GOOD, subject=f"{REQUIRED_SUBJECT} Kowalskiego")], clock())
        assert await worker.step() == 1
        with empty_engine.connect() as connection:
            (row,) = connection.execute(select(*personal.NOTES)).mappings().all()
            shown = letter.shown(connection, parts.secret, [1])[0].notes
        assert "Kowalskiego" in str(shown["differences"])
        assert set(row["notes"]) <= {"defects", "floor"}
        assert readable(rows(empty_engine)) == set()


async def test_a_failure_leaves_no_word_of_the_mail_in_its_row(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, _):

        async def fails(_: object) -> list[Understanding]:
            raise ValueError(f"{JAN.login}: {GOOD}")

        worker = DecideWorker("w", parts.database, parts.pipeline, clock, parts.rng, understand=fails)
        put(parts, [mail(JAN.login, GOOD)], clock())
        for _ in range(3):
            await worker.step()
            clock.advance(hours=1)
        with empty_engine.connect() as connection:
            (why,) = connection.execute(select(inbox.c.last_error)).scalars()
            decided = connection.execute(select(*personal.NOTES)).mappings().all()
        notes = [personal.noted_of(parts.secret, row) for row in decided]
        assert "ValueError" in f"{why} {notes}"
        assert readable(str(notes).encode()) == set()
        assert readable(rows(empty_engine)) == set()
