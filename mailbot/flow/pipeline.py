"""The flow on one page: bytes → message → sender → request → account → decision → ticket and mails in one transaction.

Up to ``decide`` everything is pure; ``record`` writes. The steps are told in docs/flow.md in this order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from mailbot.accounts.directory import Directory
from mailbot.config import Settings
from mailbot.flow import facts
from mailbot.flow.decision import decide, doubted, silenced, to_person
from mailbot.flow.lookup import Assessment, Lookup
from mailbot.inbox import key_ids
from mailbot.mails.context import MailContext
from mailbot.mails.write import Writer
from mailbot.model import (
    Account,
    Decision,
    Duplicate,
    DuplicateCheck,
    MailKind,
    Outcome,
    Phrase,
    RawMessage,
    Understanding,
)
from mailbot.model.categories import CASE_B, GENERAL
from mailbot.request import topics
from mailbot.request.topics import NOTHING_SAID, Reading
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.text.address import login_key
from mailbot.tickets import activation, bounce, correspondence, hold, number, person, sla
from mailbot.tickets.breaker import Reach
from mailbot.tickets.record import BatchRows

if TYPE_CHECKING:
    from mailbot.flow.understand import Understander
    from mailbot.sender.resolver import Resolver

_ANSWERS = {
    Outcome.TICKET_UPDATE: "answered-by-citizen",
    Outcome.COMPLAINT_OK: "complaint",
    Outcome.COMPLAINT_LATE: "complaint-late",
}
"""Outcomes of mail that belongs to the sender's own ticket → name of the event."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The flow with everything it needs. ``rng`` only spreads the delay of generic refusals."""

    settings: Settings
    ruleset: Ruleset
    writer: Writer
    directory: Directory
    secret: Secret
    resolver: Resolver
    rng: random.Random

    @property
    def understander(self) -> Understander:
        """The part of the flow that no rule set has a say in."""
        from mailbot.flow.understand import Understander  # what reads mails is mostly in a process of its own

        return Understander(self.settings, self.secret, self.resolver)

    def understand(self, raw: RawMessage) -> Understanding:
        """Read a message; never raises: whatever cannot be read is damage, and damage goes to a person."""
        return self.understander.understand(raw)

    def read(self, u: Understanding) -> Reading:
        """What a mail outside the special procedure is about, in the words of the rule set."""
        if u.message.by_machine or u.message.damage:
            return NOTHING_SAID
        if u.subject.kind not in facts.CHANNELS:
            return topics.asked_in(u.message.text, self.ruleset)
        return topics.read(u.subject, u.message.text, self.ruleset)

    def assess(self, u: Understanding, lookup: Lookup) -> Assessment:
        """What to do with a message, given registry and history."""
        found, reading = lookup.find(u), self.read(u)
        gathered, defects = facts.gather(u, found.account, found.seen.duplicate, found.history, reading)
        category = facts.category(u, found.history, reading, self.ruleset)
        thread = found.history.thread
        current = thread.state if thread and thread.own else found.seen.state
        decision = decide(gathered, defects, category, self.ruleset, current)
        if len(decision.mails) > found.room:
            decision = silenced(decision)
        if u.released and _comes_to_nobody(decision.outcome, found.seen):  # a person has just let it out
            decision = to_person(decision, category)
        if found.doubtful:
            decision = doubted(decision, category)
        return Assessment(u, found, reading, gathered, decision)

    def lookup(self, connection: Connection, batch: Sequence[Understanding], now: datetime) -> Lookup:
        """Registry and history for ``assess``; asked once for a whole batch."""
        oldest = timedelta(days=self.settings.intake.oldest_days)
        return Lookup(connection, batch, self.directory, self.ruleset, self.secret, now, oldest)

    def record(
        self, connection: Connection, worker: str, batch: Sequence[tuple[int, Understanding]], now: datetime
    ) -> list[Decision]:
        """Decide a batch and write tickets, events, mails and the end of the inbox rows, all in this transaction.

        Raises LeaseLost when a row of the batch is no longer held by ``worker``.
        """
        first = number.lock(connection, self.settings.tickets.start)
        lookup = self.lookup(connection, [u for _, u in batch], now)
        rows = BatchRows(first)
        seen = [inbox_id for inbox_id, u in batch if u.checked.state.tried or u.checked.view]
        sealed_under = key_ids(connection, seen)
        grants: list[activation.Grant] = []
        decisions = []
        for inbox_id, u in batch:
            assessment = self.assess(u, lookup)
            found, decision = assessment.found, assessment.decision
            if found.history.stops:  # whatever the rules say: this word can only make things safer
                hold.freeze(connection, found.history.stops, now, {"inbox": inbox_id})
            ticket_id, context = self._write(connection, rows, inbox_id, assessment, now)
            if MailKind.T3 in decision.mails and ticket_id and context and found.account:
                grants.append(self._grant(u, found.account, decision, ticket_id, context))
                if decision.outcome is Outcome.OK_B:
                    lookup.used.add(u.checked, ticket_id)
            rows.decide(inbox_id, u, found.seen, assessment.facts, decision, found.counted_for, ticket_id, now)
            rows.see(self.secret, inbox_id, u.checked, sealed_under.get(inbox_id))
            lookup.add(u, found, decision, ticket_id, context.promised_at if context else now)
            decisions.append(decision)
        number.advance(connection, rows.next_ticket)
        rows.flush(connection, worker, self.secret)
        activation.grant(connection, grants, now, self.secret)
        lookup.used.flush(connection)
        return decisions

    def mail_context(self, assessment: Assessment, zgl: str, clocks: sla.Clocks, now: datetime) -> MailContext:
        """What the templates may say about this matter."""
        u, decision, account = assessment.u, assessment.decision, assessment.found.account
        moves = decision.outcome is Outcome.OK_B
        hold_until = now + (self._hold if moves else timedelta())
        login = account.login if account else None
        thread, seen = assessment.found.history.thread, assessment.found.seen
        return MailContext(
            ticket=zgl,
            recipient=login if login and u.request.phrase is Phrase.A else u.sender.address or "",
            # That of an old ticket may be gone from the rules: its mails speak of the general one.
            category=decision.category if decision.category in self.ruleset.categories else GENERAL,
            opened_at=_opened_at(u, now),
            promised_at=seen.promised_at or clocks.promised_at,  # a repeat does not put the first promise off
            now=now,
            bounce_address=bounce.address(
                self.secret, self.settings.helpdesk.address, zgl, self.settings.helpdesk.verp_separator
            ),
            link_expires=hold_until + timedelta(hours=self.settings.activation.lifetime_hours),
            change_from=hold_until if moves else None,
            old_login=login if moves else None,
            phrase=Phrase.B if decision.category == CASE_B else u.request.phrase,
            defects=decision.defects,
            details=u.checked.details,
            subject=u.subject.text,
            differences=u.subject.differences,
            authenticated=u.sender.proven,
            in_reply_to=u.message.message_id,
            references=u.message.references,
            token=correspondence.token(self.secret, zgl),
            language=assessment.reading.language,
            specialist_by=clocks.promised_at,
            reply_by=clocks.reply_by,
            answered_at=thread.answered_at if thread else None,
            complaint_until=thread.complaint_until if thread else None,
            system=assessment.reading.system,
            answer=assessment.reading.answer,
            breaks=self.ruleset.breaks_at(now),
        )

    def clocks(self, decision: Decision, opened_at: datetime) -> sla.Clocks:
        """The clocks of a ticket that this decision opens, or opens again."""
        return sla.clocks_of(decision.category, decision.state, opened_at, self.settings.tickets, self.ruleset)

    @property
    def _hold(self) -> timedelta:
        return timedelta(hours=self.settings.case_b.hold_hours)

    @staticmethod
    def _grant(
        u: Understanding, account: Account, decision: Decision, ticket_id: int, context: MailContext
    ) -> activation.Grant:
        assert context.link_expires is not None
        new_login = u.sender.address if decision.outcome is Outcome.OK_B else None
        return activation.Grant(ticket_id, context.ticket, account.login, context.link_expires, new_login)

    def _write(
        self, connection: Connection, rows: BatchRows, inbox_id: int, assessment: Assessment, now: datetime
    ) -> tuple[int | None, MailContext | None]:
        """Collect the rows of one decision; returns the ticket it belongs to and what its mails say."""
        u, decision, history = assessment.u, assessment.decision, assessment.found.history
        if decision.outcome is Outcome.TICKET_UPDATE and history.stops:
            return number.value(history.stops), None  # the word joins the ticket it stopped, and gets no answer
        ticket_id, what = _joined(assessment)
        joins = ticket_id is not None
        if ticket_id is None and _needs_none(assessment):
            rows.bounced(connection, u, inbox_id, now)
            return None, None  # the inbox row says what it is, no ticket number is spent
        opened_at = _opened_at(u, now)
        clocks = self.clocks(decision, opened_at)
        if ticket_id is not None:
            current = history.thread.state if history.thread else None
            rows.join(ticket_id, inbox_id, decision, what, clocks, now, current)
        else:
            service, language = self.ruleset.service_of(decision.category), assessment.reading.language
            name = person.name(u.request.names, assessment.found.account)
            ticket_id = rows.open_ticket(inbox_id, u, decision, language, clocks, service, now, opened_at, name)
            if u.released:
                rows.came_out(ticket_id, u.released, inbox_id, now)
        context = replace(self.mail_context(assessment, number.spell(ticket_id), clocks, now), joins=joins)
        last_try = min(context.promised_at, now + timedelta(hours=self.settings.tickets.promise_hours))
        reach = _reach(assessment)
        for place, kind in enumerate(decision.mails, start=1):
            mail = self.writer.outgoing(kind, context)
            if kind is MailKind.T5:
                refusal = self.settings.refusal
                wait = self.rng.uniform(refusal.delay_min_minutes, refusal.delay_max_minutes)
                mail = replace(mail, delay_seconds=round(wait * 60))
            elif kind is MailKind.T2B:
                mail = replace(mail, delay_seconds=round(self._hold.total_seconds()))
            rows.mail(ticket_id, 0 if joins else place, mail, last_try, now, inbox_id, reach, u.received_at)
        return ticket_id, context


