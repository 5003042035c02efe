"""Objects of a PDF that stand in several places, of which each viewer takes another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures.signing.pdf_writer import stream
from mailbot.application.read import read
from tests.unit.application.pdfs import HELVETICA
from tests.unit.application.test_uncommon import LINES

OTHER = LINES.replace("adam@nowa", "eva@obca")
RESOURCES = "/MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >>"
LEAF, OTHER_LEAF = (f"<< /Type /Page /Parent 2 0 R {RESOURCES} /Contents {n} 0 R >> " for n in (4, 10))
OBJECTS = {
    1: b"<< /Type /Catalog /Pages 2 0 R >>",
    2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    3: LEAF.encode(),
    4: stream(LINES.encode()),
    5: HELVETICA,
    10: stream(OTHER.encode()),
    11: OTHER_LEAF.encode(),
}


class File:
    """A PDF written object by object, its cross-references by hand."""

    def __init__(self, objects: dict[int, bytes], first: bytes = b"") -> None:
        self.data = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + first)
        self.places: dict[int, int] = {}
        for number, body in objects.items():
            self.places[number] = len(self.data)
            self.data += b"%d 0 obj\n%s\nendobj\n" % (number, body)

    def table(self, rows: bytes, trailer: str) -> int:
        at = len(self.data)
        self.data += b"xref\n" + rows + f"trailer\n<< /Size 30 {trailer} >>\n".encode()
        return at

    def rows(self) -> bytes:
        listed = b"".join(b"%d 1\n%010d 00000 n \n" % pair for pair in sorted(self.places.items()))
        return b"0 1\n0000000000 65535 f \n" + listed

    def end(self, at: int) -> bytes:
        return bytes(self.data) + b"startxref\n%d\n%%%%EOF\n" % at


def _plain(objects: dict[int, bytes], trailer: str = "/Root 1 0 R", first: bytes = b"") -> bytes:
    found = File(OBJECTS | objects, first)
    return found.end(found.table(found.rows(), trailer))


def _given_back() -> bytes:
    found = File(OBJECTS)
    before = found.table(found.rows(), "/Root 1 0 R")
    return found.end(found.table(b"4 1\n0000000000 00001 f \n", f"/Root 1 0 R /Prev {before}"))


def _listed_twice() -> bytes:
    found = File(OBJECTS)
    return found.end(found.table(found.rows() + b"4 1\n%010d 00000 n \n" % found.places[4], "/Root 1 0 R"))


def _without_root() -> bytes:
    found = File(OBJECTS)
    before = found.table(found.rows(), "/Root 1 0 R")
    return found.end(found.table(b"0 0\n", f"/Prev {before}"))


def _packed(*pages: str) -> bytes:
    """The page in an object stream, listed as often as there are ``pages``."""
    starts = [sum(map(len, pages[:i])) for i in range(len(pages))]
    head = " ".join(f"3 {start}" for start in starts) + " "
    holder = stream((head + "".join(pages)).encode(), f"/Type /ObjStm /N {len(pages)} /First {len(head)}")
    found = File({**{n: body for n, body in OBJECTS.items() if n != 3}, 8: holder})
    at = len(found.data)
    rows = {0: (0, 0, 65535), **{n: (1, place, 0) for n, place in found.places.items()}, 3: (2, 8, 0), 9: (1, at, 0)}
    octets = b"".join(
        bytes([kind]) + one.to_bytes(4) + other.to_bytes(2) for _, (kind, one, other) in sorted(rows.items())
    )
    index = " ".join(f"{number} 1" for number in sorted(rows))
    section = stream(octets, f"/Type /XRef /W [1 4 2] /Index [{index}] /Size 30 /Root 1 0 R")
    found.data += b"9 0 obj\n%s\nendobj\n" % section
    return found.end(at)


def _linearized(first: int) -> bytes:
    """As Chrome shows it while the rest of the file is on its way: ``first`` is the number of its first page."""

    def written(size: int) -> bytes:
        head = f"<< /Linearized 1 /L {size} /H [ 100 20 ] /O {first} /E 900 /N 1 /T 1000 >>".encode()
        return _plain({}, first=b"20 0 obj\n%s\nendobj\n" % head)

    return written(len(written(1_000)))


def _negative() -> bytes:
    return _plain({4: b"<< /Length -1 >>\nstream\n%s\nendstream" % LINES.encode()})


SEVERAL: dict[str, Callable[[], bytes]] = {
    "an object that is given back": _given_back,
    "an object that is listed twice": _listed_twice,
    "an object twice in a stream of objects": lambda: _packed(LEAF, OTHER_LEAF),
    "a file without a root": _without_root,
    "another first page for slow networks": lambda: _linearized(11),
    "a stream of negative length": _negative,
    "another number of pages": lambda: _plain({2: b"<< /Type /Pages /Kids [3 0 R] /Count -1 >>"}),
    "a page of another parent": lambda: _plain(
        {3: LEAF.replace("/Parent 2", "/Parent 12").encode(), 12: b"<< /CropBox [0 0 595 842] >>"}
    ),
}


def _revised() -> bytes:
    found = File(OBJECTS | {4: stream(OTHER.encode())})
    before = found.table(found.rows(), "/Root 1 0 R")
    at = len(found.data)
    found.data += b"4 0 obj\n%s\nendobj\n" % OBJECTS[4]
    return found.end(found.table(b"4 1\n%010d 00000 n \n" % at, f"/Root 1 0 R /Prev {before}"))


def _hybrid() -> bytes:
    """As Word writes it: an empty table names a stream of all entries, and both name the table before (§7.5.8.4)."""
    found = File(OBJECTS | {2: OBJECTS[2].replace(b"/Count", b"/Also 10 0 R /Count")})
    given_back = b"%d 1\n%010d 00000 n \n" % (10, found.places[10]), b"10 1\n0000000000 65535 f \n"
    before = found.table(found.rows().replace(*given_back), "/Root 1 0 R")
    at = len(found.data)
    octets = b"".join(bytes([1]) + place.to_bytes(4) + bytes(2) for _, place in sorted(found.places.items()))
    index = " ".join(f"{number} 1" for number in sorted(found.places))
    entries = f"/Type /XRef /W [1 4 2] /Index [{index}] /Size 30 /Root 1 0 R /Prev {before}"
    found.data += b"9 0 obj\n%s\nendobj\n" % stream(octets, entries)
    return found.end(found.table(b"0 0\n", f"/Root 1 0 R /Prev {before} /XRefStm {at}"))


ONE: dict[str, Callable[[], bytes]] = {
    "plain": lambda: _plain({}),
    "a page that was written again": _revised,
    "a stream of objects": lambda: _packed(LEAF),
    "linearized": lambda: _linearized(3),
    "hybrid": _hybrid,
}


@pytest.mark.parametrize("written", SEVERAL.values(), ids=SEVERAL)
def test_what_readers_look_for_elsewhere_is_a_doubt(written: Callable[[], bytes]) -> None:
    assert read(written(), "").doubts


@pytest.mark.parametrize("written", ONE.values(), ids=ONE)
def test_objects_in_one_place(written: Callable[[], bytes]) -> None:
    assert read(written(), "").doubts == ()
