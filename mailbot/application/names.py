"""Whose application it is: given name and surname from labels or from the sentences in which people name themselves.

Every place that names the applicant is a ``Person``; they must agree (in any Polish case: ``request.names.forms``),
else nobody is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from mailbot.application.labels import (
    COURTESY,
    PARTICLES,
    STOP_WORDS,
    WORDS_OF_LABELS,
    bare,
    name_label,
    outside_brackets,
    words,
)
from mailbot.request.characters import flat, fold
from mailbot.request.names import forms

_WORD = r"[^\W\d_]{1,40}(?:['’`-][^\W\d_]{1,40}){0,3}"
_TOKEN = re.compile(rf"{_WORD}\.?|[^\s]")
_MOST_WORDS = 6
_MOST_PERSONS = 60
_LONGEST = 100
_BULLET = re.compile(r"^\s*(?:[-–—•*·▪●]|\(?\w{1,2}[.)])\s+")
LONELY = 5
"""Rank of a name of which only its place says that it is the applicant's."""
_HYPHEN = re.compile(r"(?<=[^\W\d_])[ \t]*[‐‑‒–—−-][ \t]*(?=[^\W\d_])")

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
        (2, r"\bjestem\s+(?=[^\W\d_])"),
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


@dataclass(frozen=True, slots=True)
class Person:
    """A name as one place of an application has it."""

    given: str | None
    surname: str | None
    rank: int
    """0 field of a form, 1 label, 2 the writer of himself, 3 a sentence, 4 the end of a letter, 5 a name alone."""

    @property
    def words(self) -> tuple[str, ...]:
        """Folded words as ``request.names.forms`` has them."""
        said = f"{self.given or ''} {self.surname or ''}"
        return tuple(fold(word) for word in re.split(r"[\s‐‑‒–—−-]+", said) if fold(word))


def from_value(kind: str, value: str, rank: int) -> Person | None:
    """The person of a label of ``kind`` (``labels.name_label``) with ``value`` behind it; None when that is no name."""
    if kind in ("full", "reversed"):
        names = _leading_name(value)
        return _split(names, surname_first=kind == "reversed", rank=rank) if len(names) >= 2 else None
    name = " ".join(_leading_name(value))
    if not name:
        return None
    return Person(name, None, rank) if kind == "given" else Person(None, name, rank)


def from_field(kind: str, value: str) -> Person | None:
    """As ``from_value`` for a form field: it holds the name and nothing else, so it is taken exactly as written."""
    if kind in ("full", "reversed"):
        return from_value(kind, value, 0)
    name = " ".join(value.split())
    if len(name) > _LONGEST or not any(c.isalpha() for c in name) or any(c.isdigit() or c in "@:_" for c in name):
        return None
    return Person(name, None, 0) if kind == "given" else Person(None, name, 0)


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
        or (line.rstrip(" .…_").endswith(":") and len(line) < _LONGEST)
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
            names = _names(text, lead.end())
            if len(names) >= 2:
                yield _split(names, surname_first=False, rank=rank)
    for line in _APART.finditer(low):
        if names := _alone(text[line.start(1) : line.end(1)]):
            yield _split(names, surname_first=False, rank=3)


def _ends(text: str, low: str) -> Iterator[Person]:
    """The name alone on its line under "Z poważaniem", or in the last line of a letter."""
    closing = next(reversed(list(_CLOSING.finditer(low))), None)
    lines = [line.strip(" \t.,") for line in text.split("\n")]
    alone = [line for line in lines if line]
    if closing:
        line = text[closing.end() :].lstrip().partition("\n")[0].strip(" \t.,_…").partition(",")[0]
        if names := _alone(line):
            yield _split(names, surname_first=False, rank=4)
    elif len(alone) > 1 and (names := _alone(alone[-1])):
        yield _split(names, surname_first=False, rank=4)


def _lonely(text: str) -> Iterator[Person]:
    """A name that is a line or a sentence, where nothing else names anybody."""
    for part in re.split(r"[\n\t]|(?<=[^\W\d_]{2})[.!?;](?=\s|$)", text):
        if names := _alone(_BULLET.sub("", part).strip(" ,.")):
            yield _split(names, surname_first=False, rank=LONELY)


