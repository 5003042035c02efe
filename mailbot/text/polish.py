"""What the words of Polish are: their lemmas, parts of speech and forms, by the dictionary of Morfeusz (SGJP).

A list of inflected forms is never complete: "zgubiłam", "zgubił mi się" and "zgubione" are one verb, and who acts
stands in its ending. Tags are those of Morfeusz 2. Pure, but for the dictionary in memory (40 MB).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import combinations, product
from typing import NamedTuple

import morfeusz2

from mailbot.text.unicode import flat

_LONGEST = 40
"""Letters: longer ones are no word."""
_WORD = re.compile(r"[A-Za-zĄĆĘŁŃÓŚŹŻąćęłńóśźż]+(?:-[A-Za-zĄĆĘŁŃÓŚŹŻąćęłńóśźż]+)?")
_MARKS = {"a": "ą", "c": "ć", "e": "ę", "l": "ł", "n": "ń", "o": "ó", "s": "ś", "z": "żź"}
_MOST_MARKS = 3
"""Diacritics that may be missing in a word."""
_MOST_TRIED = 200
"""Spellings of a word: each takes 15 microseconds."""
_MALE = "m1"
_UNKNOWN = "ign"
_COMMON = "nazwa_pospolita"


class Sense(NamedTuple):
    """One reading of a word."""

    lemma: str
    """In small letters without diacritics, as the words of rules are written: "zgubic"."""
    part: str
    """The part of speech: "subst", "adj", "adv", "fin" (of a verb's present or future), "praet" (past), "cond", "impt",
    "imps" ("zamknięto"), "inf", "pcon", "pant", "pact", "ppas", "ger", "pred" ("trzeba"), "prep", "conj", "comp", …"""
    person: str
    """Of a verb or a pronoun: "pri", "sec", "ter"; otherwise empty."""
    male: bool
    """Whether it can name a man (gender m1)."""
    kinds: frozenset[str]
    """What a noun names: "imię", "nazwisko", "nazwa_geograficzna", "nazwa_pospolita", …"""
    future: bool
    """Whether a verb tells what will be ("zgubię")."""
    denied: bool
    """Whether "nie" is a part of the word: "niedostępny", "nieodebrany"."""


def load() -> None:
    """Have the dictionary in memory, where it must be before a process is locked."""
    _dictionary()


def senses(word: str, *, bare: bool = False) -> tuple[Sense, ...]:
    """All that ``word`` can be; nothing when the dictionary does not know it.

    bare: it stands in a text without diacritics, so that "maja" may be "mają" as well. An unknown word is always looked
    for with the diacritics that may be missing (three at most).
    """
    if len(word) > _LONGEST or not _WORD.fullmatch(word):
        return ()
    return _senses(word, bare)


def is_word(word: str) -> bool:
    """Whether the dictionary knows ``word`` as it is written."""
    return len(word) <= _LONGEST and _WORD.fullmatch(word) is not None and bool(_looked_up(word))


def is_no_name(word: str) -> bool:
    """Whether the dictionary knows ``word``, in whatever letters, and neither as a noun nor as a quality."""
    found = {sense.part for spelling in (word, word.title()) for sense in senses(spelling)}
    return bool(found) and found.isdisjoint(("subst", "depr", "adj"))


@lru_cache(maxsize=8192)
def _senses(word: str, bare: bool) -> tuple[Sense, ...]:
    found = dict.fromkeys(_looked_up(word))
    if not found or (bare and word.isascii()):
        for spelling in _spellings(word):
            found.update(dict.fromkeys(_looked_up(spelling)))
    return tuple(found)


@lru_cache(maxsize=8192)
def alike(word: str) -> tuple[frozenset[str], ...]:
    """For each thing that ``word`` can be: its forms that say the same, in small letters without diacritics.

    Of a noun or an adjective all cases, numbers and genders; of a verb those of the same time and person: "zgubiłem"
    and "zgubiłam", "zgubił" and "zgubiło". Nothing when the dictionary does not know it. Nearly every word is a name as
    well ("Stary", "Obecny"): one that can be anything else is none.
    """
    if len(word) > _LONGEST or not _WORD.fullmatch(word):
        return ()
    found: dict[tuple[str, str], frozenset[str]] = {}
    names: dict[tuple[str, str], frozenset[str]] = {}
    for spelling in (word, *(() if _looked_up(word) else _spellings(word))):
        for start, end, (_, lemma, tag, kinds, _) in _dictionary().analyse(spelling):
            known = names if kinds and _COMMON not in kinds else found
            if (start, end) == (0, 1) and tag != _UNKNOWN and (lemma, _class(tag)) not in known:
                known[lemma, _class(tag)] = frozenset(
                    flat(form) for form, _, other, _, _ in _dictionary().generate(lemma) if _class(other) == _class(tag)
                )
    return tuple((found or names).values())


def _class(tag: str) -> str:
    """What of a tag is the same in all forms that say the same."""
    part, *forms = tag.split(":")
    kept = [form for form in forms if form in ("pri", "sec", "ter", "neg")]
    if "pri" in kept or "sec" in kept:
        kept += [form for form in forms if form in ("sg", "pl")]
    return ":".join(("subst" if part == "depr" else part, *kept))


@cache
def _dictionary() -> morfeusz2.Morfeusz:
    return morfeusz2.Morfeusz(praet="composite")


def _looked_up(word: str) -> list[Sense]:
    readings: list[tuple[int, int, tuple[str, str, str, list[str], list[str]]]] = _dictionary().analyse(word)
    endings = [tag for start, _, (_, _, tag, _, _) in readings if start]  # "żebym" is "żeby" with one
    return [
        _sense(lemma, ":".join((tag, *endings)), kinds)
        for start, _, (_, lemma, tag, kinds, _) in readings
        if not start and tag != _UNKNOWN
    ]


def _sense(lemma: str, tag: str, kinds: list[str]) -> Sense:
    part, *forms = tag.split(":")
    values = {value for form in forms for value in form.split(".")}
    return Sense(
        lemma=flat(lemma.partition(":")[0]),
        part=part,
        person=next((person for person in ("pri", "sec", "ter") if person in values), ""),
        male=_MALE in values,
        kinds=frozenset(kinds),
        future=part == "fin" and "imperf" not in values,
        denied="neg" in values,
    )


def _spellings(word: str) -> list[str]:
    """``word`` with up to three of the diacritics that may be missing, those with few first."""
    places = [i for i, letter in enumerate(word) if letter.lower() in _MARKS]
    found: list[str] = []
    for count in range(1, _MOST_MARKS + 1):
        for chosen in combinations(places, count):
            for marks in product(*(_MARKS[word[i].lower()] for i in chosen)):
                letters = list(word)
                for i, mark in zip(chosen, marks, strict=True):
                    letters[i] = mark.upper() if word[i].isupper() else mark
                found.append("".join(letters))
        if len(found) > _MOST_TRIED:
            break
    return found[:_MOST_TRIED]
