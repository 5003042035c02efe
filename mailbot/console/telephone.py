"""Screen 3: somebody calls.

A page shows nothing of a ticket but its number until the caller has answered: what he says is typed, the server
compares and says only right or wrong. The answers travel in the form and are compared anew each time: no field says
that somebody was known.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import hdrs, web
from sqlalchemy import Connection, select

from mailbot.audit import chain
from mailbot.console import forms
from mailbot.console.forms import PostedForm
from mailbot.console.pages import OPERATOR, reader
from mailbot.console.shell import WRITERS, ConsoleContext, Screen
from mailbot.console.words import LANGUAGES
from mailbot.desk import perform, refusals, search, telephone, words
from mailbot.desk.perform import Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action, ActionRequest, Asked, Call, CallOutcome, MailRetry, Stop, Take
from mailbot.desk.sight import sees
from mailbot.desk.telephone import CallerStanding, CallerVerdict, Said
from mailbot.desk.view import TicketView
from mailbot.model import Operator
from mailbot.ruleset import languages
from mailbot.storage import personal
from mailbot.storage.schema import ticket
from mailbot.tickets import number

_PATH = "/telephone"
_SHOWN = 5
"""Tickets of one name or address; of more the caller must say a number."""
_ANSWER = 320
"""Characters of one answer."""
_WRONGS = 10
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DONE = ("call", "stop", "hurry")


@dataclass(frozen=True, slots=True)
class _Call:
    """One ticket while somebody calls about it."""

    case: TicketView
    known: telephone.OfficeRecord
    other_calls: int
    """Wrong answers of earlier calls."""
    visible: bool
    """It is at a desk of who asks; what another one has may be stopped, and nothing else."""

    @property
    def lost(self) -> bool:
        """Earlier callers have used up what may be wrong."""
        return self.other_calls > telephone.MOST_WRONG


class _Telephone:
    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_PATH, self.find),
            web.get(_PATH + "/{number}", self.ask),
            web.post(_PATH + "/{number}", self.compare),
            web.post(_PATH + "/{number}/call", self.record),
            web.post(_PATH + "/{number}/stop", self.stop),
            web.post(_PATH + "/{number}/hurry", self.hurry),
        ]

    async def find(self, request: web.Request) -> web.Response:
        """Which ticket it is about. Numbers only."""
        operator, said, now = request[OPERATOR], request.query.get("q", "")[:200], self._desk.clock()
        wanted = number.read(said) if said else None
        if wanted is not None:
            there = await self._desk.database.read(lambda c: _exists(c, wanted))
            found = [wanted] if there else []
        elif said:
            key = self._desk.secret
            page = await self._desk.database.read(lambda c: search.find(c, key, operator, said, now))
            found = [entry.number for entry in page.entries]
        else:
            found = []
        done, zgl = request.query.get("done", ""), number.read(request.query.get("number", ""))
        return self._desk.pages.page(
            request,
            "telephone.html",
            said=said,
            found=found[:_SHOWN],
            many=len(found) > _SHOWN,
            done=done if done in _DONE and zgl else "",
            number=zgl,
            refused=self._why(request, request.query.get("why", "")),
        )

    async def ask(self, request: web.Request) -> web.Response:
        """What to ask, and nothing else."""
        call = await self._desk.database.read(lambda c: self._call(c, request))
        return self._page(request, call, Said(), None)

    async def compare(self, request: web.Request) -> web.Response:
        """What the caller said against what we know. Two wrong answers are written down at once: so they count also
        when nobody comes to the end of this form, and with the next one who takes the call."""
        form = await request.post()
        said = _said(form)
        call = await self._desk.database.read(lambda c: self._call(c, request))
        if not call.visible:
            return self._page(request, call, Said(), None)
        verdict = _judge(call, form, said)
        if verdict.standing is CallerStanding.BY_MAIL and not call.lost:
            await self._write_down(request, call, CallOutcome.BY_MAIL, verdict)
            return web.Response(status=303, headers={hdrs.LOCATION: f"{_PATH}/{call.case.number}"})
        return self._page(request, call, said, verdict)

    async def record(self, request: web.Request) -> web.Response:
        """The protocol."""
        form = await request.post()
        said, text = _said(form), forms.text(form, "text", 5_000)
        call = await self._desk.database.read(lambda c: self._call(c, request))
        if not call.visible:
            raise web.HTTPForbidden
        verdict = _judge(call, form, said)
        known = verdict.standing is CallerStanding.CLEAR and not call.lost
        outcome = CallOutcome.TOLD if known else CallOutcome.BY_MAIL if call.lost else CallOutcome.NOTHING
        return _back(call, "call", await self._write_down(request, call, outcome, verdict, text))

    async def stop(self, request: web.Request) -> web.Response:
        """“It was not me”: nothing has to be known for what can only make things safer. The call is written down also
        when there was nothing to stop."""
        form = await request.post()
        reason = forms.text(form, "reason", 2_000)
        call = await self._desk.database.read(lambda c: self._call(c, request))
        zgl = call.case.number
        stopped = await self._perform(request, zgl, Stop(version=call.case.version, reason=reason))
        if isinstance(stopped, Refusal) and stopped.code == "reason":
            return self._page(request, call, Said(), None, stopped)
        if call.visible:
            await self._write_down(request, call, CallOutcome.NOT_HIS, text=reason)
        return _back(call, "stop", stopped)

    async def hurry(self, request: web.Request) -> web.Response:
        """Send what did not leave once more; else take the ticket."""
        form = await request.post()
        said, reason = _said(form), forms.text(form, "reason", 2_000)
        call = await self._desk.database.read(lambda c: self._call(c, request))
        verdict = _judge(call, form, said)
        if not call.visible or verdict.standing is not CallerStanding.CLEAR or call.lost:
            raise web.HTTPForbidden
        case = call.case
        asked: list[ActionRequest] = [
            MailRetry(version=case.version, mail=mail, reason=reason) for mail in telephone.stuck(case)[:1]
        ] or [Take(version=case.version)]
        done = await self._perform(request, case.number, asked[0])
        if isinstance(done, Refusal):
            return self._page(request, call, said, verdict, done)
        return _back(call, "hurry", done)

    async def _write_down(
        self,
        request: web.Request,
        call: _Call,
        outcome: CallOutcome,
        verdict: CallerVerdict | None = None,
        text: str = "",
    ) -> Done | Refusal:
        """The protocol is true whatever became of the ticket meanwhile, so it is of the version that is there now."""
        heard = verdict.heard if verdict else {}
        acting, operator, now = self._acting, request[OPERATOR], self._desk.clock()

        def write(connection: Connection) -> Done | Refusal:
            found = acting.case(connection, call.case.number)
            if isinstance(found, Refusal):
                return found
            told = Call(version=found.version, outcome=outcome, heard=heard, text=text)
            return acting.perform(connection, found.number, operator, told, now)

        return await self._desk.database.write(write)

    @property
    def _acting(self) -> perform.ActionPerformer:
        return perform.ActionPerformer(self._desk.pipeline, chain.record)

    async def _perform(self, request: web.Request, zgl: str, asked: ActionRequest) -> Done | Refusal:
        acting, operator, now = self._acting, request[OPERATOR], self._desk.clock()
        return await self._desk.database.write(lambda c: acting.perform(c, zgl, operator, asked, now))

    def _call(self, connection: Connection, request: web.Request) -> _Call:
        operator: Operator = request[OPERATOR]
        found = self._acting.case(connection, request.match_info["number"])
        if isinstance(found, Refusal):
            raise web.HTTPNotFound
        row = connection.execute(select(ticket).where(ticket.c.id == found.ticket_id)).one()
        name = personal.whose(self._desk.secret, row).name
        service = self._desk.pipeline.ruleset.service_of(found.category).name
        before = telephone.wrong_before(connection, found.ticket_id, self._desk.clock())
        return _Call(found, telephone.known(found, name, service), before, sees(operator, found.desk))

    def _page(
        self,
        request: web.Request,
        call: _Call,
        said: Said,
        verdict: CallerVerdict | None,
        refused: Refusal | None = None,
    ) -> web.Response:
        known = verdict is not None and verdict.standing is CallerStanding.CLEAR and call.visible and not call.lost
        language = reader(request)
        shown: dict[str, Any] = {
            "number": call.case.number,
            "visible": call.visible,
            "lost": call.lost,
            "askable": [asked for asked in Asked if asked in call.known.askable],
            "said": asdict(said),
            "wrong": sorted(verdict.wrong) if verdict else [],
            "marks": {asked: _told(asked, verdict) for asked in Asked} if verdict else {},
            "matters": self._matters(language),
            "today": self._desk.clock().date().isoformat(),
            "known": known,
            "told": telephone.sayable(call.case) if known else [],
            "stuck": bool(telephone.stuck(call.case)) if known else False,
            "refused": refusals.REFUSALS[refused.code].told(language, **refused.values) if refused else "",
            "stop": words.ACTIONS[Action.STOP].told(language),
        }
        return self._desk.pages.page(request, "call.html", **shown)

    def _matters(self, language: str) -> list[tuple[str, str]]:
        """Each service of the rule set and what it is called: as the catalogue does, else as our mails do."""
        ruleset = self._desk.pipeline.ruleset
        said = languages.of(ruleset, language).categories
        at = LANGUAGES.index(language)
        return [
            (one.name, (one.titles[at:] or one.titles[:1] or (said.get(one.categories[0], one.name),))[0])
            for one in ruleset.services.values()
        ]

    def _why(self, request: web.Request, code: str) -> str:
        """The sentence of a refusal that a redirect names; those with values say them on their own page."""
        found = refusals.REFUSALS.get(code)
        return found.told(reader(request)) if found and "{" not in found.pl else ""


def _told(asked: Asked, verdict: CallerVerdict) -> str:
    return "unsure" if asked in verdict.unsure else verdict.now[asked].value


def _judge(call: _Call, form: PostedForm, said: Said) -> CallerVerdict:
    wrong = {str(value)[:_ANSWER] for value in form.getall("wrong", [])[:_WRONGS]}
    kinds = {asked.value for asked in Asked}
    return telephone.judge(call.known, said, [one for one in wrong if one.partition(" ")[0] in kinds], call.other_calls)


def _said(form: PostedForm) -> Said:
    said = Said(**{name: forms.text(form, name, _ANSWER) for name in Said.__slots__})
    return said if _DAY.fullmatch(said.day) else replace(said, day="")


def _exists(connection: Connection, zgl: str) -> bool:
    return connection.execute(select(ticket.c.id).where(ticket.c.number == zgl)).first() is not None


def _back(call: _Call, done: str, what: Done | Refusal) -> web.Response:
    query = {"done": done, "number": call.case.number}
    if isinstance(what, Refusal):
        query = {"number": call.case.number, "why": what.code} | ({"done": done} if done == "stop" else {})
    return web.Response(status=303, headers={hdrs.LOCATION: f"{_PATH}?{urlencode(query)}"})


SCREEN = Screen("telephone", _PATH, WRITERS, lambda desk: _Telephone(desk).routes())
