"""What is kept of strangers' words is bounded in number and in length."""

from __future__ import annotations

import gc
import tracemalloc

from mailbot.parsing import charset
from mailbot.request.characters import fold
from mailbot.request.spellings import skeleton
from mailbot.ruleset.sayings import words
from mailbot.sender.alignment import ascii_domain, organisational_domain
from mailbot.text.address import normalise
from mailbot.text.remembered import remembered
from tests.once import shipped


def test_short_words_are_worked_out_once_and_long_ones_each_time() -> None:
    asked: list[str] = []

    @remembered(2, 3)
    def size(word: str) -> int:
        asked.append(word)
        return len(word)

    for word in ("abc", "abc", "abcd", "abcd", "a", "b", "abc"):
        assert size(word) == len(word)
    assert asked == ["abc", "abcd", "abcd", "a", "b", "abc"]


def test_no_long_word_of_a_stranger_stays() -> None:
    book = shipped().book

    def meet(number: int) -> None:
        word = f"{number}{'ż' * 2_000}"
        for keeps in (fold, skeleton, ascii_domain, organisational_domain, charset.codec, normalise):
            keeps(word)
            keeps(f"a@{word}.example")
        book.found([words(word)])

    meet(0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(1, 26):
        meet(number)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 60_000, "one word has 4,000 octets"
