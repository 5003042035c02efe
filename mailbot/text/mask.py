"""Takes out of a citizen's text what nobody should read in it: PESEL, IDSISC numbers, passwords (procedure §1.8, §3.5).

The message itself is kept sealed (inbox.py); this is for the texts that people and programs see of it.
"""

from __future__ import annotations

import re

from mailbot.text import pesel

_PESEL, _IDSISC, _REMOVED = "[PESEL]", "[IDSISC]", "[usunięto]"
_MARK = re.compile("|".join(map(re.escape, (_PESEL, _IDSISC, _REMOVED))))

_APART = r"[ \t./_\u00a0\u00ad\u2007\u2009\u200b-\u200d\u202f\u2060\ufeff\u2010-\u2015-]{0,3}"
"""What people, forms and mail programs put between the digits of one number."""

_ELEVEN = re.compile(rf"(?<!\d)(?=(\d(?:{_APART}\d){{10}})(?!\d))")
"""Every place where eleven digits begin; they may overlap, therefore a lookahead."""

_NUMBER = re.compile(
    rf"(?<![^\W_])(?!(?<=\[)IDSISC\])"
    rf"(?:(IDI?[ -]?SISC\b(?:\W{{0,3}}\b(?:to|nr|numer|number|no|is|jest|dla|firmy|osoby)\b){{0,4}}[^\w\n]{{0,5}})"
    rf"(?:[A-Z]{{2}}{_APART})?\d(?:{_APART}\d){{4,16}}"
    rf"|PL{_APART}\d(?:{_APART}\d){{12,16}})(?!\d)",
    re.IGNORECASE,
)
"""An IDSISC number: named so, or as customs writes it, the country and 15 digits (some leave out or add one or two)."""

_ABOUT = (
    r"(?:[ \t]+\(?(?:awaryjne|dost[eę]powe|podstawowe|g[lł][oó]wne|nowe|stare|obecne|aktualne|tymczasowe|startowe|"
    r"pierwsze|moje|brzmi|do|na|w|od|konta|konto|puesc|portalu|portal|systemu|poczty|skrzynki|logowania|u[zż]ytkownika|"
    r"for|to|is|the|my|account|access|emergency|old|new)\b\)?){0,4}"
)
_LABEL = re.compile(
    rf"(?<![^\W\d_])(?:(?:has[lł]o|moje[ \t]+has[lł]a|password|passwd|passphrase|пароль){_ABOUT}"
    r"(?:(?P<sign>[ \t]*[:=])|(?P<word>[ \t]+(?:to|brzmi)\b)|(?P<verb>[ \t]+(?:jest\b|is\b|-+|[–—])))"
    rf"|(?:kod[ \t]+)?(?-i:PIN){_ABOUT}(?P<pin>[ \t]*[:=])|kod[ \t]+(?-i:PIN)(?P<code>\b))",
    re.IGNORECASE,
)
"""The words before a password, never in another case: „zmianę hasła” asks for one, „hasło: …” tells one."""

_OTHER = (  # what follows the label and is no password, or ends one
    r"prosz|login|e-?mail|adres\b|pesel|pin\b|kod[ \t]+pin\b|has[lł]|moje[ \t]+has[lł]|password|passwd|passphrase|"
    r"пароль|oraz\b|ale\b|lecz\b|and\b|but\b|pozdr|dzi[eę]k"
)
_NOTHING = (
    r"nie[ \t]+(?:pami[eę]t|zna|mam|dzia[lł]|wiem|otrzyma|dosta|mog|zosta|jest|da)|brak\b|zapomn|i[ \t]+forgot\b|"
    r"(?:awaryjne\W+)?(?:puesc\W+)?procedura\b|awaryjne\W+puesc\b"
)
_FIRST = rf"(?!{_OTHER}|{_NOTHING})"
_RUN = r"\S*[^\s.,;)]"
_END_OF_LINE = r"(?=[.,;)!]*[ \t]*(?:\r?\n|\Z))"
_STRANGE = r"(?=\S*?(?:\d|[@#$%^&*+=~!|\\<>]\w|(?-i:[a-ząćęłńóśźż][A-ZĄĆĘŁŃÓŚŹŻ])))"
"""Ahead of what is no word of a sentence: with a digit, a sign before a letter, a capital after a small letter."""


def _value(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SAME_LINE = _value(rf"([ \t]*){_FIRST}{_RUN}(?:[ \t]+(?!{_OTHER}){_RUN})*")
_NEXT_LINE = _value(rf"([ \t]*\r?\n[ \t]*){_FIRST}\S*[^\s:.,;)]{_END_OF_LINE}")
_LAST_WORD = _value(rf"([ \t]+){_FIRST}{_RUN}{_END_OF_LINE}")
_NO_WORD = _value(rf"([ \t]+){_FIRST}{_STRANGE}{_RUN}")
_VALUES = {
    "sign": (_SAME_LINE, _NEXT_LINE),
    "pin": (_SAME_LINE, _NEXT_LINE),
    "word": (_LAST_WORD, _NO_WORD),
    "verb": (_NO_WORD,),  # „hasło jest złe” is a sentence
    "code": (_NO_WORD,),
}
"""What may be a password behind each kind of label; the first group is the gap between."""

_HINTS = ("has", "pass", "pin", "парол")
"""One of them is in every label: most texts are done after a look for them and for digits."""
_DIGITS = re.compile(r"\d(?:\D*+\d){4}")
"""No number of less."""
_PASSES = 8
"""A number may stand so close to another that it is seen only when that one is gone; most texts need two passes."""


def mask(text: str) -> str:
    """``text`` with every valid PESEL, IDSISC number and told password replaced by a word in square brackets.

    Eleven digits that are no PESEL stay. Masking twice changes nothing more. Linear in the length of ``text``.
    """
    folded = text.casefold()
    if any(hint in folded for hint in _HINTS):
        text = _without_passwords(text)
    for _ in range(_PASSES if _DIGITS.search(text) else 0):
        before, text = text, _without_pesel(_NUMBER.sub(lambda found: f"{found[1] or ''}{_IDSISC}", text))
        if text == before:
            break
    return text


def marks(masked: str) -> list[str]:
    """What ``mask`` has put into a text, in order, each kind once."""
    return list(dict.fromkeys(_MARK.findall(masked)))


def _without_passwords(text: str) -> str:
    parts, end = [], 0
    for label in _LABEL.finditer(text):
        if label.start() < end:  # within a password
            continue
        tries = (pattern.match(text, label.end()) for pattern in _VALUES[label.lastgroup or ""])
        value = next(filter(None, tries), None)
        if value is not None:
            parts += [text[end : value.end(1)], _REMOVED]
            end = value.end()
    return "".join([*parts, text[end:]])


def _without_pesel(text: str) -> str:
    parts, end = [], 0
    for found in _ELEVEN.finditer(text):
        if found.start() >= end and _is_pesel(found[1]):
            parts += [text[end : found.start()], _PESEL]
            end = found.end(1)
    return "".join([*parts, text[end:]])


def _is_pesel(written: str) -> bool:
    try:
        pesel.parse("".join(str(int(c)) for c in written if c.isdecimal()))
    except ValueError:
        return False
    return True
