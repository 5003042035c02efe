"""A rule set that changes under a running worker."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from mailbot.config import RulesSettings
from mailbot.errors import DatabaseUnavailable
from mailbot.inbox import store
from mailbot.mails.write import Writer
from mailbot.model import Envelope, RawMessage, Source, Understanding
from mailbot.ruleset.model import Ruleset
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import personal
from mailbot.storage.outgoing import MAIL, OUTGOING
from mailbot.storage.schema import decision, outbox, ruleset_load
from mailbot.workers.decide import DecideWorker
from mailbot.workers.rules import RulesKeeper
from mailbot.workers.understand import in_thread
from tests.citizens import HELPDESK
from tests.flow import EWA, JAN, Clock, add_accounts, mail, settings
from tests.support import ROOT

OLD, NEW = "33 483 20 55", "33 111 22 33"


@dataclass
class Office:
    """A worker, the folder of its rules, and who keeps them."""

    parts: compose.Parts
    folder: Path
    decider: DecideWorker
    keeper: RulesKeeper
    loads: int = 0

    def load(self) -> tuple[Ruleset, Writer]:
        self.loads += 1
        return compose.rules(self.parts.settings)

    def write(self, file: str, old: str, new: str) -> None:
        """Change a rule file as an editor does."""
        text = (self.folder / file).read_text()
        assert old in text
        (self.folder / file).write_text(text.replace(old, new))

    async def look(self) -> None:
        """Look until nothing is to be done."""
        while await self.keeper.step():
            pass

    async def decide(self, name: str, sender: str = JAN.login) -> tuple[str, str]:
        """Hash of the rule set that decided about a mail, and the text of the registration."""
        raw = RawMessage(mail(sender, name=name), Envelope(Source.LMTP, sender, (HELPDESK,)), self.parts.clock())
        secret = self.parts.secret
        (stored,) = await self.parts.database.write(lambda c: store(c, [raw], self.parts.clock(), secret))
        while await self.decider.step():
            pass
        row = decision.c.inbox_id == stored.inbox_id
        with self.parts.database.engine.connect() as connection:
            ruleset = connection.execute(select(decision.c.ruleset).where(row)).scalar_one()
            newest = (
                select(*MAIL).select_from(OUTGOING).where(outbox.c.kind == "T1").order_by(outbox.c.id.desc()).limit(1)
            )
            first = personal.addressed(secret, connection.execute(newest).one())
        plain = message_from_bytes(first.raw, policy=policy.default).get_body(("plain",))
        assert plain is not None
        return ruleset, plain.get_content()

    def rows(self) -> list[tuple[str | None, str | None]]:
        """What the table of loads says: hash, mistakes."""
        with self.parts.database.engine.connect() as connection:
            found = connection.execute(select(ruleset_load).order_by(ruleset_load.c.id)).all()
        assert {row.process for row in found} <= {"test"}
        return [(row.hash, row.mistakes) for row in found]

    @property
    def active(self) -> str:
        return self.decider.pipeline.ruleset.hash


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    folder = Path(shutil.copytree(ROOT / "rules", tmp_path / "rules"))
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    chosen = replace(chosen, rules=RulesSettings(str(folder)))
    clock = Clock()
    parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
    add_accounts(parts.database.engine)
    decider = DecideWorker("decide", parts.database, parts.pipeline, clock, parts.rng)
    use = partial(setattr, decider, "pipeline")
    made: list[Office] = []
    keeper = RulesKeeper("test", parts.database, parts.pipeline, lambda: made[0].load(), use, clock, settle=0)
    made.append(Office(parts, folder, decider, keeper))
    await keeper.start()
    await made[0].look()
    try:
        yield made[0]
    finally:
        await parts.database.close()


def told(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, object]]:
    """The steps called ``name`` that were logged."""
    lines = [json.loads(r.message) for r in caplog.records if r.message.startswith("{")]
    return [line for line in lines if line["step"] == name]


async def test_an_unchanged_folder_is_told_once_and_read_no_more(office: Office) -> None:
    loads = office.loads
    for _ in range(3):
        assert await office.keeper.step() == 0
    assert office.loads == loads
    assert office.rows() == [(office.active, None)]


@pytest.mark.parametrize("changes", [False, True])
async def test_what_the_program_began_with_is_not_read_twice(office: Office, *, changes: bool) -> None:
    parts = compose.build(office.parts.settings, clock=office.parts.clock, resolver=StaticResolver({}))
    if changes:  # while it was read
        office.write("contacts.yaml", OLD, NEW)
    use = partial(setattr, office.decider, "pipeline")
    seen = (office.load, use, parts.clock, 0.0, parts.rules_seen)
    office.keeper = RulesKeeper("test", parts.database, parts.pipeline, *seen)
    loads = office.loads
    await office.look()
    await parts.database.close()
    assert office.loads == loads + changes


async def test_a_new_telephone_stands_in_the_next_mail(office: Office) -> None:
    before, text = await office.decide("before")
    assert OLD in text
    office.write("contacts.yaml", OLD, NEW)
    await office.look()
    after, text = await office.decide("after", EWA.login)
    assert (after, NEW in text, OLD in text) == (office.active, True, False)
    assert after != before
    assert office.rows() == [(before, None), (after, None)]


async def test_a_wrong_set_is_refused_and_the_last_good_one_goes_on(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    good = office.active
    office.write("contacts.yaml", OLD, "nobody knows")
    await office.look()
    ruleset, text = await office.decide("refused")
    assert (ruleset, OLD in text) == (good, True)
    (line,) = told(caplog, "rules-refused")
    assert line["active"] == good
    assert "contacts.yaml:" in str(line["first"])
    assert [r.levelno for r in caplog.records if "rules-refused" in r.message] == [logging.ERROR]
    (_, (nothing, mistakes)) = office.rows()
    assert nothing is None
    assert mistakes is not None
    assert "nobody knows" in mistakes
    assert line["mistakes"] == len(mistakes.splitlines())


async def test_the_same_mistake_is_told_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.write("contacts.yaml", OLD, "nobody knows")
    for n in range(3):
        os.utime(office.folder / "contacts.yaml", (n, n))
        await office.look()
    assert len(told(caplog, "rules-refused")) == 1
    office.write("contacts.yaml", "nobody knows", "nobody cares")
    await office.look()
    assert len(told(caplog, "rules-refused")) == len(office.rows()) - 1 == 2


async def test_a_mended_set_is_taken(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mailbot")
    office.write("contacts.yaml", OLD, "nobody knows")
    await office.look()
    office.write("contacts.yaml", "nobody knows", NEW)
    await office.look()
    assert [line["recovered"] for line in told(caplog, "rules-taken")] == [True]
    assert (await office.decide("mended"))[0] == office.active == office.rows()[-1][0]


async def test_what_is_put_back_as_it_was_is_told_as_mended(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mailbot")
    pipeline = office.decider.pipeline
    office.write("contacts.yaml", OLD, "nobody knows")
    await office.look()
    office.write("contacts.yaml", "nobody knows", OLD)
    await office.look()
    assert office.decider.pipeline is pipeline
    assert [line["recovered"] for line in told(caplog, "rules-taken")] == [True]
    assert [mistakes is None for _, mistakes in office.rows()] == [True, False, True]


async def test_a_half_written_file_is_not_read(office: Office) -> None:
    good, loads = office.active, office.loads
    whole = (office.folder / "contacts.yaml").read_text().replace(OLD, NEW)
    for share in (10, 100, len(whole)):  # between two looks the writer goes on each time
        (office.folder / "contacts.yaml").write_text(whole[:share])
        assert await office.keeper.step() == 1
    assert (office.active, office.loads) == (good, loads)
    assert await office.keeper.step() == 0
    assert office.loads == loads + 1
    assert office.active != good
    assert [mistakes for _, mistakes in office.rows()] == [None, None]


async def test_what_changes_while_it_is_read_does_not_count(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    load, more = office.load, iter(["33 222 33 44", "33 333 44 55"])

    def while_somebody_writes() -> tuple[Ruleset, Writer]:
        found = load()
        if (number := next(more, None)) is not None:
            office.write("contacts.yaml", found[0].contacts.phones["procedura_specjalna"], number)
        return found

    monkeypatch.setattr(office, "load", while_somebody_writes)
    office.write("contacts.yaml", OLD, NEW)
    await office.look()
    assert "33 333 44 55" in (await office.decide("last"))[1]
    assert len(office.rows()) == 2, "what was there in between was never taken"


@pytest.mark.parametrize(
    "harm", ["vanished", "unreadable", "pipe", "file-vanished", "mail-vanished", "not-text", "bug"]
)
async def test_whatever_happens_to_the_folder_the_worker_goes_on(
    office: Office, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = office.active
    if harm == "vanished":
        office.folder.rename(office.folder.with_name("elsewhere"))
    elif harm == "unreadable":
        (office.folder / "contacts.yaml").unlink()
        (office.folder / "contacts.yaml").mkdir()
    elif harm == "pipe":
        (office.folder / "contacts.yaml").unlink()
        os.mkfifo(office.folder / "contacts.yaml")
    elif harm == "file-vanished":
        (office.folder / "signatures.yaml").unlink()
    elif harm == "mail-vanished":
        (office.folder / "mails" / "T1_rejestracja.txt.j2").unlink()
    elif harm == "not-text":
        (office.folder / "contacts.yaml").write_bytes(b"\xff\xfe\x00")
    else:
        office.write("contacts.yaml", OLD, NEW)
        monkeypatch.setattr(office, "load", lambda: [][0])
    await office.look()
    assert (await office.decide("all the same"))[0] == good
    (_, (nothing, mistakes)) = office.rows()
    assert nothing is None
    assert mistakes


async def test_a_batch_under_way_keeps_its_rules(office: Office) -> None:
    good = office.active
    understand = in_thread(office.parts.pipeline.understander)

    async def while_the_rules_change(batch: Sequence[RawMessage]) -> list[Understanding]:
        if batch and office.active == good:
            office.write("contacts.yaml", OLD, NEW)
            await office.look()
            assert office.active != good
        return await understand(batch)

    parts = office.parts
    office.decider._understand = while_the_rules_change
    ruleset, text = await office.decide("under way")
    assert (ruleset, OLD in text, NEW in text) == (good, True, False)
    ruleset, text = await office.decide("next", EWA.login)
    assert (ruleset, NEW in text) == (office.active, True)
    assert parts.pipeline.ruleset.hash == good, "the snapshot of before is not touched"


async def test_what_could_not_be_noted_is_taken_later(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that decides stands in the table, always."""
    good = office.active
    write = office.parts.database.write

    async def down(_work: object) -> None:
        raise DatabaseUnavailable("down")

    office.write("contacts.yaml", OLD, NEW)
    monkeypatch.setattr(office.parts.database, "write", down)
    with pytest.raises(DatabaseUnavailable):
        await office.look()
    assert office.active == good
    monkeypatch.setattr(office.parts.database, "write", write)
    await office.look()
    assert office.active != good
    assert office.rows()[-1] == (office.active, None)
