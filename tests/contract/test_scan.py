"""A file is scanned before anybody gets it, on each engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from mailbot.cli import cli
from mailbot.config import ScannerSettings
from mailbot.desk.letter import withheld
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.outbox import jobs
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.schema import decision, inbox, outbox, ticket
from mailbot.workers.decide import DecideWorker
from mailbot.workers.scan import NOT_SCANNED, Scans
from tests.citizens import HELPDESK
from tests.flow import STRANGER, Clock, mail, settings
from tests.scanners import Liar, lying

WITH_FILE = (
    b"""\
MIME-Version: 1.0
From: <%s>
To: <%s>
Subject: Pytanie
Message-ID: <plik@wp.example>
Content-Type: multipart/mixed; boundary="=b"

--=b
Content-Type: text/plain

Prosze o pomoc.
--=b
Content-Type: application/octet-stream; name="plik.bin"
Content-Disposition: attachment; filename="plik.bin"
Content-Transfer-Encoding: base64

cGxpaw==
--=b--
""".replace(b"\n", b"\r\n")
    % (STRANGER.encode(), HELPDESK.encode())
)


class Desk:
    def __init__(self, engine: Engine, folder: Path) -> None:
        url = engine.url.render_as_string(hide_password=False)
        self.clock, self.engine, self.key = Clock(), engine, folder / "key"
        self.parts = compose.build(
            settings(url, self.key, 1), clock=self.clock, rng=random.Random(1), resolver=StaticResolver({})
        )
        self.file = folder / "mailbot.toml"
        self.file.write_text(f'[database]\nurl = "{url}"\n[secret]\nkey_file = "{self.key}"\n', encoding="utf-8")

    async def decide(self, address: str, on_failure: str, *raws: bytes) -> None:
        chosen = ScannerSettings(address, on_failure, 2)  # type: ignore[arg-type]
        flow = replace(self.parts.pipeline, settings=replace(self.parts.pipeline.settings, scanner=chosen))
        envelope = Envelope(Source.LMTP, STRANGER, (HELPDESK,))
        with self.engine.begin() as connection:
            store(connection, [RawMessage(r, envelope, self.clock()) for r in raws], self.clock(), self.parts.secret)
        self.worker = DecideWorker("w", self.parts.database, flow, self.clock, random.Random(1))
        while await self.worker.step():
            pass

    def found(self) -> list[tuple[str, str, str | None]]:
        """Of each message: how it was decided, whether it can be read, what the scanner said."""
        d = decision.c
        with self.engine.connect() as connection:
            rows = connection.execute(select(d.outcome, d.facts, d.notes).order_by(d.inbox_id)).all()
        return [(row.outcome, row.facts["readable"], row.notes.get("scan")) for row in rows]

    def held(self) -> bool:
        with self.engine.connect() as connection:
            return bool(withheld(connection, 1))


@pytest.fixture
async def desk(empty_engine: Engine, tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(empty_engine, tmp_path)
    yield made
    await made.parts.database.close()


async def test_a_clean_file_changes_nothing_and_a_letter_without_one_is_scanned_too(desk: Desk) -> None:
    without = mail(name="bez pliku")
    async with lying(Liar()) as liar:
        await desk.decide(liar.address, "person", WITH_FILE, without)
    assert [said for *_, said in desk.found()] == ["clean", "clean"]
    assert liar.seen == [WITH_FILE, b"plik", without]
    assert not desk.held()


async def test_a_virus_in_a_letter_without_a_file_is_quarantine(desk: Desk) -> None:
    """As what stands in its HTML, or behind a part that no reader of ours takes for a file."""
    async with lying(Liar(b"stream: Zly.Html-1 FOUND\0")) as liar:
        await desk.decide(liar.address, "person", mail(name="bez pliku"))
    assert desk.found() == [("QUARANTINE", "yes", "found Zly.Html-1")]
    assert desk.held()


@pytest.mark.parametrize(("on_failure", "lives"), [("person", False), ("wait", False), ("wait", True)])
async def test_a_letter_without_a_file_goes_its_way_unscanned_and_only_its_octets_are_withheld(
    desk: Desk, on_failure: str, lives: bool
) -> None:
    async with lying(Liar(b"stream: Heap ERROR\0" if lives else b"", lives=lives)) as liar:
        await desk.decide(liar.address, on_failure, mail(name="bez pliku"))
    ((outcome, readable, said),) = desk.found()
    assert (outcome, readable) == ("REJ_GENERIC", "yes")
    assert said is not None
    assert said.startswith("failed: ")
    assert desk.held()


@pytest.mark.parametrize("on_failure", ["person", "wait"])
async def test_a_virus_goes_to_security_and_nobody_is_answered(desk: Desk, on_failure: str) -> None:
    async with lying(Liar(b"stream: Zly.Wirus-1 FOUND\0")) as liar:
        await desk.decide(liar.address, on_failure, WITH_FILE)
    assert desk.found() == [("QUARANTINE", "yes", "found Zly.Wirus-1")]
    with desk.engine.connect() as connection:
        assert connection.execute(select(ticket.c.state, ticket.c.desk)).one() == ("KWARANTANNA", "BEZPIECZENSTWO")
        assert connection.execute(select(outbox.c.id)).all() == []
    assert desk.held()
    shown = ["queue", "show", "1", "--raw", "--config", str(desk.file)]
    refused = CliRunner().invoke(cli, shown)
    assert refused.exit_code == 1
    assert "Zly.Wirus-1" in refused.output
    assert "cGxpaw" not in refused.output
    forced = CliRunner().invoke(cli, [*shown, "--infected"])
    assert b"cGxpaw==" in forced.stdout_bytes


async def test_what_was_not_scanned_is_for_a_person_and_its_file_withheld(desk: Desk) -> None:
    async with lying(Liar(b"stream: Heap ERROR\0")) as liar:
        await desk.decide(liar.address, "wait", WITH_FILE)
    ((outcome, readable, said),) = desk.found()
    assert (outcome, readable) == ("REVIEW", "no")
    assert said == "failed: it could not scan"
    assert desk.held()


async def test_without_a_scanner_mail_goes_to_a_person_or_waits(desk: Desk) -> None:
    await desk.decide("127.0.0.1:1", "wait", WITH_FILE, mail(name="bez pliku"))
    assert len(desk.found()) == 1, "who has no file does not wait"
    with desk.engine.connect() as connection:
        row = connection.execute(
            select(inbox.c.state, inbox.c.attempts, inbox.c.last_error).order_by(inbox.c.id)
        ).first()
    assert row is not None
    assert (row.state, row.attempts) == (jobs.QUEUED, 0)
    assert "virus scanner" in row.last_error
    assert desk.worker.scans.away
    desk.clock.advance(minutes=2)
    await desk.decide("127.0.0.1:1", "person")
    assert next(said for *_, said in desk.found()) == "failed: not reached: ConnectionRefusedError"
    assert desk.held()


async def test_who_does_not_answer_for_one_is_not_asked_for_each(desk: Desk) -> None:
    second = WITH_FILE.replace(b"<plik@", b"<drugi@")
    async with lying(Liar(b"", lives=False)) as liar:
        await desk.decide(liar.address, "person", WITH_FILE, second)
    assert len(liar.seen) == 1
    assert len(desk.found()) == 2


@pytest.mark.parametrize("others", [1, 0])
async def test_a_file_at_which_the_scanner_dies_holds_no_other_mail_and_does_not_wait_for_ever(
    desk: Desk, others: int
) -> None:
    """It is started again within the minute, each time."""
    second = WITH_FILE.replace(b"<plik@", b"<drugi@")
    async with lying(Liar()) as liar:
        liar.poison = b"<plik@"
        await desk.decide(liar.address, "wait", WITH_FILE, *[second] * others)
        assert desk.found() == []
        for _ in range(2):
            liar.lives = True
            desk.clock.advance(minutes=2)
            while await desk.worker.step():
                pass
        assert desk.found()[1:] == [("MORE", "yes", "clean")] * others
        assert desk.found()[0] == ("REVIEW", "no", "failed: its answer was cut")
    assert desk.held()


async def test_many_files_that_each_take_long_do_not_outlast_the_lease(desk: Desk) -> None:
    raw = RawMessage(WITH_FILE, Envelope(Source.LMTP, STRANGER, (HELPDESK,)), desk.clock())
    u = desk.parts.pipeline.understand(raw)
    many = replace(u, message=replace(u.message, attachments=u.message.attachments * 100))
    async with lying(Liar()) as liar:
        liar.seconds = 0.1
        done = await Scans(ScannerSettings(liar.address, "wait", 2), 0.5).look([(1, WITH_FILE, many)])
        assert len(liar.seen) < 10
        assert (found := done[1]) is not None
        assert found.scan == "failed: not scanned in time"
        assert NOT_SCANNED in found.message.damage
        started = asyncio.get_running_loop().time()
        scans = Scans(ScannerSettings(liar.address, "wait", 2), 0.5)
        done = await scans.look([(1, WITH_FILE, u), (2, WITH_FILE, many), (3, WITH_FILE, u)])
        assert asyncio.get_running_loop().time() - started < 1, "all of them together"
        assert list(done) == [1], "who had less than the whole time is not to blame"
