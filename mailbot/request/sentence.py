"""Finding the sentence of the procedure in a text (seed 001: P5 for case A, P11 for case B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailbot.model import Phrase
from mailbot.request.characters import distance, flat

_BEGINNING = ("prosze", "o", "zmiane", "hasla", "awaryjnego")
_ADDRESS = re.compile(
    r"(?:oraz|i|a takze|jak rowniez)(?: o)?(?: zmiane)? adresu (?:poczty )?(?:e ?)?mail(?:a|u|owego)?"
)
_LONGEST_TAIL = 8
_WIDEST_GAP = 20
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One place where the sentence stands: ``text[start:end]``, its last word is "dla"."""

    phrase: Phrase
    start: int
    end: int


def sentences(text: str) -> Iterator[Sentence]:
    """Every place of ``text`` where sentence A or B stands, from the top.

    Case, diacritics, line breaks, punctuation between the words and one slip of the pen in a long word do not matter;
    other words do: a paraphrase is not the sentence.
    """
    found = list(_WORD.finditer(flat(text)))
    said = [match[0] for match in found]
    for i in range(len(said) - len(_BEGINNING)):
        if said[i + 1] != _BEGINNING[1]:  # too short for a slip of the pen, and the quickest to tell
            continue
        if not all(_same(said[i + k], word) for k, word in enumerate(_BEGINNING)):
            continue
        behind = i + len(_BEGINNING)
        for last in range(behind, min(behind + _LONGEST_TAIL, len(said))):
            if said[last] != "dla":
                continue
            phrase = _phrase(said[behind:last])
            if phrase and all(found[k + 1].start() - found[k].end() <= _WIDEST_GAP for k in range(i, last)):
                yield Sentence(phrase, found[i].start(), found[last].end())
            break


def _phrase(tail: list[str]) -> Phrase | None:
    """Which sentence it is by the words between "awaryjnego" and "dla"; None: neither."""
    if not tail:
        return Phrase.A
    mended = (next((w for w in ("zmiane", "adresu", "email") if _same(word, w)), word) for word in tail)
    return Phrase.B if _ADDRESS.fullmatch(" ".join(mended)) else None


def _same(said: str, word: str) -> bool:
    return said == word or (len(word) >= 5 and said[0] == word[0] and distance(said, word, 1) <= 1)
