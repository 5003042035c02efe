"""Signatures in PDF: PAdES (ETSI EN 319 142-1), adbe.pkcs7.detached (ISO 32000-2 §12.8) and podpis zaufany.

pyHanko finds the signature fields. Coverage is decided here on the bytes: a signature is FULL only when the file is
its signed revision and nothing else that a person could see. Only the signed revision is ever read.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from mailbot.signatures import cms, pdf_store, pdf_syntax, pdf_update, timestamp
from mailbot.signatures.cms import Refused, unreadable
from mailbot.signatures.pdf_reader import open_pdf
from mailbot.signatures.pdf_syntax import Value
from mailbot.signatures.pdf_update import Later
from mailbot.signatures.report import Evidence, Format, Integrity, Reason, Scope, SubIndication, Token

MAX_REVISIONS = 50
MAX_OBJECTS = 500_000
"""In cross-reference streams; a small file cannot have more than one for every four octets."""
MAX_FIELDS = 2_000
MAX_SIGNATURES = 16
MAX_CONTENTS = 4_000_000
"""Hex digits of /Contents; Adobe reserves some 60 000 with a CRL inside, others keep the CRLs of the whole chain."""

_CMS = frozenset({b"/ETSI.CAdES.detached", b"/adbe.pkcs7.detached"})
_STAMP = frozenset({b"/ETSI.RFC3161"})
_SECTIONS = (b"trailer", b"/XRef")
"""Every revision has one or the other; pyHanko would follow any number of them."""
_NOTHING = Evidence(Format.PADES, Integrity.UNREADABLE, Scope.NONE)
_PLAIN_HEX = re.compile(rb"<[0-9A-Fa-f]*>")
_OTHER_OBJECT = re.compile(rb"\bendobj\b|\d[\0\t\n\f\r ]+obj\b")
_REASON = re.compile(
    r"Opatrzono pieczęcią [a-ząćęłńóśźż ]{1,100} w imieniu: (?P<name>(?:[^\W\d_]|[ .'’-]){3,200}), "
    r"PESEL: (?P<pesel>[0-9]{11}), PZ ID: (?P<login>[^\s,:;]{1,100})"
)
"""What podpis zaufany writes into /Reason. The login is the citizen's own choice: it cannot hold another "PESEL:"."""


def verify(data: bytes) -> tuple[Evidence, ...]:
    """Evidence for every signature of a PDF; for one that has none, one Evidence NOT_SIGNED. Never raises.

    Document timestamps are no signatures of a person: they are only noted in the flags. The payload is the signed
    revision of the PDF, given for an intact signature of the whole file.
    """
    try:
        return _verify(data)
    except Refused as refused:
        return (refused.evidence(_NOTHING),)
    except Exception:  # on malformed files pyHanko raises KeyError, AssertionError, AttributeError, RecursionError...
        return (unreadable("Plik PDF jest uszkodzony i nie da się go odczytać.").evidence(_NOTHING),)


