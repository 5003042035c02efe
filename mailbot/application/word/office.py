"""Word (OOXML): the package, and the words of a plain letter in it (``word`` says what is one)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from mailbot.application import markup, plain
from mailbot.application.document import Document, UnreadableError
from mailbot.application.word import colours, room
from mailbot.application.word.elements import (
    BODY,
    DEPTH,
    PROPERTIES,
    TABLE,
    W,
    check,
    check_properties,
    check_widths,
    name_of,
)
from mailbot.application.word.pagenumbers import count_pages
from mailbot.application.word.styles import JUDGED, STYLED, chosen
from mailbot.signatures import bounds

_ENTRIES = 200
_NAME = re.compile(
    r"\[Content_Types\]\.xml"
    r"|(?:_rels|docProps|word|customXml)/(?:[A-Za-z0-9_-]+/){0,3}(?:[A-Za-z0-9_-]*(?:\.[A-Za-z0-9]+){1,2})?"
)
"""Of a part, as programs for letters write it: no reader takes one for another, or the file for one of another kind."""
_PART = 2_000_000
"""Bytes of one unpacked part that is read; a letter has some ten thousand."""
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
_RELS = "word/_rels/document.xml.rels"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PLACES = {
    "styles": "styles.xml",
    "theme": "theme/theme1.xml",
    "fontTable": "fontTable.xml",
    "numbering": "numbering.xml",
    "settings": "settings.xml",
}
_SHOWN = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_ENDS = {"tc": "\t", "tr": "\n"}


def read_docx(data: bytes) -> Document:
    """The text of a .docx. Raises UnreadableError for any other zip, beyond the limits, and for what is not listed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            _check_package(package, data)
            roots = list(_roots(package))
            used = {e.get(f"{W}val", "").casefold() for kind in STYLED for r in roots for e in r.iter(f"{W}{kind}")}
            parts = {name: markup.parse(_part(package, name)) for name in package.namelist() if name in JUDGED}
            if not _has_numbering(package):
                _forget_lists(parts.get("word/styles.xml"))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UnreadableError("zip") from error
    if "word/numbering.xml" not in parts and any(_is_list(place) for root in roots for place in root.iter(f"{W}numPr")):
        raise UnreadableError("a list that is defined nowhere")
    for name, part in parts.items():
        JUDGED[name](part, used)
    lists = parts.get("word/numbering.xml")
    styles = chosen(parts.get("word/styles.xml"), used)
    colours.check([*roots, *styles], parts.get("word/theme/theme1.xml"), parts.get("word/settings.xml"))
    room.check(roots, [*styles, *([] if lists is None else [lists])])
    out: list[str] = []
    for root in roots:
        count_pages(root)
        _collect(root, out, 0, cell=False)
    text = "\n".join(line.rstrip("\t ") for line in "".join(out).split("\n"))
    return Document(text.replace("\f", ""), doubts=plain.oddities(text))


def _roots(package: zipfile.ZipFile) -> Iterator[Any]:
    """The heads of the pages, the text and the feet: those of a letter of one section, alike on every page."""
    root = markup.parse(_part(package, "word/document.xml"))
    places = {kind: list(root.iter(f"{W}{kind}Reference")) for kind in ("header", "footer")}
    if any(places.values()) and len(list(root.iter(f"{W}sectPr"))) != 1:
        raise UnreadableError("heads of several sections")
    for kind, found in (("header", places["header"]), ("", None), ("footer", places["footer"])):
        if found is None:
            yield root
            continue
        if len(found) > 1 or any(place.get(f"{W}type") != "default" for place in found):
            raise UnreadableError(f"{kind} of other pages")
        for place in found:
            yield markup.parse(_part(package, _target(package, kind, place.get(_ID, ""))))


def _target(package: zipfile.ZipFile, kind: str, name: str) -> str:
    """The part that a reference means."""
    found = markup.parse(_part(package, _RELS)).iter(f"{_RELATIONS}Relationship")
    meant = [r for r in found if r.get("Id") == name]
    target = meant[0].get("Target", "") if len(meant) == 1 else ""
    if re.fullmatch(rf"{kind}\d{{0,2}}\.xml", target) is None or meant[0].get("TargetMode", "Internal") != "Internal":
        raise UnreadableError(f"part {kind}")
    return f"word/{target}"