def _reach(assessment: Assessment) -> Reach:
    """Whom its mails go to, as the breaker counts them. Nothing that a stranger can write makes him more."""
    u, found = assessment.u, assessment.found
    holder = u.sender.proven and found.account is not None and login_key(found.account.login) == u.sender.key
    if holder or assessment.decision.outcome is Outcome.OK_B:
        return Reach.LOGIN
    thread = found.history.thread
    return Reach.CORRESPONDENT if thread is not None and thread.own else Reach.STRANGER


def _opened_at(u: Understanding, now: datetime) -> datetime:
    """When the clocks of its ticket begin: what waited for a person is promised nothing that is over."""
    return now if u.released else u.received_at


def _comes_to_nobody(outcome: Outcome, seen: DuplicateCheck) -> bool:
    """Whether nobody would see the letter any more, or not without letting it out once more."""
    repeats = outcome is Outcome.DUPLICATE and seen.ticket_id is None
    return repeats or outcome in (Outcome.QUARANTINE, Outcome.SPAM, Outcome.NO_REPLY)


def _needs_none(assessment: Assessment) -> bool:
    """A machine's mail, unsolicited mail, or a copy of one. What a rule calls a repeat although nothing like it came
    before needs one: a person wrote it, and nobody would ever see it."""
    outcome, seen = assessment.decision.outcome, assessment.found.seen
    repeats = outcome is Outcome.DUPLICATE and seen.duplicate is not Duplicate.NO
    return repeats or outcome in (Outcome.NO_REPLY, Outcome.SPAM)


def _joined(assessment: Assessment) -> tuple[int | None, str]:
    """The ticket that the message belongs to already, and what its joining is called; None: it needs one of its own."""
    outcome, found = assessment.decision.outcome, assessment.found
    thread = found.history.thread
    if outcome is Outcome.DUPLICATE:
        return found.seen.ticket_id, "repeated"
    if outcome is Outcome.RATE_LIMITED:
        return found.held, "over-limit"
    if outcome in _ANSWERS and thread is not None:
        return thread.ticket_id, _ANSWERS[outcome]
    return None, ""
