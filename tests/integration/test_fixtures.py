"""fixtures/: the cases are well-formed, cover the decision table, and have the outcome written beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mailbot.cli import cli
from mailbot.model import Defect, Difference, MailKind, Outcome, State, SubjectClass
from tests.citizens import AUTHSERV_ID
from tests.explain import Explained, explain
from tests.once import shipped
from tests.support import ROOT

FIXTURES = ROOT / "fixtures"
MAILS = sorted((FIXTURES / "mail").glob("*.eml"))
CASES: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((FIXTURES / "mail").glob("*.yaml"))
    if not path.name.endswith(".state.yaml")
}
BODY_DEFECTS = frozenset(list(Defect)[: list(Defect).index(Defect.ATTACHMENT_MISSING) + 1])
BEHIND_OUR_MX = {name: case for name, case in CASES.items() if case["via"] == "lmtp"}
"""Cases that ``explain`` decides by the header of our MX, with the history beside them where there is one."""


@pytest.fixture(scope="module")
def explained() -> Explained:
    return explain(FIXTURES / "mail", FIXTURES / "accounts.yaml")


def test_each_mail_has_its_case() -> None:
    assert [path.stem for path in MAILS] == list(CASES)
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_words(name: str) -> None:
    case = CASES[name]
    expect = case["expect"]
    assert {"why", "via", "envelope", "expect"} <= set(case) <= {"why", "via", "envelope", "expect", "says", "not"}
    assert case["via"] in ("lmtp", "smtp")
    assert set(case["envelope"]) == {"mail_from", "rcpt_to"}
    assert expect["subject_class"] in {*SubjectClass, "AUTO"}
    assert Outcome(expect["outcome"])
    assert State(expect["state"])
    assert {*expect["defects"]} <= {*Defect}
    assert {*expect["mails"]} <= {*MailKind}
    assert {*expect.get("differences", [])} <= {*Difference}


def test_cover_every_word() -> None:
    expects = [case["expect"] for case in CASES.values()]
    elsewhere = {Outcome.OK_B, Outcome.SPAM}  # case_b.yaml; needs a setting: test_machines.py
    assert {Outcome(expect["outcome"]) for expect in expects} == {*Outcome} - elsewhere
    assert {Defect(word) for expect in expects for word in expect["defects"]} == BODY_DEFECTS
    assert {Difference(word) for expect in expects for word in expect.get("differences", [])} == {*Difference}
    assert sum(expect["outcome"] == "OK_A" for expect in expects) >= 20


def test_line_ends_survive_git() -> None:
    broken = [path.name for path in MAILS if b"\n" in path.read_bytes().replace(b"\r\n", b"")]
    assert broken == []


def test_mails_of_the_smtp_road_carry_no_line_of_our_mx() -> None:
    ours = b"by mx.helpdesk.example"
    for name, case in CASES.items():
        raw = (FIXTURES / "mail" / f"{name}.eml").read_bytes()
        assert (ours in raw) == (case["via"] == "lmtp" and raw != b""), name


def sent_within_the_demo() -> Iterator[tuple[str, str]]:
    """(sender, outcome) of every mail that the demo feeds through one database within an hour, and that counts."""
    for name, case in CASES.items():
        outcome = case["expect"]["outcome"]
        apart = (FIXTURES / "mail" / f"{name}.state.yaml").exists() and outcome != "DUPLICATE"
        if not apart and outcome not in ("NO_REPLY", "QUARANTINE", "DUPLICATE"):
            yield case["envelope"]["mail_from"].lower(), outcome


def test_the_demo_stays_under_the_limits() -> None:
    told = shipped().limits
    senders = Counter(sender for sender, _ in sent_within_the_demo())
    domains = Counter(sender.rpartition("@")[2] for sender, _ in sent_within_the_demo())
    refused = Counter(sender for sender, outcome in sent_within_the_demo() if outcome == "REJ_GENERIC")
    assert max(senders.values()) < told.per_sender.mails
    assert max(domains.values()) < told.per_domain.mails
    assert max(refused.values()) < told.failures.mails


def test_people_are_invented() -> None:
    accounts = yaml.safe_load((FIXTURES / "accounts.yaml").read_text(encoding="utf-8"))
    assert len(accounts) >= 20
    assert all(account["login"].endswith(".example") for account in accounts.values())


def test_duplicate_is_the_same_octets() -> None:
    twins: dict[bytes, list[str]] = {}
    for path in MAILS:
        twins.setdefault(path.read_bytes(), []).append(CASES[path.stem]["expect"]["outcome"])
    assert [words for words in twins.values() if len(words) > 1] == [["OK_A", "DUPLICATE"]]


def test_every_case_on_its_own_road_and_what_its_mails_say() -> None:
    """As an admin would: with the DNS and the accounts of the folder, and the mails rendered."""
    arguments = ("rules", "test", str(FIXTURES / "mail"), "--authserv-id", AUTHSERV_ID, "--json")
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one for one in told if one.get("wrong")] == []
    assert result.exit_code == 0
    assert len(told) >= len(CASES)


@pytest.mark.parametrize("name", BEHIND_OUR_MX)
def test_outcome(name: str, explained: Explained) -> None:
    found = explained.by_name()[name]
    wanted = {key: value for key, value in BEHIND_OUR_MX[name]["expect"].items() if key != "differences"}
    assert {key: found.get(key) for key in wanted} == wanted


def test_explain_takes_the_folder(explained: Explained) -> None:
    assert explained.exit_code == 0, explained.stderr
    assert sorted(path for path, _ in explained.objects) == MAILS
