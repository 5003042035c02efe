"""Word (OOXML, ECMA-376 Part 1 §17): only what a plain letter needs. All else may hide or replace words: a doubt.

Every element, attribute and value that can change how a word looks must be listed here; a person looks at the others.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from mailbot.application import markup, plain
from mailbot.application.document import Document, UnreadableError

_ENTRIES = 200
_PART = 2_000_000
"""Bytes of one unpacked part that is read; a letter has some ten thousand."""
_DEPTH = 60
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_IGNORED = re.compile(
    rf"{_W}rsid\w*|{_W14}(?:paraId|textId)|{{http://schemas\.openxmlformats\.org/markup-compatibility/2006}}Ignorable"
    r"|\{http://www\.w3\.org/XML/1998/namespace\}space"
    r"|\{http://schemas\.openxmlformats\.org/officeDocument/2006/relationships\}id"
)
"""Attributes that say nothing about what is shown."""

_WIDEST = 11_000
"""Twentieths of a point: A4 with small margins."""

Test = Callable[[str], bool]


def _number(least: int, most: int) -> Test:
    return lambda value: re.fullmatch(r"-?[0-9]{1,6}", value) is not None and least <= int(value) <= most


def _of(*words: str) -> Test:
    return lambda value: value in words


def _dark(value: str) -> bool:
    """Text that stands out on white paper."""
    return value == "auto" or (
        re.fullmatch(r"[0-9A-Fa-f]{6}", value) is not None
        and sum(int(value[at : at + 2], 16) * share for at, share in ((0, 30), (2, 59), (4, 11))) <= 100 * 0x80
    )


def _anything(value: str) -> bool:
    return len(value) <= 200


_SWITCH = {"val": _of("0", "1", "true", "false", "on", "off")}
_FONT = re.compile(
    r"(?:Aptos|Arial|Book Antiqua|Calibri|Cambria|Carlito|Caladea|Consolas|Courier New|DejaVu (?:Sans|Serif|Sans Mono)|"
    r"Garamond|Georgia|Helvetica|Lato|Liberation (?:Sans|Serif|Mono)|MS Mincho|Noto (?:Sans|Serif)|Open Sans|Roboto|"
    r"Segoe UI|Tahoma|Times New Roman|Trebuchet MS|Verdana)(?: Light| Display| CE)?"
)
"""Fonts whose letters look like what they are."""
_FONTS = dict.fromkeys(("ascii", "hAnsi", "cs", "eastAsia"), lambda value: _FONT.fullmatch(value) is not None)
_THEMED = dict.fromkeys(("asciiTheme", "hAnsiTheme", "cstheme", "eastAsiaTheme"), lambda value: value.startswith("m"))
"""Fonts of the theme, "minorHAnsi" or "majorBidi": they are looked at there."""
_RUN: Mapping[str, Mapping[str, Test]] = {
    **{key: {"val": _anything} for key in ("b", "bCs", "i", "iCs", "noProof", "kern")},
    **{key: {"val": _number(16, 96)} for key in ("sz", "szCs")},
    "lang": dict.fromkeys(("val", "eastAsia", "bidi"), _anything),
    "u": {"val": _of("single", "none")},
    "color": {"val": _dark},
    "rFonts": {**_FONTS, **_THEMED, "hint": _of("default")},
    "rStyle": {"val": _anything},
}
_PARAGRAPH: Mapping[str, Mapping[str, Test]] = {
    **dict.fromkeys(("keepNext", "keepLines", "widowControl", "contextualSpacing", "suppressAutoHyphens"), _SWITCH),
    **dict.fromkeys(("autoSpaceDE", "autoSpaceDN", "adjustRightInd", "snapToGrid"), _SWITCH),
    **dict.fromkeys(("kinsoku", "overflowPunct", "suppressLineNumbers"), _SWITCH),
    "bidi": {"val": _of("0", "false", "off")},
    "pStyle": {"val": _anything},
    "jc": {"val": _of("left", "right", "center", "both", "start", "end")},
    "outlineLvl": {"val": _anything},
    "spacing": {
        **dict.fromkeys(("before", "after"), _number(0, 2_000)),
        **dict.fromkeys(("beforeAutospacing", "afterAutospacing"), _SWITCH["val"]),
        "line": _number(240, 720),
        "lineRule": _of("auto"),
    },
    "ind": {
        **dict.fromkeys(("left", "start", "firstLine"), _number(0, 5_400)),
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
}
_BORDER = {"val": _of("single", "nil", "none"), "sz": _number(0, 24), "space": _number(0, 31), "color": _anything}
_MARGIN = {"w": _number(0, 600), "type": _of("dxa")}
_SIDES = {
    key: {**_BORDER, **_MARGIN} for key in ("top", "left", "bottom", "right", "insideH", "insideV", "start", "end")
}
_WIDE = {"w": _number(0, 10_000), "type": _of("dxa", "auto", "pct", "nil")}
_TABLE: Mapping[str, Mapping[str, Test]] = {
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
_BODY: Mapping[str, Mapping[str, Test]] = {
    **{key: {} for key in ("document", "body", "p", "r", "t", "tab", "cr", "noBreakHyphen", "tbl")},
    **{key: {"id": _anything, "name": _anything} for key in ("bookmarkStart", "bookmarkEnd")},
    "lastRenderedPageBreak": {},
    "proofErr": {"type": _anything},
    "hyperlink": {"history": _anything},
    "br": {"type": _of("textWrapping", "page")},
}
_PROPERTIES: Mapping[str, Mapping[str, Mapping[str, Test]]] = {
    "rPr": _RUN,
    "pPr": {**_PARAGRAPH, "rPr": {}},
    "sectPr": _SECTION,
}
_SWITCHED_OFF = ("bidi", "formProt")
"""Elements that say yes when they say nothing (§17.17.4)."""
_STYLE_NOTES = frozenset(
    ("name", "basedOn", "next", "link", "uiPriority", "semiHidden", "unhideWhenUsed", "qFormat", "rsid", "aliases")
)
_SHOWN = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_ENDS = {"tc": "\t", "tr": "\n"}


def read_docx(data: bytes) -> Document:
    """The text of a .docx. Raises UnreadableError for any other zip, beyond the limits, and for what is not listed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            _check_package(package, data)
            root = markup.parse(_part(package, "word/document.xml"))
            used = {e.get(f"{_W}val", "").casefold() for kind in _STYLED for e in root.iter(f"{_W}{kind}")}
            parts = {name: markup.parse(_part(package, name)) for name in package.namelist() if name in _JUDGED}
            if not _has_numbering(package):
                _forget_lists(parts.get("word/styles.xml"))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UnreadableError("zip") from error
    for name, part in parts.items():
        _JUDGED[name](part, used)
    out: list[str] = []
    _collect(root, out, 0, cell=False)
    text = "\n".join(line.rstrip("\t ") for line in "".join(out).split("\n"))
    return Document(text.replace("\f", ""), doubts=plain.oddities(text))


