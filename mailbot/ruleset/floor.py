"""The security floor: what no rule may do, whatever the YAML says (architecture.md, domain.md §3).

It stands twice. ``mistakes`` refuses a rule set in which some combination of facts would break it; ``violations`` looks
at every single decision again, so that a gap in the first could still not let a link out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailbot.model import Facts, MailKind, Outcome
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
}
"""What must be known of a mail before its answer may hold an activation link (case A)."""

ANSWER_DEMANDS: Mapping[str, tuple[str, ...]] = {
    "readable": ("yes",),
    "automatic": ("no",),
    "sender": ("single",),
    "authentication": ("pass", "none", "temperror"),
    "duplicate": ("no", "same-request"),
}
"""What must be known of a mail before anything at all is sent: no backscatter, no loops, nothing twice."""

ACTIVATION = (MailKind.T1, MailKind.T2A, MailKind.T3)
"""Registration, resolution, activation: all three and in this order (seed 001, P14)."""

SENDABLE = frozenset(
    {MailKind.T1, MailKind.T2A, MailKind.T3, MailKind.T4, MailKind.T5, MailKind.T7, MailKind.T15},
)
"""The mails this version writes. T2B and T14 wait for signed applications: there is nothing yet to rest them on."""

SILENT = (Outcome.NO_REPLY, Outcome.QUARANTINE)


def misshapen(outcome: Outcome, mails: Sequence[MailKind]) -> tuple[str, ...]:
    """What is wrong with this outcome and these mails for any mail whatever; empty: nothing."""
    found = []
    if outcome is Outcome.OK_B:
        found.append("OK_B needs an accepted signature, and this version cannot check one")
    found += [f"{kind} is not among the mails this version may send" for kind in mails if kind not in SENDABLE]
    if len(set(mails)) < len(mails):
        found.append("a mail stands twice")
    if MailKind.T1 in mails and mails[0] is not MailKind.T1:
        found.append("T1 (registration) must be the first mail")
    if outcome in SILENT and mails:
        found.append(f"{outcome} must not send mails")
    if _activates(outcome, mails) and (outcome is not Outcome.OK_A or tuple(mails) != ACTIVATION):
        found.append("OK_A, T2A and T3 belong together: outcome OK_A sends exactly T1, T2A, T3, and nothing else does")
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
        for fact, words in ACTIVATION_DEMANDS.items():
            if not named[fact] <= frozenset(words):
                reason = f"security floor: an activation link needs {fact}={'|'.join(words)}"
                found.append((reason, f'write "{fact}: {words[0]}" under when'))
    elif rule.mails:
        found = _unsafe_answers(region(rule.when), earlier)
    return tuple(found)


def _unsafe_answers(admitted: Region, earlier: Sequence[Region]) -> list[tuple[str, str]]:
    found = []
    for fact, words in ANSWER_DEMANDS.items():
        example = witness({**admitted, fact: admitted[fact] - frozenset(words)}, earlier)
        if example is not None:
            reason = f"security floor: a mail with {fact}={example[fact]} would be answered"
            mend = f'write "{fact}: [{", ".join(words)}]" under when, or keep the rule that takes such mail above'
            found.append((reason, mend))
    return found


def _activates(outcome: Outcome, mails: Sequence[MailKind]) -> bool:
    return outcome is Outcome.OK_A or MailKind.T2A in mails or MailKind.T3 in mails


def _clauses(outcome: Outcome, mails: Sequence[MailKind]) -> list[tuple[str, Mapping[str, tuple[str, ...]]]]:
    if _activates(outcome, mails):
        return [("an activation link", ACTIVATION_DEMANDS)]
    return [("any answer", ANSWER_DEMANDS)] if mails else []
