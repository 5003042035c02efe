"""Case B through the whole flow: order, recipients, the hold, STOP, the link. Time moves only when told.

What the files are is handed in (the workers have tests of their own); everything behind it is real.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, update

from mailbot.accounts.rows import column_values
from mailbot.delivery.smtp import Relay
from mailbot.flow.facts import needs_check
from mailbot.ingress import smtp
from mailbot.mails import wording
from mailbot.model import (
    REQUIRED_SUBJECT,
    SENTENCES,
    Account,
    Applicant,
    ApplicationCheck,
    ApplicationState,
    Defect,
    Envelope,
    Match,
    Phrase,
    RawMessage,
    Source,
    Understanding,
)
from mailbot.ruleset.model import SignatureRules
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import personal
from mailbot.storage.schema import (
    account,
    activation,
    application_view,
    decision,
    outbox,
    ticket,
    ticket_event,
    used_signature,
)
from mailbot.tickets import hold
from mailbot.tickets.notice import NoticeWriter
from mailbot.tickets.release import Released, ReleaseRefused, release
from mailbot.web.app import SERVER_OPTIONS
from mailbot.web.app import build as build_web
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from mailbot.workers.verify import Verifier
from tests.channels import bare
from tests.citizens import build
from tests.flow import EWA, JAN, ZOFIA, Clock, Flow, add_accounts, mail, relay_sink, settings
from tests.integration.test_flow import PASSWORD, bounce, link, of

NEW = "jan@nowa.example"
BODY = f"{SENTENCES[Phrase.B]} Jan Kowalski, 1980"
GOOD = ApplicationCheck(
    ApplicationState.QUALIFIED,
    old_login=JAN.login,
    applicant=Applicant("JAN", "KOWALSKI", 1980, None),
    body=Match.OK,
    payload_sha256="p" * 64,
    signature_sha256="s" * 64,
)
BODY_A = f"{SENTENCES[Phrase.A]} Jan Kowalski, 1980"
WARNED = ["T1", "T14"]
DAY = timedelta(days=1)
WHO: dict[str, str | int] = {"by": "anna", "reason": "called back"}
EVERYTHING = ["T1", "T14", "T2B", "T3"]


class Stub(Verifier):
    """Says of every application what it is told to say."""

    answer = GOOD

    async def check(self, understood: Sequence[Understanding], rules: SignatureRules) -> list[Understanding]:
        return [replace(u, checked=self.answer) if needs_check(u) else u for u in understood]


@dataclass
class CaseB(Flow):
    """A flow whose applications are as ``verifier.answer`` says."""

    verifier: Stub

    async def ask(self, name: str = "b", sender: str = NEW, body: str = BODY) -> str:
        entry = {
            "id": name,
            "sender": sender,
            "subject": REQUIRED_SUBJECT,
            "body": body,
            "auth": "pass",
            "html_only": False,
        }
        raw = build({**entry, "headers": {}}, "utf8-qp", [("wniosek.pdf", "application/pdf", b"%PDF-1.7 signed")])
        return await self.answer(raw, sender)

    async def stop(self, sender: str = JAN.login, word: str = "STOP", auth: str = "pass") -> str:
        """A reply to T14, by its Message-ID."""
        warning = next(sent for sent in self.sink.accepted if sent.kind == "T14")
        headers = {"In-Reply-To": warning.message_id}
        raw = mail(sender, word, subject="Re:", auth=auth, name=word + auth, headers=headers)
        return await self.answer(raw, sender)

    async def freeze(self, number: str = "ZGL0000001") -> bool:
        return await self.parts.database.write(lambda c: hold.freeze(c, number, self.clock.now, WHO))

    async def release(self, number: str = "ZGL0000001") -> Released | ReleaseRefused:
        p = self.parts
        notice = NoticeWriter(p.pipeline.writer, p.secret, p.settings.helpdesk.address)
        return await p.database.write(lambda c: release(c, number, self.clock.now, DAY, notice, WHO))


@asynccontextmanager
async def page(flow: Flow) -> AsyncIterator[TestClient[Any, Any]]:
    p = flow.parts
    notice = NoticeWriter(p.pipeline.writer, p.secret, p.settings.helpdesk.address)
    server = TestServer(build_web(p.settings, p.database, p.directory, p.secret, notice, flow.clock))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client


async def answers(flow: Flow, path: str) -> int:
    """Status of the page behind a link."""
    async with page(flow) as client, client.get(path) as answer:
        return answer.status


async def use(flow: Flow, path: str) -> None:
    """Set a password by a link."""
    async with page(flow) as client:
        async with client.get(path) as answer:
            csrf = (await answer.text()).split('name="csrf" value="')[1][:64]
        form = {"haslo": PASSWORD, "powtorz": PASSWORD, "csrf": csrf}
        async with client.post(path, data=form, allow_redirects=False) as answer:
            assert answer.status == 303


@asynccontextmanager
async def case_b(folder: Path, url: str = "") -> AsyncIterator[CaseB]:
    """As ``tests.flow.running``; ``url``: of an empty database that is no file in ``folder``."""
    clock = Clock()
    async with relay_sink() as sink:
        chosen = settings(url or f"sqlite:///{folder}/mailbot.db", folder / "key", sink.port)
        parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
        add_accounts(parts.database.engine)
        relay = Relay(chosen.delivery)
        server = await smtp.serve(chosen.lmtp, Source.LMTP, parts.database, parts.secret, clock)
        verifier = Stub(parts.pipeline)
        decider = DecideWorker("decide", parts.database, parts.pipeline, clock, parts.rng, verifier=verifier)
        deliverer = DeliverWorker("deliver", parts.database, relay, parts.secret, clock, parts.rng)
        port = server.sockets[0].getsockname()[1]
        try:
            yield CaseB(parts, clock, sink, port, decider, deliverer, verifier)
        finally:
            server.close()
            await relay.close()
            await parts.database.close()


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[CaseB]:
    async with case_b(tmp_path) as found:
        yield found


async def test_the_mails_wait_for_the_hold_and_go_to_whom_they_belong(flow: CaseB) -> None:
    assert await flow.ask() == "OK_B"
    assert flow.sink.kinds() == WARNED
    flow.clock.advance(hours=3, minutes=59)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED, "the holder has not had his time to say STOP"
    flow.clock.advance(minutes=1)
    await flow.deliver()
    assert flow.sink.kinds() == EVERYTHING
    assert [sent.rcpt_to for sent in flow.sink.accepted] == [NEW, JAN.login, NEW, NEW]
    found = await flow.ticket()
    assert (found.state, found.category) == ("ZAMKNIETE_ROZWIAZANE", "HASLO_AWARYJNE_B")
    assert personal.whose(flow.parts.secret, found).address == NEW


async def test_neither_address_learns_of_the_other(flow: CaseB) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    for sent in flow.sink.accepted:
        other = NEW if sent.kind == "T14" else JAN.login
        assert other.encode() not in sent.raw
        assert b"nowa.example" not in sent.raw or sent.kind != "T14", "the Message-ID of the request tells the domain"


async def test_the_warning_says_from_when_and_the_link_lives_a_day_from_then(flow: CaseB) -> None:
    await flow.ask()
    assert "godz. 14:00" in flow.sink.accepted[1].text
    ((expires,),) = await flow.rows(select(activation.c.expires_at))
    assert (expires - flow.clock.now).total_seconds() == 28 * 3600


@pytest.mark.parametrize(
    "word", ["STOP", "stop.", "„Stop!”", "\n\n STOP \n\nJan Kowalski", "To nie ja! Co to jest?", "stop it"]
)
async def test_the_old_login_stops_it(flow: CaseB, word: str) -> None:
    await flow.ask()
    flow.clock.advance(hours=1)
    assert await flow.stop(word=word) == "TICKET_UPDATE"
    flow.clock.advance(days=2)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED, "neither a link nor an answer"
    assert await flow.states() == {"T1": "done", "T14": "done", "T2B": "buried", "T3": "buried"}
    found = await flow.ticket()
    assert (found.state, found.desk, found.closed_at) == ("WSTRZYMANE", "BEZPIECZENSTWO", None)
    assert "frozen" in await flow.events()
    ((expires,),) = await flow.rows(select(activation.c.expires_at))
    assert expires <= flow.clock.now


@pytest.mark.parametrize(
    "word",
    [
        "Po zalogowaniu została wyświetlona wiadomość o zmianie loginu. Nic o tym nie wiem.",
        "To jest automatyczna odpowiedź? Niczego nie zmieniam, STOP.",
        "Automatyczna odpowiedź mówi o zmianie, o którą nie prosiłem.",
        "My account was deleted? I have asked for nothing.",
    ],
)
async def test_the_holder_may_use_the_words_of_machines(flow: CaseB, word: str) -> None:
    await flow.ask()
    raw = mail(JAN.login, word, subject="Odp: ZGL0000001 – ktoś prosi o zmianę", name="words")
    assert await flow.answer(raw) == "TICKET_UPDATE"
    flow.clock.advance(days=2)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED


async def test_a_stop_stops_every_change_of_the_login(flow: CaseB) -> None:
    """Who asks twice sends two warnings, and the holder answers one of them."""
    await flow.ask()
    flow.verifier.answer = replace(GOOD, payload_sha256="q" * 64, signature_sha256="r" * 64)
    assert await flow.ask("again", "jan@inna.example") == "OK_B"
    assert await flow.stop() == "TICKET_UPDATE"
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds() == [*WARNED, *WARNED]
    assert {row.state for row in await flow.rows(select(ticket.c.state).where(ticket.c.id < 3))} == {"WSTRZYMANE"}


@pytest.mark.parametrize(("word", "then"), [("STOP", WARNED), ("Kiedy otwarte?", EVERYTHING)])
async def test_what_came_within_the_hold_is_read_before_it_ends(flow: CaseB, word: str, then: list[str]) -> None:
    """Who wants the account may have flooded the help desk, or the worker stood still."""
    await flow.ask()
    flow.clock.advance(hours=3, minutes=59)
    await flow.take(mail(JAN.login, word, subject="ZGL0000001" if word == "STOP" else "Pytanie", name="late"))
    flow.clock.advance(minutes=2)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    await flow.decide()
    await flow.take(mail(EWA.login, "Kiedy otwarte?", subject="Pytanie", name="later"), EWA.login)
    flow.clock.advance(minutes=1)
    await flow.deliver()
    assert flow.sink.kinds("ZGL0000001") == then, "what comes later holds nothing up"


@pytest.mark.parametrize(("stopped", "then"), [(True, WARNED), (False, EVERYTHING)])
async def test_a_word_that_came_while_mailbot_was_down_is_waited_for(
    flow: CaseB, stopped: bool, then: list[str]
) -> None:
    """The hold ends meanwhile; the MTA tries the holder's mail again within 70 minutes of the start."""
    await flow.ask()
    flow.clock.advance(hours=6)
    p = flow.parts
    relay = Relay(replace(p.settings.delivery, port=flow.sink.port))
    flow.deliverer = DeliverWorker(
        "new", p.database, relay, p.secret, flow.clock, p.rng, latecomers=timedelta(minutes=70)
    )
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    if stopped:
        assert await flow.stop() == "TICKET_UPDATE"
    for _ in range(15):
        flow.clock.advance(minutes=10)
        await flow.deliver()
    await relay.close()
    assert flow.sink.kinds() == then


