"""``mailbot explain`` as an admin reads it, with and without a history."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailbot.cli import cli
from mailbot.errors import ConfigError
from tests.citizens import AUTHSERV_ID
from tests.explain import RECEIVED
from tests.flow import EWA, JAN, PDF, STRANGER, mail
from tests.support import ROOT

GOLDEN = Path(__file__).parent / "explained"
FIXTURES = ROOT / "fixtures"
MAILS = ("018-subject-zwsp-nbsp", "072-subject-cyrillic", "084-auto-replied", "099-nowe")
ACCOUNTS = """
jan: {login: jan.kowalski@wp.example, given: Jan, surname: Kowalski, year: 1980, csd: true}
ewa: {login: ewa@mejl.example, given: Ewa, surname: Nowak, year: 1975}
"""


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8")
    return tmp_path


def explain(*arguments: str, accounts: str = "accounts.yaml") -> Result:
    command = ["explain", *arguments, "--accounts", accounts, "--authserv-id", AUTHSERV_ID, "--received", RECEIVED]
    return CliRunner().invoke(cli, command, catch_exceptions=False)


def told(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in explain(*arguments, "--json").stdout.splitlines()]


def write(folder: Path, name: str, **words: Any) -> str:
    (folder / f"{name}.eml").write_bytes(mail(name=name, **words))
    return f"{name}.eml"


@pytest.fixture(scope="module")
def short_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rule set with the few rules of this test's folder."""
    folder = tmp_path_factory.mktemp("short") / "rules"
    shutil.copytree(ROOT / "rules", folder)
    shutil.copy(GOLDEN / "procedures.yaml", folder)
    return folder


@pytest.mark.parametrize("language", ["en", "pl"])
@pytest.mark.parametrize("name", MAILS)
def test_text(name: str, language: str, short_rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES)
    result = explain(f"mail/{name}.eml", "--rules", str(short_rules), "--lang", language)
    wanted = (GOLDEN / f"{name}.{language}.txt").read_text(encoding="utf-8")
    assert result.stdout == wanted


def test_mails_are_shown_as_they_are_read(office: Path) -> None:
    write(office, "first")
    shown = explain("first.eml", "--mails").stdout
    assert "To: jan.kowalski@wp.example\n  Subject: ZGL0000001 – " in shown
    assert "---- mail T3" in shown
    (found,) = told("first.eml", "--mails")
    assert [text.startswith("From: ") for text in found["rendered"]] == [True] * 3


def test_every_mail_is_weighed_by_itself(office: Path) -> None:
    write(office, "first")
    shutil.copy("first.eml", "second.eml")
    assert [found["outcome"] for found in told("first.eml", "second.eml")] == ["OK_A", "OK_A"]


def test_what_the_rules_read_is_told(office: Path) -> None:
    write(office, "one", sender=EWA.login, subject="Konto", body="Proszę o usunięcie konta.")
    (found,) = told("one.eml")
    assert (found["topic"], found["service"], found["faq"], found["language"]) == (
        "usuniecie-konta", "none", "none", "pl",
    )  # fmt: skip
    assert found["facts"]["topic"] == found["topic"]
    assert found["watched"] == []


def test_rules_that_only_watch_are_told(short_rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES)
    result = explain("mail/099-nowe.eml", "--rules", str(short_rules), "--json")
    assert json.loads(result.stdout)["watched"] == [{"rule": "tried-out", "outcome": "REVIEW"}]


STATE = f"""
tickets:
  - number: ZGL2329987
    correspondent: {JAN.login}
    category: HASLO_AWARYJNE_A
    state: ZAMKNIETE_ROZWIAZANE
    opened: 2026-11-18T10:00:00+01:00
    answered: 2026-11-19T09:00:00+01:00
"""


def test_a_complaint_about_an_earlier_ticket(office: Path) -> None:
    (office / "past.yaml").write_text(STATE, encoding="utf-8")
    write(office, "mine", subject="Re: ZGL2329987", body="Składam reklamację.")
    write(office, "hers", sender=EWA.login, subject="Re: ZGL2329987", body="Składam reklamację.")
    mine, hers = told("mine.eml", "hers.eml", "--state", "past.yaml", "--mails")
    assert (mine["outcome"], mine["state"], mine["mails"]) == ("COMPLAINT_OK", "PONOWNIE_OTWARTE", ["T9"])
    assert "ZGL2329987" in mine["rendered"][0]
    assert hers["outcome"] == "ZGL_FOREIGN"
    assert "ZGL2329988" in hers["rendered"][0]


def test_the_ticket_keeps_its_category(office: Path) -> None:
    (office / "past.yaml").write_text(STATE.replace("ZAMKNIETE_ROZWIAZANE", "W_TOKU"), encoding="utf-8")
    write(office, "more", subject="Re: ZGL2329987", body="Przesyłam jeszcze numer pojazdu.")
    (found,) = told("more.eml", "--state", "past.yaml")
    assert (found["outcome"], found["category"], found["state"]) == ("TICKET_UPDATE", "HASLO_AWARYJNE_A", "W_TOKU")


def test_a_mail_with_a_history_of_its_own(office: Path) -> None:
    write(office, "first")
    write(office, "again", headers={"X-Mailer": "other"})
    (office / "again.state.yaml").write_text(
        "mails:\n  - {file: first.eml, received: 2026-11-20T09:58:00+01:00}\n", encoding="utf-8"
    )
    first, again = told("first.eml", "again.eml")
    assert (first["outcome"], again["outcome"], again["mails"]) == ("OK_A", "DUPLICATE", ["T15"])


