"""Screen 1: what is to be done, by deadline; and the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import MAXYEAR, MINYEAR, datetime
from urllib.parse import parse_qsl, urlencode

from aiohttp import hdrs, web

from mailbot import model
from mailbot.console import forms
from mailbot.console.pages import OPERATOR, reader
from mailbot.console.shell import READERS, ConsoleContext, Screen
from mailbot.desk import search, todo, views
from mailbot.desk.todo import PAGE, ListedTicket, Sort, TodoQuery
from mailbot.desk.views import TooManyViews
from mailbot.ruleset import languages

_PATH = "/todo"


class _Todo:
    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_PATH, self.show),
            web.get("/todo/list", self.fragment),
            web.post("/todo/views", self.save_view),
            web.post("/todo/views/forget", self.forget_view),
            web.get("/search", self.search),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        return await self._answer(request, "todo.html")

    async def fragment(self, request: web.Request) -> web.Response:
        """The list alone, which the page asks for again and again."""
        return await self._answer(request, "todo_list.html")

    async def _answer(self, request: web.Request, template: str) -> web.Response:
        operator, wanted, now = request[OPERATOR], read(request.query.get), self._desk.clock()
        found, counters, saved = await self._desk.database.read(
            lambda c: (
                todo.page(c, self._desk.secret, operator, wanted, now),
                todo.counters(c, operator, now),
                views.of(c, operator.id),
            )
        )
        more = len(found) > PAGE
        last = found[PAGE - 1] if more else None
        following = replace(wanted, after=(last.promised_at, last.ticket_id)) if last else None
        return self._desk.pages.page(
            request,
            template,
            entries=[self.line(entry, request) for entry in found[:PAGE]],
            counters=counters,
            sorts=tuple(Sort),
            desks=[desk for desk in model.Desk if desk and (not operator.desks or desk in operator.desks)],
            wanted=wanted,
            query=query(wanted),
            with_=lambda **changes: query(replace(wanted, after=None, **changes)),
            following=query(following) if following else None,
            views=saved,
            now=now,
            seconds=self._desk.settings.console.refresh_seconds,
        )

    def line(self, entry: ListedTicket, request: web.Request) -> dict[str, object]:
        """What the templates say about an entry beside its own fields."""
        ruleset, language = self._desk.pipeline.ruleset, reader(request)
        titles = {rule.name: rule.title for rule in ruleset.rules}
        return {
            "entry": entry,
            "category": languages.of(ruleset, language).categories.get(entry.category, entry.category),
            "title": titles.get(entry.rule, ""),
        }

    async def save_view(self, request: web.Request) -> web.Response:
        """Keep the filters under a name."""
        form = await request.post()
        name, said = forms.text(form, "name", views.LONGEST), forms.text(form, "query", 500)
        if not name:
            raise web.HTTPBadRequest
        said = query(read(dict(parse_qsl(said)).get))  # nothing but filters is kept
        try:
            await self._desk.database.write(lambda c: views.save(c, request[OPERATOR].id, name, said))
        except TooManyViews:
            raise web.HTTPBadRequest from None
        return _to(said)

    async def forget_view(self, request: web.Request) -> web.Response:
        """Take a view away."""
        name = forms.text(await request.post(), "name", views.LONGEST)
        await self._desk.database.write(lambda c: views.forget(c, request[OPERATOR].id, name))
        return _to("")

    async def search(self, request: web.Request) -> web.Response:
        """Tickets by what a caller says; one that is named by its number is opened at once."""
        operator, said, now = request[OPERATOR], request.query.get("q", "")[:200], self._desk.clock()
        after = request.query.get("after", "")[:300]
        found = await self._desk.database.read(lambda c: search.find(c, self._desk.secret, operator, said, now, after))
        if found.by is search.By.NUMBER and len(found.entries) == 1:
            return web.Response(status=303, headers={hdrs.LOCATION: f"/tickets/{found.entries[0].number}"})
        following = urlencode({"q": said, "after": found.after}) if found.after else None
        entries = [self.line(entry, request) for entry in found.entries]
        return self._desk.pages.page(
            request, "search.html", said=said, by=found.by, entries=entries, following=following, now=now
        )


def read(of: Callable[[str], str | None]) -> TodoQuery:
    """The filters of an address. What is not known is left out."""
    sort, desk, place = of("sort") or "", of("desk") or "", of("after") or ""
    return TodoQuery(
        sort=Sort(sort) if sort in tuple(Sort) else None,
        desk=desk if desk in set(model.Desk) else "",
        mine=of("mine") == "1",
        late=of("late") == "1",
        after=_place(place),
    )


def query(wanted: TodoQuery) -> str:
    """The address of a view: what ``read`` reads."""
    said = {"sort": wanted.sort, "desk": wanted.desk, "mine": wanted.mine and "1", "late": wanted.late and "1"}
    if wanted.after is not None:
        said["after"] = f"{wanted.after[0].isoformat()}~{wanted.after[1]}"
    return urlencode({name: value for name, value in said.items() if value})


def _place(text: str) -> tuple[datetime, int] | None:
    moment, _, ticket_id = text.partition("~")
    try:
        at, number = datetime.fromisoformat(moment), int(ticket_id)
    except ValueError:
        return None
    there = at.tzinfo is not None and MINYEAR < at.year < MAXYEAR  # also in UTC
    return (at, number) if there and 0 <= number < 2**62 else None


def _to(said: str) -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: f"{_PATH}?{said}" if said else _PATH})


SCREEN = Screen("todo", _PATH, READERS, lambda desk: _Todo(desk).routes())
