"""Cases A and B where the accounts are in a registry over SCIM: over the wire from the mail to the password there."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, update

from mailbot.accounts.scim import ScimRegistry
from mailbot.delivery.smtp import Relay
from mailbot.desk import case
from mailbot.desk.ailments import AILMENTS
from mailbot.flow.decision import DOUBT
from mailbot.ingress import smtp
from mailbot.model import AccountStatus, Applicant, Source
from mailbot.registry import SILENCE, RegistryChanges, doubt
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose, doctor
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation, decision, inbox, ticket
from mailbot.tickets.notice import NoticeWriter
from mailbot.web.app import SERVER_OPTIONS
from mailbot.web.app import build as build_web
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from tests.flow import EWA, JAN, ZOFIA, Clock, mail, relay_sink, settings
from tests.flow import GOOD as GOOD_A
from tests.integration.test_case_b import EVERYTHING, GOOD, NEW, CaseB, Stub
from tests.integration.test_flow import PASSWORD, link
from tests.registries import Office, office, says

PESEL = "f" * 64
HOLDER = replace(JAN, login="Jan.Kowalski@WP.example", pesel_hash=PESEL)
OTHER = "inne dobre slowo 77"


@dataclass
class Connected(CaseB):
    """A flow whose accounts are in ``office``."""

    office: Office
    changes: RegistryChanges
    before_post: Any = None
    """``instead`` and ``behind`` of the office from the POST on."""

    @property
    def notice(self) -> NoticeWriter:
        p = self.parts
        return NoticeWriter(p.pipeline.writer, p.secret, p.settings.helpdesk.address)

    async def use(self, path: str, password: str = PASSWORD) -> tuple[int, int]:
        """Statuses of the form and of what becomes of it; 0: it was not sent."""
        p = self.parts
        app = build_web(p.settings, p.database, p.directory, p.secret, self.notice, self.clock, changes=self.changes)
        server = TestServer(app)
        await server.start_server(**SERVER_OPTIONS)
        async with TestClient[Any, Any](server) as client:
            async with client.get(path) as answer:
                shown = await answer.text()
                if answer.status != 200:
                    return answer.status, 0
            form = {"haslo": password, "powtorz": password, "csrf": shown.split('name="csrf" value="')[1][:64]}
            if self.before_post is not None:
                self.office.instead, self.office.behind = self.before_post
            async with client.post(path, data=form, allow_redirects=False) as answer:
                return 200, answer.status

    async def pending(self) -> int:
        return len(await self.rows(select(registry_change)))

    async def used(self) -> bool:
        ((at,),) = await self.rows(select(activation.c.used_at))
        return at is not None


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Connected]:
    async with connected(tmp_path) as made:
        yield made


@asynccontextmanager
async def connected(folder: Path, **can: bool) -> AsyncIterator[Connected]:
    clock = Clock()
    with office(folder, (HOLDER, EWA, ZOFIA), **can) as there:
        async with relay_sink() as sink:
            chosen = settings(f"sqlite:///{folder}/mailbot.db", folder / "key", sink.port)
            chosen = replace(chosen, accounts=there.settings())
            parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
            assert isinstance(parts.registry, ScimRegistry)
            relay = Relay(chosen.delivery)
            server = await smtp.serve(chosen.lmtp, Source.LMTP, parts.database, parts.secret, clock)
            verifier = Stub(parts.pipeline)
            verifier.answer = replace(GOOD, applicant=Applicant("JAN", "KOWALSKI", 1980, PESEL))
            decider = DecideWorker(
                "decide", parts.database, parts.pipeline, clock, parts.rng, verifier=verifier, registry=parts.registry
            )
            deliverer = DeliverWorker("deliver", parts.database, relay, parts.secret, clock, parts.rng)
            changes = compose.changes(parts)
            assert changes is not None
            port = server.sockets[0].getsockname()[1]
            try:
                yield Connected(parts, clock, sink, port, decider, deliverer, verifier, there, changes)
            finally:
                server.close()
                await relay.close()
                await parts.database.close()


async def test_case_a_sets_the_password_in_the_registry(flow: Connected) -> None:
    assert await flow.answer(mail()) == "OK_A"
    path = link(flow.sink.accepted[-1])
    assert await flow.use(path) == (200, 303)
    assert flow.office.resource(JAN.login).password == PASSWORD
    assert await flow.used()
    assert await flow.use(path) == (404, 0)
    assert await flow.pending() == 0
    assert (await flow.events())[-1] == "activation-used"


@pytest.mark.parametrize(("patch", "etag"), [(True, True), (False, True), (False, False)])
async def test_case_b_moves_the_login_and_tells_the_old_one(tmp_path: Path, patch: bool, etag: bool) -> None:
    async with connected(tmp_path, patch=patch, etag=etag) as flow:
        assert await flow.ask() == "OK_B"
        flow.clock.advance(hours=4)
        await flow.deliver()
        assert flow.sink.kinds() == EVERYTHING
        assert await flow.use(link(flow.sink.accepted[-1])) == (200, 303)
        moved = flow.office.resource(NEW)
        assert (moved.password, moved.active, moved.name.family_name) == (PASSWORD, True, "Kowalski")
        await flow.deliver()
        assert flow.sink.kinds() == [*EVERYTHING, "T19"]
        assert flow.sink.accepted[-1].rcpt_to.lower() == JAN.login


async def test_without_a_pesel_a_change_of_login_goes_to_a_person(flow: Connected) -> None:
    flow.verifier.answer = GOOD
    assert await flow.ask() == "REVIEW"


DOWN = {
    "500": says("500 No", b""),
    "401": says("401 No", b""),
    "garbage": says("200 OK", b"{"),
    "redirect": says("302 Found", b"", ("Location", "/")),
}


@pytest.mark.parametrize("how", DOWN)
async def test_a_mail_waits_for_the_registry_and_others_do_not(flow: Connected, how: str) -> None:
    flow.office.instead = DOWN[how]
    await flow.take(mail())
    await flow.take(mail(EWA.login, "Kiedy otwarte?", subject="Pytanie", name="other", auth="none"), EWA.login)
    await flow.decide()
    states = [tuple(row) for row in await flow.rows(select(inbox.c.state, inbox.c.attempts).order_by(inbox.c.id))]
    assert states[0] == ("queued", 0)
    assert states[1][0] == "done"
    assert flow.sink.kinds() == []
    for _ in range(4):
        flow.clock.advance(minutes=11)
        await flow.decide()
    flow.office.instead = None
    flow.clock.advance(minutes=11)
    await flow.decide()
    ((outcome,),) = await flow.rows(select(inbox.c.outcome).where(inbox.c.id == 1))
    assert outcome == "OK_A"


async def test_a_login_that_is_never_answered_for_goes_to_a_person_within_half_of_the_promise(flow: Connected) -> None:
    """As one at whose row the registry breaks: the others are answered meanwhile."""
    look, _ = AILMENTS["registry-silent"]

    def breaks(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        strange = "jan.kowalski" in environ["QUERY_STRING"]
        return DOWN["500"](environ, start) if strange else answer(environ, start)

    flow.office.behind = breaks
    await flow.take(mail())
    came = flow.clock.now
    told: set[str | None] = set()
    while (await flow.rows(select(inbox.c.state)))[0][0] == "queued":
        assert flow.clock.now - came < timedelta(hours=13), "it waits for ever"
        await flow.decide()
        await flow.parts.database.read(lambda c: told.add(look(c, flow.clock.now, flow.parts.settings)))
        flow.clock.advance(minutes=20)
    assert flow.clock.now - came >= timedelta(hours=12)
    assert "1 messages wait for the registry of accounts, the first since 11 hours ago" in told
    ((outcome, defects),) = await flow.rows(select(decision.c.outcome, decision.c.notes))
    assert (outcome, defects["floor"]) == ("REVIEW", [DOUBT])
    ((state, promised_at),) = await flow.rows(select(ticket.c.state, ticket.c.promised_at))
    assert (state, promised_at - came) == ("DO_WERYFIKACJI", timedelta(hours=24))
    assert await flow.parts.database.read(lambda c: look(c, flow.clock.now, flow.parts.settings)) is None
    assert flow.sink.kinds() == []
    other = mail(EWA.login, GOOD_A.replace("Jan Kowalski, 1980", "Ewa Nowak, 1975"), name="ewa")
    assert await flow.answer(other, EWA.login) == "OK_A"


async def test_a_mail_that_came_late_waits_for_the_registry_all_the_same(flow: Connected) -> None:
    await flow.take(mail())
    flow.clock.advance(hours=20)
    flow.office.instead = DOWN["500"]
    await flow.decide()
    flow.office.instead = None
    flow.clock.advance(minutes=11)
    await flow.decide()
    ((outcome,),) = await flow.rows(select(inbox.c.outcome))
    assert outcome == "OK_A"


async def test_two_accounts_of_one_login_are_a_doubt(flow: Connected) -> None:
    one = {"id": "1", "userName": JAN.login}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2}
    flow.office.instead = says("200 OK", json.dumps({**body, "Resources": [one, one]}).encode())
    assert await flow.answer(mail()) == "REVIEW"
    assert flow.sink.kinds() == []


async def test_the_page_says_try_again_and_nothing_is_half_done(flow: Connected) -> None:
    await flow.answer(mail())
    path = link(flow.sink.accepted[-1])
    flow.office.instead = DOWN["500"]
    assert await flow.use(path) == (503, 0)
    flow.office.instead = None
    flow.before_post = (DOWN["500"], None)
    assert await flow.use(path) == (200, 503)
    assert not await flow.used()
    flow.before_post, flow.office.instead = None, None
    assert flow.office.resource(JAN.login).password is None
    assert await flow.use(path) == (200, 303)
    assert flow.office.resource(JAN.login).password == PASSWORD


def cut(flow: Connected) -> Any:
    """The registry does the next change and its answer is lost; from then on it is away."""

    def app(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        if environ["REQUEST_METHOD"] != "PATCH":
            return answer(environ, start)
        b"".join(answer(environ, lambda *_: None))
        flow.office.behind, flow.office.instead = None, DOWN["500"]
        return DOWN["500"](environ, start)

    return app


@pytest.mark.parametrize("again", [PASSWORD, OTHER])
async def test_a_change_whose_answer_was_lost_is_found_out_before_it_is_asked_again(
    flow: Connected, again: str
) -> None:
    """The same password is not asked for twice; another one is what the citizen wants now."""
    await flow.answer(mail())
    path = link(flow.sink.accepted[-1])
    flow.before_post = (None, cut(flow))
    assert await flow.use(path) == (200, 503)
    flow.before_post, flow.office.instead = None, None
    assert flow.office.resource(JAN.login).password == PASSWORD
    assert (await flow.used(), await flow.pending()) == (False, 1)
    flow.office.asked.clear()
    assert await flow.use(path, again) == (200, 303)
    assert [method for method, _ in flow.office.asked].count("PATCH") == int(again != PASSWORD)
    assert flow.office.resource(JAN.login).password == again
    assert (await flow.used(), await flow.pending()) == (True, 0)


async def test_a_moved_login_whose_page_went_away_is_settled_and_the_old_one_told(flow: Connected) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    flow.before_post = (None, cut(flow))
    assert await flow.use(link(flow.sink.accepted[-1])) == (200, 503)
    assert await flow.changes.step(lambda: flow.notice) == 0
    assert not await flow.used(), "the registry is away"
    flow.office.instead = None
    flow.clock.advance(minutes=2)
    await flow.changes.step(lambda: flow.notice)
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (True, 0)
    await flow.deliver()
    assert flow.sink.kinds() == [*EVERYTHING, "T19"]


async def test_a_stop_that_comes_while_it_is_asked_says_what_was_done(flow: Connected) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    flow.before_post = (None, cut(flow))
    assert await flow.use(link(flow.sink.accepted[-1])) == (200, 503)
    await flow.freeze()
    flow.office.instead = None
    flow.clock.advance(minutes=2)
    await flow.changes.step(lambda: flow.notice)
    assert await flow.used()
    assert (await flow.events())[-1] == "activation-used"


async def test_a_change_that_was_never_done_is_forgotten_with_its_link(flow: Connected) -> None:
    await flow.answer(mail())
    flow.before_post = (None, lambda _e, start, _a: DOWN["500"](_e, start))
    path = link(flow.sink.accepted[-1])
    await flow.use(path)
    flow.office.behind = None
    flow.clock.advance(hours=1)
    await flow.changes.step(lambda: flow.notice)
    flow.clock.advance(hours=30)
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (False, 0)
    assert flow.office.resource(JAN.login).password is None


async def test_an_account_that_changed_meanwhile_is_read_anew(flow: Connected) -> None:
    """412: somebody else wrote. Of what he wrote nothing is lost."""
    await flow.answer(mail())

    def meddling(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        if environ["REQUEST_METHOD"] == "PATCH":
            flow.office.behind = None
            flow.office.meddle(JAN.login, nick_name="Jaś")
        return answer(environ, start)

    flow.before_post = (None, meddling)
    assert await flow.use(link(flow.sink.accepted[-1])) == (200, 303)
    held = flow.office.resource(JAN.login)
    assert (held.password, held.nick_name) == (PASSWORD, "Jaś")
    assert [method for method, _ in flow.office.asked].count("PATCH") == 2


@pytest.mark.parametrize("what", ["blocked", "taken"])
async def test_a_link_whose_account_is_blocked_or_new_login_taken_is_gone(flow: Connected, what: str) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    path = link(flow.sink.accepted[-1])
    if what == "blocked":
        flow.office.meddle(JAN.login, active=False)
        assert await flow.use(path) == (404, 0)
    else:
        flow.office.meddle(EWA.login, user_name=NEW.upper())
        assert await flow.use(path) == (200, 404)
    assert flow.office.resource(JAN.login).password is None


async def test_two_clicks_set_one_password(flow: Connected) -> None:
    await flow.answer(mail())
    path = link(flow.sink.accepted[-1])
    results = dict(zip((PASSWORD, OTHER), await asyncio.gather(flow.use(path), flow.use(path, OTHER)), strict=True))
    if (200, 303) not in results.values():  # each came upon the other: both were told to try again
        assert set(results.values()) == {(200, 503)}
        results[OTHER] = await flow.use(path, OTHER)
    assert results[flow.office.resource(JAN.login).password] == (200, 303)
    assert await flow.pending() == 0


async def test_no_transaction_waits_for_the_registry(flow: Connected) -> None:
    asked, over = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        asked.set()
        over.wait(30)
        return answer(environ, start)

    await flow.take(mail())
    flow.office.behind = slow
    deciding = asyncio.create_task(flow.decide())
    assert await asyncio.to_thread(asked.wait, 30)
    await flow.parts.database.write(lambda c: c.execute(update(inbox).values(deferred=0)))
    assert not deciding.done()
    over.set()
    await deciding


async def test_the_desk_goes_on_without_the_registry(flow: Connected) -> None:
    await flow.answer(mail(auth="none"))
    flow.office.instead = DOWN["500"]
    p = flow.parts
    found = await p.database.read(lambda c: case.read(c, "ZGL0000001", p.secret, p.directory))
    assert found is not None
    assert found.account is not None
    assert (found.account.doubtful, found.account.status) == (True, AccountStatus.BLOCKED)


@pytest.mark.parametrize(
    ("patch", "etag", "said"), [(True, True, "answers"), (False, True, "PUT"), (True, False, "no ETag")]
)
async def test_doctor_says_what_the_registry_can_do(tmp_path: Path, patch: bool, etag: bool, said: str) -> None:
    with office(tmp_path, (), patch=patch, etag=etag) as there:
        chosen = replace(settings("sqlite://", tmp_path / "key", 25), accounts=there.settings())
        found = await doctor._registry(chosen)
        assert found.works
        assert said in found.detail
        there.instead = DOWN["401"]
        found = await doctor._registry(chosen)
        assert (found.works, "401" in found.detail) == (False, True)


def parted(flow: Connected) -> Any:
    """The registry does the next change, whose answer is lost, and takes no other."""

    def app(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        if environ["REQUEST_METHOD"] != "PATCH":
            return answer(environ, start)
        b"".join(answer(environ, lambda *_: None))
        flow.office.behind = lambda e, s, a: (DOWN["500"] if e["REQUEST_METHOD"] == "PATCH" else a)(e, s)
        flow.office.instead = DOWN["500"]
        return DOWN["500"](environ, start)

    return app


async def test_a_moved_login_is_told_though_another_password_was_asked_for_behind_it(flow: Connected) -> None:
    """The row names the second change, which was never done; the login moved by the first."""
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    path = link(flow.sink.accepted[-1])
    flow.before_post = (None, parted(flow))
    assert await flow.use(path) == (200, 503)
    flow.before_post, flow.office.instead = None, None
    assert await flow.use(path, OTHER) == (200, 503)
    assert flow.office.resource(NEW).password == PASSWORD
    flow.office.behind = None
    flow.clock.advance(minutes=2)
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (True, 0)
    await flow.deliver()
    assert flow.sink.kinds() == [*EVERYTHING, "T19"]


async def test_one_strange_resource_does_not_hold_the_other_changes(flow: Connected) -> None:
    for who, body in ((JAN, GOOD_A), (EWA, GOOD_A.replace("Jan Kowalski, 1980", "Ewa Nowak, 1975"))):
        assert await flow.answer(mail(who.login, body, name=who.given), who.login) == "OK_A"
        flow.before_post = (None, cut(flow))
        assert await flow.use(link(flow.sink.accepted[-1])) == (200, 503)
        flow.before_post, flow.office.instead = None, None
    strange = f"/v2/Users/{flow.office.resource(JAN.login).id}"
    flow.office.behind = lambda e, s, a: (says("200 OK", b"{}") if e["PATH_INFO"] == strange else a)(e, s)
    flow.clock.advance(minutes=2)
    await flow.changes.step(lambda: flow.notice)
    assert await flow.pending() == 1


async def test_who_slept_between_note_and_change_asks_for_nothing(flow: Connected) -> None:
    """As SIGSTOP, or a machine that was suspended: the link may have been stopped meanwhile."""
    await flow.answer(mail())

    def slept(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        if environ["PATH_INFO"].endswith("/ServiceProviderConfig"):
            flow.clock.advance(minutes=5)
        return answer(environ, start)

    flow.before_post = (None, slept)
    assert await flow.use(link(flow.sink.accepted[-1])) == (200, 503)
    assert "PATCH" not in {method for method, _ in flow.office.asked}
    assert flow.office.resource(JAN.login).password is None


def copied(here: Path, there: Path) -> None:
    """A database over another one, as a backup and its restore do it."""
    with closing(sqlite3.connect(here)) as source, closing(sqlite3.connect(there)) as target:
        source.backup(target)


async def restored(flow: Connected) -> int:
    """What ``mailbot tickets restored`` does for changes of login."""
    await flow.freeze()
    return await flow.parts.database.write(lambda c: doubt(c, flow.parts.secret, flow.clock.now))


async def standing(flow: Connected) -> tuple[str, str]:
    ((state, desk),) = await flow.rows(select(ticket.c.state, ticket.c.desk))
    return state, desk


@pytest.mark.parametrize("days", [0, 9], ids=["link-alive", "link-over"])
async def test_a_login_that_moved_behind_the_backup_is_found_out_after_the_restore(
    flow: Connected, tmp_path: Path, days: int
) -> None:
    """The registry keeps the new login; that the old one was told is lost with the database."""
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    copied(tmp_path / "mailbot.db", tmp_path / "copy")
    path = link(flow.sink.accepted[-1])
    assert await flow.use(path) == (200, 303)
    flow.clock.advance(hours=24 * days)
    copied(tmp_path / "copy", tmp_path / "mailbot.db")
    assert await restored(flow) == 1
    flow.office.instead, flow.before_post = DOWN["500"], None
    flow.clock.advance(minutes=2)
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (False, 1), "it is asked until it has said"
    flow.office.instead = None
    assert await flow.use(path) == (404, 0)
    await flow.changes.step(lambda: flow.notice)
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (True, 0)
    assert await standing(flow) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO")
    await flow.deliver()
    assert flow.sink.kinds() == [*EVERYTHING, "T19"]
    assert flow.sink.accepted[-1].rcpt_to.lower() == HOLDER.login.lower()


@pytest.mark.parametrize("how", ["not-clicked", "new-login-of-another"])
async def test_a_login_that_did_not_move_stays_stopped_after_the_restore(flow: Connected, how: str) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    if how == "new-login-of-another":
        flow.office.meddle(EWA.login, user_name=NEW)
    assert await restored(flow) == 1
    flow.clock.advance(minutes=2)
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (False, 0)
    assert await standing(flow) == ("WSTRZYMANE", "BEZPIECZENSTWO")


@pytest.mark.parametrize("ever", [False, True], ids=["it says so in the end", "never"])
async def test_what_the_registry_does_not_say_goes_to_a_person_once_and_is_looked_for_further_on(
    flow: Connected, ever: bool
) -> None:
    await flow.ask()
    flow.clock.advance(hours=4)
    await flow.deliver()
    flow.before_post = (None, cut(flow))
    assert await flow.use(link(flow.sink.accepted[-1])) == (200, 503)
    for _ in range(3):
        flow.clock.advance(hours=25)
        await flow.changes.step(lambda: flow.notice)
    assert (await flow.events()).count(SILENCE) == 1
    assert await standing(flow) == ("WSTRZYMANE", "BEZPIECZENSTWO")
    if ever:
        flow.clock.advance(hours=24 * 28)
        await flow.changes.step(lambda: flow.notice)
        assert (await flow.used(), await flow.pending()) == (False, 0), "it is the person's alone"
        return
    flow.office.instead = None
    await flow.changes.step(lambda: flow.notice)
    assert (await flow.used(), await flow.pending()) == (True, 0)
