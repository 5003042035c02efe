"""``rules test`` and ``rules case``: an office's own golden cases."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from mailbot.cli import cli
from mailbot.errors import ConfigError
from tests.flow import mail
from tests.support import ROOT

ACCOUNTS = "jan: {login: jan.kowalski@wp.example, given: Jan, surname: Kowalski, year: 1980}\n"
CASE = """why: The proven holder asks.
authentication: pass
expect:
  outcome: OK_A
  mails: [T1, T2A, T3]
  facts: {account: active, name: ok}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one case that passes; its accounts lie above it."""
    monkeypatch.chdir(tmp_path)
    cases = tmp_path / "cases"
    (cases / "below").mkdir(parents=True)
    (cases / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8")
    (cases / "below" / "good.eml").write_bytes(mail(auth="none"))
    (cases / "below" / "good.yaml").write_text(CASE, encoding="utf-8")
    return cases


def write(folder: Path, text: str) -> None:
    (folder / "below" / "good.yaml").write_text(text, encoding="utf-8")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["rules", *arguments], catch_exceptions=False)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_shipped_cases_pass() -> None:
    result = invoke("test")
    count = len(list((ROOT / "rules" / "cases").glob("*.eml")))
    assert count >= 8
    assert result.stdout == f"{count} cases, {count} passed, 0 failed\n"
    assert result.exit_code == 0


def test_the_shipped_cases_would_notice(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    file = rules / "procedures.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("mails: [T11]", "mails: [T8]"), encoding="utf-8")
    result = invoke("test", "--rules", str(rules))
    assert result.exit_code == 1
    assert f"FAILED {rules}/cases/usuniecie-konta.eml" in result.stdout
    assert "  mails: expected [T11], came [T8]\n" in result.stdout
    assert "  says: no mail says “WRR0003”\n" in result.stdout
    assert "  decided by delete-account: " in result.stdout


def test_a_case_with_accounts_above_it(folder: Path) -> None:
    assert invoke("test", str(folder)).exit_code == 0
    told, summary = lines(invoke("test", str(folder), "--json"))
    assert (told["passed"], told["rule"], told["wrong"]) == (True, "case-a", [])
    assert summary == {"summary": {"cases": 1, "passed": 1, "failed": 0}}


FAILING = {
    "outcome": ("outcome: OK_A", "outcome: REVIEW", {"key": "outcome", "wanted": "REVIEW", "came": "OK_A"}),
    "list": ("T1, T2A, T3", "T1, T3", {"key": "mails", "wanted": ["T1", "T3"], "came": ["T1", "T2A", "T3"]}),
    "part": ("account: active, name: ok", "name: doubt", {
        "key": "facts", "wanted": {"name": "doubt"}, "came": {"name": "ok"},
    }),
    "says": ("expect:", "says: [Dzień bardzo dobry]\nexpect:", {
        "key": "says", "wanted": "Dzień bardzo dobry", "came": None,
    }),
    "not": ("expect:", "not: [Help Desk SISC]\nexpect:", {
        "key": "not", "wanted": "Help Desk SISC", "came": "Help Desk SISC",
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILING)
def test_what_is_not_as_expected(name: str, folder: Path) -> None:
    old, new, wrong = FAILING[name]
    write(folder, CASE.replace(old, new, 1))
    result = invoke("test", str(folder), "--json")
    assert lines(result)[0]["wrong"] == [wrong]
    assert result.exit_code == 1


def test_what_the_mails_say(folder: Path) -> None:
    write(folder, CASE + 'says: ["Subject: ZGL0000001", "Help Desk SISC"]\nnot: ["ZGL0000002"]\n')
    assert invoke("test", str(folder)).exit_code == 0


def test_after_a_history(folder: Path) -> None:
    (folder / "below" / "good.state.yaml").write_text(
        "mails: [{from: jan.kowalski@wp.example, received: 2026-11-20T09:30:00+01:00, outcome: REVIEW, times: 30}]\n",
        encoding="utf-8",
    )
    write(
        folder, CASE.partition("expect")[0] + "received: 2026-11-20T10:00:00+01:00\nexpect: {outcome: RATE_LIMITED}\n"
    )
    assert invoke("test", str(folder)).exit_code == 0


MISTAKES = {
    CASE.replace(
        "outcome: OK_A", "outcome: OK_AA"
    ): 'good.yaml:4:12: expect.outcome: "OK_AA" is not a word for outcome; mend: did you mean "OK_A"?',
    CASE.replace("[T1, T2A, T3]", "[T1, T99]"): 'expect.mails: "T99" is not a word for mails',
    CASE.replace("expect:", "expct:"): '"expct" is no known key; mend: did you mean "expect"?',
    CASE.replace("outcome", "outcom"): '"outcom" is no known key',
    CASE.replace("account:", "acount:"): 'expect.facts.acount: "acount" is no known fact; mend: did you mean',
    CASE.replace("name: ok", "name: okay"): 'expect.facts.name: "okay" is not a word of this fact',
    CASE.replace("authentication: pass", "authentication: perhaps"): '"perhaps" is not a verdict',
    CASE.replace("why:", "via: pigeon\nwhy:"): '"pigeon" is not a road',
    CASE.replace("why:", "received: today\nwhy:"): '"today" is no moment with its offset',
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_a_case_names_place_and_mend(text: str, folder: Path) -> None:
    write(folder, text)
    with pytest.raises(ConfigError) as refused:
        invoke("test", str(folder))
    assert MISTAKES[text] in refused.value.reason


def test_a_case_without_a_mail(folder: Path) -> None:
    (folder / "below" / "good.eml").unlink()
    with pytest.raises(ConfigError, match=r'good.yaml:1:1: there is no "good.eml" beside it'):
        invoke("test", str(folder))


def test_a_mail_without_a_case_is_named(folder: Path) -> None:
    shutil.copy(folder / "below" / "good.eml", folder / "below" / "new.eml")
    result = invoke("test", str(folder))
    assert result.stdout == "1 cases, 1 passed, 0 failed\n"
    assert result.stderr.endswith("below/new.eml: not tried, it has no new.yaml; mend: mailbot rules case writes one\n")


def test_no_case_is_no_success(tmp_path: Path) -> None:
    assert invoke("test", str(tmp_path)).exit_code == 1


def test_junit(folder: Path) -> None:
    write(folder, CASE.replace("OK_A", "REVIEW"))
    invoke("test", str(folder), "--junit", "out.xml")
    suite = ET.parse("out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "outcome: expected REVIEW, came OK_A"


def test_a_case_is_made_from_a_mail(folder: Path) -> None:
    mail_file = folder / "below" / "good.eml"
    assert yaml.safe_load(invoke("case", str(mail_file)).stdout)["expect"]["outcome"] == "REVIEW"
    made = invoke("case", str(mail_file), "--authentication", "pass").stdout
    assert yaml.safe_load(made)["expect"]["outcome"] == "OK_A"
    write(folder, made)
    assert invoke("test", str(folder)).exit_code == 0
