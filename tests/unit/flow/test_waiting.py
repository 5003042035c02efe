"""Which mails wait for a check of their files: those about which, or about whose refusal, it could tell anything."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.flow.decision import decide, is_moved_by_check
from mailbot.flow.facts import needs_check
from mailbot.flow.lookup import Assessment, LookupResult
from mailbot.flow.plan import waits_for_check
from mailbot.model import (
    ApplicationCheck,
    ApplicationState,
    Decision,
    Desk,
    Duplicate,
    DuplicateCheck,
    MailKind,
    Outcome,
    State,
    Understanding,
)
from mailbot.request.topics import NOTHING_SAID
from mailbot.ruleset.model import Rule, Ruleset
from mailbot.signatures.detect import Detected, detect, looks_executable
from mailbot.tickets.rate_limits import CountedFor
from tests import prototype
from tests.once import shipped
from tests.total_table import DATA, FILES, KEPT, SENDERS, Combination, known, told, understanding, understood

RULES = shipped()
GOOD: Combination = ("EXACT", "LOGIN", "A", "OK", "UNSIGNED", "NONE")
FIRST_LOOK = (ApplicationState.NONE, ApplicationState.MALWARE)
ANY_STATE = [ApplicationCheck(state) for state in ApplicationState if state not in FIRST_LOOK]


def assessed(u: Understanding, c: Combination, rules: Ruleset = RULES) -> Assessment:
    found = LookupResult(None, DuplicateCheck(Duplicate.NO), known(c), CountedFor())
    facts, defects, category = told(u, c, rules)
    return Assessment(u, found, NOTHING_SAID, facts, decide(facts, defects, category, rules, KEPT))


def waits(c: Combination, rules: Ruleset = RULES) -> bool:
    return waits_for_check(assessed(understood(c), c, rules))


def visible(decision: Decision) -> Decision:
    return replace(decision, trace=())


@pytest.fixture(scope="module")
def exact(corpora: Path) -> list[Combination]:
    """Of the total table, those of the procedure whose files are not told at the first look."""
    total = prototype.load(corpora)
    every = itertools.product(("EXACT",), total.SENDER, total.PHRASE, total.DATA, total.ATT, total.GUARD)
    return [c for c in every if needs_check(understood(c))]


def test_whatever_a_check_would_have_found_the_decision_is_the_same(exact: list[Combination]) -> None:
    at_once = [c for c in exact if not waits(c)]
    assert len(at_once) > 100
    for c in at_once:
        without = assessed(understood(c), c)
        assert without.decision.outcome in (Outcome.OK_A, Outcome.REJ_FORMAL), c
        found = [understanding(c), *(replace(understood(c), checked=one) for one in ANY_STATE)]
        for u in found:
            assert visible(assessed(u, c).decision) == visible(without.decision), (c, u.checked.state)


def test_no_hour_tells_what_the_registry_says(exact: list[Combination]) -> None:
    """Mails that look the same and get the same answer get it equally soon, but for the link."""
    groups = defaultdict(set)
    for c in exact:
        decision = assessed(understanding(c), c).decision
        groups[c[2], c[3] if c[3] in ("EMPTY", *DATA) else "", c[4], c[5], decision.mails].add(waits(c))
    same = {group: soon for group, soon in groups.items() if MailKind.T3 not in group[-1]}
    assert all(len(soon) == 1 for soon in same.values()), [group for group, soon in same.items() if len(soon) > 1]


@pytest.mark.parametrize(
    ("c", "expected"),
    [
        (GOOD, False),
        *(((*GOOD[:4], file, "NONE"), False) for file in FILES),
        (("EXACT", "LOGIN", "A", "NAME_MISSING", "QUALIFIED_OK", "NONE"), False),
        (("EXACT", "NOT_LOGIN", "A", "NAME_MISSING", "QUALIFIED_OK", "NONE"), False),
        (("EXACT", "NOT_LOGIN", "A", "OK", "QUALIFIED_OK", "NONE"), True),
        (("EXACT", "NOT_LOGIN", "A", "OK", "UNSIGNED", "NONE"), True),
        (("EXACT", "LOGIN", "A", "NAME_MISMATCH", "UNSIGNED", "NONE"), True),
        (("EXACT", "LOGIN", "A", "NAME_DOUBT", "UNSIGNED", "NONE"), True),
        (("EXACT", "LOGIN_BLOCKED", "A", "OK", "UNSIGNED", "NONE"), True),
        (("EXACT", "LOGIN", "A", "OK", "UNSIGNED", "RATE_LIMIT"), True),
        (("EXACT", "LOGIN", "A", "OK", "UNSIGNED", "DUPLICATE"), True),
        (("EXACT", "LOGIN", "B", "OK", "QUALIFIED_OK", "NONE"), True),
        (("EXACT", "LOGIN", "B", "NAME_MISSING", "QUALIFIED_OK", "NONE"), True),
        (("EXACT", "LOGIN", "NONE", "OK", "QUALIFIED_OK", "NONE"), True),
        (("EXACT", "NOAUTH_LOGIN", "A", "OK", "QUALIFIED_OK", "NONE"), False),
        (("EXACT", "LOGIN", "A", "OK", "MALWARE", "NONE"), False),
        (("EXACT", "LOGIN", "A", "OK", "NONE", "NONE"), False),
        (("OTHER", "LOGIN", "NONE", "OK", "QUALIFIED_OK", "NONE"), False),
    ],
)
def test_who_waits(c: Combination, expected: bool) -> None:
    assert c[1] in SENDERS
    assert waits(c) == expected


def test_of_what_was_checked_nothing_waits(exact: list[Combination]) -> None:
    assert not any(waits_for_check(assessed(understanding(c), c)) for c in exact)


def rule(when: dict[str, tuple[str, ...]], *, shadow: bool = False) -> Rule:
    """An office's own rule, which gives the mail to a person."""
    return Rule("asks", None, "", when, Outcome.REVIEW, None, State.DO_WERYFIKACJI, Desk.II_LINIA, (), shadow)