def test_a_file_is_checked_where_the_flow_would_have_it_checked(office: Path) -> None:
    """Beside sentence A not for a login; but it is for a stranger, and where another history makes it a repeat."""
    for name, sender in (("login", JAN.login), ("again", JAN.login), ("stranger", STRANGER)):
        write(office, name, sender=sender, files=[PDF])
    (office / "again.state.yaml").write_text(
        "mails:\n  - {file: login.eml, received: 2026-11-20T09:58:00+01:00}\n", encoding="utf-8"
    )
    found = {Path(one["file"]).stem: (one["outcome"], one["facts"]["application"]) for one in told(".")}
    assert found == {
        "again": ("DUPLICATE", "doubt"),
        "login": ("OK_A", "not-asked"),
        "stranger": ("REJ_FORMAL", "doubt"),
    }


def test_after_the_mails_were_accepted_the_same_is_no_duplicate(office: Path) -> None:
    write(office, "first")
    write(office, "again")
    (office / "past.yaml").write_text(
        "mails:\n  - {file: first.eml, received: 2026-11-20T09:58:00+01:00, sent: yes}\n", encoding="utf-8"
    )
    (found,) = told("again.eml", "--state", "past.yaml")
    assert found["facts"]["duplicate"] == "no"


@pytest.mark.parametrize(("sent", "outcome"), [("yes", "COMPLAINT_OK"), ("no", "TICKET_UPDATE")])
def test_the_time_for_a_complaint_begins_with_the_answer(office: Path, sent: str, outcome: str) -> None:
    write(office, "first")
    write(office, "complaint", subject="Re: ZGL0000001", body="Składam reklamację.")
    (office / "past.yaml").write_text(
        f"mails:\n  - {{file: first.eml, received: 2026-11-20T09:58:00+01:00, sent: {sent}}}\n", encoding="utf-8"
    )
    (found,) = told("complaint.eml", "--state", "past.yaml")
    assert (found["outcome"], found["facts"]["ticket"]) == (outcome, "closed")


@pytest.mark.parametrize(("times", "limit"), [(2, "no"), (3, "failures")])
def test_refusals_of_the_past_count(office: Path, times: int, limit: str) -> None:
    one = f"{{from: {JAN.login}, received: 2026-11-20T09:00:00+01:00, outcome: REJ_GENERIC, times: {times}}}"
    (office / "past.yaml").write_text(f"mails:\n  - {one}\n", encoding="utf-8")
    write(office, "next")
    (found,) = told("next.eml", "--state", "past.yaml")
    assert found["facts"]["limit"] == limit


BAD = {
    "tickets: [{number: 12}]": 'past.yaml:1:20: tickets[1].number: "12" is no ticket number; mend: write it',
    "tickets: [{numer: 12}]": 'tickets[1].numer: "numer" is no known key; mend: did you mean "number"?',
    STATE.replace("W_TOKU", "").replace("ROZWIAZANE", "ROZWIAZANY"): "did you mean",
    STATE.replace("+01:00", ""): "is no moment with its offset; mend: write 2026-11-20T10:00:00+01:00",
    STATE.replace("HASLO_AWARYJNE_A", "HASLO"): "is not a category of categories.yaml",
    STATE + STATE.partition("tickets:\n")[2]: "ZGL2329987 stands twice; mend: keep one",
    "mails: [{file: nowhere.eml, received: 2026-11-20T10:00:00Z}]": 'there is no "nowhere.eml" beside this file',
    "mails: [{from: x, received: 2026-11-20T10:00:00Z, outcome: OK}]": 'mails[1].from: "x" is no e-mail address',
    "mails: [{from: a@b.example, received: 2026-11-20T10:00:00Z, outcome: OK_A, times: 0}]": "from 1 to 10000",
    "mails: {}": "mails: must be a list",
}


@pytest.mark.parametrize("text", BAD)
def test_a_mistake_in_the_history_names_place_and_mend(office: Path, text: str) -> None:
    (office / "past.yaml").write_text(text, encoding="utf-8")
    write(office, "first")
    with pytest.raises(ConfigError, match=r"past\.yaml:") as refused:
        explain("first.eml", "--state", "past.yaml")
    assert BAD[text] in refused.value.reason


def test_a_mistake_in_the_history_of_one_mail_stops_no_other(office: Path) -> None:
    write(office, "first")
    write(office, "second")
    (office / "first.state.yaml").write_text("tickets: 1\n", encoding="utf-8")
    first, second = told("first.eml", "second.eml")
    assert (first["outcome"], second["outcome"]) == ("ERROR", "OK_A")
    assert "first.state.yaml:1:10: tickets: must be a list" in first["error"]


def test_the_sender_taken_for_granted(office: Path) -> None:
    write(office, "bare", auth="none")
    assert told("bare.eml")[0]["outcome"] == "REVIEW"
    assert told("bare.eml", "--authentication", "pass")[0]["outcome"] == "OK_A"


def test_either_files_or_messages_of_the_database(office: Path) -> None:
    write(office, "first")
    assert explain("first.eml", "--queue", "1").exit_code == 2
    assert explain("first.eml", "--again").exit_code == 2
    assert explain().exit_code == 2
