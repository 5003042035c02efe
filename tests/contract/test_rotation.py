"""A new key of the installation, on each engine: nothing that was made with the old one is lost."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from mailbot import processes, secret
from mailbot.audit.verify import verify
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.inbox import message_of
from mailbot.installation import agree, open_key, read_key, turn_over
from mailbot.operators import factors
from mailbot.secret import NO_KEY, Secret
from mailbot.service import compose, rotation
from mailbot.service.supervision import MailbotService
from mailbot.storage import keys
from mailbot.storage.desk import operator
from mailbot.storage.schema import activation, inbox, installation, outbox, raw_message
from mailbot.tickets import bounce, correspondence
from mailbot.tickets.activation import find, token
from tests.contract.test_erasing import MINE, OWN, _settings, filled, letter
from tests.contract.test_secrecy import office, put
from tests.flow import Clock
from tests.links import NOW, SECRET, grant


def read_all(engine: Engine, key: Secret) -> list[bytes]:
    with engine.connect() as connection:
        rows = connection.execute(select(inbox, raw_message.c.raw).join(raw_message)).mappings().all()
        return [message_of(row, key).raw for row in rows]


async def made(engine: Engine, folder: Path) -> tuple[Settings, Secret]:
    """An installation with mails under keys of messages and under the secret itself, and an operator."""
    async with filled(engine, folder) as (parts, _, clock):
        put(replace(parts, secret=Secret(parts.secret.key)), [letter(9, MINE, OWN)], clock())
        with engine.begin() as connection:
            person = {"id": 1, "name": "anna", "display": "Anna", "roles": [], "desks": [], "state": "active"}
            sealed = factors.new_secret(parts.secret, 1)
            connection.execute(insert(operator).values(made_at=clock(), totp=sealed, **person))
        return _settings(engine, folder), Secret(parts.secret.key)


def turned(chosen: Settings) -> rotation.RotationReport:
    return rotation.rotate(chosen, "shell:root", Clock()() + timedelta(hours=1))


def started(engine: Engine, folder: Path) -> None:
    with engine.begin() as connection:
        open_key(connection, folder / "key")


def under(chosen: Settings) -> set[str]:
    engine, _ = keys.begin(chosen.keys.url, chosen.database.url, chosen.database, None)
    with engine.connect() as connection:
        found = connection.execute(select(keys.data_key.c.under).where(keys.data_key.c.wrapped.is_not(None))).scalars()
        names = set(found)
    engine.dispose()
    return names


async def test_who_slept_or_was_about_to_start_while_the_key_was_changed_ends(
    empty_engine: Engine, tmp_path: Path
) -> None:
    """Neither gave a sign of life: `key rotate` could not know of it. What it makes with the old key is dead."""
    chosen, _ = await made(empty_engine, tmp_path)
    parts = compose.build(chosen)
    with empty_engine.connect() as connection:
        agree(connection, parts.secret)
    turned(chosen)
    service = MailbotService(parts, ("delivery",))
    with empty_engine.connect() as connection, pytest.raises(ConfigError, match="was changed since this began"):
        agree(connection, parts.secret)
    with pytest.raises(ConfigError, match="was changed since this began"):
        await service.start()
    await service.stop()
    again = compose.build(chosen)
    with empty_engine.connect() as connection:
        agree(connection, again.secret)
    await again.database.close()


@pytest.mark.usefixtures("keys_in_use")
async def test_what_was_made_with_the_old_key_stays(empty_engine: Engine, tmp_path: Path) -> None:
    chosen, old = await made(empty_engine, tmp_path)
    with empty_engine.connect() as connection:
        before = connection.execute(select(installation.c.key_check)).scalar_one()
        totp = connection.execute(select(operator.c.totp)).scalar_one()
    report = turned(chosen)
    assert (report.new, report.broken) == (True, 0)
    assert report.keys >= 1000
    async with office(empty_engine, tmp_path, Clock()) as (parts, _):
        new = parts.secret
        assert new.key != old.key
        assert new.former == (old.key,)
        assert [OWN.encode() in raw for raw in read_all(empty_engine, new)] == [True, False, True]
        assert bounce.token(new, "ZGL0000001") == bounce.token(old, "ZGL0000001"), "mails that left come back"
        assert correspondence.token(new, "ZGL0000001") == correspondence.token(old, "ZGL0000001")
        assert new.mac("pesel", "44051401359") == old.mac("pesel", "44051401359"), "the registry has it"
        assert new.mac("activation", "x") != old.mac("activation", "x")
        with empty_engine.connect() as connection:
            assert connection.execute(select(installation.c.key_check)).scalar_one() != before
            sealed = connection.execute(select(operator.c.totp)).scalar_one()
            assert factors.opened(Secret(new.key), 1, sealed) == factors.opened(old, 1, totp)
            assert list(verify(connection)) == []
        assert len(under(chosen)) == 1
        assert pickle.loads(pickle.dumps(new)) == copy.copy(new)
    assert turned(chosen).new, "and again"
    async with office(empty_engine, tmp_path, Clock()) as (parts, _):
        assert parts.secret.former[-1] == old.key
        assert OWN.encode() in read_all(empty_engine, parts.secret)[2]


def test_a_link_that_lives_lives_on(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(SECRET.key)
    with engine.begin() as connection:
        open_key(connection, tmp_path / "key")
    made = grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        assert turn_over(connection, tmp_path / "key").former == (SECRET.key,)
    with engine.connect() as connection:
        assert find(connection, NO_KEY, made, NOW) is not None


def test_a_link_that_waits_behind_a_hold_leaves_with_a_token_that_opens_it(engine: Engine, tmp_path: Path) -> None:
    """The token is made of the key when the mail leaves: by then it is another key."""
    (tmp_path / "key").write_bytes(SECRET.key)
    with engine.begin() as connection:
        open_key(connection, tmp_path / "key")
    sent, waits = grant(engine, "ZGL0000001"), grant(engine, "ZGL0000002", "ewa@wp.example", new_login="e@wp.example")
    mail = {"kind": "T3", "slot": "T3", "ordinal": 2, "recipient": "", "return_path": "", "message_id": "", "raw": b"x"}
    mail |= {"due_at": NOW, "deadline": NOW}
    with engine.begin() as connection:
        for number, state in ((1, "done"), (2, "waiting")):
            connection.execute(insert(outbox).values(ticket_id=number, state=state, **mail))
        key = turn_over(connection, tmp_path / "key")
        nonce = connection.execute(select(activation.c.nonce).where(activation.c.ticket_id == 2)).scalar_one()
    leaves = token(key, "ZGL0000002", nonce)
    with engine.connect() as connection:
        found = [find(connection, NO_KEY, one, NOW) for one in (sent, leaves, waits)]
    assert [one and one.ticket_id for one in found] == [1, 2, None]


@pytest.mark.usefixtures("keys_in_use")
@pytest.mark.parametrize("step", ["file", "database", "store"])
async def test_cut_off_behind_each_step_it_is_ended_later(
    empty_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    chosen, old = await made(empty_engine, tmp_path)
    kill_at: dict[str, tuple[object, str]] = {
        "file": (rotation.factors, "seal_anew"),
        "database": (keys.KeyStore, "rewrap"),
        "store": (keys.KeyStore, "_wrap"),
    }
    real, calls = keys.KeyStore._wrap, []
    rewrap = keys.KeyStore.rewrap

    def killed(*arguments: object) -> bytes:
        calls.append(arguments)
        if step == "store" and len(calls) <= 700:
            return real(*arguments)  # type: ignore[arg-type]
        if step == "database" and len(calls) == 1:  # nothing to end before
            return rewrap(*arguments)  # type: ignore[arg-type, return-value]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*kill_at[step], killed)
        with pytest.raises(KeyboardInterrupt):
            turned(chosen)
    assert secret.read(tmp_path / "key").former == (old.key,)
    if step == "file":
        with pytest.raises(ConfigError, match=r"a rotation was cut off.*mend: mailbot key rotate"):
            started(empty_engine, tmp_path)
    else:
        async with office(empty_engine, tmp_path, Clock()) as (parts, _):
            assert [OWN.encode() in raw for raw in read_all(empty_engine, parts.secret)] == [True, False, True]
    report = turned(chosen)
    assert not report.new, "no second key is made"
    assert secret.read(tmp_path / "key").former == (old.key,)
    assert len(under(chosen)) == 1
    async with office(empty_engine, tmp_path, Clock()) as (parts, _):
        assert [OWN.encode() in raw for raw in read_all(empty_engine, parts.secret)] == [True, False, True]


async def test_who_has_the_old_file_is_refused(empty_engine: Engine, tmp_path: Path) -> None:
    chosen, old = await made(empty_engine, tmp_path)
    turned(chosen)
    (tmp_path / "key").write_bytes(old.key)
    with pytest.raises(ConfigError, match="is not the key of this database"):
        started(empty_engine, tmp_path)
    with pytest.raises(ConfigError, match="is not the key of this database"):
        turned(chosen)


@pytest.mark.parametrize("kept", [1, 2])
async def test_a_file_that_lost_its_eldest_key_is_refused(kept: int, empty_engine: Engine, tmp_path: Path) -> None:
    """All that addresses are found by was made with it, and what is new would be found by nobody."""
    chosen, _ = await made(empty_engine, tmp_path)
    turned(chosen)
    turned(chosen)
    file = tmp_path / "key"
    whole = file.read_bytes()
    file.write_bytes(whole[: kept * 32])
    for step in (lambda: started(empty_engine, tmp_path), lambda: turned(chosen)):
        with pytest.raises(ConfigError, match=r"does not end with the eldest key .*; mend: put back the key file"):
            step()
    secret.put_new_first(file)
    with pytest.raises(ConfigError, match="does not end with the eldest key"):
        turned(chosen)  # nor does a rotation that seems to be cut off bring it in
    file.write_bytes(whole)
    started(empty_engine, tmp_path)
    assert turned(chosen).new


async def test_a_database_from_before_learns_its_eldest_key(empty_engine: Engine, tmp_path: Path) -> None:
    """With the next start; until then, and to commands that only read, it says nothing."""
    chosen, _ = await made(empty_engine, tmp_path)
    turned(chosen)
    with empty_engine.begin() as connection:
        connection.execute(update(installation).values(eldest_check=None))
        read_key(connection, tmp_path / "key")
        assert connection.execute(select(installation.c.eldest_check)).scalar_one() is None
    started(empty_engine, tmp_path)
    (tmp_path / "key").write_bytes((tmp_path / "key").read_bytes()[:32])
    with pytest.raises(ConfigError, match="does not end with the eldest key"):
        started(empty_engine, tmp_path)


async def test_nobody_may_work_meanwhile(empty_engine: Engine, tmp_path: Path) -> None:
    chosen, old = await made(empty_engine, tmp_path)
    with empty_engine.begin() as connection:
        now = Clock()() + timedelta(hours=1)
        processes.enter(connection, processes.Process("other:1", "worker", "1", "r", now))
    with pytest.raises(ConfigError, match="other:1 works with it; mend: stop mailbot on every machine"):
        turned(chosen)
    assert secret.read(tmp_path / "key") == old


async def test_one_key_that_does_not_open_stops_nothing(empty_engine: Engine, tmp_path: Path) -> None:
    chosen, _ = await made(empty_engine, tmp_path)
    engine, _ = keys.begin(chosen.keys.url, chosen.database.url, chosen.database, None)
    with engine.begin() as connection:
        spoilt = {"id": b"x" * 16, "under": "0" * 16, "wrapped": b"damaged"}
        connection.execute(insert(keys.data_key).values(spoilt))
    assert turned(chosen).broken == 1
    assert turned(chosen).new, "it does not count as one that was cut off"
    engine.dispose()


def test_the_file_is_replaced_as_a_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    first = secret.load(tmp_path / "real")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "key").symlink_to("real")
    (tmp_path / "real.new").write_bytes(b"half")
    put = secret.put_new_first(tmp_path / "key")
    assert secret.read(tmp_path / "real") == put
    assert put.former == (first.key,)
    assert (tmp_path / "key").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "real.new").exists()
