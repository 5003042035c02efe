"""Tags that our own gateway puts in front of a subject ("[EXTERNAL]"): none of the citizen's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mailbot.text.unicode import nfc

_MARKS = r"(?P<marks>(?:\s*[^\W\d_]{1,12}\s?(?:[\[(^]?\d{1,3}[\])]?)?\s?[:：])*)"
"""What may stand before a tag: "Re:", "Odp:", "Fwd[2]:" in any language."""
_TURNS = 10
"""Answers in which a gateway may have tagged a subject anew; more are no person's."""


def without(subject: str, tags: Sequence[str]) -> str:
    """``subject`` (NFC) without the ``tags`` at its front or behind its reply marks, repeated or not.

    A subject that has none stays as it is, with every space.
    """
    if not tags:
        return subject
    pattern = _pattern(tuple(tags))
    for _ in range(_TURNS):
        found = pattern.match(subject)
        if found is None:
            break
        marks, rest = found["marks"], subject[found.end() :]
        subject = f"{marks} {rest}" if marks else rest
    return subject


@lru_cache(maxsize=8)
def _pattern(tags: tuple[str, ...]) -> re.Pattern[str]:
    """The marks, then tags: spaces in them may have been folded."""
    spelt = [r"\s+".join(map(re.escape, nfc(tag).split())) for tag in tags]
    return re.compile(rf"{_MARKS}(?:\s*(?:{'|'.join(spelt)}))+\s*")