def _verify(data: bytes) -> tuple[Evidence, ...]:
    if any(data.count(mark) > MAX_REVISIONS for mark in _SECTIONS):
        raise unreadable(f"Plik PDF ma ponad {MAX_REVISIONS} wersji.", "TOO_MANY_REVISIONS")
    if pdf_syntax.xref_stream_entries(data) > min(MAX_OBJECTS, 1_000 + len(data) // 4):
        raise unreadable("Plik PDF podaje zbyt wiele obiektów.", "TOO_MANY_OBJECTS")
    reader = open_pdf(data)
    if reader.encrypted:
        raise unreadable("Plik PDF jest zaszyfrowany.", "ENCRYPTED")
    flags: tuple[str, ...] = ("hybrid_xref",) if reader.xrefs.hybrid_xrefs_present else ()
    dictionaries = [_dictionary(data, reader, reference) for reference in _values(reader)]
    signatures = [entries for entries in dictionaries if not _is_timestamp(entries)]
    stamps = [entries for entries in dictionaries if _is_timestamp(entries)]
    if stamps:
        flags += ("doc_timestamp",)
    if not signatures:
        return (_unsigned(data, bool(dictionaries), flags),)
    known = replace(_NOTHING, flags=flags)
    found = tuple(e for entries in signatures for e in _verify_one(data, entries, len(signatures) == 1, known))
    return _in_time(data, reader, stamps, found)


def _unsigned(data: bytes, timestamped: bool, flags: tuple[str, ...]) -> Evidence:
    if b"/ByteRange" in data and not timestamped:
        raise unreadable("Plik PDF zawiera podpis, do którego nie prowadzi żadne pole formularza.")
    reason = Reason("UNSIGNED", "Plik PDF nie jest podpisany.")
    return Evidence(Format.NONE, Integrity.NOT_SIGNED, Scope.NONE, payload=data, flags=flags, failure=reason)


def _values(reader: PdfFileReader) -> list[generic.Reference]:
    """Where the values of all signature fields stand (ISO 32000-2 §12.7.4)."""
    form = _entry(reader.root, "/AcroForm")
    if not isinstance(form, generic.DictionaryObject):
        return []
    found = dict.fromkeys(_walk(_array(form, "/Fields")))
    values = [one for one in found if reader.xrefs[one] is not None]  # a dangling reference is null: nobody has signed
    if len(values) > MAX_SIGNATURES:
        raise unreadable(f"Plik PDF ma ponad {MAX_SIGNATURES} podpisów.", "TOO_MANY_SIGNATURES")
    return values


def _entry(dictionary: generic.DictionaryObject, key: str) -> object:
    """The value of an entry, also when it is an object of its own: ``get`` alone gives the reference."""
    found = dictionary.get(key, None)
    return found.get_object() if isinstance(found, generic.IndirectObject) else found  # type: ignore[no-untyped-call]


def _array(dictionary: generic.DictionaryObject, key: str) -> Iterable[generic.PdfObject]:
    found = _entry(dictionary, key)
    if found is None or isinstance(found, generic.NullObject):
        return ()
    if not isinstance(found, generic.ArrayObject):
        raise unreadable("Formularz w pliku PDF jest uszkodzony.")
    return found


def _walk(fields: Iterable[generic.PdfObject]) -> Iterator[generic.Reference]:
    """Values of the signature fields in a tree; /FT is inherited, cycles end at ``MAX_FIELDS``."""
    waiting: list[tuple[generic.PdfObject, object]] = [(field, None) for field in fields]
    seen = 0
    while waiting:
        if seen + len(waiting) > MAX_FIELDS:
            raise unreadable(f"Formularz PDF ma ponad {MAX_FIELDS} pól.", "TOO_MANY_FIELDS")
        seen += 1
        node, inherited = waiting.pop()
        field = node.get_object()  # type: ignore[no-untyped-call]
        if not isinstance(field, generic.DictionaryObject):
            continue
        kind = _entry(field, "/FT") or inherited
        if kind == "/Sig" and "/V" in field:
            value = field.raw_get("/V")
            if isinstance(value, generic.IndirectObject):
                yield value.reference
            elif not isinstance(value, generic.NullObject):
                raise unreadable("Słownik podpisu nie jest osobnym obiektem PDF.")
        waiting.extend((kid, kind) for kid in _array(field, "/Kids"))


def _dictionary(data: bytes, reader: PdfFileReader, reference: generic.Reference) -> dict[str, Value]:
    """The signature dictionary, read on the spot. Another object inside it, or a key that is spelled in another way:
    readers would see different ones."""
    place = reader.xrefs[reference]
    if not isinstance(place, int):
        raise unreadable("Słownik podpisu jest w skompresowanej części pliku PDF.")
    entries, start, end = pdf_syntax.read_object(data, place, reference.idnum, reference.generation)
    contents = entries.get("/Contents", Value(b"", end, end))
    inside = _OTHER_OBJECT.search(data, start, contents.start) or _OTHER_OBJECT.search(data, contents.end, end)
    if inside or any("#" in key for key in entries):  # /Reas#6fn is /Reason (ISO 32000-2 §7.3.5)
        raise unreadable("Słownik podpisu jest uszkodzony.")
    return entries


def _is_timestamp(entries: dict[str, Value]) -> bool:
    return _raw(entries, "/Type") == b"/DocTimeStamp" or _raw(entries, "/SubFilter") == b"/ETSI.RFC3161"


def _raw(entries: dict[str, Value], key: str) -> bytes:
    return entries[key].raw if key in entries else b""


def _verify_one(data: bytes, entries: dict[str, Value], alone: bool, known: Evidence) -> tuple[Evidence, ...]:
    """Evidence of one signature dictionary; ``alone``: there is no other. Not looked at: tokens."""
    try:
        gap, second, length = _ranges(data, entries, _CMS)
        octets = _contents(entries)
        signed = cms.parse(octets)
        if signed.content is not None:  # it would be this content that is signed, not the PDF
            raise unreadable("Podpis w PDF zawiera własną treść.", "CONTENT_INSIDE")
    except Refused as refused:
        return (refused.evidence(known),)
    view = memoryview(data)
    known = replace(known, claimed_time=pdf_syntax.date(entries.get("/M")), commitments=_reason(entries))
    found = cms.verify(signed, (view[:gap], view[second : second + length]), known)
    contents = entries["/Contents"]
    end = second + length
    later = pdf_update.added(data, end, len(contents.raw))
    uncovered = _uncovered(contents, gap, second)
    if later in (Later.CHANGE, Later.DOUBT):
        uncovered += (f"bajty {end}–{len(data)}",)
    if octets[signed.size :].strip(b"\0") or not _PLAIN_HEX.fullmatch(contents.raw):
        uncovered += ("dane ukryte w /Contents",)
    if later is Later.VALIDATION_DATA:
        found = tuple(replace(evidence, flags=(*evidence.flags, "validation_data_added")) for evidence in found)
    in_doubt = later is Later.DOUBT and len(uncovered) == 1
    alone = alone and len(found) == 1
    return tuple(_with_scope(data[:end], entries, evidence, uncovered, alone, in_doubt) for evidence in found)


def _ranges(data: bytes, entries: dict[str, Value], kinds: frozenset[bytes]) -> tuple[int, int, int]:
    """(end of the first range, start and length of the second) of /ByteRange (ISO 32000-2 §12.8.1)."""
    if _raw(entries, "/SubFilter") not in kinds:
        raise unreadable("Podpis w PDF ma rodzaj, którego nie sprawdzamy.", "SUBFILTER")
    numbers = pdf_syntax.integers(entries.get("/ByteRange"))
    if len(numbers) != 4 or numbers[0] != 0:
        raise unreadable("Podpis w PDF nie mówi, co obejmuje (/ByteRange).")
    _, gap, second, length = numbers
    if not 0 < gap < second or second + length > len(data):
        raise unreadable("Podpis w PDF obejmuje bajty, których nie ma w pliku.")
    return gap, second, length


def _contents(entries: dict[str, Value]) -> bytes:
    """CMS of /Contents with the zeros that fill the reserved room."""
    if len(_raw(entries, "/Contents")) > MAX_CONTENTS:
        raise unreadable("Podpis w PDF jest zbyt duży.", "TOO_LARGE")
    try:
        return pdf_syntax.hexadecimal(entries.get("/Contents"))
    except ValueError as error:
        raise unreadable("Podpis w PDF jest uszkodzony (/Contents).") from error


def _in_time(
    data: bytes, reader: PdfFileReader, stamps: list[dict[str, Value]], found: tuple[Evidence, ...]
) -> tuple[Evidence, ...]:
    """``found`` with all that may prove its time: its own tokens and, where nothing else was added after signing, the
    document timestamps and the security store (EN 319 142-1 §5.4, §5.5)."""
    if len(found) != 1 or found[0].scope is not Scope.FULL or "validation_data_added" not in found[0].flags:
        return tuple(map(timestamp.noted, found))
    (evidence,) = found
    store = pdf_store.read(reader)
    tokens = (*evidence.tokens, *_document_stamps(data, stamps, len(evidence.payload or b"")))
    evidence = timestamp.noted(replace(evidence, tokens=tokens))
    lasting = "B-LTA" if any(stamp.whole for stamp in evidence.stamps) else "B-LT"
    return (
        replace(
            evidence,
            level=lasting if evidence.stamps and store.revocation else evidence.level,
            certificates=(*evidence.certificates, *store.certificates),
            stamps=tuple(replace(s, certificates=(*s.certificates, *store.certificates)) for s in evidence.stamps),
            revocation=store.revocation,
        ),
    )


def _document_stamps(data: bytes, dictionaries: list[dict[str, Value]], end: int) -> Iterator[Token]:
    """Document timestamps over the first ``end`` octets, each over those before it; no more than ``MAX_TOKENS``."""
    view, found = memoryview(data), []
    for entries in dictionaries:
        with contextlib.suppress(Refused):
            gap, second, length = _ranges(data, entries, _STAMP)
            token = Token(_contents(entries), (view[:gap], view[second : second + length]), whole=True)
            found.append((gap, entries["/Contents"].end, token))
    for gap, behind, token in sorted(found, key=lambda one: one[0])[: cms.MAX_TOKENS]:
        if gap >= end:
            yield token
            end = behind


def _uncovered(contents: Value, gap: int, second: int) -> tuple[str, ...]:
    """What of the signed revision is neither in the ranges nor the hex string of /Contents in this very dictionary.

    Nothing: then the dictionary itself, with /Reason and /Name, is signed too.
    """
    if gap > contents.start or second < contents.end:
        return ("zakres podpisu nie pasuje do /Contents",)
    outside = ((gap, contents.start), (contents.end, second))
    return tuple(f"bajty {start}–{stop}" for start, stop in outside if start != stop)


def _with_scope(
    revision: bytes,
    entries: dict[str, Value],
    found: Evidence,
    uncovered: tuple[str, ...],
    alone: bool,
    in_doubt: bool,
) -> Evidence:
    """``found`` with its scope; when one signature covers the whole file, also with the person named in it.

    ``in_doubt``: what is not covered is no PDF, and may have got there on the way.
    """
    if found.integrity is not Integrity.OK:
        return replace(found, uncovered=uncovered)
    if in_doubt:
        reason = Reason(
            "ADDED_ON_THE_WAY", "Za podpisanym plikiem PDF stoi coś, co do niego nie należy. Obejrzyj plik."
        )
    elif uncovered:
        reason = Reason("NOT_WHOLE_FILE", "Podpis nie obejmuje całego pliku PDF: po podpisaniu coś do niego dopisano.")
    elif not alone:
        reason = Reason("SEVERAL_SIGNATURES", "Plik PDF ma więcej niż jeden podpis.")
    else:
        return replace(found, scope=Scope.FULL, payload=revision, personal=_personal(entries))
    return replace(
        found,
        scope=Scope.PARTIAL,
        uncovered=uncovered,
        failure=reason,
        sub_indication=SubIndication.SIG_CONSTRAINTS_FAILURE,
    )


def _personal(entries: dict[str, Value]) -> tuple[tuple[str, str], ...]:
    """The person podpis zaufany was set for. () when /Reason has no such sentence, or /Name names somebody else.

    Whether the seal is the minister's is for the policy to say; anybody can write this sentence.
    """
    match = _REASON.fullmatch(_words(pdf_syntax.text(entries.get("/Reason"))))
    if match is None:
        return ()
    name = _words(match["name"]).split(" ")
    other = _words(pdf_syntax.text(entries.get("/Name"))).split(" ")
    if len(name) < 2 or (other != [""] and sorted(map(str.casefold, other)) != sorted(map(str.casefold, name))):
        return ()
    return (("given", " ".join(name[:-1])), ("surname", name[-1]), ("pesel", match["pesel"]), ("source", "reason"))


def _reason(entries: dict[str, Value]) -> tuple[str, ...]:
    """/Reason; "?" when it is no text that can be read."""
    text = pdf_syntax.text(entries.get("/Reason"))
    return ("?",) if text is None and "/Reason" in entries else (text,) if text else ()


def _words(text: str | None) -> str:
    """NFC, one space between words; a hyphen joins the halves of a surname."""
    return re.sub(r"\s*-\s*", "-", " ".join(unicodedata.normalize("NFC", text or "").split()))
