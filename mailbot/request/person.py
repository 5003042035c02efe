"""Reading the name and the birth year that a person wrote behind the sentence. Doubt is kept, never guessed away.

The text goes through three sieves: what is certainly no datum (closing, addresses, telephone numbers) is cut, dates
become one mark each, and of the remaining words those that only lead up to a datum ("Pan", "rok urodzenia") are left
out. All other words stay in the name, so that something unexpected ends with a person and not with a wrong yes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailbot.request.characters import flat
from mailbot.request.vocabulary import (
    CLOSING,
    COURTESY,
    DATE,
    HINTS,
    JUNK,
    LABEL_NAME,
    LABEL_YEAR,
    LEADING,
    PLURAL,
    STRONG_MARK,
    TITLES,
    WEAK_MARK,
    Hint,
)

_YEARS = range(1900, 2021)
_MOST_NAMES = 40
_AHEAD = 30
"""Words behind a conjunction that are looked at for another person."""
_LONGEST = 5_000
"""Characters behind a sentence that are read; the rest cannot be the data."""
_HYPHEN = re.compile(r"(?<=[^\W\d_])[ \t]*[-‐‑‒–—−][ \t]*(?=[^\W\d_])")
_HYPHEN_BEHIND = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{1,20})(?:[ \t]{1,9}[-‐‑‒–—−][ \t]{0,9}|[-‐‑‒–—−][ \t]{1,9})(?=[^\W\d_])"
)
"""With blanks: it may part a name from what leads up to it."""
_SEGMENT = re.compile(r"\n|(?<=[.!?;])[ \t]+(?=[^\W\d_])")
_LETTERS = r"(?:[^\W\d_]|[\u0300-\u036f])+"
_TOKEN = re.compile(rf"[?\ufffd]?{_LETTERS}(?:['’‘‛`´＇·?\ufffd-]{{1,2}}{_LETTERS})*\ufffd?|\ue000|[&+/]")
"""A letter that an encoding has lost (Wo?niak) stays in its word: no other word is left of it."""
_YEAR = re.compile(r"\d{4}")
"""In every date, and quickly looked for."""
_MARK = "\ue000"
_CONJUNCTIONS = frozenset(("i", "oraz", "a", "takze", "and", "&", "+", "lub", "albo"))
_BIRTH = re.compile(r"\bur|rocznik|\brok|born|birth")
_LABELLED_NAME = re.compile(r"\bimi(?:e|ona)\b[^:\n]{0,20}:\s{0,3}([^\W\d_][^\n,;]{0,60})")


@dataclass(slots=True)
class NameAndYear:
    """What was read: the words of the name, the years, and whether a hint of the card was left in place."""

    names: list[str] = field(default_factory=list)
    years: list[tuple[int, bool]] = field(default_factory=list)
    """(year, stands behind a word for birth)."""
    several: bool = False
    hint: Hint = Hint(0)
    """What a hint left in the text stands for."""
    unfilled: Hint = Hint(0)
    """Labels without a colon: hints, when no datum stands behind them."""

    @property
    def year(self) -> int | None:
        """The one birth year; with several, the one that is called so; else None."""
        found = {year for year, _ in self.years}
        named = {year for year, birth in self.years if birth}
        for choice in (found, named):
            if len(choice) == 1:
                return choice.pop()
        return None

    @property
    def named(self) -> bool:
        """Whether there are at least two words of a name."""
        return len(self.names) >= 2


@dataclass(frozen=True, slots=True)
class _Region:
    """A text with its flat form, which every sieve looks at: it is made once."""

    text: str
    low: str

    @staticmethod
    def of(text: str) -> _Region:
        return _Region(text, flat(text))

    def without(self, pattern: re.Pattern[str], by: str = " , ") -> _Region:
        """The same with every match of ``pattern`` in its flat form replaced."""
        texts: list[str] = []
        lows: list[str] = []
        last = 0
        for found in pattern.finditer(self.low):
            texts += [self.text[last : found.start()], by]
            lows += [self.low[last : found.start()], by]
            last = found.end()
        if not texts:
            return self
        return _Region("".join([*texts, self.text[last:]]), "".join([*lows, self.low[last:]]))


def read_person(region: str) -> NameAndYear:
    """The person described by ``region``, the text between the word "dla" and the next sentence or the end."""
    whole = _Region.of(cut_closing(region[:_LONGEST]).replace("…", "...").replace(_MARK, " "))
    person = NameAndYear()
    whole = _take_hints(whole, person)
    for pattern in JUNK:
        whole = whole.without(pattern)
    _settle_labels(whole.low, person)
    text, years = _mark_dates(whole.without(LABEL_NAME))
    break_before = False
    lines = _SEGMENT.split(text)
    for position, line in enumerate(lines):
        pieces = _pieces(line)
        if not pieces:
            break_before = True
            continue
        if person.named and person.years:
            person.several |= _second_person([*map(_pieces, lines[position:])], person, years)
            break
        if break_before and person.named and any(_is_name(piece) for piece in pieces):
            break  # a new paragraph behind a name: a signature, not the year
        _read_line(pieces, person, years)
        break_before = False
    if len(person.names) == 1:
        person.names += _also_a_word(person.names[0], whole.text)
    if len(person.names) == 1:
        person.names[:0] = _also_a_title(person.names[0], whole.text)
    if person.names:
        person.unfilled &= ~Hint.NAME
    if person.years:
        person.unfilled &= ~Hint.YEAR
    person.hint |= person.unfilled
    return person


def _also_a_word(given: str, text: str) -> list[str]:
    """The surname behind ``given`` that looks like what leads up to a datum: "Anna Rok, 1980", "Max Born, 1962"."""
    return re.findall(rf"(?<!\w){re.escape(given)}[ \t]{{1,3}}([A-Z][^\W\d_]{{1,20}})(?=[ \t]{{0,3}}[,;(\n])", text)[:1]


def _also_a_title(given: str, text: str) -> list[str]:
    """The surname in front of ``given`` that looks like a title: "Por Jan, 1980"."""
    found = re.findall(rf"(?<!\w)([A-Z][^\W\d_]{{1,20}})[ \t]{{1,3}}{re.escape(given)}(?!\w)", text)
    return [word for word in found[:1] if flat(word) in TITLES]


def cut_closing(text: str) -> str:
    """``text`` up to the words that close a letter ("Pozdrawiam") or begin another matter ("W załączeniu")."""
    found = CLOSING.search(flat(text))
    return text[: found.start()] if found else text


def _take_hints(region: _Region, person: NameAndYear) -> _Region:
    for hint, pattern in HINTS:
        shorter = region.without(pattern)
        if shorter.text != region.text:
            person.hint |= hint
            region = shorter
    unmarked = region.without(STRONG_MARK)
    if unmarked is not region:
        person.hint |= Hint.NAME | Hint.YEAR
    elif WEAK_MARK.search(region.text):
        person.hint |= Hint.DOTS
    return unmarked


def _mark_dates(region: _Region) -> tuple[str, list[tuple[int, bool]]]:
    """The text with one mark for each date that holds a plausible birth year, and these years."""
    text = region.text
    years: list[tuple[int, bool]] = []
    pieces: list[str] = []
    last = 0
    for found in DATE.finditer(region.low) if _YEAR.search(region.low) else ():
        year = int(next(group for group in found.groups()[1:] if group))
        pieces.append(text[last : found.start()])
        if year in _YEARS:
            birth = _BIRTH.search(found["lead"] or "") is not None
            years.append((year, birth))
            pieces.append(f" {_MARK} ")
        else:
            pieces.append(" , ")
        last = found.end()
    return "".join([*pieces, text[last:]]), years


def _pieces(line: str) -> list[str]:
    """The words of a line. A hyphen with blanks joins two halves of a name, but never a name to what leads up to it
    ("dla mnie - Jan")."""
    return [_leads_off(piece) for piece in _TOKEN.findall(_HYPHEN.sub("-", _HYPHEN_BEHIND.sub(_parted, line)))]


def _parted(found: re.Match[str]) -> str:
    return f"{found[1]} " if flat(found[1]) in COURTESY | LEADING else found[0]


def _leads_off(piece: str) -> str:
    """Without blanks only a word in small letters leads up to a name: "mnie-Jan", but Pan-Nowak is a surname."""
    first, hyphen, rest = piece.partition("-")
    leads = hyphen and flat(first) in COURTESY | LEADING and first.islower() and rest[:1].isupper()
    return rest if leads else piece


def _is_name(piece: str) -> bool:
    """Whether a piece is a word that could belong to a name."""
    if piece == _MARK or piece in "&+/":
        return False
    return flat(piece) not in COURTESY and not (len(piece) == 1 and piece in "wzro")


def _read_line(pieces: list[str], person: NameAndYear, years: list[tuple[int, bool]]) -> None:
    """Take the words and years of one line or sentence."""
    behind_year = 0
    for i, piece in enumerate(pieces):
        low = flat(piece)
        if piece == _MARK:
            person.several |= behind_year >= 2 and len(person.names) - behind_year >= 2
            person.years.append(years.pop(0))
            behind_year = 0
        elif low in PLURAL:
            person.several = True
        elif piece == "/" or (low in _CONJUNCTIONS and not _is_initial(piece, person)):
            person.several |= _joins(piece, pieces[i + 1 : i + _AHEAD], person)
        elif _is_name(piece) and (person.names or low not in LEADING | TITLES):
            if len(person.names) < _MOST_NAMES:
                person.names.append(piece)
            behind_year += bool(person.years)


def _is_initial(piece: str, person: NameAndYear) -> bool:
    """ "A" in "Jan A. Nowak" is no conjunction; in capitals "JAN I ANNA" it is."""
    return piece == "A" or (piece == "I" and any(not name.isupper() for name in person.names))


def _joins(piece: str, following: list[str], person: NameAndYear) -> bool:
    """Whether a conjunction joins two people: "Jana i Anny", "Jana Kowalskiego 1980 oraz Anny Nowak"."""
    words = [word for word in following if flat(word) not in LEADING | _CONJUNCTIONS]
    if not person.names or not words or not _is_name(words[0]):
        return False
    if piece == "/" and (not person.named or len(words) < 2 or not _is_name(words[1])):
        return False
    said = [*person.names, words[0]]
    if all(map(str.isupper, said)) or all(map(str.islower, said)):
        return not (person.named and person.years) or _MARK in words
    return words[0][0].isupper()


def _second_person(lines: list[list[str]], first: NameAndYear, years: list[tuple[int, bool]]) -> bool:
    """Whether another name with another year, or joined by a conjunction, stands on a line behind complete data."""
    left = list(years)
    for pieces in lines:
        found = [left.pop(0)[0] for piece in pieces if piece == _MARK and left]
        words = [piece for piece in pieces if _is_name(piece) and flat(piece) not in LEADING | _CONJUNCTIONS]
        if not 2 <= len(words) <= 4 or not all(word[0].isupper() for word in words):
            continue
        if (found and set(found) != {first.year}) or flat(pieces[0]) in _CONJUNCTIONS:
            return True
    return False


def _settle_labels(low: str, person: NameAndYear) -> None:
    """Two given names behind labels are two people; a label without a colon is a hint, if no datum follows it."""
    values = _LABELLED_NAME.findall(low)
    person.several |= len({value.strip() for value in values}) >= 2
    for label, hint in ((LABEL_NAME, Hint.NAME), (LABEL_YEAR, Hint.YEAR)):
        if any(not found["form"] for found in label.finditer(low)):
            person.unfilled |= hint
