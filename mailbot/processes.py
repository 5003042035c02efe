"""Which processes of this installation are there, and the one rule set that all of them must have.

The hash of the rule set in force stands in the database. Whoever starts with another one while somebody else works is
refused, and a worker that runs on decides nothing until its folder has the set in force. A set comes into force when
the first process starts with it, when a running one takes it out of its folder, or by `mailbot rules adopt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from mailbot import throttle
from mailbot.audit import chain
from mailbot.errors import ConfigError
from mailbot.machine import is_dead
from mailbot.observe import utc_now
from mailbot.storage import upsert, witness
from mailbot.storage.reading import missing_file, read_only, server_clock
from mailbot.storage.schema import installation
from mailbot.storage.shared import process

BEAT = 5.0
"""Seconds between two signs of a process."""
_ALIVE = timedelta(seconds=6 * BEAT)
_AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead; a sign from still later was given before our own clock was set back."""
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of `mailbot run`. ruleset: hash of the set that it has. seen_at: by the clock of all machines
    (storage.reading.server_clock), where there are several."""

    name: str
    roles: str
    version: str
    ruleset: str
    seen_at: datetime


def enter(connection: Connection, me: Process) -> None:
    """Be there. Raises ConfigError as ``check``; when nobody else is there, our rule set comes into force."""
    connection.execute(select(installation.c.id).with_for_update())  # of two that start at once one is the first
    check(connection, me.ruleset, me.seen_at, me.name)
    force(connection, me.ruleset)
    _write(connection, me)


def check(connection: Connection, ruleset: str, now: datetime, name: str) -> None:
    """Raises ConfigError when another set than ``ruleset`` is in force and somebody else than ``name`` works."""
    known = in_force(connection)
    others = [one for one in living(connection, now) if one.name != name]
    if known in (None, ruleset) or not others:
        return
    assert known is not None
    raise ConfigError(
        f"[rules] directory: its rule set is {ruleset[:12]}, but {known[:12]} is in force on"
        f" {', '.join(one.name for one in others)}; mend: copy the folder from there, or bring this one into force"
        " for all by `mailbot rules adopt`"
    )


def beat(connection: Connection, me: Process, now: datetime | None = None) -> str | None:
    """A sign of life; the rule set in force. Also takes away what nobody needs any more, of what is measured by our own
    clock what is over ``now``."""
    _write(connection, me)
    connection.execute(delete(process).where(process.c.seen_at < me.seen_at - _KEPT))
    throttle.sweep(connection, now or me.seen_at)
    witness.sweep(connection, me.seen_at)
    return in_force(connection)


def leave(connection: Connection, name: str) -> None:
    """Take the process ``name`` out of those that are there."""
    connection.execute(delete(process).where(process.c.name == name))


def in_force(connection: Connection) -> str | None:
    """Hash of the rule set that decides; None before the first start."""
    return connection.execute(select(installation.c.ruleset)).scalar_one_or_none()


def force(connection: Connection, ruleset: str) -> None:
    """From now on ``ruleset`` decides."""
    connection.execute(update(installation).values(ruleset=ruleset))


def adopt(connection: Connection, ruleset: str, user: str, now: datetime) -> list[Process]:
    """As ``force``, by a user of this machine; returns who is there and has another set."""
    force(connection, ruleset)
    chain.note(connection, now, chain.shell(user), "rules-adopted", chain.RULES, reason=ruleset)
    return [one for one in living(connection, now) if one.ruleset != ruleset]


def living(connection: Connection, now: datetime) -> list[Process]:
    """Who gave a sign lately, by name. One of this machine that died is known by its number."""
    heard = process.c.seen_at.between(now - _ALIVE, now + _AHEAD)
    rows = connection.execute(select(process).where(heard).order_by(process.c.name))
    return [one for row in rows if not is_dead((one := Process(*row)).name)]


def refuse_others(connection: Connection, now: datetime) -> None:
    """Raises ConfigError while a process gives signs of life: what is to be done would pull the keys from under it."""
    if names := ", ".join(one.name for one in living(connection, now)):
        raise ConfigError(f"[secret] key_file: {names} works with it; mend: stop mailbot on every machine first")


def common_now(connection: Connection) -> datetime:
    """The moment by the clock of all machines: whether another one is there is not measured by ours alone."""
    return server_clock(connection) or utc_now()


def common_moment(url: str) -> datetime:
    """``common_now`` of a database; ours where there is none yet. Raises DatabaseUnavailable."""
    if missing_file(url) is not None:
        return utc_now()
    with read_only(url) as connection:
        return common_now(connection)


def _write(connection: Connection, me: Process) -> None:
    values = {"roles": me.roles, "version": me.version, "ruleset": me.ruleset, "seen_at": me.seen_at}
    row = upsert.insert(connection, process).values(name=me.name, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))
