"""What every page of one ticket begins with: which one it is, and whether whoever asks may see it."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import Connection

from mailbot.audit import chain
from mailbot.console.pages import OPERATOR
from mailbot.console.shell import ConsoleContext
from mailbot.desk import perform
from mailbot.desk.plan import Refusal
from mailbot.desk.sight import sees
from mailbot.desk.view import TicketView
from mailbot.model import Operator

PATH = "/tickets/{zgl:[A-Za-z]{3}[0-9]{7,12}}"


def of(desk: ConsoleContext) -> perform.ActionPerformer:
    """What acts, with the rule set of this moment."""
    return perform.ActionPerformer(desk.pipeline, chain.record)


def seen(desk: ConsoleContext, connection: Connection, zgl: str, operator: Operator) -> TicketView:
    """The ticket. Raises HTTPNotFound when there is none, and in the same words when it is another desk's."""
    found = of(desk).case(connection, zgl)
    if isinstance(found, Refusal) or not sees(operator, found.desk):
        raise web.HTTPNotFound
    return found


def asked(request: web.Request) -> tuple[str, Operator]:
    """The number in the address, and who asks."""
    return request.match_info["zgl"].upper(), request[OPERATOR]
