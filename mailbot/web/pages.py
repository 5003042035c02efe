"""The HTML of the citizen's pages: templates/*.html filled in. Works without JavaScript; plain Polish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib import resources
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from mailbot.accounts import passwords
from mailbot.accounts.passwords import Problem
from mailbot.mails import wording

STATIC = "/static/style.css"
_NOTICES = {
    200: ("Ustawianie hasła awaryjnego", "Otwórz link z wiadomości, którą od nas masz. Skopiuj go w całości."),
    400: ("Nie udało się odczytać formularza", "Otwórz jeszcze raz link z wiadomości i wypełnij formularz od nowa."),
    404: ("Nie ma takiej strony", "Otwórz jeszcze raz link z wiadomości. Skopiuj go w całości."),
    405: ("Tej strony nie można tak otworzyć", "Otwórz jeszcze raz link z wiadomości."),
    413: ("Formularz jest za duży", "Otwórz jeszcze raz link z wiadomości. Wpisz krótsze hasło."),
    415: ("Nie udało się odczytać formularza", "Otwórz jeszcze raz link z wiadomości i wypełnij formularz od nowa."),
    429: ("Za dużo prób", "Poczekaj minutę i spróbuj jeszcze raz. Link nadal działa."),
    500: ("Coś poszło nie tak", "To nasz błąd. Spróbuj jeszcze raz za kilka minut."),
    503: ("Strona jest chwilowo niedostępna", "Spróbuj jeszcze raz za kilka minut."),
}
"""Status → heading and advice. A status that is not here gets the words of 400 or 500."""


def mask(login: str) -> str:
    """A login that its owner recognises and a stranger does not learn: "j***@wp.example"."""
    local, _, domain = login.rpartition("@")
    return f"{local[:1]}***@{domain}"


class Pages:
    """Renders the pages."""

    def __init__(self, phone: str, portal: str, public_url: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("mailbot.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        style = urlsplit(public_url).path.rstrip("/") + STATIC
        self._environment.globals["style"] = style
        self.use_contacts(phone, portal)
        self.style = (resources.files("mailbot.web") / "static" / "style.css").read_text(encoding="utf-8")

    def use_contacts(self, phone: str, portal: str) -> None:
        """Name these on every page from now on; they are those of rules/contacts.yaml."""
        self._contacts = {"phone": phone, "portal": portal}

    def form(
        self,
        *,
        login: str,
        changes_login: bool,
        expires_at: datetime,
        csrf: str,
        problems: Sequence[Problem] = (),
        status: int = 200,
    ) -> web.Response:
        """The form, with the broken rules when it comes back. ``login`` is shown masked."""
        return self._page(
            "form.html",
            status,
            login=mask(login),
            changes_login=changes_login,
            until=f"{wording.day(expires_at)}, godz. {wording.hour(expires_at)}",
            csrf=csrf,
            rules=passwords.RULES,
            max_length=passwords.MAX_LENGTH,
            password_problems=[p.text for p in problems if not p.repeat],
            repeat_problems=[p.text for p in problems if p.repeat],
        )

    def done(self) -> web.Response:
        """The password is set: what to do next."""
        return self._page("done.html", 200)

    def gone(self) -> web.Response:
        """The one answer to wrong, malformed, used and expired links."""
        return self._page("gone.html", 404)

    def notice(self, status: int) -> web.Response:
        """A failure, or at 200 the entrance, in two sentences."""
        title, advice = _NOTICES.get(status) or _NOTICES[500 if status >= 500 else 400]
        return self._page("notice.html", status, title=title, advice=advice)

    def _page(self, template: str, status: int, **values: object) -> web.Response:
        html = self._environment.get_template(template).render(**self._contacts, **values)
        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")
