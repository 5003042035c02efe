"""The distance of two words against its definition."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.request.characters import distance
from tests.support import examples

_WORDS = st.one_of(
    st.sampled_from(("awaryjne", "awaryjnego", "hasla", "haslo", "specjalna", "procedura", "zmiane", "puesc")),
    st.text("abcd", max_size=9),
)


def exactly(left: str, right: str) -> int:
    """Optimal string alignment: the fewest letters put in, left out, changed, or swapped with a neighbour."""

    @cache
    def apart(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        steps = [apart(i - 1, j) + 1, apart(i, j - 1) + 1, apart(i - 1, j - 1) + (left[i - 1] != right[j - 1])]
        if i > 1 and j > 1 and left[i - 1] == right[j - 2] and left[i - 2] == right[j - 1]:
            steps.append(apart(i - 2, j - 2) + 1)
        return min(steps)

    return apart(len(left), len(right))


@settings(max_examples=examples(2_000), deadline=None)
@given(_WORDS, _WORDS, st.integers(0, 5), st.integers(0, 9), st.sampled_from("abx"))
def test_the_distance_up_to_a_limit(left: str, right: str, limit: int, place: int, letter: str) -> None:
    slip = left[:place] + letter + left[place + 1 :]
    for other in (right, slip, left[:place] + left[place + 1 :], slip[::-1]):
        assert distance(left, other, limit) == min(exactly(left, other), limit + 1)
