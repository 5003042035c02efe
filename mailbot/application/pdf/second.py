"""The second reader of a PDF: pypdf, strict. Where it sees another file than pdfium does, viewers may do so too."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from pypdf import PdfReader, apply_configuration
from pypdf.errors import PdfReadError
from pypdf.generic import ArrayObject, ContentStream, DictionaryObject, IndirectObject, NameObject, StreamObject

from mailbot.application.document import UnreadableError
from mailbot.application.pdf import places
from mailbot.application.pdf.colours import plain_space
from mailbot.application.pdf.operators import UncommonError
from mailbot.application.pdf.pypdf_fonts import read_once
from mailbot.application.pdf.redrawn import otherwise
from mailbot.application.pdf.resources import check_page

_STREAM = 10_000_000
_OBJECTS = 20_000
_LISTED = b" 00000 n"
"""An object in a table of cross-references."""
_PAPERS = 4
"""Output intents that are looked at."""
_PACKED, _PACKS, _PACK = b"/ObjStm", 40, 3_000_000
"""Object streams, how many there may be, and how large: pypdf keeps them all."""
_WIDGETS = 200
_PAINTS = frozenset((b"c", b"v", b"y", b"Do", b"sh", b"INLINE IMAGE"))
_SIMPLE = ("/Type1", "/MMType1", "/TrueType")
_FILES = frozenset(("/FontFile", "/FontFile2", "/FontFile3"))
_BEVEL = 3.0
"""Points: how wide the border of a field may be, whose corners are cut across."""
_ACTIVE = {
    "/JavaScript", "/JS", "/AA", "/Launch", "/XFA", "/EmbeddedFiles", "/EmbeddedFile", "/Collection", "/RichMedia",
    "/RichMediaContent", "/OCProperties", "/3DD", "/Encrypt", "/Requirements", "/Threads", "/EF",
}  # fmt: skip
"""Keys of what may change what a page shows, or hold another document."""


_ELSEWHERE = frozenset(("/F", "/FFilter", "/FDecodeParms", "/DP"))
"""Of a stream: its octets in another file, and a short name that only some readers know (§7.3.8.2, §8.9.7)."""


_AREAS = ("/ViewArea", "/ViewClip", "/PrintArea", "/PrintClip")
"""Which edges of a page are those of what is shown, for viewers that ask (§12.2)."""


class Second:
    """An opened PDF. Raises UnreadableError, and pypdf's errors for what a strict reader does not take."""

    def __init__(self, data: bytes) -> None:
        if data.count(_LISTED) > _OBJECTS or data.count(_PACKED) > _PACKS:
            raise UnreadableError("objects")
        with _bounded(_PACK):
            self._reader = PdfReader(io.BytesIO(data), strict=True)
            self.pages = len(self._reader.pages)
            self._papers = 0
            self._reached: set[int] = set()
            """Numbers of the objects of the document."""
            self._renamed: set[int] = set()
            """Numbers of the fonts that are not in the file and have names of their own for its letters."""
            self.doubts = tuple(dict.fromkeys((*self._walk(), *self._places(data))))
            # Text and fields: a font that is not there stops a strict reader in the middle of a page.
            self._reader = PdfReader(io.BytesIO(data))

    def _places(self, data: bytes) -> Iterator[str]:
        try:
            numbers = [page.indirect_reference.idnum for page in self._reader.pages if page.indirect_reference]
            places.check(data, self._reader, self._reached, numbers)
        except places.PlaceError as error:
            yield str(error)

    @property
    def drawn_anew(self) -> bool:
        """Each viewer draws the fields of the form itself (§12.7.3)."""
        root = _resolved(self._reader.trailer["/Root"])
        form = _resolved(root.get("/AcroForm"))
        return isinstance(form, DictionaryObject) and _resolved(form.get("/NeedAppearances")) == True  # noqa: E712

    def letters(self, index: int) -> Counter[str]:
        """How often each letter stands in the text of a page."""
        with _bounded(), read_once():
            return letters(self._reader.pages[index].extract_text())

    def names_lie(self, index: int) -> bool:
        """Whether /ToUnicode calls letters otherwise than the names of glyphs do, in fonts that are not in the file.

        Viewers draw those by name (§9.6.5), and pdfium has no shape for some of them that would show it (``sheet``).
        """
        if not self._renamed:
            return False
        page = self._reader.pages[index]
        with _bounded():
            with read_once():
                said = page.extract_text()
            fonts = [_resolved(self._reader.get_object(number)) for number in self._renamed]
            names = [font.pop(NameObject("/ToUnicode")) for font in fonts]
            with read_once():
                named = page.extract_text()
        for font, entry in zip(fonts, names, strict=True):
            font[NameObject("/ToUnicode")] = entry
        return _alphanumeric(said) != _alphanumeric(named)

    def values(self, index: int) -> list[tuple[str, str]]:
        """Names and values of the text fields on a page that are filled in, sorted."""
        found = (
            (_name(w), _inherited(w, "/V")) for w in self._widgets(index) if _inherited(w, "/FT") in ("/Tx", "/Ch")
        )
        return sorted((name, str(value)) for name, value in found if isinstance(value, str) and value)

    def annotations(self, index: int) -> int:
        """How many annotations a page has, at most 200."""
        return len(self._widgets(index))

    def looks(self, index: int) -> list[str | None]:
        """The text in the look of each annotation of a page, in their order; None: it has none of its own."""
        looks = [_resolved((_resolved(widget.get("/AP")) or {}).get("/N")) for widget in self._widgets(index)]
        texts = {id(look): self._text(index, look) for look in _each(looks)}  # many annotations may have one look
        return [texts.get(id(look)) for look in looks]

    def redrawn(self, index: int) -> bool:
        """Whether a viewer that draws a filled field of a page anew may show something else."""
        found = (partial(_inherited, widget) for widget in self._widgets(index))
        return any(
            entry("/FT") in ("/Tx", "/Ch") and entry("/V") and otherwise(entry, self._shared()) for entry in found
        )

    def draws(self, index: int) -> bool:
        """Whether the look of a text field of a page shows more than text and frames."""
        looks = (
            _resolved((_resolved(widget.get("/AP")) or {}).get("/N"))
            for widget in self._widgets(index)
            if _inherited(widget, "/FT") != "/Sig"
        )
        with _bounded():
            return any(_draws(look, self._reader) for look in _each(looks))

    def uncommon(self, index: int) -> str:
        """What viewers may draw otherwise on a page; empty: nothing. What a drawn signature shows says nothing."""
        widgets = (widget for widget in self._widgets(index) if _inherited(widget, "/FT") != "/Sig")
        looks = (_resolved((_resolved(widget.get("/AP")) or {}).get("/N")) for widget in widgets)
        try:
            with _bounded():
                check_page(self._reader.pages[index], _each(looks), self._shared())
        except UncommonError as error:
            return str(error)
        return ""

    def _text(self, index: int, look: Any) -> str:
        if "/Resources" not in look:  # those of the form count (§12.7.3.3)
            look[NameObject("/Resources")] = self._shared()
        with _bounded():
            return self._reader.pages[index].extract_xform_text(look)

    def _shared(self) -> Any:
        """The resources of the form, which count for looks without any (§12.7.3.3)."""
        form = _resolved(_resolved(self._reader.trailer["/Root"]).get("/AcroForm"))
        shared = _resolved(form.get("/DR")) if isinstance(form, DictionaryObject) else None
        return shared or DictionaryObject()

    def _widgets(self, index: int) -> list[DictionaryObject]:
        found = (_resolved(widget) for widget in _resolved(self._reader.pages[index].get("/Annots")) or ())
        return [widget for widget in found if isinstance(widget, DictionaryObject) and "/Subtype" in widget][:_WIDGETS]

    def _odd(self, item: DictionaryObject) -> Iterator[str]:
        """What is doubtful in one dictionary."""
        yield from (f"{key} in the file" for key in _ACTIVE & item.keys())
        if item.get("/S") in ("/JavaScript", "/Launch", "/Rendition", "/ImportData", "/Hide", "/SetOCGState"):
            yield f"an action {item['/S']}"
        if isinstance(item, StreamObject) and not _ELSEWHERE.isdisjoint(item):
            yield "a stream that readers unpack otherwise"
        if item.get("/UserUnit", 1) != 1:
            yield "/UserUnit"
        yield from self._shown_otherwise(item)
        kind = item.get("/Subtype")
        if kind == "/Widget" and _has_states(item) and _inherited(item, "/FT") == "/Sig":
            yield "a signature of several looks"
        if kind == "/Link" and _draws_itself(item):
            yield "a link that is drawn"
        if kind == "/Type0" and "/ToUnicode" in item and not _has_numbers_in_file(item):
            yield "a font of numbers that is not in the file"
        if kind in _SIMPLE and "/ToUnicode" in item and not _is_in_file(item):
            if item.indirect_reference is None:
                yield "a font without a number"
            else:
                self._renamed.add(item.indirect_reference.idnum)

    def _shown_otherwise(self, item: DictionaryObject) -> Iterator[str]:
        """What some viewers take into account, and others do not."""
        if any(_resolved(item.get(key, "/CropBox")) not in ("/CropBox", "/MediaBox") for key in _AREAS):
            yield "another part of the page is shown"
        if "/DestOutputProfile" in item:
            self._papers += 1
            if self._papers > _PAPERS or not _is_plain(item["/DestOutputProfile"]):
                yield "colours that are others on another paper"
        if item.get("/Type") == "/Pages" and any(
            not _is_above(item, kid) for kid in _resolved(item.get("/Kids")) or ()
        ):
            yield "a page with another parent"

    def _walk(self) -> Iterator[str]:
        """Every object that can be reached, so that each is read strictly; gives what is doubtful in them."""
        todo: list[Any] = [self._reader.trailer]
        done, pages = self._reached, 0
        for _ in range(_OBJECTS):
            if not todo:
                break
            item = todo.pop()
            if isinstance(item, IndirectObject):
                if item.idnum not in done:
                    done.add(item.idnum)
                    todo.append(_object(item))
            elif isinstance(item, DictionaryObject):
                yield from self._odd(item)
                pages += item.get("/Type") == "/Page"
                todo += item.values()
            elif isinstance(item, ArrayObject):
                todo += item
        else:
            raise UnreadableError("objects")
        if pages != self.pages:
            yield f"{self.pages} pages, but {pages} in the file"
        if _resolved(_resolved(_resolved(self._reader.trailer["/Root"])["/Pages"]).get("/Count")) != pages:
            yield "another number of pages"


