"""What characters look like: the forms in which texts of citizens are compared. Pure, linear in the text."""

from __future__ import annotations

import re
import unicodedata

from mailbot.text.remembered import remembered
from mailbot.text.unicode import flat, visible

__all__ = ["canonical", "distance", "flat", "fold", "visible", "word_set"]

# White_Space (Unicode, PropList.txt): what a mail program shows as a gap.
_SPACE = re.compile("[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_TWO = "ĲĳǄǅǆǇǈǉǊǋǌǱǲǳﬀﬁﬂﬃﬄﬅﬆ"
"""Characters that show as several letters (Unicode, compatibility decomposition)."""
_IN_NAMES = str.maketrans(
    {
        **dict.fromkeys("'’‘‛`´ʹʻʼˈ′＇ꞌ·"),
        **{char: unicodedata.normalize("NFKC", char) for char in _TWO},
        "ß": "ss",
        "ẞ": "ss",
        "æ": "ae",
        "Æ": "ae",
        "œ": "oe",
        "Œ": "oe",
    }
)
"""Apostrophes go, and the dot of Marcel·lí; letters that are two."""
_LOOSE_MARKS = re.compile("[\u0300-\u036f]+")
"""What no letter stands with in one character: i with a dot, in İbrahim that a program wrote small."""


def canonical(text: str) -> str:
    """The form in which subjects are compared: NFC, nothing invisible, every space U+0020, trimmed (procedure §1.6).

    Nothing else: case, punctuation and doubled inner spaces stay, because a person sees them.
    """
    return _SPACE.sub(" ", visible(text)).strip(" ")


LONGEST_NAME = 64
"""Characters; a longer word is nobody's name."""


@remembered(8192, LONGEST_NAME)
def fold(word: str) -> str:
    """A word of a name as it is compared: case, diacritics, apostrophes and invisible characters do not count."""
    return _LOOSE_MARKS.sub("", flat(visible(word).translate(_IN_NAMES)))


def distance(left: str, right: str, limit: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment), or ``limit`` + 1 when it is greater."""
    if left == right:
        return 0
    longer = len(left) - len(right)
    if abs(longer) > limit or _strangers(left, right, longer) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], limit + 1)


def _strangers(left: str, right: str, longer: int) -> int:
    """Letters of either word that the other one has not as often: each takes a step of its own, and most words that are
    nothing alike have many."""
    only_left = sum(max(0, left.count(letter) - right.count(letter)) for letter in set(left))
    return max(only_left, only_left - longer)


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``: a list of words that a person can read and mend."""
    return frozenset(text.split())
