"""Words of a letter that no dictionary has, and that an eye takes for one that the rules know: errors of typing.

"awaryjengo", "podstawowgo", "niepamiętam", "wogóle". What is read so is read so for everything: as what is asked, and
as what must not be said. A word that the dictionary or the rules have is never another one; one that could be two of
them, a name and a short word stay as they are, and so does a letter with many such words. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mailbot.ruleset.model import ApplicationWords
from mailbot.text import polish
from mailbot.text.unicode import flat

_SHORTEST = 6
"""Letters of a word in which one may be wrong."""
_SHORTEST_NAME = 5
"""The same of what is no word of Polish, and the rules have it: "PUESC"."""
_SHORTEST_PART = 4
"""Letters of what stands behind a blank that was left out: "wogóle"."""
_MOST = 6
"""Errors of a letter: what has more is a person's."""
_MOST_TRIED = 30
"""Unknown words of a letter that are looked at, of 3 ms each."""
_REMEMBERED = 1_024
_WORD = re.compile(r"(?<![\w@.+-])[^\W\d_]{5,30}(?![\w@+-]|\.\w)")
"""None that is a part of an address or of a double name."""
_START = re.compile(r"(?:\A|\n|[.!?:;]\s)[^\w\n]*\Z")
_Said = frozenset[tuple[str, str, bool]]
"""What a word can be: lemmas, with who does it now, and whether "nie" is a part of it."""
_LETTERS = "aąbcćdeęfghijklłmnńoóprsśtuwyzźż"
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_MARKED = ("aą", "cć", "eę", "lł", "nń", "oó", "sś", "zźż", "uó")
_SOUNDS = (("rz", "ż"), ("ż", "rz"), ("ch", "h"), ("h", "ch"), ("en", "ę"), ("em", "ę"), ("on", "ą"), ("om", "ą"))
"""What sounds alike: "chasło", "zamknienta"."""
_BEFORE = ("nie", "bez", "we", "ze", "na", "od", "po", "do", "za", "w", "z")
"""Words behind which a blank is left out."""
_GLUED = frozenset({"niemam", "niemamy", "niemoge", "niemogę", "niewiem", "nieznam"})
"""What is written so for two words, though the dictionary has some of them as another one ("niemama")."""
_TOLD = frozenset({"fin", "praet", "pred", "inf"})
_COMMON = "nazwa_pospolita"


def corrected(text: str, letter: ApplicationWords) -> str:
    """``text``, without the applicant's name, with each such word as the one that it can only be."""
    tried = changed = 0

    def read(found: re.Match[str]) -> str:
        nonlocal tried, changed
        word = found[0]
        if _is_known(word, letter):
            return word
        tried += 1
        capital = word[0].isupper() and not word.isupper()
        if tried > _MOST_TRIED or (capital and not _START.search(text[max(0, found.start() - 9) : found.start()])):
            return word
        meant = _meant(word.lower(), letter)
        changed += meant is not None
        return word if meant is None else _cased(meant, word)

    said = _WORD.sub(read, text)
    return said if changed <= _MOST else text


def _cased(meant: str, word: str) -> str:
    return meant.upper() if word.isupper() else meant.capitalize() if word[0].isupper() else meant


def _is_known(word: str, letter: ApplicationWords) -> bool:
    """Whether ``word`` is one of the dictionary, or the rules write it out and have not only its beginning."""
    return word.lower() not in _GLUED and (_is_written(flat(word), letter) or bool(polish.senses(word)))


def _is_written(word: str, letter: ApplicationWords) -> bool:
    known = (letter.words, letter.never, letter.joints, letter.guarded)
    return any(word in words.whole for words in known) or letter.book.writes(word) or letter.titles.writes(word)


def _is_listed(word: str, letter: ApplicationWords) -> bool:
    """Whether the rules have ``word``, in whatever sense."""
    return word in letter.words or word in letter.never or letter.book.knows(word) or letter.titles.knows(word)