def _alone(line: str) -> list[str]:
    """The words of a line that is a name and nothing else, else nothing."""
    names = _names(line, 0)
    said = [word for word in words(flat(line)) if word not in COURTESY]
    return names if 2 <= len(names) <= 4 and said == words(flat(" ".join(names))) else []


def _names(text: str, at: int) -> list[str]:
    """The capitalised words that begin at ``at``, courtesy left out; a line end may stand behind the first one only."""
    names: list[str] = []
    text = _HYPHEN.sub("-", text[at : at + 200])
    last = 0
    for token in _TOKEN.finditer(text):
        word = token[0].rstrip(".")
        low = flat(word)
        if "\n" in text[last : token.start()] and (len(names) != 1 or "\n\n" in text[last : token.start()]):
            break
        last = token.end()
        if low in COURTESY and not names:
            continue
        particle = bool(names) and low in PARTICLES
        if not word or not word[0].isalpha() or (low in STOP_WORDS and not particle):
            break
        if not (word[0].isupper() or particle) or len(names) == _MOST_WORDS:
            break
        names.append(word)
        if token[0].endswith(".") and len(word) > 1:  # the end of a sentence, not of an initial
            break
    while names and flat(names[-1]) in PARTICLES:
        names.pop()
    return names


def _leading_name(value: str) -> list[str]:
    """The name with which the value of a label begins. In small letters it must be all there is."""
    value = _HYPHEN.sub("-", value[:_LONGEST]).strip(" \t\n.,;:…_\"'„”()[]")
    low = flat(value)
    if not value or not value[0].isalpha():
        return []
    first = low.split()[0].strip(".,")
    if value[0].isupper() or first in COURTESY:
        names = _names(value, 0)
        rest = value[value.find(names[-1]) + len(names[-1]) :] if names else ""
        return names if re.match(r"\W*$|\s*[,;/(\n\t]|\.\s|\s+[^A-ZĄĆĘŁŃÓŚŹŻ]", rest) else []
    names = value.split()
    if len(names) > 4 or not all(re.fullmatch(_WORD, name) for name in names):
        return []
    return [] if set(low.split()) & (WORDS_OF_LABELS | STOP_WORDS - PARTICLES) else names


def _split(names: list[str], *, surname_first: bool, rank: int) -> Person:
    """Given names and surname of a whole name; a surname in capitals before a given name that is not stands first."""
    capitals = [name.isupper() and len(name) > 1 for name in names]
    if surname_first or (capitals[0] and not any(capitals[1:])):
        return Person(" ".join(names[1:]), names[0], rank)
    particle = next((i for i, name in enumerate(names) if i and flat(name) in PARTICLES and name[0].islower()), None)
    at = particle or len(names) - 1
    return Person(" ".join(names[:at]), " ".join(names[at:]), rank)


def agree(one: Person, other: Person) -> bool:
    """Whether two places may name the same person: same words, or one is a Polish form of the other."""
    if one.given and one.surname and other.given and other.surname:
        if sorted(one.words) == sorted(other.words):
            return True
        return other.words in forms(one.given, one.surname, None) or one.words in forms(
            other.given, other.surname, None
        )
    mine, theirs = set(one.words), set(other.words)
    if (
        (one.given and other.given)
        or (one.surname and other.surname)
        or (one.given and one.surname)
        or (other.given and other.surname)
    ):
        return mine <= theirs or theirs <= mine
    return True  # a given name and a surname


def choose(found: list[Person]) -> tuple[str | None, str | None]:
    """Given name and surname when all places agree; else (None, None)."""
    given = [p for p in found if p.given and not p.surname]
    surname = [p for p in found if p.surname and not p.given]
    whole = sorted((p for p in found if p.given and p.surname), key=lambda p: p.rank)
    if given and surname and (not whole or min(given[0].rank, surname[0].rank) <= whole[0].rank):
        best = Person(given[0].given, surname[0].surname, 0)
    elif whole:
        best = whole[0]
    else:
        best = Person(given[0].given if given else None, surname[0].surname if surname else None, 0)
    if not all(agree(best, other) for other in found):
        return None, None
    return best.given, best.surname
