"""Word (OOXML) and OpenDocument texts: what their reader sees. Hidden, deleted and white text does not count."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

from mailbot.application import markup
from mailbot.application.document import Document, UnreadableError
from mailbot.application.markup import local

_ENTRIES = 2_000
_PART = 20_000_000
"""Bytes of one unpacked part that is read."""
_RATIO = 200
_DEPTH = 200
_ODF_SKIPPED = frozenset(
    {
        *("annotation", "annotation-end", "tracked-changes", "hidden-text", "hidden-paragraph"),
        *(
            "automatic-styles",
            "meta",
            "master-styles",
            "styles",
            "placeholder",
            "settings",
            "scripts",
            "font-face-decls",
            "note",
        ),
    }
)
_BREAKS = {"br": "\n", "cr": "\n", "tab": "\t", "noBreakHyphen": "-", "line-break": "\n", "s": " "}


def read_package(data: bytes) -> Document:
    """The text of a .docx or .odt. Raises UnreadableError for any other zip, and beyond the limits."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            names = package.namelist()
            if len(names) > _ENTRIES or len(set(names)) != len(names):
                raise UnreadableError("zip entries")
            if "word/document.xml" in names:
                styles = markup.parse(_part(package, "word/styles.xml")) if "word/styles.xml" in names else None
                return _read_docx(markup.parse(_part(package, "word/document.xml")), styles)
            if "content.xml" in names:
                styles = markup.parse(_part(package, "styles.xml")) if "styles.xml" in names else None
                return read_odf(markup.parse(_part(package, "content.xml")), styles)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise UnreadableError("zip") from error
    raise UnreadableError("no text document")


def _part(package: zipfile.ZipFile, name: str) -> bytes:
    """One part, bounded: the sizes in a directory are what somebody wrote there."""
    info = package.getinfo(name)
    with package.open(info) as part:
        data = part.read(_PART + 1)
    if len(data) > _PART or len(data) > _RATIO * max(info.compress_size, 1) + 100_000:
        raise UnreadableError("zip ratio")
    return data


def _attribute(element: Any, name: str) -> str | None:
    """An attribute by its local name."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def _on(flag: Any) -> bool:
    """An on-off property of WordprocessingML (§17.17.4)."""
    return _attribute(flag, "val") not in ("0", "false", "off", "none")


def _white(value: str | None) -> bool:
    """Whether an RGB colour is (nearly) the paper's."""
    try:
        number = int((value or "").lstrip("#"), 16)
    except ValueError:
        return False
    return len((value or "").lstrip("#")) == 6 and all(number >> shift & 255 >= 0xF0 for shift in (0, 8, 16))


class _Walk:
    """Visible text of a tree, in order: lines, and cells parted by tabs."""

    def __init__(self, skip: Callable[[Any], bool], texts: Callable[[Any], bool], shows: frozenset[str]) -> None:
        self._skip, self._texts, self._shows = skip, texts, shows
        self._out: list[str] = []
        self.pictures = False

    def text(self, element: Any, *, cell: bool = False, depth: int = 0) -> None:
        """Collect ``element`` and all below it."""
        name = local(element)
        if depth > _DEPTH:
            raise UnreadableError("depth")
        if not name or self._skip(element):
            return
        self.pictures |= name in self._shows
        paragraph = name in ("p", "h")
        if name in _BREAKS:
            count = int(_attribute(element, "c") or 1) if name == "s" else 1
            self._out.append(_BREAKS[name] * min(count, 200))
        if self._texts(element) and element.text:
            self._out.append(" ".join(element.text.split("\n")))
        for child in element:
            self.text(child, cell=cell or name in ("tc", "table-cell"), depth=depth + 1)
            if self._texts(element) and child.tail:
                self._out.append(" ".join(child.tail.split("\n")))
        if paragraph:
            self._out.append(" " if cell else "\n")
        elif name in ("tc", "table-cell"):
            self._out.append("\t")
        elif name in ("tr", "table-row"):
            self._out.append("\n")

    def document(self) -> Document:
        """What was collected."""
        lines = "".join(self._out).split("\n")
        text = "\n".join(line.rstrip("\t ") for line in lines)
        return Document(text, pictures=self.pictures and not text.strip())


def _read_docx(root: Any, styles: Any) -> Document:
    """ECMA-376 Part 1 §17: runs (w:t) without hidden (w:vanish), deleted, white or placeholder text."""
    hiding = {_attribute(s, "styleId") for s in styles.iter("{*}style") if _hides(s)} if styles is not None else set()

    def skip(element: Any) -> bool:
        name = local(element)
        if name in ("del", "moveFrom", "Fallback", "instrText", "delText", "sectPr", "altChunk", "pPr"):
            return True
        if name == "sdt":
            return element.find("{*}sdtPr/{*}showingPlcHdr") is not None
        if name in ("r", "p"):
            style = element.find("{*}rPr/{*}rStyle" if name == "r" else "{*}pPr/{*}pStyle")
            return (style is not None and _attribute(style, "val") in hiding) or (name == "r" and _hides(element))
        return False

    walk = _Walk(skip, lambda element: local(element) == "t", frozenset(("drawing", "pict", "object")))
    walk.text(root)
    return walk.document()


def _hides(element: Any) -> bool:
    """Whether the run properties of a run or a style make its text invisible."""
    for properties in element.findall("{*}rPr"):
        for item in properties:
            name = local(item)
            if name in ("vanish", "webHidden") and _on(item):
                return True
            if name == "color" and _white(_attribute(item, "val")):
                return True
            if name == "sz" and (_attribute(item, "val") or "").isdigit() and int(_attribute(item, "val") or 0) < 6:
                return True
    return False


def read_odf(root: Any, styles: Any = None) -> Document:
    """OpenDocument 1.3 Part 3: paragraphs and headings without comments, deletions, hidden and white text."""
    hiding = {
        _attribute(style, "name")
        for tree in (styles, root)
        if tree is not None
        for style in tree.iter("{*}style")
        for properties in style.iter("{*}text-properties")
        if _attribute(properties, "display") == "none" or _white(_attribute(properties, "color"))
    }

    def skip(element: Any) -> bool:
        if local(element) in ("section", "table-row", "table-column") and _attribute(element, "display") in (
            "none",
            "condition",
        ):
            return True
        return local(element) in _ODF_SKIPPED or _attribute(element, "style-name") in hiding

    walk = _Walk(
        skip, lambda e: local(e) in ("p", "h", "span", "a", "text-input", "date"), frozenset(("image", "object"))
    )
    walk.text(root)
    return walk.document()
