"""RTF → visible text (Rich Text Format 1.9.1), linear and without recursion.

Pictures, hidden, deleted, white and tiny text are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from mailbot.application.document import Document, UnreadableError

_TOKEN = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\"
)
_DESTINATIONS = frozenset(
    b"fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf "
    b"fldinst "
    b"footnote annotation atnid atnauthor themedata datastore listtable listoverridetable rsidtbl generator xmlnstbl "
    b"revtbl filetbl bkmkstart bkmkend nonshppict do".split()
)
_SIGNS = {
    b"par": "\n",
    b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t", b"nestcell": "\t",
    b"nestrow": "\n", b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“",
    b"rdblquote": "”", b"emspace": " ", b"enspace": " ", b"qmspace": " ",
}  # fmt: skip
_SYMBOLS = {b"~": " ", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n", b"\t": "\t"}
_CHARSETS = {0: "cp1252", 77: "mac_roman", 161: "cp1253", 162: "cp1254", 186: "cp1257", 204: "cp1251", 238: "cp1250"}
_DEPTH = 500


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits and gives back at its end."""

    skip: bool = False
    hidden: bool = False
    font: int = -1
    color: int = 0
    size: int = 24
    after_unicode: int = 1


@dataclass(slots=True)
class _Reader:
    state: _State = field(default_factory=_State)
    stack: list[_State] = field(default_factory=list)
    page: str = "cp1250"
    fonts: dict[int, str] = field(default_factory=dict)
    colors: list[tuple[int, int, int]] = field(default_factory=list)
    color: dict[bytes, int] = field(default_factory=dict)
    default_font: int = 0
    table: bytes = b""
    pending: bytearray = field(default_factory=bytearray)
    out: list[str] = field(default_factory=list)
    replaced: int = 0
    pictures: bool = False

    def write(self, text: str) -> None:
        """Visible text; bytes that wait come first."""
        self.flush()
        if self.visible():
            self.out.append(text)

    def visible(self) -> bool:
        """Whether text in this state is seen."""
        index = self.state.color
        color = self.colors[index] if 0 < index < len(self.colors) else (0, 0, 0)
        return not (self.state.skip or self.state.hidden or min(color) >= 0xF0 or self.state.size < 6)

    def octets(self, data: bytes) -> None:
        """Text in the code page of the font."""
        if self.replaced:  # the readable copy behind \uN for old programs
            drop = min(self.replaced, len(data))
            self.replaced -= drop
            data = data[drop:]
        self.pending += data

    def flush(self) -> None:
        """Decode the bytes that wait."""
        if self.pending and self.visible():
            font = self.state.font if self.state.font >= 0 else self.default_font
            self.out.append(bytes(self.pending).decode(self.fonts.get(font, self.page), "replace"))
        self.pending.clear()

    def control(self, word: bytes, number: int | None) -> None:
        """One control word."""
        value = 0 if number is None else number
        if word in _SIGNS:
            self.write(_SIGNS[word])
        elif word in _DESTINATIONS:
            self.flush()
            self.pictures |= word == b"pict"
            self.table = word if word in (b"fonttbl", b"colortbl") else self.table
            if word == b"colortbl":
                self.colors, self.color = [], {}
            self.state = replace(self.state, skip=True)
        elif word == b"u":
            self.write(_utf16(value))
            self.replaced = self.state.after_unicode
        elif word == b"ansicpg":
            self.page = f"cp{value}" if value in (1250, 1251, 1252, 1253, 1254, 1257, 852, 437, 850) else "cp1250"
        elif word == b"deff":
            self.default_font = value
        elif word == b"fcharset" and self.table == b"fonttbl":
            self.fonts[self.state.font] = _CHARSETS.get(value, self.page)
        elif word in (b"red", b"green", b"blue"):
            self.color[word] = value
        else:
            self._format(word, number)

    def _format(self, word: bytes, number: int | None) -> None:
        value = 0 if number is None else number
        change: dict[str, int | bool] = {}
        if word == b"f":
            change = {"font": value}
        elif word == b"cf":
            change = {"color": value}
        elif word == b"fs":
            change = {"size": value}
        elif word in (b"v", b"deleted"):
            change = {"hidden": number != 0}
        elif word == b"uc":
            change = {"after_unicode": min(max(value, 0), 10)}
        elif word == b"plain":
            change = {"hidden": False, "color": 0, "size": 24, "font": self.default_font}
        if change:
            self.flush()
            self.state = replace(self.state, **change)  # type: ignore[arg-type]

    def symbol(self, sign: bytes) -> None:
        """A control symbol."""
        if sign == b"*":
            self.flush()
            self.state = replace(self.state, skip=True)
        else:
            self.write(_SYMBOLS.get(sign, ""))

    def brace(self, sign: bytes) -> None:
        """A group begins or ends."""
        self.flush()
        self.replaced = 0
        if sign == b"{":
            if len(self.stack) >= _DEPTH:
                raise UnreadableError("depth")
            self.stack.append(self.state)
        elif self.stack:
            self.state = self.stack.pop()
            if not self.state.skip:
                self.table = b""

    def plain(self, data: bytes) -> None:
        """Characters between controls; in the table of colours each ";" ends one."""
        if self.table == b"colortbl":
            for _ in range(data.count(b";")):
                red, green, blue = (self.color.get(part, 0) for part in (b"red", b"green", b"blue"))
                self.colors.append((red, green, blue))
                self.color = {}
        else:
            self.octets(data)


def read_rtf(data: bytes) -> Document:
    """The visible text of an RTF document. Raises UnreadableError when groups are nested too deep."""
    reader = _Reader()
    at = 0
    while match := _TOKEN.match(data, at):
        at = match.end()
        octet, word, number, sign, brace, text = match.groups()
        if octet:
            reader.octets(bytes.fromhex(octet.decode()))
        elif word == b"bin" and number:
            at += max(int(number), 0)
        elif word:
            reader.control(word, int(number) if number else None)
        elif sign:
            reader.symbol(sign)
        elif brace:
            reader.brace(brace)
        elif text:
            reader.plain(text)
    reader.flush()
    joined = "".join(reader.out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return Document(joined, pictures=reader.pictures and not joined.strip())


def _utf16(value: int) -> str:
    """The character (or half of one) of \\uN; N is a signed 16-bit number."""
    return chr(value & 0xFFFF)
