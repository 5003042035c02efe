"""What becomes a mail to the citizen: answers, questions, refusals. Pure."""

from __future__ import annotations

from mailbot.desk import ending, letters
from mailbot.desk.means import Means
from mailbot.desk.plan import ActionPlan, ClockChange, PlannedMail, Refusal, Wait, plan_of
from mailbot.desk.requests import ActionRequest, AnswerComplaint, Ask, RefuseNamed, Reply, ReplyAndClose
from mailbot.desk.view import TicketView
from mailbot.model import Defect, MailKind, State
from mailbot.model.categories import in_procedure
from mailbot.model.operator import Operator
from mailbot.tickets.hold import is_stopped


def reply(case: TicketView, operator: Operator, request: Reply, means: Means) -> ActionPlan | Refusal:
    mail = letters.reply(case, request, means.ruleset)
    if isinstance(mail, Refusal):
        return mail
    goes_on = is_stopped(case.state, case.desk) or case.state is State.PONOWNIE_OTWARTE or case.state.closed
    state = case.state if goes_on else State.W_TOKU
    clock = ClockChange.ANEW if case.state is State.OCZEKUJE_NA_KLIENTA else ClockChange.KEEP
    owner = case.owner or (None if goes_on else operator.name)
    changes = {"state": state, "owner": owner, "clock": clock, "mails": (mail,), "texts": letters.kept(mail)}
    return plan_of(case, request, "replied", **changes)


def reply_and_close(case: TicketView, operator: Operator, request: ReplyAndClose, means: Means) -> ActionPlan | Refusal:
    if ending.stands_still(case):
        return Refusal("stopped")
    mail = letters.reply(case, request, means.ruleset)
    if isinstance(mail, Refusal):
        return mail
    detail = {"how": request.how.value}
    closed = {"mails": (mail,), "texts": letters.kept(mail), "detail": detail, "owner": case.owner or operator.name}
    return ending.closed(case, request, "replied-and-closed", ending.CLOSED_BY[request.how], **closed)


def ask(case: TicketView, operator: Operator, request: Ask, means: Means) -> ActionPlan | Refusal:
    if ending.stands_still(case):
        return Refusal("stopped")
    if case.link is not None and case.link.alive(means.now):  # the time for his answer may pass, and end the ticket
        return Refusal("link-alive")
    mail = letters.question(case, request, means.ruleset)
    if isinstance(mail, Refusal):
        return mail
    asked = {
        "state": State.OCZEKUJE_NA_KLIENTA,
        "clock": ClockChange.WAITS,
        "mails": (mail,),
        "texts": letters.kept(mail),
    }
    return plan_of(case, request, "asked", owner=case.owner or operator.name, **asked)


def refuse_named(case: TicketView, operator: Operator, request: RefuseNamed, means: Means) -> ActionPlan | Refusal:
    if code := _no_refusal(case):
        return Refusal(code)
    details = letters.details(request.defects, request.missing)
    if isinstance(details, Refusal):
        return details
    if not request.defects:
        return Refusal("no-defect")
    defects = tuple(d for d in Defect if d in request.defects)
    mail = PlannedMail(MailKind.T4, case.correspondent or "", Wait.TAKE_BACK, defects=defects, details=details)
    codes = {"defects": " ".join(d.value for d in defects)}
    return ending.closed(case, request, "refused", State.ZAMKNIETE_NEGATYWNIE, mails=(mail,), detail=codes)


def refuse_generic(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if code := _no_refusal(case):
        return Refusal(code)
    mail = PlannedMail(MailKind.T5, case.correspondent or "", Wait.REFUSAL)
    return ending.closed(case, request, "refused", State.ZAMKNIETE_NEGATYWNIE, mails=(mail,), detail={"defects": ""})


def _no_refusal(case: TicketView) -> str:
    """Why the refusals of the special procedure do not fit: code of a refusal."""
    if not in_procedure(case.category):
        return "not-procedure"
    if ending.stands_still(case):
        return "stopped"
    return "link-alive" if case.link is not None else ""


def answer_complaint(
    case: TicketView, operator: Operator, request: AnswerComplaint, means: Means
) -> ActionPlan | Refusal:
    if ending.stands_still(case):
        return Refusal("stopped")
    mail = letters.written(MailKind.T23, case, request)
    if isinstance(mail, Refusal):
        return mail
    closed = {"mails": (mail,), "texts": letters.kept(mail)}
    return ending.closed(case, request, "complaint-answered", State.ZAMKNIETE_ROZWIAZANE, **closed)
