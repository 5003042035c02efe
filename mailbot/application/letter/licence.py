"""Whether every clause of a letter is of one of the kinds that applications are made of (rules/applications.yaml).

What an application must not say cannot be listed, and known words make any sentence. So each clause needs a licence:
one kind whose verbs stand there, said or denied as that kind has them, of one of its things, and with no other word
that the kind neither names nor lets pass (application.unlisted). Whatever has none is a doubt. Linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import pairwise
from operator import and_, or_

from mailbot.application.letter.places import PLACE
from mailbot.application.letter.sentences import ADDRESS
from mailbot.application.letter.unlisted import is_named, is_of_another, is_thing, is_told, is_verb
from mailbot.ruleset.model import ApplicationWords, Clause
from mailbot.ruleset.sayings import Words
from mailbot.text.polish import alike
from mailbot.text.unicode import flat

DENIALS = frozenset({"nie", "bez", "not", "never", "no", "cannot", "cant", "dont", "without"})
_BETWEEN = frozenset(
    {"juz", "mi", "sie", "tez", "ja", "wcale", "nadal", "jeszcze", "go", "jej", "w", "do", "to", "mnie"}
)
"""What may stand between a denial and what it denies."""
_UNSAID = "\ue001"
"""What a denial denies that a sign parts from what follows: no word of any kind."""
_CONDITIONAL = re.compile(r"l[aoiy]?by(?:m|s|smy|scie)?\Z")
"""How a verb ends of what would be, in small letters without diacritics: no beginning of a word stands for it."""
_REMEMBERED = 4_096
"""Words whose meaning is kept, of the last letters."""
_LONGEST = 7
"""Pieces of a sentence that may be one clause: "telefon, notes i dokumenty"."""
_SIGN = re.compile(
    r"[,:()„”\"–—+/|•*<>=]|\s-+\s"
    r"|(?i:(?<=\bwitam)\s|(?<=\bdobry)\s|(?<=\bhej)\s|(?<=\bwieczór)\s)"
    r"|(?i:\s(?=(?:pozdrawiam|dzi[eę]kuj[eę]|z[ ]g[oó]ry|z[ ]powa[zż]aniem|prosz[eę]|wnosz[eę]|wnioskuj[eę]"
    r"|zwracam)\b))"
)
_WORD = re.compile(rf"[^\W\d_]+|{PLACE}|{ADDRESS}")
_JOINT = re.compile(r"(?<=[^\W_])[-'’](?=[^\W_])")


_Meaning = tuple[int, int, int, int]
"""Kinds as bits: in which a word is a verb that is said, one that is denied, a thing, and in which it may stand."""
_NOTHING = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The words between which a clause may end."""

    words: Sequence[str]
    goes_on: bool = False
    """Whether it takes up what stands before it: no sign parts them, and it begins with a denial, "i" or "a"."""


def unlicensed(sentences: Iterable[str], letter: ApplicationWords) -> Iterator[str]:
    """What of each sentence is of no kind."""
    kinds = _kinds(letter)
    for sentence in sentences:
        pieces = list(_pieces(sentence, letter))
        said = _understood(pieces, kinds)
        if said < len(pieces):
            yield " ".join(word for piece in pieces[said:] for word in piece.words if word.isalpha())


def _understood(pieces: Sequence[_Piece], kinds: _Kinds) -> int:
    """How many of the pieces, from the first, are clauses of some kind."""
    things, freely = kinds.things(pieces), kinds.freely(pieces)
    starts = {0}
    for start in range(len(pieces)):
        if start in starts:
            for n, tells in kinds.licensed(pieces[start : start + _LONGEST], things, freely):
                end = start + n
                if tells or end == len(pieces) or not pieces[end].goes_on:
                    starts.add(end)
    return max(starts)


def _pieces(sentence: str, letter: ApplicationWords) -> Iterator[_Piece]:
    """The words of ``sentence``, parted where a clause may begin: behind a sign, at a joint, at a denial."""
    for part in _SIGN.split(_JOINT.sub("", sentence)):
        words = _WORD.findall(part)
        starts = [i for i in range(len(words)) if not i or _begins(words, i, letter)]
        for start, end in pairwise([*starts, len(words)]):
            said = words[start:end]
            if end == len(words) and flat(said[-1]) in DENIALS:
                said.append(_UNSAID)
            yield _Piece(said, goes_on=bool(start) and (flat(said[0]) in DENIALS or len(said[0]) == 1))


def _begins(words: Sequence[str], i: int, letter: ApplicationWords) -> bool:
    if words[i].lower() == "ze" and not "".join(words).isascii():  # no "że", where others have their marks
        return False
    return flat(words[i]) in letter.joints or (flat(words[i]) in DENIALS and flat(words[i - 1]) not in letter.joints)


@lru_cache(maxsize=2)
def _kinds(letter: ApplicationWords) -> _Kinds:
    return _Kinds(letter)


