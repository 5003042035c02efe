"""What the handlers of the API share."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import Connection, select

from mailbot.audit import chain
from mailbot.config import Settings
from mailbot.desk.perform import ActionPerformer
from mailbot.desk.plan import Refusal
from mailbot.desk.sight import sees
from mailbot.desk.view import TicketView
from mailbot.flow.pipeline import Pipeline
from mailbot.model import Operator
from mailbot.observe import Clock
from mailbot.secret import Secret
from mailbot.storage.database import Database
from mailbot.storage.schema import ticket_event


@dataclass(slots=True)
class ApiContext:
    """What the handlers share."""

    settings: Settings
    database: Database
    clock: Clock
    pipeline: Pipeline
    """May be replaced at any time by one with another rule set."""

    @property
    def secret(self) -> Secret:
        """The key of the installation."""
        return self.pipeline.secret

    @property
    def desk(self) -> ActionPerformer:
        """What acts, with the rule set of this moment."""
        return ActionPerformer(self.pipeline, chain.record)

    def seen(self, connection: Connection, zgl: str, operator: Operator) -> TicketView:
        """The ticket. Raises HTTPNotFound when there is none, and in the same words when it is another desk's."""
        found = self.desk.case(connection, zgl)
        if isinstance(found, Refusal) or not sees(operator, found.desk):
            raise web.HTTPNotFound
        return found

    def tag(self, connection: Connection, version: int, *, hidden: bool = False) -> str:
        """The entity tag of a ticket at ``version``. Its moment goes in, too: after a restore the same number may be
        given to something else. ``hidden``: what is shown masked is another representation."""
        at = connection.execute(select(ticket_event.c.at).where(ticket_event.c.id == version)).scalar_one_or_none()
        check = self.secret.mac("api tag", f"{version} {at and at.isoformat()}").hex()[:8]
        return f'"{version}-{check}{"m" if hidden else ""}"'


API = web.AppKey("api", ApiContext)
TOKEN = web.RequestKey("token", Operator)
"""Who asks."""
