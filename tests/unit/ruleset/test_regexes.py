"""Patterns that can take very long are refused, by their shape alone: nothing here is timed."""

from __future__ import annotations

import re
from itertools import product
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.ruleset.regexes import refusal
from tests.support import examples

SLOW = [
    r"(a+)+",
    r"(a*)*",
    r"(a|a)*",
    r"(a|aa)+",
    r"(a|a?)+",
    r"(.*)*",
    r"(\w+\s?)*",
    r"(\d+)*$",
    r"([a-zA-Z]+)*",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(?:a|b|ab)*c",
    r"(x+x+)+y",
    r"(.*a){11}",
    r"(?:(?:a?){3})*",
    r"([^@]+@)*[^@]+x[^@]*y[^@]*",
    r"a*a*b",
    r"\w+\d+",
    r"(.*)a(.*)b.*",
    r"[a-z]*[^0-9]*",
    r"(?i)k*K*",
    r"[؀-ۿ]*\d*",
    r".*[丁-鿿]*",
    r"\s*\W*x",
    r"a*?a*?b",
]
"""Exponential and polynomial ones of OWASP's ReDoS page and of vulnerable validators, and their cousins."""

UNJUDGED = [r"(a)\1", r"(?=a)b", r"a(?!b)", r"(?<=a)b", r"(a)?(?(1)b|c)", r"a++b", r"(?>a*)b", r"x{0,5000}", r"(?i:a)b"]
"""What the test does not look into."""

FAST = [
    r"Minister .*piecz[eę][cć] podpisu zaufanego",
    r"Minister (właściwy )?ds\. \w+( – pieczęć)?",
    r"(?i)minister.*",
    r"Jan .*",
    r"\w+ \w+ \d{4}",
    r"(ab|ac)*d",
    r"(foo|bar|)x",
    r"[a-z]*[0-9]*",
    r"(?:[A-Z][a-z]+ )*Z",
    r"a{2,5}b{3}",
    r"(a|b)*",
    r"[^ ]+ .*",
    r"",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_slow(pattern: str) -> None:
    assert refusal(pattern)


@pytest.mark.parametrize("pattern", UNJUDGED)
def test_not_surely_fast(pattern: str) -> None:
    assert refusal(pattern)


@pytest.mark.parametrize("pattern", FAST)
def test_fast(pattern: str) -> None:
    assert refusal(pattern) is None


def test_no_regular_expression() -> None:
    with pytest.raises(re.error):
        refusal("(a")


pieces = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


class Roads:
    """Counts the ways in which a backtracking matcher can read a whole text: an oracle by brute force."""

    def __init__(self, pattern: str) -> None:
        self.tree = list(_parser.parse(pattern))

    def count(self, text: str) -> int:
        return sum(self._sequence(self.tree, text).values())

    def _sequence(self, nodes: list[tuple[Any, Any]], text: str) -> dict[str, int]:
        """Rest of the text → number of roads that leave it."""
        rests = {text: 1}
        for op, value in nodes:
            following: dict[str, int] = {}
            for rest, roads in rests.items():
                for left, more in self._one(str(op), value, rest).items():
                    following[left] = following.get(left, 0) + roads * more
            rests = following
        return rests

    def _one(self, op: str, value: Any, text: str) -> dict[str, int]:
        if op == "SUBPATTERN":
            return self._sequence(list(value[3]), text)
        if op == "BRANCH":
            found: dict[str, int] = {}
            for branch in value[1]:
                for rest, roads in self._sequence(list(branch), text).items():
                    found[rest] = found.get(rest, 0) + roads
            return found
        if op == "MAX_REPEAT":
            low, high, body = value
            return self._repeat(int(low), int(high), list(body), text)
        letters = {"LITERAL": {chr(value)} if isinstance(value, int) else set(), "ANY": {"a", "b"}}.get(op, {"a", "b"})
        return {text[1:]: 1} if text[:1] and text[0] in letters else {}

    def _repeat(self, low: int, high: int, body: list[tuple[Any, Any]], text: str) -> dict[str, int]:
        total: dict[str, int] = {text: 1} if low == 0 else {}
        rests, turns = {text: 1}, 0
        while rests and turns < min(high, len(text) + low):
            turns += 1
            following: dict[str, int] = {}
            for rest, roads in rests.items():
                for left, more in self._sequence(body, rest).items():
                    following[left] = following.get(left, 0) + roads * more
            rests = following
            if turns >= low:
                for rest, roads in rests.items():
                    total[rest] = total.get(rest, 0) + roads
        return total


@settings(max_examples=examples(150), deadline=None)
@given(pieces)
def test_what_is_taken_has_few_roads(pattern: str) -> None:
    """The roads over a text of 11 or 12 characters are hardly more than over the worst of 8: they have a bound."""
    if refusal(pattern) is not None:
        return
    roads = Roads(pattern)
    short = max(roads.count("".join(text)) for text in product("ab", repeat=8))
    assert roads.count("a" * 11) <= 4 * short
    assert roads.count("ab" * 6) <= 4 * short
