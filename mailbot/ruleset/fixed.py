"""Words that are promised to citizens letter by letter, and texts of an admin that come near them but miss them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from mailbot.model import REQUIRED_SUBJECT, SENTENCES
from mailbot.ruleset.findings import Finding
from mailbot.text.unicode import flat

ACTIVATION_TITLE = "PUESC: Zmiana adresu email"
"""Title of the mail with the link (seed 001, P14)."""

FIXED = (REQUIRED_SUBJECT, ACTIVATION_TITLE, *SENTENCES.values())

_MOST_LETTERS = 2
"""Letters in which a text may differ and still be meant for the right one; case, diacritics and signs aside."""

_WORD = re.compile(r"[^\W_]+")


def findings(file: str, text: str) -> list[Finding]:
    """An error for every place of ``text`` that looks like one of ``FIXED`` and is not the same, letter by letter."""
    words = list(_WORD.finditer(flat(text)))
    right = [span for fixed in FIXED for span in _exact(fixed, text)]
    near = [
        (differing, words[start].start(), words[end - 1].end(), fixed)
        for fixed in FIXED
        for differing, start, end in _windows([word.group() for word in words], _WORD.findall(flat(fixed)))
    ]
    found: dict[tuple[int, int], Finding] = {}
    for _, place, stop, fixed in sorted(near):  # the likest first: it says where the text begins
        if all(stop <= begin or until <= place for begin, until in (*right, *found)):
            found[place, stop] = _finding(file, text, place, stop, fixed)
    return list(found.values())


def _finding(file: str, text: str, place: int, stop: int, fixed: str) -> Finding:
    written = " ".join(text[place:stop].split())
    what = f'"{written}" is nearly what is promised to citizens letter by letter'
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    return Finding(file, line, column, what, f'write "{fixed}"', code="fixed-text")


def _exact(fixed: str, text: str) -> Iterator[tuple[int, int]]:
    """Where ``fixed`` stands, whatever the breaks between its words."""
    pattern = r"\s+".join(re.escape(word) for word in fixed.split())
    return (found.span() for found in re.finditer(pattern, text))


def _windows(words: Sequence[str], parts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """(differing letters, start, end) of every row of about as many words as ``parts`` that is nearly the same."""
    known, wanted, most = set(parts), "".join(parts), len(parts) + 1
    places = [place for place, word in enumerate(words) if word in known]
    starts = {start for place in places for start in range(max(0, place - most + 1), place + 1)}
    for start in starts:
        if sum(word in known for word in words[start : start + most]) < len(parts) - 2:
            continue
        for end in range(start + len(parts) - 1, min(start + most, len(words)) + 1):
            if end - start < len(parts) and known.issuperset(words[start:end]):
                continue  # a word is left out, as in the middle of other prose
            differing = _differing("".join(words[start:end]), wanted)
            if differing <= _MOST_LETTERS:
                yield differing, start, end


def _differing(written: str, wanted: str) -> int:
    """Letters of the longer text that have no counterpart in the other."""
    longer = max(len(written), len(wanted))
    if abs(len(written) - len(wanted)) > _MOST_LETTERS:
        return longer
    matcher = difflib.SequenceMatcher(None, written, wanted, autojunk=False)
    return longer - sum(block.size for block in matcher.get_matching_blocks())
