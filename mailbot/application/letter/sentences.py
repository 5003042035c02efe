"""The lines and sentences of a letter, without the names of places and firms (``places``). Pure, linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailbot.application.letter.places import placeless
from mailbot.ruleset.model import ApplicationWords
from mailbot.text import polish

ADDRESS = "\ue002"
"""What stands behind the word for an address."""
_ABBREVIATED = re.compile(
    r"(?i)(?<![\w.])(?:ul|al|os|pl|nr|tel|kom|dn|r|ur|zam|sp|np|tj|tzn|im|dr|mgr|in[żz]|woj|pow|gm|m|lok|art|"
    r"st|sz|p|itp|itd|dot|ds|gosp|godz|wewn|za[łl]|skr|poczt)\."
)
_END = re.compile(r"[.!?;…]+(?=[\s\"”)]|\Z)|\t")
_OPEN = re.compile(
    r"(?i)(?:[,–-]|(?<!\w)(?:i|a|o|w|we|z|ze|na|do|od|oraz|lub|przez|dla|po|że|bo|jest|mój|moje|nie|się))\Z"
)
_OPENS = re.compile(
    r"(?i)(?:szanown\w{1,3}|dzie[nń][ ]dobry|witam)\b|"
    r"(?:ul|al|os|pl|tel|kom|nip|regon|pesel|e-?mail|mail)\b[.: ]|(?:\w+[ ]){0,4}\w+(?:[ ]?\t|:(?:\s|\Z))"
)
"""What begins a line of its own, though in small letters: a part of an address, a label."""
_ROW = re.compile(
    rf"(?i)(?:imi[eę]|imiona|(?:imi[eę][ ]i[ ])?nazwisko)[ ]{{1,9}}(?:1[ ]?){{1,4}}|"
    rf"(?:\w+[-. ]{{1,2}}){{1,4}}\s{{0,9}}\w{{4,8}}{ADDRESS},"
)
"""A label and its value, without a colon: "imię Jan", "stary login jan@stary.example"."""
_WIDE = 60
"""Letters of a line that may go on in the next one, whatever that begins with."""
_ELLIPSIS = re.compile(
    r"(?i)\bnie[ ](?:pami[eę]tam|mam|znam|posiadam)\b[^.!?;\n]{0,80}?[,][ ](?:a[ ])?"
    r"(?:(?!now|zmian|pro[sś]b|wnios|\w{1,20}[cć]\b)\w+[ ]){1,2}"
    r"(?:te[zż]|r[oó]wnie[zż]|tak[zż]e)[ ]nie(?=[ ]?[,.;!]|[ ]?$)",
    re.MULTILINE,
)
"""A denial that takes up the one before it: "nie pamiętam hasła, awaryjnego też nie"."""
_WHEREFORE = re.compile(r"(?i)(\bw[ ]zwi[aą]zku[ ]z[ ])czym\b")
"""Behind a reason: no other "czym" begins what is asked."""
_PRONOUN = re.compile(r"(?i)\b(na|przez)[ ]nie(?=[ ](?:przez|od|w|z|ze|do|ju[zż])\b|[ ]?[,.;!]|[ ]?$)", re.MULTILINE)
_NUMBER = re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{3,5}\Z")
"""A telephone or a PESEL ends what stands in a line."""
_MINE = re.compile(r"\b[A-Za-z]{2,40}e\b")
_DIACRITICS = re.compile(r"(?i)[ąćęłńóśźż]")


def whole(text: str) -> str:
    """``text`` in which the stop of an abbreviation ends no sentence."""
    return _ABBREVIATED.sub(lambda found: found[0][:-1] + " ", text)


def parted(text: str, letter: ApplicationWords) -> list[str]:
    """The lines and sentences of ``text``, which has no addresses and no name of the applicant, without its places."""
    return list(_sentences(placeless(_first_person(spelt_out(text)), letter)))


def spelt_out(text: str) -> str:
    """``text`` with the verb that a denial leaves out; "je" for a "nie" that denies nothing ("na nie");
    "w związku z tym" for "… z czym"."""
    return _WHEREFORE.sub(r"\1tym", _ELLIPSIS.sub(r"\g<0> mam", _PRONOUN.sub(r"\1 je", text)))


def _first_person(text: str) -> str:
    """A letter without any diacritics, with those of what its writer does: "wnioskuje" is "wnioskuję" there."""
    if _DIACRITICS.search(text):
        return text
    return _MINE.sub(lambda found: f"{found[0][:-1]}ę" if _is_mine(f"{found[0][:-1]}ę") else found[0], text)


def _is_mine(word: str) -> bool:
    return any(sense.part == "fin" and sense.person == "pri" for sense in polish.senses(word))


def _sentences(text: str) -> Iterator[str]:
    for line in _lines(text):
        yield from (part for part in _END.split(whole(line)) if part)


def _lines(text: str) -> Iterator[str]:
    """The lines of ``text``, those put together that were one before a margin broke it."""
    joined = last = ""
    for line in (*text.split("\n"), ""):
        line = line.strip()
        if joined and line and _goes_on(last, line):
            joined += " " + line
        else:
            if joined:
                yield joined
            joined = line
        last = line


def _goes_on(line: str, following: str) -> bool:
    if line.endswith((".", "!", "?", ";")) or _NUMBER.search(line):
        return False
    if line.endswith(":"):
        return following[0].islower()
    if (
        _OPENS.match(following)
        or _ROW.fullmatch(following)
        or _ROW.fullmatch(line)
        or (line.endswith(f"{ADDRESS},") and (following[0].isupper() or ADDRESS in following))
    ):
        return False
    return following[0].islower() or len(line) >= _WIDE or _OPEN.search(line) is not None
