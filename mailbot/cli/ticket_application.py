"""``mailbot tickets application``: what a signed application looks like, for whoever has to decide on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from mailbot.cli import options, ticket_acts
from mailbot.cli.queue import write_files
from mailbot.desk import perform
from mailbot.desk.plan import Refusal
from mailbot.desk.view import LOOKED, TicketView
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.tickets import view


def write(number: str, out: Path, who: str, config_file: Path | None, as_json: bool) -> None:
    """The command."""
    settings = compose.settings(config_file)
    operator = ticket_acts.acting(settings.database.url, who)
    parts = compose.build(settings)
    desk = perform.ActionPerformer(parts.pipeline, ticket_acts.record, os.getuid())

    def look() -> tuple[TicketView, Mapping[str, bytes], Refusal | None]:
        with parts.database.engine.begin() as connection:
            found = desk.case(connection, number)
            if isinstance(found, Refusal):
                ticket_acts.refuse(number, found, operator, as_json)
            files = view.files(connection, parts.secret, found.inbox_id)
            seen = desk.look(connection, number, operator, LOOKED, found.inbox_id, utc_now()) if files else None
            return found, files, seen

    found, files, refused = compose.answered(parts.directory, look)
    if refused is not None:
        ticket_acts.refuse(found.number, refused, operator, as_json)
    if not files:
        raise click.ClickException(f"{found.number}: nothing was seen of a signed application")
    for path in write_files(files, found.inbox_id, out):
        options.line({"file": str(path)}) if as_json else click.echo(path)