class _Kinds:
    """The kinds of clauses as bits, so that a word is looked up once for all of them."""

    def __init__(self, letter: ApplicationWords) -> None:
        self._letter, self._kinds, self._joints = letter, letter.clauses, letter.joints
        self._all = self._where(lambda kind: True)
        self._verbless = self._where(lambda kind: not kind.said and not kind.denied)
        self._told = self._where(lambda kind: kind.free == "verbs")
        self._addressed = self._where(lambda kind: kind.free == "address")
        self._thingless = self._where(lambda kind: not kind.of) & ~self._told & ~self._addressed
        self._far = self._where(lambda kind: not kind.near and bool(kind.said or kind.denied)) & ~self._told
        self._placed = self._where(lambda kind: kind.places)
        self._named = self._where(lambda kind: kind.free in ("words", "verbs"))
        self._never = self._where(lambda kind: kind.free == "never")
        self._beside = self._named & (self._verbless | self._where(lambda kind: not kind.of))
        self._meant: dict[str, _Meaning] = {}
        self._lists: dict[str, _Meaning] = {}

    def things(self, pieces: Sequence[_Piece]) -> int:
        """The kinds with a thing that the sentence names: a clause that goes on need not name it again."""
        return reduce(or_, (self._meaning(word)[2] for piece in pieces for word in piece.words), self._thingless)

    def freely(self, pieces: Sequence[_Piece]) -> int:
        """The kinds of which a sentence may be: no free words where something is asked, or where nobody does anything.

        They would say how it is asked ("Dla treningu proszę o…"), or be a title ("Skierowanie na badania").
        """
        words = [word for piece in pieces for word in piece.words]
        asks = any(self._meaning(word)[0] & self._never for word in words)
        if asks or not any(map(is_verb, words)):
            return self._all & ~self._beside
        return self._all

    def licensed(self, pieces: Sequence[_Piece], things: int, freely: int) -> Iterator[tuple[int, bool]]:
        """The numbers of pieces, from the first, that are one clause of some kind, and whether one with a verb."""
        alive, verbs, waits = freely, self._verbless, False
        own = self._thingless
        for n, piece in enumerate(pieces, 1):
            for word in piece.words:
                said, denied, of, allowed = self._meaning(word)
                if flat(word) in DENIALS or (waits and flat(word) in _BETWEEN and not denied):
                    waits = True
                    continue
                alive &= denied if waits else allowed
                verbs |= denied if waits else said
                own |= of
                waits = False
            if not alive:
                return
            good = 0 if waits else alive & verbs & (own | things & self._far)
            if good:
                yield n, bool(good & ~self._verbless)

    def _where(self, holds: Callable[[Clause], bool]) -> int:
        return sum(1 << i for i, kind in enumerate(self._kinds) if holds(kind))

    def _meaning(self, word: str) -> _Meaning:
        """As ``_listed``, of a word as it is written: by its other forms as well, and as what no list has."""
        found = self._meant.get(word)
        if found is None:
            said, denied, of, allowed = map(or_, self._listed(flat(word)), self._by_other_forms(word))
            if is_of_another(word, self._letter):
                said, allowed = 0, allowed & ~said
            told = self._told if is_told(word, self._letter) else 0
            named = self._named if is_named(word, self._letter) else 0
            thing = named & self._told if is_thing(word) else 0
            found = self._meant[word] = (said | told, denied | told, of | thing, allowed | told | named)
        return found

    def _by_other_forms(self, word: str) -> _Meaning:
        """What is licensed whatever ``word`` is: each of the things that it can be has a form in a list."""
        small = word.lower() if word.isupper() else word
        readings = [reduce(_either, map(self._listed, forms)) for forms in alike(small)]
        if not readings:
            return _NOTHING
        said, denied, of, allowed = (reduce(and_, bits) for bits in zip(*readings, strict=True))
        return (0, 0, of, allowed) if is_thing(word) else (said, denied, of, allowed)

    def _listed(self, word: str) -> _Meaning:
        """The kinds in which ``word`` is a verb that is said, or denied, or a thing, and those that it may stand in."""
        found = self._lists.get(word)
        if found is None:
            said = self._where(lambda kind: _names(kind.said, word))
            denied = self._where(lambda kind: _names(kind.denied, word))
            of = self._addressed if word == ADDRESS else self._where(lambda kind: _names(kind.of, word))
            found = self._lists[word] = (said, denied, of, said | of | self._others(word))
        return found

    def _others(self, word: str) -> int:
        if word == PLACE:
            return self._placed
        if word == ADDRESS or (len(word) == 1 and word.isalpha()) or word in self._joints:
            return self._all
        return self._where(lambda kind: _names(kind.words, word))


def _either(one: _Meaning, other: _Meaning) -> _Meaning:
    return one[0] | other[0], one[1] | other[1], one[2] | other[2], one[3] | other[3]


def _names(words: Words, word: str) -> bool:
    """Whether ``words`` have it, and not only as the beginning of what would be."""
    return word in words and (_CONDITIONAL.search(word) is None or word in words.whole)
