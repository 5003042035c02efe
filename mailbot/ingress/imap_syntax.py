"""The little of IMAP's grammar (RFC 3501 §9, RFC 9051 §9) that reading a mailbox needs; pure."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

_FETCH = re.compile(rb"\d+ FETCH \(", re.IGNORECASE)
_TOKEN = re.compile(rb'\s*(?:([()])|"((?:[^"\\]|\\.)*)"|~?(\{\d+\+?\}$)|((?:\[[^\]]*\]|[^\s()"{])+))')
_PERSONAL = re.compile(rb'NAMESPACE \(\("((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SKEW = timedelta(days=1)
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")


def quoted(text: str) -> str:
    """``text`` as a quoted string (RFC 3501 §4.3)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox(name: str) -> str:
    """A folder name as it is written in a command: modified UTF-7 (RFC 3501 §5.1.3), quoted."""

    def shift(match: re.Match[str]) -> str:
        base64 = b64encode(match[0].encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
        return f"&{base64.decode('ascii')}-"

    return quoted(_NOT_PRINTABLE.sub(shift, name.replace("&", "&-")))


def uid_set(uids: Iterable[int]) -> str:
    """Exactly these UIDs, neighbours joined: "1:3,7"."""
    runs: list[list[int]] = []
    for uid in sorted(uids):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def number(text: bytes) -> int | None:
    """A number (RFC 9051: at most 63 bits), or None when it is not one."""
    return int(text) if text.isdigit() and len(text) < 20 else None


def search_result(lines: Iterable[bytes]) -> list[int]:
    """UIDs of the SEARCH responses among ``lines``, ascending, each once. Words that are no number are passed over."""
    found: set[int] = set()
    for line in lines:
        words = line.split()
        if words and words[0].upper() == b"SEARCH":
            found.update(uid for uid in map(number, words[1:]) if uid)
    return sorted(found)


def fetch_result(lines: Sequence[bytes | bytearray]) -> dict[int, dict[str, bytes]]:
    """UID → data item → value, of the FETCH responses among ``lines`` (text as bytes, a literal as bytearray).

    Items that are lists (FLAGS) or NIL are left out, and so is a response without a UID or not in the grammar: what a
    server does not give intelligibly it has not given.
    """
    messages: dict[int, dict[str, bytes]] = {}
    for index, line in enumerate(lines):
        if isinstance(line, bytearray) or not _FETCH.match(line):
            continue
        items = _items(lines, index)
        if uid := number(items.get("UID", b"")):
            messages.setdefault(uid, {}).update(items)
    return messages


def _items(lines: Sequence[bytes | bytearray], index: int) -> dict[str, bytes]:
    """Data items of the FETCH response that starts at ``lines[index]``; what stands before a damage counts."""
    items: dict[str, bytes] = {}
    name: str | None = None
    depth = 0
    text, position = bytes(lines[index]), lines[index].index(b"(")
    while match := _TOKEN.match(text, position):
        position = match.end()
        bracket, string, literal, atom = match.groups()
        value: bytes | None = None
        if bracket:
            depth += 1 if bracket == b"(" else -1
            if depth == 0:
                break
            name = None if depth == 1 else name  # a list has ended: it was the value of its name
            continue
        if literal:
            if index + 2 >= len(lines) or not isinstance(lines[index + 1], bytearray):
                break
            value, text, position, index = bytes(lines[index + 1]), bytes(lines[index + 2]), 0, index + 2
        elif string is not None:
            value = re.sub(rb"\\(.)", rb"\1", string, flags=re.DOTALL)
        if depth > 1:
            continue
        if name is None:
            name = (atom or b"").decode("ascii", "replace").upper()
            continue
        if value is not None or atom.upper() != b"NIL":
            items[name] = value if value is not None else atom
        name = None
    return items


def internal_date(text: bytes) -> datetime | None:
    """INTERNALDATE, e.g. "17-Jul-1996 02:44:25 -0700", aware; None when it is not one."""
    try:
        moment = parsedate_to_datetime(text.decode("ascii").strip().replace("-", " ", 2))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else None


def arrival(text: bytes, now: datetime) -> datetime:
    """INTERNALDATE as a moment that every engine can keep; ``now`` where the server does not tell one.

    What stands before 1970 is 1970, which is old in any case; what comes after tomorrow is now, for no promise may
    begin there.
    """
    moment = internal_date(text)
    if moment is None or moment.year > now.year + 1:
        return now
    if moment.year <= _FIRST.year:
        return _FIRST
    return moment if moment <= now + _SKEW else now


def day(moment: date) -> str:
    """A date in a SEARCH command (RFC 3501 §9, date-text)."""
    return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year}"


def status_numbers(lines: Iterable[bytes]) -> dict[str, int]:
    """Words and numbers of the STATUS response among ``lines`` (RFC 3501 §7.2.4); empty when there is none."""
    for line in lines:
        if line[:7].upper() == b"STATUS " and line.endswith(b")"):
            words = line[line.rfind(b"(") + 1 : -1].upper().split()
            pairs = zip(words[::2], map(number, words[1::2]), strict=False)
            return {word.decode("ascii", "replace"): value for word, value in pairs if value is not None}
    return {}


def personal_prefix(lines: Iterable[bytes]) -> str:
    """Where the user's own folders are, e.g. "INBOX." (RFC 2342 §5); mostly empty."""
    for line in lines:
        if match := _PERSONAL.match(line):
            return re.sub(rb"\\(.)", rb"\1", match[1]).decode("ascii", "replace")
    return ""
