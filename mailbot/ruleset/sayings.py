"""Sayings: how an admin writes what citizens write, without regular expressions.

A saying is a row of words that must follow each other within one sentence. ``usun*`` is any word that begins so,
``(swoje|moje)`` one of these words, ``[swoje]`` or ``[swoje|moje]`` a word that may be left out, ``{mine}`` one word of
the list of that name, alone or among others as in ``[{mine}|to]``, ``…`` (or ``...``) up to five words, and ``.`` the
end of a sentence, which nothing else leaps over. Case, Polish diacritics, apostrophes and hyphens inside words do not
count.

A word of denial is never passed over: a saying does not hold right behind "nie", and "…" does not leap over it, so
"pamiętam hasło" is not found in "nie pamiętam hasła". A saying that means the denial says it: "nie pamiętam hasła".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from mailbot.text.unicode import flat, is_common, visible

LONGEST_TEXT = 20_000
"""Characters of a text that are looked at; what a person writes about one matter is shorter."""
LONGEST_SAYING = 400
GAP = 5
"""Words that "…" may stand for."""

_LEAST_STEM = 3
_DENIALS = frozenset({"nie", "nigdy", "bez", "not", "never", "dont", "doesnt", "didnt", "cannot", "cant", "wont"})
_WORD = r"[^\W_]+(?:[-'’][^\W_]+)*"
_PLAIN_WORD = re.compile(r"[^\W_]+")
_JOINT = re.compile(r"[-'’](?<=[^\W_][-'’])(?=[^\W_])")
_END = re.compile(r"[.!?;:…](?=[\s\"”’)\]]|\Z)|\n[ \t]*\n")
_LIST = r"\{[^{}()\[\]|\s]*\}"
_PART = re.compile(
    rf"\s*(?:(?P<word>{_WORD}\*?|{_LIST})|\((?P<group>[^()\[\]]*)\)|\[(?P<optional>[^()\[\]]*)\]|(?P<gap>…|\.\.\.)|(?P<end>\.))(?=[\s(\[…]|\.\.\.|\Z)"
)
_ALTERNATIVE = re.compile(rf"\s*({_WORD}\*?|{_LIST})\s*")
_REMEMBERED = 4096
"""Words whose meaning is kept: the common ones, whatever else is written."""
_KEPT = 64
"""Characters of a word that is kept at most: no common one is longer."""

Sentences = Sequence[Sequence[str]]
"""The folded words of a text, sentence by sentence."""


@dataclass(frozen=True, slots=True)
class Words:
    """A set of words: some whole, some by how they begin."""

    whole: frozenset[str]
    stems: tuple[str, ...] = ()

    def __contains__(self, word: str) -> bool:
        return word in self.whole or word.startswith(self.stems)

    def __bool__(self) -> bool:
        return bool(self.whole or self.stems)


_SENTENCE_END = Words(frozenset({"."}))
"""No word of a text is a full stop."""

Lists = Mapping[str, Words]
"""Words that sayings name together, by the name of their list."""
NO_LISTS: Lists = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a saying."""

    words: Words | None
    """None: any word but one of denial."""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Saying:
    """One saying of a rule file, ready to be looked for."""

    text: str
    """As written in the file; two sayings with the same text are the same."""
    steps: tuple[Step, ...] = field(compare=False)
    """The first and the last are neither optional nor any word."""


def plain(text: str) -> str:
    """The part of ``text`` that is looked at, as it is compared: small letters, no diacritics, nothing invisible."""
    return flat(visible(text[:LONGEST_TEXT]))


def words(text: str) -> tuple[str, ...]:
    """The words of a plain text, hyphens and apostrophes inside them left out ("e-mail" is "email")."""
    return tuple(_PLAIN_WORD.findall(_JOINT.sub("", text)))


def sentences(text: str) -> list[tuple[str, ...]]:
    """The words of a plain text, sentence by sentence. An empty line ends a sentence, a line break alone does not."""
    parts = _END.split(_JOINT.sub("", text))
    return [said for part in parts if (said := tuple(_PLAIN_WORD.findall(part)))]


def parse(text: str, lists: Lists = NO_LISTS) -> Saying:
    """The saying written as ``text``. Raises ValueError with what is wrong, "; " and the mend."""
    if len(text) > LONGEST_SAYING:
        raise ValueError(f"is longer than {LONGEST_SAYING} characters; write two shorter sayings")
    if text.isalpha():  # one word, as more than half of all
        return Saying(text, (Step(_words([text], lists)),))
    steps: list[Step] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(_unreadable(text[position:].strip()))
        steps.extend(_steps(part, lists))
        position = part.end()
    if not steps:
        raise ValueError("says nothing; write the words that citizens use")
    if any(steps[i].optional or steps[i].words is _SENTENCE_END for i in (0, -1)):
        raise ValueError('begins or ends with "[…]", "…" or "."; delete that part, it changes nothing')
    return Saying(text, tuple(steps))


def literal(text: str) -> Saying:
    """The saying that is the words of ``text`` and nothing else; every sign in it is only a sign."""
    return Saying(text, tuple(Step(Words(frozenset({word}))) for word in words(plain(text))))


