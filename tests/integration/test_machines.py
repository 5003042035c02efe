"""Machines, doubts, unsolicited mail and senders for whom nothing vouches, through a whole mailbot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from mailbot.cli.queue import queue
from mailbot.config import SpamSettings
from mailbot.storage.schema import inbox, ticket
from tests import flow as harness
from tests.flow import EWA, Flow, mail, running

GRANTED = ["T1", "T2A", "T3"]
STRANGER = "obcy@obcy.example"
QUESTION = "Czy mogę zgłosić przesyłkę bez konta?"


@pytest.fixture
async def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Flow]:
    plain = harness.settings
    monkeypatch.setattr(
        harness, "settings", lambda *given: replace(plain(*given), spam=SpamSettings(("X-Spam: yes", "X-SCL: [5-9]")))
    )
    async with running(tmp_path) as found:
        yield found


NOTICES = {
    "dutch": ("Automatisch antwoord: ZGL0000001: hasło awaryjne", "Ik ben tot 10 november afwezig."),
    "no title of a notice": (
        "Re: ZGL0000001: hasło awaryjne",
        "Jestem na urlopie do 10 listopada, odpowiem po powrocie.",
    ),
    "of a rule": ("Re: ZGL0000001: hasło awaryjne", "Dziękuję za wiadomość. Zapoznam się z nią."),
    "in doubt elsewhere": ("Urlop", "Wracam 10 listopada."),
}


@pytest.mark.parametrize("name", NOTICES)
async def test_a_notice_that_answers_a_solved_ticket_opens_nothing(flow: Flow, name: str) -> None:
    await flow.answer(mail())
    before = await flow.ticket()
    subject, body = NOTICES[name]
    answers = {"In-Reply-To": flow.sink.accepted[1].message_id}
    assert await flow.answer(mail(body=body, subject=subject, name="away", headers=answers)) == "NO_REPLY"
    assert (await flow.ticket(), flow.sink.kinds()) == (before, GRANTED)


async def test_a_complaint_from_a_holiday_is_a_complaint(flow: Flow) -> None:
    await flow.answer(mail())
    answers = {"In-Reply-To": flow.sink.accepted[1].message_id}
    body = "Jestem na urlopie, a link wygasł. Składam reklamację."
    await flow.answer(mail(body=body, subject="Re: ZGL0000001", name="late", headers=answers))
    assert flow.sink.kinds() == [*GRANTED, "T9"]
    assert (await flow.ticket()).state == "PONOWNIE_OTWARTE"


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        ("Niedostarczony link aktywacyjny – proszę o pomoc", {}),
        ("Automatyczna odpowiedź z PUESC jest błędna", {}),
        ("Pytanie", {"List-Unsubscribe": "<mailto:u@relay.example>"}),
        ("Pytanie", {"List-Id": "<helpdesk-eclo.mf.gov.pl>", "Precedence": "list"}),
    ],
)
async def test_a_doubt_is_read_by_a_person_and_gets_no_answer(
    flow: Flow, subject: str, headers: dict[str, str]
) -> None:
    assert await flow.answer(mail(body=QUESTION, subject=subject, headers=headers)) == "REVIEW"
    found = await flow.ticket()
    assert (found.state, found.desk, flow.sink.kinds()) == ("DO_WERYFIKACJI", "II_LINIA", [])


@pytest.mark.parametrize("name", ["List-Unsubscribe", "X-MS-Exchange-Inbox-Rules-Loop", "X-Redmine-Host"])
async def test_who_asks_for_all_that_is_asked_for_is_no_machine(flow: Flow, name: str) -> None:
    """Firms send their people's letters through services that add what newsletters have."""
    headers = {name: "<mailto:u@relay.example>"}
    assert await flow.answer(mail(headers=headers)) == "OK_A"
    assert flow.sink.kinds() == GRANTED
    assert await flow.answer(mail(body="Proszę o hasło.", name="b", headers=headers)) == "REVIEW"
    through_ours = {"List-Id": "<helpdesk-eclo.mf.gov.pl>"}
    assert await flow.answer(mail(name="c", headers=through_ours)) == "REVIEW", "a list rewrites whose letter it is"


