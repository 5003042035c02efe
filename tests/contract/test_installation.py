"""A database and its key belong together, on each engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, text, update

from mailbot.accounts.rows import column_values
from mailbot.errors import ConfigError
from mailbot.inbox import store
from mailbot.installation import find_key, open_key, read_key
from mailbot.model import Account, Envelope, MailKind, RawMessage, Source
from mailbot.outbox import jobs
from mailbot.secret import NO_KEY, Secret
from mailbot.storage.engine import migrate
from mailbot.storage.schema import account, activation, installation, outbox, raw_message
from mailbot.storage.values import UtcDateTime
from mailbot.tickets import hold
from mailbot.tickets.activation import find, token_hash
from mailbot.tickets.release import Released, release
from tests.links import DAY, NOW, SECRET, grant, notice, open_ticket, token

FOREIGN = b"f" * 32


def start(engine: Engine, path: Path) -> Secret:
    with engine.begin() as connection:
        return open_key(connection, path)


def take(engine: Engine, key: Secret, name: bytes = b"first") -> None:
    with engine.begin() as connection:
        store(connection, [RawMessage(b"Subject: x\r\n\r\n" + name, Envelope(Source.INJECT), NOW)], NOW, key)


def queue_link(connection: Connection, number: str, state: str) -> None:
    """The mail with the link of a ticket."""
    connection.execute(
        insert(outbox).values(
            ticket_id=int(number[3:]),
            slot="T3",
            kind=MailKind.T3.value,
            ordinal=3,
            recipient="a@b.example",
            return_path="",
            message_id=number,
            raw=b"",
            state=state,
            due_at=NOW,
            deadline=NOW,
        )
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "key"


def test_the_first_start_makes_the_key_and_every_other_one_finds_it(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        assert find_key(connection, path) is None
    assert not path.exists(), "looking makes nothing"
    made = start(engine, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert start(engine, path) == made
    with engine.connect() as connection:
        assert find_key(connection, path) == read_key(connection, path) == made
        assert connection.execute(select(installation.c.id)).scalars().all() == [1]


def test_the_check_value_tells_nothing_of_the_key(engine: Engine, path: Path) -> None:
    made = start(engine, path)
    with engine.connect() as connection:
        value = connection.execute(select(installation.c.key_check)).scalar_one()
    assert made.key.hex() not in value
    assert len(value) == 64


def test_a_key_that_is_there_before_the_database_is_taken(engine: Engine, path: Path) -> None:
    path.write_bytes(SECRET.key)
    assert start(engine, path) == SECRET


@pytest.mark.parametrize("look", [open_key, read_key, find_key])
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "is not there, but the database was made with a key; mend: put back"),
        (lambda path: path.write_bytes(FOREIGN), "is not the key of this database; mend: put back"),
        (lambda path: path.write_bytes(b"short"), "has 5 bytes, not 32; mend: restore"),
    ],
    ids=["missing", "foreign", "damaged"],
)
@pytest.mark.parametrize("bound", [True, False], ids=["with check value", "from before"])
def test_another_key_is_refused_and_none_is_made(
    engine: Engine, path: Path, look: Callable[..., object], spoil: Callable[[Path], object], told: str, bound: bool
) -> None:
    take(engine, start(engine, path))
    if not bound:
        with engine.begin() as connection:
            connection.execute(delete(installation))
    spoil(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ConfigError, match=rf"^\[secret\] key_file: {path}: {told}"), engine.begin() as connection:
        look(connection, path)
    assert (path.read_bytes() if path.exists() else None) == before
    with engine.connect() as connection:
        assert len(connection.execute(select(installation)).all()) == bound, "a foreign key is never written down"


def test_one_damaged_message_does_not_make_the_key_a_foreign_one(engine: Engine, path: Path) -> None:
    key = start(engine, path)
    take(engine, key)
    take(engine, key, b"second")
    with engine.begin() as connection:
        connection.execute(delete(installation))
        newest = raw_message.c.inbox_id == 2
        connection.execute(update(raw_message).where(newest).values(raw=b"\0mailbot sealed \x01x"))
    assert start(engine, path) == key


@pytest.mark.parametrize("what", ["mail", "account"])
def test_a_database_from_before_without_messages_is_in_use_too(engine: Engine, path: Path, what: str) -> None:
    with engine.begin() as connection:
        if what == "mail":
            open_ticket(connection, "ZGL0000001")
            queue_link(connection, "ZGL0000001", jobs.DONE)
        else:
            jan = Account("jan@wp.example", "Jan", "Nowy", 1980, "m", pesel_hash="h" * 64)
            connection.execute(insert(account).values(column_values(jan)))
    with pytest.raises(ConfigError, match="is not there"):
        start(engine, path)
    assert not path.exists()


def test_a_new_database_takes_an_old_key(engine: Engine, path: Path) -> None:
    """After a loss of the database: links of then fit no row, whatever number they had."""
    path.write_bytes(SECRET.key)
    start(engine, path)
    old = grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        connection.execute(delete(activation))
        connection.execute(
            insert(activation).values(
                ticket_id=1, nonce="0" * 32, token_hash="0" * 64, login="ewa@wp.example", created_at=NOW,
                expires_at=NOW + DAY,
            )
        )  # fmt: skip
    with engine.connect() as connection:
        assert find(connection, NO_KEY, old, NOW) is None


def test_at_the_first_start_links_that_have_not_left_get_the_token_of_their_row(engine: Engine, path: Path) -> None:
    """What migration 0004 leaves: rows with a nonce whose hashes are of tokens made of the number alone."""
    path.write_bytes(SECRET.key)
    rows = {"ZGL0000001": jobs.DONE, "ZGL0000002": jobs.WAITING, "ZGL0000003": jobs.BURIED}
    for number, state in rows.items():
        grant(engine, number, f"{number}@wp.example")
        with engine.begin() as connection:
            connection.execute(
                update(activation)
                .where(activation.c.ticket_id == int(number[3:]))
                .values(token_hash=token_hash("x" * 31 + number[-1]))
            )
            queue_link(connection, number, state)
    start(engine, path)
    tokens = {number: token(engine, number) for number in rows}
    with engine.connect() as connection:
        fits = {number: find(connection, NO_KEY, tokens[number], NOW) is not None for number in rows}
        old = {number: find(connection, NO_KEY, "x" * 31 + number[-1], NOW) is not None for number in rows}
    assert fits == {"ZGL0000001": False, "ZGL0000002": True, "ZGL0000003": True}
    assert old == {"ZGL0000001": True, "ZGL0000002": False, "ZGL0000003": False}


def test_a_link_that_was_sent_before_is_released_with_the_token_of_its_row(engine: Engine, path: Path) -> None:
    path.write_bytes(SECRET.key)
    grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        connection.execute(update(activation).values(token_hash=token_hash("x" * 32)))
        queue_link(connection, "ZGL0000001", jobs.DONE)
    start(engine, path)
    made = token(engine, "ZGL0000001")
    with engine.begin() as connection:
        hold.freeze(connection, "ZGL0000001", NOW, {})
        assert isinstance(release(connection, "ZGL0000001", NOW, DAY, notice(), {}), Released)
        assert find(connection, NO_KEY, made, NOW) is not None, "the mail that leaves now holds it"
        assert find(connection, NO_KEY, "x" * 32, NOW) is None


def test_a_database_of_before_is_brought_over(empty_engine: Engine, path: Path) -> None:
    """Rows of revision 0003: links without a nonce, and a login whose key was folded into somebody else's."""
    migrate(empty_engine, "0003")
    then = {"now": NOW, "later": NOW + DAY}
    logins = {1: "jan@wp.example", 2: "jan.strauss@wp.example"}
    with empty_engine.begin() as connection:
        for number in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO inbox (id, source, delivery_key, sha256, size, envelope, received_at, state, due_at) "
                    "VALUES (:n, 'inject', :key, '', 0, '{}', :now, 'done', :now)"
                ).bindparams(bindparam("now", type_=UtcDateTime())),
                {"n": number, "key": f"k{number}", "now": NOW},
            )
            connection.execute(
                text(
                    "INSERT INTO ticket (id, number, kind, category, state, desk, fingerprint, opened_at, promised_at,"
                    " inbox_id) VALUES (:n, :number, '', '', '', '', '', :now, :now, :n)"
                ).bindparams(bindparam("now", type_=UtcDateTime())),
                {"n": number, "number": f"ZGL000000{number}", "now": NOW},
            )
            connection.execute(
                text(
                    "INSERT INTO activation (ticket_id, token_hash, login, created_at, expires_at) "
                    "VALUES (:n, :hash, :login, :now, :later)"
                ).bindparams(bindparam("now", type_=UtcDateTime()), bindparam("later", type_=UtcDateTime())),
                {"n": number, "hash": token_hash("x" * 31 + str(number)), "login": logins[number], **then},
            )
        for login, key in (
            ("jan.strauß@wp.example", "jan.strauss@wp.example"),
            ("Jan.Ł@wp.example", "jan.ł@wp.example"),
        ):
            connection.execute(
                text(
                    "INSERT INTO account (login, login_key, given, surname, birth_year, scope, csd, status) "
                    "VALUES (:login, :key, 'Jan', 'S', 1980, 'podstawowy', 0, 'aktywne')"
                ),
                {"login": login, "key": key},
            )
    path.write_bytes(SECRET.key)
    migrate(empty_engine)
    start(empty_engine, path)
    with empty_engine.connect() as connection:
        nonces = connection.execute(select(activation.c.nonce).order_by(activation.c.id)).scalars().all()
        keys = connection.execute(select(account.c.login_key).order_by(account.c.id)).scalars().all()
        links = connection.execute(select(activation.c.login).order_by(activation.c.id)).scalars().all()
    assert len(set(nonces)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", nonce) for nonce in nonces)
    assert keys == ["jan.strauß@wp.example", "jan.ł@wp.example"]
    assert links == ["jan@wp.example", "jan.strauß@wp.example"], (
        "of the account it was made for, who comes later or not"
    )
    for number in ("ZGL0000001", "ZGL0000002"):
        made = token(empty_engine, number)
        with empty_engine.connect() as connection:
            assert find(connection, NO_KEY, made, NOW) is not None
