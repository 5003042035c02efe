"""fixtures/: the cases are well-formed, cover the decision table, and have the outcome written beside them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import yaml

from mailbot.accounts import memory
from mailbot.cli import compose
from mailbot.config import AuthenticationSettings, Settings
from mailbot.facts import login_to_ask
from mailbot.model import (
    Defect,
    Difference,
    Duplicate,
    Envelope,
    MailKind,
    Outcome,
    RawMessage,
    Source,
    State,
    SubjectClass,
)
from mailbot.pipeline import Pipeline
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from tests.citizens import AUTHSERV_ID
from tests.explain import RECEIVED, Explained, explain
from tests.support import ROOT

FIXTURES = ROOT / "fixtures"
MAILS = sorted((FIXTURES / "mail").glob("*.eml"))
CASES: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((FIXTURES / "mail").glob("*.yaml"))
}
BODY_DEFECTS = frozenset(list(Defect)[: list(Defect).index(Defect.ATTACHMENT_MISSING) + 1])
ALONE = {
    name: case for name, case in CASES.items() if case["via"] == "lmtp" and case["expect"]["outcome"] != "DUPLICATE"
}
"""Cases that one mail with our MX's header decides."""


@pytest.fixture(scope="module")
def accounts() -> memory.MemoryDirectory:
    return memory.load(FIXTURES / "accounts.yaml", datetime.fromisoformat(RECEIVED).year)


@pytest.fixture(scope="module")
def flow(accounts: memory.MemoryDirectory) -> Pipeline:
    settings = replace(Settings(), authentication=AuthenticationSettings(authserv_id=AUTHSERV_ID))
    resolver = StaticResolver.read(FIXTURES / "dns.yaml")
    return compose.pipeline(settings, Secret(bytes(32)), accounts, resolver, random.Random(0))


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
    assert set(case) == {"why", "via", "envelope", "expect"}
    assert case["via"] in ("lmtp", "smtp")
    assert set(case["envelope"]) == {"mail_from", "rcpt_to"}
    assert expect["subject_class"] in {*SubjectClass, "AUTO"}
    assert Outcome(expect["outcome"])
    assert State(expect["state"])
    assert {*expect["defects"]} <= {*Defect}
    assert {*expect["mails"]} <= {*MailKind}
    assert {*expect.get("differences", [])} <= {*Difference}


def test_cover_every_word_of_the_stage() -> None:
    expects = [case["expect"] for case in CASES.values()]
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


def test_people_are_invented() -> None:
    accounts = yaml.safe_load((FIXTURES / "accounts.yaml").read_text(encoding="utf-8"))
    assert len(accounts) >= 20
    assert all(account["login"].endswith(".example") for account in accounts.values())


def test_duplicate_is_the_same_octets() -> None:
    twins: dict[bytes, list[str]] = {}
    for path in MAILS:
        twins.setdefault(path.read_bytes(), []).append(CASES[path.stem]["expect"]["outcome"])
    assert [words for words in twins.values() if len(words) > 1] == [["OK_A", "DUPLICATE"]]


@pytest.mark.parametrize("name", CASES)
def test_decision_on_the_road_of_the_case(name: str, flow: Pipeline, accounts: memory.MemoryDirectory) -> None:
    case, expect = CASES[name], CASES[name]["expect"]
    envelope = Envelope(Source(case["via"]), case["envelope"]["mail_from"], ("helpdesk-eclo@mf.gov.pl",), "127.0.0.1")
    raw = (FIXTURES / "mail" / f"{name}.eml").read_bytes()
    understood = flow.understand(RawMessage(raw, envelope, datetime.fromisoformat(RECEIVED)))
    login = login_to_ask(understood)
    seen = Duplicate.SAME_MESSAGE if expect["outcome"] == Outcome.DUPLICATE else Duplicate.NO
    _, decision = flow.decide(understood, accounts.find(None, login) if login else None, seen)
    assert decision.outcome == expect["outcome"], decision.rule
    assert (decision.category, decision.state, list(decision.mails)) == (
        expect["category"],
        expect["state"],
        expect["mails"],
    )
    if decision.outcome is Outcome.REJ_FORMAL:
        assert list(decision.defects) == expect["defects"]
    if "differences" in expect:
        assert [code for code, _ in understood.subject.differences] == expect["differences"]


@pytest.mark.parametrize("name", ALONE)
def test_outcome(name: str, explained: Explained) -> None:
    found = explained.by_name()[name]
    wanted = {key: value for key, value in ALONE[name]["expect"].items() if key != "differences"}
    assert {key: found.get(key) for key in wanted} == wanted


def test_explain_takes_the_folder(explained: Explained) -> None:
    assert explained.exit_code == 0, explained.stderr
    assert sorted(path for path, _ in explained.objects) == MAILS