@pytest.mark.parametrize(("status", "then"), [("5.2.2", WARNED), ("5.1.1", EVERYTHING)], ids=["full", "gone"])
async def test_a_warning_that_comes_back_stops_it_unless_the_mailbox_is_gone(
    flow: CaseB, status: str, then: list[str]
) -> None:
    """A relay that takes everything tells it by a report only; who wants the account may have filled the mailbox."""
    await flow.ask()
    return_path = flow.sink.accepted[1].mail_from
    report = bounce(return_path).replace(b"5.1.1", status.encode())
    assert await flow.answer(report, "", return_path) == "NO_REPLY"
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds() == then
    assert (await flow.ticket()).state == ("WSTRZYMANE" if then == WARNED else "DO_WERYFIKACJI")


async def test_a_warning_that_is_late_stops_it(flow: CaseB) -> None:
    """It was accepted, but nobody has read it: the hold would pass while it lies in a queue."""
    await flow.ask()
    return_path = flow.sink.accepted[1].mail_from
    report = bounce(return_path, "delayed").replace(b"5.1.1", b"4.4.1")
    assert await flow.answer(report, "", return_path) == "NO_REPLY"
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    assert (await flow.ticket()).state == "WSTRZYMANE"
    assert "mail-delayed" in await flow.events()


