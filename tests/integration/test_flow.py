"""The whole flow over real sockets: LMTP in, SMTP out, time that moves only when told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, text

import mailbot.flow.understand
from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from mailbot.storage.schema import account, activation, counter, decision, inbox, outbox, ticket
from mailbot.tickets.activation import PATH, token_hash
from mailbot.tickets.notice import NoticeWriter
from mailbot.web.app import SERVER_OPTIONS
from mailbot.web.app import build as build_web
from tests.citizens import DATE
from tests.flow import (
    EWA,
    GOOD,
    JAN,
    STRANGER,
    ZOFIA,
    Flow,
    Sent,
    mail,
    masked,
    running,
)

SENTENCE = SENTENCES[Phrase.A]
GRANTED = ["T1", "T2A", "T3"]
PASSWORD = "zielony tramwaj pije herbatę"


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as whole:
        yield whole


def of(kind: str, answer: str, times: int = 1_000) -> Any:
    """An answer of the relay for the first ``times`` mails of ``kind``."""
    left = [times]

    def answers(sent: Sent) -> str | None:
        if sent.kind != kind or not left[0]:
            return None
        left[0] -= 1
        return answer

    return answers


def link(sent: Sent) -> str:
    """The path of the activation link in a T3."""
    found = re.search(rf"{PATH}[A-Za-z0-9_-]{{32}}", sent.text)
    assert found
    return found[0]


# ------------------------------------------------------------------------------------------------------ delivery


async def test_three_mails_in_order(flow: Flow) -> None:
    assert await flow.answer(mail()) == "OK_A"
    assert flow.sink.kinds() == GRANTED
    assert {sent.rcpt_to for sent in flow.sink.accepted} == {JAN.login}
    assert [sent.mail_from == "" for sent in flow.sink.accepted] == [True, False, False]
    assert (await flow.ticket()).state == "ZAMKNIETE_ROZWIAZANE"
    assert await flow.events() == ["opened", "mail-sent", "mail-sent", "mail-sent"]


async def test_a_busy_relay_is_asked_again_later_and_the_order_stays(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "451 4.3.0 busy", times=2)
    await flow.answer(mail())
    assert flow.sink.kinds() == ["T1"]
    assert await flow.states() == {"T1": "done", "T2A": "queued", "T3": "waiting"}
    flow.clock.advance(seconds=20)
    await flow.deliver()
    assert len(flow.sink.tried) == 2, "asked again too early"
    flow.clock.advance(seconds=20)
    await flow.deliver()
    assert len(flow.sink.tried) == 3
    flow.clock.advance(seconds=40)
    await flow.deliver()
    assert len(flow.sink.tried) == 3, "the second wait is not longer than the first"
    flow.clock.advance(seconds=60)
    await flow.deliver()
    assert flow.sink.kinds() == GRANTED


async def test_a_refused_mail_goes_to_a_person_and_the_next_is_never_sent(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "550 5.1.1 no such user")
    await flow.answer(mail())
    for _ in range(3):
        flow.clock.advance(days=2)
        await flow.deliver()
    assert flow.sink.kinds() == ["T1"]
    assert await flow.states() == {"T1": "done", "T2A": "buried", "T3": "waiting"}
    found = await flow.ticket()
    assert (found.state, found.desk, found.closed_at) == ("DO_WERYFIKACJI", "II_LINIA", None)
    assert "mail-undeliverable" in await flow.events()


async def test_the_time_for_a_complaint_begins_when_the_answer_is_accepted(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "451 4.3.0 busy", times=1)
    await flow.answer(mail())
    assert flow.sink.kinds() == ["T1"]
    assert (await flow.ticket()).answered_at is None, "a registration is no answer"
    flow.clock.advance(minutes=2)
    await flow.deliver()
    assert (await flow.ticket()).answered_at == flow.clock.now


async def test_a_ticket_that_goes_to_a_person_is_looked_at_at_once(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "550 5.1.1 no such user")
    await flow.answer(mail())
    assert (await flow.ticket()).alarm_at == flow.clock.now


async def test_while_the_relay_is_down_nothing_is_lost(flow: Flow) -> None:
    flow.sink.stop()
    await flow.answer(mail())
    for _ in range(3):
        flow.clock.advance(hours=2)
        await flow.deliver()
    assert await flow.states() == {"T1": "queued", "T2A": "waiting", "T3": "waiting"}
    await flow.sink.start()
    flow.clock.advance(hours=2)
    await flow.deliver()
    assert flow.sink.kinds() == GRANTED


async def test_a_relay_that_is_down_for_too_long_brings_the_ticket_to_a_person(flow: Flow) -> None:
    flow.sink.stop()
    await flow.answer(mail())
    flow.clock.advance(hours=24)
    await flow.deliver()
    assert (await flow.states())["T1"] == "buried"
    assert (await flow.ticket()).state == "DO_WERYFIKACJI"


async def test_421_in_mid_stream(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "421 4.3.2 closing", times=1)
    await flow.answer(mail())
    assert flow.sink.kinds() == ["T1"]
    flow.clock.advance(minutes=2)
    await flow.deliver()
    assert flow.sink.kinds() == GRANTED


async def test_a_connection_lost_after_the_dot_leaves_the_mail_in_doubt(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "cut", times=1)
    await flow.answer(mail())
    (found,) = await flow.rows(select(outbox.c.in_doubt, outbox.c.state).where(outbox.c.kind == "T2A"))
    assert tuple(found) == (1, "queued")
    flow.clock.advance(minutes=2)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1", "T2A", "T2A", "T3"]
    first, again = (sent for sent in flow.sink.accepted if sent.kind == "T2A")
    assert first == again, "the same Message-ID and the same bytes"


# ------------------------------------------------------------------------------------------------------ refusals


REFUSED = {
    "unknown login": (STRANGER, GOOD),
    "other name": (JAN.login, f"{SENTENCE} Adam Nowak, 1980"),
    "other year": (EWA.login, f"{SENTENCE} Ewa Nowak, 1976"),
}


async def test_generic_refusals_are_equal_and_wait_a_random_while(flow: Flow) -> None:
    for name, (sender, body) in REFUSED.items():
        assert await flow.answer(mail(sender, body, name=name), sender) == "REJ_GENERIC"
        flow.clock.advance(seconds=7)
    assert flow.sink.kinds() == ["T1"] * 3
    due = [row.due_at for row in await flow.rows(select(outbox.c.due_at).where(outbox.c.kind == "T5"))]
    waits = [(moment - flow.clock()).total_seconds() for moment in due]
    assert all(550 < wait <= 3600 for wait in waits)
    assert len(set(waits)) == 3
    flow.clock.advance(minutes=9)
    await flow.deliver()
    assert "T5" not in flow.sink.kinds()
    flow.clock.advance(minutes=52)
    await flow.deliver()
    refusals = {masked(sent) for sent in flow.sink.accepted if sent.kind == "T5"}
    assert flow.sink.kinds().count("T5") == 3
    assert len(refusals) == 1


async def test_the_registration_tells_nothing_of_the_outcome(flow: Flow) -> None:
    cases = {
        "granted": (JAN.login, GOOD, "pass", "OK_A"),
        "formal": (JAN.login, SENTENCE, "pass", "REJ_FORMAL"),
        "not proven": (JAN.login, GOOD, "none", "REVIEW"),
        "blocked": (ZOFIA.login, f"{SENTENCE} Zofia Duda, 1965", "pass", "REVIEW"),
        **{name: (sender, body, "pass", "REJ_GENERIC") for name, (sender, body) in REFUSED.items()},
    }
    for name, (sender, body, auth, outcome) in cases.items():
        assert await flow.answer(mail(sender, body, auth=auth, name=name), sender) == outcome
    assert flow.sink.kinds().count("T1") == len(cases)
    assert len({masked(sent) for sent in flow.sink.accepted if sent.kind == "T1"}) == 1


# ------------------------------------------------------------------------------------------------------ the link


async def _web(flow: Flow) -> TestClient[Any, Any]:
    p = flow.parts
    notice = NoticeWriter(p.pipeline.writer, p.secret, p.settings.helpdesk.address)
    server = TestServer(build_web(p.settings, p.database, p.directory, p.secret, notice, flow.clock))
    await server.start_server(**SERVER_OPTIONS)
    return TestClient(server)


async def test_the_link_of_the_third_mail_sets_the_password_once(flow: Flow) -> None:
    await flow.answer(mail())
    path = link(flow.sink.accepted[-1])
    async with await _web(flow) as client:
        async with client.get(path) as answer:
            page = await answer.text()
            assert answer.status == 200
        csrf = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert csrf
        form = {"haslo": PASSWORD, "powtorz": PASSWORD, "csrf": csrf[1]}
        async with client.post(path, data=form) as answer:
            assert answer.status == 200
        async with client.get(path) as answer:
            assert answer.status == 404
    ((hashed,),) = await flow.rows(select(account.c.emergency_hash).where(account.c.login_key == JAN.login))
    assert hashed
    assert (await flow.events())[-1] == "activation-used"


def _files(folder: Path) -> list[bytes]:
    """The database and its log, as they lie on the disk."""
    return [path.read_bytes() for path in folder.glob("mailbot.db*")]


async def test_the_token_lies_nowhere_in_the_database(flow: Flow, tmp_path: Path) -> None:
    await flow.answer(mail())
    token = link(flow.sink.accepted[-1]).removeprefix(PATH)
    files = _files(tmp_path)
    assert any(token_hash(token).encode() in content for content in files), "the search would find it"
    assert not any(token.encode() in content for content in files)


async def test_a_newer_link_ends_the_older(flow: Flow) -> None:
    await flow.answer(mail())
    flow.clock.advance(minutes=5)
    assert await flow.answer(mail(name="second", body=f"Dzień dobry.\n{GOOD}")) == "OK_A"
    older, newer = (link(sent) for sent in flow.sink.accepted if sent.kind == "T3")
    async with await _web(flow) as client:
        for path, status in ((older, 404), (newer, 200)):
            async with client.get(path) as answer:
                assert answer.status == status
    assert len(await flow.rows(select(activation.c.id).where(activation.c.expires_at > flow.clock()))) == 1


# ------------------------------------------------------------------------------------------------------- bounces


def bounce(return_path: str, action: str = "failed") -> bytes:
    """A delivery report (RFC 3464)."""
    lines = (
        "From: MAILER-DAEMON@wp.example",
        f"To: {return_path}",
        "Subject: Undelivered Mail Returned to Sender",
        "Message-ID: <report@wp.example>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "sorry",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.wp.example",
        "",
        f"Final-Recipient: rfc822; {JAN.login}",
        f"Action: {action}",
        "Status: 5.1.1",
        "",
        "--b--",
        "",
    )
    return "\r\n".join(lines).encode()


async def test_a_bounce_brings_its_ticket_to_a_person(flow: Flow) -> None:
    await flow.answer(mail())
    return_path = flow.sink.accepted[-1].mail_from
    assert await flow.answer(bounce(return_path), "", return_path) == "NO_REPLY"
    found = await flow.ticket()
    assert (found.state, found.desk, found.closed_at) == ("DO_WERYFIKACJI", "II_LINIA", None)
    assert (await flow.events())[-1] == "mail-bounced"
    assert len(flow.sink.accepted) == 3, "a report gets no answer"


@pytest.mark.parametrize("forge", ["mark", "ticket", "delayed"])
async def test_a_report_that_proves_nothing_touches_no_ticket(flow: Flow, forge: str) -> None:
    await flow.answer(mail())
    await flow.answer(mail(EWA.login, SENTENCE, name="other"), EWA.login)
    before = await flow.rows(select(ticket))
    true = flow.sink.accepted[2].mail_from
    forged = {
        "mark": re.sub(r"-[0-9a-f]{16}@", "-0123456789abcdef@", true),
        "ticket": true.replace("zgl0000001", "zgl0000002"),
        "delayed": true,
    }[forge]
    report = bounce(forged, "delayed" if forge == "delayed" else "failed")
    assert await flow.answer(report, "", forged) == "NO_REPLY"
    assert await flow.rows(select(ticket)) == before
    assert "mail-bounced" not in await flow.events()


# ------------------------------------------------------------------------------------------------------- repeats


async def test_the_same_message_over_another_relay_joins_its_ticket_in_silence(flow: Flow) -> None:
    await flow.answer(mail())
    assert await flow.answer(b"X-Relay: second\r\n" + mail()) == "DUPLICATE"
    assert flow.sink.kinds() == GRANTED
    assert await flow.rows(select(ticket.c.number)) == [("ZGL0000001",)]


async def test_a_message_id_used_again_for_other_words_is_marked(flow: Flow) -> None:
    await flow.answer(mail())
    row = await flow.take(mail(body=SENTENCE).replace(DATE.encode(), b"Mon, 2 Mar 2026 11:00:01 +0100"))
    await flow.decide()
    assert (await flow.notes(row))["reused_message_id"] is True
    assert await flow.rows(select(inbox.c.outcome).where(inbox.c.id == row)) == [("REJ_FORMAL",)]


async def test_an_impatient_repeat_is_told_once_a_day(flow: Flow) -> None:
    flow.sink.answer = of("T2A", "451 4.3.0 busy")
    await flow.answer(mail())
    promised = flow.sink.accepted[0].text.split("Zrobimy to do ")[1].split(".\r\n")[0]
    for n in range(2):
        flow.clock.advance(hours=1)
        assert await flow.answer(mail(name=f"again {n}")) == "DUPLICATE"
    assert flow.sink.kinds() == ["T1", "T15"]
    assert f"Odpowiemy do {promised}." in flow.sink.accepted[1].text, "the promise of the first mail stands"
    flow.clock.advance(hours=20)
    assert await flow.answer(mail(name="next day")) == "DUPLICATE"
    assert flow.sink.kinds() == ["T1", "T15", "T15"]
    assert len({sent.message_id for sent in flow.sink.accepted}) == 3, "mailboxes drop a Message-ID they know"
    flow.sink.answer = lambda sent: None
    flow.clock.advance(hours=1)
    await flow.deliver()
    assert flow.sink.kinds()[-2:] == ["T2A", "T3"]
    assert await flow.rows(select(counter.c.value)) == [(2,)]


async def test_after_everything_has_left_a_repeat_is_a_new_request(flow: Flow) -> None:
    await flow.answer(mail())
    assert await flow.answer(mail(name="lost the link")) == "OK_A"
    assert flow.sink.kinds("ZGL0000002") == GRANTED


@pytest.mark.parametrize("auth", ["fail", "none"])
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one after the other"])
async def test_a_forged_copy_does_not_make_the_citizens_own_mail_a_duplicate(
    flow: Flow, auth: str, together: bool
) -> None:
    await flow.take(mail(auth=auth))
    if not together:
        await flow.decide()
    assert await flow.answer(mail()) == "OK_A"
    assert flow.sink.kinds("ZGL0000002") == GRANTED
    assert flow.sink.kinds("ZGL0000001") == ([] if auth == "fail" else ["T1"])


# --------------------------------------------------------------------------------------------------------- loops


ECHOES = {"whole": 0, "text": 2, "polite": 0}
"""How a machine sends our mails back, and how many of ours that may cost."""


def echo(sent: Sent, how: str, n: int) -> bytes:
    """``sent`` as it comes back: whole, as a plain answer, or as an answer that says a machine wrote it."""
    if how == "whole":
        return sent.raw
    title = re.search(rb"^Subject: (.*\r\n(?:[ \t].*\r\n)*)", sent.raw, re.MULTILINE)
    assert title
    headers = {"In-Reply-To": sent.message_id} | ({"Auto-Submitted": "auto-replied"} if how == "polite" else {})
    subject = "RAW:Re: " + title[1].decode().rstrip()
    return mail(subject=subject, body=f"{sent.text}\n{n}", name=f"echo {n}", headers=headers)


@pytest.mark.parametrize("body", [GOOD, SENTENCE, f"{SENTENCE} Adam Nowak, 1980"], ids=["granted", "formal", "generic"])
@pytest.mark.parametrize("subject", [REQUIRED_SUBJECT, REQUIRED_SUBJECT.lower()], ids=["exact", "near"])
@pytest.mark.parametrize("how", ECHOES)
async def test_a_machine_that_answers_each_mail_soon_gets_no_more(
    flow: Flow, how: str, subject: str, body: str
) -> None:
    await flow.answer(mail(body=body, subject=subject))
    flow.clock.advance(hours=2)
    await flow.deliver()
    ours = len(flow.sink.accepted)
    answered = 0
    while answered < len(flow.sink.accepted) < ours + 10:
        await flow.answer(echo(flow.sink.accepted[answered], how, answered))
        answered += 1
        flow.clock.advance(minutes=20)
        await flow.deliver()
    assert len(flow.sink.accepted) - ours <= ECHOES[how]


# -------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("where", ["parse", "authenticate"])
async def test_a_mail_that_breaks_the_reader_goes_to_a_person_and_the_next_is_served(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    works = getattr(mailbot.flow.understand, where)

    def breaks(*arguments: Any, **options: Any) -> Any:
        if any("broken" in repr(argument) for argument in arguments):
            raise RecursionError("of a bug")
        return works(*arguments, **options)

    monkeypatch.setattr(mailbot.flow.understand, where, breaks)
    broken = await flow.take(mail(headers={"X-Test": "broken"}))
    assert await flow.answer(mail(name="next")) == "OK_A"
    assert await flow.rows(select(inbox.c.outcome).where(inbox.c.id == broken)) == [("REVIEW",)]
    assert "RecursionError" in (await flow.notes(broken))["damage"][0]
    assert (await flow.ticket()).state == "DO_WERYFIKACJI"
    assert flow.sink.kinds() == GRANTED


async def test_a_mail_that_cannot_be_recorded_leaves_nothing_behind_and_harms_nobody_else(flow: Flow) -> None:
    rows = [await flow.take(mail(EWA.login, SENTENCE, name="a"), EWA.login), await flow.take(mail())]
    full = "CREATE TRIGGER full BEFORE INSERT ON outbox WHEN NEW.kind = 'T3' BEGIN SELECT RAISE(ABORT, 'full'); END"
    await flow.parts.database.write(lambda c: c.execute(text(full)) and None)
    await flow.decider.step()
    assert await flow.rows(select(inbox.c.state).order_by(inbox.c.id)) == [("done",), ("queued",)]
    assert await flow.rows(select(outbox.c.kind).order_by(outbox.c.id)) == [("T1",), ("T4",)]
    for table in (ticket, decision, counter):
        assert len(await flow.rows(select(table))) == 1
    assert await flow.rows(select(activation)) == []
    await flow.parts.database.write(lambda c: c.execute(text("DROP TRIGGER full")) and None)
    await flow.decide()
    assert len(await flow.rows(select(ticket))) == 1, "not before its time"
    flow.clock.advance(minutes=1)
    await flow.decide()
    await flow.deliver()
    assert [row.outcome for row in await flow.rows(select(inbox.c.outcome).where(inbox.c.id.in_(rows)))] == [
        "REJ_FORMAL",
        "OK_A",
    ]
    assert sorted(flow.sink.kinds()) == ["T1", "T1", "T2A", "T3", "T4"]
    assert await flow.rows(select(counter.c.value)) == [(3,)]


async def test_what_cannot_be_recorded_is_logged_without_numbers_and_passwords(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise ValueError("subject: 44051401359, hasło: Tajne!1")

    monkeypatch.setattr("mailbot.flow.pipeline.Pipeline.mail_context", broken)
    row = await flow.take(mail())
    await flow.decider.step()
    (found,) = await flow.rows(select(inbox.c.last_error).where(inbox.c.id == row))
    log = "\n".join(r.getMessage() + (r.exc_text or "") for r in caplog.records)
    assert "[PESEL]" in log
    assert found.last_error.startswith("ValueError at mailbot.flow.pipeline:")
    for told in (found.last_error, log):
        assert not any(secret in told for secret in ("44051401359", "Tajne"))


async def test_large_mails_are_not_all_held_in_memory_at_once(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = mail()
    monkeypatch.setattr("mailbot.workers.held._BATCH_OCTETS", 2 * len(raw))
    for n in range(5):
        await flow.take(mail(EWA.login, SENTENCE, name=f"{n}"), EWA.login)
    assert [await flow.decider.step() for _ in range(4)] == [2, 2, 1, 0]
    assert await flow.rows(select(inbox.c.attempts)) == [(1,)] * 5
