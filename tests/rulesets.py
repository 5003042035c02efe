"""The shipped rule set with services, calendar and notices of a test's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

from mailbot.clocks import WARSAW
from mailbot.ruleset.model import DEFAULT_SERVICE, PUBLISHED, Calendar, Notice, Ruleset, Service, Window
from tests.once import shipped


def warsaw(text: str) -> datetime:
    """Wall time in Warsaw, "2026-03-28 12:00", as the moment that it is."""
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW).astimezone(UTC)


def notice(*windows: tuple[str, str], state: str = PUBLISHED) -> Notice:
    """A notice with these windows, in wall time."""
    spans = tuple(Window(warsaw(start), warsaw(end)) for start, end in windows)
    return Notice("przerwa", state, date(2026, 1, 2), "HELP DESK SISC", "przerwa", spans, "test")


def service(name: str, kind: str, days: int, *categories: str) -> Service:
    """A service with four hours for what needs no specialist."""
    return Service(name, (name,), categories, kind, "procedura_specjalna", 4, days, "", "", ("test",))


CALENDAR = Calendar(time(7, 30), time(15, 30), frozenset(), 3, True, reply_days=7, warn_hours=2)
SERVICES = (
    service(DEFAULT_SERVICE, "zgloszenie", 10, "OGOLNE"),
    service("procedura", "wniosek", 10, "HASLO_AWARYJNE_A", "HASLO_AWARYJNE_B", "TEMAT_NIEPOPRAWNY"),
    service("usuniecie", "zgloszenie", 20, "USUNIECIE_KONTA"),
    service("email", "wniosek", 10, "ZMIANA_EMAILA"),
)


def ruleset(*notices: Notice) -> Ruleset:
    """These services, this calendar, and the notices."""
    return replace(shipped(), services={s.name: s for s in SERVICES}, calendar=CALENDAR, notices=notices)