OTHERS = {
    "a stranger": {"sender": "kto.inny@obcy.example"},
    "a stranger, and nothing vouches": {"sender": "kto.inny@obcy.example", "auth": "none"},
    "the login, sent by another's server": {"auth": "fail"},
    "nobody knows who": {"sender": "Kowalski, Jan <jan@inna.example>"},
}


@pytest.mark.parametrize("case", OTHERS)
async def test_who_has_read_the_warning_stops_it_from_wherever_he_writes(flow: CaseB, case: str) -> None:
    """The old login may pass its mail on. Who else had the token in it could only stop himself."""
    await flow.ask()
    assert await flow.stop(**OTHERS[case]) in ("TICKET_UPDATE", "QUARANTINE")
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    assert (await flow.ticket()).state == "WSTRZYMANE"


@pytest.mark.parametrize("case", [*OTHERS, "the new address"])
async def test_nobody_else_stops_it(flow: CaseB, case: str) -> None:
    """Without the warning, the number and a guess are nothing; nor does an answer to the registration stop anything."""
    await flow.ask()
    who = {"sender": JAN.login, "auth": "pass", **OTHERS.get(case, {"sender": NEW})}
    registration = flow.sink.accepted[0].message_id
    for answered in ("<zgl0000001.t14.0123456789abcdef@helpdesk.example>", registration):
        headers = {"In-Reply-To": answered}
        await flow.answer(mail(who["sender"], "STOP", subject="Re: ZGL0000001", auth=who["auth"], headers=headers))
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds("ZGL0000001") == EVERYTHING


LETTERS = {
    "the word as a title": ("STOP", "Jan Kowalski"),
    "the word in the letter": ("konto", "Dzień dobry, stop! Jan Kowalski"),
    "the number in the letter": ("konto", "Dostałem wiadomość ZGL 0000001. To nie mój wniosek."),
}


@pytest.mark.parametrize("auth", ["pass", "none"])
@pytest.mark.parametrize("letter", LETTERS)
async def test_the_holder_may_write_a_letter_of_his_own(flow: CaseB, letter: str, auth: str) -> None:
    """Not everybody answers by "Reply". Without the warning's token his domain has to vouch for him."""
    await flow.ask()
    subject, body = LETTERS[letter]
    await flow.answer(mail("kto.inny@obcy.example", body, subject=subject, name="other"), "kto.inny@obcy.example")
    assert (await flow.ticket()).state == "ZAMKNIETE_ROZWIAZANE"
    await flow.answer(mail(JAN.login, body, subject=subject, auth=auth))
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds("ZGL0000001") == (WARNED if auth == "pass" else EVERYTHING)


