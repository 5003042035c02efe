"""Tickets with an activation link, for the tests of the link and of its page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Engine, insert, select

from mailbot.mails.context import Office
from mailbot.mails.write import Writer
from mailbot.secret import Secret
from mailbot.storage.schema import activation as table
from mailbot.storage.schema import inbox, ticket
from mailbot.tickets import activation
from mailbot.tickets.notice import NoticeWriter
from tests.once import shipped

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = Secret(b"k" * 32)


@cache
def notice() -> NoticeWriter:
    """What tells the old login, with the shipped rules."""
    helpdesk = "pomoc@helpdesk.example"
    office = Office("Help Desk", helpdesk, helpdesk, "helpdesk.example", "https://puesc.example")
    return NoticeWriter(Writer(shipped(), office), SECRET, helpdesk)


def open_ticket(connection: Connection, number: str) -> int:
    """A ticket with the message behind it; only what the foreign keys ask."""
    ticket_id = int(number.removeprefix("ZGL"))
    message = connection.execute(
        insert(inbox)
        .values(
            source="inject",
            delivery_key=number,
            sha256="",
            size=0,
            envelope={},
            received_at=NOW,
            state="done",
            due_at=NOW,
        )
        .returning(inbox.c.id)
    ).scalar_one()
    connection.execute(
        insert(ticket).values(
            id=ticket_id,
            number=number,
            kind="zgloszenie",
            category="HASLO_AWARYJNE",
            state="ZAMKNIETE_ROZWIAZANE",
            desk="",
            fingerprint=number,
            opened_at=NOW,
            promised_at=NOW + DAY,
            inbox_id=message,
        )
    )
    return ticket_id


def grant(
    engine: Engine, number: str, login: str = "jan@wp.example", now: datetime = NOW, new_login: str | None = None
) -> str:
    """Open a ticket and grant its link for a day; returns the token."""
    with engine.begin() as connection:
        ticket_id = open_ticket(connection, number)
        activation.grant(connection, [activation.Grant(ticket_id, number, login, now + DAY, new_login)], now, SECRET)
    return token(engine, number)


def token(engine: Engine, number: str) -> str:
    """The token of a ticket's link, as it is put into the mail."""
    wanted = select(table.c.nonce).join(ticket).where(ticket.c.number == number)
    with engine.connect() as connection:
        return activation.token(SECRET, number, connection.execute(wanted).scalar_one())
