"""The forms of a ticket: what is typed is kept at once, what leaves is shown before, what is refused loses nothing."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiohttp import hdrs, web
from sqlalchemy import Connection

from mailbot import model
from mailbot.console import acts, forms, ticket
from mailbot.console.pages import reader
from mailbot.console.session import Late
from mailbot.console.shell import WRITERS, ConsoleContext, require
from mailbot.desk import accept, actions, case, drafts, letters, outgoing, perform, refusals, words
from mailbot.desk.drafts import Draft
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action, ActionRequest, CallOutcome, File, How, Silence, To
from mailbot.desk.view import TicketView
from mailbot.model import Defect, Operator

_DO = ticket.PATH + "/do/{action:[a-z-]{3,20}}"
_ON_PAGE = frozenset({Action.NOTE, Action.REPLY})
"""Actions whose form stands on the page of the ticket."""
_MOST = 50
"""Ticks of one field: more than any has."""
_LONGEST = 500_000  # characters of a field that is kept; what an action takes is less, and it says so

CHOICES: Mapping[str, Sequence[Any]] = {
    "hows": tuple(How),
    "silences": tuple(Silence),
    "tos": tuple(To),
    "templates": sorted(letters.TEMPLATES),
    "defects": tuple(Defect),
    "data": letters.DATA,
    "desks": tuple(desk.value for desk in model.Desk if desk),
    "outcomes": tuple(CallOutcome),
}
"""What the fields offer."""


class Page(Protocol):
    """The page of the ticket, with what a form of it has to say."""

    async def __call__(self, request: web.Request, status: int = 200, **more: object) -> web.Response: ...


class Acting:
    """Handlers of /tickets/ZGL…/do/ACTION."""

    def __init__(self, desk: ConsoleContext, page: Page) -> None:
        self._desk, self._page = desk, page

    def routes(self) -> list[web.RouteDef]:
        """GET shows the form; POST keeps it, shows what would leave, or does it, by the button ("step")."""
        return [
            web.get(_DO, require(WRITERS, self.show)),
            web.post(_DO, require(WRITERS, self.submit)),
            web.post(_DO + "/draft", require(WRITERS, self.keep)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The form as it was left."""
        return await self._form(request, _action(request))

    async def keep(self, request: web.Request) -> web.Response:
        """Keep what is typed, while it is typed."""
        action = _action(request)
        await self._saved(request, action)
        return self._desk.pages.page(request, "draft_kept.html", now=self._desk.clock())

    async def submit(self, request: web.Request) -> web.Response:
        """Whatever comes of it, the text is kept first."""
        action, form = _action(request), await request.post()
        wanted = forms.text(form, "step", 20)
        if wanted == "discard":
            await self._discard(request, action)
            return self._back(request)
        kept, found = await self._saved(request, action)
        if wanted == "keep":
            return self._back(request)
        try:
            asked = acts.request(action, _version(form), kept)
        except acts.Unfit as error:
            return await self._form(request, action, 422, unfit=str(error))
        if action in acts.WRITES and not (wanted == "send" and _same(form, kept)):
            return await self._preview(request, action, asked, kept)
        return await self._perform(request, action, asked, kept, found)

    async def _preview(self, request: web.Request, action: Action, asked: ActionRequest, kept: Draft) -> web.Response:
        zgl, operator = ticket.asked(request)
        desk, now = ticket.of(self._desk), self._desk.clock()
        mails = await self._desk.database.read(lambda c: desk.preview(c, zgl, operator, asked, now))
        if isinstance(mails, Refusal):
            return await self._refused(request, action, mails)
        shown: dict[str, Any] = {
            "mails": [outgoing.readable(mail) for mail in mails],
            "digest": kept.digest,
            "version": asked.version,
        }
        return await self._form(request, action, template="preview.html", **shown)

    async def _perform(
        self, request: web.Request, action: Action, asked: ActionRequest, kept: Draft, found: TicketView
    ) -> web.Response:
        zgl, operator = ticket.asked(request)
        desk, now, key = ticket.of(self._desk), self._desk.clock(), self._desk.secret

        def write(connection: Connection) -> perform.Done | Refusal:
            done = desk.perform(connection, zgl, operator, asked, now)
            if isinstance(done, Refusal):
                return done
            if action is Action.TAKE_BACK:
                drafts.taken_back(connection, key, operator.id, found.ticket_id, now)
            elif action in acts.WRITES:
                drafts.sent(connection, key, operator.id, found.ticket_id, action.value, kept, now)
            else:
                drafts.drop(connection, operator.id, found.ticket_id, action.value)
            return done

        done = await self._desk.database.write(write)
        if isinstance(done, Refusal):
            return await self._refused(request, action, done)
        return self._back(request, action.value)

    async def _refused(self, request: web.Request, action: Action, why: Refusal) -> web.Response:
        told = refusals.sentence(why, reader(request))
        return await self._form(request, action, 409 if why.code == "changed" else 422, refused=told, since=why.since)

    async def _form(
        self, request: web.Request, action: Action, status: int = 200, template: str = "action.html", **more: object
    ) -> web.Response:
        """The form of ``action`` with its draft; on the page of the ticket where it has its place there."""
        if action in _ON_PAGE and template == "action.html":
            return await self._page(request, status, form=action.value, **more)
        zgl, operator = ticket.asked(request)

        def read(connection: Connection) -> tuple[TicketView, Draft, Mapping[str, Operator], list[str]]:
            found = ticket.seen(self._desk, connection, zgl, operator)
            kept = drafts.load(connection, self._desk.secret, operator.id, found.ticket_id, action.value)
            people = case.colleagues(connection) if action is Action.GIVE else {}
            return found, kept, people, _first_said(connection, self._desk, found)

        found, kept, people, first_said = await self._desk.database.read(read)
        language = reader(request)
        deviations = accept.deviations(found, "A" if action is Action.ACCEPT_A else "B")
        values = {
            "case": found,
            "action": action,
            "label": words.action(action, language),
            "fields": acts.FIELDS[action],
            "kept": kept,
            "people": sorted(people),
            "first_said": first_said,
            "deviations": sorted(deviations),
            "needs": action in actions.NEEDS_REASON,
            "previewed": action in acts.WRITES,
            "version": found.version,
            "mails": (),
            "digest": "",
            "unfit": "",
            "refused": "",
            "since": (),
            **CHOICES,
            "templates": [kind for kind in CHOICES["templates"] if kind in self._desk.pipeline.ruleset.templates],
        }
        return self._desk.pages.page(request, template, status, **values | more)

    async def _saved(self, request: web.Request, action: Action) -> tuple[Draft, TicketView]:
        zgl, operator = ticket.asked(request)
        return await save(self._desk, zgl, operator, action, await request.post())

    async def _discard(self, request: web.Request, action: Action) -> None:
        zgl, operator = ticket.asked(request)

        def write(connection: Connection) -> None:
            found = ticket.seen(self._desk, connection, zgl, operator)
            drafts.drop(connection, operator.id, found.ticket_id, action.value)

        await self._desk.database.write(write)

    def _back(self, request: web.Request, done: str = "") -> web.Response:
        zgl, _ = ticket.asked(request)
        return web.Response(status=303, headers={hdrs.LOCATION: f"/tickets/{zgl}" + (f"?done={done}" if done else "")})


