"""Results kept by the words they are of, bounded in octets: whoever writes to us chooses the words and their length."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")


def remembered(most: int, longest: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Keeps the results of the last ``most`` words that have at most ``longest`` characters; others are worked out
    anew."""

    def of(function: Callable[[str], T]) -> Callable[[str], T]:
        kept = lru_cache(maxsize=most)(function)

        @wraps(function)
        def result(word: str) -> T:
            return kept(word) if len(word) <= longest else function(word)

        return result

    return of
