"""Whether a regular expression of an admin's file surely takes linear time.

Python's matcher tries one road after another, so its time is the number of roads (ReDoS). The pattern is made into its
position automaton (Glushkov), in which every road is a run, and the runs are counted as Weber and Seidl do (1991):
they grow exponentially exactly when two different runs lead from a state back to it over the same text, and
polynomially when one text leads from p to p, from p to q and from q to q. Both are refused; with neither, the number of
roads has a bound that no text exceeds, and matching a whole text takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_MAX_POSITIONS = 200
_MAX_STEPS = 100_000
_OTHER = 0x3000
"""Characters from here on count as one, which a set that is not all literals and small ranges is taken to hold."""

_EVERYTHING = (1 << (_OTHER + 1)) - 1
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}

_Node = tuple[Any, Any]
_State = tuple[int, ...]


class _Refused(Exception):
    """The reason."""


def refusal(pattern: str) -> str | None:
    """Why matching the whole of a text with ``pattern`` may take more than linear time; None: it surely does not.

    Raises re.error when it is no regular expression.
    """
    parsed = _parser.parse(pattern)
    try:
        automaton = _Automaton(bool(parsed.state.flags & re.IGNORECASE))
        automaton.sequence(list(parsed))
        _check_roads(automaton)
    except _Refused as refused:
        return str(refused)
    return None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the pattern: the positions at which it can begin and end."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    nullable: bool = True


class _Automaton:
    def __init__(self, ignore_case: bool) -> None:
        self.letters: list[int] = []
        """Position → the characters it takes, a bit each."""
        self.follow: list[list[int]] = []
        self._ignore_case = ignore_case

    def sequence(self, nodes: Iterable[_Node]) -> _Part:
        whole = _Part()
        for node in nodes:
            whole = self._joined(whole, self._part(*node))
        return whole

    def _joined(self, left: _Part, right: _Part) -> _Part:
        for position in left.last:
            self.follow[position] += right.first
        return _Part(
            left.first + right.first if left.nullable else left.first,
            right.last + left.last if right.nullable else right.last,
            left.nullable and right.nullable,
        )

    def _part(self, op: Any, value: Any) -> _Part:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self._repeat(*value)
        if op is sre.SUBPATTERN:
            _, added, removed, body = value
            if (added | removed) & re.IGNORECASE:
                raise _Refused("it changes its flags in the middle")
            return self.sequence(body)
        if op is sre.BRANCH:
            parts = [self.sequence(branch) for branch in value[1]]
            first = tuple(position for part in parts for position in part.first)
            last = tuple(position for part in parts for position in part.last)
            empty = sum(part.nullable for part in parts)
            if empty > 1:
                raise _Refused("two alternatives may be empty, or are the same")
            return _Part(first, last, empty == 1)
        if op is sre.AT:
            return _Part()
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return self._position(_letters(op, value, self._ignore_case))
        raise _Refused("it looks ahead, looks behind, refers back or forbids to go back")

    def _position(self, letters: int) -> _Part:
        if len(self.letters) == _MAX_POSITIONS:
            raise _Refused(f"it is longer than {_MAX_POSITIONS} characters when its counted repeats are written out")
        self.letters.append(letters)
        self.follow.append([])
        number = (len(self.letters) - 1,)
        return _Part(number, number, nullable=False)

    def _repeat(self, low: int, high: Any, body: Sequence[_Node]) -> _Part:
        whole = _Part()
        for _ in range(low):
            whole = self._joined(whole, self._needed(body))
        if high is sre.MAXREPEAT:
            return self._joined(whole, self._endless(body))
        for _ in range(high - low):
            part = self._needed(body)
            whole = self._joined(whole, _Part(part.first, part.last))
        return whole

    def _needed(self, body: Sequence[_Node]) -> _Part:
        part = self.sequence(body)
        if part.nullable:
            raise _Refused("what is repeated may be empty")
        return part

    def _endless(self, body: Sequence[_Node]) -> _Part:
        part = self._needed(body)
        for position in part.last:
            if not set(part.first).isdisjoint(self.follow[position]):
                raise _Refused("a repeat stands directly in a repeat")
            self.follow[position] += part.first
        return _Part(part.first, part.last)


def _check_roads(automaton: _Automaton) -> None:
    """Raises _Refused when the number of runs over a text has no bound."""
    steps = _Steps(automaton)
    positions = range(len(automaton.letters))
    loops = [p for p in positions if (p,) in steps.reached((p,))]
    for p in loops:
        for pair in steps.reached((p, p)):
            if pair[0] != pair[1] and (p, p) in steps.reached(pair):
                raise _Refused("a repeat can take the same characters in several ways")
    for p, q in product(loops, loops):
        if p != q and (p, q, q) in steps.reached((p, p, q)):
            raise _Refused("two repeats can take the same characters")


class _Steps:
    """Several runs over the same text, side by side."""

    def __init__(self, automaton: _Automaton) -> None:
        self._automaton = automaton
        self._left = _MAX_STEPS
        self.reached: Callable[[_State], frozenset[_State]] = cache(self._reached)

    def _reached(self, start: _State) -> frozenset[_State]:
        """What can be reached from ``start`` by one character or more."""
        found: set[_State] = set()
        waiting = [start]
        while waiting:
            for state in self._next(waiting.pop()):
                self._left -= 1
                if not self._left:
                    raise _Refused("it has too many repeats and alternatives to be judged")
                if state not in found:
                    found.add(state)
                    waiting.append(state)
        return frozenset(found)

    def _next(self, state: _State) -> Iterator[_State]:
        for following in product(*(self._automaton.follow[position] for position in state)):
            common = _EVERYTHING
            for position in following:
                common &= self._automaton.letters[position]
            if common:
                yield following


def _letters(op: Any, value: Any, ignore_case: bool) -> int:
    """The characters that one node takes, a bit each."""
    if op is sre.ANY:
        return _EVERYTHING
    if op is sre.NOT_LITERAL:
        return _EVERYTHING & ~_range(value, value, ignore_case) | 1 << _OTHER
    if op is sre.LITERAL:
        return _range(value, value, ignore_case)
    taken = 0
    for kind, inner in value:
        if kind is sre.CATEGORY:
            taken |= _category(_CATEGORIES[inner])
        elif kind is sre.RANGE:
            low, high = inner
            taken |= _range(low, high, ignore_case)
        elif kind is sre.LITERAL:
            taken |= _range(inner, inner, ignore_case)
    negated = value[0][0] is sre.NEGATE
    return _EVERYTHING & ~taken | 1 << _OTHER if negated else taken


def _range(low: int, high: int, ignore_case: bool) -> int:
    bits = 0
    for code in range(low, min(high, _OTHER) + 1):
        forms = {chr(code), chr(code).lower(), chr(code).upper()} if ignore_case else {chr(code)}
        for form in forms:
            bits |= 1 << min(ord(form[0]), _OTHER)
    return bits | (1 << _OTHER if high >= _OTHER else 0)


@cache
def _category(written: str) -> int:
    fits = re.compile(written).fullmatch
    return sum(1 << code for code in range(_OTHER) if fits(chr(code))) | 1 << _OTHER
