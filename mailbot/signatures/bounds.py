"""Caps on what a stranger's bytes may cost, and the only road into a zip (APPNOTE.TXT 6.3; procedure §7).

Every number is checked on what is read, never on what a header declares.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from mailbot.signatures.report import Reason
from mailbot.text.unicode import nfc

FILE_MAX = 30_000_000
"""Octets of one attachment: more than a mail of 35 MiB can hold in base64."""
ZIP_ENTRIES_MAX = 64
ZIP_ENTRY_MAX = 20_000_000
ZIP_TOTAL_MAX = 40_000_000
ZIP_RATIO_MAX = 200
ZIP_NAME_MAX = 1_000
"""Letters of a name with its folders; what looks for patterns in one may take quadratic time."""
ZIP_DIRECTORY_MAX = 1_000_000
"""Octets of a central directory that is listed at all (office documents have more entries than an ASiC may)."""

_RATIO_GRACE = 65_536  # a small file of equal bytes packs better than any ratio
_END = struct.Struct("<4s4H2IH")
_LOCAL = struct.Struct("<4s5H3I2H")
_END_MARK, _LOCAL_MARK = b"PK\5\6", b"PK\3\4"
_DESCRIPTORS = frozenset({12, 16, 20, 24})  # APPNOTE 4.3.9: with or without a mark, 4 or 8 octet sizes
_RENAMED = 0x7075
"""Another name of the entry, in Unicode (APPNOTE 4.6.9): not all readers go by it."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x1 | 0x40 | 0x2000, 0x8, 0x800


class BadArchive(Exception):
    """A zip breaks a limit or a rule of form. ``reason`` says which; nothing of it was used."""

    def __init__(self, code: str, text_pl: str) -> None:
        super().__init__(code)
        self.reason = Reason(code, text_pl)


def zip_names(data: bytes) -> tuple[str, ...]:
    """Names of the entries in the order of the central directory, nothing unpacked. Raises BadArchive."""
    with _open(data) as archive:
        return tuple(_name(entry) for entry in archive.infolist())


def zip_encrypted(data: bytes) -> bool:
    """Is any entry encrypted? Raises BadArchive."""
    with _open(data) as archive:
        return any(entry.flag_bits & _ENCRYPTED for entry in archive.infolist())


def zip_entry(data: bytes, name: str, limit: int) -> bytes | None:
    """At most ``limit`` octets of the first entry called ``name``; None: there is none. Raises BadArchive."""
    with _open(data) as archive:
        entry = next((e for e in archive.infolist() if _name(e) == name), None)
        if entry is None or entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            return None
        return _unpack(archive, entry, limit)[:limit]


def check_zip(data: bytes) -> None:
    """Raises BadArchive where another reader may find other files in a zip, or the same under other names."""
    with _open(data) as archive:
        entries = archive.infolist()
        _check_names([_name(entry) for entry in entries])
        _check_layout(data, entries, archive.start_dir)
        for entry in entries:
            size, extra = struct.unpack_from("<2H", data, entry.header_offset + _LOCAL.size - 4)
            start = entry.header_offset + _LOCAL.size + size
            if _RENAMED in (*_extras(entry.extra), *_extras(data[start : start + extra])):
                raise BadArchive("ZIP_NAME", "Archiwum podaje dwie nazwy jednego pliku.")


def zip_files(data: bytes) -> dict[str, bytes]:
    """Every file of a zip, name → octets, in the order of the archive; folders are left out.

    Raises BadArchive for more than ZIP_ENTRIES_MAX entries, two names that a disk could take for one, absolute or
    climbing names, encryption, other methods than stored and deflate, overlaps, gaps, sizes or ratios above the limits.
    """
    with _open(data) as archive:
        entries = archive.infolist()
        if len(entries) > ZIP_ENTRIES_MAX:
            raise BadArchive("ZIP_TOO_MANY", f"Archiwum ma więcej niż {ZIP_ENTRIES_MAX} plików.")
        _check_names([_name(entry) for entry in entries])
        _check_layout(data, entries, archive.start_dir)
        files: dict[str, bytes] = {}
        room = ZIP_TOTAL_MAX
        for entry in entries:
            content = _file(archive, entry, room)
            room -= len(content)
            if not entry.is_dir():
                files[_name(entry)] = content
            elif content:
                raise BadArchive("ZIP_DAMAGED", "Folder w archiwum zawiera dane.")
        return files