def _check_package(package: zipfile.ZipFile, data: bytes) -> None:
    """One package and nothing before, between or behind it that another reader might take for a file of its own."""
    names = package.namelist()
    folded = {name.casefold() for name in names}
    if len(names) > _ENTRIES or len(folded) != len(names) or not data.startswith(b"PK\x03\x04"):
        raise UnreadableError("zip entries")
    if package.comment or data[-22:-18] != b"PK\x05\x06" or min(i.header_offset for i in package.infolist()) != 0:
        raise UnreadableError("zip with something around it")
    types = markup.parse(_part(package, "[Content_Types].xml"))
    said = [t.get("ContentType") for t in types.iter(f"{_TYPES}Override") if t.get("PartName") == "/word/document.xml"]
    if said != [_MAIN] or _targets(package, "_rels/.rels", "officeDocument") != ["word/document.xml"]:
        raise UnreadableError("main part")
    rels = "word/_rels/document.xml.rels"
    for kind, target in (("styles", "styles.xml"), ("theme", "theme/theme1.xml"), ("fontTable", "fontTable.xml")):
        if rels in names and not {target, f"/word/{target}"}.issuperset(_targets(package, rels, kind)):
            raise UnreadableError(f"part {kind}")
    if "word/_rels/fontTable.xml.rels" in names:
        raise UnreadableError("fonts of its own")


def _has_numbering(package: zipfile.ZipFile) -> bool:
    rels = "word/_rels/document.xml.rels"
    return rels in package.namelist() and bool(_targets(package, rels, "numbering"))


def _forget_lists(styles: Any) -> None:
    """A list that is defined nowhere writes nothing: LibreOffice gives its headings a place in one."""
    for place in list(styles.iter(f"{_W}numPr")) if styles is not None else ():
        place.getparent().remove(place)


def _targets(package: zipfile.ZipFile, rels: str, kind: str) -> list[str]:
    found = markup.parse(_part(package, rels)).iter(f"{_RELATIONS}Relationship")
    targets = [r.get("Target", "") for r in found if r.get("Type", "").rpartition("/")[2] == kind]
    return [target.removeprefix("/") if kind == "officeDocument" else target for target in targets]


def _part(package: zipfile.ZipFile, name: str) -> bytes:
    """One part, bounded: the sizes in a directory are what somebody wrote there."""
    with package.open(package.getinfo(name)) as part:
        data = part.read(_PART + 1)
    if len(data) > _PART:
        raise UnreadableError("zip size")
    return data


def _check_styles(root: Any, used: set[str]) -> None:
    """Those that a word of the document has: the ones named in it, the defaults, and what these are based on."""
    styles: dict[str, Any] = {}
    for element in root:
        name = _name(element)
        if name == "docDefaults":
            for part in (part for default in element for part in default):
                _check_properties(part, 0)
        elif name == "style":
            if styles.setdefault(element.get(f"{_W}styleId", "").casefold(), element) is not element:
                raise UnreadableError("a style twice")
        elif name != "latentStyles":
            raise UnreadableError(f"Word: {name}")
    todo = {*used, *(style for style, element in styles.items() if _is_default(element))}
    done: set[str] = set()
    while todo:
        style = todo.pop()
        if style in styles and style not in done:
            todo |= _check_style(styles[style])
        done.add(style)


