"""Screen 1: what is to be done."""

from __future__ import annotations

from aiohttp import web

from mailbot.console.shell import READERS, Desk, Screen


class _Todo:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/todo", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        return self._desk.pages.page(request, "todo.html")


SCREEN = Screen("todo", "/todo", READERS, lambda desk: _Todo(desk).routes())
