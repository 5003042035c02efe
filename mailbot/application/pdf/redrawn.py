"""What a viewer shows of a field that draws it anew, as Firefox always does and Acrobat often (ISO 32000-2 §12.7.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pypdf.generic import ArrayObject, DictionaryObject

from mailbot.application.pdf import fonts
from mailbot.application.pdf.operators import UncommonError

_COLOUR = r"(?:[\d.]{1,12}\s+){%d}%s"
_ANY = "|".join(_COLOUR % one for one in ((1, "g"), (3, "rg"), (4, "k")))
_DRAWN = re.compile(rf"\s*(?:(?:{_ANY})\s+)?/(?P<font>[^\s/]+)\s+(?P<size>[\d.]{{1,9}})\s+Tf(?:\s+(?:{_ANY}))?\s*")
_COLOURS = re.compile(_ANY)
_SIZES = (4.0, 40.0)
_PALE, _LIGHT = 0.55, 0.6
_BORDER = 4.0
_SIGNS = ("/Symbol", "/ZapfDingbats", "/ZaDb", "/Symb")
"""Fonts of signs, and what forms call them."""


def otherwise(entry: Callable[[str], Any], shared: Any) -> bool:
    """Whether it may show something else than the value that stands in its look.

    ``entry``: an entry of the field, its own or inherited. ``shared``: the resources of the form.
    """
    value = str(entry("/V"))
    longest, looks = entry("/MaxLen"), entry("/MK")
    if entry("/RV") is not None or (isinstance(longest, int) and longest < len(value)):
        return True
    if not _chosen(entry, value) or not _is_plain(str(entry("/DA") or ""), shared):
        return True
    if not isinstance(looks, DictionaryObject):
        return False
    ground = [float(part) for part in looks.get("/BG") or ()]
    style = entry("/BS")
    wide = isinstance(style, DictionaryObject) and float(style.get("/W", 1)) > _BORDER
    return wide or looks.get("/R", 0) != 0 or bool(ground and _lightness(ground) < _LIGHT)


def _chosen(entry: Callable[[str], Any], value: str) -> bool:
    """Whether a list shows what its value is (§12.7.5.4)."""
    options, places = entry("/Opt"), entry("/I")
    if not isinstance(options, ArrayObject):
        return True
    pairs = [tuple(map(str, one)) if isinstance(one, ArrayObject) else (str(one),) for one in options]
    picked = [pairs[place] for place in places or () if place < len(pairs)]
    return all(len(set(pair)) == 1 for pair in pairs) and all(pair[0] == value for pair in picked)


def _is_plain(drawn: str, shared: Any) -> bool:
    """Whether a default appearance writes in dark letters of a plain font and a readable size; 0: as it fits."""
    if not drawn.strip():
        return True
    found = _DRAWN.fullmatch(drawn)
    if found is None or not (float(found["size"]) == 0 or _SIZES[0] <= float(found["size"]) <= _SIZES[1]):
        return False
    if any(_lightness([float(part) for part in one.split()[:-1]]) > _PALE for one in _COLOURS.findall(drawn)):
        return False
    named = shared.get("/Font", {}).get_object() if isinstance(shared, DictionaryObject) and "/Font" in shared else {}
    name = f"/{found['font']}"
    font = named.get(name)
    if font is None:  # each viewer takes its own one
        return name not in _SIGNS
    try:
        fonts.check(font.get_object())
    except UncommonError:
        return False
    return font.get_object().get("/BaseFont") not in _SIGNS


def _lightness(parts: list[float]) -> float:
    if len(parts) == 4:
        return 1 - min(1.0, max(parts[:3]) + parts[3])
    return (
        sum(part * share for part, share in zip(parts, (0.3, 0.59, 0.11), strict=True)) if len(parts) > 1 else parts[0]
    )
