"""``mailbot tickets``: what a consultant finds by the ZGL number alone (seed 001, P16)."""

from __future__ import annotations

import os
import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.dossier import dossier
from mailbot.clocks import WARSAW
from mailbot.desk.perform import drop_first_halves
from mailbot.inbox import message_of
from mailbot.installation import read_key
from mailbot.model import RawMessage, State
from mailbot.observe import utc_now
from mailbot.operators import sessions
from mailbot.parsing.mime import parse
from mailbot.service import compose
from mailbot.storage.engine import connect, transaction
from mailbot.storage.reading import read_only
from mailbot.text.mask import mask
from mailbot.text.unicode import visible
from mailbot.tickets import hold, listing, sla
from mailbot.tickets.notice import NoticeWriter
from mailbot.tickets.number import advance, lock, spell
from mailbot.tickets.release import Refused
from mailbot.tickets.release import release as let_go

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = (
    *("number", "state", "category", "desk", "opened_at", "standard_at", "promised_at", "reply_by"),
    *("alarm", "answered_at", "closed_at"),
)


@click.group()
def tickets() -> None:
    """Tickets: list, show; stop one that sends a link, and let it go on."""


@tickets.command("list")
@click.option("--state", help="Only this state, DO_WERYFIKACJI for what waits for a person.")
@click.option("--alarm", is_flag=True, help="Only those warned about or overdue that are not done with.")
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@options.config
@options.as_json
def list_(state: str | None, alarm: bool, limit: int, config_file: Path | None, as_json: bool) -> None:
    """List tickets, newest first."""
    with read_only(compose.settings(config_file).database.url) as connection:
        rows = listing.newest(connection, state, limit, alarmed=alarm)
    for row in rows:
        if as_json:
            options.line(dict(row))
        else:
            click.echo(
                f"{row['number']}  {row['opened_at']:%Y-%m-%d %H:%M}Z  {_due(row):21}"
                f"  {row['alarm']:7}  {row['state']}  {row['category']}"
            )


def _due(row: Mapping[Any, Any]) -> str:
    if row["state"] in sla.CLOCKLESS:
        return ""
    due = row["reply_by"] if row["state"] == State.OCZEKUJE_NA_KLIENTA else row["promised_at"]
    return f"due {due:%Y-%m-%d %H:%M}Z"


@tickets.command()
@click.argument("number")
@click.option("--text", "with_text", is_flag=True, help="What the citizen wrote, without numbers and passwords.")
@options.config
@options.as_json
def show(number: str, with_text: bool, config_file: Path | None, as_json: bool) -> None:
    """Show a ticket with its history, its mails and why it was decided so."""
    chosen = compose.settings(config_file)
    with read_only(chosen.database.url) as connection:
        found = listing.found(connection, number)
        if found is None:
            raise click.ClickException(f"{number}: no such ticket")
        if with_text:
            secret = read_key(connection, Path(chosen.secret.key_file))
            rows = listing.messages(connection, found["id"])
            found["texts"] = [_text(row["id"], message_of(row, secret)) for row in rows]
    if as_json:
        options.line(found)
        return
    for key in _SHOWN:
        click.echo(f"{key:12} {found[key] if found[key] is not None else ''}")
    for event in found["events"]:
        click.echo(f"  {event['at']:%Y-%m-%d %H:%M:%S}Z  {event['kind']}  {_detail(event['detail'])}")
    for mail in found["mails"]:
        click.echo(f"  mail {mail['kind']}: {mail['state']} {mail['sent_at'] or mail['last_error'] or ''}")
    for reason in found["decisions"]:
        click.echo(f"  rule {reason['rule']} → {reason['outcome']}  {reason['notes'] or ''}")
    for text in found.get("texts", ()):
        files = f"  [{', '.join(text['files'])}]" if text["files"] else ""
        click.echo(f"\nmessage {text['inbox']}  {text['received_at']:%Y-%m-%d %H:%M}Z  {text['subject']}{files}")
        click.echo(textwrap.indent(text["text"], "> ", lambda line: True))


def _detail(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in detail.items())


def _text(row: int, received: RawMessage) -> dict[str, Any]:
    """Subject, text and names of files of a message, masked."""
    message = parse(received.raw, received.envelope, frozenset())
    return {
        "inbox": row,
        "received_at": received.received_at,
        "subject": _shown(message.subject),
        "files": [_shown(file.filename) for file in message.attachments],
        "text": _shown(message.text),
    }


