"""Bytes → text when the declared charset may be missing, unknown or wrong.

Chain: declared (whitelist) → utf-8 → windows-1250 or iso-8859-2, whichever gives Polish letters → replacement.
A declaration is overruled only where Polish letters prove another charset; everything but the plain way is noted.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from mailbot.text.remembered import remembered
from mailbot.text.unicode import is_common, nfc

POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")
_TYPOGRAPHIC = frozenset("„”“‟’‘–—…•·«»§°€©®™\u00a0\u00ad\u200b\u200e\u200f\u2002\u2003\u2009\u202f\ufeff")

# Only codecs that turn bytes into text and nothing else: no idna, punycode, utf-7, unicode_escape, hex...
_ALLOWED = frozenset(
    codecs.lookup(name).name
    for name in (
        *(f"iso8859-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"cp125{n}" for n in range(9)),
        *("ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
        *("koi8-r", "koi8-u", "cp437", "cp850", "cp852", "cp866", "cp874", "mac-latin2", "mac-roman", "mac-cyrillic"),
        *("gb2312", "gbk", "gb18030", "big5", "shift_jis", "cp932", "euc-jp", "iso2022_jp_ext", "euc-kr", "cp949"),
    )
)
_ALIASES = {
    "utf8mb4": "utf-8",
    "utf": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "win-1250": "cp1250",
    "win1250": "cp1250",
    "cp-1250": "cp1250",
    "x-cp1250": "cp1250",
    "windows1250": "cp1250",
    "latin-2": "iso8859-2",
    "iso8859_2": "iso8859-2",
    "iso-8859-8-i": "iso8859-8",
    "ks_c_5601-1987": "cp949",
    "x-mac-ce": "mac-latin2",
    "x-mac-cyrillic": "mac-cyrillic",
    "gb2312": "gb18030",
    "iso-2022-jp": "iso2022_jp_ext",
}
_IANA = {"cp1250": "windows-1250", "iso8859-2": "iso-8859-2"}
_STATEFUL = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "iso2022_jp_ext"})
"""Charsets in which bytes below 0x80 do not mean ASCII."""

_SYMBOLS = "\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u02c7\u02d8-\u02dd\u201a\u0192"
_EXOTIC = "\u0180-\u02c6\u0370-\u07ff"
_ODD = re.compile(
    f"(?<=[A-Za-z])[{_SYMBOLS}](?=[A-Za-z])|(?<=[A-Za-z]{{3}})[{_SYMBOLS}]|[£¥¦¬¯¶±¼³¹](?=[A-Za-z]{{3}})"
    f"|(?<=[A-Za-z])[{_EXOTIC}]|[{_EXOTIC}](?=[A-Za-z])"
)
"""A symbol or a letter of another script grown into a Latin word (has³o, SPӣKA): the mark of a wrong charset.
Not m³, £5 or ¿Qué."""
_CONTROL = re.compile("[\x80-\x9f\ufffd]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PROOF = 4
"""By how much another charset must fit better before a declaration that decodes is overruled."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text in NFC, what was repaired to read it (None: nothing), and whether bytes were lost (U+FFFD stands there)."""

    text: str
    repair: str | None = None
    lossy: bool = False


@remembered(512, 80)
def codec(declared: str) -> str | None:
    """Python name of a charset label of a mail (case, quotes and RFC 2231 language tag ignored), None when unknown."""
    label = declared.strip().strip("\"'").partition("*")[0].strip().lower()
    if not label.isascii() or not 0 < len(label) <= 40:
        return None
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return name if name in _ALLOWED else None


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Text of ``data``; ``declared`` is the charset label of the mail or None. Never raises."""
    name = codec(declared) if declared else None
    if data.isascii() and name not in _STATEFUL:
        return Decoded(data.decode("ascii"))
    stated = f"declared {declared[:40]!r}" if declared else "no charset declared"
    if name == "ascii":
        name = None
    text = _strict(data, name) if name else None
    if text is not None and name not in _STATEFUL and (better := _proven(data, text, name)):
        return Decoded(nfc(better[0]), f"{stated}, read as {better[1]}")
    if text is not None:
        return Decoded(nfc(text))
    if name in _STATEFUL:
        return Decoded(nfc(data.decode(name, "replace")), f"{stated}, read with bytes replaced", lossy=True)
    found = _undeclared(data)
    return Decoded(nfc(found[0]), f"{stated}, read as {found[1]}", found[2])


def decode_utf7(data: bytes) -> Decoded:
    """A body in UTF-7 (RFC 2152). Only a body: elsewhere it hides what other programs see. Never raises."""
    text = _SURROGATE.sub("\ufffd", data.decode("utf-7", "replace"))
    return Decoded(nfc(text), "read as utf-7", "\ufffd" in text)


def _undeclared(data: bytes) -> tuple[str, str, bool]:
    """Text, charset and loss for bytes whose declaration is missing or does not fit them."""
    text = _strict(data, "utf-8")
    if text is not None:
        better = _proven(data, text, "utf-8")
        return (*better, False) if better else (text, "utf-8", False)
    patched = data.decode("utf-8", "replace")
    lost = patched.count("\ufffd")
    if sum(c > "\x7f" for c in patched) > 2 * lost:  # most of it is utf-8, cut or hurt in places
        return patched, "utf-8 with bytes replaced", True
    single = _polish(data)
    if single and score(single[0]) > 0 and _mostly_polish(single[0]):
        return (*single, False)
    return patched, "utf-8 with bytes replaced", True


def _proven(data: bytes, text: str, name: str | None) -> tuple[str, str] | None:
    """Another reading of ``data`` and its charset where Polish letters prove ``text`` (read as ``name``) wrong."""
    if is_common(text) or _marked(text) <= POLISH | _TYPOGRAPHIC:
        return None
    if name == "utf-8":
        if not _ODD.search(text):
            return None
    elif (unicode := _strict(data, "utf-8")) and _clean(unicode):
        return unicode, "utf-8"
    other = _polish(data)
    if other and _clean(other[0]) and score(other[0]) - score(text) >= _PROOF:
        return other
    return None


def _polish(data: bytes) -> tuple[str, str] | None:
    """The better of iso-8859-2 and windows-1250 with its name; iso-8859-2 where both say the same."""
    best: tuple[str, str] | None = None
    for name in ("iso8859-2", "cp1250"):
        text = _strict(data, name)
        if text is not None and (best is None or score(text) > score(best[0])):
            best = text, _IANA[name]
    return best


def score(text: str) -> int:
    """How well ``text`` looks like Polish: letters with a mark count for it, controls and grown-in symbols against."""
    letters = sum(c in POLISH for c in text)
    return letters - 5 * len(_CONTROL.findall(text)) - 3 * len(_ODD.findall(text))


def _clean(text: str) -> bool:
    """True when there are Polish letters and no other character outside ASCII but typographic ones."""
    marked = _marked(text)
    return not marked.isdisjoint(POLISH) and marked <= POLISH | _TYPOGRAPHIC


def _mostly_polish(text: str) -> bool:
    """True when the Polish letters outnumber the other characters outside ASCII (a Müller among Kowalskis is fine)."""
    polish = sum(c in POLISH for c in text)
    return polish > sum(c > "\x7f" and c not in _TYPOGRAPHIC for c in text) - polish


def _marked(text: str) -> set[str]:
    return {c for c in set(text) if c > "\x7f"}


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (ValueError, LookupError):
        return None
