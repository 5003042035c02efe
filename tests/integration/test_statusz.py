"""/statusz says in words what is wrong, to those who may ask; /metrics says the same in numbers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import insert

from mailbot.config import ImapSettings
from mailbot.console import words
from mailbot.desk.ailments import AILMENTS
from mailbot.errors import ConfigError
from mailbot.inbox import Cursor, move_cursor
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose, doctor
from mailbot.service.supervision import MailbotService
from mailbot.storage.schema import ruleset_load
from mailbot.web import watch
from mailbot.workers.understand import Processes
from tests.flow import settings
from tests.integration.test_readiness import ask, at_once, locked, service
from tests.trusted_lists import NOW, Edition, list_of_lists, polish_list
from tests.unit.signatures.test_trust_store import EU, PL, folder

__all__ = ["at_once", "service"]


def ailing(text: str) -> dict[str, float]:
    return {what: float(value) for what, value in re.findall(r'mailbot_ailing\{what="([^"]+)"\} (\S+)', text)}


async def test_all_is_well(service: MailbotService) -> None:
    status, text = await ask(service, "/statusz")
    assert status == 200
    assert re.fullmatch(r"mailbot \S+, \S+ \S+Z: ready, nothing is wrong\n", text)
    assert ailing((await ask(service, "/metrics"))[1]) == dict.fromkeys(AILMENTS, 0.0)


async def test_it_is_told_to_nobody_behind_a_proxy(service: MailbotService) -> None:
    assert (await ask(service, "/statusz", **{"X-Forwarded-For": "192.0.2.1"}))[0] == 404


async def test_what_is_wrong_is_told_in_words_and_numbers(service: MailbotService) -> None:
    row = {"at": service.parts.clock(), "process": "a", "hash": None, "mistakes": "jan@wp.example\nx"}
    await service.parts.database.write(lambda c: c.execute(insert(ruleset_load), row) and None)
    text = (await ask(service, "/statusz"))[1]
    assert text.splitlines()[0].endswith("Z: ready, 1 things are wrong")
    assert text.splitlines()[1] == (
        "rules-refused: the rule set in the folder is refused: 2 mistakes; mend: mailbot rules check"
    )
    assert ailing((await ask(service, "/metrics"))[1])["rules-refused"] == 1


async def test_a_database_that_is_away_is_told(service: MailbotService, tmp_path: Path) -> None:
    with locked(tmp_path / "mailbot.db"):
        text = (await ask(service, "/statusz"))[1]
    assert "not ready" in text
    assert "database: the database takes no commit" in text


async def test_a_poll_counts_when_it_found_nothing_and_grows_stale(service: MailbotService) -> None:
    imap = ImapSettings("imap.helpdesk.example", user="h@helpdesk.example")
    chosen = replace(service.parts.settings, imap=imap)
    look, _ = AILMENTS["mailbox-stale"]
    now = service.parts.clock()
    found = []
    await service.parts.database.write(lambda c: found.append(look(c, now, chosen)))
    await service.parts.database.write(lambda c: move_cursor(c, Cursor(imap.mailbox, 1, 0), now))
    for age in (timedelta(), timedelta(hours=3)):
        await service.parts.database.write(lambda c, age=age: found.append(look(c, now + age, chosen)))  # type: ignore[misc]
    assert found == [
        None,
        None,
        "the mailbox was last looked through 3 hours ago",
    ]


async def test_a_process_that_understands_and_is_dead_is_told_and_replaced(service: MailbotService) -> None:
    parts = service.parts
    build = partial(compose.understander, parts.settings, parts.secret)
    async with Processes(build, parts.settings.worker) as understand:
        await understand.start()
        service.understand = understand
        assert (await ask(service, "/readyz"))[0] == 200
        (child,) = understand._idle
        os.kill(child.process.pid, signal.SIGKILL)
        await child.process.wait()
        assert await ask(service, "/readyz") == (503, "not ready: understanding\n")
        assert "no process that understands mails" in (await ask(service, "/statusz"))[1]
        async with asyncio.timeout(60):
            while (await ask(service, "/readyz"))[0] != 200:  # noqa: ASYNC110  # another process starts
                await asyncio.sleep(0.2)
        assert understand._idle[0].process.pid != child.process.pid
        service.understand = None


async def test_where_another_is_ready_it_is_well_again_at_once(service: MailbotService) -> None:
    parts = service.parts
    chosen = replace(parts.settings.worker, processes=2)
    async with Processes(partial(compose.understander, parts.settings, parts.secret), chosen) as pool:
        pool._idle = [await pool._start(), await pool._start()]
        os.kill(pool._idle[0].process.pid, signal.SIGKILL)
        await pool._idle[0].process.wait()
        assert not pool.works()
        async with asyncio.timeout(60):
            while not pool.works():  # noqa: ASYNC110  # a process is reaped
                await asyncio.sleep(0.01)
        assert len(pool._idle) == 1


async def test_one_that_cannot_be_started_stays_told(service: MailbotService, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = service.parts
    async with Processes(partial(compose.understander, parts.settings, parts.secret), parts.settings.worker) as pool:
        await pool.start()
        service.understand = pool
        monkeypatch.setattr("mailbot.signatures.child.sys.executable", "/nowhere/python")
        os.kill(pool._idle[0].process.pid, signal.SIGKILL)
        await pool._idle[0].process.wait()
        for _ in range(3):
            assert await ask(service, "/readyz") == (503, "not ready: understanding\n")
            await asyncio.sleep(0.05)
        service.understand = None


@pytest.mark.parametrize("code", AILMENTS)
@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_console_has_a_word_for_each(code: str, language: str) -> None:
    assert words.say(language, f"over.ails.{code}")


def test_the_doctor_says_the_same(tmp_path: Path) -> None:
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    assert doctor._work(chosen) == "nothing was done yet"
    parts = compose.build(chosen, resolver=StaticResolver({}))
    assert doctor._work(chosen) == "nothing is late, given up or refused"
    row = {"at": parts.clock(), "process": "a", "hash": None, "mistakes": "x"}
    with parts.database.engine.begin() as connection:
        connection.execute(insert(ruleset_load), row)
    with pytest.raises(ConfigError, match="refused: 1 mistakes; mend: mailbot rules check"):
        doctor._work(chosen)
    asyncio.run(parts.database.close())


def test_before_the_first_start_no_mailbox_is_stale(tmp_path: Path) -> None:
    """The doctor is asked before it."""
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    parts = compose.build(chosen, resolver=StaticResolver({}))
    looked = replace(chosen, imap=ImapSettings("imap.helpdesk.example", user="h@helpdesk.example"))
    assert doctor._work(looked) == "nothing is late, given up or refused"
    asyncio.run(parts.database.close())


def test_the_age_of_the_trusted_lists_is_told(tmp_path: Path) -> None:
    found = folder(tmp_path, list_of_lists(EU, PL), polish_list(PL, Edition()))
    trust = watch.TrustWatch(str(found))
    ages = {s.labels["list"]: s.value for s in next(iter(trust.measure(None, NOW))).samples}  # type: ignore[arg-type]
    assert set(ages) == {"EU", "PL"}
    assert all(age >= 0 for age in ages.values())
    late = NOW + timedelta(days=400)
    assert "trust: the list PL is overdue; mend: mailbot trust update" in trust.words(late)


def test_a_list_that_is_broken_is_a_problem_and_no_silence(tmp_path: Path) -> None:
    (tmp_path / "pl.xml").write_text("<no list/>")
    trust = watch.TrustWatch(str(tmp_path))
    (problems,) = [f for f in trust.measure(None, NOW) if f.name == "mailbot_trust_problems"]  # type: ignore[arg-type]
    assert problems.samples[0].value >= 1
    assert "mailbot trust show" in trust.words(NOW)[0]
    assert watch.TrustWatch("").words(NOW) == []
