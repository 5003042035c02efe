"""The sound of a name without its spelling: umlauts, Cyrillic in Polish, English, German or Belarusian letters.

Equal skeletons mean that a person should look. They never accept: too many strangers share one.
"""

from __future__ import annotations

import re

from mailbot.request.characters import LONGEST_NAME
from mailbot.text.remembered import remembered

# In this order: what is written with more letters stands before its parts.
_SPELLINGS = (
    *(("mac", "mc"), ("szcz", "s"), ("shch", "s"), ("sch", "s"), ("sh", "s"), ("sz", "s")),
    *(("ts", "c"), ("tz", "c"), ("ck", "k"), ("cz", "h"), ("c", "h"), ("kh", "h"), ("g", "h")),
    *(("zh", "z"), ("rz", "z"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("dj", "d"), ("x", "ks")),
    *(("ue", "u"), ("oe", "o"), ("ae", "a"), ("ou", "u"), ("w", "v"), ("j", "i"), ("y", "i")),
)
_DOUBLED = re.compile(r"(.)\1+")
_SOFT = re.compile(r"(?<!^)i(?=[eou].)|^i(?=e)|(?<!^)e(?=i$)")
"""Softness that one alphabet writes and another does not: Siergiej, Sergei; Hnatiuk, Hnatuk; Yevhen, Evhen."""
_UNSTRESSED = re.compile(r"o(?=.)")
"""Belarusian writes it a (Kavalchuk). The last letter stays: it tells Mario from Maria."""


_HALF_VOWEL = re.compile(r"(?:o|(e))v(?![aeiou])")
"""Belarusian writes it u: Zhukouski, Żukowski; Kavaleuski, Kowalewski."""
_ADJECTIVE = re.compile(r"kaia$")
"""Kovalevskaya, Kowalewska."""


@remembered(8192, LONGEST_NAME)
def skeleton(word: str) -> str:
    """What all spellings of a folded word share."""
    for spelling, sound in _SPELLINGS:
        word = word.replace(spelling, sound)
    word = _SOFT.sub("", _DOUBLED.sub(r"\1", word))
    word = _ADJECTIVE.sub("ka", _HALF_VOWEL.sub(r"\1u", word))
    return _DOUBLED.sub(r"\1", _UNSTRESSED.sub("a", word))
