"""Trying to get past the security floor: by rules that skip the loader, and by any rules that the loader takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.decision import decide
from mailbot.model import Facts, MailKind, Outcome, State
from mailbot.ruleset import floor
from mailbot.ruleset.floor import ACTIVATION, ACTIVATION_DEMANDS, ANSWER_DEMANDS, CASE_B, CASE_B_DEMANDS
from mailbot.ruleset.loader import load
from mailbot.ruleset.model import Rule, Ruleset
from mailbot.ruleset.vocabulary import FACTS, region, witness
from tests.support import ROOT

RULES = load(ROOT / "rules")
LOGIN = ("yes", "no", "single", "pass", "no", "EXACT")
ALONE = ("none", "not-asked", "not-asked", "no", "no")
RIGHT = Facts(*LOGIN, "A", "no", "no", "active", "ok", "ok", *ALONE)
RIGHT_B = Facts(*LOGIN, "B", "yes", "no", "active", "ok", "ok", "qualified", "ok", "free", "no", "no")


def only(rule: Rule) -> Ruleset:
    return replace(RULES, rules=(rule,))


def bold(outcome: Outcome, *mails: MailKind) -> Rule:
    """A rule that answers everything."""
    return Rule("bold", None, "bold", {}, outcome, None, State.ZAMKNIETE_ROZWIAZANE, "", mails)


BROKEN = [(f, w) for f, words in ACTIVATION_DEMANDS.items() for w in FACTS[f] if w not in words]


@pytest.mark.parametrize(("fact", "word"), BROKEN)
def test_no_link_with_one_condition_broken(fact: str, word: str) -> None:
    facts = replace(RIGHT, **{fact: word})
    decision = decide(facts, (), "HASLO_AWARYJNE_A", only(bold(Outcome.OK_A, *ACTIVATION)))
    assert (decision.outcome, decision.state) == (Outcome.REVIEW, State.DO_WERYFIKACJI)
    assert (decision.desk, decision.mails) == ("BEZPIECZENSTWO", ())
    assert decision.floor == (f"an activation link needs {fact}={'|'.join(ACTIVATION_DEMANDS[fact])}, saw {word}",)
    assert decision.rule == "bold"


def test_the_link_goes_out_when_every_condition_holds() -> None:
    decision = decide(RIGHT, (), "HASLO_AWARYJNE_A", only(bold(Outcome.OK_A, *ACTIVATION)))
    assert (decision.outcome, decision.mails, decision.floor) == (Outcome.OK_A, ACTIVATION, ())


BROKEN_B = [(f, w) for f, words in CASE_B_DEMANDS.items() for w in FACTS[f] if w not in words]


@pytest.mark.parametrize(("fact", "word"), BROKEN_B)
def test_no_new_login_with_one_condition_broken(fact: str, word: str) -> None:
    facts = replace(RIGHT_B, **{fact: word})
    decision = decide(facts, (), "HASLO_AWARYJNE_B", only(bold(Outcome.OK_B, *CASE_B)))
    assert (decision.outcome, decision.desk, decision.mails) == (Outcome.REVIEW, "BEZPIECZENSTWO", ())
    assert decision.floor == (f"an activation link needs {fact}={'|'.join(CASE_B_DEMANDS[fact])}, saw {word}",)


@pytest.mark.parametrize("application", ["qualified", "trusted", "admitted"])
def test_the_new_login_is_granted_when_every_condition_holds(application: str) -> None:
    decision = decide(replace(RIGHT_B, application=application), (), "", only(bold(Outcome.OK_B, *CASE_B)))
    assert (decision.outcome, decision.mails, decision.floor) == (Outcome.OK_B, CASE_B, ())


@pytest.mark.parametrize("fact", CASE_B_DEMANDS)
def test_a_rule_for_case_b_must_name_every_demand_itself(fact: str) -> None:
    when = {name: words for name, words in CASE_B_DEMANDS.items() if name != fact}
    rule = replace(bold(Outcome.OK_B, *CASE_B), when=when)
    assert [reason for reason, _ in floor.mistakes(rule, ())] == [
        f"security floor: an activation link needs {fact}={'|'.join(CASE_B_DEMANDS[fact])}"
    ]
    assert floor.mistakes(replace(rule, when=CASE_B_DEMANDS), ()) == ()


def test_one_case_is_not_granted_by_the_other() -> None:
    assert decide(RIGHT_B, (), "", only(bold(Outcome.OK_A, *ACTIVATION))).floor
    assert decide(RIGHT, (), "", only(bold(Outcome.OK_B, *CASE_B))).floor


UNANSWERED = [(f, w) for f, words in ANSWER_DEMANDS.items() for w in FACTS[f] if w not in words]


@pytest.mark.parametrize("kind", [MailKind.T1, MailKind.T5, MailKind.T7, MailKind.T15])
@pytest.mark.parametrize(("fact", "word"), UNANSWERED)
def test_no_answer_where_none_may_go(fact: str, word: str, kind: MailKind) -> None:
    decision = decide(replace(RIGHT, **{fact: word}), (), "", only(bold(Outcome.REJ_GENERIC, kind)))
    assert (decision.outcome, decision.mails) == (Outcome.REVIEW, ())
    assert decision.floor


T = MailKind
SHAPES = {
    "case B outcome": (Outcome.OK_B, (T.T1,)),
    "case B without the warning": (Outcome.OK_B, (T.T1, T.T2B, T.T3)),
    "case B, warning last": (Outcome.OK_B, (T.T1, T.T2B, T.T3, T.T14)),
    "case B mails under case A": (Outcome.OK_A, (T.T1, T.T14, T.T2B, T.T3)),
    "notice of a used link": (Outcome.REVIEW, (T.T1, T.T19)),
    "resolution of case B": (Outcome.OK_A, (T.T1, T.T2B, T.T3)),
    "notice to the old login": (Outcome.REVIEW, (T.T1, T.T14)),
    "a mail for later": (Outcome.GENERAL, (T.T8,)),
    "link without resolution": (Outcome.OK_A, (T.T1, T.T3)),
    "link without registration": (Outcome.OK_A, (T.T2A, T.T3)),
    "link first": (Outcome.OK_A, (T.T3, T.T1, T.T2A)),
    "link before resolution": (Outcome.OK_A, (T.T1, T.T3, T.T2A)),
    "link and more": (Outcome.OK_A, (T.T1, T.T2A, T.T3, T.T15)),
    "link under another outcome": (Outcome.NEAR_MISS, ACTIVATION),
    "accepted, but nothing sent": (Outcome.OK_A, ()),
    "resolution alone": (Outcome.REVIEW, (T.T1, T.T2A)),
    "registration last": (Outcome.REJ_GENERIC, (T.T5, T.T1)),
    "twice": (Outcome.REJ_GENERIC, (T.T1, T.T1)),
    "quarantine": (Outcome.QUARANTINE, (T.T1,)),
    "no reply": (Outcome.NO_REPLY, (T.T15,)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_outcomes_and_mails_that_never_fit(name: str) -> None:
    outcome, mails = SHAPES[name]
    assert floor.misshapen(outcome, mails)
    decision = decide(RIGHT, (), "", only(bold(outcome, *mails)))
    assert (decision.outcome, decision.mails, decision.desk) == (Outcome.REVIEW, (), "BEZPIECZENSTWO")
    assert floor.mistakes(bold(outcome, *mails), ())


def words_of(fact: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(FACTS[fact]), min_size=1, unique=True).map(tuple)


conditions = st.lists(st.sampled_from(sorted(FACTS)), unique=True, max_size=6).flatmap(
    lambda facts: st.fixed_dictionaries({fact: words_of(fact) for fact in facts})
)
answers = st.one_of(
    st.sampled_from([(Outcome.OK_A, ACTIVATION), (Outcome.OK_B, CASE_B)]),
    st.tuples(st.sampled_from(Outcome), st.lists(st.sampled_from(MailKind), max_size=4).map(tuple)),
    st.sampled_from([(Outcome.REVIEW, ()), (Outcome.NO_REPLY, ()), (Outcome.NEAR_MISS, (T.T7,))]),
)
demanding = st.sampled_from([{**ACTIVATION_DEMANDS}, {**CASE_B_DEMANDS}])
rules = st.builds(
    lambda when, answer: Rule("r", None, "r", when, answer[0], None, State.W_TOKU, "", answer[1]),
    st.one_of(conditions, demanding),
    answers,
)
facts_drawn = st.builds(Facts, **{fact: st.sampled_from(words) for fact, words in FACTS.items()})
near_right = st.lists(st.sampled_from(sorted(FACTS)), max_size=2, unique=True).flatmap(
    lambda changed: st.builds(
        lambda right, words: replace(right, **words),
        st.sampled_from([RIGHT, RIGHT_B]),
        st.fixed_dictionaries({f: st.sampled_from(FACTS[f]) for f in changed}),
    )
)
mail_facts = st.one_of(facts_drawn, near_right)


@settings(max_examples=600, deadline=None)
@given(st.lists(rules, min_size=1, max_size=6), mail_facts)
def test_no_rules_whatever_get_past(drawn: list[Rule], facts: Facts) -> None:
    decision = decide(facts, (), "", replace(RULES, rules=tuple(drawn)))
    if decision.outcome in (Outcome.OK_A, Outcome.OK_B) or set(decision.mails) & {T.T2A, T.T2B, T.T3, T.T14}:
        moves = decision.outcome is Outcome.OK_B
        demands = CASE_B_DEMANDS if moves else ACTIVATION_DEMANDS
        assert all(getattr(facts, fact) in words for fact, words in demands.items())
        assert (decision.outcome, decision.mails) in ((Outcome.OK_A, ACTIVATION), (Outcome.OK_B, CASE_B))
    if decision.mails:
        assert all(getattr(facts, fact) in words for fact, words in ANSWER_DEMANDS.items())


@settings(max_examples=600, deadline=None)
@given(st.lists(rules, min_size=1, max_size=6), mail_facts)
def test_what_the_loader_takes_never_needs_the_second_look(drawn: list[Rule], facts: Facts) -> None:
    taken: list[Rule] = []
    for rule in drawn:
        if floor.mistakes(rule, [region(r.when) for r in taken]):
            continue
        taken.append(rule)
    assert decide(facts, (), "", replace(RULES, rules=tuple(taken))).floor == ()


@settings(max_examples=400, deadline=None)
@given(conditions, st.lists(conditions, max_size=5), facts_drawn)
def test_witness_is_exact(
    wanted: dict[str, tuple[str, ...]], taken: list[dict[str, tuple[str, ...]]], facts: Facts
) -> None:
    def inside(combination: dict[str, str], when: dict[str, tuple[str, ...]]) -> bool:
        return all(combination[fact] in words for fact, words in when.items())

    found = witness(region(wanted), [region(when) for when in taken])
    if found is not None:
        assert inside(found, wanted)
        assert not any(inside(found, when) for when in taken)
        return
    drawn = {fact: getattr(facts, fact) for fact in FACTS}
    drawn |= {fact: words[0] for fact, words in wanted.items()}
    assert any(inside(drawn, when) for when in taken)
