"""Outlook's winmail.dat ([MS-OXTNEF]): the letter and the files of a mail in a container of Microsoft's own.

Only what is whole is believed: every attribute has its checksum, every property its length. Linear in the octets, one
copy of each file. The letter is also kept as compressed RTF, which is not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailbot.parsing import charset

_SIGNATURE = b"\x78\x9f\x3e\x22"
_ATTRIBUTES_MAX = 5_000
_PROPERTIES_MAX = 5_000

# Attributes, [MS-OXTNEF] 2.1.2: identifiers without their type
_BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x800C, 0x9003, 0x9007
_BEGIN_FILE, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005

# Properties ([MS-OXPROPS]) by their identifiers
_PLAIN, _RTF, _HTML, _HTML_CODEPAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_DATA, _LONG_NAME, _MIME_TYPE = 0x3701, 0x3707, 0x370E

_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
"""Octets of a value by its type, padding included ([MS-OXCDATA] 2.11.1)."""
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_VARIABLE = frozenset({_STRING, _UNICODE, _OBJECT, _BINARY})
_MULTIPLE = 0x1000
_CHARSETS = {20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u", 65001: "utf-8"}
"""Code pages of Windows that have another name elsewhere; 28590 + n is ISO 8859-n."""


@dataclass(slots=True)
class TnefAttachment:
    """One attachment. ``data`` is None where it is a message in Outlook's own form, which is not read."""

    name: str = ""
    content_type: str = ""
    data: bytes | None = None


@dataclass(slots=True)
class Container:
    """What a winmail.dat holds."""

    text: str = ""
    html: str = ""
    files: list[TnefAttachment] = field(default_factory=list)
    rich: bool = False
    """The letter is there as RTF."""


def read(data: bytes) -> Container | None:
    """The container, None when ``data`` is none or not whole. Never raises."""
    try:
        return _read(data)
    except (ValueError, struct.error, LookupError):
        return None


def _read(data: bytes) -> Container:
    found = Container()
    codepage = "windows-1250"
    for name, value in _attributes(data):
        if name == _CODEPAGE:
            codepage = _charset(value)
        elif name == _BODY:
            found.text = found.text or _string(value, codepage)
        elif name == _MESSAGE_PROPERTIES:
            _letter(found, value, codepage)
        elif name == _BEGIN_FILE:
            found.files.append(TnefAttachment())
        elif name in (_FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES) and not found.files:
            raise ValueError("a file that never began")
        elif name == _FILE_TITLE:
            found.files[-1].name = found.files[-1].name or _string(value, codepage)
        elif name == _FILE_DATA:
            found.files[-1].data = value
        elif name == _FILE_PROPERTIES:
            _describe(found.files[-1], value, codepage)
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """([MS-OXTNEF] 2.1.1) Level, identifier, length, value and the sum of its octets, one after another to the end."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("no TNEF")
    at = 6  # signature and key
    for _ in range(_ATTRIBUTES_MAX):
        if at == len(data):
            return
        _, name, _, length = struct.unpack_from("<BHHI", data, at)
        at += 9
        value = data[at : at + length]
        at += length
        if len(value) < length or struct.unpack_from("<H", data, at)[0] != sum(value) & 0xFFFF:
            raise ValueError("cut off or changed")
        at += 2
        yield name, value
    raise ValueError("too many attributes")


def _letter(found: Container, value: bytes, codepage: str) -> None:
    label = codepage
    html = b""
    for name, kind, item in _properties(value):
        if name == _PLAIN:
            found.text = _text(kind, item, codepage) or found.text
        elif name == _HTML and kind == _UNICODE:
            found.html = _text(kind, item, codepage)
        elif name == _HTML:
            html = item
        elif name == _HTML_CODEPAGE:
            label = _charset(item)
        elif name == _RTF:
            found.rich = True
    if html:
        found.html = charset.decode(html.rstrip(b"\0"), label).text


def _describe(file: TnefAttachment, value: bytes, codepage: str) -> None:
    for name, kind, item in _properties(value):
        if name == _LONG_NAME:
            file.name = _text(kind, item, codepage) or file.name
        elif name == _MIME_TYPE:
            file.content_type = _text(kind, item, codepage).strip().lower()
        elif name == _DATA and kind == _BINARY:
            file.data = item
        elif name == _DATA:  # [MS-OXCMSG] 2.2.2.7: a message, or an object of OLE
            file.data = None


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Identifier, type and first value of each property ([MS-OXTNEF] 2.1.3.4)."""
    (count,) = struct.unpack_from("<I", data)
    if count > _PROPERTIES_MAX:
        raise ValueError("too many properties")
    at = 4
    for _ in range(count):
        kind, name = struct.unpack_from("<HH", data, at)
        at += 4
        if name >= 0x8000:  # a named one: GUID, then a number or a name
            at = _behind_name(data, at + 16)
        values = 1
        if kind & _MULTIPLE or kind in _VARIABLE:
            (values,) = struct.unpack_from("<I", data, at)
            at += 4
        if values > len(data):
            raise ValueError("more values than octets")
        first, at = _values(data, at, kind & ~_MULTIPLE, values)
        yield name, kind, first


def _behind_name(data: bytes, at: int) -> int:
    sort, length = struct.unpack_from("<II", data, at)
    return at + 8 + (_padded(length) if sort else 0)


def _values(data: bytes, at: int, kind: int, count: int) -> tuple[bytes, int]:
    first = b""
    for number in range(count):
        if kind in _VARIABLE:
            (length,) = struct.unpack_from("<I", data, at)
            at += 4
        else:
            length = _FIXED[kind]
        if at + length > len(data):
            raise ValueError("cut off")
        if not number:
            first = data[at : at + length]
        at += _padded(length)
    return first, at


def _charset(value: bytes) -> str:
    (number,) = struct.unpack_from("<I", value)
    return _CHARSETS.get(number) or (f"iso-8859-{number - 28590}" if 28590 < number < 28606 else f"cp{number}")


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4


def _text(kind: int, value: bytes, codepage: str) -> str:
    if kind == _UNICODE:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    return _string(value, codepage) if kind == _STRING else ""


def _string(value: bytes, codepage: str) -> str:
    return charset.decode(value.rstrip(b"\0"), codepage).text
