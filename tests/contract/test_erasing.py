"""What was erased is nowhere, and with its key in no backup either; on both engines."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, event, func, insert, select, update

from mailbot.audit import chain
from mailbot.audit.verify import verify
from mailbot.cli import cli
from mailbot.config import DatabaseSettings
from mailbot.desk import case, dossier, told
from mailbot.desk import letter as letters
from mailbot.errors import ConfigError, DatabaseUnavailable, SealBroken
from mailbot.inbox import delivery_key, message_of, store, stored_digests, stored_traits
from mailbot.installation import read_keys
from mailbot.model import Envelope, RawMessage, Source
from mailbot.retention import again, erase, sweep
from mailbot.secret import Secret, key_of
from mailbot.service import compose
from mailbot.storage import keys, personal
from mailbot.storage.desk import desk_text
from mailbot.storage.engine import connect, scour
from mailbot.storage.erasing import erasure, key_ids
from mailbot.storage.outgoing import MAIL, OUTGOING, outbox_raw
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation, decision, inbox, metadata, outbox, raw_message, ticket, ticket_event
from mailbot.tickets import sealing
from mailbot.workers.decide import DecideWorker
from tests.citizens import HELPDESK
from tests.contract.test_secrecy import BODY, dump, office, put, written
from tests.flow import JAN, Clock, add_accounts, settings

NAME, MINE, OTHERS = "Brzeczyszczykiewicz", "gregorz.b@chrzaszcz.example", "someone.else@wp.example"
MOMENT = datetime(2026, 3, 4, 10, tzinfo=UTC)
OURS = select(*MAIL).select_from(OUTGOING).order_by(outbox.c.id)
LINK = {"id": 1, "ticket_id": 1, "nonce": "1", "token_hash": "1", "login": MINE}
LINK |= {"created_at": MOMENT, "expires_at": MOMENT}
ASKED = {"activation_id": 1, "change_id": "1", "resource_id": "1", "login": MINE, "password_hash": "1"}
ASKED |= {"asked_at": MOMENT}
NOTE = f"dzwonil {NAME} z Lekolodow"
OWN, FOREIGN = f"Nazywam sie {NAME}, prosze o pomoc.", "Prosze o pomoc w innej sprawie."


def letter(number: int, sender: str, body: str) -> bytes:
    raw = written(number, f"Pytanie {number}", "8bit", attachment=False)
    raw = raw.replace(b"<%d@wp.example>" % number, b"<%d.%s@pc.example>" % (number, sender.partition("@")[0].encode()))
    return raw.replace(JAN.login.encode(), sender.encode()).replace(BODY.encode(), body.encode())


def take(parts: compose.Parts, raw: bytes, sender: str, clock: Clock) -> None:
    with parts.database.engine.begin() as connection:
        arrived = RawMessage(raw, Envelope(Source.LMTP, sender, (HELPDESK,)), clock())
        store(connection, [arrived], clock(), parts.secret)


@asynccontextmanager
async def filled(engine: Engine, folder: Path) -> AsyncIterator[tuple[compose.Parts, DecideWorker, Clock]]:
    """Two closed tickets of two people, the first with words of a person."""
    clock = Clock()
    async with office(engine, folder, clock) as (parts, worker):
        add_accounts(engine)
        for number, (sender, body) in enumerate(((MINE, OWN), (OTHERS, FOREIGN))):
            take(parts, letter(number, sender, body), sender, clock)
            assert await worker.step() == 1
        with engine.begin() as connection:
            connection.execute(update(ticket).values(closed_at=clock(), person=NAME, person_key=NAME.lower()))
            connection.execute(update(outbox).values(state="done"))
            event = {"ticket_id": 1, "at": clock(), "kind": "note", "detail": {"by": "anna"}}
            event_id = connection.execute(insert(ticket_event).values(event).returning(ticket_event.c.id)).scalar_one()
            under = sealing.key_of(connection, parts.secret, 1)
            connection.execute(insert(desk_text), case.seal(parts.secret, 1, event_id, "note", NOTE, under))
            chain.take_over(connection, 100)
        yield parts, worker, clock


def erased(parts: compose.Parts, clock: Clock, number: str = "ZGL0000001") -> erase.ErasureReport:
    assert isinstance(parts.secret.store, keys.KeyStore)
    with parts.database.engine.begin() as connection:
        report = erase.erase(connection, erase.of_ticket(connection, number), "shell:root", "RODO 17/2026", clock())
    with parts.database.engine.begin() as connection:
        assert erase.finish(connection, parts.secret.store, clock()) == 1
    scour(parts.database.engine)
    return report


def everything(engine: Engine, folder: Path) -> bytes:
    return dump(engine) + b"".join(file.read_bytes() for file in sorted(folder.glob("test*.db*")))


async def test_failure_22_personal_data_stay_after_erasure(
    empty_engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        marks = (MINE, MINE.partition("@")[0], personal.hashed(parts.secret, MINE), OWN, NOTE)
        before = everything(empty_engine, tmp_path).lower()
        assert [mark for mark in marks if mark.lower().encode() in before] == [marks[2]], "the test would find it"
        with empty_engine.connect() as connection:
            backup = connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings().all()
            (mine, theirs), mails = connection.execute(select(ticket)).all(), connection.execute(OURS).all()
            words = connection.execute(select(desk_text.c.sealed, desk_text.c.event_id)).one()
        report = erased(parts, clock)
        assert (report.messages, report.tickets, report.keys, report.under_the_old_key) == ((1,), ("ZGL0000001",), 2, 0)
        after = everything(empty_engine, tmp_path).lower()
        for marker in marks:
            assert marker.lower().encode() not in after, marker
            assert marker not in caplog.text, marker
        with pytest.raises(SealBroken, match="was erased on"):
            message_of(backup[0], replace(parts.secret))
        with pytest.raises(SealBroken, match="was erased on"):
            parts.secret.unseal("desk text", words.sealed, f"1 {words.event_id} note".encode())
        with pytest.raises(SealBroken, match="was erased on"):
            personal.whose(parts.secret, mine)
        with pytest.raises(SealBroken, match="was erased on"):
            personal.addressed(parts.secret, mails[0])
        assert FOREIGN.encode() in message_of(backup[1], parts.secret).raw, "nobody else's"
        assert personal.whose(parts.secret, theirs).address == personal.addressed(parts.secret, mails[-1]).recipient
        with empty_engine.connect() as connection:
            assert list(verify(connection)) == [], "the chain holds"
            assert case.texts_of(connection, parts.secret, 1) == {words.event_id: [("note", "[usunięto]")]}
            one = connection.execute(select(erasure)).one()
            assert (one.what, one.reason, one.done_at) == ("erase", "RODO 17/2026", clock())


async def test_an_older_copy_tells_nothing_to_who_has_the_keys_of_today(empty_engine: Engine, tmp_path: Path) -> None:
    """A backup of every table, and of the file, from before the erasing; whatever opens in it is opened."""
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        store = parts.secret.store
        assert isinstance(store, keys.KeyStore)
        with empty_engine.begin() as connection:
            link = {name: value for name, value in LINK.items() if name != "id"} | {"new_login": None}
            connection.execute(insert(activation), sealing.links(connection, parts.secret, [link]))
            quoted = {"inbox_id": 1, "notes": {"differences": ["TRAILING_TEXT Zbyszko z Bogdanca"]}}
            noted = personal.notes(parts.secret, quoted, key_ids(connection, [1])[1])
            connection.execute(update(decision).where(decision.c.inbox_id == 1).values(noted))
        with empty_engine.connect() as connection:
            copy = {table.name: connection.execute(select(table)).all() for table in metadata.sorted_tables}
            copy["outbox"] = connection.execute(OURS).all()
        file = everything(empty_engine, tmp_path).lower()
        ours = b"".join(personal.addressed(parts.secret, mail).raw for mail in copy["outbox"] if mail.ticket_id == 1)
        written = {word.decode() for word in ours.split() if len(word) > 40 and b"@" not in word}
        marks = (MINE, MINE.partition("@")[0], OWN, NOTE, "Zbyszko", *written)
        before = readable(copy, parts.secret)
        octets = RawMessage(letter(0, MINE, OWN), Envelope(Source.LMTP, MINE, (HELPDESK,)), clock())
        guessed = (octets.sha256, delivery_key(octets), delivery_key(octets).partition(":")[2])
        assert [one for one in guessed if one in before] == [], "who has the octets finds them by the key file alone"
        assert written
        assert [mark for mark in marks if mark not in before] == []
        erased(parts, clock)
        today = replace(parts.secret, store=keys.KeyStore(store.engine, parts.secret.key))
        after = readable(copy, today)
        others = b"".join(
            personal.addressed(today, mail).raw for mail in copy["outbox"] if mail.ticket_id == 2
        ).decode()
        assert [mark for mark in marks if mark in after and mark not in others] == []
        assert all(mark in after for mark in (OTHERS, FOREIGN))
        assert [mark for mark in marks if mark.lower().encode() in file] == []


def readable(copy: dict[str, Any], secret: Secret) -> str:
    """All words of a copy of the tables, and what ``secret`` opens of it."""
    letters = {row.inbox_id: row.raw for row in copy["raw_message"]}
    opens: dict[str, Callable[[Any], object]] = {
        "ticket": lambda row: personal.whose(secret, row),
        "decision": lambda row: personal.noted_of(secret, row._mapping),
        "outbox": lambda row: personal.addressed(secret, row).raw.decode(),
        "activation": lambda row: personal.logins(secret, row),
        "inbox": lambda row: message_of({**row._mapping, "raw": letters[row.id]}, secret),  # type: ignore[arg-type]
        "desk_text": lambda row: secret.unseal(
            "desk text", row.sealed, f"{row.ticket_id} {row.event_id} {row.kind}".encode()
        ),
    }
    words = [str(row) for rows in copy.values() for row in rows]
    for name, open_ in opens.items():
        for row in copy[name]:
            with suppress(SealBroken):
                words.append(str(open_(row)))
    return "\n".join(words)


async def test_failure_15_what_was_erased_is_not_taken_in_again(empty_engine: Engine, tmp_path: Path) -> None:
    async with filled(empty_engine, tmp_path) as (parts, worker, clock):
        erased(parts, clock)
        take(parts, letter(0, MINE, OWN), MINE, clock)
        assert await worker.step() == 0, "the same delivery is known by its digest"
        with empty_engine.connect() as connection:
            assert stored_digests(connection, {hashlib.sha256(letter(0, MINE, OWN)).hexdigest()}, parts.secret)
            assert connection.execute(select(func.count()).select_from(inbox)).scalar_one() == 2
            assert connection.execute(select(func.count()).select_from(raw_message)).scalar_one() == 1


async def test_what_was_erased_is_still_looked_at_swept_round_and_erased_again(
    empty_engine: Engine, tmp_path: Path
) -> None:
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        erased(parts, clock)
        with empty_engine.connect() as connection:
            key = parts.secret
            (one,) = letters.shown(connection, key, [1])
            assert (one.erased, one.read, one.text) == (True, False, "")
            found = told.ticket(connection, key, parts.directory, "ZGL0000001", None)
            assert [mark for mark in (MINE, NAME) if mark in str(found)] == []
            dossier.make(connection, key, 1, clock())
            assert len(sweep.used(connection)) == 2, "of the other message and its ticket"
        assert erased(parts, clock).keys == 0


async def test_a_database_put_back_loses_once_more_what_was_erased_since(empty_engine: Engine, tmp_path: Path) -> None:
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        assert isinstance(parts.secret.store, keys.KeyStore)
        tables = (decision, ticket, outbox, inbox)
        with empty_engine.connect() as connection:
            backup = {table: connection.execute(select(table)).mappings().all() for table in tables}
            mine = outbox_raw.c.outbox_id.in_(select(outbox.c.id).where(outbox.c.ticket_id == 1))
            backup[outbox_raw] = connection.execute(select(outbox_raw).where(mine)).mappings().all()
            backup[raw_message] = connection.execute(select(raw_message)).mappings().all()
        erased(parts, clock)
        with empty_engine.begin() as connection:
            for table in tables:
                (first,) = table.primary_key
                for row in backup[table]:
                    connection.execute(update(table).where(first == row[first.name]).values(dict(row)))
            connection.execute(insert(raw_message), [dict(row) for row in backup[raw_message][:1]])
            connection.execute(insert(outbox_raw), [dict(row) for row in backup[outbox_raw]])
            connection.execute(update(inbox).where(inbox.c.id == 1).values(state="queued"))
        hashed = personal.hashed(parts.secret, MINE)
        assert hashed in str(everything(empty_engine, tmp_path))
        done, refused = again.repeat(empty_engine, parts.secret.store, "shell:root", clock())
        assert (done.tickets, done.messages, len(refused)) == ((), (), 1), "it is not decided, says the backup"
        with empty_engine.begin() as connection:
            connection.execute(update(inbox).where(inbox.c.id == 1).values(state="buried"))
        done, refused = again.repeat(empty_engine, parts.secret.store, "shell:root", clock())
        assert (done.tickets, done.messages, refused) == ((1,), (1,), [])
        scour(empty_engine)
        assert hashed not in str(everything(empty_engine, tmp_path))
        with empty_engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(outbox_raw).where(mine)).scalar_one() == 0
        assert again.repeat(empty_engine, parts.secret.store, "shell:root", clock()) == (
            erase.ErasureScope((), (), ()),
            [],
        )
        with empty_engine.connect() as connection:
            assert personal.whose(
                parts.secret, connection.execute(select(ticket).where(ticket.c.id == 2)).one()
            ).address
            assert list(verify(connection)) == []


async def test_by_address_everything_of_it_and_nothing_else(empty_engine: Engine, tmp_path: Path) -> None:
    async with filled(empty_engine, tmp_path) as (parts, _, _):
        with empty_engine.connect() as connection:
            assert erase.of_address(connection, parts.secret, MINE.upper()) == erase.ErasureScope((1,), (1,), ())
            assert erase.of_address(connection, parts.secret, MINE[1:]) == erase.ErasureScope((), (), ())


@pytest.mark.parametrize(
    "address", ["Żółć@chrząszcz.example", "żółć@wp.example", '"jan b"@wp.example', r"a\b@wp.example"]
)
async def test_an_address_is_found_however_it_is_written(empty_engine: Engine, tmp_path: Path, address: str) -> None:
    """In the envelope alone, as of what was never answered; JSON writes letters and quotes in its own way."""
    async with office(empty_engine, tmp_path, Clock()) as (parts, _):
        take(parts, letter(0, OTHERS, OWN), address, Clock())
        with empty_engine.connect() as connection:
            assert erase.of_address(connection, parts.secret, address).messages == (1,)
            assert erase.of_address(connection, parts.secret, f"x{address}").messages == ()


async def test_cut_off_between_the_two_stores_it_is_ended_later(empty_engine: Engine, tmp_path: Path) -> None:
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        kept = parts.secret.store
        assert isinstance(kept, keys.KeyStore)
        with empty_engine.begin() as connection:
            under = [key_of(bytes(raw)) for raw in connection.execute(select(raw_message.c.raw)).scalars()]
            erase.erase(connection, erase.of_ticket(connection, "ZGL0000001"), "shell:root", "x", clock())
        assert kept.find(under[0] or b""), "killed here the key is still there, and the list of it in the database"
        for ended in (1, 0):
            with empty_engine.begin() as connection:
                assert erase.finish(connection, kept, clock()) == ended
        with pytest.raises(SealBroken, match="was erased on"):
            kept.find(under[0] or b"")


async def test_a_second_copy_of_what_was_erased_is_known_by_the_digest_of_its_message_id(
    empty_engine: Engine, tmp_path: Path
) -> None:
    async with filled(empty_engine, tmp_path) as (parts, worker, clock):
        name = f"<0.{MINE.partition('@')[0]}@pc.example>"
        erased(parts, clock)
        take(parts, letter(0, MINE, OWN).replace(b"\nDate:", b"\nX-Road: another\nDate:"), MINE, clock)
        assert await worker.step() == 1
        with empty_engine.connect() as connection:
            outcomes = connection.execute(select(inbox.c.outcome).order_by(inbox.c.id)).scalars().all()
            assert outcomes[-1] == "DUPLICATE"
            assert {one.message_id for one in stored_traits(connection, [name, None], parts.secret)} == {name}
            assert [one.size for one in stored_traits(connection, [name], parts.secret)] != []


def put_back(folder: Path) -> None:
    for file in folder.glob("test-keys.db*"):
        file.unlink()
    shutil.copy(folder / "backup", folder / "test-keys.db")


async def test_a_store_put_back_from_a_backup_does_not_bring_back_what_was_erased(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    async with filled(engine, tmp_path) as (parts, _, clock):
        with engine.connect() as connection:
            backup = connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings().first()
        kept = parts.secret.store
        assert isinstance(kept, keys.KeyStore)
        scour(kept.engine)
        shutil.copy(tmp_path / "test-keys.db", tmp_path / "backup")
        erased(parts, clock)
    put_back(tmp_path)
    async with office(engine, tmp_path, clock) as (parts, _):
        assert backup is not None
        assert OWN.encode() in message_of(backup, parts.secret).raw, "with an old store it opens: few are to be kept"
        assert isinstance(parts.secret.store, keys.KeyStore)
        with engine.begin() as connection:
            assert erase.finish(connection, parts.secret.store, clock()) == 0
            assert erase.finish(connection, parts.secret.store, clock(), again=True) == 1
        with pytest.raises(SealBroken, match="was erased on"):
            message_of(backup, parts.secret)
    engine.dispose()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (update(inbox).values(state="queued"), "message 1: is not decided yet"),
        (update(outbox).values(state="queued"), "ZGL0000001: a mail has still to leave"),
        (insert(registry_change).values(ASKED), "ZGL0000001: the registry was asked to change"),
        (
            update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO", closed_at=None),
            "ZGL0000001.*: was stopped, and keeps its login",
        ),
    ],
    ids=["undecided", "to leave", "asked", "stopped"],
)
async def test_what_is_still_needed_is_not_erased(empty_engine: Engine, tmp_path: Path, spoil: Any, told: str) -> None:
    async with filled(empty_engine, tmp_path) as (_, _, clock):
        with empty_engine.begin() as connection:
            connection.execute(insert(activation).values(LINK))
            connection.execute(spoil)
        with pytest.raises(erase.NotErased, match=told), empty_engine.begin() as connection:
            erase.erase(connection, erase.of_ticket(connection, "ZGL0000001"), "shell:root", "x", clock())


async def test_the_command_refuses_an_open_ticket_and_tells_what_it_did(empty_engine: Engine, tmp_path: Path) -> None:
    url = empty_engine.url.render_as_string(hide_password=False)
    (tmp_path / "mailbot.toml").write_text(f'[secret]\nkey_file = "{tmp_path}/key"\n[database]\nurl = "{url}"\n')

    def said(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["retention", *arguments, "--config", str(tmp_path / "mailbot.toml")])
        return done.exit_code, done.output

    async with filled(empty_engine, tmp_path) as (_, _, _):
        with empty_engine.begin() as connection:
            connection.execute(update(ticket).values(closed_at=None))
    assert said("erase", "zgl1", "--reason", "RODO 17") == (
        1,
        "Error: ZGL0000001: open; mend: close it first, or --even-open\n",
    )
    nobody = "nobody@wp.example"
    assert said("erase", nobody, "--reason", "x") == (
        1,
        f"Error: {nobody}: nothing is known of it\n",
    )
    assert "names the address" in said("erase", MINE, "--reason", f"asked by {MINE}")[1]
    assert said("erase", "zgl1", "--reason", "RODO 17", "--even-open") == (
        0,
        "erasure 1: messages [1], tickets ZGL0000001\n"
        "2 keys erased: what lies in backups under them cannot be opened any more\n",
    )
    assert said("finish") == (0, "0 erasures ended\n")


def _settings(engine: Engine, folder: Path) -> Any:
    return settings(engine.url.render_as_string(hide_password=False), folder / "key", 1)


async def test_a_store_that_is_gone_or_another_is_told_and_none_is_begun(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    async with filled(engine, tmp_path):
        pass
    there, away, chosen = tmp_path / "test-keys.db", tmp_path / "away", _settings(engine, tmp_path)
    assert there.stat().st_mode & 0o777 == 0o600
    shutil.move(there, away)
    with pytest.raises(ConfigError, match=r"\[keys\] url: .*is not there, but the mails .*; mend: put back"):
        compose.build(chosen)
    assert not there.exists(), "an empty one would open no mail"
    with (
        pytest.raises(ConfigError, match="is not there"),
        engine.connect() as connection,
        read_keys(connection, chosen),
    ):
        pass
    (tmp_path / "second").mkdir()
    second = connect(f"sqlite:///{tmp_path}/second/test.db")
    async with filled(second, tmp_path / "second"):
        pass
    shutil.copy(tmp_path / "second" / "test-keys.db", there)
    with pytest.raises(ConfigError, match="is the store of another database"):
        compose.build(chosen)
    engine.dispose()
    second.dispose()


async def test_with_the_store_gone_while_it_runs_nothing_more_is_taken(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    async with filled(engine, tmp_path) as (parts, _, clock):
        (tmp_path / "test-keys.db").unlink()
        with pytest.raises(DatabaseUnavailable, match="was deleted, moved or replaced"):
            put(parts, [letter(7, MINE, OWN)], clock())
    engine.dispose()


async def test_a_mail_from_before_and_one_of_the_key_alone_are_read(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, _):
        put(replace(parts, secret=Secret(parts.secret.key)), [letter(1, MINE, OWN)], clock())
        put(parts, [letter(2, MINE, OWN)], clock())
        with empty_engine.connect() as connection:
            assert [key is None for key in key_ids(connection, [1, 2]).values()] == [True, False]
            rows = connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings()
            assert all(OWN.encode() in message_of(row, parts.secret).raw for row in rows)


async def test_a_key_that_is_missing_is_said_and_the_mail_waits_for_a_person(
    empty_engine: Engine, tmp_path: Path
) -> None:
    clock = Clock()
    async with office(empty_engine, tmp_path, clock) as (parts, worker):
        put(parts, [letter(1, MINE, OWN)], clock())
        kept = parts.secret.store
        assert isinstance(kept, keys.KeyStore)
        with kept.writing() as connection:
            connection.execute(delete(keys.data_key))
        kept._cache.clear()
        for _ in range(3):
            await worker.step()
            clock.advance(hours=1)
        with empty_engine.connect() as connection:
            state, error = connection.execute(select(inbox.c.state, inbox.c.last_error)).one()
    assert state == "buried"
    assert error.startswith("message 1: [keys] url: the store does not hold its key; mend: put back the newest backup")


@pytest.mark.usefixtures("keys_in_use")
def test_a_key_lies_in_the_store_before_anybody_has_it_and_many_cost_one_commit(empty_engine: Engine) -> None:
    url = empty_engine.url.render_as_string(hide_password=False)
    engine, name = keys.begin("", url, DatabaseSettings(), None)
    store = keys.KeyStore(engine, bytes(32))
    other, again = keys.begin("", url, DatabaseSettings(), name)
    assert again == name
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    taken = [store.fresh() for _ in range(1200)]
    assert len(set(taken)) == 1200
    assert len(commits) == 2
    with other.connect() as connection:
        assert set(taken) <= set(connection.execute(select(keys.data_key.c.id)).scalars()), "killed now nothing is lost"
    second = keys.KeyStore(other, bytes(32))
    assert second.find(taken[0]) == store.find(taken[0])
    foreign = keys.KeyStore(other, b"f" * 32)
    with pytest.raises(SealBroken, match="this key does not open it"):
        foreign.find(taken[0])
    for one in (store, second, foreign):
        one.close()


def test_keys_made_ahead_are_not_used_when_a_backup_of_the_store_was_put_back_meanwhile(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sealed under them would be answered 250 and never be opened by anybody."""
    url, now = empty_engine.url.render_as_string(hide_password=False), [0.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    engine, _ = keys.begin("", url, DatabaseSettings(), None)
    store = keys.KeyStore(engine, bytes(32))
    assert store.fresh()
    with store.writing() as connection:  # into the same file, or on the same server
        connection.execute(delete(keys.data_key))
    now[0] += 60
    made = store.fresh()
    with store.looking() as connection:
        assert made in connection.execute(select(keys.data_key.c.id)).scalars().all()
        assert connection.execute(select(func.count()).select_from(keys.data_key)).scalar_one() == keys._AHEAD
    store.close()
