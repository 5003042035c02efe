"""docs/operating.md, backup and restore of both engines, followed word by word: only places are others."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from mailbot import copied
from mailbot.config import ImapSettings
from mailbot.config.writing import written
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.schema import ticket
from tests.flow import mail, running, settings
from tests.integration.servers import PASSWORD, USER, Dovecot, dovecot
from tests.integration.test_reconcile_cli import DONE, append
from tests.links import open_ticket
from tests.postgres import cluster
from tests.support import ROOT, program

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def steps(heading: str) -> list[str]:
    """The blocks of commands under a heading of the page."""
    section = re.split(r"^##+ ", PAGE.split(f"\n### {heading}\n")[1], flags=re.MULTILINE)[0]
    return [
        re.sub(r"^ {3}", "", block, flags=re.MULTILINE) for block in re.findall(r"```\n(.*?)```", section, re.DOTALL)
    ]


class Machine:
    """Where the commands are typed. ``places``: of the page → of this test; ``account``: as whom."""

    def __init__(self, folder: Path, places: Mapping[str, str], more: Mapping[str, str], **account: Any) -> None:
        self.folder, self.places, self.account = folder, places, account
        for name, line in {"mailbot": f'exec {sys.executable} -m mailbot "$@"', "systemctl": ":", **more}.items():
            tool = folder / "bin" / name
            tool.parent.mkdir(exist_ok=True)
            tool.write_text(f"#!/bin/sh\n{line}\n")
            tool.chmod(0o755)

    def type(self, commands: str, **environment: str) -> str:
        for there, here in self.places.items():
            assert "/" in there or there in PAGE
            commands = commands.replace(there, here)
        path = f"{self.folder / 'bin'}:{environment.pop('more_path', '')}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            **self.account,
        )
        assert done.returncode == 0 or "mailbot doctor" in commands, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def restored(machine: Machine) -> dict[str, str]:
    """Types what stands under "After a restore": command → what it told."""
    (block,) = steps("After a restore")
    return {line.split(" --config")[0]: machine.type(line) for line in block.splitlines()}


def imap(folder: Path, server: Dovecot) -> ImapSettings:
    (folder / "password").write_text(PASSWORD)
    return ImapSettings(
        host="127.0.0.1",
        port=server.imaps,
        ca_file=str(server.tls.ca),
        user=USER,
        password_file=str(folder / "password"),
        done_folder=DONE,
    )


async def test_sqlite_is_put_back_from_a_copy_made_while_mailbot_ran(tmp_path: Path) -> None:
    var, etc, srv = tmp_path / "var", tmp_path / "etc", tmp_path / "srv"
    for folder in (var, etc, srv / "database", srv / "key", srv / "keys"):
        folder.mkdir(parents=True)
    places = {"/var/lib/mailbot": str(var), "/etc/mailbot": str(etc), "/srv/backup": str(srv)}
    machine = Machine(tmp_path, {**places, "-o mailbot -g mailbot ": ""}, {})
    plain, with_key = steps("Backup of SQLite")
    with dovecot() as server:
        append(server, 3)
        async with running(var) as flow:
            (var / "key").rename(var / "mailbot.key")
            chosen = replace(settings(f"sqlite:///{var}/mailbot.db", var / "mailbot.key", 1), imap=imap(etc, server))
            (etc / "mailbot.toml").write_text(written(chosen, "Of a test."), encoding="utf-8")
            await flow.take(mail(name="first"))
            await flow.decide()
            assert "whole, opens with the key" in machine.type(with_key)
            await flow.take(mail(name="later", subject="Inna sprawa"))
            await flow.decide()
        copies = [file.name for file in (srv / "database").iterdir()]
        assert len(copies) == 1, "no key, no second file beside it"
        assert (srv / "key" / "mailbot.key").read_bytes() == (var / "mailbot.key").read_bytes()
        assert {oct(file.stat().st_mode & 0o777) for file in srv.rglob("*") if file.is_file()} == {"0o600"}

        (var / "mailbot.db").write_bytes(b"lost")
        (var / "mailbot.db-wal").write_bytes(b"of another life")
        (var / "mailbot.key").unlink()
        for file in var.glob("mailbot-keys.db*"):
            file.unlink()  # the disk is gone, not the database alone
        (put,) = steps("Put SQLite back")
        machine.type(put)
        told = restored(machine)
    assert "the next ticket is ZGL" in told["mailbot tickets restored"]
    assert "✓ key" in told["mailbot doctor"]
    assert f"{DONE}: 4 messages, 4 missing, 4 taken in" in told["mailbot reconcile --take-over"]
    assert "Authentication-Results" in machine.type("mailbot queue show 1 --raw --config /etc/mailbot/mailbot.toml")
    with closing(sqlite3.connect(var / "mailbot.db")) as connection:
        assert connection.execute("SELECT count(*) FROM ticket").fetchone() == (1,)
    machine.type(plain)
    assert len(list((srv / "database").iterdir())) == 2


def test_postgresql_is_put_back_as_it_was_at_a_moment(tmp_path: Path) -> None:
    root = os.geteuid() == 0
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
    with cluster() as url, dovecot() as server:
        home = Path(url.rpartition("host=")[2])
        backup = home / "backup"
        (backup / "wal").mkdir(parents=True)
        if root:
            for folder in (backup, backup / "wal"):
                shutil.chown(folder, "postgres", "postgres")
        ctl = program("pg_ctl", *sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))
        shim = f'{ctl} -D {home}/data -l {home}/log -w "$3" -o "$(cat {home}/options)"'
        (home / "options").write_text(
            f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off -c max_connections=50"
        )
        places = {"/var/lib/postgresql/15/main": f"{home}/data", "/var/lib/postgresql/15": str(home)}
        postgres = Machine(home, {**places, "/srv/backup": str(backup)}, {"pg_ctlcluster": shim}, **account)
        where = {"PGHOST": str(home), "PGUSER": "mailbot", "PGDATABASE": "postgres", "more_path": str(Path(ctl).parent)}
        mailbot = Machine(tmp_path, {"/etc/mailbot": str(tmp_path)}, {})
        chosen = replace(settings(url, tmp_path / "mailbot.key", 1), imap=imap(tmp_path, server))
        (tmp_path / "mailbot.toml").write_text(written(chosen, "Of a test."), encoding="utf-8")
        append(server, 1)

        engine = connect(url)
        compose.key_alone(chosen, engine)
        with engine.begin() as connection:
            copied.begin(connection)  # as a start does
        archive, copy = steps("Backup of PostgreSQL")
        engine.dispose()
        postgres.type(archive, **where)
        engine = connect(url)
        with engine.begin() as connection:
            open_ticket(connection, "ZGL2400001")
        postgres.type(copy, **where)
        with engine.begin() as connection:
            open_ticket(connection, "ZGL2400002")
        with engine.begin() as connection:
            moment = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        with engine.begin() as connection:
            open_ticket(connection, "ZGL2400003")
        engine.dispose()

        (put,) = steps("Put PostgreSQL back")
        wanted = (moment + timedelta(milliseconds=1)).isoformat()
        postgres.type(put.replace("2026-11-30 09:14:00+01", wanted), **where)
        postgres.type('until [ "$(psql -Atc "SELECT pg_is_in_recovery()")" = f ]; do sleep 0.1; done', **where)
        refused = mailbot.type("mailbot run --role delivery --config /etc/mailbot/mailbot.toml || test $? = 78")
        assert "was brought back from an archive" in refused
        told = restored(mailbot)
        engine = connect(url)
        with engine.connect() as connection:
            there = connection.execute(select(ticket.c.number).order_by(ticket.c.id)).scalars().all()
            assert connection.execute(select(func.count()).select_from(ticket)).scalar_one() == 2
        engine.dispose()
    assert there == ["ZGL2400001", "ZGL2400002"]
    assert "the next ticket is ZGL" in told["mailbot tickets restored"]
    assert "taken in" in told["mailbot reconcile --take-over"]
