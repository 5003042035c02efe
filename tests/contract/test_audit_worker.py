"""What takes over into the chain and writes its head out; one of us does, however many there are."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, event, insert

from mailbot.audit import chain
from mailbot.audit.verify import Head, verify
from mailbot.cli import cli
from mailbot.config import AuditSettings, Settings
from mailbot.delivery.smtp import Relay
from mailbot.storage.database import Database
from mailbot.storage.schema import ticket_event
from mailbot.workers.audit import AuditWorker
from tests.flow import Clock
from tests.links import open_ticket
from tests.postgres import analyze

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(engine: Engine) -> AsyncIterator[Database]:
    made = Database(engine)
    yield made
    await made.close()


def happen(engine: Engine, clock: Clock, count: int) -> None:
    with engine.begin() as c:
        rows = [{"ticket_id": 1, "at": clock(), "kind": "step", "detail": {"n": n}} for n in range(count)]
        c.execute(insert(ticket_event), rows)


async def test_everything_is_taken_over_and_the_head_written_out(
    engine: Engine,
    database: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, file, sent = Clock(), tmp_path / "heads", list[bytes]()

    async def send(_relay: Relay, return_path: str, recipient: str, raw: bytes) -> str:
        assert (return_path, recipient) == ("", "straznik@urzad.example")
        sent.append(raw)
        return "250 taken"

    monkeypatch.setattr(Relay, "send", send)
    with engine.begin() as c:
        open_ticket(c, "ZGL0000001")
    chosen = AuditSettings(60, str(file), "straznik@urzad.example")
    settings = replace(Settings(), audit=chosen)
    workers = [AuditWorker(settings, database, clock) for _ in range(2)]

    async def work() -> None:
        for worker in workers:
            while await worker.step():
                pass

    await work()
    assert not file.exists()  # nothing has happened
    happen(engine, clock, 1100)
    with caplog.at_level(logging.INFO, "mailbot"):
        await work()
        await work()
    clock.now += HOUR
    happen(engine, clock, 1)
    await work()
    heads = [json.loads(text) for text in file.read_text().splitlines()]
    assert [head["seq"] for head in heads] == [1100, 1101]
    assert [json.loads(r.message)["seq"] for r in caplog.records if "audit-head" in r.message] == [1100]
    assert [message_from_bytes(raw)["Subject"].rpartition(" ")[2] for raw in sent] == ["1100", "1101"]
    with engine.connect() as c:
        assert list(verify(c, [Head(head["seq"], head["hash"]) for head in heads])) == []


async def test_what_cannot_be_written_out_is_told_and_stops_nothing(
    engine: Engine, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with engine.begin() as c:
        chain.note(c, clock(), chain.MACHINE, "rules-taken", "rules")
    settings = replace(Settings(), audit=AuditSettings(head_file=str(tmp_path / "none" / "heads")))
    assert await AuditWorker(settings, database, clock).step() == 0
    assert any("audit-head-kept-back" in r.message for r in caplog.records)


async def test_a_head_file_that_fails_keeps_no_mail_back_and_a_line_cut_off_no_other(
    engine: Engine, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, sent = Clock(), list[bytes]()

    async def send(_relay: Relay, _return_path: str, _recipient: str, raw: bytes) -> str:
        sent.append(raw)
        return "250 taken"

    monkeypatch.setattr(Relay, "send", send)
    file = tmp_path / "later" / "heads"
    settings = replace(Settings(), audit=AuditSettings(60, str(file), "straznik@urzad.example"))
    for hours in (0, 1, 24 * 365):  # without a folder, behind a line that a full disk cut off, by a clock that is ahead
        clock.now += hours * HOUR
        with engine.begin() as c:
            chain.note(c, clock(), chain.MACHINE, "rules-taken", "rules")
        await AuditWorker(settings, database, clock).step()
        if not hours:
            file.parent.mkdir()
            file.write_text('{"at": "2026-03-0')
    clock.now -= 24 * 365 * HOUR
    await AuditWorker(settings, database, clock).step()
    assert len(sent) == 4
    assert [json.loads(text)["seq"] for text in file.read_text().splitlines()[1:]] == [2, 3, 3]
    told = CliRunner().invoke(cli, ["audit", "verify", "--head", str(file), "--config", configured(engine, tmp_path)])
    assert told.exit_code == 0, told.output
    assert "line 1: was cut off" in told.output
    assert "compared with 3 heads" in told.output


def configured(engine: Engine, folder: Path) -> str:
    url = engine.url.render_as_string(hide_password=False)
    (folder / "mailbot.toml").write_text(f'[database]\nurl = "{url}"\n')
    return str(folder / "mailbot.toml")


async def test_looking_for_what_waits_reads_no_history(engine: Engine, database: Database) -> None:
    clock, asked = Clock(), list[str]()
    with engine.begin() as c:
        open_ticket(c, "ZGL0000001")
    happen(engine, clock, 2000)
    with engine.begin() as c:
        chain.take_over(c, 5000)
    happen(engine, clock, 3)
    analyze(engine)
    event.listen(engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    worker = AuditWorker(Settings(), database, clock)
    await worker.step()
    looked = [s for s in asked if "chained IS NULL" in s]
    assert len(looked) == 2
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as c:
        for statement in looked:
            plain = statement.replace("?", "1").replace("%(param_1)s::INTEGER", "1").replace("%(param_1)s", "1")
            plan = " ".join(str(row) for row in c.exec_driver_sql(explain + plain).all())
            assert "ix_ticket_event_unchained" in plan, plan
