"""No rules whatever get past the floor; and whatever the checks take never needs the second look at a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.flow.decision import decide
from mailbot.model import Desk, Facts, MailKind, Outcome, State
from mailbot.ruleset import floor
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding, Mistakes
from mailbot.ruleset.floor import ACTIVATION, ACTIVATION_DEMANDS, ANSWER_DEMANDS, CASE_B, CASE_B_DEMANDS, MAIL_DEMANDS
from mailbot.ruleset.model import Rule
from mailbot.ruleset.procedures import KEEP_STATE, STATES, WAITING, RuleVocabulary, read
from mailbot.ruleset.regions import Region, Space
from mailbot.ruleset.vocabulary import FACTS
from tests.once import shipped
from tests.support import examples

RULES = shipped()
SPACE = Space(FACTS)
T = MailKind
LINKS = {T.T2A, T.T2B, T.T3, T.T14}
UNANSWERED = {
    "readable": ("no",),
    "automatic": FACTS["automatic"][1:],
    "sender": ("ambiguous",),
    "authentication": ("fail",),
    "duplicate": ("same-message",),
    "application": ("malware",),
}
"""Mail that nothing may answer, told apart from the floor's own tables."""


def words_of(fact: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(FACTS[fact]), min_size=1, unique=True).map(tuple)


conditions = st.lists(st.sampled_from(sorted(FACTS)), unique=True, max_size=6).flatmap(
    lambda facts: st.fixed_dictionaries({fact: words_of(fact) for fact in facts})
)
safe = conditions.map(lambda when: {**when, **ANSWER_DEMANDS, "limit": ("no",)})
demanding = st.sampled_from([{**ACTIVATION_DEMANDS}, {**CASE_B_DEMANDS}])
complaints = st.sampled_from(
    [{**ANSWER_DEMANDS, **MAIL_DEMANDS[kind]} for kind in (T.T9, T.T10, T.T13)]
    + [{**ANSWER_DEMANDS, **MAIL_DEMANDS[T.T18]}, {"thread": ("own",)}, {"stop": ("yes",)}]
)
guards = st.sampled_from([{fact: words} for fact, words in UNANSWERED.items()])
answers = st.one_of(
    st.sampled_from([(Outcome.OK_A, ACTIVATION), (Outcome.OK_B, CASE_B), (Outcome.RATE_LIMITED, (T.T18,))]),
    st.tuples(st.sampled_from(Outcome), st.lists(st.sampled_from(MailKind), max_size=4).map(tuple)),
    st.tuples(
        st.sampled_from([Outcome.TICKET_UPDATE, Outcome.COMPLAINT_OK, Outcome.COMPLAINT_LATE, Outcome.FAQ]),
        st.sampled_from([(), (T.T9,), (T.T10,), (T.T13,)]),
    ),
    st.sampled_from([(Outcome.REVIEW, ()), (Outcome.NO_REPLY, ()), (Outcome.NEAR_MISS, (T.T7,))]),
)
rules = st.builds(
    lambda when, answer, shadow: Rule(
        "r", None, "r", when, answer[0], None, State.W_TOKU, Desk.NOBODY, answer[1], shadow
    ),
    st.one_of(conditions, safe, demanding, complaints, guards),
    answers,
    st.sampled_from([False, False, False, True]),
)
rule_sets = st.lists(rules, min_size=1, max_size=7)
any_facts = st.builds(Facts, **{fact: st.sampled_from(words) for fact, words in FACTS.items()})
RIGHT = [
    Facts(**{fact: demands.get(fact, words)[0] for fact, words in FACTS.items()})
    for demands in (ACTIVATION_DEMANDS, CASE_B_DEMANDS)
]
nearly_right = st.lists(st.sampled_from(sorted(FACTS)), max_size=3, unique=True).flatmap(
    lambda changed: st.builds(
        lambda right, words: replace(right, **words),
        st.sampled_from(RIGHT),
        st.fixed_dictionaries({f: st.sampled_from(FACTS[f]) for f in changed}),
    )
)
mail_facts = st.one_of(any_facts, nearly_right)


