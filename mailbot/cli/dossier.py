"""``mailbot tickets dossier``: everything about one ticket in one file."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import click

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.desk.dossier import make, note, take_over
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.storage.engine import connect, reading
from mailbot.tickets import number as numbers


def write(number: str, out: Path, config_file: Path | None) -> None:
    """The command."""
    settings = compose.settings(config_file)
    engine = connect(settings.database.url)
    key = compose.opened(settings, engine)
    now, user = utc_now(), options.user()
    with engine.begin() as connection:
        ticket_id = take_over(connection, numbers.read(number) or "")
    if ticket_id is None:
        raise click.ClickException(f"{number}: no such ticket")
    with closing(key), reading(engine) as connection:
        data, digest = make(connection, key, ticket_id, now)
    with engine.begin() as connection:
        note(connection, ticket_id, digest, now, chain.shell(user), {"by": user, "uid": os.getuid()})
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds letters
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    click.echo(f"{out}: {len(data)} octets; verify: mailbot audit verify {out}")
