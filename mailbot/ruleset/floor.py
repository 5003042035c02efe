"""The security floor: what no rule may do, whatever the YAML says (architecture.md, domain.md §3).

It stands twice. ``mistakes`` refuses a rule set in which some combination of facts would break it; ``violations`` looks
at every single decision again, so that a gap in the first could still not let a link out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailbot.model import ApplicationState, Facts, MailKind, Outcome
from mailbot.ruleset.model import Rule
from mailbot.ruleset.vocabulary import Region, region, witness

ACTIVATION_DEMANDS: Mapping[str, tuple[str, ...]] = {
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
}
"""What must be known of a mail before its answer may hold an activation link (case A)."""

CASE_B_DEMANDS: Mapping[str, tuple[str, ...]] = {
    **ACTIVATION_DEMANDS,
    "phrase": ("B",),
    "attachment": ("yes",),
    "application": tuple(state.value for state in ApplicationState if state.accepted),
    "holder": ("ok",),
    "new_login": ("free",),
    "replay": ("no",),
}
"""The same for case B, where the link moves the login: account, name and year are those of the old login."""

ANSWER_DEMANDS: Mapping[str, tuple[str, ...]] = {
    "readable": ("yes",),
    "automatic": ("no",),
    "sender": ("single",),
    "authentication": ("pass", "none", "temperror"),
    "duplicate": ("no", "same-request"),
    "application": tuple(state.value for state in ApplicationState if state is not ApplicationState.MALWARE),
    "stop": ("no",),
}
"""What must be known of a mail before anything at all is sent: no backscatter, no loops, nothing twice."""

ACTIVATION = (MailKind.T1, MailKind.T2A, MailKind.T3)
"""Registration, resolution, activation: all three and in this order (seed 001, P14)."""

CASE_B = (MailKind.T1, MailKind.T14, MailKind.T2B, MailKind.T3)
"""The same in case B, with the warning to the old login before anything can be changed (domain.md §3.5)."""

SENDABLE = frozenset(
    {*ACTIVATION, *CASE_B, MailKind.T4, MailKind.T5, MailKind.T7, MailKind.T15, MailKind.T19},
)
"""The mails this version writes."""

_GRANTS: Mapping[Outcome, tuple[MailKind, ...]] = {Outcome.OK_A: ACTIVATION, Outcome.OK_B: CASE_B}
_DEMANDS = {Outcome.OK_A: ACTIVATION_DEMANDS, Outcome.OK_B: CASE_B_DEMANDS}
_GRANTING = frozenset({*ACTIVATION, *CASE_B}) - {MailKind.T1}

SILENT = (Outcome.NO_REPLY, Outcome.QUARANTINE)


def misshapen(outcome: Outcome, mails: Sequence[MailKind]) -> tuple[str, ...]:
    """What is wrong with this outcome and these mails for any mail whatever; empty: nothing."""
    found = []
    found += [f"{kind} is not among the mails this version may send" for kind in mails if kind not in SENDABLE]
    if len(set(mails)) < len(mails):
        found.append("a mail stands twice")
    if MailKind.T1 in mails and mails[0] is not MailKind.T1:
        found.append("T1 (registration) must be the first mail")
    if outcome in SILENT and mails:
        found.append(f"{outcome} must not send mails")
    if MailKind.T19 in mails:
        found.append("T19 is sent by the use of a link, never by a rule")
    if _activates(outcome, mails) and _GRANTS.get(outcome) != tuple(mails):
        found.append(
            "OK_A, T2A and T3 belong together: outcome OK_A sends exactly T1, T2A, T3, OK_B exactly T1, T14, T2B, T3,"
            " and nothing else does"
        )
    return tuple(found)


def violations(outcome: Outcome, mails: Sequence[MailKind], facts: Facts) -> tuple[str, ...]:
    """Why this answer to this mail is forbidden; empty: it is not."""
    found = list(misshapen(outcome, mails))
    for what, demands in _clauses(outcome, mails):
        for fact, words in demands.items():
            saw = getattr(facts, fact)
            if saw not in words:
                found.append(f"{what} needs {fact}={'|'.join(words)}, saw {saw}")
    return tuple(found)


def mistakes(rule: Rule, earlier: Sequence[Region]) -> tuple[tuple[str, str], ...]:
    """(what is wrong, mend) of a rule behind others that take the regions ``earlier``; empty: nothing.

    A rule that lets a link out must name every demand itself, so that moving rules about can never widen it. For the
    other mails it is enough that no forbidden combination comes so far down.
    """
    shape = misshapen(rule.outcome, rule.mails)
    if shape:
        return tuple((f"security floor: {reason}", "correct outcome and mails") for reason in shape)
    found = []
    if _activates(rule.outcome, rule.mails):
        named = region(rule.when)
        for fact, words in _DEMANDS[rule.outcome].items():
            if not named[fact] <= frozenset(words):
                reason = f"security floor: an activation link needs {fact}={'|'.join(words)}"
                word = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
                found.append((reason, f'write "{fact}: {word}" under when'))
        found += _unsafe_answers(named, earlier, frozenset(_DEMANDS[rule.outcome]))
    elif rule.mails:
        found = _unsafe_answers(region(rule.when), earlier)
    return tuple(found)


def _unsafe_answers(
    admitted: Region, earlier: Sequence[Region], judged: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """``judged``: facts that stricter demands have looked at already."""
    found = []
    for fact, words in ANSWER_DEMANDS.items():
        if fact in judged:
            continue
        example = witness({**admitted, fact: admitted[fact] - frozenset(words)}, earlier)
        if example is not None:
            reason = f"security floor: a mail with {fact}={example[fact]} would be answered"
            mend = f'write "{fact}: [{", ".join(words)}]" under when, or keep the rule that takes such mail above'
            found.append((reason, mend))
    return found


def _activates(outcome: Outcome, mails: Sequence[MailKind]) -> bool:
    return outcome in _GRANTS or not _GRANTING.isdisjoint(mails)


def _clauses(outcome: Outcome, mails: Sequence[MailKind]) -> list[tuple[str, Mapping[str, tuple[str, ...]]]]:
    strict = _DEMANDS.get(outcome, ACTIVATION_DEMANDS) if _activates(outcome, mails) else {}
    loose = {fact: words for fact, words in ANSWER_DEMANDS.items() if mails and fact not in strict}
    return [("an activation link", strict), ("any answer", loose)]
