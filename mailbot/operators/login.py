"""The way in, step by step: password, second factor, and how wrong tries are slowed down.

A try is counted before it is judged, so that many at once are no more than one after the other. Whatever is wrong (the
name, the password, the patience) is answered alike and costs the same. The counters "login-unknown" and "login-wrong"
are what a wrong name writes where a known one writes into its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select, update

from mailbot.accounts import passwords
from mailbot.audit import chain
from mailbot.config import ConsoleSettings
from mailbot.operators import factors, people, sessions
from mailbot.operators.sessions import LoginStage, Session, SessionLimits
from mailbot.secret import Secret
from mailbot.storage import upsert
from mailbot.storage.desk import operator
from mailbot.storage.schema import counter

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=15)
"""Long enough against guessing; who locks others out with wrong tries must not lock them out for a day."""


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """lock_after: tries; the rest as in sessions.SessionLimits."""

    limits: SessionLimits
    lock_after: int
    invite: timedelta


def policy(settings: ConsoleSettings) -> LoginPolicy:
    """As the settings have it."""
    limits = SessionLimits(timedelta(minutes=settings.idle_minutes), timedelta(hours=settings.absolute_hours))
    return LoginPolicy(limits, settings.lock_after, timedelta(hours=settings.invite_hours))


@dataclass(frozen=True, slots=True)
class Try:
    """A password that is to be judged. row: of the operator, if there is one. may: whether it can be right at all."""

    row: RowMapping | None
    may: bool


def attempt(connection: Connection, name: str, now: datetime, rules: LoginPolicy) -> Try:
    """Count a try for ``name``. One write for every name, known or not."""
    row = people.named(connection, name)
    if row is None:
        _count(connection, "login-unknown")
        return Try(None, may=False)
    free = _counted(connection, row["id"], now, rules)
    return Try(row, may=free and _may_try(row, now, rules))


def judge(tried: Try, password: str) -> str | None:
    """None when the password is wrong, else the hash to keep from now on. Takes tens of milliseconds, the same for
    every name: use a thread."""
    kept: str | None = tried.row["password_hash"] if tried.row is not None and tried.may else None
    if not passwords.verify(kept or nobody(), password) or kept is None:
        return None
    return passwords.hash_password(password) if passwords.outdated(kept) else kept


def enter(
    connection: Connection, tried: Try, kept: str, now: datetime, rules: LoginPolicy, key: Secret, before: str = ""
) -> str | None:
    """The password was right: a session that lacks the second factor, in the place of that of token ``before``. Returns
    its token; None when an admin was faster and the password is none any more."""
    row = tried.row
    assert row is not None
    o = operator.c
    same = (o.id == row["id"], o.state == row["state"], o.password_hash == row["password_hash"])
    changed: dict[str, Any] = {"password_hash": kept, "failed": o.failed - 1, "locked_until": None}
    invited = row["state"] == people.INVITED
    if invited and row["totp"] is None:
        changed["totp"] = factors.new_secret(key, row["id"])
    if connection.execute(update(operator).where(*same).values(changed)).rowcount != 1:
        return None
    sessions.end(connection, before)
    return sessions.begin(connection, row["id"], LoginStage.ENROL if invited else LoginStage.SECOND, now, rules.limits)


def refuse(connection: Connection, operator_id: int | None, now: datetime, rules: LoginPolicy) -> None:
    """The try of ``now`` was wrong. When it was one too many, the chain says that the name waits."""
    _count(connection, "login-wrong")
    o = operator.c
    waits = select(o.name, o.failed, o.locked_until).where(o.id == operator_id, o.locked_until > now)
    found = connection.execute(waits).first()
    if found is not None and found.locked_until == now + _wait(found.failed, rules):
        whose = chain.operator(found.name)
        chain.note(connection, now, chain.MACHINE, "locked", whose, {"failed": found.failed})


def confirm(
    connection: Connection, session: Session, token: str, code: str, now: datetime, rules: LoginPolicy, key: Secret
) -> str | None:
    """The second factor: a code of the authenticator, or a recovery code. Returns the token of the full session, which
    takes the place of ``token``; None when the code is wrong, was used, or must wait."""
    who = session.operator
    row = _row(connection, who.id)
    if session.stage is not LoginStage.SECOND or not _counted(connection, who.id, now, rules):
        return None
    by_code = _has_code(connection, who.id, code, now, key)
    if not (by_code or factors.use_code(connection, who.id, code, now)) or not sessions.end(connection, token):
        return None
    how = "authenticator" if by_code else "recovery-code"
    return _in(connection, session, now, rules, "login", how, row["failed"])


def enrol(
    connection: Connection,
    session: Session,
    token: str,
    password_hash: str,
    code: str,
    now: datetime,
    rules: LoginPolicy,
    key: Secret,
) -> tuple[str, tuple[str, ...]] | None:
    """The first login: the new password and the second factor are there. Returns the token of the full session and the
    recovery codes; None when the code is wrong."""
    who = session.operator
    row = _row(connection, who.id)
    if session.stage is not LoginStage.ENROL or not _has_code(connection, who.id, code, now, key):
        return None
    if not sessions.end(connection, token):
        return None
    values = {"state": people.ACTIVE, "password_hash": password_hash, "password_set_at": now}
    connection.execute(update(operator).where(operator.c.id == who.id).values(values))
    codes = factors.new_codes(connection, who.id)
    sessions.end_all(connection, who.id)
    return _in(connection, session, now, rules, "enrolled", "authenticator", row["failed"]), codes


def change(
    connection: Connection,
    session: Session,
    tried: Try,
    kept: str,
    code: str,
    now: datetime,
    rules: LoginPolicy,
    key: Secret,
) -> str | None:
    """A new password (its hash: ``kept``) for whoever knew the old one and a code of the authenticator: he is logged
    out everywhere else. Returns the token of the session that takes the place of all; None when the code is wrong."""
    who, row = session.operator, tried.row
    if row is None or row["id"] != who.id or not _has_code(connection, who.id, code, now, key):
        return None
    o = operator.c
    same = (o.id == who.id, o.password_hash == row["password_hash"], o.state == people.ACTIVE)
    changed = {"password_hash": kept, "password_set_at": now}
    if connection.execute(update(operator).where(*same).values(changed)).rowcount != 1:
        return None
    sessions.end_all(connection, who.id)
    return _in(connection, session, now, rules, "password-changed", "authenticator", row["failed"])


def renew_codes(
    connection: Connection, session: Session, code: str, now: datetime, rules: LoginPolicy, key: Secret
) -> tuple[str, ...] | None:
    """New recovery codes for whoever has a code of the authenticator; None when it is wrong, was used, or must wait."""
    who = session.operator
    if not _counted(connection, who.id, now, rules) or not _has_code(connection, who.id, code, now, key):
        return None
    _forgive_all(connection, who.id)
    codes = factors.new_codes(connection, who.id)
    actor = chain.operator(who.name)
    chain.note(connection, now, actor, "recovery-codes-made", actor)
    return codes


def admit(connection: Connection, operator_id: int, now: datetime, rules: LoginPolicy, how: str) -> str:
    """Let an operator in whom a provider of OpenID Connect has proven."""
    row = _row(connection, operator_id)
    _forgive_all(connection, operator_id)
    token = sessions.begin(connection, operator_id, LoginStage.FULL, now, rules.limits)
    who = chain.operator(row["name"])
    chain.note(connection, now, who, "login", who, {"failed": row["failed"]}, how)
    return token


def leave(connection: Connection, session: Session, token: str, now: datetime) -> None:
    """Log out."""
    sessions.end(connection, token)
    if session.stage is LoginStage.FULL:
        who = chain.operator(session.operator.name)
        chain.note(connection, now, who, "logout", who)


def _in(
    connection: Connection, session: Session, now: datetime, rules: LoginPolicy, what: str, how: str, failed: int
) -> str:
    _forgive_all(connection, session.operator.id)
    fresh = sessions.begin(connection, session.operator.id, LoginStage.FULL, now, rules.limits)
    who = chain.operator(session.operator.name)
    chain.note(connection, now, who, what, who, {"failed": failed}, how)
    return fresh


def _has_code(connection: Connection, operator_id: int, code: str, now: datetime, key: Secret) -> bool:
    """Whether ``code`` is one of the authenticator that did not count before; it has counted then."""
    sealed = _row(connection, operator_id)["totp"]
    step = None if sealed is None else factors.step_of(factors.opened(key, operator_id, sealed), code, now)
    return step is not None and factors.use_step(connection, operator_id, step)


def _row(connection: Connection, operator_id: int) -> RowMapping:
    return connection.execute(select(operator).where(operator.c.id == operator_id)).mappings().one()


def _may_try(row: RowMapping, now: datetime, rules: LoginPolicy) -> bool:
    fresh: bool = row["state"] == people.ACTIVE or row["password_set_at"] > now - rules.invite
    return fresh and row["state"] != people.DISABLED


def _counted(connection: Connection, operator_id: int, now: datetime, rules: LoginPolicy) -> bool:
    """Count a try; False: the name must wait. From ``lock_after`` on each wrong one makes it wait twice as long."""
    o = operator.c
    # One further ahead than any wait is of a clock that was set back since: it keeps nobody out.
    over = or_(o.locked_until.is_(None), o.locked_until <= now, o.locked_until > now + _LONGEST_WAIT)
    free = (o.id == operator_id, over)
    counted = update(operator).where(*free).values(failed=o.failed + 1).returning(o.failed)
    found = connection.execute(counted).first()
    if found is None:
        connection.execute(update(operator).where(o.id == operator_id).values(failed=o.failed))  # as dear as a try
        return False
    if found.failed >= rules.lock_after:
        until = now + _wait(found.failed, rules)
        connection.execute(update(operator).where(o.id == operator_id).values(locked_until=until))
    return True


def _wait(failed: int, rules: LoginPolicy) -> timedelta:
    doubled: int = 2 ** min(failed - rules.lock_after, 10)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


def _forgive_all(connection: Connection, operator_id: int) -> None:
    connection.execute(update(operator).where(operator.c.id == operator_id).values(failed=0, locked_until=None))


def _count(connection: Connection, name: str) -> None:
    made = upsert.insert(connection, counter).values(name=name, value=1)
    again = made.on_conflict_do_update(index_elements=[counter.c.name], set_={"value": counter.c.value + 1})
    connection.execute(again)


@cache
def nobody() -> str:
    """The hash of a password that nobody has."""
    return passwords.hash_password(people.temporary_password())
