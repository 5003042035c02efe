"""BER made definite: what podpis zaufany and many card tools write (X.690 §8.1.3.6) in the form asn1crypto reads fast.

Indefinite lengths become definite and a constructed OCTET STRING becomes a primitive one. Elements that have neither
stay the very same bytes, so digests over certificates and signed attributes do not change.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_ELEMENTS = 50_000
"""A 10 MB file in chunks of 1 kB has 10 000; more is an attack on our time."""
MAX_DEPTH = 32
DEFINITE_DEPTH = 5
"""Below this an element of definite length is copied unread: the content of CMS lies no deeper."""

_SET = b"\x31"
_OCTET_STRING = 0x04
_CONSTRUCTED = 0x20
_END_OF_CONTENTS = b"\0\0"


def definite(data: bytes) -> tuple[bytes, int]:
    """The first element of ``data`` with definite lengths, and how many bytes of ``data`` it took.

    Raises ValueError for what is not BER, and for more than ``MAX_ELEMENTS`` elements or ``MAX_DEPTH`` levels.
    """
    changed, end = _Walk(data).element(0, 0)
    return (data[:end] if changed is None else changed), end


def encode(tag: bytes, contents: bytes) -> bytes:
    """Tag, shortest definite length (X.690 §10.1) and contents."""
    size = len(contents)
    if size < 0x80:
        return tag + bytes([size]) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(length)]) + length + contents


def elements(contents: bytes) -> list[bytes]:
    """The elements that ``contents`` is made of, indefinite lengths made definite. Raises ValueError."""
    children, _ = _Walk(contents).children(0, len(contents), 0)
    return [contents[start:end] if new is None else new for new, start, end in children]


def places(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Begin and end of each element between ``start`` and ``end``; nothing is copied. Raises ValueError."""
    children, _ = _Walk(data).children(start, end, 0)
    return [(at, behind) for _, at, behind in children]


def body(data: bytes, start: int) -> int:
    """Where the contents of the element at ``start`` begin. Raises ValueError."""
    return _Walk(data).header(start)[0]


def contents(element: bytes) -> bytes:
    """What stands behind tag and definite length. Raises ValueError."""
    return element[body(element, 0) :]


def without(data: bytes, path: Sequence[int]) -> tuple[bytes, tuple[int, int] | None]:
    """``data``, which is one element, without the element inside it that ``path`` leads to, child by child; and begin
    and end of that. None: there is none, and all stays. Definite lengths only. Raises ValueError."""
    found, place = _without(data, 0, len(data), path)
    return (data, None) if place is None else (found, place)


def _without(data: bytes, start: int, end: int, path: Sequence[int]) -> tuple[bytes, tuple[int, int] | None]:
    begin, (first, *deeper) = body(data, start), path
    children = places(data, begin, end) if data[start] & _CONSTRUCTED else []
    if first >= len(children):
        return b"", None
    place = at, behind = children[first]
    found, taken = _without(data, at, behind, deeper) if deeper else (b"", place)
    return encode(_Walk(data).tag(start), data[begin:at] + found + data[behind:end]), taken


def set_of(members: bytes) -> bytes:
    """A SET OF with these contents as DER orders it (X.690 §11.6). Raises ValueError."""
    return encode(_SET, b"".join(sorted(elements(members))))


class _Walk:
    """One pass over the bytes; ``left`` is the budget of elements."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MAX_ELEMENTS

    def element(self, start: int, depth: int) -> tuple[bytes | None, int]:
        """(new bytes, or None when the old ones serve; end) of the element at ``start``."""
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise ValueError("too many or too deep ASN.1 elements")
        body, length = self.header(start)
        constructed = self.data[start] & _CONSTRUCTED
        if length is None:
            if not constructed:
                raise ValueError("a primitive element of indefinite length")
            parts, end = self.children(body, None, depth)
            end += len(_END_OF_CONTENTS)
        else:
            end = body + length
            if end > len(self.data):
                raise ValueError("an element is longer than the file")
            if not constructed or depth > DEFINITE_DEPTH:
                return None, end
            parts, _ = self.children(body, end, depth)
            if self.data[start] != _OCTET_STRING | _CONSTRUCTED and not any(new for new, _, _ in parts):
                return None, end
        pieces = [self.data[a:b] if new is None else new for new, a, b in parts]
        if self.data[start] == _OCTET_STRING | _CONSTRUCTED:
            return encode(bytes([_OCTET_STRING]), b"".join(map(_octets, pieces))), end
        return encode(self.tag(start), b"".join(pieces)), end

    def children(self, cursor: int, end: int | None, depth: int) -> tuple[list[tuple[bytes | None, int, int]], int]:
        """(new bytes or None, start, end) of each child up to ``end`` (None: end-of-contents), and where they end."""
        found = []
        while cursor != end if end is not None else self.data[cursor : cursor + 2] != _END_OF_CONTENTS:
            new, after = self.element(cursor, depth + 1)
            if end is not None and after > end:
                raise ValueError("an element is longer than the one around it")
            found.append((new, cursor, after))
            cursor = after
        return found, cursor

    def tag(self, start: int) -> bytes:
        """Identifier octets (X.690 §8.1.2)."""
        end = start + 1
        if self.data[start] & 0x1F == 0x1F:
            while self.octet(end) & 0x80:
                end += 1
            end += 1
        return self.data[start:end]

    def header(self, start: int) -> tuple[int, int | None]:
        """(where the contents begin, their length or None when it is indefinite)."""
        self.octet(start)
        position = start + len(self.tag(start))
        first = self.octet(position)
        position += 1
        if first < 0x80:
            return position, first
        count = first & 0x7F
        if count == 0:
            return position, None
        if count > 8:
            raise ValueError("a length of more than eight octets")
        self.octet(position + count - 1)
        return position + count, int.from_bytes(self.data[position : position + count], "big")

    def octet(self, position: int) -> int:
        if position >= len(self.data):
            raise ValueError("the file ends inside an element")
        return self.data[position]


def _octets(element: bytes) -> bytes:
    """Contents of a primitive OCTET STRING, the only thing a constructed one may hold (X.690 §8.7.3.2)."""
    if element[0] != _OCTET_STRING:
        raise ValueError("a constructed OCTET STRING holds something else")
    return contents(element)
