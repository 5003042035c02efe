"""What an operator sees of mails that do not leave, and what he may do about them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, insert, select, update

from mailbot.cli import cli
from mailbot.config import DatabaseSettings, Settings
from mailbot.observe import utc_now
from mailbot.outbox import jobs
from mailbot.service import compose
from mailbot.service.doctor import Diagnosis, examine
from mailbot.storage.breaker import breaker
from mailbot.storage.engine import connect
from mailbot.storage.schema import outbox, ticket
from mailbot.tickets import hold
from tests.links import open_ticket
from tests.relay_fake import fake_relay


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database that the commands take when no settings are given, with a ticket."""
    monkeypatch.chdir(tmp_path)
    made = connect("sqlite:///mailbot.db")
    compose.opened(Settings(database=DatabaseSettings("sqlite:///mailbot.db")), made)
    with made.begin() as connection:
        open_ticket(connection, "ZGL0000001")
    return made


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def mail(engine: Engine, kind: str, **values: Any) -> None:
    now = utc_now()
    row = {"ticket_id": 1, "slot": kind, "kind": kind, "ordinal": 1, "recipient": "a@b.example", "return_path": ""}
    sent = {"message_id": "", "raw": b"", "state": jobs.BURIED, "due_at": now, "deadline": now - timedelta(days=1)}
    with engine.begin() as connection:
        connection.execute(insert(outbox).values(**{**row, **sent, "attempts": 9, **values}))


def state(engine: Engine) -> tuple[str, int]:
    with engine.connect() as connection:
        found = connection.execute(select(outbox.c.state, outbox.c.attempts)).one()
    return found.state, found.attempts


def test_a_buried_mail_is_tried_again_from_the_start(engine: Engine) -> None:
    mail(engine, "T1", last_error="451 busy")
    assert "1: queued again" in invoke("outbox", "retry", "1").stdout
    assert state(engine) == (jobs.QUEUED, 0), "its hours are counted anew from the next try"
    refused = invoke("outbox", "retry", "1")
    assert refused.exit_code == 1
    assert "only buried" in refused.stderr


@pytest.mark.parametrize("kind", ["T2B", "T3"])
@pytest.mark.parametrize("reason", [hold.FROZEN, "RCPT: 451 busy"])
def test_a_mail_of_a_stopped_ticket_is_not(engine: Engine, kind: str, reason: str) -> None:
    mail(engine, kind, last_error=reason)
    with engine.begin() as connection:
        connection.execute(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))
    refused = invoke("outbox", "retry", "1")
    assert refused.exit_code == 1
    assert "ZGL0000001 is stopped; mend: `mailbot tickets release ZGL0000001`" in refused.stderr
    assert state(engine) == (jobs.BURIED, 9)


async def test_doctor_tells_that_the_server_refuses_us(engine: Engine) -> None:
    mail(engine, "T1", state=jobs.QUEUED, refused_us=1, last_error="RCPT: 554 5.7.1 Relay access denied")

    async def said() -> Diagnosis:
        chosen = Settings(database=DatabaseSettings("sqlite:///mailbot.db"), delivery=server.settings())
        return next(f for f in await examine(chosen) if f.what == "delivery")

    async with fake_relay() as server:
        found = await said()
        assert not found.works
        assert "1 mails wait" in found.detail
        assert "Relay access denied" in found.detail
        with engine.begin() as connection:
            connection.execute(update(outbox).values(refused_us=0))
        assert (await said()).works
        server.says["MAIL"] = b"530 5.7.0 Authentication required\r\n"
        assert "530" in (await said()).detail
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE outbox DROP COLUMN refused_us")  # of the version before
        server.says.clear()
        assert (await said()).works


def test_a_breaker_is_shown_and_lifted(engine: Engine) -> None:
    assert "stranger: 0 of 200 in this hour, 0 of 1500 in 24 h, 0 wait" in invoke("breaker", "show").stdout
    assert "no breaker is tripped" in invoke("breaker", "lift", "--reason", "x").stderr
    with engine.begin() as connection:
        connection.execute(insert(breaker).values(reach="stranger", tripped_at=utc_now()))
    assert "stranger: TRIPPED since" in invoke("breaker", "show").stdout
    assert '"per_hour": 200' in invoke("breaker", "show", "--json").stdout
    assert "mend: say why" in invoke("breaker", "lift", "--reason", " ").stderr
    assert invoke("breaker", "lift", "--reason", "a robot, its tickets are ended").stdout == "stranger: lifted\n"
    assert "TRIPPED" not in invoke("breaker", "show").stdout
