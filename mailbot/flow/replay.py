"""A stored decision taken again with another rule set. Pure.

What registry, history and calendar said is taken as it was recorded: asking again would ask about another day. Only the
facts that the rule set itself makes of a text are read anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields

from mailbot.flow.decision import decide, is_moved_by_check
from mailbot.flow.facts import CHANNELS
from mailbot.model import ApplicationState, Decision, Facts, Phrase
from mailbot.request.topics import TopicFacts
from mailbot.ruleset.model import Ruleset
from mailbot.tickets.decisions import StoredDecision

READ_ANEW = ("topic", "service", "faq", "language")
_CASE_B = {"holder": "not-asked", "new_login": "not-asked", "replay": "no", "stop": "no"}
"""Facts that the first decisions did not record: there was no case B yet."""


def reads_text(facts: Mapping[str, str]) -> bool:
    """Whether the decision depends on what the rule set makes of the text."""
    return facts.get("subject") in CHANNELS and facts.get("automatic") == "no" and facts.get("readable") == "yes"


def words_of(reading: TopicFacts) -> dict[str, str]:
    """The facts that are read anew."""
    return {name: getattr(reading, name) for name in READ_ANEW}


def again(stored: StoredDecision, anew: Mapping[str, str], ruleset: Ruleset) -> Decision:
    """What ``ruleset`` decides about the same facts, those of ``anew`` in place of the recorded ones.

    Category and state of the answer are not to be used: a stored decision does not say what the ticket was before it.
    """
    return decide(_facts(stored.facts, anew), stored.defects, "", ruleset)


def lacks_check(stored: StoredDecision, now: Decision) -> bool:
    """Whether ``now`` is a guess: nobody checked the files beside sentence A, for nothing depended on them, and the
    rules that were tried now would have it done first."""
    facts = stored.facts
    unasked = facts.get("application") == ApplicationState.NOT_ASKED and facts.get("phrase") == Phrase.A
    return unasked and facts["authentication"] == "pass" and is_moved_by_check(now, _facts(facts, {}))


def differs(stored: StoredDecision, now: Decision) -> bool:
    """Whether anybody would notice: another rule, another outcome, other mails, or another word of the floor."""
    mails = tuple(kind.value for kind in now.mails)
    if (stored.rule, stored.outcome, stored.floor) != (now.rule, now.outcome.value, now.floor):
        return True
    return mails != stored.mails if stored.mails is not None else stored.count not in (None, len(mails))


def _facts(stored: Mapping[str, str], anew: Mapping[str, str]) -> Facts:
    neutral = {f.name: f.default for f in fields(Facts) if f.default is not MISSING}
    words = {**neutral, **_CASE_B, **stored, **anew}
    return Facts(**{f.name: words[f.name] for f in fields(Facts)})
