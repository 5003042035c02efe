"""Contexts that use everything a mail can be asked to say, so that a mistake is seen before a citizen has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from mailbot.mails.context import MailContext
from mailbot.mails.variables import KNOWN
from mailbot.model import Defect, Difference, MailKind, Phrase
from mailbot.model.categories import CASE_A, EXPLANATION, GENERAL
from mailbot.ruleset.model import Notice, Ruleset, Window

TICKET = "ZGL0000001"

_NOW = datetime(2025, 10, 29, 13, 5, tzinfo=UTC)
_LATER = _NOW + timedelta(hours=24)


def contexts(kind: MailKind, ruleset: Ruleset, language: str) -> Iterator[MailContext]:
    """Letters that between them use everything mail ``kind`` can be asked to say with this rule set."""
    plain = MailContext(
        ticket=TICKET,
        recipient="",
        category=CASE_A,
        opened_at=_NOW,
        promised_at=_LATER,
        now=_NOW,
        bounce_address="",
        link_expires=_LATER,
        change_from=_LATER,
        token="0" * 16,
        language=language,
        specialist_by=_LATER,
        reply_by=_LATER,
        answered_at=_NOW,
        complaint_until=_LATER,
    )
    if kind is MailKind.T4:
        yield from _refusals(plain)
    elif kind is MailKind.T7:
        yield from _near_misses(plain)
    elif kind is MailKind.T13:
        for system in ruleset.faqs:
            for answer in system.entries:
                yield replace(plain, category=system.category, system=system, answer=answer)
    else:
        yield from _others(kind, plain, ruleset)


def _others(kind: MailKind, plain: MailContext, ruleset: Ruleset) -> Iterator[MailContext]:
    """Inside the special procedure, whether or not there are such categories, and outside of it; breaks in both."""
    known = KNOWN[kind]
    general = replace(plain, category=GENERAL, authenticated=True, subject="Pytanie o konto")
    for context in (plain, general):
        if kind is not MailKind.T12:
            yield context
        if "termin_slownie" in known:
            yield replace(context, now=_LATER)
        if "przerwa" in known or kind is MailKind.T12:
            yield from _in_breaks(context, ruleset.notices)
    if "przypadek" in known:
        yield replace(plain, phrase=Phrase.B)
    if "wyjasnienie" in known:
        yield replace(plain, category=EXPLANATION)
    if "sprawa" in known:
        for category in ruleset.categories:
            yield replace(plain, category=category)


def _in_breaks(context: MailContext, notices: Iterable[Notice]) -> Iterator[MailContext]:
    """In every window there is, and in one of several days."""
    window = Window(_NOW, _LATER)
    some = Notice("przyklad", "published", date(2025, 10, 28), "PUESC", "Przerwa", (window,), "")
    for notice in (some, *notices):
        for window in notice.windows:
            yield replace(context, now=window.start, breaks=(notice,))


def _refusals(plain: MailContext) -> Iterator[MailContext]:
    full = replace(plain, defects=tuple(Defect), details={"czego": "nazwisko", "limit": "20"})
    every_but_one = tuple(d for d in Defect if d is not Defect.PHRASE_A_WITH_APPLICATION)
    yield full
    yield replace(full, defects=every_but_one, phrase=Phrase.A)


def _near_misses(plain: MailContext) -> Iterator[MailContext]:
    near = replace(plain, subject="Odp: hasło awaryjne", differences=tuple((d, "Odp:") for d in Difference))
    yield plain
    for phrase in Phrase:
        yield replace(near, phrase=phrase)
        yield replace(near, phrase=phrase, authenticated=True)
