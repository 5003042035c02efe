"""rules/notices.yaml: breaks of a service that citizens are told of (seed 001, KOMUNIKATY)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.ruleset import titles, values
from mailbot.ruleset.calendar import WARSAW
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import PUBLISHED, Notice, Window

DRAFT, WITHDRAWN = "draft", "withdrawn"
STATES = (DRAFT, PUBLISHED, WITHDRAWN)

KEYS = ("name", "state", "published", "system", "title", "windows", "source")
_NAME = re.compile(r"[a-z0-9-]{1,20}")
_LONGEST = timedelta(days=31)


def read(document: YamlDocument) -> tuple[Notice, ...]:
    """The notices in the order of the file; those with a mistake are left out (and noted in the document)."""
    found: list[Notice] = []
    names: set[str] = set()
    for item in document.items(document.root, "") if document.root is not None else []:
        entries = document.entries(item, "", KEYS)
        name = _name(document, entries.get("name"), names)
        key = name or "notice"
        state = document.word(entries.get("state"), f"{key}.state", STATES, "a state of a notice")
        published = values.day(document, entries.get("published"), f"{key}.published")
        system = document.string(entries.get("system"), f"{key}.system")
        title = document.string(entries.get("title"), f"{key}.title")
        source = document.string(entries.get("source"), f"{key}.source")
        windows = _windows(document, entries["windows"], f"{key}.windows") if "windows" in entries else None
        if title is not None and published is not None and windows:
            _compare(document, key, entries["title"], published, windows)
        if None in (name, state, published, system, title, source) or not windows:
            continue
        assert name and state and published and system and title and source  # noqa: PT018 (no test)
        found.append(Notice(name, state, published, system, title, tuple(w for _, w in windows), source))
    return tuple(found)


def with_state(document: YamlDocument, name: str, state: str) -> str | None:
    """The text of the file with ``state`` for the notice ``name``, all else to the letter; None: no such notice.

    A word in quotes loses them. Raises ValueError when the word cannot be found where the parser says it stands.
    """
    node = next((entry["state"] for entry in _plainly(document) if _says(entry, name)), None)
    if node is None or document.text is None:
        return None
    start, end = node.start_mark.index, node.end_mark.index
    shift = int(document.text.startswith("\ufeff") and document.text[start:end].strip("'\"") != node.value)
    if document.text[start + shift : end + shift].strip("'\"") != node.value:
        raise ValueError(f"{document.file}: state of {name} is not at {start}")
    return document.text[: start + shift] + state + document.text[end + shift :]


def _plainly(document: YamlDocument) -> Iterator[dict[str, Node]]:
    """The entries of every notice, right or wrong: a file with a mistake must be changeable too."""
    for item in document.root.value if isinstance(document.root, SequenceNode) else ():
        if isinstance(item, MappingNode):
            yield {key.value: value for key, value in item.value if isinstance(key, ScalarNode)}


def _says(entry: dict[str, Node], name: str) -> bool:
    return "name" in entry and entry["name"].value == name and isinstance(entry.get("state"), ScalarNode)


def _name(document: YamlDocument, node: Node | None, taken: set[str]) -> str | None:
    name = document.string(node, "name")
    if node is None or name is None:
        return None
    if not _NAME.fullmatch(name):
        document.wrong(node, "name", f'"{name}" cannot be a name', 'write small letters, digits and "-", up to 20')
        return None
    if name in taken:
        document.wrong(node, "name", f'"{name}" stands twice', "keep one")
    taken.add(name)
    return name


def _windows(document: YamlDocument, node: Node, key: str) -> list[tuple[Node, Window]]:
    """Each right window with its node. Overlaps are warned of: the clocks count them once."""
    items = document.items(node, key)
    if not items and node.value == []:
        document.wrong(node, key, "names no window", 'write "- {day: 2016-02-24, from: 7:30, to: 9:30}"')
    found: list[tuple[Node, Window]] = []
    for item in items:
        window = _window(document, item, key)
        if window is None:
            continue
        if any(window.start < other.end and other.start < window.end for _, other in found):
            document.warn(item, key, "overlaps an earlier window", "make one of the two", "windows-overlap")
        found.append((item, window))
    return found


def _window(document: YamlDocument, node: Node, key: str) -> Window | None:
    """Half-open, in Warsaw. An hour that the clocks show twice counts from the first time, and until the second."""
    entries = document.entries(node, key, ("day", "from", "to"), ("until_day",))
    day = values.day(document, entries.get("day"), f"{key}.day")
    begin = values.hour(document, entries.get("from"), f"{key}.from")
    close = values.hour(document, entries.get("to"), f"{key}.to")
    last = values.day(document, entries["until_day"], f"{key}.until_day") if "until_day" in entries else day
    if day is None or begin is None or close is None or last is None:
        return None
    start = _moment(document, entries["from"], f"{key}.from", datetime.combine(day, begin))
    end = _moment(document, entries["to"], f"{key}.to", datetime.combine(last, close.replace(fold=1)))
    if start is None or end is None:
        return None
    if end <= start:
        mend = 'correct it; when it ends on another day, write "until_day:"'
        document.wrong(entries["to"], f"{key}.to", "the window ends before it begins", mend)
        return None
    if end - start > _LONGEST:
        document.wrong(node, key, f"the window is longer than {_LONGEST.days} days", "correct the days")
        return None
    return Window(start, end)


def _moment(document: YamlDocument, node: Node, key: str, wall: datetime) -> datetime | None:
    """The moment in UTC when the clocks in Warsaw show ``wall``, of two the one that its ``fold`` says."""
    moment = wall.replace(tzinfo=WARSAW).astimezone(UTC)
    shown = moment.astimezone(WARSAW)
    if shown.replace(tzinfo=None) != wall.replace(fold=0):
        what = f"the clocks are put forward over {wall:%H:%M} on {wall:%Y-%m-%d}"
        document.wrong(node, key, what, 'write an hour before "02:00" or from "03:00" on')
        return None
    return moment


def _compare(
    document: YamlDocument, key: str, title: Node, published: date, windows: list[tuple[Node, Window]]
) -> None:
    """Warn when title and windows do not name the same days and hours."""
    pairs = [(_wall(w.start), _wall(w.end)) for _, w in windows]
    missing, idle = titles.compare(title.value, published, pairs)
    for place in missing:
        what = f"{titles.words(pairs[place])} is not in the title"
        document.warn(windows[place][0], f"{key}.windows", what, "name it in the title too", "title-and-windows")
    for words in idle:
        what = f"{words} is no window of this notice"
        document.warn(title, f"{key}.title", what, "add the window, or correct the title", "title-and-windows")


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(WARSAW).replace(tzinfo=None)
