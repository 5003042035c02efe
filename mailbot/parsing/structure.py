"""The MIME tree of a message (RFC 2045, 2046), found in the raw bytes by offset: linear, bounded, never recursive
beyond DEPTH_MAX. message/rfc822 is a leaf: a mail inside a mail is an attachment, not something the person wrote.
What an S/MIME signature wraps is read like any other part.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailbot.parsing import headers, parameters, smime
from mailbot.parsing.bounds import DELIMITERS_MAX, DEPTH_MAX, PARTS_MAX, OverLimit, block_reasons
from mailbot.parsing.parameters import NONE, HeaderValue

_IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit"})
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_WRAPPED_MAX = 2
"""S/MIME inside S/MIME: each holds a copy of the octets."""
_PLAIN = HeaderValue("text/plain", {})
_RFC822 = HeaderValue("message/rfc822", {})


@dataclass(frozen=True, slots=True)
class MimePart:
    """One node of the tree. A leaf has its decoded ``data``, a multipart its ``children``."""

    content_type: HeaderValue
    disposition: HeaderValue
    data: bytes = b""
    children: tuple[MimePart, ...] = ()
    repairs: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """ "type/subtype", lower case."""
        return self.content_type.word

    @property
    def filename(self) -> str:
        """The name the sender gave, "" when none (RFC 2183 §2.3, else the name of Content-Type)."""
        return self.disposition.get("filename") or self.content_type.get("name")

    def walk(self) -> Iterator[MimePart]:
        """This part and all below it, from the top."""
        yield self
        for child in self.children:
            yield from child.walk()


class Reader:
    """Reads the tree of one message and counts what it costs."""

    def __init__(self, raw: bytes, wrapped: int = 0) -> None:
        self._raw = raw
        self._wrapped = wrapped
        self._parts = 0
        self._delimiters = 0

    def read(
        self, block: headers.Block, end: int | None = None, depth: int = 0, default: HeaderValue = _PLAIN
    ) -> MimePart:
        """The part whose header block was read. Raises OverLimit when a cap is reached."""
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise OverLimit(f"over {PARTS_MAX} parts")
        if depth > DEPTH_MAX:
            raise OverLimit(f"parts nested over {DEPTH_MAX} deep")
        end = len(self._raw) if end is None else end
        field = block.top("content-type")
        kind = parameters.content_type(field) if field else default
        if not kind.word:
            kind = HeaderValue(
                "text/plain", kind.parameters, (*kind.repairs, "content-type without a type, read as text")
            )
        if kind.word.startswith("multipart/"):
            return self._multipart(kind, block.body, end, depth)
        return self._unwrapped(self._leaf(kind, block, end), depth)

    def _multipart(self, kind: HeaderValue, start: int, end: int, depth: int) -> MimePart:
        spans, closed = self._spans(kind.get("boundary"), start, end)
        if not spans:
            body = MimePart(_PLAIN, NONE, self._raw[start:end])
            if not kind.get("boundary"):
                return MimePart(kind, NONE, children=(body,), repairs=("no boundary declared, read as text",))
            return MimePart(kind, NONE, children=(body,), damage=(f"{kind.word} whose boundary never comes",))
        default = _RFC822 if kind.word == "multipart/digest" else _PLAIN
        children = []
        for begin, stop in spans:
            children.append(self.read(_block(self._raw, begin, stop), stop, depth + 1, default))
        repairs = () if closed else ("closing boundary missing",)
        return MimePart(kind, NONE, children=tuple(children), repairs=(*kind.repairs, *repairs))

    def _spans(self, boundary: str, start: int, end: int) -> tuple[list[tuple[int, int]], bool]:
        """Offsets of the parts between the delimiter lines (RFC 2046 §5.1.1), and whether a closing one was there."""
        mark = b"--" + boundary.encode("utf-8", "replace")
        raw = self._raw
        spans: list[tuple[int, int]] = []
        begin = -1
        at = start if raw.startswith(mark, start) else raw.find(b"\n" + mark, start, end) + 1
        while at and boundary:
            self._delimiters += 1
            if self._delimiters > DELIMITERS_MAX:
                raise OverLimit(f"over {DELIMITERS_MAX} lines like a boundary")
            line_end = raw.find(b"\n", at, end)
            line_end = end if line_end < 0 else line_end
            tail = raw[at + len(mark) : line_end].rstrip()
            if tail in (b"", b"--"):
                if begin >= 0:
                    spans.append((begin, _without_break(raw, begin, at)))
                    if len(spans) > PARTS_MAX:
                        raise OverLimit(f"over {PARTS_MAX} parts")
                if tail:
                    return spans, True
                begin = min(line_end + 1, end)
            at = raw.find(b"\n" + mark, max(line_end - 1, at), end) + 1
        if begin >= 0:
            spans.append((begin, end))
        return spans, False

    def _leaf(self, kind: HeaderValue, block: headers.Block, end: int) -> MimePart:
        where = parameters.disposition(block.top("content-disposition"))
        encoding = block.top("content-transfer-encoding")
        data, trouble = _transfer_decoded(self._raw[block.body : end], encoding)
        damage = (f"part {kind.word}: {trouble}",) if trouble else ()
        return MimePart(kind, where, data, repairs=(*kind.repairs, *where.repairs), damage=damage)

    def _unwrapped(self, part: MimePart, depth: int) -> MimePart:
        """A part of opaque S/MIME with what it wraps below it."""
        if not part.data or not smime.is_labelled(part.type, part.filename):
            return part
        try:
            if self._wrapped >= _WRAPPED_MAX:
                raise smime.Sealed("wrapped too often")
            entity = smime.entity(part.data)
        except smime.Sealed as error:
            return replace(part, unread=(f"S/MIME that cannot be opened ({error})",))
        if entity is None:
            return part
        inner = Reader(entity, self._wrapped + 1)
        inner._parts, inner._delimiters = self._parts, self._delimiters
        child = inner.read(_block(entity, 0, len(entity)), depth=depth + 1)
        self._parts, self._delimiters = inner._parts, inner._delimiters
        return MimePart(
            part.content_type, part.disposition, children=(child,), repairs=part.repairs, damage=part.damage
        )


def _block(raw: bytes, begin: int, stop: int) -> headers.Block:
    """The header block of a part. Raises OverLimit."""
    block = headers.split(raw, begin, stop)
    if reasons := block_reasons(block.fields, block.lines, cut_off=block.cut_off):
        raise OverLimit(f"part: {reasons[0]}")
    return block


def _without_break(raw: bytes, begin: int, at: int) -> int:
    """The line break before a delimiter belongs to the delimiter (RFC 2046 §5.1.1)."""
    stop = at - 1
    if stop > begin and raw[stop - 1 : stop] == b"\r":
        stop -= 1
    return max(stop, begin)


def _transfer_decoded(data: bytes, encoding: bytes) -> tuple[bytes, str | None]:
    """RFC 2045 §6, tolerant: what cannot be decoded stays as it is, with a note."""
    name = encoding.partition(b";")[0].strip().strip(b"\"'").decode("ascii", "replace").lower()
    if name == "base64":
        return _unbase64(data)
    if name == "quoted-printable":
        return binascii.a2b_qp(data), None
    return data, None if name in _IDENTITY else f"unknown transfer encoding {name[:40]!r}"


def _unbase64(data: bytes) -> tuple[bytes, str | None]:
    try:
        return binascii.a2b_base64(data), None
    except ValueError:
        digits = _NOT_BASE64.sub(b"", data)
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4)), "base64 cut off"
