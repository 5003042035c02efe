"""The addresses that a text mentions, whole: mended where a line end or a blank has cut them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.text.address import login_key, normalise

_ADDRESS = re.compile(
    r"(?<![^\s<>()\[\]{},;:\"„”'|/\\=→⇒➜⟶])[^\s<>()\[\]{},;:\"„”|/\\=@→⇒➜⟶]{1,64}@[^\s<>()\[\]{},;:\"„”'|/\\=@→⇒➜⟶]{1,255}"
)
MOST = 60
"""Addresses that are looked at."""
_RUBBISH = ".,;:!?…_-*'’`´"


@dataclass(frozen=True, slots=True)
class Mention:
    """One address in a text."""

    start: int
    end: int
    address: str | None
    """As written; None: it looks like an address and is not one."""

    @property
    def key(self) -> str:
        """Equal for two spellings of one address."""
        return (login_key(self.address) if self.address else None) or f"\0{self.start}"


def join_broken(text: str) -> str:
    """``text`` with addresses mended that a line end or a blank beside the @ has cut, and dotted lines blanked."""
    text = re.sub(r"[.…‥]{3,}|…|_{3,}|-{4,}|\.(?:[ \t]\.){2,}", " ", text)
    text = re.sub(r"(?<=[\w.+-])[ \t]{0,9}\n?[ \t]{0,9}@[ \t]{0,9}\n?[ \t]{0,9}(?=\w)", "@", text)
    text = re.sub(r"(?<=\w)\s{0,3}(?:\[at\]|\(at\)|\[małpa\]|\(małpa\))\s*(?=\w)", "@", text)
    # A cell or a line that breaks inside an address: it ends with the sign that wants more of it. A full stop may end
    # a sentence as well ("w miejsce dotychczasowego."): ``whole`` tells.
    return re.sub(
        r"(?m)((?:^|[:\t])[ \t]*[\w.+-]{1,64}[_+-]|@[\w-]{1,63}[.-]|@[\w.-]{1,200}-)\n[ \t]*(?=[\w.+-]+(?:@|\.\w))",
        r"\1",
        text,
    )


def mentions(text: str) -> list[Mention]:
    """Every address of ``text`` in order, at most 60. ``mailto:`` and what surrounds it are no part of it."""
    found = []
    for match in _ADDRESS.finditer(text):
        raw = match[0]
        lead = len(raw) - len(raw.lstrip(_RUBBISH.replace("_", "")))
        raw = raw.lstrip(_RUBBISH.replace("_", "")).rstrip(_RUBBISH)
        start = match.start() + lead
        found.append(Mention(start, start + len(raw), raw if is_address(raw) else None))
        if len(found) == MOST:
            break
    return found


def is_address(text: str) -> bool:
    """Whether ``text`` is one whole e-mail address of a domain with a dot: a cut one is none."""
    return "." in text.rpartition("@")[2] and normalise(text) is not None
