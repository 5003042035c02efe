"""What a person does with a mail that is in the outbox already. Pure."""

from __future__ import annotations

from typing import Any

from mailbot.desk import ending, unsent
from mailbot.desk.means import Means
from mailbot.desk.plan import ActionPlan, OutboxChange, Refusal, plan_of
from mailbot.desk.requests import MailCancel, MailHold, MailRetry, OfMail
from mailbot.desk.view import MailRow, TicketView
from mailbot.model import MailKind, State
from mailbot.model.operator import Operator
from mailbot.outbox import jobs
from mailbot.tickets.hold import FROZEN, HELD
from mailbot.tickets.sending import ANSWERS


def _mail(case: TicketView, request: OfMail) -> MailRow | Refusal:
    mail = next((one for one in case.mails if one.id == request.mail), None)
    if mail is None:
        return Refusal("no-mail", {"mail": str(request.mail)})
    if mail.state == jobs.LEASED:
        return Refusal("on-its-way")
    if mail.reason == FROZEN and mail.state == jobs.BURIED:
        return Refusal("frozen")
    if mail.state in (jobs.DONE, jobs.CANCELLED):
        return Refusal("mail-ended")
    return mail


def retry(case: TicketView, operator: Operator, request: MailRetry, means: Means) -> ActionPlan | Refusal:
    mail = _mail(case, request)
    if isinstance(mail, Refusal):
        return mail
    if mail.state != jobs.BURIED:
        return Refusal("not-buried")
    return _step(case, request, mail, OutboxChange.RETRY)


def hold(case: TicketView, operator: Operator, request: MailHold, means: Means) -> ActionPlan | Refusal:
    mail = _mail(case, request)
    if isinstance(mail, Refusal):
        return mail
    if mail.state == jobs.BURIED:
        return Refusal("held-already")
    return Refusal("waits-anyway") if mail.state == jobs.WAITING else _step(case, request, mail, OutboxChange.HOLD)


def cancel(case: TicketView, operator: Operator, request: MailCancel, means: Means) -> ActionPlan | Refusal:
    mail = _mail(case, request)
    if isinstance(mail, Refusal):
        return mail
    alive = case.link is not None and case.link.alive(means.now)
    if mail.kind in (*HELD, MailKind.T14) and alive:
        return Refusal("cancel-link")
    if any(m.state == jobs.WAITING and m.id > mail.id and mail.ordinal for m in case.mails) and alive:
        return Refusal("cancel-first")
    return _step(case, request, mail, OutboxChange.CANCEL)


def _step(case: TicketView, request: OfMail, mail: MailRow, step: OutboxChange) -> ActionPlan:
    detail: dict[str, str | int] = {"mail": mail.id, "kind": mail.kind}
    changes: dict[str, Any] = {"steps": ((mail.id, step),), "detail": detail}
    if step is not OutboxChange.RETRY and case.state is State.OCZEKUJE_NA_KLIENTA and mail.kind in unsent.QUESTIONS:
        changes["state"] = State.W_TOKU  # nobody was asked
    elif step is not OutboxChange.RETRY and case.state.closed and not case.merged_into and mail.kind in ANSWERS:
        changes |= {"state": State.DO_WERYFIKACJI, "desk": ending.desk_of(case)}  # nobody was answered
    return plan_of(case, request, f"mail-{step.value}", **changes)
