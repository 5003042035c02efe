"""A batch that is decided before the lock of the counter is decided as under it, whatever others do meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, delete, event, insert, select

from mailbot.accounts.rows import column_values
from mailbot.flow import pipeline
from mailbot.flow.pipeline import Pipeline
from mailbot.inbox import message_of, store, stored_message
from mailbot.model import Envelope, RawMessage, Source
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.schema import account, activation, counter, decision, inbox, metadata, outbox, ticket, ticket_event
from mailbot.tickets import hold, number
from tests.channels import ANNA, CHANNELS, PIOTR
from tests.citizens import HELPDESK
from tests.flow import EWA, GOOD, JAN, PDF, STRANGER, Clock, add_accounts, mail, settings

KEY = Secret(b"k" * 32)
AGAIN = "Proszę o zmianę hasła awaryjnego dla Ewa Nowak, 1975"
SEQUENCE: tuple[tuple[str, bytes], ...] = (
    *((JAN.login, raw) for raw in (mail(), b"X-Relay: two\r\n" + mail(), mail(name="the same request"))),
    *((EWA.login, mail(EWA.login, text, name=text)) for text in ("Sprawa", AGAIN, f"{AGAIN}\n\nA pilnie")),
    *((PIOTR.login, mail(c.sender, c.body, subject=c.subject, name=c.subject)) for c in CHANNELS.values()),
    *((JAN.login, mail(name=f"{auth}", auth=auth)) for auth in ("fail", "none")),
    (JAN.login, mail(body="Przesyłam rok: 1980", subject="Re: ZGL0000001", name="to the ticket")),
    ("mallory@zle.example", mail("mallory@zle.example", "moje", subject="Re: ZGL0000001", name="to another's ticket")),
    (EWA.login, mail(EWA.login, "Jestem na urlopie", headers={"Auto-Submitted": "auto-replied"}, name="machine")),
    *((STRANGER, mail(STRANGER, f"Sprawa {n}", name=f"flood {n}")) for n in range(14)),
    *(("kto@nikt.example", mail("kto@nikt.example", f"{n}", auth="none", name=f"unvouched {n}")) for n in range(3)),
    (JAN.login, mail(name="the same request, and again")),
)
"""Copies, repeats, limits and answers, within a batch and over several."""
TABLES: tuple[Table, ...] = (ticket, ticket_event, decision, outbox, activation, inbox, counter)
RANDOM = {"nonce", "token_hash"}


def flow(engine: Engine, folder: Path) -> Pipeline:
    url = engine.url.render_as_string(hide_password=False)
    directory = compose.accounts(settings(url, folder / "key", 1))
    return compose.pipeline(settings(url, folder / "key", 1), KEY, directory, StaticResolver({}), random.Random(1))


@pytest.fixture
def postgres(empty_postgres: Engine) -> Engine:
    metadata.create_all(empty_postgres)
    add_accounts(empty_postgres)
    return empty_postgres


def arrive(engine: Engine, mails: Sequence[tuple[str, bytes]], clock: Clock) -> None:
    came = [RawMessage(raw, Envelope(Source.LMTP, sender, (HELPDESK,)), clock()) for sender, raw in mails]
    with engine.begin() as connection:
        store(connection, came, clock(), KEY)


def step(engine: Engine, by: Pipeline, clock: Clock, batch: int, worker: str = "test") -> list[str]:
    """Decide the next batch; its outcomes."""
    with engine.begin() as connection:
        rows = jobs.claim(connection, inbox, worker, clock(), timedelta(hours=1), batch)
        found = [(row, stored_message(connection, row)) for row in rows]
    understood = [(row, by.understand(message_of(one, KEY))) for row, one in found if one is not None]
    with engine.begin() as connection:
        return [decided.outcome.value for decided in by.record(connection, worker, understood, clock()).values()]


def told(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All that was written, but for what is drawn by lot."""
    with engine.connect() as connection:
        columns = {t: [c for c in t.c if c.name not in RANDOM] for t in TABLES}
        return {
            t.name: [tuple(row) for row in connection.execute(select(*columns[t]).order_by(*t.primary_key))]
            for t in TABLES
        }