def _shown(text: str) -> str:
    """A citizen's text for a terminal: masked, and without characters that would steer it."""
    letters = (c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in visible(text))
    return mask("".join(letters))


def _by(function: F) -> F:
    """``--as`` and ``--reason``: they stand in the ticket's history."""
    who = click.option("--as", "who", metavar="NAME", help="Who decides it; default: the user of this machine.")
    why = click.option("--reason", metavar="TEXT", help="Why; stands in the history of the ticket.")
    return who(why(function))


def _told(who: str | None, reason: str) -> dict[str, str | int]:
    return {"by": _shown(who or options.user()), "uid": os.getuid(), "reason": _shown(reason)}


@tickets.command()
@click.argument("number")
@_by
@options.config
def freeze(number: str, who: str | None, reason: str | None, config_file: Path | None) -> None:
    """Stop ticket NUMBER: the holder telephoned that it is not his. Its mails stay, its link is dead."""
    detail = _told(who, reason or "the holder telephoned")
    with transaction(compose.settings(config_file).database.url) as connection:
        if not hold.freeze(connection, number.upper(), utc_now(), detail):
            raise click.ClickException(f"{number}: no such ticket that changes a login or a password")
    click.echo(f"{number.upper()}: stopped; the link is dead, the security desk has the ticket")


@tickets.command()
@click.argument("number")
@_by
@options.config
def release(number: str, who: str | None, reason: str | None, config_file: Path | None) -> None:
    """Go on with the stopped ticket NUMBER. What is left of the hold passes first, the mails are written anew, and the
    link works for its whole life from then."""
    settings = compose.settings(config_file)
    parts = compose.build(settings)
    lifetime = timedelta(hours=settings.activation.lifetime_hours)
    notice = NoticeWriter(
        parts.pipeline.writer, parts.secret, settings.helpdesk.address, settings.helpdesk.verp_separator
    )
    with parts.database.engine.begin() as connection:
        done = let_go(connection, number.upper(), utc_now(), lifetime, notice, _told(who, reason or ""))
        if isinstance(done, Refused):
            raise click.ClickException(f"{number}: {done.reason}")
        if not reason or not reason.strip():  # nothing is written
            raise click.UsageError(f'say why {number} may go on; mend: --reason "called back: the request is his"')
    starts, until = (moment.astimezone(WARSAW) for moment in (done.starts, done.expires_at))
    told = f"mails leave from {starts:%Y-%m-%d %H:%M}, the link works until {until:%Y-%m-%d %H:%M}"
    click.echo(f"{number.upper()}: goes on; {told}")


@tickets.command()
@click.argument("number")
@_by
@options.config
def close(number: str, who: str | None, reason: str | None, config_file: Path | None) -> None:
    """End the stopped ticket NUMBER for good: nothing of it leaves any more, and its login may ask anew."""
    with transaction(compose.settings(config_file).database.url) as connection:
        if not hold.close(connection, number.upper(), utc_now(), _told(who, reason or "")):
            raise click.ClickException(f"{number}: is not stopped")
        if not reason or not reason.strip():  # nothing is written
            raise click.UsageError(f'say why {number} ends; mend: --reason "the account was blocked"')
    click.echo(f"{number.upper()}: closed; its link stays dead")


@tickets.command()
@click.option("--jump", default=10_000, show_default=True, type=click.IntRange(min=1), help="Numbers to leave out.")
@_by
@options.config
def restored(jump: int, who: str | None, reason: str | None, config_file: Path | None) -> None:
    """After the database was put back from a backup, before mailbot starts: leave out the numbers that were given
    since, and stop every change of login that waits, for the word that stopped it may be lost; so may that of a first
    person who had accepted one and took it back."""
    settings = compose.settings(config_file)
    engine = connect(settings.database.url)
    compose.opened(settings, engine)
    now, detail = utc_now(), _told(who, reason or "restored from a backup")
    with engine.begin() as connection:
        first = lock(connection, settings.tickets.start) + jump
        advance(connection, first)
        waiting = hold.waiting(connection, now)
        for number in waiting:
            hold.freeze(connection, number, now, detail)
        drop_first_halves(connection, now)
        sessions.end_everybody(connection)  # who was let in no more since then would be in again
        chain.note(connection, now, chain.shell(options.user()), "restored", "installation", {"next": first})
    click.echo(f"the next ticket is {spell(first)}; changes of login stopped: {', '.join(waiting) or 'none'}")


tickets.add_command(dossier)
