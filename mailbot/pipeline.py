"""The flow on one page: bytes → message → sender → request → account → decision → ticket and mails in one transaction.

Up to ``decide`` everything is pure; ``record`` writes. The steps are told in docs/flow.md in this order.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailbot import facts
from mailbot.accounts.directory import Directory
from mailbot.address import login_key, normalise
from mailbot.config import Settings
from mailbot.decision import decide
from mailbot.facts import NOTHING, Known
from mailbot.mails.letter import Letter
from mailbot.mails.write import Writer
from mailbot.model import (
    Account,
    ApplicationState,
    Authentication,
    AuthResult,
    Checked,
    Decision,
    Defect,
    Duplicate,
    Facts,
    InboundMessage,
    MailKind,
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
from mailbot.parsing.limits import MESSAGE_MAX
from mailbot.parsing.mime import parse
from mailbot.request import phrase, subject
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.sender.identify import authenticate
from mailbot.sender.resolver import Resolver
from mailbot.signatures.detect import looks_executable
from mailbot.signatures.limits import FILE_MAX
from mailbot.tickets import activation, bounce, hold, number
from mailbot.tickets.history import History, identify
from mailbot.tickets.record import Rows, closed
from mailbot.tickets.replay import Used

_EMPTY = Request(None, (), None, ())
_CASE_B = "HASLO_AWARYJNE_B"
_BEGINNING = 1_000_000
"""Octets of a message over the limit in which its text is looked for."""


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
            if len(raw.raw) > MESSAGE_MAX:
                message = self._beginning(raw) or message
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
            category=facts.category_of(kind, request),
            identity=identify(message, sender, raw.sha256),
            bounced=bounce.ticket_of(self.secret, message, raw.envelope.rcpt_to),
            stops=hold.asked_to_stop(message, kind),
            checked=_first_look(message, too_large=len(raw.raw) > MESSAGE_MAX),
        )

    def decide(
        self, u: Understanding, account: Account | None, duplicate: Duplicate, known: Known = NOTHING
    ) -> tuple[Facts, Decision]:
        """What to do with a message, given the account of ``facts.login_to_ask`` and the history."""
        found, defects = facts.gather(u, account, duplicate, known)
        return found, decide(found, defects, facts.category(u), self.ruleset)

    def record(
        self, connection: Connection, worker: str, batch: Sequence[tuple[int, Understanding]], now: datetime
    ) -> list[Decision]:
        """Decide a batch and write tickets, events, mails and the end of the inbox rows, all in this transaction.

        Raises LeaseLost when a row of the batch is no longer held by ``worker``.
        """
        first = number.lock(connection, self.settings.tickets.start)
        history = History(connection, [u.identity for _, u in batch])
        used = Used(connection, [u.checked for _, u in batch])
        accounts = self.directory.find_many(connection, [key for _, u in batch for key in self._logins(u)])
        rows = Rows(first)
        grants: list[activation.Grant] = []
        decisions = []
        for inbox_id, u in batch:
            seen = history.look(u.identity)
            account = accounts.get(facts.login_to_ask(u) or "")
            known = self._known(connection, u, account, accounts, used)
            found, decision = self.decide(u, account, seen.duplicate, known)
            if known.stops:  # whatever the rules say: this word can only make things safer
                hold.freeze(connection, known.stops, now, {"inbox": inbox_id})
            ticket_id, letter = self._write(connection, rows, inbox_id, u, account, seen, decision, known, now)
            if MailKind.T3 in decision.mails and ticket_id and letter and account:
                grants.append(self._grant(u, account, decision, ticket_id, letter))
                if decision.outcome is Outcome.OK_B:
                    used.add(u.checked, ticket_id)
            rows.decide(inbox_id, u, seen, found, decision, ticket_id, now)
            open_ = bool(decision.mails) or not closed(decision.state)
            history.add(u.identity, ticket_id, u.received_at + self._promise, open_=open_)
            decisions.append(decision)
        number.advance(connection, rows.next_ticket)
        rows.flush(connection, worker)
        activation.grant(connection, grants, now, self.secret)
        used.flush(connection)
        return decisions

    def _known(
        self,
        connection: Connection,
        u: Understanding,
        account: Account | None,
        accounts: Mapping[str, Account],
        used: Used,
    ) -> Known:
        """The rest of what the decision needs: ``accounts`` hold those of ``_logins``, by key."""
        key = login_key(u.sender.address or "")
        proven = key is not None and u.sender.authentication.result is AuthResult.PASS
        stops = hold.of_login(connection, u.stops, key) if key and proven and u.stops else None
        if u.request.phrase is not Phrase.B or facts.login_to_ask(u) is None:
            return Known(stops=stops)
        return Known(
            taken=key in accounts,
            namesake=account is not None and self.directory.has_namesake(connection, account),
            replayed=used.seen(u.checked),
            stops=stops,
        )

    def letter(self, u: Understanding, account: Account | None, decision: Decision, zgl: str, now: datetime) -> Letter:
        """What the templates may say about this matter."""
        moves = decision.outcome is Outcome.OK_B
        hold_until = now + (self._hold if moves else timedelta())
        login = account.login if account else None
        return Letter(
            ticket=zgl,
            recipient=login if login and u.request.phrase is Phrase.A else u.sender.address or "",
            category=decision.category,
            opened_at=u.received_at,
            promised_at=u.received_at + self._promise,
            now=now,
            bounce_address=bounce.address(self.secret, self.settings.helpdesk.address, zgl),
            link_expires=hold_until + timedelta(hours=self.settings.activation.lifetime_hours),
            change_from=hold_until if moves else None,
            old_login=login if moves else None,
            phrase=Phrase.B if decision.category == _CASE_B else u.request.phrase,
            defects=decision.defects,
            details=u.checked.details,
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
    def _hold(self) -> timedelta:
        return timedelta(hours=self.settings.case_b.hold_hours)

    def _logins(self, u: Understanding) -> list[str]:
        """The keys of every login that the decision asks for."""
        asked = facts.login_to_ask(u)
        sender = login_key(u.sender.address or "")
        keys = [asked, sender] if asked is not None and u.request.phrase is Phrase.B else [asked]
        return [key for key in keys if key]

    @staticmethod
    def _grant(
        u: Understanding, account: Account, decision: Decision, ticket_id: int, letter: Letter
    ) -> activation.Grant:
        assert letter.link_expires is not None
        new_login = u.sender.address if decision.outcome is Outcome.OK_B else None
        return activation.Grant(ticket_id, letter.ticket, account.login, letter.link_expires, new_login)

    @property
    def _own_addresses(self) -> frozenset[str]:
        helpdesk = self.settings.helpdesk
        written = (helpdesk.address, helpdesk.sending_address, *helpdesk.own_addresses)
        return frozenset(a.lower() for w in written if (a := normalise(w)))

    def _beginning(self, raw: RawMessage) -> InboundMessage | None:
        """What stands before the files of a message over the limit, when that is the sentence of case B.

        Then the citizen can be told that the file is too large (domain.md §3.3). Any other message stays damage:
        nothing is granted on a part.
        """
        whole_lines = raw.raw[:_BEGINNING].rpartition(b"\n")[0]
        message = parse(whole_lines, raw.envelope, self._own_addresses)
        asked = phrase.read(message.text, attachments=True).phrase
        return message if message.attachments and not message.damage and asked is Phrase.B else None

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
        known: Known,
        now: datetime,
    ) -> tuple[int | None, Letter | None]:
        """Collect the rows of one decision; returns the ticket it belongs to and what its mails say."""
        if decision.outcome is Outcome.TICKET_UPDATE and known.stops:
            return number.value(known.stops), None  # the word joins the ticket it stopped, and gets no answer
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
            elif kind is MailKind.T2B:
                mail = replace(mail, delay_seconds=round(self._hold.total_seconds()))
            rows.mail(ticket_id, ordinal, mail, letter.promised_at, now)
        return ticket_id, letter


def _first_look(message: InboundMessage, *, too_large: bool) -> Checked:
    """What the names and first octets of the files tell; the rest is for ``workers.verify``."""
    if any(looks_executable(a.filename, a.data) for a in message.attachments):
        return Checked(ApplicationState.MALWARE)
    if too_large and not message.damage:
        limit = {"limit": str(FILE_MAX // 1_000_000)}
        return Checked(ApplicationState.CONTAINER, (Defect.CONTAINER,), limit)
    return Checked(ApplicationState.NOT_ASKED if message.attachments else ApplicationState.NONE)
