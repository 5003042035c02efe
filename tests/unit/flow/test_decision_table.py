"""The shipped rules against the total decision table (prototypes/decision.py): all 78,732 combinations of its factors.

tests/total_table.py makes a mail, an account and a history of each combination; facts.py and the rules do the rest.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailbot.flow.decision import decide
from mailbot.model import Decision, MailKind, Outcome
from mailbot.ruleset.model import Ruleset
from tests import prototype
from tests.once import shipped
from tests.prototype import Row, row
from tests.total_table import KEPT, Combination, Told, assess

COUNT = 78_732
LINKS = {Outcome.OK_A: 17, Outcome.OK_B: 2}
"""Combinations that send an activation link (procedure §3)."""
UNPROVEN = ("NOAUTH_LOGIN", "NOAUTH_NOT_LOGIN")
MISSING = ("NAME_MISSING", "YEAR_MISSING", "PLACEHOLDER", "TWO_PERSONS")


# ------------------------------------------------------------------------------------------ where it differs, and why


@dataclass(frozen=True, slots=True)
class Difference:
    """Combinations that are answered as the prototype answers others."""

    why: str
    holds: Callable[[Combination], bool]
    instead: Callable[[Combination], Combination]


def _files_of_unproven(c: Combination) -> bool:
    return c[0] == "EXACT" and c[1] in UNPROVEN and c[4] not in ("NONE", "MALWARE")


DIFFERENCES = (
    Difference(
        "Row 6 wants a correspondent of the ticket, and an address that nothing vouches for is nobody's (procedure"
        " §3.1: only an authenticated sender learns of his own matters). It is answered by row 7.",
        lambda c: c[0] == "ZGL_OWN" and c[1] in UNPROVEN,
        lambda c: ("ZGL_FOREIGN", *c[1:]),
    ),
    Difference(
        "Formal defects are checked first and alone, and with one of them the registry is not asked (procedure §3.1);"
        " PHRASE_A_WITH_APPLICATION needs the registry, so it is named when nothing else is wrong.",
        lambda c: c[:3] == ("EXACT", "NOT_LOGIN", "A") and c[3] in MISSING and c[4] not in ("NONE", "MALWARE"),
        lambda c: (*c[:4], "UNSIGNED", c[5]),
    ),
    Difference(
        "Files of a sender that nothing vouches for are not opened, so that T4 tells nobody what stands in them"
        " (procedure §3.5, backscatter). Under sentence B a person looks at them, as at those that are in doubt.",
        lambda c: _files_of_unproven(c) and c[2] == "B" and c[3] != "EMPTY",
        lambda c: (*c[:4], "INDETERMINATE", c[5]),
    ),
    Difference(
        "The same under sentence A or none, where an unopened file counts as an ordinary one: it makes the matter none"
        " of case B, and does not tell whether the sender is a login (procedure §3.1: only a proven one may learn it).",
        lambda c: _files_of_unproven(c) and (c[2] != "B" or c[3] == "EMPTY"),
        lambda c: (*c[:4], "UNSIGNED", c[5]),
    ),
)


# ------------------------------------------------------------------------------------------------------ the comparison


@dataclass(frozen=True)
class Table:
    """Every combination: what the program is told of it, and what the prototype says."""

    told: tuple[Told, ...]
    """Each once."""
    index: Mapping[Combination, int]
    """Combination → its place in ``told``."""
    plain: Mapping[Combination, Row]
    """What the prototype says of it."""
    rows: Mapping[tuple[int, Row], Combination]
    """What is told and expected with DIFFERENCES → one combination of these."""

    def mistakes(
        self, ruleset: Ruleset, among: Collection[int] | None = None
    ) -> list[tuple[Combination, Decision, Row]]:
        """Where ``ruleset`` decides otherwise; one combination of those that are told and answered alike.

        ``among``: places in ``told``; None: all.
        """
        decided = {n: decide(*self.told[n], ruleset, KEPT) for n in (range(len(self.told)) if among is None else among)}
        rows = (((n, row), c) for (n, row), c in self.rows.items() if n in decided)
        return [(c, decided[n], row) for (n, row), c in rows if not row.takes(decided[n])]


RULES = shipped()


@pytest.fixture(scope="module")
def table(corpora: Path) -> Table:
    total = prototype.load(corpora)
    factors = (total.SUBJECT, total.SENDER, total.PHRASE, total.DATA, total.ATT, total.GUARD)
    every: list[Combination] = list(itertools.product(*factors))
    known: dict[object, Row] = {}
    plain = {c: known.get(said) or known.setdefault(said, row(said)) for c in every for said in (total.decide(*c),)}
    told: dict[Told, int] = {}
    index = {c: told.setdefault(assess(c, RULES), len(told)) for c in every}
    instead = {c: d.instead(c) for d in DIFFERENCES for c in every if d.holds(c)}
    return Table(tuple(told), index, plain, {(index[c], plain[instead.get(c, c)]): c for c in every})


@pytest.fixture(scope="module")
def decided(table: Table) -> Mapping[Combination, Decision]:
    answers = [decide(*told, RULES, KEPT) for told in table.told]
    return {c: answers[n] for c, n in table.index.items()}


# ----------------------------------------------------------------------------------------------------- the comparison


def test_every_combination(table: Table) -> None:
    assert len(table.index) == COUNT
    assert table.mistakes(RULES)[:3] == []


def test_every_difference_is_one_and_none_hides_another(table: Table, decided: Mapping[Combination, Decision]) -> None:
    claimed = [[c for c in table.index if difference.holds(c)] for difference in DIFFERENCES]
    assert len({c for cs in claimed for c in cs}) == sum(map(len, claimed))
    assert all(any(not table.plain[c].takes(decided[c]) for c in cs) for cs in claimed)


def without(name: str) -> Ruleset:
    return replace(RULES, rules=tuple(rule for rule in RULES.rules if rule.name != name))


def changed(name: str, fact: str, *words: str) -> Ruleset:
    """``fact`` of a rule with other words; without words the fact is no longer asked."""
    rules = [
        replace(r, when={f: w for f, w in {**r.when, fact: words}.items() if w}) if r.name == name else r
        for r in RULES.rules
    ]
    return replace(RULES, rules=tuple(rules))


# fmt: off
ELSEWHERE = (
    "ambiguous-sender", "same-message", "stop", "unreadable", "case-a-with-file", "holder-in-doubt",
    "application-used-before", "thanks", "complaint", "explanation", "closed-ticket", "complaint-too-late",
    "closed-too-long-ago", "answer-to-our-question", "new-in-english", "delete-account", "change-password-yourself",
    "logging-in-blocked", "pesel-exists", "mailbox-lost", "nothing-but-thanks", "faq", "faq-in-doubt",
    "several-matters", "service-from-a-login", "question-from-a-login", "question-from-anybody", "for-a-person",
    "many-refusals-about-a-login", "old-arrival", "machine-in-doubt", "unsolicited", "sender-without-answer",
    "over-the-limit-without-answer", "same-request-without-answer", "unreadable-of-a-proven-sender",
)
# fmt: on
"""Rules about facts that the prototype knows nothing of, or says TOPIC or TICKET_UPDATE of all their mail."""
DOUBTS = ("sender-not-proven", "name-in-doubt", "application-in-doubt", "procedure-for-a-person")
"""Each alone could be missing: the last rules hand the mail to a person with the same answer."""


def test_a_missing_rule_is_seen(table: Table) -> None:
    deciding: dict[str, list[int]] = {rule.name: [] for rule in RULES.rules}
    for n, told in enumerate(table.told):
        deciding[decide(*told, RULES, KEPT).rule].append(n)
    unseen = {name for name, among in deciding.items() if not table.mistakes(without(name), among)}
    assert unseen == {*ELSEWHERE, *DOUBTS}


WORDS = {
    "a wrong name is no matter": changed("other-name", "name", "missing"),
    "a forger is answered": changed("forged-sender", "authentication", "temperror"),
    "NOWE of a blocked account": changed("new-from-a-login", "account", "active", "blocked"),
    "a wrong year is no matter": changed("other-year", "year", "missing"),
    "an invalid signature is good": changed("formal-defects", "phrase", "A", "none"),
    "a limit that nobody meets": changed("over-the-limit", "limit", "domain"),
    "somebody else's ticket": changed("more-about-a-ticket", "thread", "own", "foreign"),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_changed_word_is_seen(table: Table, name: str) -> None:
    assert table.mistakes(WORDS[name])


# ---------------------------------------------------------------------------------------------------- the invariants


def test_a_link_leaves_for_the_proven_holder_alone(decided: Mapping[Combination, Decision]) -> None:
    links = {c: d for c, d in decided.items() if MailKind.T3 in d.mails}
    assert Counter(d.outcome for d in links.values()) == LINKS
    for (subject, sender, said, data, attachment, guard), d in links.items():
        assert (subject, data, guard) == ("EXACT", "OK", "NONE")
        if d.outcome is Outcome.OK_A:
            assert (sender, said) == ("LOGIN", "A")
        else:
            assert (sender, said) == ("NOT_LOGIN", "B")
            assert attachment in ("QUALIFIED_OK", "TRUSTED_OK")


def test_forged_automatic_and_dangerous_mail_gets_no_answer(decided: Mapping[Combination, Decision]) -> None:
    dangerous = [d for c, d in decided.items() if c[0] == "AUTO" or c[1] == "SPOOF" or c[4] == "MALWARE"]
    assert dangerous
    assert all(d.mails == () for d in dangerous)


def test_mails_that_belong_to_one_outcome(decided: Mapping[Combination, Decision]) -> None:
    for d in decided.values():
        assert len(d.mails) <= 4
        assert (MailKind.T14 in d.mails) == (d.outcome is Outcome.OK_B)
        assert (MailKind.T5 in d.mails) == (d.outcome is Outcome.REJ_GENERIC)
        assert d.outcome is not Outcome.REJ_GENERIC or d.mails == (MailKind.T1, MailKind.T5)


PROVEN = dict.fromkeys(("LOGIN", "LOGIN_BLOCKED", "NOT_LOGIN"), "proven") | dict.fromkeys(UNPROVEN, "unproven")
GIVEN = dict.fromkeys(("NAME_MISMATCH", "NAME_DOUBT", "YEAR_MISMATCH"), "OK")
SIGNED = dict.fromkeys(("OLD_LOGIN_UNKNOWN", "OWNER_DIFFERS", "NEW_LOGIN_TAKEN"), "QUALIFIED_OK")
"""Words that only the registry tells apart → one of them: the mails look the same."""
REGISTRY = frozenset({Outcome.OK_A, Outcome.OK_B, Outcome.REJ_GENERIC, Outcome.REVIEW})
OWN_ADDRESS = (
    {Outcome.NEW_OK, Outcome.MORE},
    {Outcome.GENERAL, Outcome.MORE},
    {Outcome.REJ_FORMAL, Outcome.OK_A, Outcome.REJ_GENERIC, Outcome.REVIEW},
)
"""What the proven sender learns of his own address (rows 8, 9, 15, 16 and PHRASE_A_WITH_APPLICATION)."""


def _alike(decided: Mapping[Combination, Decision]) -> Iterable[tuple[Combination, list[Decision]]]:
    """The decisions about mails that look the same."""
    groups: dict[Combination, list[Decision]] = defaultdict(list)
    for c, d in decided.items():
        seen = (c[0], PROVEN.get(c[1], c[1]), c[2], GIVEN.get(c[3], c[3]), SIGNED.get(c[4], c[4]), c[5])
        groups[seen].append(d)
    return groups.items()


def test_an_answer_does_not_tell_what_the_registry_says(decided: Mapping[Combination, Decision]) -> None:
    for seen, decisions in _alike(decided):
        outcomes = {d.outcome for d in decisions}
        named = {d.defects for d in decisions if d.outcome is Outcome.REJ_FORMAL}
        assert len({d.category for d in decisions}) == 1, seen  # T1 tells it
        assert len(named) <= 1, seen
        if len(outcomes) == len({d.mails for d in decisions}) == 1:
            continue
        assert seen[1] == "proven", seen
        if not outcomes <= REGISTRY:
            assert any(outcomes <= told for told in OWN_ADDRESS), (seen, outcomes)
        if seen[0] == "EXACT":
            assert {d.mails[0] for d in decisions} == {MailKind.T1}, seen