def _each(looks: Iterable[Any]) -> Iterator[StreamObject]:
    """Those that are looks, each once."""
    return iter({id(look): look for look in looks if isinstance(look, StreamObject)}.values())


def _is_plain(profile: Any) -> bool:
    """Whether a profile of the paper shows colours about as they are without it; Acrobat and MuPDF look through it."""
    try:
        plain_space(ArrayObject((NameObject("/ICCBased"), profile)), None)
    except UncommonError:
        return False
    return True


def _is_above(node: DictionaryObject, kid: Any) -> bool:
    """Whether a page, or a part of their tree, names what lists it: it inherits from there (§7.7.3.4)."""
    found, own = _resolved(kid), node.indirect_reference
    above = found.raw_get("/Parent") if isinstance(found, DictionaryObject) and "/Parent" in found else None
    return isinstance(above, IndirectObject) and own is not None and above.idnum == own.idnum


def _has_states(widget: DictionaryObject) -> bool:
    """Whether an annotation has a look for each of its states (§12.5.5)."""
    looks = _resolved(widget.get("/AP"))
    usual = _resolved(looks.get("/N")) if isinstance(looks, DictionaryObject) else None
    return isinstance(usual, DictionaryObject) and not isinstance(usual, StreamObject)


def _has_numbers_in_file(font: DictionaryObject) -> bool:
    below = _resolved(font.get("/DescendantFonts"))
    numbers = _resolved(below[0]) if isinstance(below, ArrayObject) and below else None
    return isinstance(numbers, DictionaryObject) and _is_in_file(numbers)


