"""Caps on the raw bytes. What is over a cap is noted for a person and not read any further.

Why: a Subject of 512 KB of encoded words costs the standard parser 23 s and 6.9 GiB, 2 KB of "(" a RecursionError,
100,000 empty parts 5 s. Below these caps every function of this package is linear in the size of its input.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.errors import PermanentError
from mailbot.model import Header

MESSAGE_MAX = 35 * 1024 * 1024
"""Octets of the whole message."""
HEADER_BLOCK_MAX = 64 * 1024
"""Octets of one header block (of the message or of a part)."""
FIELD_MAX = 8 * 1024
LONG_FIELD_MAX = 16 * 1024
LONG_FIELDS = frozenset({"from", "to", "cc", "references", "received"})
"""Fields that grow with recipients, threads and hops: they may reach LONG_FIELD_MAX octets."""
HEADER_LINES_MAX = 1000
ENCODED_WORDS_MAX = 200
"""Encoded words (RFC 2047) in one header field."""
PARTS_MAX = 200
DEPTH_MAX = 20
"""Multiparts inside one another."""
DELIMITERS_MAX = 20_000
"""Lines that begin like a boundary and are none: each costs a look."""
TEXT_MAX = 2 * 1024 * 1024
"""Octets of the text parts together; nobody types more."""


class OverLimit(PermanentError):
    """A cap was reached while reading the parts; ``reason`` says which."""

    public = "message over a limit"


def message_reasons(raw: bytes) -> tuple[str, ...]:
    """Why the message as a whole is not read: it is empty or larger than MESSAGE_MAX octets. () when it is read."""
    if not raw or raw.isspace():
        return ("empty message",)
    if len(raw) > MESSAGE_MAX:
        return (f"message of {len(raw)} octets, over {MESSAGE_MAX}",)
    return ()


def field_reason(field: Header) -> str | None:
    """Why one header field is not read (too long, too many encoded words), or None."""
    encoded_words = field.value.count(b"=?")
    if len(field.value) <= FIELD_MAX and encoded_words <= ENCODED_WORDS_MAX:
        return None
    name = field.name.lower()
    cap = LONG_FIELD_MAX if name in LONG_FIELDS else FIELD_MAX
    if len(field.value) > cap:
        return f"header {name[:40]} of {len(field.value)} octets, over {cap}"
    if encoded_words > ENCODED_WORDS_MAX:
        return f"header {name[:40]} with over {ENCODED_WORDS_MAX} encoded words"
    return None


def block_reasons(fields: Sequence[Header], lines: int, *, cut_off: bool) -> tuple[str, ...]:
    """Why a header block is over a cap; ``cut_off``: it does not end within HEADER_BLOCK_MAX octets."""
    reasons = [reason for field in fields if (reason := field_reason(field))]
    if cut_off:
        reasons.insert(0, f"header block over {HEADER_BLOCK_MAX} octets")
    if lines > HEADER_LINES_MAX:
        reasons.append(f"header block of {lines} lines, over {HEADER_LINES_MAX}")
    return tuple(reasons)
