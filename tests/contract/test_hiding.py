"""`mailbot key seal`: the database of an older version loses its readable addresses, and works all the while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from mailbot import processes
from mailbot.cli import cli
from mailbot.desk import case, search, todo
from mailbot.errors import ConfigError
from mailbot.inbox import StoredMessage, delivery_key, hide, message_of, store, stored_digests, stored_message
from mailbot.installation import agree
from mailbot.model import ApplicationCheck, ApplicationState, Duplicate, Envelope, Operator, RawMessage, Source
from mailbot.model.categories import CASE_A
from mailbot.processes import Process
from mailbot.retention import erase
from mailbot.ruleset.model import Limit
from mailbot.secret import Hiding, is_sealed, key_of
from mailbot.service import compose, hiding, rotation
from mailbot.service.doctor_office import addresses
from mailbot.storage import engine as engines
from mailbot.storage import keys, personal
from mailbot.storage.erasing import key_ids, ticket_key
from mailbot.storage.keys import KeyStore, data_key
from mailbot.storage.outgoing import MAIL, OCTETS, OUTGOING, outbox_raw
from mailbot.storage.schema import (
    activation,
    decision,
    inbox,
    installation,
    outbox,
    raw_message,
    ticket,
    used_signature,
)
from mailbot.storage.shared import schema_mark
from mailbot.text.address import login_key
from mailbot.tickets import hold
from mailbot.tickets.duplicates import EarlierMessages
from mailbot.tickets.rate_limits import Arrivals, CountedFor, hidden
from mailbot.tickets.used_applications import UsedApplications
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from tests.citizens import HELPDESK
from tests.contract.test_erasing import FOREIGN, MINE, MOMENT, OTHERS, OWN, everything, filled, letter, take
from tests.contract.test_secrecy import office
from tests.flow import Clock
from tests.office import StubRelay

ANYBODY = Operator(0, "", "", frozenset(), frozenset(), "en")
LINK = {"ticket_id": 2, "nonce": "1", "token_hash": "1", "login": OTHERS, "new_login": MINE}
LINK |= {"created_at": MOMENT, "expires_at": MOMENT}
LETTERS = ((0, MINE, OWN), (1, OTHERS, FOREIGN))
GRANTED = {"payload_sha256": "a" * 64, "signature_sha256": "b" * 64}
QUOTED = {"defects": ["NAME"], "differences": ["TRAILING_TEXT Zbyszko z Bogdanca"]}
MARKS = (MINE, OTHERS, MINE.partition("@")[0], "chrzaszcz", "zbyszko")


async def before(engine: Engine, folder: Path, clock: Clock) -> compose.Parts:
    """A database in which everything is readable, as an older version left it."""
    async with filled(engine, folder) as (parts, _, _):
        plain = replace(parts.secret, hiding=Hiding.NO)
        with engine.begin() as connection:
            stored = connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings().all()
            letters = {one["id"]: message_of(one, parts.secret) for one in stored}
            identities = {row: parts.pipeline.understand(raw).identity for row, raw in letters.items()}
            for row in connection.execute(select(ticket)).all():
                whose = personal.whose(parts.secret, row)
                values = {"correspondent": whose.address, "person": "Jan Kowalski", "person_key": "kowalski0jan"}
                values |= {"sealed": None, "fingerprint": identities[row.inbox_id].fingerprint}
                connection.execute(update(ticket).where(ticket.c.id == row.id).values(values))
            for mail in connection.execute(select(*MAIL).select_from(OUTGOING)).all():
                ours = personal.addressed(parts.secret, mail)
                values = {"recipient": ours.recipient, "raw": ours.raw}
                connection.execute(update(outbox).where(outbox.c.id == mail.id).values(values))
            connection.execute(delete(outbox_raw))
            for one in stored:
                raw = letters[one["id"]]
                envelope = {"source": "lmtp", "mail_from": raw.envelope.mail_from, "rcpt_to": [*raw.envelope.rcpt_to]}
                values = {"envelope": envelope, **asdict(identities[one["id"]])}
                values |= {"sha256": raw.sha256, "delivery_key": delivery_key(raw)}
                connection.execute(update(inbox).where(inbox.c.id == one["id"]).values(values))
                address = raw.envelope.mail_from or ""
                said = {"sender": f"pass:{address}", "domain": address.partition("@")[2], "asked": MINE}
                said |= {"notes": QUOTED, "sealed": None}
                connection.execute(update(decision).where(decision.c.inbox_id == one["id"]).values(said))
                # The second one is from before there were keys of messages.
                under = key_of(one["raw"]) if one["id"] == 1 else None
                sealed = plain.seal("raw message", raw.raw, bytes.fromhex(raw.sha256), under)
                connection.execute(update(raw_message).where(raw_message.c.inbox_id == one["id"]).values(raw=sealed))
            connection.execute(insert(activation).values(LINK))
            connection.execute(insert(used_signature).values(ticket_id=2, **GRANTED))
            connection.execute(update(installation).values(hiding=None))
            engines.keep_out(connection, engines.COMPATIBLE_FROM)
        return parts


def counted(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return hiding.left(connection)


async def test_everything_is_sealed_and_still_found(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    chosen = (await before(empty_engine, tmp_path, clock)).settings
    there = everything(empty_engine, tmp_path).lower()
    assert all(mark.encode() in there for mark in MARKS), "the test would find it"
    assert "mailbot key seal" in addresses(chosen)
    report = hiding.hide(chosen, "shell:root", clock())
    assert report.begun
    assert set(report.rows) == {"activation", "ticket", "outbox", "decision", "inbox", "used_signature"}
    assert not report.broken
    assert counted(empty_engine) == {}
    assert addresses(chosen) == "sealed"
    assert [mark for mark in MARKS if mark.encode() in everything(empty_engine, tmp_path).lower()] == []
    assert hiding.hide(chosen, "shell:root", clock()).rows == {}, "nothing is left to do"
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        assert parts.secret.hiding is Hiding.DONE
        reads_all(empty_engine, parts)
        with empty_engine.connect() as connection:
            assert connection.execute(select(schema_mark.c.compatible_from)).scalar_one() == engines.HIDING_FROM
            assert None not in key_ids(connection, [1, 2]).values(), "each has a key of its own now"
        take(parts, letter(7, MINE, OWN), MINE, clock)
        assert await worker.step() == 1
        reads_all(empty_engine, parts)


def reads_all(engine: Engine, parts: compose.Parts) -> None:
    with engine.connect() as connection:
        key = parts.secret
        found = [case.read(connection, f"ZGL000000{n}", key, parts.directory) for n in (1, 2)]
        assert [one and one.correspondent for one in found] == [MINE, OTHERS]
        assert found[1]
        assert found[1].link
        assert (found[1].link.login, found[1].link.new_login) == (OTHERS, MINE)
        assert {mail.recipient for one in found if one for mail in one.mails} == {MINE, OTHERS}
        for said, wanted in ((MINE, 1), (OTHERS, 2)):
            assert wanted in {e.ticket_id for e in search.find(connection, key, ANYBODY, said, MOMENT).entries}
        named = search.find(connection, key, ANYBODY, "Jan Kowalski", MOMENT).entries
        assert {1, 2} <= {one.ticket_id for one in named}
        assert {1, 2} <= {e.ticket_id for e in search.find(connection, key, ANYBODY, "kowalski", MOMENT).entries}
        todo.page(connection, key, ANYBODY, todo.TodoQuery(), MOMENT)
        rows = connection.execute(select(inbox, raw_message.c.raw).join(raw_message).order_by(inbox.c.id)).mappings()
        opened = [message_of(row, key) for row in rows]
        assert [one.envelope.mail_from for one in opened][:2] == [MINE, OTHERS]
        digests = {one.sha256 for one in opened}
        assert stored_digests(connection, digests, key) == digests
        wanted = select(*personal.NOTES).where(decision.c.inbox_id < 3)
        assert [personal.noted_of(key, row) for row in connection.execute(wanted).mappings()] == [QUOTED, QUOTED]
        assert hold.of_login(connection, key, ["ZGL0000002"], OTHERS) == "ZGL0000002", "its STOP"
        counted_alike(connection, parts)
        checked = ApplicationCheck(ApplicationState.NONE, **GRANTED)
        assert UsedApplications(connection, [checked], key).seen(checked)


def counted_alike(connection: Connection, parts: compose.Parts) -> None:
    """What came before the sealing counts for its sender, its domain and its login after it."""
    plain = CountedFor(f"pass:{MINE}", MINE.partition("@")[2], MINE)
    before = plain if parts.secret.hiding is Hiding.BEGUN else None
    source = CountedFor(**hidden(parts.secret, plain.sender, plain.domain, plain.asked), before=before)
    limits, one, at = parts.pipeline.ruleset.limits, Limit(1, 24 * 365), MOMENT + timedelta(days=100)
    for word in ("per_sender", "per_domain"):
        arrivals = Arrivals(connection, [source], at, replace(limits, **{word: one}))
        assert arrivals.over(source) == word.removeprefix("per_")
    connection.execute(update(decision).where(decision.c.inbox_id == 1).values(outcome="REJ_GENERIC"))
    assert Arrivals(connection, [source], at, replace(limits, failures=one)).over(source) in ("failures", "login")
    connection.rollback()


@pytest.mark.parametrize("step", [*hiding._STEPS], ids=lambda table: table.name)
async def test_cut_off_anywhere_it_works_and_is_ended(
    empty_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    clock = Clock()
    chosen = (await before(empty_engine, tmp_path, clock)).settings

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hiding, "_STEPS", hiding._STEPS | {step: killed})
        with pytest.raises(KeyboardInterrupt):
            hiding.hide(chosen, "shell:root", clock())
    if counted(empty_engine):
        with pytest.raises(ConfigError, match="readable still"):
            addresses(chosen)
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        assert parts.secret.hiding is Hiding.BEGUN
        reads_all(empty_engine, parts)
        with empty_engine.begin() as connection:
            processes.enter(connection, Process("here:1", "worker", "1", parts.pipeline.ruleset.hash, clock()))
        await decides_as_before(parts, worker, clock)
        assert not hiding.hide(chosen, "shell:root", clock()).begun, "while it runs"
        reads_all(empty_engine, parts)
    assert counted(empty_engine) == {}


async def decides_as_before(parts: compose.Parts, worker: DecideWorker, clock: Clock) -> None:
    """A copy of a mail from before is known, whichever form its row has; what is new is sealed."""
    with parts.database.engine.begin() as connection:
        before = connection.execute(select(func.count()).select_from(ticket)).scalar_one()
        same = [RawMessage(letter(n, a, b), Envelope(Source.LMTP, a, (HELPDESK,)), clock()) for n, a, b in LETTERS]
        assert store(connection, same, clock(), parts.secret) == (StoredMessage(1, False), StoredMessage(2, False))
        copy = RawMessage(letter(0, MINE, OWN), Envelope(Source.LMTP, MINE, (HELPDESK, "kopia@wp.example")), clock())
        store(connection, [copy], clock(), parts.secret)
    take(parts, letter(9, MINE, OWN + " Inna sprawa."), MINE, clock)
    assert await worker.step() == 2
    with parts.database.engine.begin() as connection:
        again, new = connection.execute(select(inbox).order_by(inbox.c.id.desc()).limit(2)).all()[::-1]
        assert (again.outcome, again.ticket_id) == ("DUPLICATE", 1)
        assert personal.is_hashed(new.message_key)
        assert "who" in new.envelope
        assert connection.execute(select(func.count()).select_from(ticket)).scalar_one() == before + 1
        octets = select(OCTETS).select_from(OUTGOING).order_by(outbox.c.id.desc())
        assert is_sealed(connection.execute(octets).scalars().first() or b"")


async def test_an_address_that_begins_as_a_hash_does_is_sealed_and_stays_stopped(
    empty_engine: Engine, tmp_path: Path
) -> None:
    clock = Clock()
    key = login_key("~jan@wp.example")
    assert key
    parts = await before(empty_engine, tmp_path, clock)
    with empty_engine.begin() as connection:
        said = {"sender": f"pass:{key}", "asked": key, "domain": None, "outcome": "REVIEW"}
        connection.execute(update(decision).where(decision.c.inbox_id == 1).values(said))
        stopped = {"state": "WSTRZYMANE", "desk": "BEZPIECZENSTWO", "category": CASE_A}
        connection.execute(update(ticket).where(ticket.c.id == 1).values(stopped))
    hiding.hide(parts.settings, "shell:root", clock())
    assert b"~jan" not in everything(empty_engine, tmp_path)
    assert counted(empty_engine) == {}
    with empty_engine.connect() as connection:
        done = replace(parts.secret, hiding=Hiding.DONE)
        assert hold.undecided(connection, done, [key], moves=False) == {key}


async def test_nothing_is_marked_while_a_process_works(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    chosen = (await before(empty_engine, tmp_path, clock)).settings
    with empty_engine.begin() as connection:
        processes.enter(connection, Process("here:1", "worker", "0", "r", clock()))
    with pytest.raises(ConfigError, match="stop mailbot on every machine"):
        hiding.hide(chosen, "shell:root", clock())
    with empty_engine.connect() as connection:
        assert connection.execute(select(installation.c.hiding)).scalar_one() is None
        assert connection.execute(select(schema_mark.c.compatible_from)).scalar_one() == engines.COMPATIBLE_FROM


async def test_who_slept_meanwhile_ends(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    chosen = (await before(empty_engine, tmp_path, clock)).settings
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        with empty_engine.connect() as connection:
            agree(connection, parts.secret)
        hiding.hide(chosen, "shell:root", clock())
        with empty_engine.connect() as connection, pytest.raises(ConfigError, match="start it again"):
            agree(connection, parts.secret)


async def test_who_runs_on_beside_a_newer_program_that_keeps_it_out_ends(empty_engine: Engine, tmp_path: Path) -> None:
    """It would bury what that one seals."""
    async with office(empty_engine, tmp_path, Clock()) as (parts, _):
        with empty_engine.begin() as connection:
            agree(connection, parts.secret)
            engines.keep_out(connection, "9999")
            with pytest.raises(ConfigError, match="mend: update this one"):
                agree(connection, parts.secret)


async def test_what_was_sealed_before_notes_were_is_brought_to_the_form_of_now(
    empty_engine: Engine, tmp_path: Path
) -> None:
    """Its addresses are sealed, bound to a digest that is readable; so are the notes."""
    clock = Clock()
    parts = await before(empty_engine, tmp_path, clock)
    hiding.hide(parts.settings, "shell:root", clock())
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        with empty_engine.begin() as connection:
            key = parts.secret
            for row in connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings().all():
                said = message_of(row, key)
                context, under = bytes.fromhex(said.sha256), key_of(row["raw"])
                who = {"mail_from": said.envelope.mail_from, "rcpt_to": [*said.envelope.rcpt_to]}
                envelope = hide(who | {"source": "lmtp"}, key, said.sha256, under)
                values = {"sha256": said.sha256, "delivery_key": delivery_key(said), "envelope": envelope}
                connection.execute(update(inbox).where(inbox.c.id == row["id"]).values(values))
                sealed = key.seal("raw message", said.raw, context, under)
                mine = raw_message.c.inbox_id == row["id"]
                connection.execute(update(raw_message).where(mine).values(raw=sealed))
                assert message_of(read_row(connection, row["id"]), key) == said, "it is read as it is"
            connection.execute(update(decision).values(notes=QUOTED, sealed=None))
            connection.execute(update(installation).values(hiding=int(Hiding.BEGUN)))
        hiding.hide(parts.settings, "shell:root", clock())
        assert counted(empty_engine) == {}
        with empty_engine.connect() as connection:
            assert all(map(personal.is_hashed, connection.execute(select(inbox.c.sha256)).scalars()))
        reads_all(empty_engine, parts)


def read_row(connection: Connection, row: int) -> RowMapping:
    found = stored_message(connection, row)
    assert found
    return found


def sealed_again(engine: Engine, folder: Path) -> list[str]:
    """What `mailbot key seal` says."""
    url = engine.url.render_as_string(hide_password=False)
    settings = f'[database]\nurl = "{url}"\n[secret]\nkey_file = "{folder / "key"}"\n'
    (folder / "mailbot.toml").write_text(settings, encoding="utf-8")
    done = CliRunner().invoke(cli, ["key", "seal", "--config", str(folder / "mailbot.toml")])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


async def test_what_lost_its_key_stays_and_the_rest_is_sealed(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    parts = await before(empty_engine, tmp_path, clock)
    with empty_engine.connect() as connection:
        lost = [key_ids(connection, [1])[1], *connection.execute(select(ticket_key.c.key_id)).scalars()]
        lost += [key for raw in connection.execute(select(ticket.c.sealed)).scalars() if raw and (key := key_of(raw))]
    lose(empty_engine, parts, lost)
    report = hiding.hide(parts.settings, "shell:root", clock())
    assert (set(counted(empty_engine)), report.broken, report.left) == ({"inbox"}, 1, {})
    said = sealed_again(empty_engine, tmp_path)
    assert said[-2] == "1 messages do not open, and stay as they are"
    assert said[-1].startswith("of all others addresses, names and mails are sealed; ")
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        with empty_engine.connect() as connection:
            assert connection.execute(select(inbox.c.id).where(inbox.c.sha256.not_like("~%"))).scalars().all() == [1]
            assert hold.of_login(connection, parts.secret, ["ZGL0000002"], OTHERS) == "ZGL0000002", "its STOP"
            first = connection.execute(select(ticket).where(ticket.c.id == 1)).one()
            assert personal.whose(parts.secret, first).address == MINE
    assert [mark for mark in MARKS if mark.encode() in everything(empty_engine, tmp_path).lower()] == []


async def test_what_lost_its_key_is_still_found(empty_engine: Engine, tmp_path: Path) -> None:
    """What stays readable is looked for as long as it is there: an open request is not answered twice, nor is a letter
    fetched twice."""
    clock = Clock()
    parts = await before(empty_engine, tmp_path, clock)
    with empty_engine.begin() as connection:
        raw = message_of(read_row(connection, 1), parts.secret)
        lost = [key_ids(connection, [1])[1], parts.secret.fresh()]
        connection.execute(insert(ticket_key).values(ticket_id=1, key_id=lost[1]))
        connection.execute(update(ticket).where(ticket.c.id == 1).values(closed_at=None))
    repeated = replace(parts.pipeline.understand(raw).identity, message_key="<another@wp.example>")
    lose(empty_engine, parts, lost)
    assert hiding.hide(parts.settings, "shell:root", clock()).broken
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        with empty_engine.connect() as connection:
            assert (
                EarlierMessages(connection, [repeated], parts.secret, clock()).look(repeated).duplicate
                is Duplicate.SAME_REQUEST
            )
            assert stored_digests(connection, {raw.sha256}, parts.secret)
    with pytest.raises(ConfigError, match="readable still"):
        addresses(parts.settings)


def lose(database: Engine, parts: compose.Parts, lost: Sequence[bytes | None]) -> None:
    engine, _ = keys.begin("", parts.settings.database.url, parts.settings.database, store_name(database))
    with engine.begin() as connection:
        connection.execute(delete(data_key).where(data_key.c.id.in_([key for key in lost if key])))
    engine.dispose()


def store_name(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connection.execute(select(installation.c.key_store)).scalar_one()


async def test_a_new_key_finds_what_the_old_one_hid(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    chosen = (await before(empty_engine, tmp_path, clock)).settings
    hiding.hide(chosen, "shell:root", clock())
    for _ in range(2):
        assert rotation.rotate(chosen, "shell:root", clock()).new
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        assert len(parts.secret.former) == 2
        reads_all(empty_engine, parts)
        with empty_engine.begin() as connection:
            found = erase.of_address(connection, parts.secret, MINE)
            assert (found.messages, found.tickets) == ((1,), (1,))
        await decides_as_before(parts, worker, clock)


async def test_where_one_key_is_lost_the_others_go_on(empty_engine: Engine, tmp_path: Path) -> None:
    clock, relay = Clock(), StubRelay()
    async with filled(empty_engine, tmp_path) as (parts, _, _):
        store = parts.secret.store
        assert isinstance(store, KeyStore)
        with empty_engine.begin() as connection:
            lost = connection.execute(select(ticket.c.sealed).where(ticket.c.id == 1)).scalar_one()
            connection.execute(update(outbox).values(state="queued", due_at=clock()))
        with store.writing() as connection:
            connection.execute(delete(data_key).where(data_key.c.id == key_of(lost)))
        key = replace(parts.secret, store=KeyStore(store.engine, parts.secret.key))  # as after a restart
        worker = DeliverWorker("w", parts.database, relay, key, clock, parts.rng)
        while await worker.step():
            pass
        assert set(relay.sent) == {OTHERS}
        with empty_engine.begin() as connection:
            waiting = connection.execute(select(outbox).where(outbox.c.ticket_id == 1).order_by(outbox.c.id)).first()
            assert waiting
            assert (waiting.state, waiting.in_doubt) == ("queued", 0)
            assert "store of keys" in waiting.last_error
            rows = connection.execute(select(ticket).order_by(ticket.c.id)).all()
            assert [one.address for one in personal.told(key, rows).values()] == [None, OTHERS]
