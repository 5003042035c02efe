"""Trying to get past the security floor: by rules that skip the loader, and by any rules that the loader takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailbot.flow.decision import decide
from mailbot.model import Desk, Facts, MailKind, Outcome, State
from mailbot.ruleset import floor, regions
from mailbot.ruleset.floor import ACTIVATION, ACTIVATION_DEMANDS, ANSWER_DEMANDS, CASE_B, CASE_B_DEMANDS
from mailbot.ruleset.model import Rule, Ruleset
from mailbot.ruleset.regions import Space
from mailbot.ruleset.vocabulary import FACTS
from tests.once import shipped

RULES = shipped()
SPACE = Space(FACTS)
LOGIN = ("yes", "no", "single", "pass", "no", "EXACT")
ALONE = ("none", "not-asked", "not-asked", "no", "no")
RIGHT = Facts(*LOGIN, "A", "no", "no", "active", "ok", "ok", *ALONE)
RIGHT_B = Facts(*LOGIN, "B", "yes", "no", "active", "ok", "ok", "qualified", "ok", "free", "no", "no")


def only(rule: Rule) -> Ruleset:
    return replace(RULES, rules=(rule,))


def bold(outcome: Outcome, *mails: MailKind) -> Rule:
    """A rule that answers everything."""
    return Rule("bold", None, "bold", {}, outcome, None, State.ZAMKNIETE_ROZWIAZANE, Desk.NOBODY, mails)


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
    assert [reason for reason, _ in floor.mistakes(rule, (), SPACE)] == [
        f"security floor: an activation link needs {fact}={'|'.join(CASE_B_DEMANDS[fact])}"
    ]
    assert floor.mistakes(replace(rule, when=CASE_B_DEMANDS), (), SPACE) == ()


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


LINK = (
    "readable=yes automatic=no sender=single authentication=pass duplicate=no subject=EXACT defects=no account=active"
    " name=ok year=ok stop=no limit=no arrival=fresh "
)
CLEAN = " application=" + "|".join(word for word in FACTS["application"] if word != "malware")
TOLD = {
    "a link of case A": (RIGHT, bold(Outcome.OK_A, *ACTIVATION), LINK + "phrase=A" + CLEAN),
    "a link of case B": (
        RIGHT_B,
        bold(Outcome.OK_B, *CASE_B),
        LINK + "phrase=B attachment=yes application=qualified|trusted|admitted holder=ok new_login=free replay=no",
    ),
    "any answer": (
        RIGHT,
        bold(Outcome.REJ_GENERIC, MailKind.T5),
        "readable=yes automatic=no sender=single authentication=pass|none|temperror duplicate=no|same-request stop=no"
        " limit=no|sender|domain|failures|login answer=open" + CLEAN,
    ),
}
"""What the floor lets through, fact by fact. The tests above take the tables of the floor and would follow them."""


@pytest.mark.parametrize("name", TOLD)
def test_the_floor_is_as_high_as_it_is_told(name: str) -> None:
    right, rule, told = TOLD[name]
    passes = {
        fact: [w for w in words if not decide(replace(right, **{fact: w}), (), "", only(rule)).floor]
        for fact, words in FACTS.items()
    }
    lowered = {fact: set(words) for fact, words in passes.items() if len(words) < len(FACTS[fact])}
    assert lowered == {fact: set(words.split("|")) for fact, words in (one.split("=") for one in told.split())}


UNREADABLE = replace(RIGHT, readable="no")


def test_a_proven_sender_hears_that_his_unreadable_mail_came() -> None:
    decision = decide(UNREADABLE, (), "", only(bold(Outcome.REVIEW, MailKind.T1)))
    assert (decision.outcome, decision.mails, decision.floor) == (Outcome.REVIEW, (MailKind.T1,), ())


@pytest.mark.parametrize("authentication", [w for w in FACTS["authentication"] if w != "pass"])
def test_nobody_else_does(authentication: str) -> None:
    facts = replace(UNREADABLE, authentication=authentication)
    assert decide(facts, (), "", only(bold(Outcome.REVIEW, MailKind.T1))).mails == ()


@pytest.mark.parametrize(
    ("outcome", "mails"),
    [
        (Outcome.GENERAL, (MailKind.T1,)),
        (Outcome.REJ_FORMAL, (MailKind.T1, MailKind.T4)),
        (Outcome.REVIEW, (MailKind.T15,)),
        (Outcome.OK_A, ACTIVATION),
        (Outcome.OK_B, CASE_B),
    ],
)
def test_and_he_hears_nothing_more(outcome: Outcome, mails: tuple[MailKind, ...]) -> None:
    assert decide(UNREADABLE, (), "", only(bold(outcome, *mails))).mails == ()


@pytest.mark.parametrize(("fact", "word"), [(f, w) for f, w in UNANSWERED if f != "readable"])
def test_of_an_unreadable_mail_every_other_demand_stands(fact: str, word: str) -> None:
    facts = replace(UNREADABLE, **{fact: word})
    assert decide(facts, (), "", only(bold(Outcome.REVIEW, MailKind.T1))).mails == ()


def test_a_rule_for_unreadable_mail_must_keep_to_proven_senders() -> None:
    rule = replace(bold(Outcome.REVIEW, MailKind.T1), when={**ANSWER_DEMANDS, "readable": ("no",)})
    (reason, mend), *_ = floor.mistakes(rule, (), SPACE)
    assert reason.startswith("security floor: T1 needs readable=yes or authentication=pass")
    assert "authentication: pass" in mend
    proven = replace(rule, when={**rule.when, "authentication": ("pass",)})
    assert floor.mistakes(proven, (), SPACE) == ()


T = MailKind
SHAPES = {
    "case B outcome": (Outcome.OK_B, (T.T1,)),
    "case B without the warning": (Outcome.OK_B, (T.T1, T.T2B, T.T3)),
    "case B, warning last": (Outcome.OK_B, (T.T1, T.T2B, T.T3, T.T14)),
    "case B mails under case A": (Outcome.OK_A, (T.T1, T.T14, T.T2B, T.T3)),
    "notice of a used link": (Outcome.REVIEW, (T.T1, T.T19)),
    "resolution of case B": (Outcome.OK_A, (T.T1, T.T2B, T.T3)),
    "notice to the old login": (Outcome.REVIEW, (T.T1, T.T14)),
    "notice of a break": (Outcome.GENERAL, (T.T12,)),
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
    assert floor.mistakes(bold(outcome, *mails), (), SPACE)


NEEDS = [
    ("T9 answers a complaint in time", Outcome.REVIEW, (T.T9,), {"thread": "own", "complaint": "in-time"}),
    ("T10 answers one too late", Outcome.REVIEW, (T.T10,), {"thread": "own", "complaint": "late"}),
    ("a complaint opens the sender's ticket", Outcome.COMPLAINT_OK, (), {"thread": "own", "complaint": "in-time"}),
    ("a late complaint names its ticket", Outcome.COMPLAINT_LATE, (), {"thread": "own", "complaint": "late"}),
    ("T13 answers one question", Outcome.GENERAL, (T.T13,), {"faq": "sure"}),
    ("FAQ is one question", Outcome.FAQ, (), {"faq": "sure"}),
    ("T18 tells of a limit", Outcome.RATE_LIMITED, (T.T18,), {"limit": "sender"}),
    ("an update of the sender's ticket", Outcome.TICKET_UPDATE, (), {"thread": "own"}),
]
UNTOLD = [(*need[1:], fact) for need in NEEDS for fact in need[3]]


@pytest.mark.parametrize(("outcome", "mails", "needs", "fact"), UNTOLD)
def test_what_words_of_a_mail_take_for_granted(
    outcome: Outcome, mails: tuple[MailKind, ...], needs: dict[str, str], fact: str
) -> None:
    right = replace(RIGHT, **needs)
    rules = only(bold(outcome, *mails))
    assert decide(right, (), "", rules).floor == ()
    refused = decide(replace(right, **{fact: FACTS[fact][0]}), (), "", rules)
    assert (refused.outcome, refused.mails, refused.desk) == (Outcome.REVIEW, (), "BEZPIECZENSTWO")
    when = {name: (word,) for name, word in needs.items() if name != fact} | {
        name: words for name, words in ANSWER_DEMANDS.items() if name not in needs
    }
    found = floor.mistakes(replace(bold(outcome, *mails), when=when), (), SPACE)
    assert found
    assert all(fact in reason for reason, _ in found)
    whole = {**when, fact: (needs[fact],)}
    assert floor.mistakes(replace(bold(outcome, *mails), when=whole), (), SPACE) == ()


def test_over_the_loop_limit_one_mail_is_left() -> None:
    looping = replace(RIGHT, limit="answers")
    assert decide(looping, (), "", only(bold(Outcome.RATE_LIMITED, T.T18))).mails == (T.T18,)
    for mails in ((T.T1,), (T.T1, T.T18)):
        assert decide(looping, (), "", only(bold(Outcome.RATE_LIMITED, *mails))).floor


def test_a_stop_may_change_a_ticket_that_the_mail_does_not_name() -> None:
    rules = only(bold(Outcome.TICKET_UPDATE))
    assert decide(replace(RIGHT, stop="yes"), (), "", rules).floor == ()
    assert decide(RIGHT, (), "", rules).floor == ("TICKET_UPDATE needs thread=own or stop=yes, saw none, no",)


def test_a_rule_that_is_only_watched_must_be_safe_and_guards_nothing() -> None:
    watched = replace(bold(Outcome.REJ_GENERIC, T.T5), shadow=True)
    assert floor.mistakes(watched, (), SPACE)


def test_what_cannot_be_told_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "BUDGET", 0)
    (reason, mend), *_ = floor.mistakes(bold(Outcome.REJ_GENERIC, T.T5), (), SPACE)
    assert "nobody can tell" in reason
    assert "name the facts in the rule" in mend
    named = replace(bold(Outcome.REJ_GENERIC, T.T5), when=ANSWER_DEMANDS)
    assert floor.mistakes(named, (), SPACE) == ()  # nothing forbidden is left to search
