"""Facts in, decision out: the first rule that holds, then the security floor that no rule can lower. Pure."""

from __future__ import annotations

from dataclasses import replace

from mailbot.model import (
    ApplicationState,
    Decision,
    Defect,
    Desk,
    Facts,
    MailKind,
    Outcome,
    State,
    TraceStep,
)
from mailbot.ruleset import floor
from mailbot.ruleset.evaluate import first_match
from mailbot.ruleset.model import Ruleset

NO_RULE = "no-rule"
"""Name that stands for the rule when none held. ``loader.load`` demands a last rule for all, so it is never seen."""


_REMEMBERED = 256
"""Decisions, each with its trace; the words of few mails differ from those of all others."""
_remembered: dict[tuple[int, Facts, tuple[Defect, ...], str, State | None], tuple[Ruleset, Decision]] = {}
"""With the rule set that decided: as long as it is held no other has its id."""


def decide(
    facts: Facts, defects: tuple[Defect, ...], category: str, ruleset: Ruleset, current: State | None = None
) -> Decision:
    """What will be done with a mail and why (procedure §3.2). The same words give the same decision, made once.

    ``category`` is what the mail itself asks for; ``current`` the state of the ticket it belongs to, which a rule may
    leave as it is. Total: what no rule takes, and whatever the floor forbids, goes to a person without a mail.
    """
    key = (id(ruleset), facts, defects, category, current)
    known = _remembered.get(key)
    if known is None:
        if len(_remembered) >= _REMEMBERED:
            _remembered.clear()
        known = _remembered[key] = (ruleset, _decided(facts, defects, category, ruleset, current))
    return known[1]


def _decided(
    facts: Facts, defects: tuple[Defect, ...], category: str, ruleset: Ruleset, current: State | None
) -> Decision:
    rule, trace = first_match(facts, ruleset.rules)
    if rule is None:
        return _to_person(NO_RULE, Desk.II_LINIA, category, defects, trace, ruleset)
    reasons = floor.violations(rule.outcome, rule.mails, facts)
    if reasons:
        return _to_person(rule.name, Desk.BEZPIECZENSTWO, category, defects, trace, ruleset, reasons)
    return Decision(
        rule=rule.name,
        outcome=rule.outcome,
        category=category if rule.category is None else rule.category,
        state=rule.state or current or State.ZAREJESTROWANE,
        desk=rule.desk,
        mails=rule.mails,
        defects=defects,
        trace=trace,
        ruleset=ruleset.hash,
        watched=_watched(trace, ruleset),
    )


_FIRST_LOOK = (ApplicationState.NONE, ApplicationState.NOT_ASKED, ApplicationState.MALWARE)
"""What names and first octets of the files tell (flow.understand): after one of these no check finds another."""
_FOUND = tuple(state.value for state in ApplicationState if state not in _FIRST_LOOK)


def is_moved_by_check(decision: Decision, facts: Facts) -> bool:
    """Whether ``decision``, made while the files are not checked, would be another one for something that a check may
    find: a rule that was tried, be it only watched, holds for one word of the fact and not for another."""
    return any(_turns(step, facts) for step in decision.trace)


def _turns(step: TraceStep, facts: Facts) -> bool:
    words = step.asked.get("application")
    if words is None or "application" not in step.saw:  # another fact has decided already
        return False
    if all((word in words) == (facts.application in words) for word in _FOUND):
        return False
    return all(getattr(facts, fact) in accepted for fact, accepted in step.asked.items() if fact != "application")


_KEPT = frozenset(
    {
        *(Outcome.DUPLICATE, Outcome.RATE_LIMITED, Outcome.REVIEW, Outcome.TICKET_UPDATE),
        *(Outcome.COMPLAINT_OK, Outcome.COMPLAINT_LATE),
    }
)
"""Outcomes that a person sees, or that change a ticket which is there: without their mails they are still right."""
LADDER = "more mails have left to this address, or to its domain, than the ladder of rules/limits.yaml allows"


DOUBT = "the registry of accounts gives no clear answer about a login of it"


def doubted(decision: Decision, category: str) -> Decision:
    """The same in the hands of a person, whatever the rules say: they compare with an account that nobody knows."""
    return to_person(replace(decision, floor=(*decision.floor, DOUBT)), category)


def silenced(decision: Decision) -> Decision:
    """The same without a mail. What only a mail would have told waits for a person, with all else of that sender."""
    quiet = replace(decision, mails=(), floor=(*decision.floor, LADDER))
    if decision.outcome in _KEPT:
        return quiet
    return replace(quiet, outcome=Outcome.RATE_LIMITED, state=State.WSTRZYMANE, desk=Desk.II_LINIA)


def to_person(decision: Decision, category: str) -> Decision:
    """The same, in the hands of the help desk, as a matter of ``category`` and without a mail."""
    state, desk = State.DO_WERYFIKACJI, Desk.II_LINIA
    return replace(decision, outcome=Outcome.REVIEW, category=category, state=state, desk=desk, mails=())


def _watched(trace: tuple[TraceStep, ...], ruleset: Ruleset) -> tuple[tuple[str, Outcome], ...]:
    held = {step.rule for step in trace if step.shadow}
    return tuple((rule.name, rule.outcome) for rule in ruleset.rules if rule.name in held)


def _to_person(
    rule: str,
    desk: Desk,
    category: str,
    defects: tuple[Defect, ...],
    trace: tuple[TraceStep, ...],
    ruleset: Ruleset,
    reasons: tuple[str, ...] = (),
) -> Decision:
    nothing: tuple[MailKind, ...] = ()
    state = State.DO_WERYFIKACJI
    watched = _watched(trace, ruleset)
    return Decision(
        rule, Outcome.REVIEW, category, state, desk, nothing, defects, trace, ruleset.hash, reasons, watched
    )
