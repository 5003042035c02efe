"""Screen 2: one ticket, in the order in which a person judges it: what is asked, why it is here, what agrees and what
does not, what to do, what happened so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from mailbot.console import acting, letters, ticket
from mailbot.console.pages import reader
from mailbot.console.shell import READERS, ConsoleContext, Screen
from mailbot.desk import accept, case, compare, drafts, letter, offers, presence, todo, words
from mailbot.desk.requests import Action
from mailbot.desk.view import TicketView
from mailbot.model import Operator
from mailbot.outbox import jobs
from mailbot.ruleset import languages

_GROUPS = (
    (Action.TAKE, Action.GIVE, Action.PUT_BACK, Action.ASSIGN),
    (Action.ASK, Action.REPLY_AND_CLOSE, Action.ANSWER_COMPLAINT, Action.REFUSE_NAMED, Action.REFUSE_GENERIC),
    (Action.ACCEPT_A, Action.ACCEPT_B, Action.CONFIRM_B, Action.WITHDRAW_B),
    (Action.STOP, Action.RELEASE, Action.OUT_OF_QUARANTINE, Action.OUT_OF_LIMIT, Action.CLOSE, Action.REOPEN),
    (Action.MERGE, Action.SPLIT, Action.LINK, Action.MAIL_RETRY, Action.MAIL_HOLD, Action.MAIL_CANCEL),
)
"""The actions of the page beside note and reply, which have forms of their own on it."""


class _Case:
    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(ticket.PATH, self.show),
            web.post(ticket.PATH + "/here", self.here),
            *letters.Letters(self._desk).routes(),
            *acting.Acting(self._desk, self.show).routes(),
        ]

    async def show(self, request: web.Request, status: int = 200, **more: object) -> web.Response:
        """The page. ``more``: what a form of it has to say, over what is said here."""
        zgl, operator = ticket.asked(request)
        now = self._desk.clock()
        values = await self._desk.database.read(lambda c: self._read(c, zgl, operator))
        if values["unseen"]:
            found: TicketView = values["case"]
            await self._desk.database.write(lambda c: presence.here(c, found.ticket_id, operator.id, now))
        return self._desk.pages.page(request, "case.html", status, **self._told(request, values) | more)

    def _read(self, connection: Connection, zgl: str, operator: Operator) -> dict[str, Any]:
        desk, now = self._desk, self._desk.clock()
        found = ticket.seen(desk, connection, zgl, operator)
        ids = [one.inbox_id for one in found.letters]
        return {
            "case": found,
            "letters": letter.shown(connection, desk.secret, ids),
            "events": case.events_of(connection, found.ticket_id),
            "texts": case.texts_of(connection, desk.secret, found.ticket_id),
            "others": todo.viewers(connection, [found.ticket_id], operator, now).get(found.ticket_id, ()),
            "unseen": presence.is_due(connection, found.ticket_id, operator.id, now),
            "kept": {
                which: drafts.load(connection, desk.secret, operator.id, found.ticket_id, which)
                for which in (Action.NOTE.value, Action.REPLY.value)
            },
            "begun": drafts.begun(connection, operator.id, found.ticket_id),
        }

    def _told(self, request: web.Request, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the template says, made of what was read."""
        found: TicketView = values["case"]
        _, operator = ticket.asked(request)
        language, ruleset = reader(request), self._desk.pipeline.ruleset
        offered = offers.offered(found, operator)
        opening = next((one for one in values["letters"] if one.inbox_id == found.inbox_id), None)
        decided = [one for one in values["letters"] if one.rule]
        titles = {rule.name: rule.title for rule in ruleset.rules}
        due = None if found.closed_at else todo.due(found.state, found.promised_at, found.reply_by)
        return {
            **acting.CHOICES,
            **values,
            "now": self._desk.clock(),
            "due": due,
            "category": languages.of(ruleset, language).categories.get(found.category, found.category),
            "titles": titles,
            "latest": decided[-1] if decided else None,
            "opening": opening,
            "lines": compare.side_by_side(found, opening),
            "columns": compare.COLUMNS,
            "deviations": accept.to_explain(found),
            "offered": offered,
            "groups": [[a for a in group if a in offered] for group in _GROUPS],
            "label": {action: words.action(action, language) for action in offered},
            "undo": _undo(found, operator),
            "done": next((words.action(a, language) for a in Action if a == request.query.get("done")), ""),
            "templates": [kind for kind in acting.CHOICES["templates"] if kind in ruleset.templates],
            "seconds": self._desk.settings.console.refresh_seconds,
            "form": "",
            "refused": "",
            "since": (),
        }

    async def here(self, request: web.Request) -> web.Response:
        """A sign of the page; answers who else has the ticket open."""
        zgl, operator = ticket.asked(request)
        now = self._desk.clock()

        def sign(connection: Connection) -> Sequence[str]:
            found = ticket.seen(self._desk, connection, zgl, operator)
            presence.here(connection, found.ticket_id, operator.id, now)
            return todo.viewers(connection, [found.ticket_id], operator, now).get(found.ticket_id, ())

        others = await self._desk.database.write(sign)
        return self._desk.pages.page(request, "case_others.html", others=others)


def _undo(found: TicketView, operator: Operator) -> datetime | None:
    """Until when the last act of this person can be taken back; None: it cannot."""
    if found.undo is None or found.undo.by != operator.name:
        return None
    unsent = {mail.id: mail.due_at for mail in found.mails if mail.state in (jobs.QUEUED, jobs.WAITING)}
    if not found.undo.mails or not unsent.keys() >= set(found.undo.mails):
        return None
    return min(unsent[mail] for mail in found.undo.mails)


SCREEN = Screen("", "/tickets", READERS, lambda desk: _Case(desk).routes())
