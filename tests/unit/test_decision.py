"""The decision table (domain.md §3.2), over every combination of facts that the rows in scope can tell apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mailbot.decision import NO_RULE, decide
from mailbot.model import Decision, Defect, Facts, MailKind, Outcome, State
from mailbot.ruleset.floor import ACTIVATION_DEMANDS, ANSWER_DEMANDS
from mailbot.ruleset.loader import load
from mailbot.ruleset.vocabulary import FACTS
from tests.support import ROOT

RULES = load(ROOT / "rules")
OWN = "HASLO_AWARYJNE_A"
RIGHT = Facts(
    readable="yes",
    automatic="no",
    sender="single",
    authentication="pass",
    duplicate="no",
    subject="EXACT",
    phrase="A",
    attachment="no",
    defects="no",
    account="active",
    name="ok",
    year="ok",
)
T1, T2A, T3, T4, T5, T7, T15 = (
    MailKind.T1,
    MailKind.T2A,
    MailKind.T3,
    MailKind.T4,
    MailKind.T5,
    MailKind.T7,
    MailKind.T15,
)


def decided(facts: Facts) -> Decision:
    return decide(facts, (), OWN, RULES)


def expected(f: Facts) -> tuple[Outcome, tuple[MailKind, ...]]:
    """The table again, in the order of prototypes/decision.py and written as code."""
    if f.automatic != "no":
        return Outcome.NO_REPLY, ()
    if f.sender != "single" or f.authentication == "fail":
        return Outcome.QUARANTINE, ()
    if f.duplicate == "same-message":
        return Outcome.DUPLICATE, ()
    if f.readable == "no":
        return Outcome.REVIEW, ()
    if f.duplicate == "same-request":
        return Outcome.DUPLICATE, (T15,)
    if f.subject in ("NEAR", "REPLY_EXACT"):
        return Outcome.NEAR_MISS, (T7,)
    if f.subject != "EXACT":
        return Outcome.REVIEW, ()
    return expected_exact(f)


def expected_exact(f: Facts) -> tuple[Outcome, tuple[MailKind, ...]]:
    if f.defects == "yes":
        return Outcome.REJ_FORMAL, (T1, T4)
    if f.authentication != "pass" or f.phrase != "A" or f.account == "blocked":
        return Outcome.REVIEW, (T1,)
    if f.account == "unknown":
        return (Outcome.REVIEW, (T1,)) if f.attachment == "yes" else (Outcome.REJ_GENERIC, (T1, T5))
    if "mismatch" in (f.name, f.year):
        return Outcome.REJ_GENERIC, (T1, T5)
    if f.account == "active" and f.name == f.year == "ok":
        return Outcome.OK_A, (T1, T2A, T3)
    return Outcome.REVIEW, (T1,)


def combinations(**fixed: str) -> Iterator[Facts]:
    choices = [(fixed[fact],) if fact in fixed else words for fact, words in FACTS.items()]
    for words in itertools.product(*choices):
        yield Facts(*words)


def check(facts: Facts) -> None:
    decision = decided(facts)
    assert (decision.outcome, decision.mails) == expected(facts), facts
    assert decision.floor == ()
    if T3 in decision.mails:
        assert all(getattr(facts, fact) in words for fact, words in ACTIVATION_DEMANDS.items()), facts
    if decision.mails:
        assert all(getattr(facts, fact) in words for fact, words in ANSWER_DEMANDS.items()), facts


def test_every_combination_behind_an_unsuspicious_head() -> None:
    count = 0
    for facts in combinations(readable="yes", automatic="no", sender="single"):
        check(facts)
        count += 1
    assert count == 100_800


def test_suspicious_heads() -> None:
    """The tail cannot matter to rows 1 to 5, so a thinner net over it does."""
    heads = itertools.product(FACTS["readable"], FACTS["automatic"], FACTS["sender"])
    for readable, automatic, sender in heads:
        tails = combinations(readable=readable, automatic=automatic, sender=sender, attachment="yes", phrase="A")
        for facts in itertools.islice(tails, 0, None, 41):
            check(facts)


EXAMPLES = {
    "row 1": ({"automatic": "bulk"}, "NO_REPLY", "", "ODRZUCONE_AUTOMAT", "", ()),
    "row 3, two senders": ({"sender": "ambiguous"}, "QUARANTINE", OWN, "KWARANTANNA", "BEZPIECZENSTWO", ()),
    "row 3, forged": ({"authentication": "fail"}, "QUARANTINE", OWN, "KWARANTANNA", "BEZPIECZENSTWO", ()),
    "row 10": ({"subject": "NEAR"}, "NEAR_MISS", "TEMAT_NIEPOPRAWNY", "ZAMKNIETE_BEZ_ZMIAN", "", (T7,)),
    "row 17": ({"defects": "yes"}, "REJ_FORMAL", OWN, "ZAMKNIETE_NEGATYWNIE", "", (T1, T4)),
    "row 18": ({"authentication": "none"}, "REVIEW", OWN, "DO_WERYFIKACJI", "II_LINIA", (T1,)),
    "row 19": ({"account": "blocked"}, "REVIEW", OWN, "DO_WERYFIKACJI", "II_LINIA", (T1,)),
    "row 20": ({"year": "mismatch"}, "REJ_GENERIC", OWN, "ZAMKNIETE_NEGATYWNIE", "", (T1, T5)),
    "row 22": ({}, "OK_A", OWN, "ZAMKNIETE_ROZWIAZANE", "", (T1, T2A, T3)),
    "unreadable": ({"readable": "no"}, "REVIEW", "OGOLNE", "DO_WERYFIKACJI", "II_LINIA", ()),
    "left over": ({"subject": "OTHER"}, "REVIEW", "OGOLNE", "DO_WERYFIKACJI", "II_LINIA", ()),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_whole_decision(name: str) -> None:
    change, outcome, category, state, desk, mails = EXAMPLES[name]
    decision = decided(replace(RIGHT, **change))
    found = (decision.outcome, decision.category, decision.state, decision.desk, decision.mails)
    assert found == (Outcome(outcome), category, State(state), desk, mails)
    assert decision.ruleset == RULES.hash


def test_formal_refusal_is_the_same_for_login_and_stranger() -> None:
    for authentication, account in itertools.product(("pass", "none"), FACTS["account"]):
        facts = replace(RIGHT, defects="yes", authentication=authentication, account=account)
        decision = decide(facts, (Defect.YEAR_MISSING,), OWN, RULES)
        assert (decision.rule, decision.mails) == ("formal-defects", (T1, T4))
        assert decision.defects == (Defect.YEAR_MISSING,)


def test_trace_tells_every_rule_tried_up_to_the_first_fact_that_failed() -> None:
    decision = decided(replace(RIGHT, subject="NEAR"))
    assert [step.rule for step in decision.trace] == [r.name for r in RULES.rules][: len(decision.trace)]
    assert [step.hit for step in decision.trace] == [False] * (len(decision.trace) - 1) + [True]
    first, last = decision.trace[0], decision.trace[-1]
    assert (first.rule, first.saw) == ("automatic-mail", {"automatic": "no"})
    assert (last.rule, last.asked, last.saw) == (
        "near-miss",
        {"subject": ("NEAR", "REPLY_EXACT")},
        {"subject": "NEAR"},
    )


def test_a_set_without_a_last_rule_still_hands_the_mail_to_a_person() -> None:
    decision = decide(RIGHT, (), OWN, replace(RULES, rules=()))
    assert (decision.rule, decision.outcome, decision.desk, decision.mails) == (NO_RULE, Outcome.REVIEW, "II_LINIA", ())


def test_every_word_of_automatic_mail_is_named_by_the_first_rule() -> None:
    assert {"no", *RULES.rules[0].when["automatic"]} == set(FACTS["automatic"])


def test_rows_in_scope_stand_in_the_rules() -> None:
    assert {r.row for r in RULES.rules} == {None, 1, 3, 5, 10, 17, 18, 19, 20, 22}