def _check_package(package: zipfile.ZipFile, data: bytes) -> None:
    """One package and nothing before, between or behind it that another reader might take for a file of its own."""
    names = package.namelist()
    if len(names) > _ENTRIES or not all(map(_NAME.fullmatch, names)) or not data.startswith(b"PK\x03\x04"):
        raise UnreadableError("zip entries")
    if package.comment or data[-22:-18] != b"PK\x05\x06":
        raise UnreadableError("zip with something around it")
    try:
        bounds.check_zip(data)
    except bounds.BadArchive as bad:
        raise UnreadableError("zip in which readers find other files") from bad
    types = markup.parse(_part(package, "[Content_Types].xml"))
    said = [t.get("PartName") for t in types.iter(f"{_TYPES}*") if t.get("ContentType", "").casefold() == _MAIN]
    if said != ["/word/document.xml"] or _targets(package, "_rels/.rels", "officedocument") != ["word/document.xml"]:
        raise UnreadableError("main part")
    for kind, target in _PLACES.items():
        if _RELS in names and not {target, f"/word/{target}"}.issuperset(_targets(package, _RELS, kind)):
            raise UnreadableError(f"part {kind}")
    if "word/_rels/fontTable.xml.rels" in names:
        raise UnreadableError("fonts of its own")


def _is_list(place: Any) -> bool:
    """Whether a line is one of a list; of none where its number is 0 (§17.9.18)."""
    return [e.get(f"{W}val") for e in place.iter(f"{W}numId")] != ["0"]


def _has_numbering(package: zipfile.ZipFile) -> bool:
    """Raises KeyError where the lists are said to be in a part that is not there."""
    if _RELS not in package.namelist() or not _targets(package, _RELS, "numbering"):
        return False
    return package.getinfo("word/numbering.xml") is not None


def _forget_lists(styles: Any) -> None:
    """A list that is defined nowhere writes nothing: LibreOffice gives its headings a place in one."""
    for place in list(styles.iter(f"{W}numPr")) if styles is not None else ():
        place.getparent().remove(place)


def _targets(package: zipfile.ZipFile, rels: str, kind: str) -> list[str]:
    found = markup.parse(_part(package, rels)).iter(f"{_RELATIONS}Relationship")
    meant = [r for r in found if r.get("Type", "").rpartition("/")[2].casefold() == kind.casefold()]
    if any(r.get("TargetMode", "Internal") != "Internal" for r in meant):
        raise UnreadableError(f"part {kind}")
    targets = [r.get("Target", "") for r in meant]
    return [target.removeprefix("/") if kind == "officedocument" else target for target in targets]


def _part(package: zipfile.ZipFile, name: str) -> bytes:
    """One part, bounded: the sizes in a directory are what somebody wrote there."""
    with package.open(package.getinfo(name)) as part:
        data = part.read(_PART + 1)
    if len(data) > _PART:
        raise UnreadableError("zip size")
    return data


def _collect(element: Any, out: list[str], depth: int, *, cell: bool) -> None:
    """Check ``element`` and all below it, and add what is shown of it to ``out``."""
    name = name_of(element)
    if depth > DEPTH:
        raise UnreadableError("depth")
    if name in PROPERTIES or name in ("tblPr", "tblGrid", "trPr", "tcPr"):
        check_properties(element, depth)
        return
    check(element, {**BODY, **TABLE})
    if name == "tbl":
        check_widths(element, cell=cell)
    if name == "t":
        out.append(" ".join((element.text or "").split("\n")))
    elif (element.text or "").strip():
        raise UnreadableError(f"text in {name}")
    out.append("\n\f\n" if name == "br" and element.get(f"{W}type") == "page" else _SHOWN.get(name, ""))
    for child in element:
        _collect(child, out, depth + 1, cell=cell or name == "tc")
        if (child.tail or "").strip():
            raise UnreadableError(f"text in {name}")
    out.append((" " if cell else "\n") if name == "p" else _ENDS.get(name, ""))