def whole(engine: Engine, folder: Path, batch: int) -> tuple[list[str], dict[str, list[tuple[Any, ...]]]]:
    with engine.begin() as connection:
        connection.execute(insert(account), [column_values(one) for one in (PIOTR, ANNA)])
    clock, by = Clock(), flow(engine, folder)
    arrive(engine, SEQUENCE, clock)
    outcomes: list[str] = []
    while done := step(engine, by, clock, batch):
        outcomes += done
    return outcomes, told(engine)


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_the_same_mails_give_the_same_tickets_and_mails_on_both_roads(
    postgres: Engine, tmp_path: Path, batch: int
) -> None:
    sqlite = connect(f"sqlite:///{tmp_path}/test.db")  # where the lock comes first
    metadata.create_all(sqlite)
    add_accounts(sqlite)
    expected = whole(sqlite, tmp_path, batch)
    sqlite.dispose()
    assert whole(postgres, tmp_path, batch) == expected
    assert {"OK_A", "DUPLICATE", "RATE_LIMITED", "REJ_FORMAL", "QUARANTINE", "NO_REPLY"} <= set(expected[0])


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something done between the decision of the next batch and its lock."""

    def arrange(what: Callable[[], object]) -> None:
        real, left = number.lock, [what]

        def lock(connection: Connection, start: int) -> int:
            if left:
                left.pop()()
            return real(connection, start)

        monkeypatch.setattr(pipeline.number, "lock", lock)

    return arrange


def test_a_copy_that_was_decided_meanwhile_makes_a_repeat_of_it(
    postgres: Engine, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    clock, by = Clock(), flow(postgres, tmp_path)
    arrive(postgres, [(JAN.login, mail()), (JAN.login, mail(name="the same request"))], clock)
    with postgres.begin() as connection:  # of the second one, which another worker decides first
        jobs.claim(connection, inbox, "other", clock(), timedelta(hours=1), 2)
        jobs.release(connection, inbox, [1], "other")
    other = Other(postgres, by, clock, 2)
    meanwhile(other.record)
    assert step(postgres, by, clock, 1) == ["DUPLICATE"]
    assert other.outcomes == ["OK_A"]
    found = told(postgres)
    assert len(found["ticket"]) == 1
    assert [row[1:3] for row in found["outbox"]] == [(1, "T1"), (1, "T2A"), (1, "T3"), (1, f"T15 {clock():%Y-%m-%d}")]


def test_numbers_go_on_behind_what_was_decided_meanwhile(
    postgres: Engine, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    clock, by = Clock(), flow(postgres, tmp_path)
    arrive(postgres, [(JAN.login, mail()), (JAN.login, mail(name="again")), (EWA.login, mail(EWA.login, AGAIN))], clock)
    with postgres.begin() as connection:
        jobs.claim(connection, inbox, "other", clock(), timedelta(hours=1), 3)
        jobs.release(connection, inbox, [1, 2], "other")
    meanwhile(Other(postgres, by, clock, 3).record)
    assert step(postgres, by, clock, 2) == ["OK_A", "DUPLICATE"]
    found = told(postgres)
    assert [row[:2] for row in found["ticket"]] == [(1, "ZGL0000001"), (2, "ZGL0000002")]
    mails = [row for row in found["outbox"] if row[1] == 2]
    assert [row[3] for row in mails] == ["T1", "T2A", "T3", "T15"]
    assert all(b"zgl0000002." in row[8] and b"zgl0000001." not in row[8] for row in mails)


@pytest.mark.parametrize("default", ["read committed", "repeatable read"])
def test_whose_login_was_stopped_meanwhile_gets_no_link(
    postgres: Engine, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None], default: str
) -> None:
    """Whatever the database takes for the isolation of a transaction that asks for none."""
    chosen = f"{postgres.url.query['options']} -cdefault_transaction_isolation={default.replace(' ', chr(92) + ' ')}"
    url = postgres.url.update_query_dict({"options": chosen})
    engine = connect(url.render_as_string(hide_password=False))
    clock, by = Clock(), flow(engine, tmp_path)
    arrive(engine, [(JAN.login, mail()), (JAN.login, mail(body=f"{GOOD}\n\nSprawa druga", name="2"))], clock)
    assert step(engine, by, clock, 1) == ["OK_A"]

    def stop() -> None:
        with engine.begin() as connection:
            assert hold.freeze(connection, "ZGL0000001", clock(), {"by": "anna"})

    meanwhile(stop)
    assert step(engine, by, clock, 1) != ["OK_A"]
    assert len(told(engine)["activation"]) == 1
    engine.dispose()


@pytest.mark.parametrize(("there", "left"), [(True, [1]), (False, [])])
def test_an_account_that_comes_or_goes_meanwhile_decides_whether_a_file_is_checked(
    postgres: Engine, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None], there: bool, left: list[int]
) -> None:
    """Of what waits for a check nothing is written, and the mail behind it has the first number."""
    clock, by = Clock(), flow(postgres, tmp_path)
    arrive(postgres, [(JAN.login, mail(files=[PDF])), (EWA.login, mail(EWA.login, AGAIN))], clock)
    jan = account.c.login == JAN.login

    def goes() -> None:
        with postgres.begin() as connection:
            connection.execute(delete(account).where(jan))

    def comes() -> None:
        with postgres.begin() as connection:
            connection.execute(insert(account).values(column_values(JAN)))

    if there:
        meanwhile(goes)
    else:
        goes()
        meanwhile(comes)
    with postgres.begin() as connection:
        rows = jobs.claim(connection, inbox, "test", clock(), timedelta(hours=1), 2)
        found = [(row, stored_message(connection, row)) for row in rows]
    understood = [(row, by.understand(message_of(one, KEY))) for row, one in found if one is not None]
    with postgres.begin() as connection:
        decided = by.record(connection, "test", understood, clock(), checked=False)
    assert [row for row in rows if row not in decided] == left
    assert {one.outcome.value for one in decided.values()} == {"OK_A"}
    written = told(postgres)
    assert [row[0] for row in written["ticket"]] == list(range(1, 3 - len(left)))
    assert len(written["outbox"]) == 3 * len(decided)


def test_limits_count_what_was_decided_meanwhile(
    postgres: Engine, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    clock, by = Clock(), flow(postgres, tmp_path)
    flood = [(STRANGER, mail(STRANGER, f"Sprawa {n}", name=f"flood {n}")) for n in range(20)]
    arrive(postgres, flood, clock)
    with postgres.begin() as connection:
        jobs.claim(connection, inbox, "other", clock(), timedelta(hours=1), 20)
        jobs.release(connection, inbox, [20], "other")
    meanwhile(Other(postgres, by, clock, *range(1, 20)).record)
    assert step(postgres, by, clock, 1) == ["RATE_LIMITED"]


@pytest.mark.parametrize("seed", range(2))
def test_a_batch_that_another_one_overtakes_is_decided_as_behind_it(
    postgres: Engine, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None], seed: int
) -> None:
    lot, clock, by = random.Random(seed), Clock(), flow(postgres, tmp_path)
    read = [by.understand(RawMessage(raw, Envelope(Source.LMTP, sender), clock())) for sender, raw in SEQUENCE]
    mails = [one for one, u in zip(SEQUENCE, read, strict=True) if not u.stops]  # who stops takes the lock first
    with postgres.begin() as connection:
        connection.execute(insert(account), [column_values(one) for one in (PIOTR, ANNA)])
    mine: list[int] = []
    theirs: list[int] = []
    for row in range(1, len(mails) + 1):
        lot.choice((mine, theirs)).append(row)

    def decided(*, overtaken: bool) -> tuple[list[str], dict[str, list[tuple[Any, ...]]]]:
        arrive(postgres, mails, clock)
        with postgres.begin() as connection:
            jobs.claim(connection, inbox, "other", clock(), timedelta(hours=1), len(mails))
        slow, quick = Other(postgres, by, clock, *mine), Other(postgres, by, clock, *theirs)
        if overtaken:
            meanwhile(quick.record)
        else:
            quick.record()
        slow.record()
        found = told(postgres)
        with postgres.begin() as connection:
            written = ", ".join(t.name for t in metadata.sorted_tables if t is not account)
            connection.exec_driver_sql(f"TRUNCATE {written} RESTART IDENTITY CASCADE")
        return [*slow.outcomes, *quick.outcomes], found

    assert decided(overtaken=True) == decided(overtaken=False)


class Other:
    """Another worker, which holds ``rows``."""

    def __init__(self, engine: Engine, by: Pipeline, clock: Clock, *rows: int) -> None:
        self._engine, self._by, self._clock, self._rows = engine, by, clock, rows
        self.outcomes: list[str] = []

    def record(self) -> None:
        with self._engine.begin() as connection:
            found = [(row, stored_message(connection, row)) for row in self._rows]
            understood = [(row, self._by.understand(message_of(one, KEY))) for row, one in found if one is not None]
            decided = self._by.record(connection, "other", understood, self._clock())
        self.outcomes = [one.outcome.value for one in decided.values()]


def test_a_large_batch_asks_and_writes_no_more_often_than_a_small_one(engine: Engine, tmp_path: Path) -> None:
    """What is done for each mail alone is done while all others wait for the lock."""
    people = [replace(JAN, login=f"jan{n}@poczta{n}.example") for n in range(22)]
    with engine.begin() as connection:
        connection.execute(insert(account), [column_values(one) for one in people])
    clock, by = Clock(), flow(engine, tmp_path)
    arrive(engine, [(one.login, mail(one.login, name=one.login)) for one in people], clock)
    asked: list[int] = []
    event.listen(engine, "before_cursor_execute", lambda *_: asked.append(1))
    counts = []
    for batch in (2, 20):
        before = len(asked)
        assert step(engine, by, clock, batch) == ["OK_A"] * batch
        counts.append(len(asked) - before - batch)  # each mail is read back for itself
    assert counts[1] <= counts[0]  # the first batch makes the counter