def _is_in_file(font: DictionaryObject) -> bool:
    described = _resolved(font.get("/FontDescriptor"))
    return isinstance(described, DictionaryObject) and not _FILES.isdisjoint(described)


def _draws_itself(link: DictionaryObject) -> bool:
    """Whether a link has a border (of 1 point where nothing is said, §12.5.4) or a look, which viewers differ in."""
    style, border = _resolved(link.get("/BS")), _resolved(link.get("/Border"))
    if isinstance(style, DictionaryObject):
        width = style.get("/W", 1)
    else:
        width = border[2] if isinstance(border, ArrayObject) and len(border) > 2 else 1
    return "/AP" in link or _resolved(width) != 0


def _draws(look: StreamObject, reader: PdfReader) -> bool:
    """Whether a content stream paints curves, pictures, or lines that are neither level nor upright."""
    x, y = 0.0, 0.0
    for operands, operator in ContentStream(look, reader).operations:
        if operator in _PAINTS:
            return True
        if operator in (b"m", b"l"):
            to_x, to_y = (float(operand) for operand in operands[-2:])
            if operator == b"l" and min(abs(to_x - x), abs(to_y - y)) > _BEVEL:
                return True
            x, y = to_x, to_y
    return False


def _alphanumeric(text: str) -> list[str]:
    """Letters and digits in their order; "fi" is the same as its ligature."""
    return [c for c in unicodedata.normalize("NFKC", text) if c.isalnum()]


