"""Finding the sentence of the procedure in a text (seed 001: P5 for case A, P11 for case B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mailbot.model import Phrase
from mailbot.request.characters import distance

_BEGINNING = ("prosze", "o", "zmiane", "hasla", "awaryjnego")
_ADDRESS = re.compile(
    r"(?:oraz|i|a takze|jak rowniez)(?: o)?(?: zmiane)? adresu (?:poczty )?(?:e ?)?mail(?:a|u|owego)?"
)
_LONGEST_TAIL = 8
_WIDEST_GAP = 20
_WORD = re.compile(r"[^\W_]+")
_LIKELY = re.compile(
    r"(p[^\W_]{4,6})[\W_]{1,20}(o)[\W_]{1,20}(z[^\W_]{4,6})[\W_]{1,20}(h[^\W_]{3,5})[\W_]{1,20}(a[^\W_]{8,10})(?![^\W_])"
)
"""Where five words stand that one slip of the pen may part from ``_BEGINNING``. None begins within another."""


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """One place where the sentence stands: ``text[start:end]``, its last word is "dla"."""

    phrase: Phrase
    start: int
    end: int


def sentences(low: str) -> Iterator[PhraseMatch]:
    """Every place of a text where sentence A or B stands, from the top. ``low``: its flat form.

    Case, diacritics, line breaks, punctuation between the words and one slip of the pen in a long word do not matter;
    other words do: a paraphrase is not the sentence.
    """
    for likely in _LIKELY.finditer(low):
        start, end = likely.span()
        inside_a_word = _WORD.match(low, start - 1) if start else None
        if inside_a_word or not all(map(_same, likely.groups(), _BEGINNING)):
            continue
        tail: list[str] = []
        for found in islice(_WORD.finditer(low, end), _LONGEST_TAIL):
            if found.start() - end > _WIDEST_GAP:
                break
            end = found.end()
            if found[0] == "dla":
                if phrase := _phrase(tail):
                    yield PhraseMatch(phrase, start, end)
                break
            tail.append(found[0])


def _phrase(tail: list[str]) -> Phrase | None:
    """Which sentence it is by the words between "awaryjnego" and "dla"; None: neither."""
    if not tail:
        return Phrase.A
    mended = (next((w for w in ("zmiane", "adresu", "email") if _same(word, w)), word) for word in tail)
    return Phrase.B if _ADDRESS.fullmatch(" ".join(mended)) else None


def _same(said: str, word: str) -> bool:
    return said == word or (len(word) >= 5 and said[0] == word[0] and distance(said, word, 1) <= 1)