@pytest.mark.parametrize(
    ("when", "shadow", "expected"),
    [
        ({"application": ("qualified",)}, False, True),
        ({"phrase": ("A",), "application": ("unsigned", "container")}, False, True),
        ({"phrase": ("A",), "application": ("not-asked",)}, False, True),
        ({"phrase": ("A",), "application": ("qualified",)}, True, True),
        ({"application": ("qualified",), "phrase": ("A",), "name": ("ok",)}, False, True),
        ({"application": ("qualified",), "phrase": ("B",)}, False, False),
        ({"phrase": ("B",), "application": ("qualified",)}, False, False),
        ({"application": ("malware", "none")}, False, False),
        ({"name": ("doubt",), "application": ("qualified",)}, True, False),
    ],
)
def test_a_rule_that_asks_for_the_files_gets_them(
    when: dict[str, tuple[str, ...]], shadow: bool, expected: bool
) -> None:
    """Wherever the word could change what the rule says, be the rule only watched."""
    rules = replace(RULES, rules=(rule(when, shadow=shadow), *RULES.rules))
    assert waits(GOOD, rules) == expected
    decided = [visible(assessed(replace(understood(GOOD), checked=one), GOOD, rules).decision) for one in ANY_STATE]
    assert any(one != decided[0] for one in decided) == expected


def test_over_any_rules_exactly_what_a_check_could_change_waits() -> None:
    lot, facts = random.Random(1), assessed(understood(GOOD), GOOD).facts
    moved = 0
    for _ in range(400):
        drawn = []
        for _ in range(lot.randint(1, 4)):
            words = {"application": [one.state.value for one in ANY_STATE]}
            words |= {fact: [getattr(facts, fact), "other"] for fact in ("phrase", "name", "limit")}
            asked = lot.sample(sorted(words), lot.randint(1, 3))
            when = {fact: tuple(lot.sample(words[fact], lot.randint(1, len(words[fact]) - 1))) for fact in asked}
            drawn.append(rule(when, shadow=lot.random() < 0.4))
        named = [replace(one, name=f"asks-{n}") for n, one in enumerate(drawn)]
        rules = replace(RULES, rules=(*named, *RULES.rules))
        decided = [decide(replace(facts, application=one.state.value), (), "", rules) for one in ANY_STATE]
        differ = any(visible(one) != visible(decided[0]) for one in decided)
        without = decide(facts, (), "", rules)
        assert is_moved_by_check(without, facts) == differ, [one.when for one in drawn]
        moved += differ
    assert 100 < moved < 300


def test_a_rule_below_the_one_that_decides_gets_nothing() -> None:
    assert not waits(GOOD, replace(RULES, rules=(*RULES.rules, rule({"application": ("qualified",)}))))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *(("skan.pdf", magic) for magic in (b"MZ\x90\x00", b"\x7fELF\x02", b"\xca\xfe\xba\xbe\x00", b"#!/bin/sh\n")),
        ("a.pdf", b"\xef\xbb\xbf@echo off\r\n"),
        ("a.pdf", b"L\x00\x00\x00\x01\x14\x02\x00"),
    ],
)
def test_a_program_is_seen_at_the_first_look(name: str, data: bytes) -> None:
    """What a check would call a program needs no check to be called so."""
    assert detect(data) is Detected.EXECUTABLE
    assert looks_executable(name, data)
