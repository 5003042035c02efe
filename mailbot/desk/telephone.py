"""Who is on the telephone, and what he may be told. The caller says it, the machine compares: nobody reads anything out
of a ticket before that, so nobody can prompt.

The pure part decides; ``wrong_before`` alone asks the database. Nothing here opens a link or moves a login.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from mailbot import model
from mailbot.clocks import WARSAW
from mailbot.desk.case import events_of
from mailbot.desk.letters import account_of
from mailbot.desk.perform import HELD_BY_PERSON
from mailbot.desk.requests import Asked, Heard
from mailbot.desk.view import TicketView
from mailbot.model import Account, Match, State
from mailbot.outbox import jobs
from mailbot.request import names
from mailbot.text.address import login_key
from mailbot.tickets import person
from mailbot.tickets.hold import FROZEN

LEAST = 3
"""Questions that must be answered right, whatever the office knows of the caller."""
MOST_WRONG = 1
"""Answers of one caller that may be wrong: a slip. The next one ends what may be said."""
REMEMBERED = timedelta(hours=24)
"""For so long wrong answers about a ticket count in the next call, too."""
NEAR = timedelta(days=2)
"""Nobody knows to the day when he wrote."""


class CallerStanding(StrEnum):
    """How far the caller is known."""

    ASK = "ask"
    CLEAR = "clear"
    """All that could be asked was right."""
    BY_MAIL = "by-mail"
    """“We will answer by e-mail to the login”, and nothing else."""


@dataclass(frozen=True, slots=True)
class OfficeRecord:
    """What the office knows, to compare with. matter: what the ticket is called, in the words the form offers."""

    account: Account | None
    person: str | None
    """Name in the ticket, where there is no account."""
    login: str | None
    matter: str
    opened_at: datetime

    @property
    def askable(self) -> frozenset[Asked]:
        """The questions to which there is an answer."""
        there = {Asked.NAME: self.account or self.person, Asked.YEAR: self.account, Asked.LOGIN: self.login}
        return frozenset({Asked.MATTER, *(asked for asked, value in there.items() if value)})


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller says, as it was typed; empty: not asked."""

    name: str = ""
    year: str = ""
    login: str = ""
    matter: str = ""
    day: str = ""
    """ISO 8601; of the letter."""

    def of(self, asked: Asked) -> str:
        """The answer to one question, in one spelling."""
        words = f"{self.matter} {self.day}" if asked is Asked.MATTER else getattr(self, asked.value)
        return " ".join(str(words).casefold().split())


@dataclass(frozen=True, slots=True)
class CallerVerdict:
    """What came of the questions."""

    standing: CallerStanding
    heard: Mapping[Asked, Heard]
    """For the protocol: what was wrong once is not right any more."""
    now: Mapping[Asked, Heard]
    """Of these answers alone."""
    unsure: frozenset[Asked]
    """Neither right nor wrong: to be spelled."""
    wrong: frozenset[str]
    """Every wrong answer of this call: "year 1981"."""


def known(case: TicketView, name: str | None, matter: str) -> OfficeRecord:
    """``name``: that of the ticket."""
    account = account_of(case)
    return OfficeRecord(account, name, account.login if account else case.correspondent, matter, case.opened_at)


def judge(known: OfficeRecord, said: Said, already: Collection[str] = (), other_calls: int = 0) -> CallerVerdict:
    """``already``: wrong answers of this call (CallerVerdict.wrong); ``other_calls``: how many earlier calls had."""
    marks = {asked: _mark(known, said, asked) for asked in Asked}
    now = {asked: mark or Heard.NOT_ASKED for asked, mark in marks.items()}
    unsure = frozenset(asked for asked, mark in marks.items() if mark is None)
    again = {f"{asked.value} {said.of(asked)}" for asked, mark in now.items() if mark is Heard.WRONG}
    wrong = frozenset({*already, *again})
    missed = {one.partition(" ")[0] for one in wrong}
    heard = {asked: Heard.WRONG if asked.value in missed else mark for asked, mark in now.items()}
    askable = known.askable
    if len(wrong) + other_calls > MOST_WRONG:
        standing = CallerStanding.BY_MAIL
    elif len(askable) >= LEAST and all(now[asked] is Heard.RIGHT for asked in askable):
        standing = CallerStanding.CLEAR
    else:
        standing = CallerStanding.ASK
    return CallerVerdict(standing, heard, now, unsure, wrong)


