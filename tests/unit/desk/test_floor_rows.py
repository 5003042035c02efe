"""Each line of the floor of the desk by itself: plans that differ from an allowed one in one thing.

A table is one test, since its plan takes longer to come by than all its rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mailbot.desk import actions, floor
from mailbot.desk import requests as r
from mailbot.desk.means import Means
from mailbot.desk.plan import ActionPlan, Effect, OutboxChange, PlannedGrant, PlannedMail
from mailbot.desk.requests import Action
from mailbot.desk.view import LinkRow, MailRow, TicketView
from mailbot.model import AccountStatus, ApplicationState, MailKind, State
from mailbot.model.operator import Operator
from mailbot.tickets.hold import FROZEN
from tests.bench_desk import ANNA, BASIA, NEW, Bench
from tests.flow import EWA, JAN, STRANGER
from tests.unit.desk.test_floor import BLOCKED, Change, applied, facts, mail, of_case, of_plan, plan_a, plan_b

SECURITY = "BEZPIECZENSTWO"
LINE = "II_LINIA"


def both(*changes: Change) -> Change:
    def change(case: TicketView, plan: ActionPlan) -> tuple[TicketView, ActionPlan]:
        for one in changes:
            case, plan = one(case, plan)
        return case, plan

    return change


def grant(**changed: object) -> Change:
    def change(case: TicketView, plan: ActionPlan) -> tuple[TicketView, ActionPlan]:
        assert plan.grant is not None
        return case, replace(plan, grant=replace(plan.grant, **changed))  # type: ignore[arg-type]

    return change


def wrong(
    bench: Bench, made: tuple[TicketView, ActionPlan, Operator], table: dict[str, tuple[Change, str]]
) -> dict[str, str]:
    """Rows that got another code than the table has, with it."""
    case, plan, who = made
    got: dict[str, str] = {}
    for name, (change, _) in table.items():
        found = floor.violation(*_judged(change(case, plan), who), bench.clock(), bench.flow.ruleset)
        got[name] = found.code if found else ""
    return {name: code for name, code in got.items() if code != table[name][1]}


def _judged(changed: tuple[TicketView, ActionPlan], who: Operator) -> tuple[TicketView, Operator, ActionPlan]:
    return changed[0], who, changed[1]


def question(bench: Bench) -> tuple[TicketView, ActionPlan, Operator]:
    bench.question()
    case = bench.case()
    request = r.ReplyAndClose(version=case.version, text="Działa.")
    plan = actions.decide(case, ANNA, request, Means(bench.clock(), bench.flow.ruleset, {}))
    assert isinstance(plan, ActionPlan)
    return case, plan, ANNA


def test_what_may_write_a_mail() -> None:
    writes = {"reply", "reply-and-close", "ask", "refuse-named", "refuse-generic"}
    writes |= {"accept-a", "confirm-b", "answer-complaint"}
    assert {action.value for action in Action} - {action.value for action in floor.SILENT} == writes


def test_case_a_line_by_line(bench: Bench) -> None:
    made = plan_a(bench)
    used = LinkRow(JAN.login, None, bench.clock(), bench.clock())
    case_b = tuple(PlannedMail(kind, JAN.login) for kind in floor.CASE_B)
    rows: dict[str, tuple[Change, str]] = {
        "as it is": (of_plan(), ""),
        "a call vouches": (both(facts(authentication="none"), of_case(identified=True)), ""),
        "a call vouches while DNS fails": (both(facts(authentication="temperror"), of_case(identified=True)), ""),
        "DNS fails": (facts(authentication="temperror"), "unproven"),
        "no call vouches for a forgery": (both(facts(authentication="fail"), of_case(identified=True)), "unproven"),
        "perhaps a machine": (facts(automatic="maybe"), ""),
        "it has a link": (of_case(link=used), "had-link"),
        "its letter was for the quarantine": (of_case(outcome="QUARANTINE"), "unproven"),
        "it stays open": (of_plan(state=State.W_TOKU), "floor-link"),
        "it is refused": (of_plan(state=State.ZAMKNIETE_NEGATYWNIE), "floor-link"),
        "a machine's": (of_case(state=State.ODRZUCONE_AUTOMAT), "floor-quarantine"),
        "no correspondent": (of_case(correspondent=None), "no-account"),
        "no recipient": (mail(MailKind.T2A, recipient=""), "no-recipient"),
        "words of a person": (mail(MailKind.T2A, text="x"), "floor-text"),
        "the mails of case B": (of_plan(mails=case_b), "floor-link"),
        "by the second half of case B": (of_plan(action=Action.CONFIRM_B), "floor-link"),
        "the resolution to another": (mail(MailKind.T2A, recipient=STRANGER), "floor-link"),
        "a stopped change of login": (of_case(blocked=frozenset({"B"})), ""),
        "an account that is no longer": (
            of_case(account=replace(JAN, status=next(s for s in AccountStatus if s is not AccountStatus.ACTIVE))),
            "account-blocked",
        ),
        "at the desk of security": (of_case(desk=SECURITY), "stopped"),
    }
    assert wrong(bench, made, rows) == {}


def test_case_b_line_by_line(bench: Bench) -> None:
    made = plan_b(bench)
    used = LinkRow(JAN.login, NEW, bench.clock(), bench.clock())
    chain = tuple(replace(one, follows=True) for one in made[1].mails if one.kind is not MailKind.T1)
    rows: dict[str, tuple[Change, str]] = {
        "as it is": (of_plan(), ""),
        "it has a link": (of_case(link=used), "had-link"),
        "two senders": (facts(sender="ambiguous"), "unproven"),
        "malware": (facts(application="malware"), "unproven"),
        "its letter was for the quarantine": (of_case(outcome="QUARANTINE"), "unproven"),
        "it stays open": (of_plan(state=State.W_TOKU), "floor-link"),
        "by case A": (of_plan(action=Action.ACCEPT_A), "floor-link"),
        "without the warning": (of_plan(mails=made[1].mails[1:]), "floor-link"),
        "the second did not look": (of_case(looked=frozenset({"anna"})), "not-looked"),
        "nobody looked": (of_case(looked=frozenset()), "not-looked"),
        "DNS fails": (facts(authentication="temperror"), "unproven"),
        "a call does not vouch": (both(facts(authentication="none"), of_case(identified=True)), "unproven"),
        "no old account": (of_case(old_account=None), "no-account"),
        "no correspondent": (of_case(correspondent=None), "no-account"),
        "the login of another": (grant(login=EWA.login), "no-account"),
        "to where it is": (of_case(correspondent=JAN.login), "no-account"),
        "blocked, and the new address a login": (of_case(old_account=BLOCKED, account=EWA), "account-blocked"),
        "a stopped case A": (of_case(blocked=frozenset({"A"})), ""),
        "to another address": (grant(new_login=STRANGER), "floor-link"),
        "the resolution to a stranger": (mail(MailKind.T2B, recipient=STRANGER), "floor-link"),
        "the resolution before the warning": (mail(MailKind.T2B, follows=False), "floor-link"),
        "a registration before it": (of_plan(mails=(PlannedMail(MailKind.T1, NEW), *chain)), ""),
        "a registration to the old one": (of_plan(mails=(PlannedMail(MailKind.T1, JAN.login), *chain)), "floor-link"),
        "the warning behind nothing": (mail(made[1].mails[0].kind, follows=False), ""),
    }
    assert wrong(bench, made, rows) == {}


def test_signatures_that_two_people_may_accept(bench: Bench) -> None:
    accepted = {"qualified", "trusted", "admitted", "doubt", "several", "other-kind"}
    rows = {
        one.value: (applied(state=one.value), "" if one.value in accepted else "broken") for one in ApplicationState
    }
    assert wrong(bench, plan_b(bench), rows) == {}


def test_who_may_be_answered(bench: Bench) -> None:
    case, _, _ = question(bench)
    proven = {"authentication": "pass", "automatic": "no", "sender": "single", "application": "none", "answer": "open"}
    rows: list[tuple[dict[str, str], bool]] = [
        ({}, True),
        ({"answer": "shut"}, True),
        ({"automatic": "maybe"}, True),
        ({"automatic": "bulk"}, False),
        ({"sender": "ambiguous"}, False),
        ({"application": "malware"}, False),
        ({"authentication": "fail"}, False),
        *(({"authentication": proof}, True) for proof in ("none", "temperror")),
        *(({"authentication": proof, "answer": "shut"}, False) for proof in ("none", "temperror")),
        *(({"authentication": proof, "automatic": "maybe"}, False) for proof in ("none", "temperror")),
    ]
    for changed, answered in rows:
        assert floor.answerable(replace(case, facts=proven | changed)) is answered, changed


def test_to_whom_a_mail_of_a_person_goes(bench: Bench) -> None:
    by_hand, by_rule = (PlannedMail(MailKind.T21, EWA.login, text="x"), PlannedMail(MailKind.T16, EWA.login))
    forged = facts(authentication="fail")
    rows: dict[str, tuple[Change, str]] = {
        "his words to the correspondent": (of_plan(mails=(by_hand,)), ""),
        "a refusal to the correspondent": (of_plan(mails=(by_rule,)), ""),
        "his words to the login of a forged letter": (both(forged, of_plan(mails=(by_hand,))), ""),
        "a refusal to the login of a forged letter": (both(forged, of_plan(mails=(by_rule,))), "unanswerable"),
        "his words to the old login": (
            both(of_case(old_account=JAN), of_plan(mails=(replace(by_hand, recipient=JAN.login),))),
            "",
        ),
        "a refusal to the old login": (
            both(of_case(old_account=JAN), of_plan(mails=(replace(by_rule, recipient=JAN.login),))),
            "unanswerable",
        ),
        "a refusal to a stranger": (of_plan(mails=(replace(by_rule, recipient=STRANGER),)), "unanswerable"),
        "to nobody": (
            both(of_case(correspondent=None), of_plan(mails=(replace(by_rule, recipient=""),))),
            "no-recipient",
        ),
        "in quarantine": (both(of_case(state=State.KWARANTANNA), of_plan(mails=(by_hand,))), "floor-quarantine"),
        "a registration beside it": (of_plan(mails=(PlannedMail(MailKind.T1, EWA.login), by_hand)), ""),
        **{
            f"{kind} without a grant": (of_plan(mails=(PlannedMail(kind, EWA.login),)), "floor-link")
            for kind in {*floor.CASE_A, *floor.CASE_B}
        },
    }
    assert wrong(bench, question(bench), rows) == {}


STOPPED = (State.WSTRZYMANE, LINE)
SECURED = (State.DO_WERYFIKACJI, SECURITY)
GOES_ON = (State.W_TOKU, LINE)
REFUSED = (State.ZAMKNIETE_NEGATYWNIE, "")
STOPS: list[tuple[tuple[State, str], tuple[State, str], Action, Effect, str, str]] = [
    # the ticket is, and will be; the action and its effect; what a consultant is told, and a supervisor
    (STOPPED, STOPPED, Action.NOTE, Effect.NONE, "", ""),
    (STOPPED, GOES_ON, Action.NOTE, Effect.NONE, "stopped", "stopped"),
    (STOPPED, REFUSED, Action.NOTE, Effect.NONE, "stopped", "stopped"),
    (STOPPED, GOES_ON, Action.CLOSE, Effect.NONE, "stopped", "stopped"),
    (STOPPED, REFUSED, Action.CLOSE, Effect.NONE, "", ""),
    (STOPPED, REFUSED, Action.CLOSE, Effect.END, "supervisor", ""),
    (STOPPED, STOPPED, Action.NOTE, Effect.END, "supervisor", ""),
    (STOPPED, GOES_ON, Action.NOTE, Effect.END, "stopped", "stopped"),
    (STOPPED, GOES_ON, Action.NOTE, Effect.RELEASE, "supervisor", ""),
    (STOPPED, GOES_ON, Action.NOTE, Effect.AGAIN, "", ""),
    (STOPPED, GOES_ON, Action.RELEASE, Effect.NONE, "supervisor", ""),
    (STOPPED, GOES_ON, Action.ASSIGN, Effect.NONE, "", ""),
    (STOPPED, SECURED, Action.ASSIGN, Effect.NONE, "", ""),
    (SECURED, SECURED, Action.NOTE, Effect.NONE, "", ""),
    (SECURED, GOES_ON, Action.NOTE, Effect.NONE, "stopped", "stopped"),
    (SECURED, GOES_ON, Action.ASSIGN, Effect.NONE, "supervisor", ""),
    (SECURED, GOES_ON, Action.NOTE, Effect.AGAIN, "supervisor", ""),
    (GOES_ON, REFUSED, Action.NOTE, Effect.END, "", ""),
    (GOES_ON, GOES_ON, Action.RELEASE, Effect.RELEASE, "", ""),
]


def test_what_is_stopped_goes_on(bench: Bench) -> None:
    case, plan, _ = question(bench)
    for before, after, action, effect, consultant, supervisor in STOPS:
        state = replace(case, state=before[0], desk=before[1])
        moved = replace(plan, mails=(), action=action, effect=effect, state=after[0], desk=after[1])
        for who, code in ((ANNA, consultant), (BASIA, supervisor)):
            found = floor.violation(state, who, moved, bench.clock(), bench.flow.ruleset)
            assert (found.code if found else "") == code, (before, after, action, effect, who.name)


def test_no_link_leaves_a_stopped_ticket_whoever_wants_it(bench: Bench) -> None:
    case, plan, _ = question(bench)
    stopped = replace(case, state=State.WSTRZYMANE)
    granted = replace(plan, mails=(), state=State.WSTRZYMANE, grant=PlannedGrant(EWA.login))
    found = floor.violation(stopped, BASIA, granted, bench.clock(), bench.flow.ruleset)
    assert found is not None
    assert found.code == "stopped"


STEPS: list[tuple[MailKind, str, OutboxChange, bool, Action, str]] = [
    # kind of the mail, why it waits, what becomes of it, whether its link lives, the action, what is said
    (MailKind.T3, FROZEN, OutboxChange.RETRY, True, Action.MAIL_RETRY, "frozen"),
    (MailKind.T21, FROZEN, OutboxChange.RETRY, False, Action.MAIL_RETRY, "frozen"),
    (MailKind.T3, "451", OutboxChange.RETRY, True, Action.MAIL_RETRY, ""),
    *((kind, "", OutboxChange.CANCEL, True, Action.MAIL_CANCEL, "cancel-link") for kind in floor.CASE_A),
    (MailKind.T2B, "", OutboxChange.CANCEL, True, Action.MAIL_CANCEL, "cancel-link"),
    (MailKind.T14, "", OutboxChange.CANCEL, True, Action.MAIL_CANCEL, ""),
    (MailKind.T3, "", OutboxChange.CANCEL, False, Action.MAIL_CANCEL, ""),
    (MailKind.T3, FROZEN, OutboxChange.CANCEL, True, Action.CLOSE, ""),
    *((kind, "", OutboxChange.HOLD, False, Action.MAIL_HOLD, "hold-link") for kind in {*floor.CASE_A, *floor.CASE_B}),
    (MailKind.T21, "", OutboxChange.HOLD, True, Action.MAIL_HOLD, ""),
]


def test_what_becomes_of_a_mail_of_a_link(bench: Bench) -> None:
    case, plan, _ = question(bench)
    now = bench.clock()
    for kind, reason, step, lives, action, code in STEPS:
        link = LinkRow(EWA.login, None, now + timedelta(seconds=int(lives)), None)
        row = MailRow(7, kind.value, "buried", 1, EWA.login, now, reason=reason)
        stands = replace(case, link=link, mails=(row,))
        wanted = replace(plan, mails=(), state=case.state, desk=case.desk, action=action, steps=((7, step),))
        found = floor.violation(stands, ANNA, wanted, now, bench.flow.ruleset)
        assert (found.code if found else "") == code, (kind, reason, step, lives, action)
        other = floor.violation(stands, ANNA, replace(wanted, steps=((8, step),)), now, bench.flow.ruleset)
        assert other is not None
        assert (other.code, other.values) == ("no-mail", {"mail": "8"})


ENDS: list[tuple[State, State, bool, Effect, str]] = [
    # the ticket is, and will be; whether its link lives; the effect; what is said
    (State.W_TOKU, State.ZAMKNIETE_NEGATYWNIE, True, Effect.NONE, "link-alive"),
    (State.W_TOKU, State.ZAMKNIETE_BEZ_ZMIAN, True, Effect.NONE, "link-alive"),
    (State.W_TOKU, State.ZAMKNIETE_NEGATYWNIE, True, Effect.END, ""),
    (State.W_TOKU, State.ZAMKNIETE_NEGATYWNIE, False, Effect.NONE, ""),
    (State.W_TOKU, State.ZAMKNIETE_ROZWIAZANE, True, Effect.NONE, ""),
    (State.ZAMKNIETE_NEGATYWNIE, State.ZAMKNIETE_NEGATYWNIE, True, Effect.NONE, ""),
    (State.W_TOKU, State.DO_WERYFIKACJI, True, Effect.NONE, ""),
]


def test_what_ends_otherwise_than_done_has_no_living_link(bench: Bench) -> None:
    case, plan, _ = question(bench)
    now = bench.clock()
    for before, after, lives, effect, code in ENDS:
        link = LinkRow(EWA.login, None, now + timedelta(seconds=int(lives)), None)
        ended = replace(plan, mails=(), state=after, effect=effect)
        found = floor.violation(replace(case, state=before, link=link), ANNA, ended, now, bench.flow.ruleset)
        assert (found.code if found else "") == code, (before, after, lives, effect)
