"""Whose application it is: given name and surname from labels or from the sentences in which people name themselves.

Every place that names the applicant is a ``Person``; they must agree (in any Polish case: ``request.names.forms``),
else nobody is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.application.letter.labels import (
    COURTESY,
    PARTICLES,
    STOP_WORDS,
    WORDS_OF_LABELS,
    words,
)
from mailbot.request.characters import flat, fold
from mailbot.request.names import forms

_WORD = r"[^\W\d_]{1,40}(?:['’`-][^\W\d_]{1,40}){0,3}"
_TOKEN = re.compile(rf"{_WORD}\.?|[^\s]")
_MOST_WORDS = 6
LONGEST = 100
LONELY = 5
"""Rank of a name of which only its place says that it is the applicant's, and that it is one."""
_HYPHEN = re.compile(r"(?<=[^\W\d_])[ \t]*[‐‑‒–—−-][ \t]*(?=[^\W\d_])")


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
    if kind in ("full", "reversed", "who", "name"):
        names = leading_name(value)
        if kind == "name" and len(names) == 1:
            return Person(names[0], None, rank)
        if kind == "who" and names and names[0][0].islower():
            return None
        return split(names, surname_first=kind == "reversed", rank=rank) if len(names) >= 2 else None
    name = " ".join(leading_name(value))
    if not name:
        return None
    return Person(name, None, rank) if kind == "given" else Person(None, name, rank)


def from_field(kind: str, value: str) -> Person | None:
    """As ``from_value`` for a form field: it holds the name and nothing else, so it is taken exactly as written."""
    if kind in ("full", "reversed", "who", "name"):
        return from_value(kind, value, 0)
    name = " ".join(value.split())
    if len(name) > LONGEST or not any(c.isalpha() for c in name) or any(c.isdigit() or c in "@:_" for c in name):
        return None
    return Person(name, None, 0) if kind == "given" else Person(None, name, 0)


def alone(line: str) -> list[str]:
    """The words of a line that is a name and nothing else, else nothing."""
    names = leading(line, 0)
    said = [word for word in words(flat(line)) if word not in COURTESY]
    return names if 2 <= len(names) <= 4 and said == words(flat(" ".join(names))) else []


def leading(text: str, at: int) -> list[str]:
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
        if not word or not word[0].isalpha() or (_stops(low) and not particle):
            break
        if not (word[0].isupper() or particle) or len(names) == _MOST_WORDS:
            break
        names.append(word)
        if token[0].endswith(".") and len(word) > 1:  # the end of a sentence, not of an initial
            break
    while names and flat(names[-1]) in PARTICLES:
        names.pop()
    return names


def _stops(low: str) -> bool:
    """Whether a word, or a part of one with a hyphen, is none of a name."""
    return not STOP_WORDS.isdisjoint((low, *re.split(r"[-‐‑‒–—−]", low)))


def leading_name(value: str) -> list[str]:
    """The name with which the value of a label begins. In small letters it must be all there is."""
    value = _HYPHEN.sub("-", value[:LONGEST]).strip(" \t\n.,;:…_\"'„”()[]")
    low = flat(value)
    if not value or not value[0].isalpha():
        return []
    first = low.split()[0].strip(".,")
    if value[0].isupper() or first in COURTESY:
        names = leading(value, 0)
        rest = value[value.find(names[-1]) + len(names[-1]) :] if names else ""
        return names if re.match(r"\W*$|\s*[,;/(\n\t]|\.\s|\s+[^A-ZĄĆĘŁŃÓŚŹŻ]", rest) else []
    names = value.split()
    if len(names) > 4 or not all(re.fullmatch(_WORD, name) for name in names):
        return []
    return [] if set(low.split()) & (WORDS_OF_LABELS | STOP_WORDS - PARTICLES) else names


def split(names: list[str], *, surname_first: bool, rank: int) -> Person:
    """Given names and surname of a whole name; a surname in capitals before a given name that is not stands first."""
    capitals = [name.isupper() and len(name) > 1 for name in names]
    if surname_first or (capitals[0] and not any(capitals[1:])):
        return Person(" ".join(names[1:]), names[0], rank)
    particle = next((i for i, name in enumerate(names) if i and flat(name) in PARTICLES and name[0].islower()), None)
    at = particle or len(names) - 1
    return Person(" ".join(names[:at]), " ".join(names[at:]), rank)


def _abbreviated(one: Person, other: Person) -> bool:
    """Whether ``one`` writes the given name of ``other`` as its first letter: "E. Szymczyk"."""
    mine, theirs = fold(one.given or ""), fold(other.given or "")
    same = fold(one.surname or "") == fold(other.surname or "")
    return same and len(mine) == 1 and theirs.startswith(mine)


def agree(one: Person, other: Person) -> bool:
    """Whether two places may name the same person: same words, or one is a Polish form of the other."""
    if one.given and one.surname and other.given and other.surname:
        if sorted(one.words) == sorted(other.words) or _abbreviated(one, other) or _abbreviated(other, one):
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
    whole = sorted((p for p in found if p.given and p.surname), key=lambda p: (len(fold(p.given or "")) == 1, p.rank))
    if given and surname and (not whole or min(given[0].rank, surname[0].rank) <= whole[0].rank):
        best = Person(given[0].given, surname[0].surname, 0)
    elif whole:
        best = whole[0]
    else:
        best = Person(given[0].given if given else None, surname[0].surname if surname else None, 0)
    if not all(agree(best, other) for other in found):
        return None, None
    return best.given, best.surname
