"""How machines title and begin what they write, in the languages of citizens and carriers: machine_words.toml.

Words alone are a doubt wherever a person might have written them; ``sure`` is said only of what programs write.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

from mailbot.model import REQUIRED_SUBJECT, Automatic
from mailbot.text.unicode import flat, visible

_KINDS = {
    "answer": Automatic.OUT_OF_OFFICE,
    "absence": Automatic.OUT_OF_OFFICE,
    "bounce": Automatic.REPORT,
    "report": Automatic.REPORT,
    "read": Automatic.REPORT,
    "challenge": Automatic.AUTO_SUBMITTED,
    "receipt": Automatic.AUTO_SUBMITTED,
    "calendar": Automatic.AUTO_SUBMITTED,
}
_CLOSED_ONLY = frozenset({"read", "calendar"})
"""What mail programs set before a colon, and customs do: goods are delivered, declarations accepted or declined."""
_TITLE_MAX, _TEXT_MAX = 300, 2_000
"""Characters that are looked at."""


def _flat(text: str) -> str:
    return " ".join(flat(visible(text)).replace("\u2019", "'").split())


def _any(phrases: Iterable[str]) -> str:
    return "|".join(re.escape(phrase) for phrase in sorted(set(map(_flat, phrases)), key=len, reverse=True))


def _all(table: Mapping[str, Iterable[str]]) -> list[str]:
    return [phrase for phrases in table.values() for phrase in phrases]


_WORDS = tomllib.loads((resources.files("mailbot.parsing") / "machine_words.toml").read_text(encoding="utf-8"))
_TITLES = {
    (kind, sure): re.compile(rf"(?:{_any(_all(table))})(?!\w)")
    for part, sure in (("title", True), ("doubt", False))
    for kind, table in _WORDS[part].items()
}
_GREETING = (
    r"(?:(?:dzien dobry|witam|witaj|szanowni panstwo|hello|hi|good morning|guten tag|hallo|bonjour|hola)[\s,!.]*)?"
    r"(?:[^.,!?]{2,40}[,!.]\s*)?"
)
_ABSENT = _any(_all(_WORDS["title"]["absence"]) + _all(_WORDS["doubt"]["answer"]))
_NOTICE = re.compile(rf"(?:re|odp|aw|sv|vs|antw|res|ynt)\s?:|(?:{_ABSENT})(?!\w)")
_MACHINE = re.compile(rf"{_GREETING}(?:{_any(_all(_WORDS['text']['machine']))})(?P<alone>\s?(?:[.!]|$))?")
_AWAY = _any(_all(_WORDS["text"]["absence"]))
_ABSENCE = re.compile(
    rf"{_GREETING}(?:{_AWAY}|(?:{_any(_all(_WORDS['text']['opening']))})(?!\w).{{0,160}}?(?<!\w)"
    rf"(?:{_AWAY}|{_any(_all(_WORDS['text']['promise']))}))"
)
_MATTER = re.compile("|".join(re.escape(_flat(p)) + r"\b" * p.endswith(" ") for p in _WORDS["matter"]["all"]))
"""Of those with a blank at the end, the whole word: "konta " is no "kontakt"."""
_READ = re.compile(
    r"(?:your message|(?:twoja )?wiadomosc|ihre nachricht) (?:to|do|an): .{0,350}?"
    r"\b(?:zostala? (?:przeczytan|wyswietlon)\w|was (?:read|displayed|deleted)|wurde (?:am .{1,40} )?gelesen)\b"
)

_TAG = re.compile(
    r"(?:\[[^\[\]]{1,40}\]|\{[^{}]{1,40}\}|\([^()]{1,30}\)|\*+[^*]{1,30}\*+|<[^<>]{1,30}>"
    r"|(?:external|extern|ext|zewnetrzny|zewnetrzna|spam|uwaga|auto)\s?:|[^\w\s\[({<*]{1,3})\s*"
)
_BRACKETS = re.compile(r"[\[({]")
_CLOSED = re.compile(r"\s?(?:$|[:\])}])")
_APART = re.compile(r"[\s:\-\u2013\u2014|\])},.!]*")
_REPLY = r"(?:re|odp|aw|sv|vs|antw|res|ynt)\s?:\s?"
_OURS = re.compile(rf"(?:{_REPLY})*(?:\W?zgl ?\d{{7}}|{re.escape(_flat(REQUIRED_SUBJECT))}|puesc: )")
_ANSWERS_OURS = re.compile(rf"{_REPLY}.{{0,60}}zgl ?\d{{7}}")


@dataclass(frozen=True, slots=True)
class MachineSign:
    """What title and text of a mail say about who wrote it."""

    kind: Automatic
    sure: bool
    """No person writes so; else it is a doubt, which another sign makes sure."""


def read(subject: str, text: str) -> MachineSign | None:
    """The words of a machine in title and text, or None. ``text`` is without quotes."""
    body = _flat(text[:_TEXT_MAX])
    machine, receipt = _MACHINE.match(body), _READ.match(body)
    found = _title(subject[:_TITLE_MAX])
    if not (found or machine or receipt):
        return None
    about = _MATTER.search(body) is not None
    if found is not None:
        absent = found.kind is Automatic.OUT_OF_OFFICE and _ABSENCE.match(body) is not None  # no word for other notices
        confirmed = bool(machine or receipt or absent) and not about
        return MachineSign(found.kind, found.sure or confirmed)
    # "To jest automatyczna odpowiedź, a ja …" is a person's
    alone = receipt is not None or (machine is not None and machine["alone"] is not None)
    return MachineSign(Automatic.AUTO_SUBMITTED, alone and not about and answers_ours(subject))


def answers_ours(subject: str) -> bool:
    """Is the title that of an answer to a mail of ours?"""
    return _ANSWERS_OURS.match(_flat(subject[:_TITLE_MAX])) is not None


def is_receipt(subject: str, text: str) -> bool:
    """Does a help desk say no more than that it has a mail of ours?"""
    title, body = _flat(subject[:_TITLE_MAX]), _flat(text[:_TEXT_MAX])
    receipts = _TITLES["receipt", False]
    return receipts.search(title) is not None or receipts.search(body[:400]) is not None


def says_absent(text: str) -> bool:
    """Does a text begin as a holiday notice, and say nothing of any matter?"""
    return _ABSENCE.match(_flat(text[:_TEXT_MAX])) is not None and not is_about_a_matter(text)


def is_about_a_matter(text: str) -> bool:
    """Does a text speak of what only the writer himself knows of?"""
    return _MATTER.search(_flat(text[:_TEXT_MAX])) is not None


def _title(subject: str) -> MachineSign | None:
    if subject == REQUIRED_SUBJECT:  # most of them
        return None
    title = _flat(subject)
    bare = title
    while tag := _TAG.match(bare):
        bare = bare[tag.end() :]
    forms = (title, _BRACKETS.sub("", title, count=1), bare)
    found = [words for form in forms if (words := _begins(form))]
    if not found:
        named = title.startswith("auto:")  # so HCL Notes writes; a car is an "auto" in Polish
        found = [MachineSign(words.kind, named) for rest in _behind_a_name(subject) if (words := _begins(rest))]
    return max(found, key=lambda words: words.sure, default=None)


def _begins(title: str) -> MachineSign | None:
    """Words at the beginning: for certain where they are the whole, stand before a colon, or before "Re:" or a second
    notice; those of ``doubt`` only with a colon and a title of ours behind it."""
    for (kind, alone), phrases in _TITLES.items():
        match = phrases.match(title)
        if match is None:
            continue
        rest = title[match.end() :]
        behind, closed = _APART.sub("", rest, count=1), _CLOSED.match(rest) is not None
        if kind in _CLOSED_ONLY and not closed:
            continue
        if alone:
            return MachineSign(_KINDS[kind], closed or _NOTICE.match(behind) is not None)
        return MachineSign(_KINDS[kind], closed and kind != "receipt" and _OURS.match(behind) is not None)
    return None


def _behind_a_name(subject: str) -> list[str]:
    """What stands behind two or three words that are written as a name."""
    words = re.sub(r"^auto:\s*", "", subject.strip(), flags=re.IGNORECASE).split()
    count = next((n for n, w in enumerate(words) if not (w[:1].isupper() and w[1:2].islower())), len(words))
    return [_APART.sub("", _flat(" ".join(words[n:])), count=1) for n in (2, 3) if n <= count]
