"""First match wins, and every rule that was tried leaves a line in the trace."""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.model import Facts, TraceStep
from mailbot.ruleset.model import Rule


def first_match(facts: Facts, rules: Sequence[Rule]) -> tuple[Rule | None, tuple[TraceStep, ...]]:
    """The first rule that holds (None when none does) and what every rule tried asked and saw, in order.

    A rule that is only watched is tried and told in the trace, and never the one.
    """
    trace = []
    for rule in rules:
        saw = {}
        hit = True
        for fact, words in rule.when.items():
            word = getattr(facts, fact)
            saw[fact] = word
            if word not in words:
                hit = False
                break
        watched = hit and rule.shadow
        trace.append(TraceStep(rule.name, hit, rule.when, saw, watched))
        if hit and not watched:
            return rule, tuple(trace)
    return None, tuple(trace)
