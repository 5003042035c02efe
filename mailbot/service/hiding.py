"""Seals the addresses, names and mails of a database from before (`mailbot key seal`).

With mailbot stopped everywhere the database is marked: from then on older programs are refused, and every new row is
sealed. So are the links, all at once, for they are compared with each other. The rest follows some rows at a time, and
mailbot may run meanwhile: it reads both forms. What was cut off is done again, and finds what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import Text as SqlText

from mailbot import inbox as messages
from mailbot import processes
from mailbot.audit import chain
from mailbot.config import Settings
from mailbot.errors import SealBroken
from mailbot.secret import SEALED, Hiding, Secret
from mailbot.service import compose
from mailbot.storage import personal
from mailbot.storage.desk import approval
from mailbot.storage.engine import HIDING_FROM, connect, keep_out, reading, scour
from mailbot.storage.erasing import key_ids
from mailbot.storage.outgoing import APART, outbox_raw
from mailbot.storage.place import refuse_missing
from mailbot.storage.schema import activation, decision, inbox, installation, outbox, ticket, used_signature
from mailbot.tickets import rate_limits, sealing, view

_TOGETHER = 200
_OCTETS = 16 * 2**20
"""Of messages that are sealed anew in one transaction: writers wait for it."""


@dataclass(slots=True)
class Report:
    """begun: the database was marked. rows: by table, what was sealed; broken: what does not open, and stays; left: by
    table, what else is readable."""

    begun: bool = False
    rows: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    left: Counter[str] = field(default_factory=Counter)


def hide(chosen: Settings, actor: str, now: datetime, began: Callable[[], None] = lambda: None) -> Report:
    """Seal what is readable. ``began``: told when mailbot may run again. Raises ConfigError while a process works with
    a database that is not marked yet."""
    engine, report = connect(chosen.database.url, chosen.database), Report()
    try:
        refuse_missing(engine)
        with closing(compose.opened(chosen, engine)) as key:
            if not key.hiding:
                report.begun = True
                with engine.begin() as connection:
                    _begin(connection, key, actor, now, report)
                began()
            key = replace(key, hiding=Hiding.BEGUN)
            for _ in range(2):  # a command that was at work when it began may have written a last row behind us
                report.broken = 0
                for table, step in _STEPS.items():
                    _walk(engine, table, step, key, report)
            with reading(engine) as connection:  # what stays readable must be looked for, too (storage.personal.forms)
                found = left(connection)
            how = Hiding.BEGUN if found else Hiding.DONE
            report.left = Counter(found) - Counter({inbox.name: report.broken})
            with engine.begin() as connection:
                connection.execute(update(installation).values(hiding=int(how)))
        scour(engine)
    finally:
        engine.dispose()
    return report


def left(connection: Connection) -> dict[str, int]:
    """How many rows of each table are readable."""
    found = {}
    for table, which in _OPEN.items():
        found[table.name] = connection.execute(select(func.count()).select_from(table).where(which)).scalar_one()
    return {name: count for name, count in found.items() if count}


def _begin(connection: Connection, key: Secret, actor: str, now: datetime, report: Report) -> None:
    connection.execute(select(installation.c.id).with_for_update())  # no process enters meanwhile
    processes.refuse_others(connection, now)
    keep_out(connection, HIDING_FROM)
    connection.execute(update(installation).values(hiding=int(Hiding.BEGUN)))
    key, after = replace(key, hiding=Hiding.BEGUN), 0
    while rows := _window(connection, activation, after):
        values = [{name: getattr(row, name) for name in ("ticket_id", "login", "new_login")} for row in rows]
        keys = sealing.keys_of(connection, key, [row.ticket_id for row in rows])
        made = [_sealed(partial(personal.link, key, one), keys[one["ticket_id"]]) for one in values]
        _write(connection, activation, rows, made)
        report.rows[activation.name] += len(rows)
        after = rows[-1].id
    connection.execute(update(approval).values(digest=""))  # a half that is open is given anew
    chain.note(connection, now, actor, "addresses-sealed", "installation")


def _sealed(seal: Callable[[bytes | None], dict[str, Any]], key_id: bytes | None) -> dict[str, Any]:
    """The columns that ``seal`` makes. What is compared must be hashed everywhere, so where the key is lost the words
    lie under the secret itself."""
    try:
        return seal(key_id)
    except SealBroken:
        return seal(None)


SealRows = Callable[[Connection, Secret, Sequence[Any], Report], None]


def _walk(engine: Engine, table: Table, step: SealRows, key: Secret, report: Report) -> None:
    after = 0
    while True:
        with engine.begin() as connection:
            rows = _window(connection, table, after)
            if rows:
                step(connection, key, rows, report)
                after = rows[-1][0]
        if not rows:
            return


def _window(connection: Connection, table: Table, after: int) -> Sequence[Any]:
    """The next rows that are readable; the first column of each table is its key."""
    first = next(iter(table.primary_key))
    wanted = select(table).where(first > after, _OPEN[table]).order_by(first).limit(_TOGETHER)
    rows = connection.execute(wanted.with_for_update()).all()
    if table is not inbox:
        return rows
    octets = accumulate(row.size for row in rows)
    return [row for row, before in zip(rows, (0, *octets), strict=False) if before < _OCTETS]


def _write(connection: Connection, table: Table, rows: Sequence[Any], values: Sequence[Mapping[str, Any]]) -> None:
    """Write ``values`` over ``rows``; they have the same columns."""
    if not values:
        return
    first = next(iter(table.primary_key))
    names = [name for name in values[0] if name != first.name]
    changed = update(table).where(first == bindparam("row")).values({name: bindparam(f"new_{name}") for name in names})
    pairs = zip(rows, values, strict=True)
    connection.execute(changed, [{"row": row[0], **{f"new_{n}": one[n] for n in names}} for row, one in pairs])


def _tickets(connection: Connection, key: Secret, rows: Sequence[Any], report: Report) -> None:
    keys = sealing.keys_of(connection, key, [row.id for row in rows if row.correspondent or row.person])
    names = ("id", "fingerprint", "correspondent", "person", "person_key")
    values = [{name: getattr(row, name) for name in names} for row in rows]
    made = [_sealed(partial(personal.ticket, key, one), keys.get(one["id"])) for one in values]
    _write(connection, ticket, rows, made)
    report.rows[ticket.name] += len(rows)


def _mails(connection: Connection, key: Secret, rows: Sequence[Any], report: Report) -> None:
    values = [{name: getattr(row, name) for name in ("ticket_id", "slot", "recipient", "raw")} for row in rows]
    keys = sealing.keys_of(connection, key, [row.ticket_id for row in rows])
    made = [_sealed(partial(personal.mail, key, one), keys[one["ticket_id"]]) for one in values]
    _write(connection, outbox, rows, [{**one, "raw": APART} for one in made])
    octets = [{"outbox_id": row.id, "raw": one["raw"]} for row, one in zip(rows, made, strict=True)]
    connection.execute(insert(outbox_raw), octets)
    report.rows[outbox.name] += len(rows)


def _decisions(connection: Connection, key: Secret, rows: Sequence[Any], report: Report) -> None:
    """After their messages: what was noted of one goes under its key."""
    under, values = key_ids(connection, [row.inbox_id for row in rows]), []
    for row in rows:
        noted = {"inbox_id": row.inbox_id, "notes": row.notes, "sealed": row.sealed}
        if row.notes and row.sealed is None:
            noted = _sealed(partial(personal.notes, key, noted), under.get(row.inbox_id))
        values.append(noted | rate_limits.hidden(key, row.sender, row.domain, row.asked))
    _write(connection, decision, rows, values)
    report.rows[decision.name] += len(rows)


def _used(connection: Connection, key: Secret, rows: Sequence[Any], report: Report) -> None:
    names = ("payload_sha256", "signature_sha256")
    values = [{name: personal.hashed(key, getattr(row, name)) for name in names} for row in rows]
    _write(connection, used_signature, rows, values)
    report.rows[used_signature.name] += len(rows)


def _messages(connection: Connection, key: Secret, rows: Sequence[Any], report: Report) -> None:
    """Also those that no key of their own was made for get one."""
    known = key_ids(connection, [row.id for row in rows])
    values, broken = [], 0
    for row in rows:
        octets = {"sha256": row.sha256, "envelope": row.envelope}
        if row.id not in known:
            octets["sha256"] = messages.hidden_digest(key, row.sha256)
        elif sealed := _resealed(connection, key, row, known[row.id]):
            octets = sealed
        else:
            broken += 1
            if "who" not in row.envelope:
                octets["envelope"] = messages.hide(row.envelope, key, row.sha256, None)
        seen = row.fingerprint
        if seen and not personal.is_hashed(seen):
            seen = personal.hashed(key, seen)
        message_key = row.message_key and personal.message_key(key, row.message_key)
        delivery_key = messages.hidden_key(key, row.delivery_key, row.received_at)
        values.append({**octets, "delivery_key": delivery_key, "message_key": message_key, "fingerprint": seen})
    _write(connection, inbox, rows, values)
    report.rows[inbox.name] += len(rows)
    report.broken += broken


def _resealed(connection: Connection, key: Secret, row: Any, known: bytes | None) -> dict[str, Any] | None:
    """Seal a message, and what was seen of it, as a new one is, under a key of its own; the columns that go with it.
    None: it does not open, and its octets stay as they are."""
    under = known or key.fresh()
    with suppress(SealBroken), connection.begin_nested():
        octets = messages.seal_anew(connection, key, row, under)
        if known is None:
            view.seal_anew(connection, key, row.id, under)
        return octets
    return None


_RAW = func.substr(outbox.c.raw, 1, len(SEALED))
_HASH = f"{personal.HASH}%"
_OPEN: Mapping[Table, ColumnElement[bool]] = {
    activation: and_(activation.c.sealed.is_(None), activation.c.login != ""),
    ticket: and_(
        ticket.c.sealed.is_(None),
        or_(ticket.c.correspondent.is_not(None), ticket.c.person.is_not(None), ticket.c.fingerprint.not_like(_HASH)),
    ),
    outbox: and_(outbox.c.raw != b"", _RAW != SEALED),
    decision: or_(
        and_(decision.c.sealed.is_(None), cast(decision.c.notes, SqlText) != "{}"),
        decision.c.sender.contains("@"),  # an address may begin as a hash does
        decision.c.asked.contains("@"),
        and_(decision.c.domain.not_like(_HASH), decision.c.domain.not_like(f"?{_HASH}")),
    ),
    used_signature: used_signature.c.signature_sha256.not_like(_HASH),
    inbox: or_(inbox.c.sha256.not_like(_HASH), inbox.c.message_key.not_like(_HASH)),
}
"""Which rows of a table are readable."""
_STEPS: Mapping[Table, SealRows] = {
    ticket: _tickets,
    outbox: _mails,
    used_signature: _used,
    inbox: _messages,
    decision: _decisions,
}
