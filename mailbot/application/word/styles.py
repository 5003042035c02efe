"""Parts of a Word file that say how its words look (ECMA-376 Part 1 §17.7 to 17.15): styles, theme, fonts, lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mailbot.application.document import UnreadableError
from mailbot.application.fontnames import FONT
from mailbot.application.word.elements import DEEPEST, W, check_properties, name_of

_STYLE_NOTES = frozenset(
    ("name", "basedOn", "next", "link", "uiPriority", "semiHidden", "unhideWhenUsed", "qFormat", "rsid", "aliases")
)
_COUNTED = re.compile(r"(?:%[1-9][.)]?){1,9}|\(%[1-9]\)|[-–—•·▪●○o§\uf0b7\uf0a7\uf0d8\uf02d ]?")
"""What stands before a line of a list: its number, or a bullet."""
_LARGEST = 96
"""Half points."""


def _check_styles(root: Any, used: set[str]) -> None:
    for element in chosen(root, used):
        if name_of(element) == "docDefaults":
            for part in (part for default in element for part in default):
                check_properties(part, 0)
        else:
            for part in element:
                if name_of(part) not in _STYLE_NOTES:
                    check_properties(part, 0)


def chosen(root: Any, used: set[str]) -> list[Any]:
    """Those that a word of the document has: the ones named in it, the defaults, and what these are based on."""
    styles: dict[str, Any] = {}
    found = []
    for element in () if root is None else root:
        name = name_of(element)
        if name == "docDefaults":
            found.append(element)
        elif name == "style":
            if styles.setdefault(element.get(f"{W}styleId", "").casefold(), element) is not element:
                raise UnreadableError("a style twice")
        elif name != "latentStyles":
            raise UnreadableError(f"Word: {name}")
    todo = {*used, *(style for style, element in styles.items() if _is_default(element))}
    done: set[str] = set()
    while todo:
        style = todo.pop()
        if style in styles and style not in done:
            found.append(styles[style])
            todo |= _bases(styles[style])
        done.add(style)
    return found


def _is_default(style: Any) -> bool:
    named = {name_of(part): part.get(f"{W}val", "").casefold() for part in style}.get("name", "")
    return style.get(f"{W}default", "0") != "0" or named in _DEFAULTS


def _bases(style: Any) -> set[str]:
    """The styles that ``style`` is based on."""
    return {part.get(f"{W}val", "").casefold() for part in style if name_of(part) == "basedOn"}


def _check_theme(root: Any, used: set[str]) -> None:
    del used
    faces = [e.get("typeface", "") for e in root.iter("{*}latin", "{*}ea", "{*}cs")]
    if not all(not face or face.startswith("+") or FONT.fullmatch(face) for face in faces):
        raise UnreadableError("font of the theme")


def _check_fonts(root: Any, used: set[str]) -> None:
    """What stands in for a font that is not installed."""
    del used
    if any(not FONT.fullmatch(e.get(f"{W}val", "")) for e in root.iter(f"{W}altName")):
        raise UnreadableError("font in place of another")
    if any(name_of(part).startswith("embed") for font in root for part in font):
        raise UnreadableError("fonts of its own")


def _check_lists(root: Any, used: set[str]) -> None:
    """Numbers and bullets say nothing, whatever their font; nothing else may stand before a line."""
    del used
    texts = [e.get(f"{W}val", "") for e in root.iter(f"{W}lvlText")]
    sizes = [e.get(f"{W}val", "") for e in root.iter(f"{W}sz", f"{W}szCs")]
    if not all(_COUNTED.fullmatch(text) for text in texts) or next(root.iter(f"{W}lvlPicBulletId"), None) is not None:
        raise UnreadableError("words before the lines of a list")
    if not all(size.isdecimal() and int(size) <= _LARGEST for size in sizes):
        raise UnreadableError("size of a list")
    for place in root.iter(f"{W}pPr"):
        if place.getparent().get(f"{W}ilvl", "0") <= str(DEEPEST):
            check_properties(place, 0)


def _check_settings(root: Any, used: set[str]) -> None:
    del used
    if next(root.iter(f"{W}linkStyles", f"{W}attachedTemplate"), None) is not None:
        raise UnreadableError("styles of another file")


STYLED = ("pStyle", "rStyle", "tblStyle")
_DEFAULTS = frozenset(("normal", "default paragraph font", "table normal", "normal table", "no list"))
JUDGED: Mapping[str, Callable[[Any, set[str]], None]] = {
    "word/styles.xml": _check_styles,
    "word/theme/theme1.xml": _check_theme,
    "word/fontTable.xml": _check_fonts,
    "word/numbering.xml": _check_lists,
    "word/settings.xml": _check_settings,
}