@settings(max_examples=examples(500), deadline=None)
@given(rule_sets, mail_facts)
def test_no_rules_whatever_get_past(drawn: list[Rule], facts: Facts) -> None:
    decision = decide(facts, (), "", replace(RULES, rules=tuple(drawn)))
    if decision.outcome in (Outcome.OK_A, Outcome.OK_B) or LINKS & set(decision.mails):
        demands = CASE_B_DEMANDS if decision.outcome is Outcome.OK_B else ACTIVATION_DEMANDS
        assert all(getattr(facts, fact) in words for fact, words in demands.items())
        assert (decision.outcome, decision.mails) in ((Outcome.OK_A, ACTIVATION), (Outcome.OK_B, CASE_B))
    if decision.mails:
        assert not any(getattr(facts, fact) in words for fact, words in UNANSWERED.items())
        assert facts.limit != "answers" or decision.mails == (T.T18,)
        assert not {T.T12, T.T19} & set(decision.mails)


def safest(drawn: Sequence[Rule]) -> list[Rule]:
    """The rules of ``drawn`` that the floor takes behind those taken before them."""
    taken: list[Rule] = []
    earlier: list[Region] = []
    for rule in drawn:
        if not floor.mistakes(rule, earlier, SPACE):
            taken.append(rule)
            earlier += [] if rule.shadow else [SPACE.region(rule.when)]
    return taken


def worst(taken: Sequence[Rule]) -> list[Facts]:
    """A mail that comes to each rule, for each word of each fact it may come with."""
    found = []
    earlier: list[Region] = []
    for rule in taken:
        mine = SPACE.region(rule.when)
        for fact, words in FACTS.items():
            for word in words:
                example = SPACE.witness(SPACE.only(mine, fact, (word,)), earlier)
                found += [Facts(**example)] if example else []
        earlier += [] if rule.shadow else [mine]
    return found


@settings(max_examples=examples(150), deadline=None)
@given(rule_sets, mail_facts)
def test_what_the_floor_takes_never_needs_the_second_look(drawn: list[Rule], facts: Facts) -> None:
    taken = safest(drawn)
    ruleset = replace(RULES, rules=tuple(taken))
    for mail in (facts, *worst(taken)):
        assert decide(mail, (), "", ruleset).floor == ()


def written(drawn: Sequence[Rule]) -> str:
    """The rules as an admin would write them, the last one for everything left."""
    blocks = [_block(number, rule) for number, rule in enumerate(drawn)]
    last = "- {name: last, title: last, when: {}, outcome: REVIEW, state: DO_WERYFIKACJI, desk: II_LINIA}"
    return "rules:\n" + "\n".join([*blocks, last]) + "\n"


def _block(number: int, rule: Rule) -> str:
    fixed = STATES.get(rule.outcome)
    mails = [kind for kind in rule.mails if kind is not T.T6 or not fixed]  # T6 goes with a state of its own
    state = fixed[0] if fixed else State.OCZEKUJE_NA_KLIENTA if T.T6 in mails else State.W_TOKU
    when = ", ".join(f"{fact}: [{', '.join(words)}]" for fact, words in rule.when.items())
    lines = [f"- name: r-{number}", "  title: t", f"  when: {{{when}}}", f"  outcome: {rule.outcome}"]
    lines += [] if rule.outcome in KEEP_STATE and number % 2 and T.T6 not in mails else [f"  state: {state}"]
    lines += ["  desk: II_LINIA"] if state in WAITING else []
    lines += [f"  mails: [{', '.join(mails)}]"] if mails else []
    lines += ["  shadow: true"] if rule.shadow else []
    return "\n".join(lines)


@settings(max_examples=examples(60), deadline=None)
@given(rule_sets, st.booleans(), st.lists(mail_facts, min_size=3, max_size=3))
def test_what_the_loader_takes_never_needs_it_either(drawn: list[Rule], weeded: bool, facts: list[Facts]) -> None:
    chosen = safest(drawn) if weeded else drawn
    read_rules, errors = loaded(written(chosen))
    codes = {error.code for error in errors}
    assert codes <= {"floor", "unreachable-rule", "twice"}
    assert len(read_rules) == len(chosen) + 1
    assert not weeded or codes <= {"unreachable-rule"}
    if codes - {"unreachable-rule"}:
        return
    ruleset = replace(RULES, rules=read_rules)
    for mail in (*facts, *worst(read_rules)):
        assert decide(mail, (), "", ruleset).floor == ()


def loaded(text: str) -> tuple[tuple[Rule, ...], list[Finding]]:
    mistakes = Mistakes()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "procedures.yaml"
        file.write_text(text, encoding="utf-8")
        found = read(YamlDocument(file, mistakes), RuleVocabulary(FACTS, (), tuple(MailKind)))
    return found, mistakes.errors()
