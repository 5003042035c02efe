"""Parameters of Content-Type and Content-Disposition (RFC 2045 §5.1), with RFC 2231 and the habits of real clients."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.parsing import charset, headers

_PARAMETER = re.compile(rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"?+|([^;]*+))', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\([\"\\])")
_EXTENDED = re.compile(rb"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_TYPE = re.compile(rb"\s*([!-.0-9:<>-~]+/[!-.0-9:<>-~]+)")
_WHOLE_VALUE = frozenset({"name", "filename"})
"""Clients write file names with spaces and without quotes; every other bare value ends at the first space."""


@dataclass(frozen=True, slots=True)
class HeaderValue:
    """A structured header value: the word before the first semicolon in lower case ("" when it is none), parameters."""

    word: str
    parameters: dict[str, str]
    repairs: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """Value of a parameter (name in lower case), "" when it is not there."""
        return self.parameters.get(name, "")


NONE = HeaderValue("", {})
"""A field that is not there."""


def content_type(value: bytes) -> HeaderValue:
    """Content-Type: ``word`` is "type/subtype", or "" when the value has no such form."""
    value = headers.unfold(value)
    match = _TYPE.match(value)
    return _with_parameters(match[1].decode("ascii").lower() if match else "", value)


def disposition(value: bytes) -> HeaderValue:
    """Content-Disposition (RFC 2183): ``word`` is "inline", "attachment"..."""
    if not value:
        return NONE
    value = headers.unfold(value)
    word = value.partition(b";")[0].strip().decode("ascii", "replace").lower()
    return _with_parameters(word, value)


def _with_parameters(word: str, value: bytes) -> HeaderValue:
    plain: dict[str, bytes] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for match in _PARAMETER.finditer(value):
        extended = _EXTENDED.fullmatch(match[1])
        if not extended:
            continue
        name = extended[1].decode("ascii", "replace").lower()
        data = _QUOTED_PAIR.sub(rb"\1", match[2]) if match[2] is not None else match[3].strip()
        if match[2] is None and name not in _WHOLE_VALUE:
            data = data.split(None, 1)[0] if data else b""
        if extended[2] or extended[3]:
            pieces.setdefault(name, {}).setdefault(int(extended[2] or 0), (data, bool(extended[3])))
        else:
            plain.setdefault(name, data)
    texts: dict[str, str] = {}
    repairs: list[str] = []
    for name, data in plain.items():
        decoded = headers.decode(data)
        texts[name] = decoded.text
        repairs += [f"{name}: {repair}" for repair in decoded.repairs]
    texts.update({name: _joined(parts) for name, parts in pieces.items()})
    return HeaderValue(word, texts, tuple(repairs))


def _joined(parts: dict[int, tuple[bytes, bool]]) -> str:
    """RFC 2231 §3-4: numbered pieces joined, %XX decoded in the marked ones, charset taken from the first."""
    data = b""
    label = b""
    for number in sorted(parts):
        piece, marked = parts[number]
        if marked and not data and piece.count(b"'") >= 2:
            label, _, piece = piece.split(b"'", 2)
        data += _PERCENT.sub(lambda m: bytes.fromhex(m[1].decode("ascii")), piece) if marked else piece
    text = charset.decode(data, label.decode("ascii", "replace") or None).text
    return headers.printable(text)
