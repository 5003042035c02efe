"""The flow on one page: bytes → message → sender → request → account → decision → ticket and mails in one transaction.

Up to ``decide`` everything is pure; ``record`` writes. The steps are told in docs/flow.md in this order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailbot.accounts.directory import Directory
from mailbot.address import login_key, normalise
from mailbot.config import Settings
from mailbot.decision import decide
from mailbot.mails.letter import Letter
from mailbot.mails.write import Writer
from mailbot.model import (
    Account,
    Authentication,
    AuthResult,
    Decision,
    Duplicate,
    Facts,
    InboundMessage,
    MailKind,
    Match,
    Outcome,
    Phrase,
    RawMessage,
    Request,
    Seen,
    Sender,
    Source,
    Subject,
    SubjectClass,
    Understanding,
)
from mailbot.parsing.mime import parse
from mailbot.request import names, phrase, subject
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.sender.identify import authenticate
from mailbot.sender.resolver import Resolver
from mailbot.tickets import activation, bounce, number
from mailbot.tickets.history import History, identify
from mailbot.tickets.record import Rows, closed

_EMPTY = Request(None, (), None, ())


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

    def understand(self, raw: RawMessage) -> Understanding:
        """Read a message; never raises: whatever cannot be read is damage, and damage goes to a person."""
        try:
            message = parse(raw.raw, raw.envelope, self._own_addresses)
            if raw.envelope.note:  # these bytes are not the whole message
                message = replace(message, damage=(*message.damage, raw.envelope.note))
            sender = self._authenticate(raw, message)
            kind = subject.classify(message.subject, is_reply=bool(message.in_reply_to or message.references))
            exact = kind.kind is SubjectClass.EXACT
            request = phrase.read(message.text, attachments=bool(message.attachments)) if exact else _EMPTY
        except Exception as error:  # a bug of ours must cost the citizen a delay, not the mail
            message = InboundMessage((), "", None, (), (), None, "", "", damage=(f"not understood: {error!r}",))
            sender = Sender(None, None, Authentication(AuthResult.NONE, "not understood"))
            kind, request = Subject(SubjectClass.OTHER, ""), _EMPTY
        return Understanding(
            received_at=raw.received_at,
            message=message,
            sender=sender,
            subject=kind,
            request=request,
            category=_category(kind, request),
            identity=identify(message, sender, raw.sha256),
            bounced=bounce.ticket_of(self.secret, message, raw.envelope.rcpt_to),
        )

    def login_to_ask(self, u: Understanding) -> str | None:
        """The key of the login whose account the decision needs, or None.

        Formal defects are checked first and alone: with one of them the registry is not even asked (domain.md §3.1).
        """
        asks = (
            u.subject.kind is SubjectClass.EXACT
            and u.request.phrase is Phrase.A
            and not u.request.defects
            and not u.message.damage
            and u.message.automatic is None
            and u.sender.authentication.result is AuthResult.PASS
        )
        return login_key(u.sender.address) if asks and u.sender.address else None

    def decide(self, u: Understanding, account: Account | None, duplicate: Duplicate) -> tuple[Facts, Decision]:
        """What to do with a message, given the account of ``login_to_ask`` and the history."""
        asked = self.login_to_ask(u) is not None
        facts = Facts(
            readable="no" if u.message.damage else "yes",
            automatic=u.message.automatic.value if u.message.automatic else "no",
            # Where a bug of ours kept us from reading, nothing is ambiguous: the help desk gets the mail, not security.
            sender="single" if u.sender.address or u.sender.ambiguity is None else "ambiguous",
            authentication=u.sender.authentication.result.value,
            duplicate=duplicate.value,
            subject=u.subject.kind.value,
            phrase=u.request.phrase.value if u.request.phrase else "none",
            attachment="yes" if u.message.attachments else "no",
            defects="yes" if u.request.defects else "no",
            account=(account.status.value if account else "unknown") if asked else "not-asked",
            name=(names.compare(u.request.names, account) if account and asked else Match.UNKNOWN).value,
            year=_year(u.request, account if asked else None).value,
        )
        return facts, decide(facts, u.request.defects, u.category, self.ruleset)

    def record(
        self, connection: Connection, worker: str, batch: Sequence[tuple[int, Understanding]], now: datetime
    ) -> list[Decision]:
        """Decide a batch and write tickets, events, mails and the end of the inbox rows, all in this transaction.

        Raises LeaseLost when a row of the batch is no longer held by ``worker``.
        """
        first = number.lock(connection, self.settings.tickets.start)
        history = History(connection, [u.identity for _, u in batch])
        logins = [login for _, u in batch if (login := self.login_to_ask(u))]
        accounts = self.directory.find_many(connection, logins)
        rows = Rows(first)
        grants: list[activation.Grant] = []
        decisions = []
        for inbox_id, u in batch:
            seen = history.look(u.identity)
            account = accounts.get(self.login_to_ask(u) or "")
            facts, decision = self.decide(u, account, seen.duplicate)
            ticket_id, letter = self._write(connection, rows, inbox_id, u, account, seen, decision, now)
            if MailKind.T3 in decision.mails and ticket_id and letter and account:
                grants.append(activation.Grant(ticket_id, letter.ticket, account.login))
            rows.decide(inbox_id, u, seen, facts, decision, ticket_id, now)
            open_ = bool(decision.mails) or not closed(decision.state)
            history.add(u.identity, ticket_id, u.received_at + self._promise, open_=open_)
            decisions.append(decision)
        number.advance(connection, rows.next_ticket)
        rows.flush(connection, worker)
        until = now + timedelta(hours=self.settings.activation.lifetime_hours)
        activation.grant(connection, grants, now, until, self.secret)
        return decisions

    def letter(self, u: Understanding, account: Account | None, decision: Decision, zgl: str, now: datetime) -> Letter:
        """What the templates may say about this matter."""
        return Letter(
            ticket=zgl,
            recipient=account.login if account else u.sender.address or "",
            category=decision.category,
            opened_at=u.received_at,
            promised_at=u.received_at + self._promise,
            now=now,
            bounce_address=bounce.address(self.secret, self.settings.helpdesk.address, zgl),
            link_expires=now + timedelta(hours=self.settings.activation.lifetime_hours),
            phrase=u.request.phrase,
            defects=decision.defects,
            subject=u.subject.text,
            differences=u.subject.differences,
            authenticated=u.sender.authentication.result is AuthResult.PASS,
            in_reply_to=u.message.message_id,
            references=u.message.references,
        )

    @property
    def _promise(self) -> timedelta:
        return timedelta(hours=self.settings.tickets.promise_hours)

    @property
    def _own_addresses(self) -> frozenset[str]:
        helpdesk = self.settings.helpdesk
        written = (helpdesk.address, helpdesk.sending_address, *helpdesk.own_addresses)
        return frozenset(a.lower() for w in written if (a := normalise(w)))

    def _authenticate(self, raw: RawMessage, message: InboundMessage) -> Sender:
        settings = self.settings
        road = {Source.SMTP: settings.smtp.authentication, Source.LMTP: settings.lmtp.authentication}
        return authenticate(
            raw,
            message,
            road=road.get(raw.envelope.source, "headers"),
            authserv_id=settings.authentication.authserv_id,
            resolver=self.resolver,
            max_age_days=settings.authentication.max_age_days,
        )

    def _write(
        self,
        connection: Connection,
        rows: Rows,
        inbox_id: int,
        u: Understanding,
        account: Account | None,
        seen: Seen,
        decision: Decision,
        now: datetime,
    ) -> tuple[int | None, Letter | None]:
        """Collect the rows of one decision; returns the ticket it belongs to and what its mails say."""
        if decision.outcome is Outcome.DUPLICATE and seen.ticket_id is not None:
            ticket_id = seen.ticket_id
            rows.event(ticket_id, now, "repeated", {"inbox": inbox_id, "how": seen.duplicate.value})
        elif decision.outcome in (Outcome.NO_REPLY, Outcome.DUPLICATE):
            rows.bounced(connection, u.bounced, inbox_id, now)
            return None, None  # a machine wrote it: the inbox row says so, no ticket number is spent
        else:
            ticket_id = rows.open_ticket(inbox_id, u, decision, now, self._promise)
        letter = self.letter(u, account, decision, number.spell(ticket_id), now)
        if seen.promised_at and seen.promised_at > now:  # a repeat does not put the first promise off
            letter = replace(letter, promised_at=seen.promised_at)
        for ordinal, kind in enumerate(decision.mails, start=1):
            mail = self.writer.outgoing(kind, letter)
            if kind is MailKind.T5:
                refusal = self.settings.refusal
                wait = self.rng.uniform(refusal.delay_min_minutes, refusal.delay_max_minutes)
                mail = replace(mail, delay_seconds=round(wait * 60))
            rows.mail(ticket_id, ordinal, mail, letter.promised_at, now)
        return ticket_id, letter


def _category(kind: Subject, request: Request) -> str:
    """The category a rule leaves alone (domain.md §3.2, column outcome)."""
    if kind.kind is SubjectClass.EXACT:
        return "HASLO_AWARYJNE_B" if request.phrase is Phrase.B else "HASLO_AWARYJNE_A"
    near = kind.kind in (SubjectClass.NEAR, SubjectClass.REPLY_EXACT)
    return "TEMAT_NIEPOPRAWNY" if near else "OGOLNE"


def _year(request: Request, account: Account | None) -> Match:
    if account is None:
        return Match.UNKNOWN
    if request.year is None:
        return Match.MISSING
    return Match.OK if request.year == account.birth_year else Match.MISMATCH
