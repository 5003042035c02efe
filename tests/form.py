"""Makes the ready application (case B): python -m tests.form

Written octet by octet (ISO 32000-2): the same bytes every time, no library, no font to ship. Each text field has a look
of its own, a frame, and viewers are not asked to draw it anew (/NeedAppearances): so whatever fills it in writes down
what it showed, and a signing program that drops that wish changes nothing. Helvetica is one of the
standard fonts, but what browsers bring for it knows no Polish letter but ł: a Type 3 font composes the others of a
letter and an accent of Helvetica, at their places in windows-1250, and /ToUnicode names them. Accessible as WCAG 2.1
techniques PDF3, PDF10, PDF12, PDF16 and PDF18 ask: tab order, labels for screen readers, language, title, tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape

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
_GLYPHS = {
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
_FIRST_GLYPH = 11
_TEXTS = [field for field in FIELDS if field.kind == "Tx"]
_FIRST_LOOK = _FIRST_GLYPH + len(_COMPOSED)
_FIRST_FIELD = _FIRST_LOOK + len(_TEXTS)
"""Object numbers; behind the fields come the elements of the tag tree."""
_LEFT, _RIGHT, _TOP = 60, 535, 770
_HEIGHT = 26
_REQUIRED = 2


class _Page:
    """The content stream and, beside it, what each marked piece of it is."""

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
    return _assemble(_objects(page))


def _objects(page: _Page) -> list[bytes]:
    """Bodies of the objects 1, 2, 3…: catalog, pages, page, content, font, metadata, tags, letters, fields."""
    elements = _FIRST_FIELD + len(FIELDS)
    widgets = b" ".join(b"%d 0 R" % (_FIRST_FIELD + i) for i in range(len(FIELDS)))
    content = b"\n".join(page.content)
    metadata = _metadata()
    return [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (pl-PL) /MarkInfo << /Marked true >> /StructTreeRoot 7 0 R "
        b"/Metadata 6 0 R "
        b"/ViewerPreferences << /DisplayDocTitle true >> /AcroForm << /Fields [%s] "
        b"/DA (/Helv 12 Tf 0 g) /DR << /Font << /Helv 5 0 R >> >> >> >>" % widgets,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /Helv 5 0 R /Polish 9 0 R >> >> "
        b"/Annots [%s] /Tabs /S /StructParents 0 >>" % widgets,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        _font(),
        b"<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream" % (len(metadata), metadata),
        b"<< /Type /StructTreeRoot /K [8 0 R] /ParentTree << /Nums [0 [%s] %s] >> /ParentTreeNextKey %d >>"
        % (
            b" ".join(b"%d 0 R" % number for number in _owners(elements, page)),
            b" ".join(b"%d %d 0 R" % (i + 1, elements + len(page.tags) + i) for i in range(len(FIELDS))),
            len(FIELDS) + 1,
        ),
        b"<< /Type /StructElem /S /Document /P 7 0 R /Lang (pl-PL) /K [%s] >>"
        % b" ".join(b"%d 0 R" % number for number in _reading_order(elements, page)),
        _composed_font(),
        _to_unicode(),
        *_glyphs(),
        *(_look(box) for field, box in zip(FIELDS, page.boxes, strict=True) if field in _TEXTS),
        *(_widget(field, box, i + 1) for i, (field, box) in enumerate(zip(FIELDS, page.boxes, strict=True))),
        *_tree(page),
        b"<< /Title %s >>" % _text_string(TITLE),
    ]


def _owners(elements: int, page: _Page) -> range:
    """Numbers of the elements that own the marked pieces of the page, in the order of their MCID."""
    return range(elements, elements + len(page.tags))


def _reading_order(elements: int, page: _Page) -> list[int]:
    """Elements as they are read: each label, then its field."""
    order = list(_owners(elements, page))
    for i in reversed(range(len(FIELDS))):
        order.insert(i + 3, elements + len(page.tags) + i)
    return order


def _tree(page: _Page) -> list[bytes]:
    """The elements: one for each piece of text, then one /Form for each field (§14.8.4.8.3)."""
    texts = [
        b"<< /Type /StructElem /S /%s /P 8 0 R /Pg 3 0 R /K %d >>" % (tag.encode(), i)
        for i, tag in enumerate(page.tags)
    ]
    forms = [
        b"<< /Type /StructElem /S /Form /P 8 0 R /Pg 3 0 R /Alt %s /K << /Type /OBJR /Obj %d 0 R /Pg 3 0 R >> >>"
        % (_text_string(field.label), _FIRST_FIELD + i)
        for i, field in enumerate(FIELDS)
    ]
    return texts + forms


def _widget(field: Field, box: tuple[int, int, int, int], parent: int) -> bytes:
    """A field merged with its widget; /TU is what a screen reader says."""
    text = b""
    if field in _TEXTS:
        look = _FIRST_LOOK + _TEXTS.index(field)
        text = b"/DA (/Helv 12 Tf 0 g) /Ff %d /AP << /N %d 0 R >> " % (_REQUIRED, look)
    return (
        b"<< /Type /Annot /Subtype /Widget /FT /%s /T (%s) /TU %s /Rect [%d %d %d %d] /F 4 /P 3 0 R %s"
        b"/MK << /BC [0.35 0.35 0.35] >> /BS << /W 1 /S /S >> /StructParent %d >>"
        % (field.kind.encode(), field.name.encode(), _text_string(field.label), *box, text, parent)
    )


def _look(box: tuple[int, int, int, int]) -> bytes:
    """The look of an empty field (§12.7.4.3): its frame. One for each, as a program may write into it."""
    width, height = box[2] - box[0], box[3] - box[1]
    body = b"q 0.35 G 0.5 0.5 %d %d re S Q /Tx BMC EMC" % (width - 1, height - 1)
    return (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 %d %d] /Resources << /Font << /Helv 5 0 R >> >> /Length %d >>\n"
        b"stream\n%s\nendstream" % (width, height, len(body), body)
    )


def _font() -> bytes:
    """Helvetica with the Polish letters named: for the strings of the page that it can show, and for the fields."""
    differences = " ".join(f"{letter.encode('cp1250')[0]} /{name}" for letter, name in _GLYPHS.items())
    return (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding "
        f"/BaseEncoding /WinAnsiEncoding /Differences [{differences}] >> >>"
    ).encode()


def _composed_font() -> bytes:
    """A Type 3 font (§9.6.4): each glyph shows a letter of Helvetica and an accent in its place.

    The glyphs' own streams are in ``_glyphs``.
    """
    codes = {letter: letter.encode("cp1250")[0] for letter in _COMPOSED}
    widths = {code: _COMPOSED[letter][0] for letter, code in codes.items()}
    low, high = min(widths), max(widths)
    table = " ".join(str(widths.get(code, 0)) for code in range(low, high + 1))
    procedures = " ".join(f"/{_GLYPHS[letter]} {_FIRST_GLYPH + i} 0 R" for i, letter in enumerate(_COMPOSED))
    differences = " ".join(f"{code} /{_GLYPHS[letter]}" for letter, code in codes.items())
    accents = (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding "
        f"/Differences [{_ACUTE} /acute /dotaccent /ogonek] >> >>"
    )
    return (
        "<< /Type /Font /Subtype /Type3 /Name /Polish /FontBBox [0 -250 1000 1000] /FontMatrix [0.001 0 0 0.001 0 0] "
        f"/FirstChar {low} /LastChar {high} /Widths [{table}] "
        f"/Encoding << /Type /Encoding /Differences [{differences}] >> /CharProcs << {procedures} >> "
        f"/Resources << /Font << /Helv 5 0 R /Accents {accents} >> >> /ToUnicode 10 0 R >>"
    ).encode()


def _glyphs() -> list[bytes]:
    """The glyph procedures of the composed letters, in the order of _COMPOSED."""
    streams = []
    for letter, (width, accent, x, y) in _COMPOSED.items():
        base = _GLYPHS[letter][0].encode()
        body = b"%d 0 d0 BT /Helv 1000 Tf (%s) Tj /Accents 1000 Tf 1 0 0 1 %d %d Tm <%02X> Tj ET" % (
            width,
            base,
            x,
            y,
            accent,
        )
        streams.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body))
    return streams


def _to_unicode() -> bytes:
    """The letters of the composed font, for copying, search and screen readers (§9.10.3)."""
    rows = "".join(f"<{letter.encode('cp1250').hex()}> <{ord(letter):04X}>\n" for letter in _COMPOSED)
    body = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Polish def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <FF> endcodespacerange\n{len(_COMPOSED)} beginbfchar\n{rows}endbfchar\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body)


def _metadata() -> bytes:
    """XMP with the title, which readers show in place of the file's name (ISO 16684-1)."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{escape(TITLE)}</rdf:li></rdf:Alt></dc:title><dc:language><rdf:Bag><rdf:li>pl-PL</rdf:li></rdf:Bag>"
        '</dc:language></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _assemble(objects: list[bytes]) -> bytes:
    """The file (§7.5): header, objects, table of cross-references, trailer. The last object is /Info."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    ident = b"<6d61696c626f742d776e696f73656b31>"
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R /ID [%s %s] >>\n" % (
        len(objects) + 1,
        len(objects),
        ident,
        ident,
    )
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _strings(line: str, size: int) -> bytes:
    """Operators that show a line, each part in the font that has its letters (§7.3.4.2)."""
    parts = []
    for composed, letters in groupby(line, _COMPOSED.__contains__):
        octets = "".join(letters).encode("cp1250").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        parts.append(b"/%s %d Tf (%s) Tj" % (b"Polish" if composed else b"Helv", size, octets))
    return b" ".join(parts)


def _text_string(text: str) -> bytes:
    """A text string in UTF-16BE (§7.9.2.2)."""
    return b"<FEFF" + text.encode("utf-16-be").hex().upper().encode() + b">"


if __name__ == "__main__":
    (ROOT / "mailbot" / "application" / FILE_NAME).write_bytes(build())