async def test_a_stop_that_names_another_ticket_stops_nothing(flow: CaseB) -> None:
    await flow.ask()
    await flow.answer(mail(JAN.login, "Co z ZGL0000009?", subject="Sprawa"))
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds("ZGL0000001") == EVERYTHING


async def test_the_new_address_does_not_stop_itself(flow: CaseB) -> None:
    await flow.ask()
    assert await flow.stop(sender=NEW) == "TICKET_UPDATE"
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds("ZGL0000001") == EVERYTHING


async def test_where_nothing_vouches_the_answer_to_the_warning_stops_it(flow: CaseB) -> None:
    """Only the old login and the new address have the token of the thread."""
    await flow.ask()
    assert await flow.stop(auth="none") == "TICKET_UPDATE"
    assert (await flow.ticket()).state == "WSTRZYMANE"


@pytest.mark.parametrize("answered", ["", "<zgl0000001.t14.0123456789abcdef@helpdesk.example>"])
async def test_where_nothing_vouches_a_number_or_a_guess_does_not(flow: CaseB, answered: str) -> None:
    await flow.ask()
    headers = {"In-Reply-To": answered} if answered else {}
    raw = mail(JAN.login, "STOP", subject="Re: ZGL0000001", auth="none", headers=headers)
    assert await flow.answer(raw) == "ZGL_FOREIGN"
    assert (await flow.ticket()).state == "ZAMKNIETE_ROZWIAZANE"


@pytest.mark.parametrize("damage", ["X-Long: " + "a" * 9000, "X-Broken: =?utf-8?q?=ff?=\r\nno field at all"])
async def test_a_stop_that_is_hard_to_read_counts(flow: CaseB, damage: str) -> None:
    await flow.ask()
    raw = mail(JAN.login, "STOP", subject="Re: ZGL0000001")
    assert await flow.answer(raw.replace(b"MIME-Version:", f"{damage}\r\nMIME-Version:".encode(), 1)) == "TICKET_UPDATE"
    assert (await flow.ticket()).state == "WSTRZYMANE"


async def test_a_stop_counts_over_the_limit(flow: CaseB) -> None:
    await flow.ask()
    for n in range(6):
        await flow.answer(mail(JAN.login, f"Pytanie {n}", subject=f"Sprawa {n}", name=f"q{n}"))
    assert await flow.stop() == "TICKET_UPDATE"
    assert (await flow.ticket()).state == "WSTRZYMANE"


async def frozen_after_the_resolution(flow: CaseB) -> str:
    """The old login says STOP between T2B and T3; returns the return path of T2B, which the new address has."""
    await flow.ask()
    flow.sink.answer = of("T3", "451 4.3.0 busy", times=1)
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert await flow.stop() == "TICKET_UPDATE"
    return next(sent.mail_from for sent in flow.sink.accepted if sent.kind == "T2B")


@pytest.mark.parametrize("subject", ["Reklamacja ZGL0000001", "Re: ZGL0000001"])
@pytest.mark.parametrize("body", ["Reklamacja: link nie działa.", "Nie rozumiem kroku 2.", "Dziękuję!"])
async def test_no_word_of_the_new_address_takes_it_from_security(flow: CaseB, subject: str, body: str) -> None:
    await frozen_after_the_resolution(flow)
    assert await flow.answer(mail(NEW, body, subject=subject, name="more"), NEW) == "TICKET_UPDATE"
    found = await flow.ticket()
    assert (found.state, found.desk, found.closed_at) == ("WSTRZYMANE", "BEZPIECZENSTWO", None)
    assert (await flow.events())[-1] == "answered-by-citizen"
    assert flow.sink.kinds() == ["T1", "T14", "T2B"]


async def test_no_report_of_the_new_address_takes_it_from_security(flow: CaseB) -> None:
    return_path = await frozen_after_the_resolution(flow)
    assert await flow.answer(bounce(return_path), "", return_path) == "NO_REPLY"
    found = await flow.ticket()
    assert (found.state, found.desk) == ("WSTRZYMANE", "BEZPIECZENSTWO")
    assert (await flow.events())[-1] == "mail-bounced"


async def test_what_waits_because_of_a_limit_is_not_released(flow: CaseB) -> None:
    for n in range(7):
        await flow.answer(mail(JAN.login, f"Pytanie {n}", subject=f"Sprawa {n}", name=f"q{n}"))
    (held,) = await flow.rows(select(ticket.c.number).where(ticket.c.state == "WSTRZYMANE"))
    assert await flow.release(held.number) == ReleaseRefused("is not stopped")


