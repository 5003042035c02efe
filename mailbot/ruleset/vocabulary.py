"""The words rules are made of, and regions of facts: what a rule admits, and what is left of it behind earlier rules.

The one source is the metadata of ``model.Facts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import cast

from mailbot.model import Facts

FACTS: Mapping[str, tuple[str, ...]] = {f.name: cast(tuple[str, ...], f.metadata["values"]) for f in fields(Facts)}
"""Fact → the words it can take, both in the order of the declaration."""

DESKS = ("", "II_LINIA", "BEZPIECZENSTWO")
"""Who looks at a ticket; "" is nobody."""

Region = Mapping[str, frozenset[str]]
"""A set of combinations of facts: every fact → the words it may have (a product, so it can be cut exactly)."""


def region(when: Mapping[str, Sequence[str]]) -> Region:
    """The combinations that ``when`` admits; a fact it does not name may have any word."""
    return {fact: frozenset(when.get(fact, words)) for fact, words in FACTS.items()}


def witness(wanted: Region, taken: Sequence[Region]) -> dict[str, str] | None:
    """One combination inside ``wanted`` and outside every region of ``taken``; None when there is none.

    Exact, not a sample: each region of ``taken`` is cut off, and the disjoint pieces that remain are searched in turn.
    """
    if not all(wanted.values()):
        return None
    if not taken:
        return {fact: next(word for word in words if word in wanted[fact]) for fact, words in FACTS.items()}
    first, rest = taken[0], taken[1:]
    if any(wanted[fact].isdisjoint(first[fact]) for fact in FACTS):
        return witness(wanted, rest)
    inside = dict(wanted)
    for fact in FACTS:
        found = witness({**inside, fact: inside[fact] - first[fact]}, rest)
        if found is not None:
            return found
        inside[fact] &= first[fact]
    return None
