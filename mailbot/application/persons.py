"""Where a text names the applicant: a label, "ja, niżej podpisany", the end of a letter, a line of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mailbot.application.labels import bare, name_label, outside_brackets, words
from mailbot.application.names import LONELY, LONGEST, Person, alone, from_value, leading, split
from mailbot.request.characters import flat

_MOST_PERSONS = 60
_BULLET = re.compile(r"^\s*(?:[-–—•*·▪●]|\(?\w{1,2}[.)])\s+")
_LABEL = (
    r"(?:(?:moje|twoje|pelne|pierwsze)\s)?(?:imi(?:e|ona)\b(?:\s{0,2}\([^()\n]{1,20}\))?"
    r"(?:[ /+,]{0,3}(?:i|oraz)?[ ]{0,2}nazwisk[oa]\b)?"
    r"|imi(?:e|ona)\s{0,2}/\s{0,2}imi(?:e|ona)|nazwisk[oa]\b(?:[ /+,]{0,3}(?:i|oraz)?[ ]{0,2}imi(?:e|ona)\b)?"
    r"|names?\s+and\s+surname|full\s+name|name|first\s+name|last\s+name|surname|given\s+name|family\s+name"
    r"|wnioskodawc(?:a|zyni)|wniosek\ssklada|od\b|nadawc(?:a|zyni)|dane(?:\s(?:osobowe|wnioskodawcy))?)"
)
_LABELLED = re.compile(
    rf"(?m)(?:^|(?<=[\t,;.:]))[ \d.)•*–-]{{0,6}}({_LABEL}[^\n\t:.,;_]{{0,60}})"
    r"[ ]{0,3}(?:[:=\t]|[–-](?=\s)|$|[.…_]{2,})"
)
_INLINE = re.compile(
    rf"(?<!\w)(?<!drugie )(?<!trzecie )(?<!rodowe )(?<!poprzednie )({_LABEL}(?:\s(?:wnioskodawcy|uzytkownika))?)"
    r"\s{0,3}(?:[:=]|[.…_]{2,}|[–-](?=\s))"
)
_PLAIN = re.compile(
    rf"(?m)(?:^[ \d.)•*–-]{{0,6}}|(?:(?<=\w )|(?<=\w, ))(?<!drugie )(?<!trzecie )(?<!rodowe ))({_LABEL})[ ](?=[^\W\d_])"
)
_NEXT_LABEL = re.compile(
    r"[,;]?\s{0,9}(?<!\w)(?:imi(?:e|ona)|nazwisk[oa]|pesel|adres|e-?mail|login|dat[aey]|rok|telefon|tel|zam|ur|"
    r"urodz\w{0,6}|"
    r"miejsc\w{0,8}|stanowisko|firma|nr|numer|dotychczasow\w{1,3}|stary|now[ye]|podpis)\b"
)
_CAPTION = re.compile(r"^\s*[\[(]([^()\[\]]{3,80})[\])]\s*$")

_SELF = r"niz?ej\s+podpisan[yaei](?:\s*[/(]\s*-?\w{1,11}\)?)?"
_PROSE: tuple[tuple[int, re.Pattern[str]], ...] = tuple(
    (rank, re.compile(pattern))
    for rank, pattern in (
        (2, rf"\bja\s*,?\s*(?:{_SELF})?\s*[,:–-]?\s+(?=[^\W\d_])"),
        (2, rf"\b{_SELF}\s*[,:–-]?\s+(?=[^\W\d_])"),
        (2, r"\bjestem\s+(?=[^\W\d_])|\bz\s+tej\s+strony\s+(?=[^\W\d_])"),
        (2, r"\bnazywam\s+sie\s*:?\s+|\bmoje\s+(?:dane|imie\s+i\s+nazwisko)(?:\s+(?:osobowe|to)){0,2}\s*[:–-]?\s+"),
        (
            3,
            r"\b(?:wniosek|podanie|prosba)\s+(?:(?:pana|pani)\s+)?(?=[^\W\d_])"
            r"|\bdla\s+(?:(?:pana|pani)\s+)?(?=[^\W\d_])",
        ),
        (
            3,
            r"\bw\s+imieniu\s+(?:(?:pana|pani)\s+)?|\bna\s+rzecz\s+(?:(?:pana|pani)\s+)?"
            r"|\bnalezac\w{1,5}\s+do\s+(?:(?:pana|pani)\s+)?",
        ),
        (3, r"\bkont[ao]\s+(?:puesc\s+)?(?:uzytkowni\w{1,3}|pana|pani|osoby)\s*:?\s+|\bjako\s+(?=[^\W\d_])"),
    )
)
_BEFORE_ANY = re.compile(r"(?:jestem|dla|jako)\s")
"""Where everything is capitals, "JESTEM STARSZĄ OSOBĄ" names nobody; a name that stands there is not understood."""
# At the start of a line or sentence. A stop ends a sentence behind two letters only: not in "Jan M. Kowalski".
_APART = re.compile(
    r"(?m)(?:^|(?<=[a-z]{2}[.:;!]\s))[ \t]*((?:(?![a-z]{2}[.:;!]\s)[^\n,]){3,80}),[ \t]*"
    r"(?:pesel|login|e-?mail|adres|ur\b|urodz|zam|rok\s+ur|dotychczas|star[ye]|poprzedni|now[ye])"
)
_CLOSING = re.compile(
    r"\b(?:z\s+(?:powazaniem|wyrazami\s+szacunku|uszanowaniem|szacunkiem|gory\s+dzieku\w{1,3})|"
    r"lacze\s+(?:wyrazy\s+szacunku|pozdrowienia)|"
    r"(?:serdecznie\s+)?pozdrawiam(?:\s+(?:serdecznie|panstwa|cieplo|i\s+dziekuje)){0,2}|"
    r"podpisano(?:\s+elektronicznie)?(?:\s+przez)?|podpis(?:\s+wnioskodawcy)?\s*:)\s*[,.:]?\s*"
)


def persons(text: str) -> list[Person]:
    """Every place of ``text`` that names the applicant, the first 60."""
    low = flat(text)
    found = [*_labelled(text, low), *_captioned(text), *_prose(text, low), *_ends(text, low)]
    return (found or list(_lonely(text)))[:_MOST_PERSONS]


def _labelled(text: str, low: str) -> Iterator[Person]:
    seen: set[int] = set()
    for pattern in (_LABELLED, _INLINE, _PLAIN):
        for label in pattern.finditer(low):
            kind = name_label(label[1])
            if kind is None or label.start(1) in seen:
                continue
            seen.add(label.start(1))
            value = _value(text, low, label)
            if pattern is _PLAIN and not value[:1].isupper():
                continue
            if person := from_value(kind, value, 1):
                yield person


def _value(text: str, low: str, label: re.Match[str]) -> str:
    """What stands behind a label on its line; on the next line only under a single label."""
    line_end = low.find("\n", label.end())
    line_end = len(low) if line_end < 0 else line_end
    rest = low[label.end() : line_end]
    cut = _NEXT_LABEL.search(rest)
    value = text[label.end() : label.end() + cut.start()] if cut else text[label.end() : line_end]
    if cut or words(flat(value)) or label.group()[-1:] == "=":
        return value.strip(" \t.…_:-–")
    above = low[: low.rfind("\n", 0, label.start(1)) + 1].rstrip("\n").rpartition("\n")[2]
    if _empty_label(above):
        return ""
    below = text[line_end + 1 :].lstrip("\n")
    line, _, following = below.partition("\n")
    return "" if _empty_label(flat(line)) or _CAPTION.match(following) else line


def _empty_label(line: str) -> bool:
    """Whether a line is a label of a name or an address that waits for its value."""
    said = bare(outside_brackets(line))
    return bool(said) and (
        name_label(line) is not None
        or (line.rstrip(" .…_").endswith(":") and len(line) < LONGEST)
        or not set(words(said)).isdisjoint(("login", "email", "e", "adres", "mail", "imie", "nazwisko"))
    )


def _captioned(text: str) -> Iterator[Person]:
    """The value above "(imię i nazwisko)", as on paper forms."""
    lines = text.split("\n")
    for above, line in pairwise(lines):
        caption = _CAPTION.match(line)
        kind = name_label(caption[1]) if caption else None
        if kind and ":" not in above and (person := from_value(kind, above.strip(" \t.…_"), 1)):
            yield person


def _prose(text: str, low: str) -> Iterator[Person]:
    for rank, pattern in _PROSE:
        for lead in pattern.finditer(low):
            names = leading(text, lead.end())
            if len(names) >= 2 and not (_BEFORE_ANY.match(lead[0]) and text[lead.start() : lead.end()].isupper()):
                yield split(names, surname_first=False, rank=rank)
    for line in _APART.finditer(low):
        if names := alone(text[line.start(1) : line.end(1)]):
            yield split(names, surname_first=False, rank=3)


def _ends(text: str, low: str) -> Iterator[Person]:
    """The name alone on its line under "Z poważaniem", or in the last line of a letter."""
    closing = next(reversed(list(_CLOSING.finditer(low))), None)
    lines = [line.strip(" \t.,") for line in text.split("\n")]
    filled = [line for line in lines if line]
    if closing:
        line = text[closing.end() :].lstrip().partition("\n")[0].strip(" \t.,_…").partition(",")[0]
        if names := alone(line):
            yield split(names, surname_first=False, rank=4)
    elif len(filled) > 1 and (names := alone(filled[-1])):
        yield split(names, surname_first=False, rank=4)


def _lonely(text: str) -> Iterator[Person]:
    """A name that is a line or a sentence, where nothing else names anybody."""
    for part in re.split(r"[\n\t]|(?<=[^\W\d_]{2})[.!?;](?=\s|$)", text):
        if names := alone(_BULLET.sub("", part).strip(" ,.")):
            yield split(names, surname_first=False, rank=LONELY)
    if "," in text and (names := alone(text.rpartition(",")[2].strip(" \n\t."))):
        yield split(names, surname_first=False, rank=LONELY)