@pytest.mark.parametrize("login", [JAN.login, "nikt@nigdzie.example"])
async def test_refusals_that_others_caused_lock_nobody_out(flow: CaseB, login: str) -> None:
    """The holder's case B comes to a person with the mail and the promise of every request; his case A is served."""
    for n in range(3):
        stolen = replace(GOOD, old_login=login, body=Match.MISMATCH, payload_sha256=f"{n}", signature_sha256=f"{n}")
        flow.verifier.answer = stolen
        sender = f"zly{n}@zle{n}.example"
        assert await flow.ask(f"zly{n}", sender, BODY.replace("Jan Kowalski", "Adam Obcy")) == "REJ_GENERIC"
    flow.verifier.answer = replace(GOOD, old_login=login)
    assert await flow.ask() == "REVIEW"
    assert [sent.kind for sent in flow.sink.accepted if sent.rcpt_to == NEW] == ["T1"]
    assert await flow.answer(mail(name="a")) == "OK_A"


BLOCKED = replace(GOOD, old_login=ZOFIA.login)
UNKNOWN = replace(GOOD, old_login="nikt@nigdzie.example")


@pytest.mark.parametrize("state", [ApplicationState.QUALIFIED, ApplicationState.SEVERAL, ApplicationState.DOUBT])
async def test_a_login_of_somebody_else_is_blocked_or_unknown_with_the_same_mails(
    flow: CaseB, state: ApplicationState
) -> None:
    cases = {"blocked": BLOCKED, "unknown": UNKNOWN, "active": replace(GOOD, body=Match.MISMATCH)}
    for name, checked in cases.items():
        flow.verifier.answer = replace(checked, state=state, payload_sha256=name * 8, signature_sha256=name * 8)
        await flow.ask(name, f"{name}@nowa.example", BODY.replace("Jan Kowalski", "Adam Obcy"))
    flow.clock.advance(hours=2)
    await flow.deliver()
    told = [[bare(s) for s in flow.sink.accepted if s.rcpt_to.startswith(name)] for name in cases]
    assert len(told[0]) == 2
    assert [sorted(t) for t in told[1:]] == [sorted(told[0])] * 2


async def test_the_number_in_the_subject_is_enough(flow: CaseB) -> None:
    await flow.ask()
    raw = mail(JAN.login, "Stop", subject="Odp: ZGL0000001 – ktoś prosi o zmianę loginu do konta PUESC")
    assert await flow.answer(raw) == "TICKET_UPDATE"
    assert (await flow.ticket()).state == "WSTRZYMANE"


async def test_stop_between_the_mails_kills_the_link(flow: CaseB) -> None:
    await flow.ask()
    flow.sink.answer = of("T3", "451 4.3.0 busy", times=1)
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert await flow.stop() == "TICKET_UPDATE"
    flow.clock.advance(hours=2)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1", "T14", "T2B"]


async def test_an_operator_freezes_and_releases(flow: CaseB) -> None:
    await flow.ask()
    assert await flow.freeze()
    assert not await flow.freeze("ZGL0000009")
    flow.clock.advance(days=1)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    assert isinstance(await flow.release(), Released)
    assert await flow.release() == ReleaseRefused("is not stopped")
    await flow.deliver()
    assert flow.sink.kinds() == EVERYTHING
    assert (await flow.ticket()).state == "ZAMKNIETE_ROZWIAZANE"


async def test_who_stopped_it_who_let_it_go_and_why_is_history(flow: CaseB) -> None:
    await flow.ask()
    await flow.stop()
    await flow.release()
    rows = await flow.rows(select(ticket_event.c.kind, ticket_event.c.detail).order_by(ticket_event.c.id))
    history = {row.kind: row.detail for row in rows}
    assert history["frozen"] == {"inbox": 2}
    assert history["released"] | WHO == history["released"]


async def test_after_a_release_the_rest_of_the_hold_passes(flow: CaseB) -> None:
    """T14 promised 14:00 and was accepted at 10:00; mails do not leave when an operator says so at 11:00."""
    await flow.ask()
    flow.clock.advance(minutes=30)
    await flow.stop()
    flow.clock.advance(minutes=30)
    starts = flow.clock.now + timedelta(hours=3)
    assert await flow.release() == Released(starts, starts + timedelta(hours=24))
    flow.clock.advance(hours=2, minutes=59)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    flow.clock.advance(minutes=1)
    await flow.deliver()
    assert flow.sink.kinds() == EVERYTHING


async def test_a_warning_that_left_late_is_waited_for_all_the_hold(flow: CaseB) -> None:
    flow.sink.answer = of("T14", "451 4.3.0 busy", times=1)
    await flow.ask()
    flow.clock.advance(hours=2)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    await flow.stop()
    flow.clock.advance(hours=1)
    released = await flow.release()
    assert isinstance(released, Released)
    assert released.starts == flow.clock.now + timedelta(hours=3), "four behind the warning, not three as it promised"


