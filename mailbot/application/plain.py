"""Plain text: from bytes to what any editor shows, and what makes two readers see two things."""

from __future__ import annotations

import re
import unicodedata

from mailbot.application.document import UnreadableError
from mailbot.parsing import charset
from mailbot.text.unicode import nfc

LARGEST = 400_000
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FAR = re.compile(r"[^\S\n]{80}|(?:(?![^\W_])[^\n]){120}|(?:\n(?:(?![^\W_])[^\n])*){15}\n|\f\s*\f")
"""A gap that no letter has, or a line that goes on and on: what stands behind it is out of sight until somebody scrolls
there. Rows of dots or lines are a gap too.
"""
_BARE = re.compile(r"\n(?:(?![^\W_])[^\n])*(?=\n)")
_MOST_BARE = 60
"""Lines without a letter: a page has no more of any kind."""
_LONGEST_LINE = 1_000
_PAGES = 5
_LOOKED_AT = 60_000
"""Characters: a longer text is no application."""
_TAB = 8
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zl", "Zp"})
"""Categories of Unicode without a place of their own on the paper: controls, bidi marks, signs laid over others."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc\ufffd")
"""Letters that look like nothing; U+FFFD stands where bytes were lost."""


def decode(payload: bytes) -> str:
    """The text of ``payload``. Raises UnreadableError when the bytes are no text, or lose some of it."""
    if len(payload) > LARGEST:
        raise UnreadableError("text too long")
    declared = next((encoding for bom, encoding in _BOMS if payload.startswith(bom)), None)
    if declared is None and payload.count(0) * 4 > len(payload):
        declared = "utf-16-le" if payload[1:2] == b"\0" else "utf-16-be"
    decoded = charset.decode(payload, declared)
    if decoded.lossy or "\0" in decoded.text:
        raise UnreadableError("no text")
    return decoded.text


def oddities(text: str) -> tuple[str, ...]:
    """Why ``text`` may look otherwise than it reads; nothing for a letter as people write it."""
    found = []
    lines = nfc(text.removeprefix("\ufeff")).replace("\r\n", "\n")
    if "\r" in lines:
        if "\n" in lines:
            found.append("line ends of two kinds")
        lines = lines.replace("\r", "\n")
    if any((unicodedata.category(c) in _UNSEEN and c not in "\n\t\f") or c in _BLANK for c in lines):
        found.append("characters that nobody sees")
    shown = lines[:_LOOKED_AT].expandtabs(_TAB)
    if _is_far(shown):
        found.append("words far away from the others")
    return tuple(found)


def _is_far(shown: str) -> bool:
    """Whether some of a text is out of sight in an editor: far right, far below, or pages away."""
    return bool(
        _FAR.search(shown)
        or len(_BARE.findall(shown)) > _MOST_BARE
        or shown.count("\f") >= _PAGES
        or max(map(len, shown.split("\n"))) > _LONGEST_LINE
    )
