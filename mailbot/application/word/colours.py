"""Colours of words that the theme of a Word file names (ECMA-376 Part 1 §17.3.2.6, §20.1.6.2): as dark as others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mailbot.application.document import UnreadableError
from mailbot.application.word.elements import W, is_dark

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_ACCENTS = {name: name for name in (f"accent{number}" for number in range(1, 7))}
_SCHEME = {
    "text1": "dk1", "dark1": "dk1", "text2": "dk2", "dark2": "dk2", "hyperlink": "hlink",
    "followedHyperlink": "folHlink", **_ACCENTS,
}  # fmt: skip
"""What words call a colour, and the theme; where the settings say nothing else."""
_MAPPED = {
    "t1": "dark1", "t2": "dark2", "hyperlink": "hyperlink", "followedHyperlink": "followedHyperlink", **_ACCENTS,
}  # fmt: skip


def check(parts: Iterable[Any], theme: Any, settings: Any) -> None:
    """``parts``: whose words are shown. Raises UnreadableError."""
    used = [e for part in parts for e in part.iter(f"{W}color") if f"{W}themeColor" in e.attrib]
    if used and theme is None:
        raise UnreadableError("colours of a theme that is not there")
    for mapping in settings.iter(f"{W}clrSchemeMapping") if settings is not None else ():
        if any(mapping.get(f"{W}{key}", name) != name for key, name in _MAPPED.items()):
            raise UnreadableError("colours of the theme")
    for name, shade, tint in {tuple(e.get(f"{W}theme{key}", "FF") for key in ("Color", "Shade", "Tint")) for e in used}:
        dark, light = int(shade, 16) / 255, int(tint, 16) / 255
        mixed = [255 - (255 - part * dark) * light for part in _of_theme(theme, _SCHEME.get(name, ""))]
        if not is_dark("".join(f"{round(part):02X}" for part in mixed)):
            raise UnreadableError("colours of the theme")


def _of_theme(theme: Any, name: str) -> bytes:
    """Red, green and blue."""
    found = theme.findall(f"{_DRAWING}themeElements/{_DRAWING}clrScheme/{_DRAWING}{name}") if name else []
    colours = list(found[0]) if len(found) == 1 else []
    if len(colours) != 1 or len(colours[0]):
        raise UnreadableError("colours of the theme")
    if colours[0].tag == f"{_DRAWING}sysClr" and colours[0].get("val") == "windowText":
        return bytes(3)
    spelt = colours[0].get("val", "") if colours[0].tag == f"{_DRAWING}srgbClr" else ""
    try:
        return bytes.fromhex(spelt)
    except ValueError as error:
        raise UnreadableError("colours of the theme") from error
