"""What becomes of a ticket's mails that have not left, when a person decides it. Pure."""

from __future__ import annotations

from mailbot.desk.plan import OutboxChange
from mailbot.desk.view import MailRow, TicketView
from mailbot.model import MailKind
from mailbot.outbox import jobs

QUESTIONS = frozenset({MailKind.T6.value, MailKind.T22.value})
"""Mails that the ticket waits behind for the citizen."""
_DECIDED = frozenset({MailKind.T4.value, MailKind.T5.value, *QUESTIONS})
"""What a decision behind them makes untrue."""
UNSENT = (jobs.WAITING, jobs.QUEUED, jobs.BURIED)


def ended(case: TicketView, *, answered: bool) -> tuple[tuple[int, OutboxChange], ...]:
    """The mails that an end of the ticket cancels; ``answered``: with a mail of its own, which overtakes the refusals
    and questions that were decided before. One that is on its way is among them: who decides must wait for it."""
    left = left_behind(case)
    if answered:
        left += [m for m in case.mails if m.kind in _DECIDED and m.state in (*UNSENT, jobs.LEASED) and m not in left]
    return tuple((mail.id, OutboxChange.CANCEL) for mail in left)


def left_behind(case: TicketView) -> list[MailRow]:
    """Mails that a person would have to see to for ever: buried ones, and what waits behind one."""
    left: list[MailRow] = []
    stands = False
    for mail in case.mails:
        buried, waits = mail.state == jobs.BURIED, mail.state == jobs.WAITING
        if buried or (waits and stands):
            left.append(mail)
        if mail.ordinal and (buried or mail.state in (jobs.QUEUED, jobs.LEASED)):
            stands = buried
    return left
