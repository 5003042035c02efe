"""Years of a helpdesk in a database: tickets with letters, mails, events and the chain, made by the server itself.

One ticket in a hundred is open, evenly over all years, which is worse than life: no two of them lie on one page. One in
ten has a second letter. Of the messages in ``raw_message`` only those are there that are asked for, real and sealed;
PostgreSQL keeps such octets apart from their rows, so the others would lie beside everything that is asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product

from sqlalchemy import Connection, Table, insert, select

from mailbot.config import DatabaseSettings
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Role, Source
from mailbot.secret import Secret
from mailbot.storage import desk, schema
from mailbot.storage.engine import connect
from mailbot.tickets.person import key
from tests.flow import mail

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
A_DAY = 1_370
"""Tickets."""
PEOPLE = 50
"""Operators."""
OPEN = 100
"""Of so many tickets one is open, and has its message."""
LONG = 1_000
"""Of so many tickets one is closed, has two letters, and has its message."""
LONG_AT = 10

_GIVEN = ("Anna", "Jan", "Maria", "Piotr", "Ewa", "Adam", "Olga", "Marek", "Irena", "Tomasz")
_PARTS = ("Kowal", "Nowa", "Wisn", "Zieli", "Wozni", "Mazu", "Krawi", "Duda", "Baran", "Sikor")
_ENDS = ("ski", "czyk", "ek", "ak", "owicz", "ewicz", "icz", "an", "ik", "uk")
NAMES = [f"{given} {first}{end}" for first, end, given in product(_PARTS, _ENDS, _GIVEN)]
"""A thousand; each is borne by as many people."""

_STATES = (
    *(("DO_WERYFIKACJI", "REVIEW"),) * 5,
    *(("W_TOKU", "GENERAL"),) * 5,
    *(("OCZEKUJE_NA_KLIENTA", "MORE"),) * 3,
    *(("KWARANTANNA", "QUARANTINE"),) * 3,
    *(("PONOWNIE_OTWARTE", "COMPLAINT_LATE"),) * 2,
    ("WSTRZYMANE", "REVIEW"),
    ("WSTRZYMANE", "RATE_LIMITED"),
)
"""State and outcome of an open ticket."""
_EVENTS = ("opened", "mail-accepted", "mail-accepted", "mail-accepted")
_FACTS = '{"authentication": "pass", "sender": "login", "subject": "exact", "sentence": "A", "attachments": "none"}'
_TRACE = (
    '[{"rule": "spam", "matched": false}, {"rule": "repeat", "matched": false}, {"rule": "case-a", "matched": true}]'
)


def fill(url: str, tickets: int, secret: Secret) -> None:
    """Write everything into a database without rows; the indices afterwards, which is quicker."""
    engine = connect(url, DatabaseSettings(statement_seconds=0))
    indices = [index for table in schema.metadata.tables.values() for index in table.indexes]
    with engine.connect() as connection:
        words = _Words(engine.dialect.name == "sqlite", tickets)
        connection.connection.cursor().execute(words.unchecked)  # SQLite takes it outside of a transaction only
        for index in indices:
            index.drop(connection)
        _people(connection)
        raw = _message(connection, secret)
        for table, columns, source in words.rows():
            names = ", ".join(f'"{column}"' for column in columns)
            _say(connection, f'INSERT INTO "{table.name}" ({names}) SELECT {", ".join(columns.values())} FROM {source}')
            connection.commit()
        for index in indices:
            index.create(connection)
        _messages(connection, raw)
        connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _say(connection, "ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE")
    engine.dispose()


def _say(connection: Connection, statement: str) -> None:
    connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def _people(connection: Connection) -> None:
    people = [
        {"id": n, "name": f"op{n}", "display": f"Operator {n}", "roles": [Role.CONSULTANT], "desks": []}
        | {"state": "active", "made_at": NOW}
        for n in range(1, PEOPLE + 1)
    ]
    connection.execute(insert(desk.operator), people)
    connection.execute(insert(desk.audit_head).values(id=1, seq=0, hash=""))
    _say(connection, "CREATE TABLE bench_name (id INTEGER PRIMARY KEY, person TEXT, key TEXT)")
    for n, name in enumerate(NAMES):
        connection.exec_driver_sql(f"INSERT INTO bench_name VALUES ({n}, '{name}', '{key(name)}')")


def _message(connection: Connection, secret: Secret) -> bytes:
    """A real message, sealed; every row of inbox bears its digest, so it opens in the place of each."""
    store(connection, [RawMessage(_LETTER, _ENVELOPE, NOW)], NOW, secret)
    raw = connection.execute(select(schema.raw_message.c.raw)).scalar_one()
    connection.execute(schema.raw_message.delete())
    connection.execute(schema.inbox.delete())
    return bytes(raw)


def _messages(connection: Connection, raw: bytes) -> None:
    i = schema.inbox.c
    which = (i.ticket_id % OPEN == 0) | (i.ticket_id % LONG == LONG_AT)
    rows = [{"inbox_id": inbox_id, "raw": raw} for inbox_id in connection.execute(select(i.id).where(which)).scalars()]
    connection.execute(insert(schema.raw_message), rows)


_ENVELOPE = Envelope(Source.LMTP)
_LETTER = mail("c0@wp.example", "Od kilku dni nie mogę wejść do systemu i proszę o pomoc w tej sprawie. " * 25)


class _Words:
    """The statements in the dialect of an engine. n: number of the ticket; k: number of an open one among the open."""

    def __init__(self, sqlite: bool, tickets: int) -> None:
        self._sqlite, self._tickets = sqlite, tickets
        self.unchecked = "PRAGMA foreign_keys=OFF" if sqlite else "SET session_replication_role = replica"

    def rows(self) -> list[tuple[Table, dict[str, str], str]]:
        """Table, column → expression, and what it is selected from."""
        count, one = self._tickets, self._series(self._tickets)
        letters = f"(SELECT n, CASE WHEN n <= {count} THEN n ELSE (n - {count}) * 10 END AS t FROM "
        letters += f"{self._series(count + count // 10)}) AS l"
        named = f"JOIN bench_name ON bench_name.id = n / 7 % {len(NAMES)}"
        events = f"{self._series(count * len(_EVENTS))}"
        return [
            (schema.account, self._account(), f"{self._series(count // 5)} {named}"),
            (schema.ticket, self._ticket(), f"{one} {named}"),
            (schema.inbox, self._inbox(), letters),
            (schema.decision, self._decision(), letters),
            (schema.outbox, self._outbox(), self._series(count * 3)),
            (schema.ticket_event, self._event(), events),
            (desk.audit, self._audit(), events),
            (schema.activation, self._activation(), f"{one} WHERE n % 2 = 1"),
            (schema.shadow_hit, self._shadow(), f"{one} WHERE n % 20 = 3"),
            (desk.ticket_link, self._link(), f"{one} WHERE n % 100 = 7"),
        ]

    def _series(self, count: int) -> str:
        if not self._sqlite:
            return f"generate_series(1, {count}::bigint) AS s(n)"
        return (
            f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) AS s"
        )

    def _moment(self, minutes: str) -> str:
        """So many minutes after NOW."""
        if self._sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%f000', '{NOW:%Y-%m-%d %H:%M:%S}', ({minutes}) || ' minutes')"
        return f"timestamptz '{NOW.isoformat()}' + ({minutes}) * interval '1 minute'"

    def _came(self, n: str, later: int = 0) -> str:
        """When ticket ``n`` was opened, and so many minutes ``later``: A_DAY of them a day, the newest a minute ago."""
        return self._moment(f"({n} - {self._tickets} - 1) * 1440 / {A_DAY} + {later}")

    def _hex(self, text: str) -> str:
        """64 digits; no question looks for them, so they come in order."""
        return f"printf('%064x', {text})" if self._sqlite else f"lpad(to_hex({text}), 64, '0')"

    def _number(self, n: str) -> str:
        return f"printf('ZGL%07d', {n})" if self._sqlite else f"'ZGL' || lpad(({n})::text, 7, '0')"

    def _json(self, text: str) -> str:
        return f"'{text}'" if self._sqlite else f"'{text}'::json"

    def _account(self) -> dict[str, str]:
        return {
            "id": "n",
            "login": "'c' || n || '@wp.example'",
            "login_key": "'c' || n || '@wp.example'",
            "given": "person",
            "surname": "person",
            "surname_key": "key",
            "sex": "'f'",
            "birth_year": "1940 + n % 60",
            "scope": "'person'",
            "csd": "0",
            "status": "'active'",
        }

    def _ticket(self) -> dict[str, str]:
        promised = self._moment(f"n / {OPEN} * 7919 % 20160 - 4320")
        desks = "'II_LINIA' WHEN 1 THEN 'BEZPIECZENSTWO' ELSE 'I_LINIA'"
        return {
            "id": "n",
            "number": self._number("n"),
            "kind": "'zgloszenie'",
            "category": "CASE n % 3 WHEN 0 THEN 'OGOLNE' ELSE 'HASLO_A' END",
            "state": _of_open([state for state, _ in _STATES], "ZAMKNIETE_ROZWIAZANE"),
            "desk": f"CASE n / {OPEN} % 4 WHEN 0 THEN {desks} END",
            "correspondent": f"'c' || (1 + n % {self._tickets // 5}) || '@wp.example'",
            "fingerprint": self._hex("n"),
            "opened_at": self._came("n"),
            "promised_at": f"CASE WHEN n % {OPEN} = 0 THEN {promised} ELSE {self._came('n', 1440)} END",
            "closed_at": f"CASE WHEN n % {OPEN} = 0 THEN NULL ELSE {self._came('n', 30)} END",
            "answered_at": f"CASE WHEN n % {OPEN} = 0 THEN NULL ELSE {self._came('n', 30)} END",
            "inbox_id": "n",
            "service": "CASE n % 4 WHEN 0 THEN 'hasla' WHEN 1 THEN 'eSAD' ELSE 'PUESC' END",
            "owner": f"CASE WHEN n / {OPEN} % 3 = 0 THEN 'op' || (1 + n / {OPEN} % {PEOPLE}) END",
            "person": "person",
            "person_key": "key",
        }

    def _inbox(self) -> dict[str, str]:
        raw = RawMessage(_LETTER, _ENVELOPE, NOW)
        return {
            "id": "n",
            "source": "'lmtp'",
            "delivery_key": "'smtp:' || " + self._hex("n"),
            "sha256": f"'{raw.sha256}'",
            "size": str(len(_LETTER)),
            "envelope": self._json(json.dumps(asdict(_ENVELOPE))),
            "received_at": self._came("t"),
            "state": "'done'",
            "due_at": self._came("t"),
            "message_key": "'<' || n || '@wp.example>'",
            "fingerprint": self._hex("n"),
            "outcome": _of_open([outcome for _, outcome in _STATES], "OK_A", "t"),
            "ticket_id": "t",
        }

    def _decision(self) -> dict[str, str]:
        return {
            "inbox_id": "n",
            "decided_at": self._came("t"),
            "ruleset": self._hex("1"),
            "rule": "CASE n % 5 WHEN 0 THEN 'general' ELSE 'case-a' END",
            "outcome": _of_open([outcome for _, outcome in _STATES], "OK_A", "t"),
            "facts": self._json(_FACTS),
            "notes": self._json("{}"),
            "trace": self._json(_TRACE),
            "received_at": self._came("t"),
            "sender": f"'pass:c' || (1 + t % {self._tickets // 5}) || '@wp.example'",
        }

    def _outbox(self) -> dict[str, str]:
        """One in twenty of the open tickets has a mail that did not leave, and one in two hundred of the closed."""
        t = "((n - 1) / 3 + 1)"
        buried = f"n % 3 = 0 AND ({t} % {OPEN * 20} = {OPEN} OR {t} % 200 = 11)"
        slot = "CASE n % 3 WHEN 1 THEN 'T1' WHEN 2 THEN 'T2A' ELSE 'T3' END"
        return {
            "id": "n",
            "ticket_id": t,
            "slot": slot,
            "kind": slot,
            "ordinal": "1 + (n - 1) % 3",
            "recipient": f"'c' || (1 + {t} % {self._tickets // 5}) || '@wp.example'",
            "return_path": "'b-' || n || '@helpdesk.example'",
            "message_id": "'<m' || n || '@helpdesk.example>'",
            "raw": "x'00'" if self._sqlite else "'\\x00'::bytea",
            "state": f"CASE WHEN {buried} THEN 'buried' ELSE 'done' END",
            "due_at": self._came(t),
            "attempts": "1",
            "last_error": f"CASE WHEN {buried} THEN '550 5.1.1' END",
            "deadline": self._came(t, 7200),
            "sent_at": f"CASE WHEN {buried} THEN NULL ELSE {self._came(t, 5)} END",
        }

    def _event(self) -> dict[str, str]:
        each = len(_EVENTS)
        return {
            "id": "n",
            "ticket_id": f"((n - 1) / {each} + 1)",
            "at": self._came(f"((n - 1) / {each} + 1)"),
            "kind": f"CASE WHEN n % 801 = 0 THEN 'mail-bounced' ELSE {_choice(_EVENTS, 'n')} END",
            "detail": self._json('{"mail": 1}'),
            "chained": "n",
        }

    def _audit(self) -> dict[str, str]:
        each = len(_EVENTS)
        return {
            "seq": "n",
            "at": self._came(f"((n - 1) / {each} + 1)"),
            "actor": f"CASE WHEN n % 50 = 0 THEN 'operator:op' || (1 + n / 50 % {PEOPLE}) ELSE 'machine' END",
            "action": _choice(_EVENTS, "n"),
            "object": self._number(f"(n - 1) / {each} + 1"),
            "after": "n",
            "digest": self._hex("n"),
            "previous": self._hex("n - 1"),
            "hash": self._hex("n"),
        }

    def _activation(self) -> dict[str, str]:
        return {
            "id": "n",
            "ticket_id": "n",
            "nonce": f"substr({self._hex('n')}, 33)",
            "token_hash": self._hex("n"),
            "login": f"'c' || (1 + n % {self._tickets // 5}) || '@wp.example'",
            "created_at": self._came("n"),
            "expires_at": self._came("n", 1440),
            "used_at": self._came("n", 60),
        }

    def _shadow(self) -> dict[str, str]:
        return {"inbox_id": "n", "rule": "'watched'", "outcome": "'REVIEW'", "decided_at": self._came("n")}

    def _link(self) -> dict[str, str]:
        return {"ticket_id": "n", "other_id": "n - 1", "kind": "'see'", "at": self._came("n", 90)}


def _of_open(words: Sequence[str], closed: str, n: str = "n") -> str:
    return f"CASE WHEN {n} % {OPEN} <> 0 THEN '{closed}' ELSE {_choice(words, f'{n} / {OPEN}')} END"


def _choice(words: Sequence[str], n: str) -> str:
    cases = " ".join(f"WHEN {place} THEN '{word}'" for place, word in enumerate(words))
    return f"CASE {n} % {len(words)} {cases} END"
