"""What a process serves over HTTP: the citizens' pages, the desk, the REST API, the health port.

Each is imported when it is opened: a process that only takes and sends mail has neither their code nor aiohttp.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import TYPE_CHECKING

from mailbot.errors import TemporaryError
from mailbot.flow.pipeline import Pipeline
from mailbot.ingress.smtp import listen_address
from mailbot.service import compose
from mailbot.service.compose import Parts
from mailbot.tickets.notice import NoticeWriter

if TYPE_CHECKING:
    from aiohttp import web

    from mailbot.http.listener import Listener


class OpenPorts:
    """The open ports. ``ailing``: see MailbotService."""

    def __init__(self, parts: Parts, ailing: Callable[[], Awaitable[list[str]]]) -> None:
        self._parts, self._ailing = parts, ailing
        self._listeners: list[Listener] = []
        self._takers: list[Callable[[Pipeline], None]] = []
        self.addresses: dict[str, tuple[str, int]] = {}
        """What listens where."""

    async def open(self, roles: Collection[str], citizens: int) -> None:
        """``citizens``: how many connections the citizens' pages may have at once. Raises TemporaryError."""
        chosen = self._parts.settings
        if "web" in roles and chosen.web.listen:
            await self._open("web", chosen.web.listen, self._web(citizens))
        if "console" in roles and chosen.console.listen:
            await self._open("console", chosen.console.listen, self._console())
        if "console" in roles and chosen.api.listen:
            await self._open("api", chosen.api.listen, self._api())
        if chosen.health.listen:
            await self._open("health", chosen.health.listen, self._health())

    def use(self, pipeline: Pipeline) -> None:
        """From now on the rule set of ``pipeline`` tells what the pages say."""
        for take in self._takers:
            take(pipeline)

    async def close(self) -> None:
        """Finish the requests at hand."""
        for listener in self._listeners:
            await listener.close()

    async def _open(self, name: str, where: str, app: web.Application) -> None:
        from mailbot.http.listener import listen

        with listening(name, where):
            listener = await listen(app, *listen_address(where))
        self._listeners.append(listener)
        self.addresses[name] = listener.address

    def _web(self, connections: int) -> web.Application:
        from mailbot.http.listener import DOORS
        from mailbot.web.app import build, use_rules

        p = self._parts
        written = notices(p, p.pipeline)
        app = build(p.settings, p.database, p.directory, p.secret, written, p.clock, self._ailing, compose.changes(p))
        use_rules(app, p.pipeline.ruleset, written)
        app[DOORS].limit = connections
        self._takers.append(lambda pipeline: use_rules(app, pipeline.ruleset, notices(p, pipeline)))
        return app

    def _console(self) -> web.Application:
        from mailbot.console import acting, login, pages
        from mailbot.console.shell import ConsoleContext

        p = self._parts
        desk = ConsoleContext(p.settings, p.database, p.directory, p.secret, p.clock, pages.ConsolePages(), p.pipeline)
        self._takers.append(lambda pipeline: setattr(desk, "pipeline", pipeline))
        return login.build(desk, acting.late(desk))

    def _api(self) -> web.Application:
        from mailbot.api.app import build
        from mailbot.api.context import ApiContext

        p = self._parts
        context = ApiContext(p.settings, p.database, p.clock, p.pipeline)
        self._takers.append(lambda pipeline: setattr(context, "pipeline", pipeline))
        return build(context)

    def _health(self) -> web.Application:
        from mailbot.web.app import build_health

        return build_health(self._parts.settings, self._parts.database, self._parts.clock, self._ailing)


def notices(parts: Parts, pipeline: Pipeline) -> NoticeWriter:
    """What writes the mails that a page, or the registry, brings about."""
    helpdesk = parts.settings.helpdesk
    return NoticeWriter(pipeline.writer, parts.secret, helpdesk.address, helpdesk.verp_separator)


@contextlib.contextmanager
def listening(section: str, listen: str) -> Iterator[None]:
    """Names the setting when a port cannot be had; a process that is just ending may still have it."""
    try:
        yield
    except OSError as error:
        raise TemporaryError(
            f"[{section}] listen: {listen}: {error.strerror}; mend: stop the program that has it, or name another"
        ) from error
