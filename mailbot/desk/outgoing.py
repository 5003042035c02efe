"""The mails of a plan: written from the ticket as it is, and put into the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import NoResultFound

from mailbot.desk import letter, letters
from mailbot.desk.plan import ActionPlan, PlannedMail, Refusal, Wait
from mailbot.desk.view import TicketView
from mailbot.errors import SealBroken, TemplateError
from mailbot.mails.context import MailContext
from mailbot.model import MailKind, OutgoingMail
from mailbot.model.categories import CASES, GENERAL
from mailbot.outbox import jobs
from mailbot.storage import personal
from mailbot.storage.schema import inbox, outbox
from mailbot.text.address import login_key
from mailbot.tickets import bounce, correspondence, sealing
from mailbot.tickets.hold import HELD
from mailbot.tickets.sla import Clocks

if TYPE_CHECKING:
    from mailbot.flow.pipeline import Pipeline

WrittenMail = tuple[OutgoingMail, PlannedMail]
"""A mail with the plan's words for it."""


class Outgoing:
    """Writes for one installation."""

    def __init__(self, flow: Pipeline) -> None:
        self._flow = flow

    def link_expires(self, plan: ActionPlan, now: datetime) -> datetime:
        """Until when the link of the plan works: its life begins where the hold ends."""
        moves = plan.grant is not None and plan.grant.new_login is not None
        start = now + (self._hold if moves else timedelta())
        return start + timedelta(hours=self._flow.settings.activation.lifetime_hours)

    def write(
        self, connection: Connection, case: TicketView, row: Row[Any], plan: ActionPlan, now: datetime, clocks: Clocks
    ) -> tuple[WrittenMail, ...] | Refusal:
        """Rendered, in their order."""
        if not plan.mails:
            return ()
        newest = self._newest(connection, case)
        slots = self._slots(connection, case)
        found: list[WrittenMail] = []
        for mail in plan.mails:
            if mail.kind not in self._flow.ruleset.templates:
                return Refusal("no-template", {"kind": mail.kind.value})
            letter = self._letter(case, row, plan, mail, now, clocks, newest)
            letter = replace(letter, nth=_dated(mail.kind, _nth(mail.kind, slots), now))
            try:
                written = self._flow.writer.outgoing(mail.kind, letter)
            except TemplateError as error:
                return Refusal("template", {"why": error.reason})
            slots.append(written.kind.value)
            found.append((replace(written, delay_seconds=round(self._wait(mail.wait).total_seconds())), mail))
        return tuple(found)

    def queue(
        self, connection: Connection, case: TicketView, mails: Sequence[WrittenMail], plan: ActionPlan, now: datetime
    ) -> list[int]:
        """Put them into the outbox; returns their rows."""
        slots = self._slots(connection, case)
        ordinal = max((mail.ordinal for mail in case.mails), default=0)
        chained = any(mail.follows for _, mail in mails)
        over = {mail for mail, _ in plan.steps}
        ahead = [m for m in case.mails if m.ordinal and m.id not in over]
        pending = any(m.state in (jobs.WAITING, jobs.QUEUED, jobs.LEASED) for m in ahead)
        deadline = now + timedelta(hours=self._flow.settings.tickets.promise_hours)
        rows = []
        for place, (written, _) in enumerate(mails):
            nth = _nth(written.kind, slots)
            slots.append(written.kind.value)
            waits = chained and (place > 0 or pending)
            delay = timedelta(seconds=written.delay_seconds)
            values = {
                "ticket_id": case.ticket_id,
                "slot": f"{written.kind.value} {nth}".rstrip(),
                "kind": written.kind.value,
                "ordinal": ordinal + place + 1 if chained else 0,
                "recipient": written.recipient,
                "return_path": written.return_path,
                "message_id": written.message_id,
                "raw": written.raw,
                "state": jobs.WAITING if waits else jobs.QUEUED,
                "due_at": now if waits else now + delay,
                "deadline": deadline + delay,
                "delay_seconds": written.delay_seconds,
            }
            sealing.write_mails(connection, self._flow.secret, [values])
            mine = (outbox.c.ticket_id == case.ticket_id, outbox.c.slot == values["slot"])
            rows.append(connection.execute(select(outbox.c.id).where(*mine)).scalar_one())
        return rows

    @property
    def _hold(self) -> timedelta:
        return timedelta(hours=self._flow.settings.case_b.hold_hours)

    def _wait(self, wait: Wait) -> timedelta:
        refusal = self._flow.settings.refusal
        if wait is Wait.TAKE_BACK:
            return timedelta(seconds=self._flow.settings.desk.take_back_seconds)
        if wait is Wait.REFUSAL:
            return timedelta(minutes=self._flow.rng.uniform(refusal.delay_min_minutes, refusal.delay_max_minutes))
        return self._hold if wait is Wait.HOLD else timedelta()

    def _letter(
        self,
        case: TicketView,
        row: Row[Any],
        plan: ActionPlan,
        mail: PlannedMail,
        now: datetime,
        clocks: Clocks,
        newest: str | None,
    ) -> MailContext:
        flow = self._flow
        moves = plan.grant is not None and plan.grant.new_login is not None
        written = letters.enclosures(mail.files)
        # Who did not write to us is told nothing of the one who did, not even the Message-ID of his mail.
        theirs = login_key(mail.recipient) == login_key(case.correspondent or "")
        phrases = CASES
        return MailContext(
            ticket=case.number,
            recipient=mail.recipient,
            category=plan.category if plan.category in flow.ruleset.categories else GENERAL,
            opened_at=case.opened_at,
            promised_at=case.promised_at,
            now=now,
            bounce_address=bounce.address(
                flow.secret, flow.settings.helpdesk.address, case.number, flow.settings.helpdesk.verp_separator
            ),
            link_expires=self.link_expires(plan, now) if plan.grant else None,
            change_from=now + self._hold if moves else None,
            old_login=plan.grant.login if plan.grant and moves else None,
            phrase=phrases.get(plan.category),
            defects=mail.defects,
            details=mail.details,
            in_reply_to=newest if theirs else None,
            token=correspondence.token(flow.secret, case.number),
            language=case.language,
            specialist_by=clocks.promised_at,
            reply_by=clocks.reply_by,
            answered_at=row.answered_at,
            breaks=flow.ruleset.breaks_at(now),
            text=mail.text,
            files=() if isinstance(written, Refusal) else written,
        )

    def _newest(self, connection: Connection, case: TicketView) -> str | None:
        """Message-ID of the newest letter of the ticket."""
        i = inbox.c
        wanted = select(i.id, i.message_key).where(i.ticket_id == case.ticket_id, i.message_key.is_not(None))
        row = connection.execute(wanted.order_by(i.id.desc()).limit(1)).one_or_none()
        key = row.message_key if row else ""
        if row and personal.is_hashed(key):
            with suppress(NoResultFound, SealBroken):  # it was erased, or its key is lost
                key = letter.message(connection, self._flow.secret, row.id)[1].message_id or ""
        return key if key.startswith("<") else None

    @staticmethod
    def _slots(connection: Connection, case: TicketView) -> list[str]:
        """The kinds of the mails of the ticket."""
        return [mail.kind for mail in case.mails]


def _nth(kind: MailKind, kinds: Sequence[str]) -> str:
    """What tells the mail from the ones of its kind that are there; "" for the first that is not a person's."""
    before = kinds.count(kind.value)
    return f"n{before + 1}" if before or kind.by_hand else ""


def _dated(kind: MailKind, nth: str, now: datetime) -> str:
    """The same, and when: after a restore a count begins again, and a mailbox drops what bears the Message-ID of a mail
    that left before. T1 and T14 keep theirs: others refer to it, and a ticket has one."""
    if not kind.by_hand and kind not in HELD:
        return nth
    return "-".join(part for part in (nth, f"{now:%y%m%d-%H%M%S}") if part)


def readable(mail: OutgoingMail) -> dict[str, Any]:
    """A mail of ours as a person reads it."""
    parsed = message_from_bytes(mail.raw, policy=policy.default)
    body = parsed.get_body(("plain",))
    return {
        "kind": mail.kind,
        "to": mail.recipient,
        "sender": str(parsed["From"]),
        "subject": str(parsed["Subject"]),
        "text": str(body.get_content()) if body is not None else "",
        "files": [part.get_filename() for part in parsed.iter_attachments() if part.get_filename()],
        "delay": mail.delay_seconds,
    }
