"""Regions of facts: what a rule admits, and what is left of it behind the rules above.

A region is a product (fact → the words it may have), held as one whole number: a bit for each word, the words of a fact
side by side, and above them a guard bit that stays 0. Adding all word bits carries into the guard of exactly those
facts that have a word left, so "are two regions disjoint" takes three operations on numbers, whatever the facts are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mailbot.ruleset.vocabulary import Vocabulary

Region = int
"""Made by a ``Space``, and of use with that one alone."""

BUDGET = 60_000
"""Regions looked at in one search. The search is exact, and exponential in the worst case: it must end."""


class Undecided(Exception):
    """The search was given up: the regions cut each other in too many ways."""


class Space:
    """Every combination of the facts of one rule set."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words
        self._bits: dict[tuple[str, str], int] = {}
        self._fields: dict[str, int] = {}
        self._fields_by_guard: dict[int, int] = {}
        self._guards = 0
        offset = 0
        for fact, values in words.items():
            for word in values:
                self._bits[fact, word] = 1 << offset
                offset += 1
            guard = 1 << offset
            offset += 1
            self._fields[fact] = sum(self._bits[fact, word] for word in values)
            self._fields_by_guard[guard] = self._fields[fact]
            self._guards |= guard
        self.everything: Region = sum(self._fields.values())

    def region(self, when: Mapping[str, Iterable[str]]) -> Region:
        """The combinations that ``when`` admits; a fact it does not name may have any word."""
        region = self.everything
        for fact, words in when.items():
            region = self.only(region, fact, words)
        return region

    def only(self, region: Region, fact: str, words: Iterable[str]) -> Region:
        """The part of ``region`` in which ``fact`` has one of ``words``."""
        bits = 0
        for word in words:
            bits |= self._bits[fact, word]
        return region & (bits | ~self._fields[fact])

    def without(self, region: Region, fact: str, words: Iterable[str]) -> Region:
        """The part of ``region`` in which ``fact`` has none of ``words``."""
        return self.only(region, fact, [word for word in self._words[fact] if word not in words])

    def is_empty(self, region: Region) -> bool:
        """No combination: some fact has no word left."""
        return (region + self.everything) & self._guards != self._guards

    def meeting(self, wanted: Region, others: Iterable[Region]) -> list[Region]:
        """Those of ``others`` that have a combination in common with ``wanted``."""
        full, guards = self.everything, self._guards
        return [other for other in others if ((wanted & other) + full) & guards == guards]

    def covers(self, outer: Region, inner: Region) -> bool:
        """Every combination of ``inner`` is one of ``outer``."""
        return not inner & ~outer or self.is_empty(inner)

    def witness(self, wanted: Region, taken: Sequence[Region]) -> dict[str, str] | None:
        """One combination inside ``wanted`` and outside every region of ``taken``; None when there is none.

        Exact, not a sample: a region of ``taken`` is cut off, and the disjoint pieces that remain are searched in turn.
        The region that leaves the fewest pieces is cut first. Raises Undecided after ``BUDGET``.
        """
        if self.is_empty(wanted):
            return None
        full, guards, spent = self.everything, self._guards, 0
        open_pieces: list[tuple[Region, Sequence[Region]]] = [(wanted, taken)]
        while open_pieces:
            piece, near = open_pieces.pop()
            spent += len(near) + 1
            if spent > BUDGET:
                raise Undecided
            near = self.meeting(piece, near)
            if not near:
                return self._any(piece)
            pieces = [(((piece & ~other) + full) & guards).bit_count() for other in near]
            cut = near[pieces.index(min(pieces))]
            open_pieces += [(rest, near) for rest in self._pieces(piece, cut)]
        return None

    def _pieces(self, region: Region, other: Region) -> Iterator[Region]:
        """``region`` without ``other``, in disjoint regions: one for each fact in which something is left."""
        guards = ((region & ~other) + self.everything) & self._guards
        while guards:
            guard = guards & -guards
            guards ^= guard
            field = self._fields_by_guard[guard]
            yield region & ~(other & field)
            region &= other | ~field

    def _any(self, region: Region) -> dict[str, str]:
        return {
            fact: next(word for word in words if region & self._bits[fact, word]) for fact, words in self._words.items()
        }
