"""The HTML of the console: templates/*.html filled in with the words of the reader's language."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib import resources

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from mailbot.clocks import WARSAW
from mailbot.console import words
from mailbot.desk.sight import masked, person, shown
from mailbot.model import Operator, Role

OPERATOR = web.RequestKey("operator", Operator)
"""Who asks, once logged in."""
CSRF = web.RequestKey("csrf", str)
"""What every form of this page must bring back."""

_TYPES = {".css": "text/css", ".js": "text/javascript"}
FILES = ("vendor/pico.min.css", "vendor/htmx.min.js", "desk.css", "desk.js")


class ConsolePages:
    """Renders pages, and serves the files they use."""

    def __init__(self, navigation: Sequence[tuple[str, str, frozenset[Role]]] = ()) -> None:
        self.navigation = tuple(navigation)
        """Word, path and roles of each entry, in order."""
        folder = resources.files("mailbot.console") / "static"
        self._files = {name: (folder / name).read_bytes() for name in FILES}
        self._places = {
            name: f"/static/{name}?v={hashlib.sha256(octets).hexdigest()[:16]}" for name, octets in self._files.items()
        }
        self._environment = Environment(
            loader=PackageLoader("mailbot.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = self._places.__getitem__

    def page(self, request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
        """``templates/<template>`` for whoever asks. In it: w(key, …) says a word, code(group, value) one of a code,
        rule(name, title) what a rule is about; moment(at), second(at) and when(ISO 8601) say a time, distance(at, now)
        how far it is; mask(text) and person(name) hide what this reader must not see; reads: more than masked text;
        opens_raw: octets; operator, csrf, here and navigation."""
        language = reader(request)
        operator = request.get(OPERATOR)
        shared: Mapping[str, object] = {
            "language": language,
            "w": partial(words.say, language),
            "code": partial(words.code, language),
            "rule": partial(words.rule, language),
            "moment": moment,
            "second": second,
            "when": lambda said: moment(datetime.fromisoformat(said)),
            "distance": partial(distance, language),
            "mask": partial(shown, masked(operator)),
            "person": partial(person, masked(operator)),
            "operator": operator,
            "reads": not masked(operator),
            "opens_raw": operator is not None and Role.SUPERVISOR in operator.roles,
            "csrf": request.get(CSRF, ""),
            "here": request.path,
            "navigation": [
                (word, path) for word, path, roles in self.navigation if operator and roles & operator.roles
            ],
        }
        html = self._environment.get_template(template).render(**shared, **values)
        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")

    def notice(self, status: int, request: web.Request) -> web.Response:
        """What went wrong, in two sentences."""
        known = f"notice.{status}" in words.WORDS
        return self.page(request, "notice.html", status, told=status if known else 500 if status >= 500 else 400)

    async def file(self, request: web.Request) -> web.Response:
        """GET /static/…: only what is listed; its address changes with its content."""
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        return web.Response(
            body=self._files[name],
            content_type=_TYPES[name[name.rindex(".") :]],
            charset="utf-8",
            headers={hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"},
        )


def reader(request: web.Request) -> str:
    """The language: that of the person, else what the browser asks for first, of Polish and English."""
    operator = request.get(OPERATOR)
    if operator is not None:
        return operator.language if operator.language in words.LANGUAGES else words.LANGUAGES[0]
    accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "").split(",")
    codes = [part.partition(";")[0].strip().lower()[:2] for part in accepted]
    return next((code for code in codes if code in words.LANGUAGES), words.LANGUAGES[0])


def moment(at: datetime | None) -> str:
    """Local time of the office: "2026-11-30 14:05"; empty for none."""
    return "" if at is None else f"{at.astimezone(WARSAW):%Y-%m-%d %H:%M}"


def second(at: datetime) -> str:
    """The same of today, to the second: "14:05:30"."""
    return f"{at.astimezone(WARSAW):%H:%M:%S}"


def distance(language: str, at: datetime, now: datetime) -> str:
    """How long ago or ahead, in the largest unit that fits: "2 godz. temu"."""
    minutes = round((at - now).total_seconds() / 60)
    n = abs(minutes)
    unit, n = ("minutes", n) if n < 120 else ("hours", n // 60) if n < 48 * 60 else ("days", n // 1440)
    return words.say(language, "ahead" if minutes > 0 else "ago", span=words.say(language, unit, n=n))