def _open(data: bytes) -> zipfile.ZipFile:
    """The archive, when its end record is the last thing in ``data`` and its directory stands right before it."""
    at = data.rfind(_END_MARK, max(0, len(data) - _END.size - 0xFFFF))
    if at < 0 or len(data) < at + _END.size:
        raise BadArchive("ZIP_DAMAGED", "Archiwum jest uszkodzone: nie ma zakończenia.")
    _, disk, first, here, total, size, offset, comment = _END.unpack_from(data, at)
    if disk or first or here != total or at + _END.size + comment != len(data) or offset + size != at:
        raise _hidden()
    if size > ZIP_DIRECTORY_MAX:
        raise BadArchive("ZIP_TOO_MANY", "Spis plików archiwum jest za długi.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OverflowError) as error:
        raise BadArchive("ZIP_DAMAGED", "Archiwum jest uszkodzone.") from error
    if any(len(entry.orig_filename) > ZIP_NAME_MAX for entry in archive.infolist()):
        raise BadArchive("ZIP_NAME", "Archiwum zawiera zbyt długą nazwę pliku.")
    return archive


def _name(entry: zipfile.ZipInfo) -> str:
    """The name in NFC. Old tools write UTF-8 without its flag; zipfile then reads it as cp437."""
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = entry.orig_filename
    return nfc(name)


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        parts = name.removesuffix("/").split("/")
        if name.startswith("/") or any(p in ("", ".", "..") for p in parts) or any(c in "\\:\0" for c in name):
            raise BadArchive("ZIP_NAME", "Archiwum zawiera niedozwoloną nazwę pliku (ścieżkę).")
        folded = name.removesuffix("/").casefold()
        if folded in seen:
            raise BadArchive("ZIP_DUPLICATE", "Archiwum zawiera dwa pliki o tej samej nazwie.")
        seen.add(folded)


def _check_layout(data: bytes, entries: list[zipfile.ZipInfo], directory: int) -> None:
    """Entries lie side by side from the first octet to the directory: no overlap, no octet that the list hides.

    A reader that goes by the local headers must see what a reader of the central directory sees.
    """
    end, described = 0, 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        gap = entry.header_offset - end
        if (gap and not (described and gap in _DESCRIPTORS)) or len(data) < entry.header_offset + _LOCAL.size:
            raise _hidden()
        mark, _, flags, method, *_, packed, _, name, extra = _LOCAL.unpack_from(data, entry.header_offset)
        described = flags & _DESCRIPTOR
        agreed = packed in (entry.compress_size, 0xFFFFFFFF) or described
        differs = (flags ^ entry.flag_bits) & (_ENCRYPTED | _UTF8) or method != entry.compress_type
        if mark != _LOCAL_MARK or differs or not agreed:
            raise _hidden()
        end = entry.header_offset + _LOCAL.size + name + extra + entry.compress_size
    if directory != end and not (described and directory - end in _DESCRIPTORS):
        raise _hidden()


def _extras(fields: bytes) -> Iterator[int]:
    """Numbers of the extra fields of an entry (APPNOTE 4.5.1)."""
    at = 0
    while at + 4 <= len(fields):
        number, size = struct.unpack_from("<2H", fields, at)
        yield number
        at += 4 + size


def _hidden() -> BadArchive:
    return BadArchive("ZIP_DAMAGED", "Archiwum jest uszkodzone albo zawiera dane poza spisem plików.")


def _file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, room: int) -> bytes:
    if entry.flag_bits & _ENCRYPTED:
        raise BadArchive("ZIP_ENCRYPTED", "Archiwum jest zaszyfrowane hasłem.")
    if entry.compress_type not in _METHODS:
        raise BadArchive("ZIP_METHOD", "Archiwum używa nieobsługiwanej metody kompresji.")
    limit = min(ZIP_ENTRY_MAX, room, ZIP_RATIO_MAX * entry.compress_size + _RATIO_GRACE)
    content = _unpack(archive, entry, limit + 1)
    if len(content) > limit:
        raise BadArchive("ZIP_BOMB", "Archiwum po rozpakowaniu przekracza dozwolony rozmiar.")
    if len(content) != entry.file_size:
        raise BadArchive("ZIP_DAMAGED", "Archiwum podaje nieprawdziwy rozmiar pliku.")
    return content


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(entry) as stream:
            return stream.read(limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise BadArchive("ZIP_DAMAGED", "Archiwum jest uszkodzone.") from error
