"""What a file is, told by its content alone: a name is what a stranger says, "wniosek.pdf" may hold anything.

Nothing is unpacked but a zip's mimetype and manifest; the cost is linear in the size of the file.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum

from mailbot.signatures import bounds
from mailbot.signatures.bounds import BadArchive


class Detected(StrEnum):
    """Kinds of files, as far as the road through the verifier differs."""

    PDF = "pdf"
    XML = "xml"
    CMS = "cms"
    """SignedData (RFC 5652 §5): DER, BER, PEM or bare base64."""
    ASIC = "asic"
    """A zip that its mimetype or a signature in META-INF makes a container of ETSI EN 319 162-1."""
    OFFICE = "office"
    """DOCX, ODT and their like, and the older formats of Word: documents, though some are zips."""
    RTF = "rtf"
    IMAGE = "image"
    TEXT = "text"
    CONTAINER = "container"
    """Nobody can read it without unpacking or a key: archive, mail, encrypted PDF, enveloped CMS."""
    EXECUTABLE = "executable"
    OTHER = "other"
    EMPTY = "empty"
    TOO_BIG = "too_big"


_EXECUTABLE = re.compile(
    rb"MZ(?=[\s\S]{0,61}\x00)"  # DOS and Windows programs; a text may begin with these letters, but has no NUL
    rb"|\x7fELF|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf]|\x00asm|dex\n"
    rb"|L\x00\x00\x00\x01\x14\x02\x00"  # Windows shortcut
    rb"|(?:\xef\xbb\xbf)?(?:#!\s?/|@echo off|<\?php)",
    re.IGNORECASE,
)
_EXECUTABLE_NAME = re.compile(
    r".*\.(?:apk|app|bat|chm|cmd|com|cpl|dll|elf|exe|gadget|hta|img|inf|iso|jar|jnlp|jse?|lnk|ms[cipt]|ocx|pif|ps1|reg|scr"
    r"|sct|sh|sys|url|vbe?|vbs|vhdx?|ws[cfh]|xll)",
    re.DOTALL,
)
_MAGIC = (
    (
        Detected.CONTAINER,
        re.compile(
            rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x1f\x8b\x08|BZh[1-9]1AY|\xfd7zXZ\x00|MSCF\x00|\x28\xb5\x2f\xfd|\x60\xea"
            rb"|[\s\S]{257}ustar|\x78\x9f\x3e\x22|-----BEGIN PGP MESSAGE"
        ),
    ),
    (
        Detected.IMAGE,
        re.compile(
            rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|II\*\x00|MM\x00\*|BM[\s\S]{4}\x00\x00\x00\x00|RIFF[\s\S]{4}WEBP"
            rb"|[\s\S]{4}ftyp(?:hei|hev|mif1|msf1|avi)|\x00\x00\x00\x0cjP  "
        ),
    ),
    (Detected.RTF, re.compile(rb"\{\\rtf")),
)
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")  # [MS-CFB] 2.2
_OLE2_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4.4
_OLE2_MESSAGE = "__substg1.0_".encode("utf-16-le")  # [MS-OXMSG] 2.2.1: a mail that Outlook saved
_MAIL = re.compile(rb"[!-9;-~]{1,60}:[ \t]")  # RFC 5322 §2.2
_MAIL_PARTS = re.compile(rb"^Content-Type:\s*(?:multipart|message|application|image)/", re.IGNORECASE | re.MULTILINE)
_MAIL_MIME = re.compile(rb"^MIME-Version:", re.IGNORECASE | re.MULTILINE)
_MAIL_WINDOW = 32_768
_PDF_MARK = b"%PDF-"
_PDF_WINDOW = 1024  # readers look for the header this far (ISO 32000-1, implementation note 13 of PDF 1.7)
_PDF_ENCRYPTED = re.compile(rb"/Encrypt(?:\s{1,9}\d{1,10}\s{1,9}\d{1,5}\s{1,9}R|\s{0,9}<<)")
_ZIP_MARKS = (b"PK\3\4", b"PK\5\6")
_ASIC_SIGNATURE = re.compile(
    r"META-INF/(?!(?:document|macro)signatures\.xml)[^/]*signature[^/]*\.(?:xml|p7s)", re.IGNORECASE
)
_ASIC_TRACE = re.compile(
    rb"mimetypeapplication/vnd\.etsi\.asic-|META-INF/[\w.-]{0,60}signature[\w.-]{0,60}\.(?:xml|p7s)"
)
_ASIC_MIMETYPE = b"application/vnd.etsi.asic-"
_ODF_MANIFEST = "META-INF/manifest.xml"
_ODF_MIMETYPE = b"application/vnd.oasis.opendocument."
_OOXML_PARTS = ("word/", "xl/", "ppt/")
_OFFICE_SIGNATURES = ("META-INF/documentsignatures.xml", "_xmlsignatures/")
_CMS_OID = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
_CMS_AUTHENTICATED_ENVELOPED = bytes.fromhex("060b2a864886f70d0109100117")
_CMS_TYPES = {2: Detected.CMS, 3: Detected.CONTAINER, 4: Detected.CONTAINER, 6: Detected.CONTAINER}
_PEM = re.compile(rb"-----BEGIN (?:PKCS ?#?7(?: SIGNED DATA)?|CMS)-----")
_BASE64 = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}(?=MI[A-Za-z0-9+/\s]{30})")
_SEQUENCE = 0x30
_DER_START = 64
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_WHITE_SPACE_MAX = 4096
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def detect(data: bytes) -> Detected:
    """Kind of the file. A magic number at the very start wins over "%PDF-" further down. Never raises."""
    if not data:
        return Detected.EMPTY
    if len(data) > bounds.FILE_MAX:
        return Detected.TOO_BIG
    if _EXECUTABLE.match(data):
        return Detected.EXECUTABLE
    if data.startswith(_ZIP_MARKS):
        return _zip(data)
    if data.startswith(_PDF_MARK):
        return _pdf(data)
    if data.startswith(_OLE2):
        sealed = _OLE2_ENCRYPTED in data or _OLE2_MESSAGE in data
        return Detected.CONTAINER if sealed else Detected.OFFICE
    kind = next((kind for kind, magic in _MAGIC if magic.match(data)), None)
    if kind is not None:
        return kind
    if _is_markup(data):
        return Detected.XML
    if (cms := _cms(data)) is not None:
        return cms
    if _is_mail(data[:_MAIL_WINDOW]):
        return Detected.CONTAINER
    if _PDF_MARK in data[:_PDF_WINDOW]:
        return _pdf(data)
    return Detected.TEXT if _is_text(data) else Detected.OTHER


def looks_executable(name: str, data: bytes) -> bool:
    """Would a double click run it? By the magic numbers of programs and scripts, or by the last extension of ``name``.

    What Windows drops at the end (spaces, full stops) and what nobody sees (RLO turns "exe.pdf" round) changes nothing.
    """
    shown = "".join(c for c in name if c.isprintable()).rstrip(" .").casefold()
    return bool(_EXECUTABLE_NAME.fullmatch(shown) or _EXECUTABLE.match(data))


def has_xml_signature(data: bytes) -> bool:
    """Does an XML name the namespace of XML-DSig at all? Without it there is nothing to verify, well-formed or not."""
    name = "http://www.w3.org/2000/09/xmldsig#"
    return any(name.encode(encoding) in data for _, encoding in _BOMS)


def has_office_signature(data: bytes) -> bool:
    """Does an office document carry a signature of its own format (ODF 1.2 part 3 §4, ECMA-376 part 2 §13)?"""
    try:
        return any(name.startswith(_OFFICE_SIGNATURES) for name in bounds.zip_names(data))
    except BadArchive:
        return False


def _zip(data: bytes) -> Detected:
    try:
        names = bounds.zip_names(data)
        mimetype = bounds.zip_entry(data, "mimetype", 100) or b""
        if mimetype.startswith(_ASIC_MIMETYPE) or any(_ASIC_SIGNATURE.fullmatch(name) for name in names):
            return Detected.ASIC
        if bounds.zip_encrypted(data) or b"encryption-data" in (bounds.zip_entry(data, _ODF_MANIFEST, 500_000) or b""):
            return Detected.CONTAINER
    except BadArchive:  # a damaged ASiC shall be told that it is one
        return Detected.ASIC if _ASIC_TRACE.search(data) else Detected.CONTAINER
    ooxml = "[Content_Types].xml" in names and any(name.startswith(_OOXML_PARTS) for name in names)
    return Detected.OFFICE if ooxml or mimetype.startswith(_ODF_MIMETYPE) else Detected.CONTAINER


def _cms(data: bytes) -> Detected | None:
    """By the contentType of ContentInfo (RFC 5652 §3), of definite or indefinite length."""
    der = _start_of_der(data)
    if len(der) < 2 or der[0] != _SEQUENCE:
        return None
    start = 2 + (der[1] & 0x7F if der[1] > 0x80 else 0)
    if der.startswith(_CMS_AUTHENTICATED_ENVELOPED, start):  # RFC 5083
        return Detected.CONTAINER
    if der.startswith(_CMS_OID, start) and len(der) > start + len(_CMS_OID):
        return _CMS_TYPES.get(der[start + len(_CMS_OID)])
    return None


def _start_of_der(data: bytes) -> bytes:
    """The first octets, also of PEM (RFC 7468 §8, older labels too) and of bare base64."""
    armoured = _PEM.search(data) or _BASE64.match(data)
    if armoured is None:
        return data[:_DER_START]
    text = b"".join(data[armoured.end() : armoured.end() + 2 * _DER_START].split())
    try:
        return base64.b64decode(text[: _DER_START // 4 * 4], validate=True)
    except binascii.Error:
        return b""


def _pdf(data: bytes) -> Detected:
    return Detected.CONTAINER if _PDF_ENCRYPTED.search(data) else Detected.PDF


def _is_markup(data: bytes) -> bool:
    """ "<" after a BOM and white space (XML 1.0 appendix F), in UTF-8 or its like or in UTF-16."""
    for bom, encoding in _BOMS:
        start = data[: 2 * _WHITE_SPACE_MAX].removeprefix(bom).decode(encoding, "replace")
        if start.lstrip(" \t\r\n").startswith("<"):
            return True
    return False


def _is_mail(start: bytes) -> bool:
    """A mail with files in it (message/rfc822)."""
    return bool(_MAIL.match(start) and _MAIL_MIME.search(start) and _MAIL_PARTS.search(start))


def _is_text(data: bytes) -> bool:
    return data.startswith((b"\xff\xfe", b"\xfe\xff")) or not _CONTROL.search(data)
