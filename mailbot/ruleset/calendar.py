"""rules/calendar.yaml: when specialists work, and the clocks that are the same for every service."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from yaml.nodes import Node

from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import Calendar

WARSAW = ZoneInfo("Europe/Warsaw")
"""Every hour in a rule file, and every hour that a citizen reads, is one of Warsaw."""

KEYS = (
    "opens",
    "closes",
    "extra_days_off",
    "complaint_days",
    "complaint_moves",
    "reply_days",
    "warn_hours",
)
MOST_COMPLAINT_DAYS, MOST_REPLY_DAYS = 30, 60
MOST_WARN_HOURS = 23  # within the 24 hours of the promise (seed 001, P14)
_SATURDAY = 5


def read(document: YamlDocument) -> Calendar | None:
    """The calendar; None when there is a mistake (noted in the document)."""
    if document.root is None:
        return None
    entries = document.entries(document.root, "", KEYS)
    get = entries.get

    def from_seed(key: str) -> Node | None:
        return values.sourced(document, get(key), key)

    opens = values.hour(document, from_seed("opens"), "opens")
    closes = values.hour(document, from_seed("closes"), "closes")
    days_off = _days_off(document, get("extra_days_off"))
    complaint_days = values.number(document, from_seed("complaint_days"), "complaint_days", 1, MOST_COMPLAINT_DAYS)
    moves = document.word(from_seed("complaint_moves"), "complaint_moves", ("yes", "no"), "yes or no")
    reply_days = values.number(document, get("reply_days"), "reply_days", 1, MOST_REPLY_DAYS)
    warn_hours = values.number(document, get("warn_hours"), "warn_hours", 1, MOST_WARN_HOURS)
    if opens is not None and closes is not None and opens >= closes:
        document.wrong(entries["closes"], "closes", f"{closes:%H:%M} is not after {opens:%H:%M}", "correct one of them")
        return None
    if opens is None or closes is None or moves is None:
        return None
    if complaint_days is None or reply_days is None or warn_hours is None:
        return None
    return Calendar(opens, closes, days_off, complaint_days, moves == "yes", reply_days, warn_hours)


def _days_off(document: YamlDocument, node: Node | None) -> frozenset[date]:
    found: set[date] = set()
    for item in document.items(node, "extra_days_off") if node is not None else []:
        entries = document.entries(item, "extra_days_off", ("day", "reason"))
        document.string(entries.get("reason"), "extra_days_off.reason")
        day = values.day(document, entries.get("day"), "extra_days_off.day")
        if day is None:
            continue
        if day in found:
            document.wrong(entries["day"], "extra_days_off.day", f"{day} stands twice", "keep one")
        if day.weekday() >= _SATURDAY:
            what, mend = f"{day} falls on a weekend, so it is off anyway", "write the working day that is given for it"
            document.warn(entries["day"], "extra_days_off.day", what, mend, "no-effect")
        found.add(day)
    return frozenset(found)
