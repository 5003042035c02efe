"""Unicode NFC and the plain look of letters, in time linear in the text."""

from __future__ import annotations

import codecs
import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u0591-\u08ff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{30}")

# Default_Ignorable_Code_Point (Unicode 15) without the Hangul fillers, which show as a gap, and without U+202E
# RIGHT-TO-LEFT OVERRIDE, which turns the letters round for everybody to see.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202d\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_REMEMBERED = 4096
_COMMON = "".join(map(chr, range(0x80))) + "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ„”“‟’‘–—…•·«»§°€©®™\u00a0\u2002\u2003\u2009\u202f"
"""What nearly all letters are written in. Each of these stands in NFC beside whatever other, and none is invisible."""
_CODES = codecs.charmap_build(_COMMON.ljust(256, "\ufffe"))  # U+FFFE: no character
_PLAIN = {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "ı": "i", "ħ": "h", "ß": "s", "æ": "a", "œ": "o", "þ": "t", "ə": "a"}


def is_common(text: str) -> bool:
    """Whether a text is all ASCII, Polish letters and the signs of typography: then it is in NFC and ``visible``."""
    return text.isascii() or _coded(text) is not None


def _coded(text: str) -> bytes | None:
    """An octet for each character of a common text: a pass over them that takes a tenth of a search."""
    try:
        return codecs.charmap_encode(text, "strict", _CODES)[0]
    except UnicodeEncodeError:
        return None


def nfc(text: str) -> str:
    """``text`` in NFC: a letter and its mark are one character.

    Runs of more than 30 combining marks are cut first (UAX #15 §13, Stream-Safe): the standard library needs time
    quadratic in their length, 9 seconds for 128 KB.
    """
    if is_common(text):
        return text
    return unicodedata.normalize("NFC", _shorten(text) if _MARKS.search(text) else text)


def _shorten(text: str) -> str:
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= 30:
            kept.append(char)
    return "".join(kept)


def visible(text: str) -> str:
    """``text`` in NFC without invisible characters (procedure §1.6)."""
    return text if is_common(text) else nfc(_INVISIBLE.sub("", text))


class _Flat(dict[int, str]):
    """Code point → the letter it looks like; the common ones are kept."""

    def __missing__(self, code: int) -> str:
        parts = unicodedata.normalize("NFKD", chr(code).casefold())
        letter = next((_PLAIN.get(part, part) for part in parts if not unicodedata.combining(part)), chr(code))
        if len(self) < _REMEMBERED:
            self[code] = letter
        return letter


_FLAT = _Flat()
_COMMON_FLAT = _COMMON.translate(_FLAT)


def flat(text: str) -> str:
    """Lower case without diacritics, one character for each character of ``text``: positions stay the same."""
    if text.isascii():
        return text.lower()
    octets = _coded(text)
    return text.translate(_FLAT) if octets is None else codecs.charmap_decode(octets, "strict", _COMMON_FLAT)[0]