async def save(
    desk: ConsoleContext, zgl: str, operator: Operator, action: Action, form: forms.PostedForm
) -> tuple[Draft, TicketView]:
    """Keep the fields of a form, and its files beside those that are kept already. Raises HTTPNotFound,
    HTTPRequestEntityTooLarge when no mail could hold the files: then these are not kept."""
    now = desk.clock()
    fields = {name: _values(form, name) for name in acts.FIELDS[action] if name != "files"}
    files, forgotten = _files(form), set(map(str, form.getall("forget", [])))

    def write(connection: Connection) -> tuple[Draft, TicketView, bool]:
        found = ticket.seen(desk, connection, zgl, operator)
        before = drafts.load(connection, desk.secret, operator.id, found.ticket_id, action.value)
        still = tuple(file for n, file in enumerate(before.files) if str(n) not in forgotten)
        kept = Draft(fields, tuple(dict.fromkeys((*still, *files))))  # a form sent twice brings a file twice
        if too_much := bool(files) and letters.too_much(kept.files):
            kept = Draft(fields, still)
        drafts.save(connection, desk.secret, operator.id, found.ticket_id, action.value, kept, now)
        return kept, found, too_much

    kept, found, too_much = await desk.database.write(write)
    if too_much:  # no mail takes them, and a draft must not grow without end; what was typed is kept
        raise web.HTTPRequestEntityTooLarge(letters.OCTETS, letters.OCTETS)
    return kept, found


def _first_said(connection: Connection, desk: ConsoleContext, found: TicketView) -> list[str]:
    """What the first of two people gave as the reason of an acceptance that waits for the second."""
    if found.first is None:
        return []
    events = [e.id for e in case.events_of(connection, found.ticket_id) if e.kind == "accept-b-first"]
    texts = case.texts_of(connection, desk.secret, found.ticket_id)
    return [words for _, words in texts.get(events[-1], ())] if events else []


def _action(request: web.Request) -> Action:
    try:
        action = Action(request.match_info["action"])
    except ValueError:
        raise web.HTTPNotFound from None
    if action not in acts.FIELDS:
        raise web.HTTPNotFound
    return action


def _version(form: forms.PostedForm) -> int:
    said = forms.text(form, "version", 20)
    if not (said.isascii() and said.isdigit()):
        raise web.HTTPBadRequest
    return int(said)


def _same(form: forms.PostedForm, kept: Draft) -> bool:
    """Whether what is kept is what was shown: another window may have changed it since."""
    return hmac.compare_digest(forms.text(form, "digest", 64).encode(), kept.digest.encode())


def _values(form: forms.PostedForm, name: str) -> tuple[str, ...]:
    if name not in acts.TOGETHER:
        return (forms.text(form, name, _LONGEST),)
    return tuple(value[:200] for value in form.getall(name, [])[:_MOST] if isinstance(value, str))


def _files(form: forms.PostedForm) -> tuple[File, ...]:
    """Those that were chosen; a browser sends an empty one for none."""
    sent = [one for one in form.getall("files", []) if isinstance(one, web.FileField)]
    return tuple(File(one.filename[:200], one.file.read()) for one in sent if one.filename)


def late(desk: ConsoleContext) -> Late:
    """What is sent after the end of a session is kept as the draft it would have been."""
    path = re.compile(r"(/tickets/([A-Za-z]{3}[0-9]{7,12}))(?:/do/([a-z-]{3,20}))?")

    async def keep(request: web.Request, operator: Operator) -> str:
        found = path.match(request.path)
        if found is None:
            return request.path
        if found[3] not in acts.FIELDS or not operator.roles & WRITERS:
            return found[1]
        action = Action(found[3])
        await save(desk, found[2].upper(), operator, action, await request.post())
        return found[1] if action in _ON_PAGE else f"{found[1]}/do/{action.value}"

    return keep
