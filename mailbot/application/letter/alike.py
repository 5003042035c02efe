"""Whether a text stands in what optical character recognition read: as much alike as such a reading needs, no more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

_PLAIN = str.maketrans("łŁ–—’", "lL--'")
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("©", "@"))
_TWINS = str.maketrans("1i|!j0635", "lllllobes")
_KEPT = re.compile(r"[^a-z0-9@]+")
_POLISH = re.compile("[ąćęłńóśźż]", re.IGNORECASE)
_ANY = "?"
_WORD = 4
"""Letters of the shortest word that is looked for: shorter ones stand everywhere by chance."""
_LONG = 6
"""Signs of a datum in which one may be misread."""
_REST = 2
"""Letters beside the Polish ones that a name must have for those to be gaps."""
_GAPS = 8
"""Of a name at most: each doubles the ways to look for it."""
_SHARE = 0.85
"""Of the words of one side that the other must have."""
_ADDRESS = r"\w.+%@-"
_MARKS = "[.,:;_~–—-]{0,2}"
_LIKES = {"1l": "[1l]{1,2}", "0o": "[0o]{1,2}"}


def bones(text: str) -> str:
    """What an eye, and a reading of a picture, can tell apart: no spaces, accents, dots; l as 1, o as 0, m as rn."""
    out = unicodedata.normalize("NFKD", text.translate(_PLAIN)).lower()
    out = "".join(c for c in out if not unicodedata.combining(c))
    for two, one in _PAIRS:
        out = out.replace(two, one)
    return _KEPT.sub("", out.translate(_TWINS))


def _wanted(text: str) -> str:
    """The bones of ``text`` with a ``_ANY`` for each Polish letter: English data read ł as t, ó as 6."""
    return _ANY.join(map(bones, _POLISH.split(text)))


def within(needle: str, hay: str, edits: int) -> bool:
    """Whether some part of ``hay`` is ``needle`` but for so many letters changed, left out or put in.

    Both are ``bones``; ``_ANY`` in ``needle`` is any letter. Myers' bit vectors (J. ACM 46(3), 1999): a few operations
    for each letter of ``hay``.
    """
    if needle in hay:
        return True
    size = len(needle)
    if size <= edits:
        return True
    ones, top = (1 << size) - 1, 1 << (size - 1)
    at: dict[str, int] = {}
    for i, letter in enumerate(needle):
        at[letter] = at.get(letter, 0) | 1 << i
    any_letter = at.get(_ANY, 0)
    plus, minus, distance = ones, 0, size
    for letter in hay:
        equal = at.get(letter, 0) | any_letter
        across = (((equal & plus) + plus) ^ plus) | equal | minus
        up, down = minus | ~(across | plus) & ones, plus & across
        distance += bool(up & top) - bool(down & top)
        if distance <= edits:
            return True
        up, down = up << 1 & ones, down << 1 & ones
        plus, minus = down | ~((equal | minus) | up) & ones, up & (equal | minus)
    return False


def has_datum(datum: str, seen: str) -> bool:
    """Whether a name stands in ``seen``: one sign of a long one may be misread, none of a short one.

    Where it is a word of its own, its Polish letters may be gaps: what fills in a form shows it in Helvetica, and the
    font that stands in for it has not all of them.
    """
    needle = _wanted(datum)
    if not needle:
        return False
    return within(needle, bones(seen), int(len(needle) >= _LONG)) or _with_gaps(datum, seen)


def _with_gaps(datum: str, seen: str) -> bool:
    parts = _POLISH.split(datum.lower())
    if len("".join(parts)) < _REST or len(parts) > _GAPS:
        return False
    spelt = "[^\n]?".join(map(re.escape, parts))
    return re.search(rf"(?<!\w){spelt}(?!\w)", seen.lower()) is not None


def has_address(address: str, seen: str, sure: Collection[str] = ()) -> bool:
    """Whether an address stands in ``seen`` sign by sign and not as the part of a longer one.

    Large I, !, ] and | are often the reading of a small l; nothing else is let pass: who owns "gmai1" must not pass for
    "gmail". A reading may part an address by single blanks, and by the end of a line behind a mark. ``sure``: signs
    whose look was judged already (``sheet``), so that the reading may take them for their like.
    """
    spelt = " ?".join(_sign(sign, sure) for sign in address.lower())
    found = re.compile(rf"(?<![{_ADDRESS}]){spelt}(?![\w@%+-]|\.\w)")
    return any(found.search(text.lower()) for text in (seen, re.sub(r"[]I|!]", "l", seen)))


def _sign(sign: str, sure: Collection[str]) -> str:
    exact = re.escape(sign)
    if sign in ".-_@":
        return (_MARKS if sign in sure else exact) + "\n?"
    return next((likes for signs, likes in _LIKES.items() if sign in signs and sign in sure), exact)


def same_words(said: str, seen: str, beside: str = "") -> bool:
    """Whether each of two texts has nearly all words of the other. ``beside``: may be seen, and need not be."""
    return _share(said, bones(seen)) and _share(seen, bones(said + beside))


def seen_of(said: str, seen: str) -> str:
    """``said`` without the words that do not stand in ``seen``, as alike as a reading needs; short ones stay."""
    hay = bones(seen)

    def kept(word: re.Match[str]) -> str:
        needle = _wanted(word[0])
        return word[0] if len(needle) < _WORD or within(needle, hay, len(needle) // 5) else "?"

    return re.sub(r"[^\W\d_]+", kept, said)


def _share(text: str, hay: str) -> bool:
    words = [word for word in map(_wanted, _words(text)) if len(word) >= _WORD]
    spare = int(len(words) * (1 - _SHARE))
    for word in words:
        spare -= not within(word, hay, len(word) // 5)
        if spare < 0:
            return False
    return True


def _words(text: str) -> Iterable[str]:
    """Words between blanks and the signs that a reading takes for one another (lines of a form, dots)."""
    return re.findall(r"[^\s_/|…]+", text)
