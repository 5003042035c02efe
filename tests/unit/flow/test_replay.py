"""A stored decision taken again."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from mailbot.flow.replay import READ_ANEW, again, differs, lacks_check, reads_text, words_of
from mailbot.model import Defect, Facts, MailKind
from mailbot.request.topics import NOTHING_SAID
from mailbot.ruleset import loader
from mailbot.ruleset.model import Ruleset
from mailbot.service.places import SHIPPED_RULES
from mailbot.tickets.decisions import StoredDecision

FACTS = {
    "readable": "yes", "automatic": "no", "sender": "single", "authentication": "pass", "duplicate": "no",
    "subject": "OTHER", "phrase": "none", "attachment": "no", "defects": "no", "account": "unknown", "name": "unknown",
    "year": "unknown", "application": "none",
}  # fmt: skip
"""What the first version recorded."""
STORED = StoredDecision(
    1, "ZGL0000001", datetime(2026, 11, 20, 9, tzinfo=UTC), "0" * 64, "question-from-anybody", "MORE", FACTS, (), (),
    ("T6",), 1,
)  # fmt: skip


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    return loader.load(SHIPPED_RULES)


def test_facts_that_were_not_recorded_are_neutral(ruleset: Ruleset) -> None:
    now = again(STORED, {}, ruleset)
    assert now.rule == "question-from-anybody"
    assert not differs(STORED, now)


def test_a_fact_that_is_known_no_more_is_left_out(ruleset: Ruleset) -> None:
    assert again(replace(STORED, facts={**FACTS, "moon": "full"}), {}, ruleset).rule == STORED.rule


def test_what_was_read_anew_takes_the_place(ruleset: Ruleset) -> None:
    stored = replace(STORED, facts={**FACTS, "topic": "none"})
    assert again(stored, {"topic": "usuniecie-konta"}, ruleset).mails == (MailKind.T11,)


def test_formal_defects_go_with_it(ruleset: Ruleset) -> None:
    facts = {**FACTS, "subject": "EXACT", "defects": "yes", "account": "not-asked"}
    now = again(replace(STORED, facts=facts, defects=(Defect.EMPTY,)), {}, ruleset)
    assert (now.rule, now.defects) == ("formal-defects", (Defect.EMPTY,))


GRANTED = {
    "subject": "EXACT", "phrase": "A", "attachment": "yes", "account": "active", "name": "ok", "year": "ok",
    "application": "not-asked",
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "lacks"),
    [
        (GRANTED, True),
        ({**GRANTED, "application": "unsigned"}, False),
        ({**GRANTED, "name": "mismatch"}, False),
        ({**GRANTED, "authentication": "none"}, False),
        ({**GRANTED, "phrase": "B"}, False),
    ],
)
def test_files_that_nobody_checked_and_a_new_rule_asks_for(
    ruleset: Ruleset, facts: dict[str, str], lacks: bool
) -> None:
    stored = replace(STORED, facts={**FACTS, **facts})
    assert not lacks_check(stored, again(stored, {}, ruleset))
    case_a = next(rule for rule in ruleset.rules if rule.name == "case-a")
    asks = replace(case_a, name="signed", when={"name": ("ok",), "application": ("qualified",)})
    assert lacks_check(stored, again(stored, {}, replace(ruleset, rules=(asks, *ruleset.rules)))) == lacks


DIFFERENT = {
    "rule": replace(STORED, rule="another"),
    "outcome": replace(STORED, outcome="REVIEW"),
    "mails": replace(STORED, mails=("T1", "T6")),
    "number of mails": replace(STORED, mails=None, count=2),
    "floor": replace(STORED, floor=("forbidden",)),
}
SAME = {
    "other rule set": replace(STORED, ruleset="1" * 64),
    "mails not known": replace(STORED, mails=None),
    "not even counted": replace(STORED, mails=None, count=None),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name: str, ruleset: Ruleset) -> None:
    assert differs(DIFFERENT[name], again(STORED, {}, ruleset))


@pytest.mark.parametrize("name", SAME)
def test_the_same(name: str, ruleset: Ruleset) -> None:
    assert not differs(SAME[name], again(STORED, {}, ruleset))


@pytest.mark.parametrize(
    ("changed", "reads"),
    [
        ({}, True),
        ({"subject": "NOWE"}, True),
        ({"subject": "EXACT"}, False),
        ({"subject": "NEAR"}, False),
        ({"automatic": "bulk"}, False),
        ({"readable": "no"}, False),
    ],
)
def test_only_where_the_text_counts_it_is_read(changed: dict[str, str], reads: bool) -> None:
    assert reads_text({**FACTS, **changed}) is reads


def test_what_is_read_anew_are_facts() -> None:
    assert set(READ_ANEW) <= {f.name for f in fields(Facts)}
    assert words_of(NOTHING_SAID) == {"topic": "none", "service": "none", "faq": "none", "language": "pl"}
