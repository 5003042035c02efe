"""What has reached the age of its class is erased, and nothing else, on each engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, Insert, LargeBinary, func, insert, select, update

from mailbot.audit import chain
from mailbot.audit.verify import verify
from mailbot.cli import cli
from mailbot.config import DatabaseSettings
from mailbot.model.categories import CASE_A
from mailbot.retention import age, erase, sweep
from mailbot.ruleset import retention
from mailbot.storage import keys, personal
from mailbot.storage.desk import draft, operator, ticket_link
from mailbot.storage.erasing import erasure, ticket_key
from mailbot.storage.keys import KeyStore, data_key
from mailbot.storage.probes import probe
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation, application_view, inbox, metadata, outbox, raw_message, ticket
from mailbot.workers.retention import RetentionWorker
from tests.contract.test_erasing import ASKED, LINK, MINE, OTHERS, everything, filled
from tests.contract.test_secrecy import office
from tests.flow import Clock

DAY = timedelta(days=1)
AGES = {"granted": 90 * DAY, "refused": 60 * DAY, "other": 30 * DAY, "quarantine": 45 * DAY, "without_ticket": 40 * DAY}


def one_pass(engine: Engine, ages: age.Ages, clock: Clock, *, dry: bool = False) -> Mapping[str, int]:
    total = age.RetentionReport()
    for kind in age.steps(ages, clock(), chain.MACHINE, dry=dry):
        after: int | None = 0
        while after is not None:
            with engine.begin() as connection:
                report, after = kind(after)(connection)
            total.add(report)
    return {name: count for name, count in total.classes.items() if count}


def become(connection: Connection, what: str, clock: Clock) -> None:
    """Ticket 1 becomes one of class ``what``."""
    if what == "granted":
        link = {"nonce": "n" * 32, "token_hash": "h" * 64, "login": MINE, "created_at": clock(), "expires_at": clock()}
        connection.execute(insert(activation).values(ticket_id=1, **link))
    elif what == "refused":
        connection.execute(update(ticket).where(ticket.c.id == 1).values(category=CASE_A))
    elif what == "quarantine":
        connection.execute(update(ticket).where(ticket.c.id == 1).values(state="KWARANTANNA", closed_at=None))
    elif what == "without_ticket":
        connection.execute(update(inbox).where(inbox.c.id == 1).values(ticket_id=None))
        connection.execute(update(ticket).where(ticket.c.id == 1).values(closed_at=None))


@pytest.mark.parametrize("name", AGES)
async def test_each_class_has_its_age(empty_engine: Engine, tmp_path: Path, name: str) -> None:
    async with filled(empty_engine, tmp_path) as (_, _, clock):
        with empty_engine.begin() as connection:
            connection.execute(update(ticket).where(ticket.c.id == 2).values(closed_at=None))
            become(connection, name, clock)
        only = {name: AGES[name]}
        clock.advance(days=AGES[name].days - 1)
        assert one_pass(empty_engine, AGES, clock).get(name) is None, "a day before"
        clock.advance(days=2)
        assert one_pass(empty_engine, {n: a for n, a in AGES.items() if n != name}, clock).get(name) is None
        assert one_pass(empty_engine, only, clock, dry=True) == {name: 1}
        assert one_pass(empty_engine, only, clock) == {name: 1}
        assert one_pass(empty_engine, only, clock) == {}, "once"
        with empty_engine.connect() as connection:
            assert connection.execute(select(raw_message.c.inbox_id)).scalars().all() == [2], "an open ticket never"
            done = connection.execute(select(erasure.c.what, erasure.c.messages)).all()
            assert [tuple(row) for row in done] == [(name, [1])]
            assert list(verify(connection)) == []
            closed = connection.execute(select(ticket.c.closed_at).where(ticket.c.id == 1)).scalar_one()
            assert (closed is None) == (name == "without_ticket")


@pytest.mark.parametrize(
    "spoil",
    [
        update(inbox).where(inbox.c.id == 1).values(state="buried"),
        update(outbox).where(outbox.c.ticket_id == 1).values(state="waiting"),
        update(ticket).where(ticket.c.id == 1).values(closed_at=None),
        update(inbox).where(inbox.c.id == 1).values(received_at=Clock()() + 30 * DAY),
        insert(registry_change).values(ASKED),
    ],
    ids=["undecided", "to leave", "open", "a later message", "asked"],
)
async def test_what_is_still_needed_stays_and_stops_nothing_else(
    empty_engine: Engine, tmp_path: Path, spoil: object
) -> None:
    async with filled(empty_engine, tmp_path) as (_, _, clock):
        with empty_engine.begin() as connection:
            if isinstance(spoil, Insert):
                connection.execute(insert(activation).values(LINK))
            connection.execute(spoil)  # type: ignore[call-overload]
        clock.advance(days=31)
        assert one_pass(empty_engine, {"other": 30 * DAY, "granted": 30 * DAY}, clock) == {"other": 1}
        with empty_engine.connect() as connection:
            assert connection.execute(select(raw_message.c.inbox_id)).scalars().all() == [1]


async def test_a_letter_that_was_merged_stays_as_long_as_the_ticket_where_it_is_read(
    empty_engine: Engine, tmp_path: Path
) -> None:
    """Ticket 2 joined ticket 1, which is open for months; and who erases 1 erases the letter of 2."""
    async with filled(empty_engine, tmp_path) as (_, _, clock):
        with empty_engine.begin() as connection:
            connection.execute(insert(ticket_link).values(ticket_id=2, other_id=1, kind="merged", at=clock()))
            connection.execute(update(ticket).where(ticket.c.id == 1).values(closed_at=None))
        clock.advance(days=90)
        assert one_pass(empty_engine, {"other": 30 * DAY}, clock) == {}
        with empty_engine.begin() as connection:
            connection.execute(update(ticket).where(ticket.c.id == 1).values(closed_at=clock()))
        clock.advance(days=29)
        assert one_pass(empty_engine, {"other": 30 * DAY}, clock) == {}
        with empty_engine.connect() as connection:
            found = erase.of_ticket(connection, "ZGL0000001")
        assert (found.tickets, found.messages) == ((1, 2), (1, 2))
        clock.advance(days=2)
        assert one_pass(empty_engine, {"other": 30 * DAY}, clock) == {"other": 2}


async def test_rows_go_a_bounded_number_at_a_time(
    empty_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(age, "_WINDOW", 2)
    async with filled(empty_engine, tmp_path) as (_, _, clock):
        with empty_engine.begin() as connection:
            one = {"recipient": "a@b.example", "answer": b"", "sent_at": clock()}
            connection.execute(insert(probe), [{"nonce": f"{n}", **one} for n in range(5)])
            person = {"id": 1, "name": "anna", "display": "Anna", "roles": [], "desks": [], "state": "active"}
            connection.execute(insert(operator).values(made_at=clock(), **person))
            kept = {"operator_id": 1, "ticket_id": 2, "sealed": b"x", "saved_at": clock()}
            connection.execute(insert(draft), [{"form": f"{n}", **kept} for n in range(3)])
        clock.advance(days=2)
        ages = {"probes": DAY, "drafts": DAY}
        assert one_pass(empty_engine, ages, clock, dry=True) == {"probes": 5, "drafts": 3}
        assert one_pass(empty_engine, ages, clock) == {"probes": 5, "drafts": 3}
        assert one_pass(empty_engine, ages, clock) == {}


async def test_a_worker_does_it_once_a_day_and_leaves_no_trace(empty_engine: Engine, tmp_path: Path) -> None:
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        store = parts.secret.store
        assert isinstance(store, KeyStore)
        two = [RetentionWorker(parts.database, parts.pipeline, store, clock) for _ in range(2)]
        before = everything(empty_engine, tmp_path).lower()
        hashes = [personal.hashed(parts.secret, address) for address in (MINE, OTHERS)]
        assert all(one.encode() in before for one in hashes), "the test would find it"
        assert not await two[0].step(), "the first start"
        clock.advance(days=parts.pipeline.ruleset.retention["other"].days + 1)
        for _ in range(2):
            assert not await two[0].step(), "the clock may be wrong: a day must go by"
        clock.advance(days=1)
        first = 0
        while await two[0].step():
            first += 1
            assert not await two[1].step(), "the pass of today is taken"
        assert first > 2
        after = everything(empty_engine, tmp_path).lower()
        assert not any(one.encode() in after for one in (MINE, OTHERS, *hashes))
        with empty_engine.connect() as connection:
            assert connection.execute(select(func.count()).where(erasure.c.done_at.is_(None))).scalar_one() == 0
            assert list(verify(connection)) == []
        clock.advance(hours=23)
        assert not await two[1].step()
        clock.advance(hours=1)
        assert await two[1].step()
        clock.advance(days=-3)
        assert not await two[0].step(), "set right again"
        clock.advance(days=1)
        assert await two[0].step(), "and it does not wait for the day that was wrong"


async def test_the_command_counts_first(empty_engine: Engine, tmp_path: Path) -> None:
    url = empty_engine.url.render_as_string(hide_password=False)
    (tmp_path / "mailbot.toml").write_text(f'[secret]\nkey_file = "{tmp_path}/key"\n[database]\nurl = "{url}"\n')

    def said(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["retention", "run", *arguments, "--config", str(tmp_path / "mailbot.toml")])
        assert done.exit_code == 0, done.output
        return done.output

    async with filled(empty_engine, tmp_path):
        with empty_engine.begin() as connection:
            long_ago = Clock()() - 4000 * DAY
            connection.execute(update(ticket).values(closed_at=long_ago))
            connection.execute(update(inbox).values(received_at=long_ago))
    assert "other: 2 would be erased (older than 730 days)\n" in said("--dry-run")
    assert '"dry_run": true, "messages": 2, "keys": 0, "classes": [{"class": "granted"' in said("--dry-run", "--json")
    assert said().endswith("2 messages erased, with 4 keys\n")
    assert "other: 0 would be erased" in said("--dry-run")


def test_every_class_is_known_to_the_pass() -> None:
    assert set(retention.CLASSES) == set(AGES) | set(age._ROWS)


@pytest.mark.usefixtures("keys_in_use")
async def test_a_key_that_nothing_uses_is_taken_away_and_no_other(empty_engine: Engine, tmp_path: Path) -> None:
    url = empty_engine.url.render_as_string(hide_password=False)
    (tmp_path / "mailbot.toml").write_text(f'[secret]\nkey_file = "{tmp_path}/key"\n[database]\nurl = "{url}"\n')
    old = b"\0" * 16

    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        store = parts.secret.store
        assert isinstance(store, KeyStore)
        with empty_engine.begin() as connection:
            view = parts.secret.seal("view", b"x", b"", store.fresh())
            connection.execute(insert(application_view).values(inbox_id=1, name="text.txt", sealed=view))
            words = sweep.used(connection)
        assert len(words) == 5, "two messages, two tickets, a view"
        with store.writing() as connection:
            connection.execute(insert(data_key).values(id=old, under="0" * 16, wrapped=b"x"))
        later = datetime.now(UTC) + 31 * DAY
        assert store.sweep(words, later, dry=True) == 996, "those made ahead, and the old one"
        assert store.sweep(words, later - 62 * DAY, dry=True) == 1
    said = CliRunner().invoke(cli, ["retention", "sweep", "--config", str(tmp_path / "mailbot.toml")])
    assert said.output == "1 unused keys taken away\n"
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        assert isinstance(parts.secret.store, KeyStore)
        assert all(len(parts.secret.store.find(one)) == 32 for one in words)
        with empty_engine.connect() as connection:
            assert sweep.used(connection) == words


def test_every_column_with_sealed_octets_is_looked_at() -> None:
    octets = {c for table in metadata.sorted_tables for c in table.c if isinstance(c.type, LargeBinary)}
    others = {probe.c.answer, operator.c.totp, ticket_key.c.key_id}
    assert octets == {*sweep.SEALED, *others}


@pytest.mark.usefixtures("keys_in_use")
def test_a_key_that_was_made_ahead_long_ago_is_not_taken(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that slept for a month would seal under a key that was swept meanwhile."""
    url = engine.url.render_as_string(hide_password=False)
    place, _ = keys.begin("", url, DatabaseSettings(), None)
    store = KeyStore(place, bytes(32))
    first = store.fresh()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86_400)
    assert store.sweep({first}, datetime.fromtimestamp(now, UTC) + DAY) == 999
    assert store.find(store.fresh())
    with store.looking() as connection:
        assert connection.execute(select(func.count()).select_from(data_key)).scalar_one() == 1001
    store.close()