def letters(text: str) -> Counter[str]:
    """How often each letter and digit stands in ``text``, whatever its order, blanks and ligatures."""
    plain = unicodedata.normalize("NFKD", text)
    return Counter(c for c in plain.lower() if c.isalnum())


def _bounded(most: int = _STREAM) -> Any:
    """Limits of what a stream may grow to; ``most``: by deflate."""
    return apply_configuration(
        zlib_maximum_output_length=most,
        lzw_maximum_output_length=_STREAM,
        run_length_maximum_output_length=_STREAM,
        array_based_stream_maximum_output_length=_STREAM,
        maximum_declared_stream_length=_STREAM,
        stream_parsing_work_maximum_count=500_000,
        jbig2dec_binary=None,
    )


def _object(reference: IndirectObject) -> Any:
    """What a reference means: one to nothing is null (§7.3.10), as honest programs write it."""
    try:
        return reference.get_object()
    except PdfReadError as error:
        if "Could not find object" in str(error):
            return None
        raise


def _resolved(found: Any) -> Any:
    return _object(found) if isinstance(found, IndirectObject) else found


def _inherited(field: Any, key: str) -> Any:
    """A field's attribute, its own or that of a field above it (§12.7.4.1)."""
    for _ in range(20):
        if not isinstance(field, DictionaryObject):
            return None
        if key in field:
            return _resolved(field.raw_get(key))
        field = _resolved(field.get("/Parent"))
    return None


def _name(field: Any) -> str:
    """The full name of a field (§12.7.4.2)."""
    names = []
    for _ in range(20):
        if not isinstance(field, DictionaryObject):
            break
        if "/T" in field:
            names.append(str(_resolved(field.raw_get("/T"))))
        field = _resolved(field.get("/Parent"))
    return ".".join(reversed(names))
