"""Makes the empty application (case B): python -m tests.form

A tool of our own, as no released library has all of it: fpdf2 2.8 knows no fields, reportlab 5.1 no signature field and
no tags, and both want a font to ship for Polish letters. pypdf writes the objects, the same octets every time.

Each text field has a look of its own, a frame, and no viewer is asked to draw it anew (/NeedAppearances): so whatever
fills it in writes down what it showed, and a signing program that drops that wish changes nothing. Helvetica is one of
the standard fonts, but what browsers bring for it knows no Polish letter but ł: a Type 3 font composes the others of a
letter and an accent of Helvetica, at their places in windows-1250, and /ToUnicode names them. Accessible as WCAG 2.1
techniques PDF3, PDF10, PDF12, PDF16 and PDF18 ask: tab order, labels for screen readers, language, title, tags.
Clauses are those of ISO 32000-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import Any

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    ByteStringObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NumberObject,
    PdfObject,
    TextStringObject,
)
from pypdf.xmp import XmpInformation

from mailbot.application.form import FILE_NAME
from tests.support import ROOT

TITLE = "Wniosek o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC"
_HEADING = ("Wniosek o nadanie nowego hasła awaryjnego", "oraz loginu do konta PUESC")
_INTRO = (
    "Wnoszę o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC.",
    "Nie pamiętam hasła podstawowego ani awaryjnego. Nie mam też dostępu do skrzynki z loginem.",
)
_STEPS = (
    "Co dalej:",
    "1. Wypełnij cztery pola i zapisz plik.",
    "2. Podpisz plik elektronicznie: podpisem kwalifikowanym albo zaufanym.",
    "3. Dołącz podpisany plik do wiadomości. Wyślij ją z nowego adresu e-mail.",
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name in the file, the label on the page, and the kind (Tx text, Sig signature)."""

    name: str
    label: str
    kind: str = "Tx"


FIELDS = (
    Field("imie", "Imię (wszystkie imiona)"),
    Field("nazwisko", "Nazwisko"),
    Field("dotychczasowy_login", "Dotychczasowy login do PUESC (adres e-mail, do którego nie masz dostępu)"),
    Field("nowy_email", "Nowy adres e-mail (będzie nowym loginem do PUESC)"),
    Field("podpis", "Podpis elektroniczny (podpis zaufany nie musi być widoczny)", "Sig"),
)
_NAMES = {
    "Ą": "Aogonek", "ą": "aogonek", "Ć": "Cacute", "ć": "cacute", "Ę": "Eogonek", "ę": "eogonek", "Ł": "Lslash",
    "ł": "lslash", "Ń": "Nacute", "ń": "nacute", "Ś": "Sacute", "ś": "sacute", "Ź": "Zacute", "ź": "zacute",
    "Ż": "Zdotaccent", "ż": "zdotaccent",
}  # fmt: skip
_ACUTE, _DOT, _OGONEK = 1, 2, 3
"""Codes of the accents in the font of accents."""
_COMPOSED = {
    "Ą": (667, _OGONEK, 375, 0), "ą": (556, _OGONEK, 243, 0), "Ć": (722, _ACUTE, 195, 195), "ć": (500, _ACUTE, 84, 0),
    "Ę": (667, _OGONEK, 335, 0), "ę": (556, _OGONEK, 180, 0), "Ń": (722, _ACUTE, 195, 195), "ń": (556, _ACUTE, 112, 0),
    "Ś": (667, _ACUTE, 167, 195), "ś": (500, _ACUTE, 84, 0), "Ź": (611, _ACUTE, 139, 195), "ź": (500, _ACUTE, 84, 0),
    "Ż": (611, _DOT, 139, 195), "ż": (500, _DOT, 84, 0),
}  # fmt: skip
"""Letter → width, accent, and the accent's place, in thousandths of the size (the widths of Helvetica)."""
_LEFT, _RIGHT, _TOP = 60, 535, 770
_HEIGHT = 26
_REQUIRED = 2
_DEFAULT_LOOK = "0 g /Helv 12 Tf"


class _Page:
    """The content stream and, beside it, the tag of each marked piece of it and the places of the fields."""

    def __init__(self) -> None:
        self.content: list[bytes] = []
        self.tags: list[str] = []
        self.boxes: list[tuple[int, int, int, int]] = []
        self._y = _TOP

    def text(self, tag: str, lines: tuple[str, ...], size: int, space: int) -> None:
        """Lines of one paragraph, ``space`` points below what stands above."""
        self._y -= space
        shown = b" T* ".join(_strings(line, size) for line in lines)
        body = b"BT %d TL 1 0 0 1 %d %d Tm %s ET" % (round(size * 1.4), _LEFT, self._y, shown)
        self.content.append(b"/%s << /MCID %d >> BDC %s EMC" % (tag.encode(), len(self.tags), body))
        self.tags.append(tag)
        self._y -= round(size * 1.4) * (len(lines) - 1)

    def box(self, height: int) -> None:
        """Room for a field under the last line."""
        self._y -= height + 8
        self.boxes.append((_LEFT, self._y, _RIGHT, self._y + height))


