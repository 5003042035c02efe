"""Where a text names the applicant: a label, "ja, niżej podpisany", the end of a letter, a line of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mailbot.application.letter.bylines import bylines, lonely
from mailbot.application.letter.labels import APPLICANT, WHO, bare, name_label, outside_brackets, words
from mailbot.application.letter.names import LONGEST, Person, from_value, leading, leading_name, split
from mailbot.request.characters import flat
from mailbot.text.polish import is_no_name

_MOST_PERSONS = 60
_LABEL = (
    r"(?:(?:moje|twoje|pelne|pierwsze|na|aktualne|obecne)\s)?"
    r"(?:imi(?:e|ona)\b(?:\s+(?:mi|moje)\b)?(?:\s{0,2}\([^()\n]{1,20}\))?"
    r"(?:[ /+,]{0,3}(?:i|oraz)?[ ]{0,2}nazwisk[oa]\b)?"
    r"|imi(?:e|ona)\s{0,2}/\s{0,2}imi(?:e|ona)"
    r"|nazwisk[oa]\b(?:\s+moje\b)?(?:[ /+,]{0,3}(?:i|oraz)?[ ]{0,2}imi(?:e|ona)\b)?"
    r"|names?\s+and\s+surname|full\s+name|name|first\s+name|last\s+name|surname|given\s+name|family\s+name"
    rf"|{APPLICANT}|{WHO})"
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
    rf"(?m)(?:^[ \d.)•*–-]{{0,6}}|(?:(?<=\w )|(?<=\w[,.:;] ))(?<!drugie )(?<!trzecie )(?<!rodowe ))"
    rf"({_LABEL})[ ](?=[^\W\d_])"
)
_NEXT_LABEL = re.compile(
    r"[,;]?\s{0,9}(?<!\w)(?:imi(?:e|ona)|nazwisk[oa]|pesel|adres|e-?mail|login|dat[aey]|rok|telefon|tel|zam|ur|"
    r"urodz\w{0,6}|"
    r"miejsc\w{0,8}|stanowisko|firma|nr|numer|dotychczasow\w{1,3}|stary|now[ye]|podpis)\b"
)
_CAPTION = re.compile(r"^\s*[\[(]([^()\[\]]{3,80})[\])]\s*$")

_SELF = r"(?:niz?ej\s+podpisan[yaei]|podpisan[ya]\s+niz?ej)(?:\s*[/(]\s*-?\w{1,11}\)?)?"
_PROSE: tuple[tuple[int, re.Pattern[str]], ...] = tuple(
    (rank, re.compile(pattern))
    for rank, pattern in (
        (2, rf"\bja\s*,?\s*(?:{_SELF})?\s*[,:–-]?\s+(?=[^\W\d_])"),
        (2, rf"\b{_SELF}\s*[,:–-]?\s+(?=[^\W\d_])"),
        (2, r"(?:\A|[,.!\n]\s{0,3})(?:tu|tutaj|mowi|pisze)\s+(?=[^\W\d_])"),
        (2, r"\bw\s+(?:imieniu\s+wlasnym|wlasnym\s+imieniu)\s*,\s*"),
        (2, r"\b(?:mnie|moje|wlasne)\s*\(\s*"),
        (2, r"\bosoba\s+(?:prywatna|fizyczna)\s*[,–-]\s*"),
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
_CAPITALS = re.compile(r"[^\W\d_]+")
_BEFORE_ANY = re.compile(r"(?:jestem|dla|jako)\s")
"""Where everything is capitals, "JESTEM STARSZĄ OSOBĄ" names nobody; a name that stands there is not understood."""


def persons(text: str) -> list[Person]:
    """Every place of ``text`` that names the applicant, the first 60."""
    low = flat(text)
    places = [*_labelled(text, low), *_captioned(text), *_prose(text, low), *bylines(text, low)]
    found = [person for person in places if not _is_prose(person)]
    return (found or list(lonely(text, low)))[:_MOST_PERSONS]


def _is_prose(person: Person) -> bool:
    """Whether capitals are those of a text that has no other letters, and one of the words is no name ("SĄ ZGODNE")."""
    said = f"{person.given or ''} {person.surname or ''}"
    return said.isupper() and any(len(word) > 1 and is_no_name(word) for word in _CAPITALS.findall(said))


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
            if kind == "surname" and label[1].startswith("na "):
                kind = "full" if len(leading_name(value)) > 1 else kind  # "konto na nazwisko Jan Kowalski"
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
    above = low[: low.rfind("\n", 0, label.start(1)) + 1]
    if _empty_label(above.rstrip("\n").rpartition("\n")[2], apart=above.endswith("\n\n")):
        return ""
    below = text[line_end + 1 :].lstrip("\n")
    line, _, following = below.partition("\n")
    return "" if _empty_label(flat(line)) or _CAPTION.match(following) else line


def _empty_label(line: str, *, apart: bool = False) -> bool:
    """Whether a line, or one of a paragraph ``apart``, is a label of a name or an address that waits for its value."""
    said = bare(outside_brackets(line))
    return bool(said) and (
        name_label(line) is not None
        or (not apart and line.rstrip(" .…_").endswith(":") and len(line) < LONGEST)
        or (not apart and not set(words(said)).isdisjoint(("login", "email", "e", "adres", "mail", "imie", "nazwisko")))
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
