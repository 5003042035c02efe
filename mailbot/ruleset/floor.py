"""The security floor: what no rule may do, whatever the YAML says (procedure §3).

It stands twice. ``mistakes`` refuses a rule set in which some combination of facts would break it; ``violations`` looks
at every single decision again, so that a gap in the first could still not let a link out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailbot.model import ApplicationState, Facts, MailKind, Outcome
from mailbot.ruleset.model import Rule
from mailbot.ruleset.regions import Region, Space, Undecided

Demands = Mapping[str, tuple[str, ...]]
"""Fact → the words it must have one of."""

ACTIVATION_DEMANDS: Demands = {
    "readable": ("yes",),
    "automatic": ("no",),
    "sender": ("single",),
    "authentication": ("pass",),
    "duplicate": ("no",),
    "subject": ("EXACT",),
    "phrase": ("A",),
    "defects": ("no",),
    "account": ("active",),
    "name": ("ok",),
    "year": ("ok",),
    "stop": ("no",),
    "limit": ("no",),
    "arrival": ("fresh",),
}
"""What must be known of a mail before its answer may hold an activation link (case A)."""

CASE_B_DEMANDS: Demands = {
    **ACTIVATION_DEMANDS,
    "phrase": ("B",),
    "attachment": ("yes",),
    "application": tuple(state.value for state in ApplicationState if state.accepted),
    "holder": ("ok",),
    "new_login": ("free",),
    "replay": ("no",),
}
"""The same for case B, where the link moves the login: account, name and year are those of the old login."""

ANSWER_DEMANDS: Demands = {
    "readable": ("yes",),
    "automatic": ("no",),
    "sender": ("single",),
    "authentication": ("pass", "none", "temperror"),
    "duplicate": ("no", "same-request"),
    "application": tuple(state.value for state in ApplicationState if state is not ApplicationState.MALWARE),
    "stop": ("no",),
    "limit": ("no", "sender", "domain", "failures", "login"),
    "answer": ("open",),
}
"""What must be known of a mail before anything at all is sent: no backscatter, no loops, nothing twice."""

_RECEIPT: Demands = {"readable": ("yes",), "authentication": ("pass",)}
"""One of the two lets the registration of a REVIEW go: a proven sender hears of his unreadable mail that it came."""

_SLOWED: Demands = {"limit": ("sender", "domain", "failures", "login", "answers")}
_IN_TIME: Demands = {"thread": ("own",), "complaint": ("in-time",)}
_LATE: Demands = {"thread": ("own",), "complaint": ("late",)}
_SURE: Demands = {"faq": ("sure",)}

MAIL_DEMANDS: Mapping[MailKind, Demands] = {
    MailKind.T9: _IN_TIME,
    MailKind.T10: _LATE,
    MailKind.T13: _SURE,
    MailKind.T18: _SLOWED,
}
"""What the words of a mail take for granted: T9 and T10 tell dates of the sender's own ticket."""

OUTCOME_DEMANDS: Mapping[Outcome, Demands] = {
    Outcome.COMPLAINT_OK: _IN_TIME,
    Outcome.COMPLAINT_LATE: _LATE,
    Outcome.FAQ: _SURE,
}
"""What an outcome takes for granted, with mails or without: nobody changes the ticket of somebody else."""

_UPDATES: Demands = {"thread": ("own",), "stop": ("yes",)}
"""One of the two lets a mail change a ticket that is there."""

ACTIVATION = (MailKind.T1, MailKind.T2A, MailKind.T3)
"""Registration, resolution, activation: all three and in this order (seed 001, P14)."""

CASE_B = (MailKind.T1, MailKind.T14, MailKind.T2B, MailKind.T3)
"""The same in case B, with the warning to the old login before anything can be changed (procedure §3.5)."""

_GRANTS: Mapping[Outcome, tuple[MailKind, ...]] = {Outcome.OK_A: ACTIVATION, Outcome.OK_B: CASE_B}
_DEMANDS = {Outcome.OK_A: ACTIVATION_DEMANDS, Outcome.OK_B: CASE_B_DEMANDS}
_GRANTING = frozenset({*ACTIVATION, *CASE_B}) - {MailKind.T1}

ELSEWHERE: Mapping[MailKind, str] = {
    MailKind.T12: "T12 is sent by `mailbot notices`, never by a rule",
    MailKind.T19: "T19 is sent by the use of a link, never by a rule",
}
"""Mails that no rule may name."""

_ANY = "any answer"

SILENT = (Outcome.NO_REPLY, Outcome.QUARANTINE, Outcome.SPAM)


@dataclass(frozen=True, slots=True)
class _Clause:
    what: str
    needs: Demands
    """One of these facts must have one of its words."""

    def told(self) -> str:
        return " or ".join(f"{fact}={'|'.join(words)}" for fact, words in self.needs.items())


