"""Plain text as a person reads it: format=flowed joined, line ends, spaces and invisible characters made plain."""

from __future__ import annotations

import re

from mailbot.text.unicode import nfc

_INVISIBLE = (
    *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xE0000, 0xE0080),
)
_SPACES = (0x09, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_CONTROLS = (*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0))
_BREAKS = (0x0B, 0x0C, 0x85, 0x2028, 0x2029)
_PLAIN: dict[int, str | None] = {
    **dict.fromkeys(_INVISIBLE),
    **dict.fromkeys(_CONTROLS),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_BREAKS, "\n"),
}
_COMMAND = re.compile(r"<param>[^<]{0,999}</param>|</?[a-z][\w-]{0,59}>|<<|\n+", re.IGNORECASE)
_NEEDS = re.compile("[^\n -~ąćęłńóśźżĄĆĘŁŃÓŚŹŻ„”–’]")


def plain(text: str) -> str:
    """NFC, lines ended by \\n, every space U+0020, no invisible or control character (procedure §1.6)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _NEEDS.search(text):
        text = nfc(text.translate(_PLAIN))
    return text


def unflow(text: str, *, delsp: bool) -> str:
    """Joins the soft line breaks of format=flowed (RFC 3676 §4); ``delsp``: the space before them goes too (§4.1)."""
    done: list[str] = []
    held: list[str] = []
    held_depth = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if held and (depth != held_depth or content == "-- "):
            done.append(_quoted(held, held_depth))
            held = []
        soft = content.endswith(" ") and content != "-- "
        held.append(content[:-1] if soft and delsp else content)
        held_depth = depth
        if not soft:
            done.append(_quoted(held, held_depth))
            held = []
    if held:
        done.append(_quoted(held, held_depth))
    return "\n".join(done)


def unenriched(text: str) -> str:
    """text/enriched (RFC 1896) without its commands; those of text/richtext (RFC 1341 §7.1.3) are much the same."""
    return _COMMAND.sub(_command, text.replace("\r\n", "\n"))


def _command(found: re.Match[str]) -> str:
    said = found[0].lower()
    if said in ("<<", "<lt>"):
        return "<"
    if said.startswith("\n"):  # one line break is a space, two are one (RFC 1896 §3)
        return said[1:] or " "
    return "\n" if said in ("<nl>", "<np>", "</paragraph>") else ""


def _quoted(pieces: list[str], depth: int) -> str:
    return (">" * depth + " " if depth else "") + "".join(pieces)
