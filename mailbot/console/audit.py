"""Screen 6: the chain of what was done: search, verify, export. Codes, numbers and names of operators only."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from aiohttp import hdrs, web

from mailbot.audit import chain, search, verify
from mailbot.audit.search import AuditQuery
from mailbot.console import forms
from mailbot.console.pages import CSRF, OPERATOR
from mailbot.console.shell import ConsoleContext, Screen
from mailbot.desk.search import day
from mailbot.model import Role
from mailbot.tickets import number

ROLES = frozenset({Role.AUDITOR})

_PORTION = 2_000
"""Rows that one look verifies: a fraction of a second."""
_FILE = 20_000
"""Rows of one exported file."""
_BATCH = 1_000
_HIGHEST = 2**62


class _Audit:
    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/audit", self.search),
            web.get("/audit/verify", self.verify),
            web.get("/audit/verify/portion", self.portion),
            web.post("/audit/export", self.export),
        ]

    async def search(self, request: web.Request) -> web.Response:
        """The newest rows, or those that are looked for."""
        wanted = read(request.query.get)
        rows, head, waiting = await self._desk.database.read(
            lambda c: (search.page(c, wanted), verify.head(c), verify.waiting(c))
        )
        last = rows[search.PAGE - 1]["seq"] if len(rows) > search.PAGE else None
        strange = bool(request.query.get("on")) and wanted.on is None
        said = {name: request.query.get(name, "")[:200] for name in ("object", "actor")}
        said["on"] = wanted.on.isoformat() if wanted.on else ""
        return self._desk.pages.page(
            request,
            "audit.html",
            rows=rows[: search.PAGE],
            head=head,
            waiting=waiting,
            said=said,
            strange=strange,
            following=urlencode({**said, "before": last}) if last else "",
            first=wanted.before is None,
            file=_FILE,
        )

    async def verify(self, request: web.Request) -> web.Response:
        """One portion, and the way to the next; where scripts run they follow each other by themselves."""
        return await self._portion(request, "audit_verify.html")

    async def portion(self, request: web.Request) -> web.Response:
        """The same without the page around it."""
        return await self._portion(request, "audit_portion.html")

    async def _portion(self, request: web.Request, template: str) -> web.Response:
        after, wrong = count(request.query.get, "after"), count(request.query.get, "wrong")
        if not hmac.compare_digest(request.query.get("mac", "").encode(), self._mac(request, after, wrong).encode()):
            after = wrong = 0
        found = await self._desk.database.read(lambda c: verify.portion(c, after, _PORTION))
        wrong += len(found.findings)
        following = urlencode({"after": found.last, "wrong": wrong, "mac": self._mac(request, found.last, wrong)})
        return self._desk.pages.page(
            request,
            template,
            after=after,
            found=found,
            wrong=wrong,
            shown=found.findings[:100],
            following="" if found.done else following,
        )

    def _mac(self, request: web.Request, after: int, wrong: int) -> str:
        """That the portions up to ``after`` were verified in this session: who is sent the address of the last one must
        not be told that all is right."""
        return self._desk.secret.mac("audit-verified", f"{request[CSRF]} {after} {wrong}").hex()

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Rows behind one, a JSON object a line, as ``mailbot audit export`` writes them. That somebody took them away
        is itself a row."""
        form = await request.post()
        after = count(lambda name: forms.text(form, name, 20), "after")
        actor, now = chain.operator(request[OPERATOR].name), self._desk.clock()
        await self._desk.database.write(
            lambda c: chain.note(c, now, actor, "audit-exported", "audit", {"after": after}, after=after)
        )
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: "application/x-ndjson; charset=utf-8",
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="audit-{after + 1}.ndjson"',
            }
        )
        await response.prepare(request)
        for _ in range(_FILE // _BATCH):
            rows = await self._desk.database.read(partial(search.rows, after=after, limit=_BATCH))
            if not rows:
                break
            lines = "".join(f"{chain.canonical(dict(row))}\n" for row in rows)
            await response.write(lines.encode("utf-8", "surrogatepass"))
            after = rows[-1]["seq"]
        await response.write_eof()
        return response


def read(of: Callable[[str], str | None]) -> AuditQuery:
    """What the form asks for. An object may be the number of a ticket in any spelling."""
    said = (of("object") or "").strip()[:120]
    before = count(of, "before")
    return AuditQuery(
        object=number.read(said) or said if said else "",
        actor=_actor((of("actor") or "").strip()[:120]),
        on=day(of("on") or ""),
        before=before or None,
    )


def count(of: Callable[[str], str | None], name: str) -> int:
    """A number of a row; 0 when it is none."""
    said = of(name) or ""
    return min(int(said), _HIGHEST) if said.isascii() and said.isdigit() and len(said) < 20 else 0


def _actor(said: str) -> str:
    """The bare name of an operator is enough."""
    return chain.operator(said) if said and ":" not in said and said != chain.MACHINE else said


SCREEN = Screen("audit", "/audit", ROLES, lambda desk: _Audit(desk).routes())
