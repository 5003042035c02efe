"""What a person opens of a letter, each time by a button of its own: it is written down before it is shown."""

from __future__ import annotations

import base64
import re
import unicodedata
from urllib.parse import quote

from aiohttp import hdrs, web
from sqlalchemy import Connection, select
from sqlalchemy.exc import NoResultFound

from mailbot.console import ticket
from mailbot.console.shell import WRITERS, ConsoleContext, require
from mailbot.desk import letter
from mailbot.desk.plan import Refusal
from mailbot.desk.view import LOOKED, RAW, SHOWN, TicketView
from mailbot.model import Attachment, InboundMessage, Operator, Role
from mailbot.storage.schema import ticket_event
from mailbot.tickets import view

_LETTER = ticket.PATH + "/letters/{letter:[0-9]{1,12}}"
_PICTURE = re.compile(r"page-[0-9]{1,2}\.png")
_SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""For octets of a stranger, should a browser show them all the same."""
_SUPERVISORS = frozenset({Role.SUPERVISOR})


class Letters:
    """Handlers of /tickets/ZGL…/letters/…"""

    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """A picture is for whoever decides, the octets for supervisors (procedure §1, P17)."""
        return [
            web.get(_LETTER, self.show),
            web.post(_LETTER + "/application", require(WRITERS, self.open_application)),
            web.get(_LETTER + "/application", require(WRITERS, self.application)),
            web.get(_LETTER + "/application/{picture}", require(WRITERS, self.picture)),
            web.post(_LETTER + "/files/{file:[0-9]{1,4}}", require(_SUPERVISORS, self.file)),
            web.post(_LETTER + "/files/{file:[0-9]{1,4}}/pages", require(WRITERS, self.pages)),
            web.post(_LETTER + "/raw", require(_SUPERVISORS, self.raw)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """A letter that is too large to be read while the page is made."""
        zgl, operator = ticket.asked(request)
        wanted = int(request.match_info["letter"])

        def read(connection: Connection) -> tuple[TicketView, letter.Shown]:
            found = self._case(connection, zgl, operator, wanted)
            (one,) = letter.shown(connection, self._desk.secret, [wanted], most=2**31)
            return found, one

        found, one = await self._desk.database.read(read)
        return self._desk.pages.page(request, "letter_page.html", case=found, one=one)

    async def open_application(self, request: web.Request) -> web.Response:
        """Write down that the person looks at the application, then lead to it."""
        zgl, operator = ticket.asked(request)
        await self._look(zgl, operator, LOOKED, int(request.match_info["letter"]))
        return web.Response(status=303, headers={hdrs.LOCATION: request.path})

    async def application(self, request: web.Request) -> web.Response:
        """The pictures of the application, and its text as it was read."""
        zgl, operator = ticket.asked(request)
        wanted = int(request.match_info["letter"])

        def read(connection: Connection) -> tuple[TicketView, dict[str, bytes]]:
            found = self._opened(connection, zgl, operator, wanted)
            return found, view.files(connection, self._desk.secret, wanted)

        found, files = await self._desk.database.read(read)
        texts = {name: files[name].decode() for name in ("text.txt", "seen.txt") if name in files}
        pictures = sorted(name for name in files if _PICTURE.fullmatch(name))
        place = request.path
        return self._desk.pages.page(
            request, "application.html", case=found, pictures=pictures, texts=texts, place=place
        )

    async def picture(self, request: web.Request) -> web.Response:
        """One page of it, drawn in the locked process when the letter came."""
        zgl, operator = ticket.asked(request)
        wanted, name = int(request.match_info["letter"]), request.match_info["picture"]

        def read(connection: Connection) -> dict[str, bytes]:
            self._opened(connection, zgl, operator, wanted)
            return view.files(connection, self._desk.secret, wanted)

        files = await self._desk.database.read(read)
        if not _PICTURE.fullmatch(name) or name not in files:
            raise web.HTTPNotFound
        return web.Response(body=files[name], content_type="image/png")

    async def file(self, request: web.Request) -> web.Response:
        """The octets of an enclosed file."""
        found = await self._enclosed(request, RAW)
        return _download(found.data, found.filename or "plik")

    async def pages(self, request: web.Request) -> web.Response:
        """The first pages of an enclosed PDF, drawn now in the locked process."""
        found = await self._enclosed(request, SHOWN)
        if not letter.is_pdf(found.data):
            raise web.HTTPNotFound
        read = await self._desk.readers.read(found.data)
        pictures = [base64.b64encode(one).decode() for one in read.pictures] if read else []
        zgl, _ = ticket.asked(request)
        return self._desk.pages.page(request, "file_pages.html", zgl=zgl, name=found.filename, pictures=pictures)

    async def _enclosed(self, request: web.Request, what: str) -> Attachment:
        """An enclosed file, after it is written down that it was opened."""
        place = int(request.match_info["file"])
        _, message = await self._octets(request, what)
        if place >= len(message.attachments):
            raise web.HTTPNotFound
        return message.attachments[place]

    async def raw(self, request: web.Request) -> web.Response:
        """The octets of the whole letter."""
        raw, _ = await self._octets(request, RAW)
        zgl, _ = ticket.asked(request)
        return _download(raw, f"{zgl}-{request.match_info['letter']}.eml")

    async def _octets(self, request: web.Request, what: str) -> tuple[bytes, InboundMessage]:
        zgl, operator = ticket.asked(request)
        wanted = int(request.match_info["letter"])
        await self._look(zgl, operator, what, wanted, infected=request.query.get("infected") == "yes")
        try:
            return await self._desk.database.read(lambda c: letter.message(c, self._desk.secret, wanted))
        except NoResultFound as error:  # it was erased
            raise web.HTTPNotFound from error

    async def _look(self, zgl: str, operator: Operator, what: str, wanted: int, *, infected: bool = True) -> None:
        def write(connection: Connection) -> None:
            self._case(connection, zgl, operator, wanted)
            refused = ticket.of(self._desk).look(connection, zgl, operator, what, wanted, self._desk.clock())
            if isinstance(refused, Refusal):
                raise web.HTTPNotFound
            if not infected and letter.withheld(connection, wanted):  # and nobody has looked
                raise web.HTTPForbidden

        await self._desk.database.write(write)

    def _case(self, connection: Connection, zgl: str, operator: Operator, wanted: int) -> TicketView:
        """The ticket, when the letter is one of it. Raises HTTPNotFound."""
        found = ticket.seen(self._desk, connection, zgl, operator)
        if all(one.inbox_id != wanted for one in found.letters):
            raise web.HTTPNotFound
        return found

    def _opened(self, connection: Connection, zgl: str, operator: Operator, wanted: int) -> TicketView:
        """The same, when this person has opened the application: the button writes it down."""
        found = self._case(connection, zgl, operator, wanted)
        e = ticket_event.c
        which = (e.ticket_id == found.ticket_id, e.kind.in_([LOOKED, SHOWN]))
        details = connection.execute(select(e.detail).where(*which)).scalars()
        if not any(one.get("by") == operator.name and one.get("inbox") == wanted for one in details):
            raise web.HTTPNotFound
        return found


def _download(octets: bytes, name: str) -> web.Response:
    """Never shown by the browser, whatever it is, and under a name that ends no header and names no folder."""
    plain = unicodedata.normalize("NFKD", name.replace("\\", "/").rpartition("/")[2])
    ascii_ = re.sub(r"[^A-Za-z0-9._-]+", "_", plain.encode("ascii", "ignore").decode()).strip("._") or "plik"
    safe = "".join(c for c in plain if unicodedata.category(c)[0] != "C")[:150]
    disposition = f"attachment; filename=\"{ascii_[:100]}\"; filename*=UTF-8''{quote(safe, safe='')}"
    headers = {hdrs.CONTENT_DISPOSITION: disposition, "Content-Security-Policy": _SANDBOX}
    return web.Response(body=octets, content_type="application/octet-stream", headers=headers)
