"""The text that an antivirus or a gateway on the way puts where a file was: the citizen did send the file."""

from __future__ import annotations

import re

from mailbot.parsing import charset, html_text

_TEXT_MAX = 20_000
"""Octets; such a text has a page at most."""
_FILE = r"(?:za[lł][aą]cznik|plik|attach(?:ment|ed)|file\b)"
_TAKEN = (
    r"(?:usuni[eę]t[yaoe]|skasowan|zablokowan|zatrzyman|odfiltrowan|zast[aą]pion|kwarantann|removed|deleted|blocked"
    r"|stripped|replaced|quarantin|withheld)"
)
_GONE = re.compile(rf"{_FILE}.{{0,160}}?{_TAKEN}|{_TAKEN}.{{0,160}}?{_FILE}", re.IGNORECASE | re.DOTALL)
_MACHINE = re.compile(
    r"wirus|virus|malware|szkodliw|zagro[zż]e|threat|polity[kc]|policy|niedozwolon|zabronion|not allowed|forbidden"
    r"|bezpiecze[nń]stw|security|zabezpiecze|skaner|scann|brama|gateway|filtr|filter|administrator",
    re.IGNORECASE,
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_WINDOW = 600
"""Characters around the sentence in which the reason stands."""


def is_one(data: bytes) -> bool:
    """Whether a file is no more than the news that another was taken out, whatever its name and label say."""
    if len(data) > _TEXT_MAX or _CONTROL.search(data) or data.lstrip().startswith((b"%PDF", b"{\\rtf", b"<?xml")):
        return False
    text = charset.decode(data).text
    return says_so(html_text.to_text(text) if "<" in text else text)


def says_so(text: str) -> bool:
    """Whether a text tells that a file was taken out on the way, and why."""
    found = _GONE.search(text[:_TEXT_MAX])
    return found is not None and bool(_MACHINE.search(text[max(0, found.start() - _WINDOW) : found.end() + _WINDOW]))