def misshapen(outcome: Outcome, mails: Sequence[MailKind]) -> tuple[str, ...]:
    """What is wrong with this outcome and these mails for any mail whatever; empty: nothing."""
    found = [reason for kind, reason in ELSEWHERE.items() if kind in mails]
    if len(set(mails)) < len(mails):
        found.append("a mail stands twice")
    if MailKind.T1 in mails and mails[0] is not MailKind.T1:
        found.append("T1 (registration) must be the first mail")
    if outcome in SILENT and mails:
        found.append(f"{outcome} must not send mails")
    if _activates(outcome, mails) and _GRANTS.get(outcome) != tuple(mails):
        found.append(
            "OK_A, T2A and T3 belong together: outcome OK_A sends exactly T1, T2A, T3, OK_B exactly T1, T14, T2B, T3,"
            " and nothing else does"
        )
    return tuple(found)


def violations(outcome: Outcome, mails: Sequence[MailKind], facts: Facts) -> tuple[str, ...]:
    """Why this answer to this mail is forbidden; empty: it is not."""
    found = list(misshapen(outcome, mails))
    for clause in (*_granting(outcome, mails), *_answering(outcome, mails)):
        saw = [getattr(facts, fact) for fact in clause.needs]
        if not any(word in words for word, words in zip(saw, clause.needs.values(), strict=True)):
            found.append(f"{clause.what} needs {clause.told()}, saw {', '.join(saw)}")
    return tuple(found)


def mistakes(rule: Rule, earlier: Sequence[Region], space: Space) -> tuple[tuple[str, str], ...]:
    """(what is wrong, mend) of a rule behind others that take the regions ``earlier``; empty: nothing.

    A rule that lets a link out must name every demand itself, so that moving rules about can never widen it. For the
    other mails it is enough that no forbidden combination comes so far down. A rule that is only watched is judged as
    if it decided: it may be switched on any day.
    """
    shape = misshapen(rule.outcome, rule.mails)
    if shape:
        return tuple((f"security floor: {reason}", "correct outcome and mails") for reason in shape)
    found = []
    for clause in _granting(rule.outcome, rule.mails):
        for fact, words in clause.needs.items():
            named = rule.when.get(fact)
            if named is None or not set(named) <= set(words):
                found.append((f"security floor: {clause.what} needs {clause.told()}", _mend(fact, words)))
    admitted = space.region(rule.when)
    near = space.meeting(admitted, earlier)
    for clause in _answering(rule.outcome, rule.mails):
        forbidden = admitted
        for fact, words in clause.needs.items():
            forbidden = space.without(forbidden, fact, words)
        found += _reached(clause, space, forbidden, near)
    return tuple(found)


def _reached(clause: _Clause, space: Space, forbidden: Region, near: Sequence[Region]) -> list[tuple[str, str]]:
    """The mistake when a combination of ``forbidden`` comes past the regions ``near``, or when nobody can tell."""
    mend = " or ".join(_mend(fact, words) for fact, words in clause.needs.items())
    try:
        example = space.witness(forbidden, near)
    except Undecided:
        reason = f"security floor: nobody can tell whether the rules above keep {clause.told()} for {clause.what}"
        return [(reason, f"name the facts in the rule: {mend}")]
    if example is None:
        return []
    saw = ", ".join(f"{fact}={example[fact]}" for fact in clause.needs)
    if clause.what == _ANY:
        reason = f"security floor: a mail with {saw} would be answered"
    else:
        reason = f"security floor: {clause.what} needs {clause.told()}, but a mail with {saw} would come to it"
    return [(reason, f"{mend}, or keep the rule that takes such mail above")]


def _mend(fact: str, words: Sequence[str]) -> str:
    word = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    return f'write "{fact}: {word}" under when'


def _activates(outcome: Outcome, mails: Sequence[MailKind]) -> bool:
    return outcome in _GRANTS or not _GRANTING.isdisjoint(mails)


def _strict(outcome: Outcome, mails: Sequence[MailKind]) -> Demands:
    return _DEMANDS.get(outcome, ACTIVATION_DEMANDS) if _activates(outcome, mails) else {}


def _granting(outcome: Outcome, mails: Sequence[MailKind]) -> Iterator[_Clause]:
    yield from (_Clause("an activation link", {f: words}) for f, words in _strict(outcome, mails).items())


def _answering(outcome: Outcome, mails: Sequence[MailKind]) -> Iterator[_Clause]:
    """The demands beside those of a link, which goes to a proven sender only: he may be answered. The mail about a
    limit is the one answer left to a sender over the last."""
    strict = _strict(outcome, mails)
    judged = {*strict, *(("answer",) if strict else ()), *(("limit",) if set(mails) == {MailKind.T18} else ())}
    if outcome is Outcome.REVIEW and set(mails) == {MailKind.T1}:
        judged = {"readable"}
        yield _Clause(MailKind.T1, _RECEIPT)
    if mails:
        yield from (_Clause(_ANY, {f: words}) for f, words in ANSWER_DEMANDS.items() if f not in judged)
    granted = OUTCOME_DEMANDS.get(outcome, {})
    yield from (_Clause(outcome, {f: words}) for f, words in granted.items())
    for kind in mails:
        demands = MAIL_DEMANDS.get(kind, {})
        yield from (_Clause(kind, {f: words}) for f, words in demands.items() if granted.get(f) != words)
    if outcome is Outcome.TICKET_UPDATE:
        yield _Clause(outcome, _UPDATES)
