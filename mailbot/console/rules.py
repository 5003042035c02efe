"""Screen 5: the rules: which set decides, what each rule did, what a mail or another set would come to.
Read only: rules are files.

Both trials run in a locked process (console/trials.py), one at a time. Nothing of them is kept.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from mailbot import throttle
from mailbot.console import forms, trials
from mailbot.console.days import Days
from mailbot.console.forms import PostedForm
from mailbot.console.pages import OPERATOR
from mailbot.console.shell import ConsoleContext, Screen, require
from mailbot.console.trials import TrialFailed, TrialJob
from mailbot.desk import health, oversight
from mailbot.desk.oversight import Day
from mailbot.errors import SealBroken
from mailbot.flow.replay import reads_text
from mailbot.inbox import message_of
from mailbot.model import ApplicationState, AuthResult, RawMessage, Role
from mailbot.ruleset.model import Rule
from mailbot.tickets import decisions
from mailbot.tickets.decisions import StoredDecision

ROLES = frozenset({Role.ADMIN, Role.AUDITOR})
_TRIES = frozenset({Role.ADMIN})
"""Who may have the machine work for a trial."""

_REFUSED_DAYS = 90
_REFUSED = 20
_COUNTS = (50, 200, 500)
"""StoredMessage decisions of one comparison, the newest."""
_OCTETS = 60_000_000
"""Of the mails of one comparison; of those beyond, the facts are taken as they were recorded."""
_OLDEST = timedelta(days=365)
_TRIAL = "trial"
_LONGEST = 60.0
"""Seconds: a process that died in a trial keeps the others from theirs no longer."""
_MAIL = 10_000_000
_ARCHIVE = 3_000_000


@dataclass(slots=True)
class RuleRow:
    """What one rule did in the window."""

    rule: str
    title: str
    current: bool
    """It stands in the set that decides."""
    shadow: bool
    hits: int = 0
    watched: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Outcome → messages it would have decided while it was only watched."""
    last: date | None = None