@lru_cache(maxsize=_REMEMBERED)
def _meant(word: str, letter: ApplicationWords) -> str | None:
    """The likeliest word of the rules that ``word``, in small letters, may be but for one error; None for none.

    None as well when it may be another one that matters: that is asked, or must not be said, or stands in no free
    clause. Two forms of one word may say the same ("zgubiłem", "zgubiłam").
    """
    if parted := _parted(word, letter):
        return parted
    found = {spelling: said for spelling in _spellings(word) if (said := _said(spelling, letter))}
    if len(word) < _SHORTEST:
        found = {spelling: said for spelling, said in found.items() if not polish.is_word(spelling)}
    first = next(iter(found), None)
    others = [spelling for spelling, said in found.items() if first and found[first].isdisjoint(said)]
    return None if any(_matters(spelling, letter) for spelling in others) else first


def _parted(word: str, letter: ApplicationWords) -> str | None:
    """``word`` with the blank that was left out in it."""
    for before in _BEFORE:
        rest = word[len(before) :]
        if not word.startswith(before):
            continue
        if before == "nie" and any(sense.part in _TOLD for sense in polish.senses(rest)):
            return f"{before} {rest}"
        if before != "nie" and len(rest) >= _SHORTEST_PART and _said(rest, letter):
            return f"{before} {rest}"
    return None


def _said(word: str, letter: ApplicationWords) -> _Said:
    """What ``word`` says; nothing when it is none, and when the rules have it in no form."""
    plain = flat(word)
    if not polish.is_word(word):
        if not word.isascii() or len(plain) < _SHORTEST_NAME or plain not in letter.words.whole:
            return frozenset()
        return _sensed(word) or frozenset({(plain, "", False)})
    if _is_listed(plain, letter) or any(form in letter.words for forms in polish.alike(word) for form in forms):
        return _sensed(word)
    return _sensed(word) if any(lemma in letter.guarded for lemma, _, _ in _sensed(word)) else frozenset()


def _matters(word: str, letter: ApplicationWords) -> bool:
    plain = flat(word)
    return (
        letter.book.knows(plain)
        or plain in letter.never
        or any(lemma in letter.guarded or lemma in letter.never or denied for lemma, _, denied in _sensed(word))
    )


def _sensed(word: str) -> _Said:
    """Who does it matters of what is done now: "chce" and "chcę". No names."""
    return frozenset(
        (sense.lemma, sense.person if sense.part == "fin" else "", sense.denied)
        for sense in polish.senses(word)
        if not sense.kinds or _COMMON in sense.kinds
    )


def _spellings(word: str) -> Iterator[str]:
    """What ``word`` is without one error, the most likely ones first. Its first letter is right, or the second one."""
    for i in range(len(word) - 1):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    for i in range(1, len(word)):
        if word[i] == word[i - 1]:
            yield word[:i] + word[i + 1 :]
    for written, meant in _SOUNDS:
        for found in re.finditer(written, word):
            yield word[: found.start()] + meant + word[found.end() :]
    for i in range(1, len(word)):
        for letter in _NEAR.get(word[i], ""):
            yield word[:i] + letter + word[i + 1 :]
    for i in range(1, len(word) + 1):
        for letter in _LETTERS:
            yield word[:i] + letter + word[i:]
    for i in range(1, len(word)):
        yield word[:i] + word[i + 1 :]


def _neighbours() -> dict[str, str]:
    """For each letter those that stand beside it on the keyboard, and those that differ by a mark."""
    near: dict[str, set[str]] = {}
    for row, below in zip(_KEYS, (*_KEYS[1:], ""), strict=True):
        for i, key in enumerate(row):
            for other in (*row[i + 1 : i + 2], *below[max(0, i - 1) : i + 1]):
                near.setdefault(key, set()).add(other)
                near.setdefault(other, set()).add(key)
    for marked in _MARKED:
        for one in marked:
            near.setdefault(one, set()).update(set(marked) - {one})
    return {key: "".join(sorted(others)) for key, others in near.items()}


_NEAR = _neighbours()
