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
from mailbot.flow.lookup import Assessment, Lookup, LookupResult
from mailbot.flow.plan import Plan, is_settled, joined, needs_none, waits_for_check
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
from mailbot.request.topics import NOTHING_SAID, TopicFacts
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.storage.asking import Asking
from mailbot.text.address import login_key
from mailbot.tickets import activation, bounce, correspondence, hold, marks, number, person, sla
from mailbot.tickets.breaker import Reach
from mailbot.tickets.rate_limits import CountedFor
from mailbot.tickets.record import BatchRows, came_back

if TYPE_CHECKING:
    from mailbot.flow.understand import Understander
    from mailbot.sender.resolver import Resolver

_ANSWERED_AT_ONCE = frozenset({Outcome.DELETE_INFO, Outcome.SELF_SERVICE, Outcome.PESEL_EXISTS, Outcome.FAQ})
"""Matters of their own, whatever ticket a letter about them names besides."""


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

    def read(self, u: Understanding) -> TopicFacts:
        """What a mail outside the special procedure is about, in the words of the rule set."""
        if u.message.by_machine or u.message.damage:
            return NOTHING_SAID
        if u.subject.kind not in facts.CHANNELS:
            return topics.asked_in(u.message.text, self.ruleset)
        return topics.read(u.subject, u.message.text, self.ruleset)

    def assess(self, u: Understanding, lookup: Lookup) -> Assessment:
        """What to do with a message, given registry and history."""
        found, reading = lookup.find(u), self.read(u)
        assessment = self._apart(u, found, reading)
        copy = found.seen.copy
        if copy is None or u.released or not is_settled(copy, assessment.decision.outcome):
            return assessment
        seen = DuplicateCheck(Duplicate.SAME_MESSAGE, copy.ticket_id, reused_id=True)
        return self._assessed(u, replace(found, seen=seen, counted_for=CountedFor()), reading)

    def _apart(self, u: Understanding, found: LookupResult, reading: TopicFacts) -> Assessment:
        """As ``_assessed``; a letter that only names a ticket is one of its own where that has an answer at once."""
        thread = found.history.thread
        if thread is not None and thread.in_letter:
            apart = self._assessed(u, replace(found, history=replace(found.history, thread=None)), reading)
            if apart.decision.outcome in _ANSWERED_AT_ONCE:
                return apart
        return self._assessed(u, found, reading)

    def _assessed(self, u: Understanding, found: LookupResult, reading: TopicFacts) -> Assessment:
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
        self,
        connection: Connection,
        worker: str,
        batch: Sequence[tuple[int, Understanding]],
        now: datetime,
        *,
        checked: bool = True,
    ) -> dict[int, Decision]:
        """Decide a batch and write tickets, events, mails and the end of the inbox rows, all in this transaction.

        Of several who decide at once each waits for the lock with its decisions made. Under it everything is asked once
        more: the same answers give the same decisions, and after others the batch is decided again.

        Not ``checked``: of what must wait for a check of its files nothing is written. The same answers tell that and
        decide the others, so no account comes or goes between the two. Returns the decision about each of the others.
        Raises LeaseLost when a row of the batch is no longer held by ``worker``.
        """
        start, asking = self.settings.tickets.start, Asking(connection)
        if _alone(connection, batch):
            first = number.lock(connection, start)
            plans, lookup = self._plan(connection, batch, now, checked)
        else:
            plans, lookup = self._plan(asking.connection, batch, now, checked)
            first = number.lock(connection, start)
            if not asking.same_again():
                plans, lookup = self._plan(connection, batch, now, checked)
        rows = BatchRows(first)
        grants = self._write(rows, plans, now)
        number.advance(connection, rows.next_ticket)
        tickets = rows.flush(connection, worker, self.secret)
        activation.grant(connection, grants, now, self.secret, tickets)
        lookup.used.flush(connection, rows.real)
        return {plan.inbox_id: plan.assessment.decision for plan in plans}

    def _plan(
        self, connection: Connection, batch: Sequence[tuple[int, Understanding]], now: datetime, checked: bool
    ) -> tuple[list[Plan], Lookup]:
        """What becomes of each message of a batch, which those behind it know. Only what stops a ticket is written."""
        lookup = self.lookup(connection, [u for _, u in batch], now)
        plans: list[Plan] = []
        opened = 0
        for inbox_id, u in batch:
            assessment = self.assess(u, lookup)
            if not checked and waits_for_check(assessment):
                continue
            found, decision = assessment.found, assessment.decision
            if found.history.stops:  # whatever the rules say: this word can only make things safer
                hold.freeze(connection, found.history.stops, now, {"inbox": inbox_id})
            plan = self._planned(connection, inbox_id, assessment, -opened - 1, now)
            opened += plan.opens
            if found.history.stops or u.bounced is not None:
                lookup.stopped()
            if plan.grants and decision.outcome is Outcome.OK_B and plan.ticket_id:
                lookup.used.add(u.checked, plan.ticket_id)
            promised_at = found.seen.promised_at or plan.clocks.promised_at if plan.clocks else now
            lookup.add(u, found, decision, plan.ticket_id, promised_at)
            plans.append(plan)
        return plans, lookup

    def _planned(
        self, connection: Connection, inbox_id: int, assessment: Assessment, fresh: int, now: datetime
    ) -> Plan:
        """``fresh``: what a ticket of its own is called until the counter is held."""
        u, decision, history = assessment.u, assessment.decision, assessment.found.history
        if decision.outcome is Outcome.TICKET_UPDATE and history.stops:
            return Plan(inbox_id, assessment, number.value(history.stops))  # it joins what it stopped, without answer
        ticket_id, what = joined(assessment)
        if ticket_id is None and needs_none(assessment):  # the inbox row says what it is, no ticket number is spent
            return Plan(inbox_id, assessment, None, returned=came_back(connection, u, inbox_id, now))
        clocks = self.clocks(decision, _opened_at(u, now))
        if ticket_id is None:
            return Plan(inbox_id, assessment, fresh, clocks=clocks)
        return Plan(inbox_id, assessment, ticket_id, what, clocks)

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

    def _write(self, rows: BatchRows, plans: Sequence[Plan], now: datetime) -> list[activation.Grant]:
        """Collect the rows of a batch; returns the links that are to be made."""
        grants: list[activation.Grant] = []
        for plan in plans:
            u, found, decision = plan.u, plan.assessment.found, plan.assessment.decision
            ticket_id = None if plan.ticket_id is None else rows.real(plan.ticket_id)
            if plan.returned:
                rows.event(plan.returned[0], now, plan.returned[1], {"inbox": plan.inbox_id})
            if ticket_id is not None and plan.clocks is not None:
                context = self._answer(rows, plan, ticket_id, plan.clocks, now)
                if plan.grants and found.account:
                    grants.append(self._grant(u, found.account, decision, ticket_id, context))
            facts = plan.assessment.facts
            rows.decide(plan.inbox_id, u, found.seen, facts, decision, found.counted_for, ticket_id, now)
            rows.see(plan.inbox_id, u.checked)
        return grants

    def _answer(self, rows: BatchRows, plan: Plan, ticket_id: int, clocks: sla.Clocks, now: datetime) -> MailContext:
        """Collect the ticket of one message, or what joins it, and its mails; returns what they say."""
        u, assessment, inbox_id = plan.u, plan.assessment, plan.inbox_id
        decision, thread = assessment.decision, assessment.found.history.thread
        if plan.opens:
            service, language = self.ruleset.service_of(decision.category), assessment.reading.language
            name = person.name(u.request.names, assessment.found.account)
            opened_at = _opened_at(u, now)
            rows.open_ticket(inbox_id, u, decision, language, clocks, service, now, opened_at, name)
            if u.released:
                rows.came_out(ticket_id, u.released, inbox_id, now)
        else:
            rows.join(ticket_id, inbox_id, decision, plan.what, clocks, now, thread.state if thread else None)
        context = self.mail_context(assessment, number.spell(ticket_id), clocks, now)
        if not plan.opens:
            context = replace(context, joins=True)
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
            rows.mail(ticket_id, place if plan.opens else 0, mail, last_try, now, inbox_id, reach, u.received_at)
        return context


def _alone(connection: Connection, batch: Sequence[tuple[int, Understanding]]) -> bool:
    """Whether the lock comes first: SQLite has one writer anyway, and what stops a ticket writes while it decides."""
    return connection.dialect.name == "sqlite" or any(
        u.stops or u.bounced or marks.may_stop(u.message, u.subject) for _, u in batch
    )


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
