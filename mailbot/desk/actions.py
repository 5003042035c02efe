"""What a person may do: ticket, person and request in; a plan or a refusal out. Pure.

Each action has one function here and says from which state it starts; ``decide`` asks role, version and reason before
it, and the floor (floor.py) behind it, which knows nothing of the actions and judges the plan alone. What was not
foreseen is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot.desk import accept, floor, letters, unsent
from mailbot.desk.plan import Clock, Effect, Mail, Plan, Refusal, Step, Wait, plan_of
from mailbot.desk.requests import (
    Action,
    AnswerComplaint,
    Ask,
    Asked,
    Assign,
    Call,
    CallOutcome,
    Close,
    Give,
    Heard,
    How,
    Link,
    MailCancel,
    MailHold,
    MailRetry,
    Merge,
    Note,
    OfMail,
    RefuseNamed,
    Reply,
    ReplyAndClose,
    Request,
    Silence,
    Split,
)
from mailbot.desk.roles import may
from mailbot.desk.sight import sees
from mailbot.desk.view import Case, MailRow, Other
from mailbot.model import Defect, Desk, MailKind, Outcome, State
from mailbot.model.categories import CASE_B, in_procedure
from mailbot.model.operator import Operator, Role
from mailbot.outbox import jobs
from mailbot.ruleset.model import Ruleset
from mailbot.text.address import login_key
from mailbot.tickets.hold import FROZEN, HELD, is_stopped
from mailbot.tickets.sending import ANSWERS

NEEDS_REASON = frozenset(
    {
        *(Action.REFUSE_GENERIC, Action.ACCEPT_A, Action.ACCEPT_B, Action.CONFIRM_B, Action.WITHDRAW_B, Action.STOP),
        *(Action.RELEASE, Action.OUT_OF_QUARANTINE, Action.CLOSE, Action.REOPEN, Action.MERGE, Action.SPLIT),
        *(Action.MAIL_HOLD, Action.MAIL_CANCEL),
    }
)
_CLOSED = {
    How.DONE: State.ZAMKNIETE_ROZWIAZANE,
    How.REFUSED: State.ZAMKNIETE_NEGATYWNIE,
    How.UNCHANGED: State.ZAMKNIETE_BEZ_ZMIAN,
}
_BEGUN = frozenset({State.ZAREJESTROWANE, State.DO_WERYFIKACJI})
"""States that become W_TOKU when somebody takes the ticket."""
REASON_LENGTH = 2000
"""Characters of a reason, a note, the protocol of a call."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an action needs beside the ticket."""

    now: datetime
    ruleset: Ruleset
    colleagues: Mapping[str, Operator]
    """Active operators by name; asked for give."""
    uid: int | None = None
    """Who acts at the shell of this machine; None: at the console."""


_Work = Callable[[Case, Operator, Any, Means], Plan | Refusal]