class Book:
    """Sayings that are looked for all at once, in one pass over a text.

    Every step of every saying has a bit. The set of steps that could come next is one number, so a word of the text
    costs a few operations on it however many sayings there are; nothing is ever tried twice.
    """

    def __init__(self, sayings: Iterable[Saying]) -> None:
        self._whole: dict[str, int] = {}
        self._stems: dict[str, dict[str, int]] = {}
        self._any = self._optional = self._first = self._last = 0
        self._ends: dict[int, str] = {}
        position = 0
        for saying in dict.fromkeys(sayings):
            self._first |= 1 << position
            for step in saying.steps:
                self._add(step, 1 << position)
                position += 1
            self._last |= 1 << (position - 1)
            self._ends[position - 1] = saying.text
        self._meaning = lru_cache(_REMEMBERED)(self._look_up)
        self._end = self._look_up(".")

    def found(self, text: Sentences) -> frozenset[str]:
        """The texts of the sayings that stand in ``text``."""
        meaning = self._meaning
        seen = 0
        begun = 0  # the steps that sayings already begun may go on with
        for sentence in text:
            begun = self._past_optional((begun & self._end) << 1)
            first = self._first
            for word in sentence:
                denial = word in _DENIALS
                meant = meaning(word) if len(word) <= _KEPT else self._look_up(word)
                if not begun:
                    met = meant & first
                elif denial:
                    met = meant & (begun | first)
                else:
                    met = meant & (begun | first) | begun & self._any
                if met:
                    seen |= met & self._last
                    begun = self._past_optional((met & ~self._last) << 1)
                else:
                    begun = 0
                first = 0 if denial else self._first
        return frozenset(self._ends[bit] for bit in _bits(seen))

    def knows(self, word: str) -> bool:
        """Whether one of the sayings names the folded ``word``."""
        return bool(self._meaning(word))

    def writes(self, word: str) -> bool:
        """Whether one of them writes it out, and has not only its beginning."""
        return word in self._whole

    def _add(self, step: Step, bit: int) -> None:
        self._optional |= bit if step.optional else 0
        if step.words is None:
            self._any |= bit
            return
        for word in step.words.whole:
            self._whole[word] = self._whole.get(word, 0) | bit
        for stem in step.words.stems:
            alike = self._stems.setdefault(stem[:_LEAST_STEM], {})
            alike[stem] = alike.get(stem, 0) | bit

    def _look_up(self, word: str) -> int:
        """The steps that name ``word``."""
        bits = self._whole.get(word, 0)
        for stem, its in self._stems.get(word[:_LEAST_STEM], {}).items():
            if word.startswith(stem):
                bits |= its
        return bits

    def _past_optional(self, expected: int) -> int:
        """With every step reached by leaving optional ones out: the sum carries a bit to the end of their row."""
        return expected | (((expected & self._optional) + self._optional) ^ self._optional)


def _steps(part: re.Match[str], lists: Lists) -> list[Step]:
    if part["gap"]:
        return [Step(None, optional=True)] * GAP
    if part["end"]:
        return [Step(_SENTENCE_END)]
    if part["word"]:
        return [Step(_words([part["word"]], lists))]
    inside = part["group"] if part["group"] is not None else part["optional"]
    alternatives = [_ALTERNATIVE.fullmatch(one) for one in inside.split("|")]
    said = [one[1] for one in alternatives if one]
    if len(said) < len(alternatives):
        raise ValueError(f'"{part[0].strip()}" is not one word or words parted by "|"; write it as (swoje|moje)')
    return [Step(_words(said, lists), optional=part["optional"] is not None)]


def _words(said: Iterable[str], lists: Lists) -> Words:
    whole: set[str] = set()
    stems: list[str] = []
    for word in said:
        if word.startswith("{"):
            listed = _listed(word[1:-1], lists)
            whole |= listed.whole
            stems.extend(listed.stems)
            continue
        folded = _folded(word)
        if not word.endswith("*"):
            whole.add(folded)
        elif len(folded) < _LEAST_STEM:
            raise ValueError(f'"{word}" fits too many words; write {_LEAST_STEM} letters or more before "*"')
        else:
            stems.append(folded)
    return Words(frozenset(whole), tuple(stems))


def _folded(word: str) -> str:
    """As ``words`` of a ``plain`` text."""
    return flat(word) if word.isalpha() and is_common(word) else "".join(words(plain(word)))


def _listed(name: str, lists: Lists) -> Words:
    if name not in lists:
        known = f"one of {', '.join(sorted(lists))}" if lists else "the words themselves"
        raise ValueError(f'"{{{name}}}" is no list of words; write {known}')
    return lists[name]


def _unreadable(rest: str) -> str:
    if rest[0] in "([" and not re.match(r"\([^()\[\]]*\)|\[[^()\[\]]*\]", rest):
        return f'the bracket "{rest[0]}" is not closed, or holds another one; close it before the next one'
    if rest[0] in ")]":
        return f'the bracket "{rest[0]}" was not opened; delete it'
    if rest[0] == "*":
        return '"*" stands alone; write it behind the beginning of a word, as usun*'
    return f'"{rest.split()[0]}" cannot be read; write words, word*, (one|other), [perhaps] and …'


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
