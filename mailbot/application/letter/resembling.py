"""A new address that an eye takes for the old one, or that bears the name of somebody else. Pure."""

from __future__ import annotations

import re

from mailbot.request.characters import fold
from mailbot.text import polish
from mailbot.text.unicode import flat

_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("j", "l"), ("5", "s"))
"""Letters that an eye takes for one another; all become the second ones."""
_PART = re.compile(r"[^\W\d_]{3,40}")
_JOINTS = re.compile(r"[.-]")
_TWO = 2
_SAME = 4
"""Letters with which two forms of one surname begin: "Nowacka", "Nowacki"."""
_SHORT = 3
"""The same of a given name and what a person is called: "Janina", "Jan"."""


def resembles(old: str, new: str) -> bool:
    """Whether ``new`` is another address than ``old`` that reads as the same, or as one of the same domain."""
    mine, _, theirs = old.lower().rpartition("@")
    home, _, domain = new.lower().rpartition("@")
    if (home, domain) == (mine, theirs):
        return False
    if domain.startswith((f"{theirs}.", f"{theirs}-")) or theirs.replace(".", "-") in domain:
        return True
    return _shape(home) == _shape(mine) and _shape(_joined(domain)) == _shape(_joined(theirs))


def of_another(address: str, given: str, surname: str) -> bool:
    """Whether ``address`` is called after a given name and a surname ("anna.nowak@…"), neither being the writer's."""
    parts = [flat(part) for part in _PART.findall(address.rpartition("@")[0])]
    names = [fold(name) for name in f"{given} {surname}".split()]
    if len(parts) != _TWO or any(_agree(part, name) for part in parts for name in names):
        return False
    return any(_is(one, "imię") and _is(other, "nazwisko") for one, other in (parts, parts[::-1]))


def _shape(text: str) -> str:
    for one, other in _ALIKE:
        text = text.replace(one, other)
    return text


def _joined(domain: str) -> str:
    return _JOINTS.sub("", domain)


def _agree(part: str, name: str) -> bool:
    least = min(len(part), len(name), _SAME)
    return least >= _SHORT and part[:least] == name[:least]


def _is(word: str, kind: str) -> bool:
    """Whether ``word``, which has no diacritics, may be a name of ``kind``."""
    return any(kind in sense.kinds for sense in polish.senses(word.title(), bare=True))