def decide(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    """What ``request`` comes to. Total."""
    action = request.action
    if request.version != case.version and action is not Action.STOP:  # who stops overwrites nothing, and must not wait
        return Refusal("changed")
    if code := may(operator, action, case.state, case.desk):
        return Refusal(code, {"desk": case.desk})
    if action in NEEDS_REASON and not request.reason.strip():
        return Refusal("reason")
    if len(request.reason) > REASON_LENGTH:
        return Refusal("too-long", {"most": str(REASON_LENGTH)})
    if not _state_allows(case, action):
        return Refusal("state", {"state": case.state.value})
    plan = _WORK[action](case, operator, request, means)
    if isinstance(plan, Refusal):
        return plan
    if request.reason.strip():
        plan = replace(plan, texts=(*plan.texts, ("reason", request.reason.strip())))
    broken = floor.violation(case, operator, plan, means.now, means.ruleset)
    return plan if broken is None else broken


def available(case: Case, operator: Operator) -> tuple[Action, ...]:
    """The actions that are worth offering: the role allows them, and the state does not forbid them at once."""
    return tuple(a for a in Action if not may(operator, a, case.state, case.desk) and _state_allows(case, a))


def _state_allows(case: Case, action: Action) -> bool:
    states = FROM.get(action)
    return states is None or case.state in states


OPEN = frozenset(s for s in State if not s.closed and s not in (State.KWARANTANNA, State.ODRZUCONE_AUTOMAT))
"""States in which a person waits for an answer, and may be written to."""
CLOSED = frozenset(s for s in State if s.closed)
GOING = OPEN - {State.WSTRZYMANE}
"""Open, and nobody has stopped it."""

FROM: Mapping[Action, Collection[State]] = {
    Action.TAKE: OPEN | {State.KWARANTANNA},
    Action.GIVE: OPEN | {State.KWARANTANNA},
    Action.PUT_BACK: OPEN | {State.KWARANTANNA},
    Action.ASSIGN: OPEN | {State.KWARANTANNA},
    Action.REPLY: OPEN | CLOSED,
    Action.REPLY_AND_CLOSE: GOING - {State.PONOWNIE_OTWARTE},
    Action.ASK: GOING,
    Action.REFUSE_NAMED: GOING,
    Action.REFUSE_GENERIC: GOING,
    Action.ACCEPT_A: GOING,
    Action.ACCEPT_B: GOING,
    Action.CONFIRM_B: GOING,
    Action.WITHDRAW_B: frozenset(State),
    Action.STOP: OPEN | CLOSED,
    Action.RELEASE: {State.WSTRZYMANE},
    Action.OUT_OF_QUARANTINE: {State.KWARANTANNA},
    Action.OUT_OF_LIMIT: {State.WSTRZYMANE},
    Action.CLOSE: OPEN | {State.KWARANTANNA},
    Action.REOPEN: CLOSED,
    Action.ANSWER_COMPLAINT: {State.PONOWNIE_OTWARTE},
    Action.MERGE: GOING,
    Action.SPLIT: OPEN | CLOSED,
}
"""Action → the states it starts from; what is not here starts from any."""


def _closed(case: Case, request: Request, event: str, state: State, **changes: Any) -> Plan:
    """A plan that ends the ticket: nobody has it, no clock runs, and what could not leave never does."""
    steps = unsent.ended(case, answered=bool(changes.get("mails")))
    ended = {"state": state, "desk": "", "clock": Clock.ENDS, "steps": steps}
    return plan_of(case, request, event, **{**ended, **changes})


def _take(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if case.owner == operator.name:
        return Refusal("yours")
    if case.owner and Role.SUPERVISOR not in operator.roles:
        return _held(case)
    state = State.W_TOKU if case.state in _BEGUN else case.state
    return plan_of(case, request, "taken", state=state, owner=operator.name)


def _holds(case: Case, operator: Operator) -> bool:
    return case.owner == operator.name or Role.SUPERVISOR in operator.roles


def _give(case: Case, operator: Operator, request: Give, means: Means) -> Plan | Refusal:
    if not _holds(case, operator):
        return _held(case) if case.owner else Refusal("take-first")
    other = means.colleagues.get(request.to)
    if other is None or may(other, Action.TAKE, case.state, case.desk):
        return Refusal("colleague", {"name": request.to})
    return plan_of(case, request, "given", owner=other.name, detail={"to": other.name})


def _put_back(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if case.owner is None:
        return Refusal("nobodys")
    return plan_of(case, request, "put-back", owner=None) if _holds(case, operator) else _held(case)


def _held(case: Case) -> Refusal:
    return Refusal("held", {"owner": case.owner or ""})


def _assign(case: Case, operator: Operator, request: Assign, means: Means) -> Plan | Refusal:
    if request.desk not in set(Desk) or not request.desk:
        return Refusal("no-desk", {"desk": request.desk})
    if case.owner and not _holds(case, operator):
        return _held(case)
    if request.desk == case.desk:
        return Refusal("same-desk", {"desk": case.desk})
    return plan_of(case, request, "assigned", desk=request.desk, owner=None, detail={"desk": request.desk})


def _note(case: Case, operator: Operator, request: Note, means: Means) -> Plan | Refusal:
    words = request.text.strip()
    if not words:
        return Refusal("empty")
    if len(words) > REASON_LENGTH:
        return Refusal("too-long", {"most": str(REASON_LENGTH)})
    return plan_of(case, request, "note", texts=(("note", words),))


def _call(case: Case, operator: Operator, request: Call, means: Means) -> Plan | Refusal:
    counted = {word: sum(heard is word for heard in request.heard.values()) for word in Heard}
    every = all(request.heard.get(asked) is Heard.RIGHT for asked in Asked)
    if request.outcome is CallOutcome.TOLD and counted[Heard.WRONG] > 1:
        return Refusal("two-wrong")
    detail: dict[str, str | int] = {
        "outcome": request.outcome.value,
        "right": counted[Heard.RIGHT],
        "wrong": counted[Heard.WRONG],
        "identified": int(every),
    }
    words = request.text.strip()
    if len(words) > REASON_LENGTH:
        return Refusal("too-long", {"most": str(REASON_LENGTH)})
    return plan_of(case, request, "call", detail=detail, texts=(("call", words),) if words else ())


def _reply(case: Case, operator: Operator, request: Reply, means: Means) -> Plan | Refusal:
    mail = letters.reply(case, request, means.ruleset)
    if isinstance(mail, Refusal):
        return mail
    goes_on = is_stopped(case.state, case.desk) or case.state is State.PONOWNIE_OTWARTE or case.state.closed
    state = case.state if goes_on else State.W_TOKU
    clock = Clock.ANEW if case.state is State.OCZEKUJE_NA_KLIENTA else Clock.KEEP
    owner = case.owner or (None if goes_on else operator.name)
    changes = {"state": state, "owner": owner, "clock": clock, "mails": (mail,), "texts": letters.kept(mail)}
    return plan_of(case, request, "replied", **changes)


def _reply_and_close(case: Case, operator: Operator, request: ReplyAndClose, means: Means) -> Plan | Refusal:
    if _stands_still(case):
        return Refusal("stopped")
    mail = letters.reply(case, request, means.ruleset)
    if isinstance(mail, Refusal):
        return mail
    detail = {"how": request.how.value}
    closed = {"mails": (mail,), "texts": letters.kept(mail), "detail": detail, "owner": case.owner or operator.name}
    return _closed(case, request, "replied-and-closed", _CLOSED[request.how], **closed)


def _stands_still(case: Case) -> bool:
    return is_stopped(case.state, case.desk)


def _ask(case: Case, operator: Operator, request: Ask, means: Means) -> Plan | Refusal:
    if _stands_still(case):
        return Refusal("stopped")
    mail = letters.question(case, request, means.ruleset)
    if isinstance(mail, Refusal):
        return mail
    asked = {"state": State.OCZEKUJE_NA_KLIENTA, "clock": Clock.WAITS, "mails": (mail,), "texts": letters.kept(mail)}
    return plan_of(case, request, "asked", owner=case.owner or operator.name, **asked)


def _refuse_named(case: Case, operator: Operator, request: RefuseNamed, means: Means) -> Plan | Refusal:
    if code := _no_refusal(case):
        return Refusal(code)
    details = letters.details(request.defects, request.missing)
    if isinstance(details, Refusal):
        return details
    if not request.defects:
        return Refusal("no-defect")
    defects = tuple(d for d in Defect if d in request.defects)
    mail = Mail(MailKind.T4, case.correspondent or "", Wait.TAKE_BACK, defects=defects, details=details)
    codes = {"defects": " ".join(d.value for d in defects)}
    return _closed(case, request, "refused", State.ZAMKNIETE_NEGATYWNIE, mails=(mail,), detail=codes)


def _refuse_generic(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if code := _no_refusal(case):
        return Refusal(code)
    mail = Mail(MailKind.T5, case.correspondent or "", Wait.REFUSAL)
    return _closed(case, request, "refused", State.ZAMKNIETE_NEGATYWNIE, mails=(mail,), detail={"defects": ""})


def _no_refusal(case: Case) -> str:
    """Why the refusals of the special procedure do not fit: code of a refusal."""
    if not in_procedure(case.category):
        return "not-procedure"
    if _stands_still(case):
        return "stopped"
    return "link-alive" if case.link is not None else ""


def _stop(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if case.state is State.WSTRZYMANE and case.desk == Desk.BEZPIECZENSTWO:
        return Refusal("stopped-already")
    still = {"state": State.WSTRZYMANE, "desk": Desk.BEZPIECZENSTWO, "owner": None}
    if case.link is not None:
        used = case.link.used_at is not None
        if used:
            still["state"] = State.DO_WERYFIKACJI
        return plan_of(case, request, "stopped", effect=Effect.FREEZE, **still)
    if not in_procedure(case.category) or case.state.closed:
        return Refusal("nothing-to-stop")
    return plan_of(case, request, "stopped", detail={"was": case.state.value, "desk": case.desk}, **still)


def _release(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if case.link is not None:
        free = {"state": State.ZAMKNIETE_ROZWIAZANE, "desk": "", "effect": Effect.RELEASE}
        return plan_of(case, request, "released", **free)
    if case.stopped_from is not None:
        state, desk = case.stopped_from
        return plan_of(case, request, "released", state=state, desk=desk, clock=Clock.ANEW)
    return Refusal("limit" if case.outcome == "RATE_LIMITED" else "not-stopped")


def _decided_again(case: Case, request: Request, event: str) -> Plan | Refusal:
    mine = tuple(letter.inbox_id for letter in case.letters if letter.own)
    return _closed(case, request, event, State.ZAMKNIETE_BEZ_ZMIAN, effect=Effect.AGAIN, letters=mine)


def _out_of_quarantine(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    return _decided_again(case, request, "out-of-quarantine")


def _out_of_limit(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if case.outcome != "RATE_LIMITED" or case.link is not None or case.stopped_from is not None:
        return Refusal("not-limited")
    return _decided_again(case, request, "out-of-limit")


def _close(case: Case, operator: Operator, request: Close, means: Means) -> Plan | Refusal:
    if request.silence is Silence.CALLED and not case.called:
        return Refusal("no-call")
    newest = max((letter.received_at for letter in case.letters), default=case.opened_at)
    if request.silence is Silence.ANSWERED and (case.answered_at is None or case.answered_at < newest):
        return Refusal("not-answered")
    stops = case.link is not None and case.link.used_at is None and _stands_still(case)
    effect = Effect.END if stops else Effect.NONE
    if effect is Effect.END and request.how is not How.REFUSED:
        return Refusal("stopped-for-good")
    detail = {"how": request.how.value, "silence": request.silence.value, "of": case.desk}
    return _closed(case, request, "closed", _CLOSED[request.how], effect=effect, detail=detail)


def _reopen(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    if case.merged_into:
        return Refusal("joined", {"number": case.merged_into})
    if not case.decided:
        return Refusal("decided-again")
    state = State.KWARANTANNA if case.outcome == Outcome.QUARANTINE else State.PONOWNIE_OTWARTE
    desk = Desk.BEZPIECZENSTWO if case.secured else _desk_of(case)
    return plan_of(case, request, "reopened", state=state, desk=desk, clock=Clock.ANEW)


def _desk_of(case: Case) -> Desk:
    return Desk.II_LINIA if in_procedure(case.category) else Desk.I_LINIA


def _answer_complaint(case: Case, operator: Operator, request: AnswerComplaint, means: Means) -> Plan | Refusal:
    if _stands_still(case):
        return Refusal("stopped")
    mail = letters.written(MailKind.T23, case, request)
    if isinstance(mail, Refusal):
        return mail
    closed = {"mails": (mail,), "texts": letters.kept(mail)}
    return _closed(case, request, "complaint-answered", State.ZAMKNIETE_ROZWIAZANE, **closed)


def _merge(case: Case, operator: Operator, request: Merge, means: Means) -> Plan | Refusal:
    other = case.others.get(request.other)
    if other is None or not sees(operator, other.desk):  # who merges reads the letters of both, and ends one
        return Refusal("no-ticket", {"number": request.other})
    if code := may(operator, Action.MERGE, other.state, other.desk) or _apart(case, other):
        return Refusal(code, {"number": case.merged_into or other.number, "desk": other.desk})
    detail = {"with": other.number}
    if other.ticket_id > case.ticket_id:
        state = State.W_TOKU if case.state is State.OCZEKUJE_NA_KLIENTA else case.state  # he has written
        return plan_of(case, request, "merged", state=state, effect=Effect.MERGE, other=other.number, detail=detail)
    changes = {"effect": Effect.MERGE, "other": other.number, "detail": detail}
    return _closed(case, request, "merged", State.ZAMKNIETE_BEZ_ZMIAN, steps=(), **changes)


def _apart(case: Case, other: Other) -> str:
    """Why two tickets cannot become one: code of a refusal."""
    mine, theirs = login_key(case.correspondent or ""), login_key(other.correspondent or "")
    if mine is None or mine != theirs or not other.proven or case.fact("authentication") != "pass":
        return "other-person"
    younger = max((case.ticket_id, case.category), (other.ticket_id, other.category))
    if case.link is not None or other.has_link or younger[1] == CASE_B:  # its application is what is decided on
        return "merge-link"
    if other.state not in GOING or is_stopped(other.state, other.desk) or _stands_still(case) or other.merged:
        return "merge-state"
    if case.merged_into:
        return "joined"
    return "itself" if other.ticket_id == case.ticket_id else ""


def _split(case: Case, operator: Operator, request: Split, means: Means) -> Plan | Refusal:
    letter = next((one for one in case.letters if one.inbox_id == request.letter and one.own), None)
    if letter is None:
        return Refusal("no-letter")
    if letter.opened:
        return Refusal("opening-letter")
    return plan_of(case, request, "split", effect=Effect.SPLIT, letters=(letter.inbox_id,))


def _link(case: Case, operator: Operator, request: Link, means: Means) -> Plan | Refusal:
    other = case.others.get(request.other)
    if other is None:
        return Refusal("no-ticket", {"number": request.other})
    if other.ticket_id == case.ticket_id:
        return Refusal("itself")
    return plan_of(case, request, "linked", effect=Effect.SEE, other=other.number, detail={"with": other.number})


def _mail(case: Case, request: OfMail) -> MailRow | Refusal:
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


def _mail_retry(case: Case, operator: Operator, request: MailRetry, means: Means) -> Plan | Refusal:
    mail = _mail(case, request)
    if isinstance(mail, Refusal):
        return mail
    if mail.state != jobs.BURIED:
        return Refusal("not-buried")
    return _step(case, request, mail, Step.RETRY)


def _mail_hold(case: Case, operator: Operator, request: MailHold, means: Means) -> Plan | Refusal:
    mail = _mail(case, request)
    if isinstance(mail, Refusal):
        return mail
    if mail.state == jobs.BURIED:
        return Refusal("held-already")
    return Refusal("waits-anyway") if mail.state == jobs.WAITING else _step(case, request, mail, Step.HOLD)


def _mail_cancel(case: Case, operator: Operator, request: MailCancel, means: Means) -> Plan | Refusal:
    mail = _mail(case, request)
    if isinstance(mail, Refusal):
        return mail
    alive = case.link is not None and case.link.alive(means.now)
    if mail.kind in (*HELD, MailKind.T14) and alive:
        return Refusal("cancel-link")
    if any(m.state == jobs.WAITING and m.id > mail.id and mail.ordinal for m in case.mails) and alive:
        return Refusal("cancel-first")
    return _step(case, request, mail, Step.CANCEL)


def _step(case: Case, request: OfMail, mail: MailRow, step: Step) -> Plan:
    detail: dict[str, str | int] = {"mail": mail.id, "kind": mail.kind}
    changes: dict[str, Any] = {"steps": ((mail.id, step),), "detail": detail}
    if step is not Step.RETRY and case.state is State.OCZEKUJE_NA_KLIENTA and mail.kind in unsent.QUESTIONS:
        changes["state"] = State.W_TOKU  # nobody was asked
    elif step is not Step.RETRY and case.state.closed and not case.merged_into and mail.kind in ANSWERS:
        changes |= {"state": State.DO_WERYFIKACJI, "desk": _desk_of(case)}  # nobody was answered
    return plan_of(case, request, f"mail-{step.value}", **changes)


def _take_back(case: Case, operator: Operator, request: Request, means: Means) -> Plan | Refusal:
    undo = case.undo
    if undo is None:
        alive = case.link is not None and case.link.alive(means.now)
        return Refusal("hold-link" if alive else "nothing-to-take-back")
    if undo.by != operator.name and Role.SUPERVISOR not in operator.roles:
        return Refusal("not-yours", {"owner": undo.by})
    mails = [mail for mail in case.mails if mail.id in undo.mails]
    if any(mail.in_doubt or mail.state not in (jobs.QUEUED, jobs.WAITING) for mail in mails):
        return Refusal("left-already")
    back = {
        "state": State(undo.before["state"] or ""),
        "desk": undo.before["desk"] or "",
        "owner": undo.before["owner"],
        "steps": tuple((mail.id, Step.CANCEL) for mail in mails),
    }
    return plan_of(case, request, "taken-back", effect=Effect.TAKE_BACK, detail={"event": undo.event}, **back)


_WORK: Mapping[Action, _Work] = {
    Action.TAKE: _take,
    Action.GIVE: _give,
    Action.PUT_BACK: _put_back,
    Action.ASSIGN: _assign,
    Action.NOTE: _note,
    Action.REPLY: _reply,
    Action.REPLY_AND_CLOSE: _reply_and_close,
    Action.ASK: _ask,
    Action.REFUSE_NAMED: _refuse_named,
    Action.REFUSE_GENERIC: _refuse_generic,
    Action.ACCEPT_A: accept.case_a,
    Action.ACCEPT_B: accept.first_of_case_b,
    Action.CONFIRM_B: accept.second_of_case_b,
    Action.WITHDRAW_B: accept.withdraw,
    Action.STOP: _stop,
    Action.RELEASE: _release,
    Action.OUT_OF_QUARANTINE: _out_of_quarantine,
    Action.OUT_OF_LIMIT: _out_of_limit,
    Action.CLOSE: _close,
    Action.REOPEN: _reopen,
    Action.ANSWER_COMPLAINT: _answer_complaint,
    Action.MERGE: _merge,
    Action.SPLIT: _split,
    Action.LINK: _link,
    Action.MAIL_RETRY: _mail_retry,
    Action.MAIL_HOLD: _mail_hold,
    Action.MAIL_CANCEL: _mail_cancel,
    Action.TAKE_BACK: _take_back,
    Action.CALL: _call,
}