def wrong_before(connection: Connection, ticket_id: int, now: datetime) -> int:
    """Wrong answers in the calls about a ticket that are still remembered."""
    return sum(
        int(event.detail.get("wrong", 0))
        for event in events_of(connection, ticket_id)
        if event.kind == "call" and event.at > now - REMEMBERED
    )


def sayable(case: TicketView) -> list[tuple[str, datetime | None]]:
    """What a caller who is known may be told: codes of sentences, with a moment. No reason of a refusal, no address, no
    link: a mail says them to whom they are for."""
    if case.state in (State.WSTRZYMANE, State.KWARANTANNA) or case.desk == model.Desk.BEZPIECZENSTWO:
        return [("checked", None)]
    told: list[tuple[str, datetime | None]] = [("came", case.opened_at)]
    told += [("sent", mail.sent_at) for mail in case.mails if mail.sent_at is not None]
    if case.state is State.OCZEKUJE_NA_KLIENTA:
        told.append(("asked", case.reply_by))
    elif case.closed_at is None:
        told.append(("promised", case.promised_at))
    else:
        waits = any(mail.state in (jobs.WAITING, jobs.QUEUED, jobs.LEASED) for mail in case.mails)
        told.append(("on-its-way", None) if waits else ("answered", case.answered_at or case.closed_at))
    return told


def stuck(case: TicketView) -> list[int]:
    """The mails that did not leave and may be tried again, which is how a matter is speeded up: never one that a person
    holds, nor any of what was stopped."""
    if case.state in (State.WSTRZYMANE, State.KWARANTANNA):
        return []
    return [mail.id for mail in case.mails if mail.state == jobs.BURIED and mail.reason not in (FROZEN, HELD_BY_PERSON)]


def _mark(known: OfficeRecord, said: Said, asked: Asked) -> Heard | None:
    """None: nobody can tell, let him spell it."""
    if asked not in known.askable or not said.of(asked):
        return Heard.NOT_ASKED
    match asked:
        case Asked.NAME:
            return _name(known, said.name)
        case Asked.YEAR:
            assert known.account is not None
            return _right(said.year.strip() == str(known.account.birth_year))
        case Asked.LOGIN:
            assert known.login is not None
            return _right(login_key(said.login.strip()) == (login_key(known.login) or known.login))
    return _matter(known, said)


def _name(known: OfficeRecord, name: str) -> Heard | None:
    if known.account is None:
        return _right(known.person is not None and _same(name, known.person))
    found = names.compare(tuple(name.split()), known.account)
    return None if found is Match.DOUBT else _right(found is Match.OK)


def _same(name: str, other: str) -> bool:
    """Whether both are one name, in any order of its words."""
    words = name.split()
    turned = " ".join((*words[1:], *words[:1]))
    return person.key(other) in (person.key(name), person.key(turned))


def _matter(known: OfficeRecord, said: Said) -> Heard:
    """What was asked, and when; half an answer is not asked yet."""
    if not said.matter or not said.day:
        return Heard.NOT_ASKED
    try:
        day = date.fromisoformat(said.day)
    except ValueError:
        return Heard.NOT_ASKED
    near = abs(day - known.opened_at.astimezone(WARSAW).date()) <= NEAR
    return _right(near and said.matter == known.matter)


def _right(right: bool) -> Heard:
    return Heard.RIGHT if right else Heard.WRONG
