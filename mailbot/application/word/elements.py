"""What may stand in a plain letter of Word (OOXML, ECMA-376 Part 1 §17). All else may hide or replace words: a doubt.

Every element, attribute and value that can change how a word looks must be listed here; a person looks at the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from mailbot.application.document import UnreadableError
from mailbot.application.fontnames import FONT

DEPTH = 60
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_IGNORED = re.compile(
    rf"{W}rsid\w*|{_W14}(?:paraId|textId)|{{http://schemas\.openxmlformats\.org/markup-compatibility/2006}}Ignorable"
    r"|\{http://www\.w3\.org/XML/1998/namespace\}space"
    r"|\{http://schemas\.openxmlformats\.org/officeDocument/2006/relationships\}id"
)
"""Attributes that say nothing about what is shown."""
_LIGATURES = f"{_W14}ligatures"
"""Letters that touch: Word says it in the defaults of every file."""

_WIDEST = 11_000
"""Twentieths of a point: A4 with small margins."""

Test = Callable[[str], bool]


def _number(least: int, most: int) -> Test:
    return lambda value: re.fullmatch(r"-?[0-9]{1,6}", value) is not None and least <= int(value) <= most


def _of(*words: str) -> Test:
    return lambda value: value in words


def is_dark(value: str) -> bool:
    """Text that stands out on white paper."""
    return value == "auto" or (
        re.fullmatch(r"[0-9A-Fa-f]{6}", value) is not None
        and sum(int(value[at : at + 2], 16) * share for at, share in ((0, 30), (2, 59), (4, 11))) <= 100 * 0x80
    )


def _octet(value: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]{2}", value) is not None


def _anything(value: str) -> bool:
    return len(value) <= 200


DEEPEST = 5
"""The last level of a list that a paragraph may be of: programs define nine, and the others begin far to the right."""
_SWITCH = {"val": _of("0", "1", "true", "false", "on", "off")}
_FONTS: Mapping[str, Test] = {
    **dict.fromkeys(("ascii", "hAnsi"), lambda value: FONT.fullmatch(value) is not None),
    **dict.fromkeys(("cs", "eastAsia"), _anything),
}
"""Those of other scripts draw no letter of ours where nothing says that they should (cs, rtl, hint: ECMA-376
17.3.2.26); LibreOffice names whatever it finds on the machine."""
_THEMED = dict.fromkeys(("asciiTheme", "hAnsiTheme", "cstheme", "eastAsiaTheme"), lambda value: value.startswith("m"))
"""Fonts of the theme, "minorHAnsi" or "majorBidi": they are looked at there."""
_RUN: Mapping[str, Mapping[str, Test]] = {
    **{key: {"val": _anything} for key in ("b", "bCs", "i", "iCs", "noProof", "kern")},
    **{key: {"val": _number(16, 96)} for key in ("sz", "szCs")},
    "lang": dict.fromkeys(("val", "eastAsia", "bidi"), _anything),
    "u": {"val": _of("single", "none")},
    "color": {"val": is_dark, "themeColor": _anything, **dict.fromkeys(("themeShade", "themeTint"), _octet)},
    "rFonts": {**_FONTS, **_THEMED, "hint": _of("default")},
    "rStyle": {"val": _anything},
    **dict.fromkeys(("caps", "smallCaps"), _SWITCH),
    "spacing": {"val": _number(-10, 60)},
}
_BORDER = {"val": _of("single", "nil", "none"), "sz": _number(0, 24), "space": _number(0, 31), "color": _anything}
_PARAGRAPH: Mapping[str, Mapping[str, Test]] = {
    **dict.fromkeys(("keepNext", "keepLines", "widowControl", "contextualSpacing", "suppressAutoHyphens"), _SWITCH),
    **dict.fromkeys(("autoSpaceDE", "autoSpaceDN", "adjustRightInd", "snapToGrid"), _SWITCH),
    **dict.fromkeys(("kinsoku", "overflowPunct", "suppressLineNumbers"), _SWITCH),
    "bidi": {"val": _of("0", "false", "off")},
    "pStyle": {"val": _anything},
    "jc": {"val": _of("left", "right", "center", "both", "start", "end")},
    **{key: {} for key in ("numPr", "tabs", "pBdr")},
    "ilvl": {"val": _number(0, DEEPEST)},
    "numId": {"val": _number(0, 9_999)},
    "tab": {
        "val": _of("left", "center", "right", "decimal", "clear", "start", "end", "num"),
        "pos": _number(0, 10_000),
        "leader": _of("none", "dot", "underscore", "hyphen"),
    },
    **dict.fromkeys(("top", "bottom"), _BORDER),
    "outlineLvl": {"val": _anything},
    "spacing": {
        **dict.fromkeys(("before", "after"), _number(0, 2_000)),
        **dict.fromkeys(("beforeAutospacing", "afterAutospacing"), _SWITCH["val"]),
        "line": _number(240, 720),
        "lineRule": _of("auto"),
    },
    "ind": {
        **dict.fromkeys(("left", "start", "firstLine"), _number(0, 5_400)),
        "hanging": _number(0, 720),
        **dict.fromkeys(("right", "end"), _number(0, 2_000)),
    },
}
_SECTION: Mapping[str, Mapping[str, Test]] = {
    "pgSz": {"w": _number(10_000, 17_500), "h": _number(10_000, 17_500), "orient": _anything, "code": _anything},
    "pgMar": dict.fromkeys(("top", "right", "bottom", "left", "header", "footer", "gutter"), _number(0, 3_000)),
    "cols": {"space": _anything},
    "docGrid": {"linePitch": _anything, "type": _of("default"), "charSpace": _anything},
    "pgNumType": {"fmt": _of("decimal")},
    "formProt": {"val": _of("0", "false", "off")},
    "textDirection": {"val": _of("lrTb")},
    "type": {"val": _anything},
    **{key: {"type": _of("default")} for key in ("headerReference", "footerReference")},
}
_MARGIN = {"w": _number(0, 600), "type": _of("dxa")}
_SIDES = {
    key: {**_BORDER, **_MARGIN} for key in ("top", "left", "bottom", "right", "insideH", "insideV", "start", "end")
}
_WIDE = {"w": _number(0, 10_000), "type": _of("dxa", "auto", "pct", "nil")}
TABLE: Mapping[str, Mapping[str, Test]] = {
    **{key: {} for key in ("tblPr", "tblGrid", "tr", "tc", "tcPr", "trPr", "tblBorders", "tcBorders", "tblCellMar")},
    **dict.fromkeys(("tblW", "tcW"), _WIDE),
    **dict.fromkeys(("cantSplit", "tblHeader"), _SWITCH),
    "tblLayout": {"type": _of("fixed", "autofit")},
    "tblInd": {"w": _number(-200, 1_000), "type": _of("dxa")},
    "gridCol": {"w": _number(300, 10_000)},
    "tblLook": dict.fromkeys(
        ("val", "firstRow", "lastRow", "firstColumn", "lastColumn", "noHBand", "noVBand"), _anything
    ),
    "tblStyle": {"val": _anything},
    "vAlign": {"val": _of("top", "center", "bottom")},
    "jc": {"val": _of("left", "start")},
    **_SIDES,
}
_CONTROL: Mapping[str, Mapping[str, Test]] = {
    **{key: {"val": _anything} for key in ("alias", "tag", "id", "lock", "docPart", "docPartGallery")},
    **{key: {} for key in ("placeholder", "richText", "docPartObj", "docPartUnique", "rPr")},
    "text": {"multiLine": _anything},
}
"""Of a content control (§17.5.2): neither its hint shown in place of a text, nor a text that stands in another part."""
BODY: Mapping[str, Mapping[str, Test]] = {
    **{key: {} for key in ("document", "body", "p", "r", "t", "tab", "cr", "noBreakHyphen", "tbl")},
    **{key: {"id": _anything, "name": _anything} for key in ("bookmarkStart", "bookmarkEnd")},
    "lastRenderedPageBreak": {},
    "proofErr": {"type": _anything},
    "hyperlink": {"history": _anything},
    **{key: {} for key in ("hdr", "ftr", "sdt", "sdtContent", "sdtEndPr")},
    "br": {"type": _of("textWrapping", "page")},
}
PROPERTIES: Mapping[str, Mapping[str, Mapping[str, Test]]] = {
    "rPr": _RUN,
    "pPr": {**_PARAGRAPH, "rPr": {}},
    "sectPr": _SECTION,
    "sdtPr": _CONTROL,
}
_SWITCHED_OFF = ("bidi", "formProt")
"""Elements that say yes when they say nothing (§17.17.4)."""


def check_widths(table: Any, *, cell: bool) -> None:
    """No table in a table, and no column beside the page."""
    widths = [[e for e in row.iter(f"{W}tcW") if e.get(f"{W}type") == "dxa"] for row in table.iter(f"{W}tr")]
    widths.append(list(table.iter(f"{W}gridCol")))
    if cell or any(sum(int(e.get(f"{W}w", "0")) for e in row) > _WIDEST for row in widths):
        raise UnreadableError("wide table")


def check_properties(element: Any, depth: int, outer: Mapping[str, Mapping[str, Test]] = TABLE) -> None:
    """Check properties of a run, paragraph, section, table or control, whatever is nested in them."""
    name = name_of(element)
    if depth > DEPTH or (element.text or "").strip():
        raise UnreadableError(f"properties {name}")
    known = PROPERTIES.get(name, outer)
    for child in element:
        if child.tag == _LIGATURES:
            continue
        if name_of(child) in PROPERTIES and (name in ("pPr", "sdtPr") or name not in PROPERTIES):
            check_properties(child, depth + 1)
            continue
        check(child, known)
        if len(child):
            check_properties(child, depth + 1, known)


def check(element: Any, known: Mapping[str, Mapping[str, Test]]) -> None:
    name = name_of(element)
    if name not in known or (name in _SWITCHED_OFF and f"{W}val" not in element.attrib):
        raise UnreadableError(f"Word: {name}")
    for key, value in element.attrib.items():
        test = known[name].get(key.removeprefix(W)) if key.startswith(W) else None
        if not (test(value) if test else _IGNORED.fullmatch(key)):
            raise UnreadableError(f"Word: {name} {etree.QName(key).localname}")


def name_of(element: Any) -> str:
    """Name in the namespace of Word. Raises UnreadableError for any other element."""
    if not isinstance(element.tag, str) or not element.tag.startswith(W):
        raise UnreadableError("Word: a foreign element")
    return str(element.tag.removeprefix(W))