class _Rules:
    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk
        self._days = Days(desk)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/rules", self.show),
            web.post("/rules/explain", require(_TRIES, self.explain)),
            web.post("/rules/compare", require(_TRIES, self.compare)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        return await self._page(request)

    async def _page(self, request: web.Request, failed: str = "") -> web.Response:
        now, ruleset = self._desk.clock(), self._desk.pipeline.ruleset
        since = now - timedelta(days=_REFUSED_DAYS)
        loads, refused = await self._desk.database.read(lambda c: (health.loads(c), health.refused(c, since, _REFUSED)))
        return self._desk.pages.page(
            request,
            "rules.html",
            status=422 if failed else 200,
            ruleset=ruleset,
            directory=str(ruleset.directory),
            loads=loads,
            refused=refused,
            hits=counted(ruleset.rules, await self._days.window(now)),
            days=oversight.DAYS,
            refused_days=_REFUSED_DAYS,
            tries=bool(_TRIES & _roles(request)),
            authentications=[result.value for result in AuthResult],
            applications=[state.value for state in ApplicationState],
            counts=_COUNTS,
            failed=failed,
        )

    async def explain(self, request: web.Request) -> web.Response:
        """What would happen to a mail that is handed in."""
        form = await request.post()
        mail = _file(form, "mail", _MAIL)
        if not mail:
            return await self._page(request, "no-file")
        taken = {
            "authentication": _one_of(form, "authentication", [result.value for result in AuthResult]),
            "application": _one_of(form, "application", [state.value for state in ApplicationState]),
            "account": _account(form),
        }
        try:
            async with self._one():
                found = await TrialJob("explain", self._desk.pipeline.settings).explain(mail, taken)
        except TrialFailed as failure:
            return await self._page(request, failure.reason)
        titles = {rule.name: rule.title for rule in self._desk.pipeline.ruleset.rules}
        return self._desk.pages.page(request, "rules_explain.html", found=found, taken=taken, titles=titles)

    async def compare(self, request: web.Request) -> web.Response:
        """What another rule set would have decided about the newest stored mail."""
        form = await request.post()
        count = int(_one_of(form, "count", [str(count) for count in _COUNTS]) or _COUNTS[0])
        archives = [_file(form, name, _ARCHIVE) for name in ("first", "second")]
        try:
            async with self._one():
                found = await self._compared(archives, count)
        except TrialFailed as failure:
            return await self._page(request, failure.reason)
        return self._desk.pages.page(request, "rules_compare.html", found=found)

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[None]:
        """Who comes while a trial runs, here or on another machine, is told so, instead of waiting longer than a
        connection lives."""
        database, now = self._desk.database, self._desk.clock()
        until = await database.write(lambda c: throttle.take(c, _TRIAL, now, _LONGEST))
        if until is None:
            raise TrialFailed("busy")
        try:
            yield
        finally:
            await database.write(lambda c: throttle.give_back(c, _TRIAL, until))

    async def _compared(self, archives: Sequence[bytes], count: int) -> dict[str, Any]:
        stored = await self._desk.database.read(lambda c: self._stored(c, count))
        with tempfile.TemporaryDirectory(prefix="mailbot-rules-") as place:
            folders: list[Path | None] = []
            for number, archive in enumerate(archives):
                folder = Path(place) / str(number)
                if archive:
                    folder.mkdir()
                    await asyncio.to_thread(trials.unpack, archive, folder)
                folders.append(folder if archive else None)
            try:
                return await TrialJob("compare", self._desk.pipeline.settings, folders).compare(stored)
            except TrialFailed as failure:  # whoever reads it knows the file, not our place for it
                raise TrialFailed(failure.reason.replace(f"{place}/", "")) from failure

    def _stored(self, connection: Connection, count: int) -> list[tuple[StoredDecision, RawMessage | None]]:
        """The newest decisions with the mails of those that depend on a text."""
        which = decisions.since(self._desk.clock() - _OLDEST, count)
        page = next(decisions.pages(connection, which, count), [])
        found: list[tuple[StoredDecision, RawMessage | None]] = []
        left = _OCTETS
        for one in page:
            raw = self._message(connection, one, left) if reads_text(one.facts) else None
            left -= len(raw.raw) if raw else 0
            found.append((one, raw))
        return found

    def _message(self, connection: Connection, one: StoredDecision, left: int) -> RawMessage | None:
        if left <= 0:
            return None
        row = decisions.messages(connection, [one.inbox_id]).get(one.inbox_id)
        try:
            return message_of(row, self._desk.secret) if row is not None else None
        except SealBroken:
            return None


def counted(rules: Iterable[Rule], days: Iterable[Day]) -> list[RuleRow]:
    """The rules of the set in their order, then others that held by name."""
    found = {rule.name: RuleRow(rule.name, rule.title, True, rule.shadow) for rule in rules}
    set_of_now = len(found)

    def of(name: str, on: date) -> RuleRow:
        row = found.setdefault(name, RuleRow(name, "", False, False))
        row.last = max(row.last or on, on)
        return row

    for day in days:
        for (_, name), count in day.hits.items():
            of(name, day.on).hits += count
        for (outcome, name), count in day.watched.items():
            of(name, day.on).watched[outcome] += count
    rows = list(found.values())
    return rows[:set_of_now] + sorted(rows[set_of_now:], key=lambda row: row.rule)


def _roles(request: web.Request) -> frozenset[Role]:
    return request[OPERATOR].roles


def _one_of(form: PostedForm, name: str, words: Sequence[str]) -> str:
    said = forms.text(form, name, 100)
    return said if said in words else ""


def _file(form: PostedForm, name: str, most: int) -> bytes:
    """The octets of a file; empty: none. Raises HTTPRequestEntityTooLarge."""
    field = form.get(name)
    if not isinstance(field, web.FileField):
        return b""
    data = field.file.read(most + 1)
    if len(data) > most:
        raise web.HTTPRequestEntityTooLarge(most, len(data))
    return data


def _account(form: PostedForm) -> dict[str, Any] | None:
    """The account that is to be there; None: none is."""
    login, given, surname, year = (forms.text(form, name, 320) for name in ("login", "given", "surname", "year"))
    if not (login and given and surname and year.isascii() and year.isdigit() and len(year) == 4):
        return None
    return {"login": login, "given": given, "surname": surname, "year": int(year)}


SCREEN = Screen("rules", "/rules", ROLES, lambda desk: _Rules(desk).routes())
