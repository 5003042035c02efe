"""The special procedure and what comes before it (procedure §3.2), over combinations of the facts themselves.

test_decision_table.py starts from mails and has the prototype's factors; this knows every word of every fact.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import MISSING, fields, replace

import pytest

from mailbot.flow import decision
from mailbot.flow.decision import NO_RULE, decide, to_person
from mailbot.model import Decision, Defect, Facts, MailKind, Outcome, State
from mailbot.ruleset.floor import ACTIVATION_DEMANDS, ANSWER_DEMANDS, CASE_B_DEMANDS
from mailbot.ruleset.vocabulary import FACTS
from tests.once import shipped

RULES = shipped()
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
    application="none",
    holder="not-asked",
    new_login="not-asked",
    replay="no",
    stop="no",
)
RIGHT_B = replace(RIGHT, phrase="B", attachment="yes", application="qualified", holder="ok", new_login="free")
CASE_A_ALONE = {"application": "none", "holder": "not-asked", "new_login": "not-asked", "replay": "no", "stop": "no"}
PROCEDURE = ("EXACT", "NEAR", "REPLY_EXACT")
"""Subjects of the special procedure; test_channel_rows.py has the others."""
WORDS = {**RULES.words, "subject": PROCEDURE}
NEUTRAL = {f.name: f.default for f in fields(Facts) if f.default is not MISSING}
"""Facts of the other channels and of the limits: nothing to say."""
T1, T2A, T2B, T3, T4, T5, T7, T14, T15, T18 = (
    MailKind.T1,
    MailKind.T2A,
    MailKind.T2B,
    MailKind.T3,
    MailKind.T4,
    MailKind.T5,
    MailKind.T7,
    MailKind.T14,
    MailKind.T15,
    MailKind.T18,
)


def decided(facts: Facts) -> Decision:
    return decide(facts, (), OWN, RULES)


def expected(f: Facts) -> tuple[Outcome, tuple[MailKind, ...]]:
    """The table again, in the order of prototypes/decision.py and written as code."""
    if f.automatic not in ("no", "maybe"):
        return Outcome.NO_REPLY, ()
    if f.application == "malware" or f.sender != "single" or f.authentication == "fail":
        return Outcome.QUARANTINE, ()
    if f.duplicate == "same-message":
        return Outcome.DUPLICATE, ()
    if f.stop == "yes":
        return Outcome.TICKET_UPDATE, ()
    if f.readable == "no":
        told = (f.authentication, f.duplicate, f.limit, f.arrival) == ("pass", "no", "no", "fresh")
        told = told and (f.automatic, f.spam, f.answer) == ("no", "no", "open")
        return Outcome.REVIEW, (T1,) if told else ()
    if f.spam == "yes":
        return Outcome.SPAM, ()
    if f.arrival != "fresh" or f.automatic == "maybe":
        return Outcome.REVIEW, ()
    if f.answer == "shut":
        if f.limit != "no":
            return Outcome.RATE_LIMITED, ()
        return Outcome.DUPLICATE if f.duplicate == "same-request" else Outcome.REVIEW, ()
    if f.limit != "no":
        asked = (f.authentication, f.duplicate, f.subject, f.phrase, f.defects) == ("pass", "no", "EXACT", "B", "no")
        return (Outcome.REVIEW, (T1,)) if asked and f.limit == "login" else (Outcome.RATE_LIMITED, (T18,))
    if f.duplicate == "same-request":
        return Outcome.DUPLICATE, (T15,)
    return expected_exact(f) if f.subject == "EXACT" else (Outcome.NEAR_MISS, (T7,))


def expected_exact(f: Facts) -> tuple[Outcome, tuple[MailKind, ...]]:
    if f.defects == "yes":
        return Outcome.REJ_FORMAL, (T1, T4)
    if f.authentication != "pass" or f.phrase == "none":
        return Outcome.REVIEW, (T1,)
    if f.phrase == "B":
        return expected_case_b(f)
    if f.account == "blocked":
        return Outcome.REVIEW, (T1,)
    if f.account == "unknown":
        unseen = f.attachment == "yes" and f.application in ("unchecked", "not-asked")
        return (Outcome.REVIEW, (T1,)) if unseen else (Outcome.REJ_GENERIC, (T1, T5))
    if "mismatch" in (f.name, f.year):
        return Outcome.REJ_GENERIC, (T1, T5)
    if f.account == "active" and f.name == f.year == "ok":
        return Outcome.OK_A, (T1, T2A, T3)
    return Outcome.REVIEW, (T1,)


def expected_case_b(f: Facts) -> tuple[Outcome, tuple[MailKind, ...]]:
    if f.account == "unknown" or f.new_login == "taken" or "mismatch" in (f.name, f.year, f.holder):
        return Outcome.REJ_GENERIC, (T1, T5)
    signed = f.application in ("qualified", "trusted", "admitted") and f.attachment == "yes"
    right = (f.account, f.name, f.year, f.holder, f.new_login, f.replay) == ("active", "ok", "ok", "ok", "free", "no")
    return (Outcome.OK_B, (T1, T14, T2B, T3)) if signed and right else (Outcome.REVIEW, (T1,))


def combinations(**fixed: str) -> Iterator[Facts]:
    """Every combination, the facts of the other channels neutral."""
    fixed = {**NEUTRAL, **fixed}
    choices = [(fixed[fact],) if fact in fixed else words for fact, words in WORDS.items()]
    for words in itertools.product(*choices):
        yield Facts(*words)


def drawn(count: int, **fixed: str) -> Iterator[Facts]:
    """Combinations by a die that always falls alike: the whole product is too large."""
    die = random.Random(1)
    for _ in range(count):
        yield Facts(**{fact: fixed.get(fact) or die.choice(words) for fact, words in WORDS.items()})


def check(facts: Facts) -> None:
    decision = decided(facts)
    assert (decision.outcome, decision.mails) == expected(facts), facts
    assert decision.floor == ()
    if T3 in decision.mails:
        demands = CASE_B_DEMANDS if decision.outcome is Outcome.OK_B else ACTIVATION_DEMANDS
        assert all(getattr(facts, fact) in words for fact, words in demands.items()), facts
    if decision.mails:
        excepted = {(T18,): "limit", (T1,): "readable"}.get(decision.mails)
        demands = {k: v for k, v in ANSWER_DEMANDS.items() if k != excepted}
        assert all(getattr(facts, fact) in words for fact, words in demands.items()), facts
        assert facts.readable == "yes" or facts.authentication == "pass", facts


def test_every_combination_behind_an_unsuspicious_head() -> None:
    count = 0
    for facts in combinations(readable="yes", automatic="no", sender="single", **CASE_A_ALONE):
        check(facts)
        count += 1
    assert count == 43_200


EXACT = {"readable": "yes", "automatic": "no", "sender": "single", "duplicate": "no", "subject": "EXACT", "stop": "no"}


def test_every_combination_of_a_clean_proven_mail_of_case_b() -> None:
    granted = 0
    for facts in combinations(**EXACT, authentication="pass", phrase="B", defects="no", attachment="yes"):
        check(facts)
        granted += decided(facts).outcome is Outcome.OK_B
    assert granted == 3, "one for each kind of signature that counts"


def test_a_thinner_net_over_the_rest_of_the_exact_subject() -> None:
    for facts in drawn(20_000, **EXACT):
        check(facts)


@pytest.mark.parametrize("word", FACTS["application"])
def test_from_a_login_in_case_a_an_attachment_means_nothing(word: str) -> None:
    decision = decided(replace(RIGHT, attachment="yes", application=word))
    assert decision.outcome is (Outcome.QUARANTINE if word == "malware" else Outcome.OK_A)


def test_suspicious_heads() -> None:
    """The tail cannot matter to rows 1 to 5, so a thinner net over it does."""
    heads = itertools.product(FACTS["readable"], FACTS["automatic"], FACTS["sender"])
    for readable, automatic, sender in heads:
        for facts in drawn(300, readable=readable, automatic=automatic, sender=sender):
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
    "row 2": ({"application": "malware"}, "QUARANTINE", OWN, "KWARANTANNA", "BEZPIECZENSTWO", ()),
    "stop": ({"stop": "yes", "subject": "ZGL"}, "TICKET_UPDATE", OWN, "WSTRZYMANE", "BEZPIECZENSTWO", ()),
    "a doubt": ({"automatic": "maybe"}, "REVIEW", OWN, "DO_WERYFIKACJI", "II_LINIA", ()),
    "unsolicited": ({"spam": "yes"}, "SPAM", "", "ODRZUCONE_AUTOMAT", "", ()),
    "nobody vouches": ({"answer": "shut"}, "REVIEW", OWN, "DO_WERYFIKACJI", "II_LINIA", ()),
    "unreadable-of-a-proven-sender": ({"readable": "no"}, "REVIEW", "OGOLNE", "DO_WERYFIKACJI", "II_LINIA", (T1,)),
    "unreadable": (
        {"readable": "no", "authentication": "none"},
        "REVIEW",
        "OGOLNE",
        "DO_WERYFIKACJI",
        "II_LINIA",
        (),
    ),
    "nobody vouches, too many": (
        {"answer": "shut", "limit": "sender"},
        "RATE_LIMITED",
        OWN,
        "WSTRZYMANE",
        "II_LINIA",
        (),
    ),
    "row 4": ({"limit": "sender"}, "RATE_LIMITED", OWN, "WSTRZYMANE", "II_LINIA", (T18,)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_whole_decision(name: str) -> None:
    change, outcome, category, state, desk, mails = EXAMPLES[name]
    decision = decided(replace(RIGHT, **change))
    assert decision.floor == ()
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
    assert {"no", "maybe", *RULES.rules[0].when["automatic"]} == set(FACTS["automatic"])


def test_every_row_stands_in_the_rules() -> None:
    assert {r.row for r in RULES.rules} == {None, *range(1, 24)}


ROW_B = {
    "row 23": ({}, "OK_B", (T1, T14, T2B, T3)),
    "row 23, podpis zaufany": ({"application": "trusted"}, "OK_B", (T1, T14, T2B, T3)),
    "row 21, old login unknown": ({"account": "unknown"}, "REJ_GENERIC", (T1, T5)),
    "row 21, other signer": ({"holder": "mismatch"}, "REJ_GENERIC", (T1, T5)),
    "row 21, sender is a login": ({"new_login": "taken"}, "REJ_GENERIC", (T1, T5)),
    "row 21 before 19": ({"application": "doubt", "name": "mismatch"}, "REJ_GENERIC", (T1, T5)),
    "row 19, doubt": ({"application": "doubt"}, "REVIEW", (T1,)),
    "row 19, namesake": ({"holder": "doubt"}, "REVIEW", (T1,)),
    "row 19, used before": ({"replay": "yes"}, "REVIEW", (T1,)),
    "row 19, account blocked": ({"account": "blocked"}, "REVIEW", (T1,)),
    "row 21, somebody else's blocked account": ({"account": "blocked", "name": "mismatch"}, "REJ_GENERIC", (T1, T5)),
    "row 18": ({"authentication": "none"}, "REVIEW", (T1,)),
    "row 17": ({"defects": "yes"}, "REJ_FORMAL", (T1, T4)),
    "row 2": ({"application": "malware"}, "QUARANTINE", ()),
}


@pytest.mark.parametrize("name", ROW_B)
def test_rows_of_case_b(name: str) -> None:
    change, outcome, mails = ROW_B[name]
    decision = decided(replace(RIGHT_B, **change))
    assert (decision.outcome, decision.mails, decision.floor) == (Outcome(outcome), mails, ())


def test_in_the_hands_of_a_person_nothing_is_sent() -> None:
    granted = decided(RIGHT)
    person = to_person(granted, "OGOLNE")
    assert granted.mails
    told = (person.outcome, person.state, person.desk, person.category, person.mails)
    assert told == ("REVIEW", "DO_WERYFIKACJI", "II_LINIA", "OGOLNE", ())
    assert (person.rule, person.trace) == (granted.rule, granted.trace)


@pytest.mark.parametrize(("current", "state"), [(None, State.ZAREJESTROWANE), (State.W_TOKU, State.W_TOKU)])
def test_a_rule_without_a_state_keeps_that_of_the_ticket(current: State | None, state: State) -> None:
    kept = replace(RULES, rules=(replace(RULES.rules[-1], state=None),))
    assert decide(RIGHT, (), OWN, kept, current).state is state


def test_a_rule_that_only_watches_is_noted_where_it_holds() -> None:
    last = RULES.rules[-1]
    watching = replace(last, name="watching", outcome=Outcome.GENERAL, shadow=True)
    elsewhere = replace(watching, name="elsewhere", when={"readable": ("no",)})
    found = decide(RIGHT, (), OWN, replace(RULES, rules=(watching, elsewhere, last)))
    assert (found.rule, found.watched) == (last.name, (("watching", Outcome.GENERAL),))
    assert decide(RIGHT, (), OWN, replace(RULES, rules=(last,))).watched == ()


def test_the_same_words_are_decided_once() -> None:
    once = decide(RIGHT, (), OWN, RULES)
    assert decide(replace(RIGHT), (), str(OWN), RULES) is once
    assert decision._decided(RIGHT, (), OWN, RULES, None) == once


def test_what_is_remembered_is_that_of_the_rule_set_and_of_every_word() -> None:
    """Two rule sets may bear one hash, as tests make them, and never share a decision."""
    other = replace(RULES, rules=RULES.rules[-1:])
    for changed in (RIGHT, RIGHT_B, *(replace(RIGHT, **{f.name: "?"}) for f in fields(Facts))):
        for rules, defects, category, current in itertools.product(
            (RULES, other), ((), (Defect.EMPTY,)), (OWN, "OGOLNE"), (None, State.OCZEKUJE_NA_KLIENTA)
        ):
            expected = decision._decided(changed, defects, category, rules, current)
            assert decide(changed, defects, category, rules, current) == expected
    assert 0 < len(decision._remembered) <= decision._REMEMBERED


SEEN_OR_THERE = ("DUPLICATE", "RATE_LIMITED", "REVIEW", "TICKET_UPDATE", "COMPLAINT_OK", "COMPLAINT_LATE")
"""What a person sees anyway, or what changes a ticket that is there."""


@pytest.mark.parametrize("outcome", Outcome)
def test_above_the_ladder_nothing_is_sent_and_what_only_a_mail_would_tell_waits_for_a_person(outcome: Outcome) -> None:
    made = replace(decided(RIGHT), outcome=outcome)
    quiet = decision.silenced(made)
    assert (quiet.mails, quiet.floor) == ((), (*made.floor, decision.LADDER))
    if outcome in SEEN_OR_THERE:
        assert (quiet.outcome, quiet.state, quiet.desk) == (outcome, made.state, made.desk)
    else:
        assert (quiet.outcome, quiet.state, quiet.desk) == ("RATE_LIMITED", "WSTRZYMANE", "II_LINIA")
