"""Whether the database is the one that was worked with, or one that was put back: what came since is lost then, a STOP
among it, and nothing may go on before a person has seen to that (`mailbot tickets restored`).

A copy of `mailbot backup` says so itself. Of PostgreSQL it is told by where its tables live (storage.origin). A server
that took over is the same database when a process that was there before finds everything for which it was answered
(storage.witness).
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from mailbot import processes
from mailbot.audit import verify
from mailbot.audit.verify import Head
from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.storage import origin
from mailbot.storage.desk import audit
from mailbot.storage.origin import Origin
from mailbot.storage.reading import has_column, has_table
from mailbot.storage.schema import installation

_MEND = "mend: mailbot tickets restored, and the rest of docs/operating.md, After a restore"
_NOTHING_LOST = "mailbot tickets restored --nothing-lost"


def refuse(connection: Connection) -> None:
    """Before anything begins. Raises ConfigError on a database that was put back, as long as nobody has said so
    (``told``); DatabaseUnavailable while another process is looking whether a server that took over has everything."""
    if not has_column(connection, installation.c.origin):  # `mailbot doctor` before the first start of this release
        if has_column(connection, installation.c.copied_at):
            _refuse_marked(connection)
        return
    refuse_put_back(connection)
    here, known = origin.here(connection), _known(connection)
    if here is None or known is None or here == known:
        return
    if processes.living(connection, processes.common_now(connection)):
        raise DatabaseUnavailable(
            "[database] url: another server took over; a process that was there before finds out whether it has"
            " everything, and this one waits for it"
        )
    raise ConfigError(
        f"[database] url: was brought back from an archive, or another server took over (time line {here.line}, it was"
        f" {known.line}), and no process is left that knows whether all is there: a STOP may be lost; {_MEND};"
        f" where the server is known to have everything: {_NOTHING_LOST}"
    )


def refuse_two(engine: Engine) -> None:
    """Raises ConfigError when two of the servers in the address of the database take commits: one that was thought to
    be dead came back beside the one that took over, and each has what the other lacks."""
    if len(servers := origin.taking_commits(engine)) > 1:
        raise ConfigError(
            f"[database] url: {' and '.join(servers)} take commits, which are two truths; mend: stop for good the one"
            " that was dead, and make it anew as a standby (docs/scaling.md)"
        )


def refuse_behind(connection: Connection, head_file: str) -> None:
    """Raises ConfigError when the audit chain ends before the last head that this machine wrote out (audit.head_file,
    "": none), or has another row there: the only word about a copy of a disk, in which nothing is other than it was."""
    told = _last_head(Path(head_file)) if head_file and has_table(connection, audit.name) else None
    if told is None:
        return
    there = connection.execute(select(audit.c.hash).where(audit.c.seq == told.seq)).scalar_one_or_none()
    if there is None and verify.head(connection).seq >= told.seq:  # what is old may be put away
        return
    if there != told.hash:
        raise ConfigError(
            f"[database] url: has not row {told.seq} of the audit chain, which {head_file} tells of: it was put back,"
            f" and what came since, a STOP among it, is lost; {_MEND}, and put that file away"
        )


def _last_head(file: Path) -> Head | None:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError):  # it was cut off while it was written
            found = json.loads(line)
            return Head(int(found["seq"]), str(found["hash"]))
    return None


def refuse_put_back(connection: Connection) -> None:
    """At any moment. Raises ConfigError when the database says that it is a copy, or its tables live elsewhere."""
    _refuse_marked(connection)
    here, known = origin.here(connection), _known(connection)
    if here is not None and known is not None and here.home != known.home:
        raise ConfigError(
            "[database] url: its tables were made anew from a dump, or moved: what came behind the dump, a STOP among"
            f" it, is lost; {_MEND}; where mailbot stood still from before it on: {_NOTHING_LOST}"
        )


def _refuse_marked(connection: Connection) -> None:
    copied_at = connection.execute(select(installation.c.copied_at)).scalar_one_or_none()
    if copied_at is not None:
        raise ConfigError(
            f"[database] url: is a copy as of {copied_at:%Y-%m-%d %H:%M}Z; what came since, a STOP among it, is lost;"
            f" {_MEND}"
        )


def begin(connection: Connection) -> None:
    """Remember where the tables live, unless that is known."""
    here = origin.here(connection)
    if here is not None:
        connection.execute(update(installation).where(installation.c.origin.is_(None)).values(origin=str(here)))


def follow(connection: Connection) -> Origin | None:
    """The server that took over, which is that of this database from now on: called in a transaction that looks whether
    it has what this process, which was there before, has committed. None: none did."""
    here, known = origin.here(connection), _known(connection)
    if here is None or known is None or here == known or here.home != known.home:
        return None
    connection.execute(update(installation).values(origin=str(here)))
    return here


def lacks_something(connection: Connection) -> bool:
    """Whether a process missed here what it was answered for; a file of SQLite only says that it is a copy."""
    marked = connection.execute(select(installation.c.copied_at)).scalar_one() is not None
    return marked and connection.dialect.name == "postgresql"


def told(connection: Connection) -> None:
    """What a database that was put back does not know was seen to: it is the database now."""
    here = origin.here(connection)
    connection.execute(update(installation).values(copied_at=None, origin=None if here is None else str(here)))


def _known(connection: Connection) -> Origin | None:
    """Where the tables lived; None before a start of this release."""
    stored = connection.execute(select(installation.c.origin)).scalar_one_or_none()
    return None if stored is None else origin.read(stored)
