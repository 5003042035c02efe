"""rules/limits.yaml: the shipped values, and that no limit can be switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.ruleset import limits
from mailbot.ruleset.model import Limit
from tests.support import ROOT
from tests.unit.ruleset.readings import reading

SHIPPED = ROOT / "rules" / "limits.yaml"

TEXT = """\
per_sender: {mails: 5, hours: 1}
per_domain: {mails: 20, hours: 1, exempt: [wp.pl]}
failures: {mails: 3, hours: 24}
answers: {mails: 10, hours: 24}
"""


def test_shipped_are_those_of_the_decision_table() -> None:
    found, findings = reading(limits.read, SHIPPED)
    assert findings == []
    assert found is not None
    assert (found.per_sender, found.per_domain) == (Limit(5, 1), Limit(20, 1))
    assert (found.failures, found.answers) == (Limit(3, 24), Limit(5, 24))
    assert {"wp.pl", "o2.pl", "onet.pl", "op.pl", "interia.pl", "gmail.com", "outlook.com"} <= found.exempt_domains
    assert not any(domain.endswith(".example") for domain in found.exempt_domains)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("answers: {mails: 10", "answers: {mails: 21", 'answers.mails: "21" is not a whole number from 1 to 20'),
        ("answers: {mails: 10", "answers: {mails: 0", 'answers.mails: "0" is not a whole number from 1 to 20'),
        ("answers: {mails: 10", "answers: {mails: -1", 'answers.mails: "-1" is not a whole number from 1 to 20'),
        ("answers: {mails: 10", "answers: {mails: off", 'answers.mails: "off" is not a whole number from 1 to 20'),
        ("answers: {mails: 10", "answers: {mails: .inf", 'answers.mails: ".inf" is not a whole number from 1 to 20'),
        ("mails: 10, hours: 24", "mails: 10, hours: 1", 'answers.hours: "1" is not a whole number from 24 to 168'),
        ("mails: 3", "mails: 11", 'failures.mails: "11" is not a whole number from 1 to 10'),
        ("mails: 3, hours: 24", "mails: 3, hours: 1", 'failures.hours: "1" is not a whole number from 24 to 168'),
        ("mails: 5, hours: 1", "mails: 101, hours: 1", 'per_sender.mails: "101" is not a whole number from 1 to 100'),
        ("mails: 5, hours: 1", "mails: 5, hours: 25", 'per_sender.hours: "25" is not a whole number from 1 to 24'),
        ("mails: 20", "mails: 10001", 'per_domain.mails: "10001" is not a whole number from 1 to 10000'),
        ("answers:", "answer:", 'answer: "answer" is no known key; mend: did you mean "answers"?'),
        ("mails: 5", "mail: 5", 'per_sender.mails: is missing; mend: write "mails:" here'),
        ("[wp.pl]", '["@wp.pl"]', 'per_domain.exempt: "@wp.pl" is no domain'),
        ("[wp.pl]", "[WP.pl]", 'per_domain.exempt: "WP.pl" is no domain'),
        ("[wp.pl]", "[pl]", 'per_domain.exempt: "pl" is no domain'),
        ("[wp.pl]", "[wp.pl, wp.pl]", 'per_domain.exempt: "wp.pl" stands twice; mend: keep one'),
        ("[wp.pl]", "wp.pl", "per_domain.exempt: must be a list"),
        ("{mails: 3, hours: 24}", "no", "failures: must be a mapping"),
    ],
)
def test_mistakes(old: str, new: str, finding: str, tmp_path: Path) -> None:
    assert TEXT.count(old) == 1
    _, findings = reading(limits.read, tmp_path / "limits.yaml", TEXT.replace(old, new))
    assert any(finding in line for line in findings), findings
    assert all("; mend: " in line for line in findings)


def test_an_empty_list_of_providers_is_the_admins_choice(tmp_path: Path) -> None:
    found, findings = reading(limits.read, tmp_path / "limits.yaml", TEXT.replace("[wp.pl]", "[]"))
    assert findings == []
    assert found is not None
    assert found.exempt_domains == frozenset()


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("{hour: 21, day: 30, week: 40}", 'ladder.address.hour: "21" is not a whole number from 1 to 20'),
        ("{hour: 12, day: 41, week: 45}", 'ladder.address.day: "41" is not a whole number from 1 to 40'),
        ("{hour: 12, day: 40, week: off}", 'ladder.address.week: "off" is not a whole number from 1 to 100'),
        ("{hour: 12, day: 10, week: 40}", "ladder.address: less may leave in a longer time than in a shorter one"),
        ("{hour: 12, day: 20}", "ladder.address.week: is missing"),
    ],
)
def test_no_ladder_goes_on_for_ever(line: str, finding: str, tmp_path: Path) -> None:
    text = f"{TEXT}ladder:\n  address: {line}\n  domain: {{hour: 60, day: 150, week: 500}}\n"
    _, findings = reading(limits.read, tmp_path / "limits.yaml", text)
    assert any(finding in str(one) for one in findings), findings


def test_a_rule_set_of_before_has_the_shipped_ladder(tmp_path: Path) -> None:
    found, _ = reading(limits.read, tmp_path / "limits.yaml", TEXT)
    shipped, _ = reading(limits.read, SHIPPED)
    assert found is not None
    assert shipped is not None
    assert found.ladders == shipped.ladders