def _is_default(style: Any) -> bool:
    named = {_name(part): part.get(f"{_W}val", "").casefold() for part in style}.get("name", "")
    return style.get(f"{_W}default", "0") != "0" or named in _DEFAULTS


def _check_style(style: Any) -> set[str]:
    """The styles that ``style`` is based on."""
    for part in style:
        if _name(part) not in _STYLE_NOTES:
            _check_properties(part, 0)
    return {part.get(f"{_W}val", "").casefold() for part in style if _name(part) == "basedOn"}


def _check_theme(root: Any, used: set[str]) -> None:
    del used
    faces = [e.get("typeface", "") for e in root.iter("{*}latin", "{*}ea", "{*}cs")]
    if not all(not face or face.startswith("+") or _FONT.fullmatch(face) for face in faces):
        raise UnreadableError("font of the theme")


def _check_fonts(root: Any, used: set[str]) -> None:
    """What stands in for a font that is not installed."""
    del used
    if any(not _FONT.fullmatch(e.get(f"{_W}val", "")) for e in root.iter(f"{_W}altName")):
        raise UnreadableError("font in place of another")
    if any(_name(part).startswith("embed") for font in root for part in font):
        raise UnreadableError("fonts of its own")


def _check_settings(root: Any, used: set[str]) -> None:
    del used
    if next(root.iter(f"{_W}linkStyles", f"{_W}attachedTemplate"), None) is not None:
        raise UnreadableError("styles of another file")


_STYLED = ("pStyle", "rStyle", "tblStyle")
_DEFAULTS = frozenset(("normal", "default paragraph font", "table normal", "normal table", "no list"))
_JUDGED: Mapping[str, Callable[[Any, set[str]], None]] = {
    "word/styles.xml": _check_styles,
    "word/theme/theme1.xml": _check_theme,
    "word/fontTable.xml": _check_fonts,
    "word/settings.xml": _check_settings,
}


def _collect(element: Any, out: list[str], depth: int, *, cell: bool) -> None:
    """Check ``element`` and all below it, and add what is shown of it to ``out``."""
    name = _name(element)
    if depth > _DEPTH:
        raise UnreadableError("depth")
    if name in _PROPERTIES or name in ("tblPr", "tblGrid", "trPr", "tcPr"):
        _check_properties(element, depth)
        return
    _check(element, {**_BODY, **_TABLE})
    if name == "tbl":
        _check_widths(element, cell=cell)
    if name == "t":
        out.append(" ".join((element.text or "").split("\n")))
    elif (element.text or "").strip():
        raise UnreadableError(f"text in {name}")
    out.append("\n\f\n" if name == "br" and element.get(f"{_W}type") == "page" else _SHOWN.get(name, ""))
    for child in element:
        _collect(child, out, depth + 1, cell=cell or name == "tc")
        if (child.tail or "").strip():
            raise UnreadableError(f"text in {name}")
    out.append((" " if cell else "\n") if name == "p" else _ENDS.get(name, ""))


def _check_widths(table: Any, *, cell: bool) -> None:
    """No table in a table, and no column beside the page."""
    widths = [[e for e in row.iter(f"{_W}tcW") if e.get(f"{_W}type") == "dxa"] for row in table.iter(f"{_W}tr")]
    widths.append(list(table.iter(f"{_W}gridCol")))
    if cell or any(sum(int(e.get(f"{_W}w", "0")) for e in row) > _WIDEST for row in widths):
        raise UnreadableError("wide table")


def _check_properties(element: Any, depth: int) -> None:
    """Check properties of a run, paragraph, section or table, whatever is nested in them."""
    name = _name(element)
    if depth > _DEPTH or (element.text or "").strip():
        raise UnreadableError(f"properties {name}")
    known = _PROPERTIES.get(name, _TABLE)
    for child in element:
        if _name(child) in _PROPERTIES and (name == "pPr" or name not in _PROPERTIES):
            _check_properties(child, depth + 1)
            continue
        _check(child, known)
        if len(child):
            _check_properties(child, depth + 1)


def _check(element: Any, known: Mapping[str, Mapping[str, Test]]) -> None:
    name = _name(element)
    if name not in known or (name in _SWITCHED_OFF and f"{_W}val" not in element.attrib):
        raise UnreadableError(f"Word: {name}")
    for key, value in element.attrib.items():
        test = known[name].get(key.removeprefix(_W)) if key.startswith(_W) else None
        if not (test(value) if test else _IGNORED.fullmatch(key)):
            raise UnreadableError(f"Word: {name} {etree.QName(key).localname}")


def _name(element: Any) -> str:
    """Name in the namespace of Word. Raises UnreadableError for any other element."""
    if not isinstance(element.tag, str) or not element.tag.startswith(_W):
        raise UnreadableError("Word: a foreign element")
    return str(element.tag.removeprefix(_W))