@pytest.mark.parametrize("answer", ["451 4.3.0 busy", "550 5.1.1 no such user"])
async def test_without_an_accepted_warning_the_hold_begins_anew(flow: CaseB, answer: str) -> None:
    flow.sink.answer = of("T14", answer, times=1)
    await flow.ask()
    await flow.freeze()
    flow.clock.advance(hours=30)
    moment = flow.clock.now
    assert await flow.release() == Released(moment + timedelta(hours=4), moment + timedelta(hours=28))
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    promised = wording.moment(moment + timedelta(hours=4))
    assert f"nie wcześniej niż {promised}" in flow.sink.accepted[1].text, "an hour that is to come"
    flow.clock.advance(hours=3, minutes=59)
    await flow.deliver()
    assert flow.sink.kinds() == WARNED
    flow.clock.advance(minutes=1)
    await flow.deliver()
    assert flow.sink.kinds() == EVERYTHING


async def test_released_mails_name_the_end_of_the_link_and_stay_in_their_thread(flow: CaseB) -> None:
    await flow.ask()
    await flow.freeze()
    flow.clock.advance(days=2)
    released = await flow.release()
    assert isinstance(released, Released)
    await flow.deliver()
    t1, _, t2b, t3 = flow.sink.accepted
    ((expires,),) = await flow.rows(select(activation.c.expires_at))
    assert expires == released.expires_at
    named = f"Link działa do {wording.moment(expires)}"
    assert named in t2b.text
    assert named in t3.text
    for sent in (t2b, t3):
        heading = message_from_bytes(sent.raw)
        assert heading["References"].split()[-1] == t1.message_id
        assert heading["In-Reply-To"] == message_from_bytes(t1.raw)["In-Reply-To"]
        assert parsedate_to_datetime(heading["Date"]) == flow.clock.now
    assert await answers(flow, link(t3)) == 200


async def test_a_link_that_was_sent_dies_and_leaves_anew(flow: CaseB) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    first = flow.sink.accepted[-1]
    assert await answers(flow, link(first)) == 200
    await flow.stop()
    assert await answers(flow, link(first)) == 404
    flow.clock.advance(hours=20)
    await flow.release()
    await flow.deliver()
    assert flow.sink.kinds() == [*EVERYTHING, "T3"], "the first one names an end that is not true any more"
    last = flow.sink.accepted[-1]
    assert last.message_id != first.message_id, "else a mailbox may take it for a copy"
    assert await answers(flow, link(last)) == 200


async def test_a_mail_on_its_way_must_come_back_before_a_release(flow: CaseB) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    leased = update(outbox).where(outbox.c.kind == "T2B").values(state="leased", leased_by="w")
    await flow.parts.database.write(lambda c: c.execute(leased.values(leased_until=flow.clock.now)).rowcount)
    await flow.freeze()
    refused = await flow.release()
    assert isinstance(refused, ReleaseRefused)
    assert "on its way" in refused.reason
    assert (await flow.ticket()).state == "WSTRZYMANE"


async def test_a_released_link_ends_the_other_ones_of_its_login(flow: CaseB) -> None:
    await flow.ask()
    await flow.freeze()
    assert await flow.answer(mail(name="a")) == "OK_A"
    path = link(flow.sink.accepted[-1])
    assert await answers(flow, path) == 200
    await flow.release()
    assert await answers(flow, path) == 404


# ------------------------------------------------------------------------------------------------------ case A


async def test_case_a_is_stopped_before_and_after_its_mails(flow: CaseB) -> None:
    flow.sink.answer = of("T2A", "451 4.3.0 busy", times=1)
    assert await flow.answer(mail()) == "OK_A"
    assert await flow.freeze()
    flow.clock.advance(days=2)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1"]
    assert await flow.states() == {"T1": "done", "T2A": "buried", "T3": "buried"}
    found = await flow.ticket()
    assert (found.state, found.desk, found.closed_at) == ("WSTRZYMANE", "BEZPIECZENSTWO", None)
    now = flow.clock.now
    assert await flow.release() == Released(now, now + DAY)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1", "T2A", "T3"]
    path = link(flow.sink.accepted[-1])
    assert f"Link działa do {wording.moment(now + DAY)}" in flow.sink.accepted[-1].text
    assert await answers(flow, path) == 200
    assert await flow.freeze()
    assert await answers(flow, path) == 404
    assert isinstance(await flow.release(), Released)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1", "T2A", "T3", "T3"]
    assert await answers(flow, link(flow.sink.accepted[-1])) == 200


async def test_who_was_stopped_does_not_just_ask_again(flow: CaseB) -> None:
    """The thief has the mailbox: another mail of his gets a person, until one has decided."""
    await flow.answer(mail())
    await flow.freeze()
    assert await flow.answer(mail(body=f"{BODY_A}\nProszę o pilne załatwienie", name="again")) == "REVIEW"
    assert flow.sink.kinds("ZGL0000002") == ["T1"]
    assert await flow.ask("b") == "REVIEW", "nor by a change of login"
    write = flow.parts.database.write
    assert await write(lambda c: hold.close(c, "ZGL0000001", flow.clock.now, WHO))
    assert not await write(lambda c: hold.close(c, "ZGL0000001", flow.clock.now, WHO))
    found = await flow.ticket()
    assert (found.state, found.desk) == ("ZAMKNIETE_NEGATYWNIE", "")
    assert await flow.release() == ReleaseRefused("is not stopped")
    assert await flow.answer(mail(body=f"{BODY_A}\nDzień dobry", name="later")) == "OK_A"


