"""Regions of facts, against counting every combination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.ruleset import regions
from mailbot.ruleset.regions import Space, Undecided
from tests.support import examples

WORDS = {"a": ("0", "1"), "b": ("0", "1", "2"), "c": ("0", "1", "2", "3"), "d": ("0", "1"), "e": ("0", "1", "2")}
SPACE = Space(WORDS)

When = Mapping[str, tuple[str, ...]]
whens = st.lists(st.sampled_from(sorted(WORDS)), unique=True, max_size=4).flatmap(
    lambda facts: st.fixed_dictionaries(
        {fact: st.lists(st.sampled_from(WORDS[fact]), min_size=1, unique=True).map(tuple) for fact in facts}
    )
)


def everything() -> Iterator[dict[str, str]]:
    for words in product(*WORDS.values()):
        yield dict(zip(WORDS, words, strict=True))


def inside(combination: Mapping[str, str], when: When) -> bool:
    return all(combination[fact] in words for fact, words in when.items())


@settings(max_examples=examples(500), deadline=None)
@given(whens, st.lists(whens, max_size=8))
def test_witness_is_exact(wanted: When, taken: list[When]) -> None:
    left = [c for c in everything() if inside(c, wanted) and not any(inside(c, when) for when in taken)]
    found = SPACE.witness(SPACE.region(wanted), [SPACE.region(when) for when in taken])
    assert found in left if left else found is None


@settings(max_examples=examples(300), deadline=None)
@given(whens, whens)
def test_meeting_and_covering(one: When, other: When) -> None:
    both = [c for c in everything() if inside(c, one) and inside(c, other)]
    first, second = SPACE.region(one), SPACE.region(other)
    assert bool(SPACE.meeting(first, [second])) == bool(both)
    assert SPACE.covers(first, second) == all(inside(c, one) for c in everything() if inside(c, other))


def test_parts_of_a_region() -> None:
    region = SPACE.region({"b": ("0", "1")})
    assert SPACE.witness(SPACE.without(region, "b", ("0",)), ())["b"] == "1"  # type: ignore[index]
    assert SPACE.is_empty(SPACE.without(region, "b", ("0", "1", "2")))
    assert SPACE.is_empty(SPACE.only(region, "b", ("2",)))
    assert SPACE.covers(region, SPACE.only(region, "b", ("2",)))  # nothing is inside everything


def test_the_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "BUDGET", 3)
    taken = [SPACE.region({"a": (str(n % 2),), "c": (str(n),)}) for n in range(4)]
    with pytest.raises(Undecided):
        SPACE.witness(SPACE.everything, taken)
