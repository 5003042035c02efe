"""The operators of the demo, let in by the road that every operator takes: nothing here opens another desk.

Each has a password and an authenticator's key of their own, made anew at each start, in the demo's own database, and
the console listens on this machine alone. There is no way past the second factor that could be left switched on: who
has no authenticator at hand takes one of the recovery codes, which the first login gives to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyotp
from rich.console import Console

from mailbot.accounts import passwords
from mailbot.audit import chain
from mailbot.model import Operator, Role
from mailbot.observe import utc_now
from mailbot.operators import factors, login, people, sessions
from mailbot.service.compose import Parts

_SHOWN = 3  # recovery codes: as many logins without an authenticator


class Ahead:
    """The clock of the demo: the time of day, and what it was put forward by."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.by


@dataclass(frozen=True, slots=True)
class Member:
    """An operator of the demo and what opens the console to them. key: of the authenticator, in base32."""

    operator: Operator
    password: str
    key: str
    codes: tuple[str, ...]


def hire(parts: Parts, told: Mapping[str, Any]) -> Member:
    """Invite the operator of fixtures/desk.yaml and do their first login for them."""
    now, secret, rules = parts.clock(), parts.secret, login.policy(parts.settings.console)
    person = Operator(0, told["name"], told["display"], frozenset({Role(told["role"])}), frozenset(), "pl")
    password = people.temporary_password()
    with parts.database.engine.begin() as connection:
        invitation = people.add(connection, chain.shell("demo"), person, now)
        tried = login.attempt(connection, person.name, now, rules)
        kept = login.judge(tried, invitation or "")
        assert kept is not None
        token = login.enter(connection, tried, kept, now, rules, secret)
        assert token is not None
        session = sessions.find(connection, token, now, rules.limits)
        assert session is not None
        who = session.operator
        key = factors.opened(secret, who.id, people.sealed_totp(connection, who.id))
        chosen, code = passwords.hash_password(password), pyotp.TOTP(key).at(now)
        done = login.enrol(connection, session, token, chosen, code, now, rules, secret)
        assert done is not None
        sessions.end(connection, done[0])
    return Member(who, password, key, done[1])


def tell(console: Console, address: str, members: Sequence[Member]) -> None:
    """Where the desk is and what opens it."""
    console.print(f"the desk:        {address}/", markup=False)
    for member in members:
        who = member.operator
        console.print(f"  {who.name} ({', '.join(who.roles)}), password {member.password}", markup=False)
        console.print(f"    authenticator key {member.key}", markup=False)
        codes = "  ".join(member.codes[:_SHOWN])
        console.print(f"    or in place of its six digits, each once: {codes}", markup=False, soft_wrap=True)
