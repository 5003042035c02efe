"""What characters look like: the forms in which texts of citizens are compared. Pure, linear in the text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from mailbot.unicode import nfc

# Default_Ignorable_Code_Point (Unicode 15) without the Hangul fillers, which show as a gap, and without U+202E
# RIGHT-TO-LEFT OVERRIDE, which turns the letters round for everybody to see.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202d\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
# White_Space (Unicode, PropList.txt): what a mail program shows as a gap.
_SPACE = re.compile("[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_PLAIN = {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "ı": "i", "ħ": "h", "ß": "s", "æ": "a", "œ": "o", "þ": "t", "ə": "a"}
_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ′")


def visible(text: str) -> str:
    """``text`` in NFC without invisible characters (domain.md §1.6)."""
    return nfc(_INVISIBLE.sub("", text))


def canonical(text: str) -> str:
    """The form in which subjects are compared: NFC, nothing invisible, every space U+0020, trimmed (domain.md §1.6).

    Nothing else: case, punctuation and doubled inner spaces stay, because a person sees them.
    """
    return _SPACE.sub(" ", visible(text)).strip(" ")


@lru_cache(maxsize=4096)
def _flat(char: str) -> str:
    for part in unicodedata.normalize("NFKD", char.casefold()):
        if not unicodedata.combining(part):
            return _PLAIN.get(part, part)
    return char


def flat(text: str) -> str:
    """Lower case without diacritics, one character for each character of ``text``: positions stay the same."""
    return "".join(map(_flat, text))


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """A word of a name as it is compared: case, diacritics, apostrophes and invisible characters do not count."""
    return flat(visible(word).translate(_APOSTROPHES).replace("ß", "ss"))


def distance(left: str, right: str, limit: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment), or ``limit`` + 1 when it is greater."""
    if abs(len(left) - len(right)) > limit:
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


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``: a list of words that a person can read and mend."""
    return frozenset(text.split())