def build() -> bytes:
    """The empty form: one A4 page in Polish with four text fields and one signature field."""
    page = _Page()
    page.text("H1", _HEADING, 18, 0)
    page.text("P", _INTRO, 11, 34)
    for field in FIELDS:
        page.text("P", (field.label,), 12, 30)
        page.box(_HEIGHT if field.kind == "Tx" else 70)
    page.text("P", _STEPS, 11, 40)
    writer = PdfWriter()
    writer.pdf_header = "%PDF-1.7"
    writer._ID = ArrayObject([ByteStringObject(b"mailbot-wniosek1")] * 2)
    _Form(writer, page).draw()
    _describe(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _describe(writer: PdfWriter) -> None:
    """Title and language, which readers show and say (§14.3)."""
    writer.add_metadata({"/Title": TITLE})
    about = XmpInformation.create()
    about.dc_title = {"x-default": TITLE}
    about.dc_language = ["pl-PL"]
    writer.xmp_metadata = about
    _set(writer.root_object, {"/Lang": "pl-PL", "/ViewerPreferences": {"/DisplayDocTitle": True}})


class _Form:
    """The objects of the page, its fields, and the tags that lead to both."""

    def __init__(self, writer: PdfWriter, made: _Page) -> None:
        self._writer = writer
        self._made = made
        self._page = writer.add_blank_page(595, 842)
        self._helvetica = self._add(_helvetica({letter.encode("cp1250")[0]: name for letter, name in _NAMES.items()}))
        self._polish = self._add(self._composed_font())

    def draw(self) -> None:
        widgets = [self._widget(i, *one) for i, one in enumerate(zip(FIELDS, self._made.boxes, strict=True), 1)]
        fonts = {"/Helv": self._helvetica}
        form = {"/Fields": widgets, "/DA": _DEFAULT_LOOK, "/DR": {"/Font": fonts}}
        tags = {"/MarkInfo": {"/Marked": True}, "/StructTreeRoot": self._tree(widgets)}
        _set(self._writer.root_object, {"/AcroForm": form, **tags})
        content = self._add({}, b"\n".join(self._made.content))
        resources = {"/Font": {**fonts, "/Polish": self._polish}}
        page = {"/Contents": content, "/Resources": resources, "/Annots": widgets, "/Tabs": "/S", "/StructParents": 0}
        _set(self._page, page)

    def _add(self, entries: dict[str, Any], octets: bytes | None = None) -> IndirectObject:
        """A new object: a dictionary, or a stream of ``octets``."""
        added = DictionaryObject()
        if octets is not None:
            added = DecodedStreamObject()
            added.set_data(octets)
        _set(added, entries)
        return self._writer._add_object(added)

    def _widget(self, parent: int, field: Field, box: tuple[int, int, int, int]) -> IndirectObject:
        """A field merged with its widget; /TU is what a screen reader says."""
        frame = {"/MK": {"/BC": [0.35, 0.35, 0.35]}, "/BS": {"/W": 1, "/S": "/S"}}
        kind = {"/Type": "/Annot", "/Subtype": "/Widget", "/FT": f"/{field.kind}", "/F": 4, "/StructParent": parent}
        where = {"/Rect": box, "/P": self._page.indirect_reference}
        text = {"/DA": _DEFAULT_LOOK, "/Ff": _REQUIRED, "/AP": {"/N": self._look(box)}} if field.kind == "Tx" else {}
        return self._add({**kind, "/T": field.name, "/TU": field.label, **where, **text, **frame})

    def _look(self, box: tuple[int, int, int, int]) -> IndirectObject:
        """The look of an empty field (§12.7.4.3): its frame. One for each, as a program may write into it."""
        width, height = box[2] - box[0], box[3] - box[1]
        body = b"q 0.35 G 0.5 0.5 %d %d re S Q /Tx BMC EMC" % (width - 1, height - 1)
        fonts = {"/Font": {"/Helv": self._helvetica}}
        entries = {"/Type": "/XObject", "/Subtype": "/Form", "/BBox": [0, 0, width, height], "/Resources": fonts}
        return self._add(entries, body)

    def _tree(self, widgets: list[IndirectObject]) -> IndirectObject:
        """The tags as they are read: each piece of text, and behind a label its field as a /Form (§14.8.4.8.3)."""
        root = self._add({"/Type": "/StructTreeRoot"})
        document = self._add({"/Type": "/StructElem", "/S": "/Document", "/P": root, "/Lang": "pl-PL"})
        every = {"/Type": "/StructElem", "/P": document, "/Pg": self._page.indirect_reference}
        texts = [self._add({**every, "/S": f"/{tag}", "/K": i}) for i, tag in enumerate(self._made.tags)]
        target = {"/Type": "/OBJR", "/Pg": self._page.indirect_reference}
        forms = [
            self._add({**every, "/S": "/Form", "/Alt": field.label, "/K": {**target, "/Obj": widget}})
            for field, widget in zip(FIELDS, widgets, strict=True)
        ]
        read = [*texts[:2], *(one for pair in zip(texts[2:], forms, strict=False) for one in pair), texts[-1]]
        _set(document, {"/K": read})
        parents = [0, texts, *(entry for pair in enumerate(forms, 1) for entry in pair)]
        _set(root, {"/K": [document], "/ParentTree": {"/Nums": parents}, "/ParentTreeNextKey": len(FIELDS) + 1})
        return root

    def _composed_font(self) -> dict[str, Any]:
        """A Type 3 font (§9.6.4): each glyph shows a letter of Helvetica and an accent in its place."""
        codes = {letter.encode("cp1250")[0]: letter for letter in _COMPOSED}
        span = range(min(codes), max(codes) + 1)
        accents = self._add(_helvetica({_ACUTE: "acute", _DOT: "dotaccent", _OGONEK: "ogonek"}))
        return {
            "/Type": "/Font",
            "/Subtype": "/Type3",
            "/Name": "/Polish",
            "/FontBBox": [0, -250, 1000, 1000],
            "/FontMatrix": [0.001, 0, 0, 0.001, 0, 0],
            "/FirstChar": span[0],
            "/LastChar": span[-1],
            "/Widths": [_COMPOSED[codes[code]][0] if code in codes else 0 for code in span],
            "/Encoding": _differences({code: _NAMES[letter] for code, letter in codes.items()}),
            "/CharProcs": {f"/{_NAMES[letter]}": self._add({}, _glyph(letter)) for letter in _COMPOSED},
            "/Resources": {"/Font": {"/Helv": self._helvetica, "/Accents": accents}},
            "/ToUnicode": self._add({}, _to_unicode()),
        }


def _helvetica(names: dict[int, str]) -> dict[str, Any]:
    """Helvetica, which viewers have, with the glyphs ``names`` at these codes."""
    encoding = {**_differences(names), "/BaseEncoding": "/WinAnsiEncoding"}
    return {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica", "/Encoding": encoding}


def _differences(names: dict[int, str]) -> dict[str, Any]:
    entries = [entry for code, name in names.items() for entry in (code, f"/{name}")]
    return {"/Type": "/Encoding", "/Differences": entries}


def _glyph(letter: str) -> bytes:
    """The procedure that draws a composed letter."""
    width, accent, x, y = _COMPOSED[letter]
    parts = width, _NAMES[letter][0].encode(), x, y, accent
    return b"%d 0 d0 BT /Helv 1000 Tf (%s) Tj /Accents 1000 Tf 1 0 0 1 %d %d Tm <%02X> Tj ET" % parts


def _to_unicode() -> bytes:
    """The letters of the composed font, for copying, search and screen readers (§9.10.3)."""
    rows = "".join(f"<{letter.encode('cp1250').hex()}> <{ord(letter):04X}>\n" for letter in _COMPOSED)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Polish def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <FF> endcodespacerange\n{len(_COMPOSED)} beginbfchar\n{rows}endbfchar\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()


def _strings(line: str, size: int) -> bytes:
    """Operators that show a line, each part in the font that has its letters (§7.3.4.2)."""
    parts = []
    for composed, letters in groupby(line, _COMPOSED.__contains__):
        shown = "".join(letters).encode("cp1250").hex().encode()
        parts.append(b"/%s %d Tf <%s> Tj" % (b"Polish" if composed else b"Helv", size, shown))
    return b" ".join(parts)


def _set(target: PdfObject, entries: dict[str, Any]) -> None:
    dictionary = target.get_object()
    assert isinstance(dictionary, DictionaryObject)
    dictionary.update(_pdf(entries))


def _pdf(value: Any) -> PdfObject:
    """``value`` as an object of pypdf; a str that begins with / is a name."""
    if isinstance(value, PdfObject):
        return value
    if isinstance(value, dict):
        return DictionaryObject({NameObject(name): _pdf(one) for name, one in value.items()})
    if isinstance(value, list | tuple):
        return ArrayObject(map(_pdf, value))
    if isinstance(value, bool):
        return BooleanObject(value)
    if isinstance(value, str):
        return NameObject(value) if value.startswith("/") else TextStringObject(value)
    return NumberObject(value) if isinstance(value, int) else FloatObject(value)


if __name__ == "__main__":
    (ROOT / "mailbot" / "application" / FILE_NAME).write_bytes(build())
