"""Numbers, dates, hours and sourced values of a rule file, beside the words and texts that ``Document`` reads."""

from __future__ import annotations

import re
from datetime import date, time

from yaml.nodes import MappingNode, Node

from mailbot.ruleset.document import YamlDocument

FIRST_YEAR, LAST_YEAR = 2000, 2099

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOUR = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def number(document: YamlDocument, node: Node | None, key: str, least: int, most: int) -> int | None:
    """A whole number from ``least`` to ``most``, in decimal digits without a leading zero."""
    text = document.string(node, key)
    if node is None or text is None:
        return None
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", text) or not least <= int(text) <= most:
        document.wrong(node, key, f'"{text}" is not a whole number from {least} to {most}', "write one in digits")
        return None
    return int(text)


def day(document: YamlDocument, node: Node | None, key: str) -> date | None:
    """A date of this century, "2016-02-24"."""
    text = document.string(node, key)
    if node is None or text is None:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        document.wrong(node, key, f'"{text}" is no date', "write it as 2016-02-24, year first")
        return None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        document.wrong(node, key, f"the year {found.year} cannot be meant", f"{FIRST_YEAR} to {LAST_YEAR}")
        return None
    return found


def hour(document: YamlDocument, node: Node | None, key: str) -> time | None:
    """An hour of the clock, "07:30"."""
    text = document.string(node, key)
    if node is None or text is None:
        return None
    parts = _HOUR.fullmatch(text)
    if parts is None or int(parts[1]) > 23 or int(parts[2]) > 59:
        document.wrong(node, key, f'"{text}" is no hour from 0:00 to 23:59', 'write it as "07:30"')
        return None
    return time(int(parts[1]), int(parts[2]))


def sourced(document: YamlDocument, node: Node | None, key: str) -> Node | None:
    """The node of ``value`` in an entry that also says where the value was taken from."""
    if node is None:
        return None
    if not isinstance(node, MappingNode):
        document.wrong(node, key, "does not say where it is from", f'write "{key}: {{value: …, source: …}}"')
        return None
    entries = document.entries(node, key, ("value", "source"))
    named = document.string(entries.get("source"), f"{key}.source")
    return entries.get("value") if named else None