async def test_what_comes_to_a_return_path_is_a_machine_s(flow: Flow) -> None:
    await flow.answer(mail())
    path = flow.sink.accepted[-1].mail_from
    assert await flow.answer(mail(body="Dobrze.", subject="Re: pytanie", name="back"), rcpt_to=path) == "NO_REPLY"
    assert flow.sink.kinds() == GRANTED


async def test_unsolicited_mail_waits_in_a_list_of_its_own_until_it_is_taken_back(flow: Flow, tmp_path: Path) -> None:
    marked = b"X-Spam: Yes\r\n" + mail(STRANGER, QUESTION, subject="Pytanie")
    row = await flow.take(marked, STRANGER)
    await flow.decide()
    assert await flow.rows(select(inbox.c.outcome, inbox.c.ticket_id)) == [("SPAM", None)]
    assert await flow.rows(select(ticket)) == []
    assert flow.sink.kinds() == []
    config = tmp_path / "mailbot.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/mailbot.db"\n[secret]\nkey_file = "{tmp_path}/key"\n', "utf-8"
    )
    shown = CliRunner().invoke(queue, ["ls", "--spam", "--config", str(config)])
    assert STRANGER in shown.output, shown.output
    assert "Pytanie" in shown.output
    taken = CliRunner().invoke(queue, ["unspam", str(row), "--config", str(config)])
    assert taken.exit_code == 0, taken.output
    flow.clock.advance(seconds=1)
    await flow.decide()
    await flow.deliver()
    assert await flow.rows(select(inbox.c.outcome)) == [("MORE",)]
    assert flow.sink.kinds() == ["T6"]
    again = CliRunner().invoke(queue, ["unspam", str(row), "--config", str(config)])
    assert "is not in the list" in again.output


async def test_a_copy_of_unsolicited_mail_that_no_filter_marked_is_read(flow: Flow) -> None:
    letter = mail(STRANGER, QUESTION, subject="Pytanie")
    assert await flow.answer(b"X-SCL: 9\r\n" + letter, STRANGER) == "SPAM"
    assert await flow.answer(letter, STRANGER) == "MORE"


@pytest.mark.parametrize("mark", ["X-SCL: 4", "X-Spam: No"])
async def test_another_value_marks_nothing(flow: Flow, mark: str) -> None:
    assert await flow.answer(mark.encode() + b"\r\n" + mail(STRANGER, QUESTION, subject="Pytanie"), STRANGER) == "MORE"


async def test_a_mark_that_came_with_the_mail_is_not_believed(flow: Flow) -> None:
    letter = mail(STRANGER, QUESTION, subject="Pytanie", headers={"X-Spam": "Yes"})
    assert await flow.answer(letter, STRANGER) == "MORE"


async def test_no_filter_puts_the_procedure_or_a_complaint_aside(flow: Flow) -> None:
    assert await flow.answer(b"X-Spam: Yes\r\n" + mail()) == "OK_A"
    complaint = mail(body="Składam reklamację.", subject="Re: ZGL0000001", name="complaint")
    assert await flow.answer(b"X-Spam: Yes\r\n" + complaint) == "COMPLAINT_OK"


async def test_whom_nothing_vouches_for_is_answered_once_a_day_and_only_where_the_envelope_agrees(flow: Flow) -> None:
    async def ask(name: str, mail_from: str) -> str:
        letter = mail(STRANGER, f"{QUESTION} {name}", subject="Pytanie", auth="none", name=name)
        return await flow.answer(letter, mail_from)

    assert await ask("forged", EWA.login) == "REVIEW"
    assert flow.sink.kinds() == []
    assert await ask("first", STRANGER) == "MORE"
    assert await ask("second", STRANGER) == "REVIEW"
    flow.clock.advance(hours=25)
    assert await ask("third", STRANGER) == "MORE"
    assert flow.sink.kinds() == ["T6", "T6"]


async def test_the_installation_answers_few_senders_for_whom_nothing_vouches(flow: Flow) -> None:
    senders = [f"nikt{n}@nikt{n}.example" for n in range(25)]
    rows = [await flow.take(mail(s, QUESTION, subject="Pytanie", auth="none", name=s), s) for s in senders]
    await flow.decide()
    await flow.deliver()
    assert flow.sink.kinds() == ["T6"] * 20
    assert len(await flow.rows(select(ticket))) == len(rows), "nothing is lost"
