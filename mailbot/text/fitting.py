"""Text columns for what anybody may have written.

PostgreSQL refuses what is longer than its column, NUL, and half a surrogate pair; SQLite takes the first two, which a
test then does not notice. Here both keep the same, and nothing a stranger writes can make a row fail.
"""

from __future__ import annotations

import hashlib

MESSAGE_KEY = 600
"""Characters of inbox.message_key; of an index row PostgreSQL keeps 2,704 octets, and a character may have four."""
LONGEST_NOTE = 20_000
"""Characters of a text that is only read."""

_TAIL = 32  # hex digits: 128 bit, so that nobody finds two long texts that are stored alike


def fit(text: str, length: int) -> str:
    """``text`` as a column of ``length`` characters keeps it: what is equal stays equal, what differs stays different.

    A text that does not fit, or has what no database keeps, ends with its digest.
    """
    if len(text) <= length and _is_plain(text):
        return text
    clean = _clean(text)
    if len(clean) <= length and clean == text:
        return text
    tail = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[: min(_TAIL, length - 1)]
    return f"{clean[: length - len(tail) - 1]}~{tail}"


def note(text: str) -> str:
    """``text`` as it is kept for reading only."""
    if len(text) <= LONGEST_NOTE and _is_plain(text):
        return text
    clean = _clean(text)
    return clean if len(clean) <= LONGEST_NOTE else f"{clean[: LONGEST_NOTE - 1]}…"


def _is_plain(text: str) -> bool:
    """As nearly all are: nothing in it is to be cleaned."""
    return text.isascii() and "\0" not in text


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