async def test_a_stopped_change_of_login_does_not_lock_its_holder_out(flow: CaseB) -> None:
    await flow.ask()
    await flow.stop()
    other = replace(GOOD, payload_sha256="q" * 64, signature_sha256="r" * 64)
    flow.verifier.answer = other
    assert await flow.ask("again", "jan@inna.example") == "REVIEW"
    assert await flow.answer(mail(name="a")) == "OK_A"


async def test_a_stop_that_comes_before_the_registration_left(flow: CaseB) -> None:
    flow.sink.answer = of("T1", "451 4.3.0 busy", times=1)
    await flow.answer(mail())
    await flow.freeze()
    await flow.release()
    assert await flow.states() == {"T1": "queued", "T2A": "waiting", "T3": "waiting"}
    flow.clock.advance(hours=1)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1", "T2A", "T3"]


async def test_a_link_of_case_a_that_was_used_is_for_security(flow: CaseB) -> None:
    await flow.answer(mail())
    await use(flow, link(flow.sink.accepted[-1]))
    assert await flow.freeze()
    found = await flow.ticket()
    assert (found.state, found.desk) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO")
    assert (await flow.events())[-1] == "stop-too-late"
    assert await flow.release() == ReleaseRefused("is not stopped")


async def test_a_dead_old_mailbox_does_not_stop_the_citizen(flow: CaseB) -> None:
    flow.sink.answer = of("T14", "550 5.1.1 no such user")
    await flow.ask()
    assert await flow.states() == {"T1": "done", "T14": "buried", "T2B": "queued", "T3": "waiting"}
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert flow.sink.kinds() == ["T1", "T2B", "T3"]
    assert (await flow.ticket()).state == "ZAMKNIETE_ROZWIAZANE"


async def test_the_link_moves_the_login_and_the_old_one_is_told(flow: CaseB) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    await use(flow, link(flow.sink.accepted[-1]))
    await flow.deliver()
    logins = {row.login for row in await flow.rows(select(account.c.login))}
    assert NEW in logins
    assert JAN.login not in logins
    last = flow.sink.accepted[-1]
    assert (last.kind, last.rcpt_to) == ("T19", JAN.login)
    assert NEW.encode() not in last.raw
    flow.clock.advance(minutes=1)
    assert await flow.stop() == "TICKET_UPDATE"
    found = await flow.ticket()
    assert (found.state, found.desk) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO"), "too late, but somebody looks"


# -------------------------------------------------------------------------------------------- registry and replay


async def facts(flow: CaseB) -> dict[str, str]:
    rows = await flow.rows(select(decision.c.facts).order_by(decision.c.inbox_id.desc()))
    return dict(rows[0][0])


def signer(
    given: str = "Jan", surname: str = "Kowalski", year: int | None = 1980, pesel: str | None = None
) -> ApplicationCheck:
    return replace(GOOD, applicant=Applicant(given, surname, year, pesel))


REGISTRY = {
    "somebody else's login": (replace(signer("Marek", "Obcy"), body=Match.MISMATCH), "REJ_GENERIC", "mismatch"),
    "signer of another year": (signer(year=1990), "REJ_GENERIC", "mismatch"),
    "unknown login": (replace(GOOD, old_login="nie.ma@nigdzie.example"), "REJ_GENERIC", "unknown"),
    "no address at all": (replace(GOOD, old_login="brak"), "REJ_GENERIC", "unknown"),
    "no birth date in the signature": (replace(signer(year=None), body=Match.DOUBT), "REVIEW", "doubt"),
    "signature in doubt": (replace(GOOD, state=ApplicationState.DOUBT), "REVIEW", "ok"),
    "second given name": (signer("Jan Paweł"), "OK_B", "ok"),
}


@pytest.mark.parametrize("case", REGISTRY)
async def test_signer_against_the_account(flow: CaseB, case: str) -> None:
    flow.verifier.answer, outcome, holder = REGISTRY[case]
    assert await flow.ask() == outcome
    assert (await facts(flow))["holder"] == holder


async def test_a_formal_defect_keeps_the_registry_out(flow: CaseB) -> None:
    flow.verifier.answer = replace(GOOD, defects=(Defect.APP_INCOMPLETE,), details={"czego": "nazwisko"})
    assert await flow.ask() == "REJ_FORMAL"
    assert "We wniosku brakuje: nazwisko." in flow.sink.accepted[-1].text
    assert (await facts(flow))["account"] == "not-asked"


async def test_the_sender_must_be_nobodys_login(flow: CaseB) -> None:
    assert await flow.ask(sender="ewa@mejl.example") == "REJ_GENERIC"
    assert (await facts(flow))["new_login"] == "taken"


