"""``mailbot tickets``: what a consultant finds by the ZGL number alone (seed 001, P16)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import select

from mailbot.cli import compose, options
from mailbot.observe import utc_now
from mailbot.storage.engine import connect
from mailbot.storage.schema import decision, inbox, outbox, ticket, ticket_event
from mailbot.tickets import hold


@click.group()
def tickets() -> None:
    """Tickets: list, show; stop a change of login and let it go on."""


@tickets.command("list")
@click.option("--state", help="Only this state, DO_WERYFIKACJI for what waits for a person.")
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@options.config
@options.as_json
def list_(state: str | None, limit: int, config_file: Path | None, as_json: bool) -> None:
    """List tickets, newest first."""
    wanted = select(ticket).order_by(ticket.c.id.desc()).limit(limit)
    if state:
        wanted = wanted.where(ticket.c.state == state)
    with connect(compose.settings(config_file).database.url).connect() as connection:
        connection.info["reader"] = True
        for row in connection.execute(wanted).mappings():
            if as_json:
                options.line(dict(row))
            else:
                click.echo(f"{row['number']}  {row['opened_at']:%Y-%m-%d %H:%M}Z  {row['state']}  {row['category']}")


@tickets.command()
@click.argument("number")
@options.config
@options.as_json
def show(number: str, config_file: Path | None, as_json: bool) -> None:
    """Show a ticket with its history, its mails and why it was decided so."""
    with connect(compose.settings(config_file).database.url).connect() as connection:
        connection.info["reader"] = True
        row = connection.execute(select(ticket).where(ticket.c.number == number.upper())).mappings().one_or_none()
        if row is None:
            raise click.ClickException(f"{number}: no such ticket")
        events = connection.execute(
            select(ticket_event.c.at, ticket_event.c.kind, ticket_event.c.detail)
            .where(ticket_event.c.ticket_id == row["id"])
            .order_by(ticket_event.c.id)
        ).mappings()
        mails = connection.execute(
            select(outbox.c.id, outbox.c.kind, outbox.c.state, outbox.c.sent_at, outbox.c.last_error)
            .where(outbox.c.ticket_id == row["id"])
            .order_by(outbox.c.ordinal)
        ).mappings()
        reasons = connection.execute(
            select(decision.c.rule, decision.c.outcome, decision.c.facts, decision.c.notes)
            .join(inbox, inbox.c.id == decision.c.inbox_id)
            .where(inbox.c.ticket_id == row["id"])
            .order_by(inbox.c.id)
        ).mappings()
        found = {
            **row,
            "events": [dict(e) for e in events],
            "mails": [dict(m) for m in mails],
            "decisions": [dict(d) for d in reasons],
        }
    if as_json:
        options.line(found)
        return
    for key in ("number", "state", "category", "desk", "opened_at", "promised_at", "closed_at"):
        click.echo(f"{key:12} {found[key] if found[key] is not None else ''}")
    for event in found["events"]:
        click.echo(f"  {event['at']:%Y-%m-%d %H:%M:%S}Z  {event['kind']}  {event['detail'] or ''}")
    for mail in found["mails"]:
        click.echo(f"  mail {mail['kind']}: {mail['state']} {mail['sent_at'] or mail['last_error'] or ''}")
    for reason in found["decisions"]:
        click.echo(f"  rule {reason['rule']} → {reason['outcome']}  {reason['notes'] or ''}")


@tickets.command()
@click.argument("number")
@options.config
def freeze(number: str, config_file: Path | None) -> None:
    """Stop the change of login of ticket NUMBER (case B): the holder telephoned that it is not his."""
    with connect(compose.settings(config_file).database.url).begin() as connection:
        if not hold.freeze(connection, number.upper(), utc_now(), {"by": "operator"}):
            raise click.ClickException(f"{number}: no such ticket that changes a login")
    click.echo(f"{number.upper()}: stopped; the link is dead, the security desk has the ticket")


@tickets.command()
@click.argument("number")
@options.config
def release(number: str, config_file: Path | None) -> None:
    """Go on with the stopped ticket NUMBER: its mails leave, its link works for its whole life from now."""
    settings = compose.settings(config_file)
    now = utc_now()
    until = now + timedelta(hours=settings.activation.lifetime_hours)
    with connect(settings.database.url).begin() as connection:
        if not hold.release(connection, number.upper(), now, until):
            raise click.ClickException(f"{number}: is not stopped")
    click.echo(f"{number.upper()}: goes on")
