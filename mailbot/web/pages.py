"""The HTML of the citizen's pages: templates/*.html filled in. Works without JavaScript; plain Polish.

The templates hold the Polish sentences, each as _("…"); a language of the rule set (rules/languages) says them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, nodes

from mailbot.accounts import passwords
from mailbot.accounts.passwords import PasswordProblem
from mailbot.mails import wording
from mailbot.ruleset.findings import Finding, Level
from mailbot.ruleset.languages import POLISH
from mailbot.ruleset.model import Contacts, Language, Ruleset
from mailbot.ruleset.texts import MAIN_PHONE

if TYPE_CHECKING:
    from aiohttp import web

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

STALE = PasswordProblem("Wpisz hasło jeszcze raz. Jeśli to nie pomaga, zezwól na pliki cookie z tej strony.")
_TEMPLATES = ("base.html", "done.html", "form.html", "gone.html", "notice.html")


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("mailbot.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def sentences() -> tuple[str, ...]:
    """Every sentence of the pages in Polish."""
    said = [
        STALE.sentence,
        *passwords.RULES,
        *passwords.PROBLEMS,
        *(text for pair in _NOTICES.values() for text in pair),
    ]
    for name in _TEMPLATES:
        tree = _environment().parse((resources.files("mailbot.web") / "templates" / name).read_text(encoding="utf-8"))
        calls = (
            call for call in tree.find_all(nodes.Call) if isinstance(call.node, nodes.Name) and call.node.name == "_"
        )
        said += [call.args[0].value for call in calls if isinstance(call.args[0], nodes.Const)]
    return tuple(dict.fromkeys(said))


def missing(language: Language) -> list[str]:
    """The sentences that ``language`` does not say: until there are none, its pages stay Polish."""
    return [sentence for sentence in sentences() if sentence not in language.pages]


def findings(ruleset: Ruleset) -> Iterator[Finding]:
    """A warning for every sentence that a language of the rule set does not say."""
    for language in ruleset.languages.values():
        file = str(ruleset.directory / "languages" / f"{language.code}.yaml")
        for sentence in missing(language):
            what = f'pages: "{sentence}" is missing, so the pages stay Polish'
            yield Finding(
                file, 1, 0, what, "write it, and below it the same in this language", Level.WARNING, "missing-key"
            )


def mask(login: str) -> str:
    """A login that its owner recognises and a stranger does not learn: "j***@wp.example"."""
    local, _, domain = login.rpartition("@")
    return f"{local[:1]}***@{domain}"


class Pages:
    """Renders the pages."""

    def __init__(self, phone: str, portal: str, public_url: str) -> None:
        self._environment = _environment()
        style = urlsplit(public_url).path.rstrip("/") + STATIC
        self._environment.globals["style"] = style
        self._contacts = {"phone": phone, "portal": portal}
        self._languages: Mapping[str, Language] = {}
        self.style = (resources.files("mailbot.web") / "static" / "style.css").read_text(encoding="utf-8")

    def use_rules(self, contacts: Contacts, languages: Mapping[str, Language]) -> None:
        """Name these contacts on every page from now on, and speak these languages."""
        self._contacts = {"phone": contacts.phones[MAIN_PHONE], "portal": contacts.portal}
        self._languages = {code: language for code, language in languages.items() if not missing(language)}

    def language(self, accepted: str) -> str:
        """The language of a page that belongs to no letter, by Accept-Language (RFC 9110 §12.5.4): Polish where the
        reader takes it at all."""
        codes = [part.partition(";")[0].strip().lower()[:2] for part in accepted.split(",")]
        return POLISH.code if POLISH.code in codes else next((c for c in codes if c in self._languages), POLISH.code)

    def form(
        self,
        *,
        login: str,
        changes_login: bool,
        expires_at: datetime,
        csrf: str,
        language: str = POLISH.code,
        problems: Sequence[PasswordProblem] = (),
        status: int = 200,
    ) -> web.Response:
        """The form, with the broken rules when it comes back. ``login`` is shown masked."""
        spoken = self._languages.get(language, POLISH)
        return self._page(
            "form.html",
            status,
            language,
            login=mask(login),
            changes_login=changes_login,
            until=wording.moment(expires_at, spoken),
            csrf=csrf,
            rules=passwords.RULES,
            password_problems=[_said(p, spoken) for p in problems if not p.repeat],
            repeat_problems=[_said(p, spoken) for p in problems if p.repeat],
        )

    def done(self, language: str = POLISH.code) -> web.Response:
        """The password is set: what to do next."""
        return self._page("done.html", 200, language)

    def gone(self, language: str = POLISH.code) -> web.Response:
        """The one answer to wrong, malformed, used and expired links."""
        return self._page("gone.html", 404, language)

    def notice(self, status: int, language: str = POLISH.code) -> web.Response:
        """A failure, or at 200 the entrance, in two sentences."""
        title, advice = _NOTICES.get(status) or _NOTICES[500 if status >= 500 else 400]
        return self._page("notice.html", status, language, title=title, advice=advice)

    def _page(self, template: str, status: int, language: str, **values: object) -> web.Response:
        spoken = self._languages.get(language, POLISH)
        values |= {"_": lambda sentence: spoken.pages.get(sentence, sentence), "language": spoken.code}
        html = self._environment.get_template(template).render(**self._contacts, **values)
        from aiohttp import web  # `mailbot rules check` renders nothing

        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def _said(problem: PasswordProblem, language: Language) -> str:
    return replace(problem, sentence=language.pages.get(problem.sentence, problem.sentence)).text