async def test_a_wrong_sentence_with_an_application(flow: CaseB) -> None:
    assert await flow.ask(body=BODY.replace(SENTENCES[Phrase.B], SENTENCES[Phrase.A])) == "REJ_FORMAL"
    assert SENTENCES[Phrase.B] in flow.sink.accepted[-1].text
    flow.verifier.answer = ApplicationCheck(ApplicationState.UNSIGNED, (Defect.UNSIGNED,))
    assert await flow.ask("photo", body=BODY.replace(SENTENCES[Phrase.B], SENTENCES[Phrase.A])) == "REJ_GENERIC"


async def add(flow: CaseB, namesake: Account) -> None:
    statement = account.insert().values(column_values(namesake))
    await flow.parts.database.write(lambda c: c.execute(statement).rowcount)


@pytest.mark.parametrize(
    ("given", "year", "outcome"), [("Jan", 1980, "REVIEW"), ("JAN Adam", 1980, "REVIEW"), ("Jan", 1981, "OK_B")]
)
async def test_a_namesake_makes_it_a_persons_matter(flow: CaseB, given: str, year: int, outcome: str) -> None:
    await add(flow, Account("inny@jan.example", given, "Kowalski", year, "m"))
    assert await flow.ask() == outcome


@pytest.mark.parametrize(("hashes", "outcome"), [(("a" * 64,) * 2, "OK_B"), (("a" * 64, "b" * 64), "REJ_GENERIC")])
async def test_pesel_is_the_strongest_test(flow: CaseB, hashes: tuple[str, str], outcome: str) -> None:
    for login in ("pesel@jan.example", "inny@jan.example"):
        await add(flow, Account(login, "Jan", "Kowalski", 1980, "m", pesel_hash=hashes[1]))
    flow.verifier.answer = replace(signer(pesel=hashes[0]), old_login="pesel@jan.example")
    assert await flow.ask() == outcome


async def test_the_same_application_again(flow: CaseB) -> None:
    assert await flow.ask() == "OK_B"
    assert await flow.ask("ten minutes later") == "DUPLICATE", "while its mails wait: joined to the open ticket (C123)"
    assert flow.sink.kinds("ZGL0000001") == [*WARNED, "T15"]
    flow.clock.advance(hours=4)
    await flow.deliver()
    assert await flow.ask("next day") == "REVIEW"
    assert (await facts(flow))["replay"] == "yes"
    assert await flow.rows(select(used_signature.c.ticket_id)) == [(1,)]


async def test_an_application_beside_sentence_a_is_neither_looked_at_nor_used_up(flow: CaseB) -> None:
    """It is granted once, with its own sentence, and then no more under either."""
    assert await flow.ask("a", JAN.login, BODY_A) == "OK_A"
    found = await facts(flow)
    assert (found["application"], found["replay"]) == ("not-asked", "no")
    assert await flow.rows(select(used_signature.c.ticket_id)) == []
    assert await flow.rows(select(application_view.c.name)) == []
    assert await flow.ask("b") == "OK_B"
    assert await flow.rows(select(used_signature.c.ticket_id)) == [(2,)]
    assert await flow.ask("c", "inny@nowa.example", f"{BODY_A}.") == "REJ_FORMAL"
    assert await flow.ask("d", "inny@nowa.example", f"{BODY}.") == "REVIEW"
    assert (await facts(flow))["replay"] == "yes"


async def test_the_same_application_with_other_words_is_a_replay_in_one_batch_too(flow: CaseB) -> None:
    async def take(name: str, body: str) -> None:
        entry = {
            "id": name,
            "sender": NEW,
            "subject": REQUIRED_SUBJECT,
            "body": body,
            "auth": "pass",
            "html_only": False,
        }
        raw = build({**entry, "headers": {}}, "utf8-qp", [("wniosek.pdf", "application/pdf", b"%PDF-1.7 signed")])
        await flow.take(raw, NEW)

    await take("one", BODY)
    await take("two", BODY + "\n\nProszę o szybką odpowiedź.")
    await asyncio.wait_for(flow.decide(), 30)
    outcomes = [row.outcome for row in await flow.rows(select(decision.c.outcome).order_by(decision.c.inbox_id))]
    assert outcomes == ["OK_B", "REVIEW"]


@pytest.mark.parametrize(
    ("phrase", "sender", "state", "readable"),
    [
        (Phrase.B, NEW, ApplicationState.CONTAINER, True),
        (Phrase.A, JAN.login, ApplicationState.NONE, False),
    ],
)
async def test_of_a_mail_over_the_limit_only_the_sentence_of_case_b_is_read(
    flow: CaseB, phrase: Phrase, sender: str, state: ApplicationState, readable: bool
) -> None:
    """So that a file that is too large can be told; a whole mail of case A must be read before anything is granted."""
    body = f"{SENTENCES[phrase]} Jan Kowalski, 1980"
    entry = {"id": "huge", "sender": sender, "subject": REQUIRED_SUBJECT, "body": body, "auth": "pass"}
    huge = [("skan.pdf", "application/pdf", bytes(28_000_000))]
    raw = build({**entry, "html_only": False, "headers": {}}, "utf8-qp", huge)
    u = flow.parts.pipeline.understand(RawMessage(raw, Envelope(Source.LMTP), flow.clock.now))
    assert (u.checked.state, not u.message.damage) == (state, readable)
