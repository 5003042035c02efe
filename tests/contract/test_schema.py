"""The migrations bring a database to exactly the tables of storage.schema."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, inspect, select, text

from mailbot.accounts.sql import SqlDirectory
from mailbot.errors import ConfigError
from mailbot.model import Account
from mailbot.secret import Hiding
from mailbot.service import compose  # its migrate copies what was migrated before (tests.once)
from mailbot.storage.desk import audit
from mailbot.storage.engine import COMPATIBLE_FROM, HIDING_FROM, keep_out, migrate, newest
from mailbot.storage.outgoing import APART, outbox_raw
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import MESSAGE_KEY, account, activation, inbox, installation, metadata, outbox, ticket
from mailbot.storage.shared import schema_mark
from mailbot.storage.values import fit
from mailbot.storage.webhooks import webhook
from mailbot.tickets.person import key


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def downgrade(engine: Engine, revision: str = "base") -> None:
    config = Config()
    config.set_main_option("script_location", str(resources.files("mailbot.storage") / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_an_empty_database_becomes_exactly_the_schema(empty_engine: Engine) -> None:
    assert len(differences(empty_engine)) >= len(metadata.tables), "an empty database differs"
    migrate(empty_engine)
    assert differences(empty_engine) == []
    assert tables(empty_engine) == set(metadata.tables)


def test_the_comparison_sees_a_missing_index(empty_engine: Engine) -> None:
    compose.migrate(empty_engine)
    with empty_engine.begin() as connection:
        next(iter(metadata.tables["outbox"].indexes)).drop(connection)
    assert len(differences(empty_engine)) == 1


def test_migrating_twice_is_harmless(empty_engine: Engine) -> None:
    compose.migrate(empty_engine)
    migrate(empty_engine)
    assert differences(empty_engine) == []


def test_down_to_nothing_and_up_again(empty_engine: Engine) -> None:
    compose.migrate(empty_engine)
    downgrade(empty_engine)
    assert tables(empty_engine) == set()
    migrate(empty_engine)
    assert differences(empty_engine) == []


def test_rows_that_were_there_get_their_keys(empty_engine: Engine) -> None:
    """Version 0003 with more accounts than one chunk, and a Message-ID that is now kept with its digest."""
    migrate(empty_engine, "0003")
    long, moment = "<" + "ż" * 1000 + "@wp.example>", datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    surnames = ("Nowak", "Żółć-Gęśla", "ŻÓŁĆ GĘŚLA", "O'Hara")
    accounts = [{"id": n + 1, "login": f"a{n}@wp.example", "surname": surnames[n % len(surnames)]} for n in range(1203)]
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, login, login_key, given, surname, birth_year, scope, csd, status)"
                " VALUES (:id, :login, :login, 'Jan', :surname, 1980, 'podstawowy', 0, 'active')"
            ),
            accounts,
        )
        connection.execute(
            text(
                "INSERT INTO inbox (id, source, delivery_key, sha256, size, envelope, received_at, state, due_at,"
                " message_key) VALUES (:id, 'lmtp', :id, '', 1, '{}', :at, 'done', :at, :key)"
            ),
            [{"id": n, "at": moment, "key": known} for n, known in ((1, long), (2, "<short@wp.example>"), (3, None))],
        )
        connection.execute(
            text(
                "INSERT INTO ticket (id, number, kind, category, state, desk, correspondent, fingerprint, opened_at,"
                " promised_at, inbox_id) VALUES (:id, :id, 'x', 'X', 'W_TOKU', '', :who, '', :at, :at, 1)"
            ),
            [{"id": n, "who": who, "at": moment} for n, who in ((1, "A1@wp.example"), (2, "nobody@wp.example"))],
        )
    migrate(empty_engine)
    assert differences(empty_engine) == []
    with empty_engine.connect() as connection:
        named = connection.execute(select(ticket.c.person, ticket.c.person_key).order_by(ticket.c.id)).all()
        assert named == [("Jan Żółć-Gęśla", key("Jan Żółć-Gęśla")), (None, None)]
        keys = connection.execute(select(inbox.c.message_key).order_by(inbox.c.id)).scalars().all()
        assert keys == [fit(long, MESSAGE_KEY), "<short@wp.example>", None]
        found = connection.execute(select(inbox.c.id).where(inbox.c.message_key == long)).scalars().all()
        assert found == [1], "asked for by the whole Message-ID"
        rows = connection.execute(select(account.c.surname, account.c.surname_key)).all()
        assert len(rows) == len(accounts)
        assert {row.surname_key for row in rows} == {"nowak", "zolc gesla", "ohara"}
        one = Account("x@wp.example", "Jan", "Zolc Gesla", 1980)
        assert SqlDirectory().has_namesake(connection, one)
        assert not SqlDirectory().has_namesake(connection, replace(one, birth_year=1981))


@pytest.mark.parametrize(("messages", "hiding"), [(0, Hiding.DONE), (1, Hiding.BEGUN)])
def test_what_was_sealed_before_notes_were_is_gone_over_once_more(
    empty_engine: Engine, messages: int, hiding: Hiding
) -> None:
    migrate(empty_engine, "0025")
    at = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    with empty_engine.begin() as connection:
        row = {"at": at, "done": int(Hiding.DONE)}
        made = "INSERT INTO installation (id, key_check, made_at, hiding) VALUES (1, '', :at, :done)"
        connection.execute(text(made), row)
        for n in range(messages):
            connection.execute(
                text(
                    "INSERT INTO inbox (id, source, delivery_key, sha256, size, envelope, received_at, state, due_at)"
                    " VALUES (:n, 'lmtp', :n, '', 1, '{}', :at, 'done', :at)"
                ),
                {"n": n, "at": at},
            )
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.execute(select(installation.c.hiding)).scalar_one() == hiding
        assert connection.execute(select(schema_mark.c.compatible_from)).scalar_one() == HIDING_FROM


def test_what_an_ended_matter_left_frozen_is_nobodys_work(empty_engine: Engine) -> None:
    migrate(empty_engine, "0010")
    at = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO inbox (id, source, delivery_key, sha256, size, envelope, received_at, state, due_at)"
                " VALUES (1, 'lmtp', '1', '', 1, '{}', :at, 'done', :at)"
            ),
            {"at": at},
        )
        connection.execute(
            text(
                "INSERT INTO ticket (id, number, kind, category, state, desk, fingerprint, opened_at, promised_at,"
                " inbox_id, closed_at) VALUES (:id, :id, 'x', 'X', :state, '', '', :at, :at, 1, :closed)"
            ),
            [
                {"id": 1, "state": "ZAMKNIETE_NEGATYWNIE", "at": at, "closed": at},
                {"id": 2, "state": "WSTRZYMANE", "at": at, "closed": None},
            ],
        )
        connection.execute(
            text(
                "INSERT INTO outbox (id, ticket_id, slot, kind, ordinal, recipient, return_path, message_id, raw,"
                " state, due_at, deadline, last_error) VALUES (:id, :id, 'T3', 'T3', 1, 'a@wp.example', '', :id, :raw,"
                " 'buried', :at, :at, 'frozen')"
            ),
            [{"id": n, "at": at, "raw": b""} for n in (1, 2)],
        )
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        states = connection.execute(select(outbox.c.state).order_by(outbox.c.id)).scalars().all()
    assert states == ["cancelled", "buried"]


def test_what_is_made_anew_keeps_its_rows_and_those_that_refer_to_it(empty_engine: Engine) -> None:
    migrate(empty_engine, "0033")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    letter = {"id": 1, "source": "lmtp", "delivery_key": "1", "sha256": "", "size": 1, "envelope": {}}
    letter |= {"received_at": at, "state": "done", "due_at": at}
    matter = {"id": 1, "number": "1", "kind": "", "category": "", "state": "", "desk": "", "fingerprint": ""}
    link = {"id": 1, "ticket_id": 1, "nonce": "", "token_hash": "t", "login": "a", "created_at": at, "expires_at": at}
    row = {"seq": 7, "at": at, "actor": "machine", "action": "x", "object": "1", "hash": "h"}
    told = {"id": 1, "seq": 7, "ticket_id": 1, "message_id": "1", "kind": "", "body": "", "state": "done"}
    asked = {"activation_id": 1, "change_id": "", "resource_id": "", "login": "a", "password_hash": ""}
    rows = {
        inbox: letter,
        ticket: matter | {"opened_at": at, "promised_at": at, "inbox_id": 1},
        activation: link,
        audit: row | {"digest": "", "previous": ""},
        webhook: told | {"due_at": at, "made_at": at},
        registry_change: asked | {"asked_at": at},
    }
    with empty_engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(table).values(values))
        before = {table: connection.execute(select(*map(table.c.get, rows[table]))).all() for table in rows}
    migrate(empty_engine)
    assert differences(empty_engine) == []
    sent = {"ticket_id": 1, "slot": "T1", "kind": "T1", "ordinal": 1, "recipient": "", "return_path": ""}
    sent |= {"message_id": "", "state": "done", "due_at": at, "deadline": at}
    with empty_engine.begin() as connection:
        assert {table: connection.execute(select(*map(table.c.get, rows[table]))).all() for table in rows} == before
        assert connection.execute(select(activation.c.week)).scalars().all() == [0]
        for n, octets in ((1, APART), (2, b"inside")):
            connection.execute(insert(outbox).values(sent | {"id": n, "slot": f"T{n}", "raw": octets}))
        connection.execute(insert(outbox_raw).values(outbox_id=1, raw=b"apart"))
    downgrade(empty_engine, "0033")
    with empty_engine.connect() as connection:
        octets = connection.execute(text("SELECT raw FROM outbox ORDER BY id")).scalars().all()
        assert [bytes(one) for one in octets] == [b"apart", b"inside"]
        assert {table: connection.execute(select(*map(table.c.get, rows[table]))).all() for table in rows} == before


@pytest.mark.parametrize(("mark", "welcome"), [("0001", True), ("0017", True), ("9998", False), (None, False)])
def test_a_newer_schema_is_left_alone_when_its_maker_says_that_this_program_may(
    empty_engine: Engine, mark: str | None, welcome: bool
) -> None:
    compose.migrate(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DELETE FROM schema_mark"))
        if mark:
            connection.execute(insert(schema_mark).values(id=1, compatible_from=mark))
    before = tables(empty_engine)
    with nullcontext() if welcome else pytest.raises(ConfigError, match="mend: run the newer mailbot"):
        migrate(empty_engine)
    assert tables(empty_engine) == before
    with empty_engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
        assert connection.execute(select(schema_mark.c.compatible_from)).scalar_one_or_none() == mark


def test_the_newest_schema_says_who_may_work_with_it(empty_engine: Engine) -> None:
    migrate(empty_engine, "0014")
    migrate(empty_engine)
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.execute(select(schema_mark.c.compatible_from)).scalars().all() == [COMPATIBLE_FROM]


def test_what_is_up_to_date_is_seen_without_the_migrations(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config()
    config.set_main_option("script_location", str(resources.files("mailbot.storage") / "migrations"))
    assert newest() == list(ScriptDirectory.from_config(config).get_heads())
    compose.migrate(empty_engine)

    def asked(config: Config, revision: str) -> None:
        raise AssertionError(revision)

    monkeypatch.setattr(command, "upgrade", asked)
    migrate(empty_engine)
    with empty_engine.begin() as connection:  # as every new database does
        connection.execute(insert(installation).values(id=1, key_check="", made_at=datetime.now(UTC), hiding=1))
        keep_out(connection, HIDING_FROM)
    migrate(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(AssertionError, match="head"):
        migrate(empty_engine)


def test_accounts_of_an_older_version_are_found_as_namesakes(empty_engine: Engine) -> None:
    migrate(empty_engine, "0036")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    row = {"given": "Ewa", "birth_year": 1980, "sex": "f", "scope": "podstawowy", "status": "active", "csd": True}
    row |= {"created_at": at, "updated_at": at}
    olds = {"a@x.example": "Nowak\u2013Kowalska", "b@x.example": "Nowak-Kowalska"}
    with empty_engine.begin() as connection:
        named = {key: value for key, value in row.items() if key in account.c}
        for login, surname in olds.items():
            person = {"login": login, "login_key": login, "surname": surname, "surname_key": surname.lower()}
            connection.execute(insert(account).values(named | person))
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.execute(select(account.c.surname_key).distinct()).scalars().all() == ["nowak kowalska"]
    downgrade(empty_engine, "0036")
