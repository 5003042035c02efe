"""The only road into a zip: what it may cost, and that both of its directories say the same."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.signatures import bounds
from mailbot.signatures.bounds import BadArchive

Entry = tuple[str, bytes]


def packed(entries: Sequence[Entry], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


class Pipe(io.BytesIO):
    """Cannot be sought: then zipfile writes sizes behind the data (data descriptors)."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


def streamed(entries: Sequence[Entry]) -> bytes:
    target = Pipe()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload,unused-ignore]
        for name, content in entries:
            archive.writestr(name, content)
    return target.getvalue()


GOOD: Sequence[Entry] = (("mimetype", b"application/x"), ("a/wniosek.txt", b"tekst" * 50), ("ż.txt", b""))


@pytest.mark.parametrize("make", [packed, streamed, lambda e: packed(e, zipfile.ZIP_STORED)])
def test_good_archive(make: Callable[[Sequence[Entry]], bytes]) -> None:
    data = make(GOOD)
    assert bounds.zip_files(data) == dict(GOOD)
    assert bounds.zip_names(data) == tuple(name for name, _ in GOOD)
    assert bounds.zip_entry(data, "a/wniosek.txt", 7) == b"tekstte"
    assert bounds.zip_entry(data, "nowhere", 7) is None
    assert not bounds.zip_encrypted(data)


def test_folders_are_left_out_and_a_comment_may_follow() -> None:
    target = io.BytesIO(packed([("a/", b""), ("a/b.txt", b"x")]))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"mimetype=application/vnd.etsi.asic-e+zip"
    assert bounds.zip_files(target.getvalue()) == {"a/b.txt": b"x"}


def test_name_in_utf8_without_its_flag() -> None:
    data = packed([("zaliczka.txt", b"x")]).replace(b"zaliczka", "załącz".encode())
    assert bounds.zip_files(data) == {"załącz.txt": b"x"}


def patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """``value`` at ``offset`` of the first record that begins with ``mark``."""
    at = data.index(mark) + offset
    return data[:at] + value + data[at + len(value) :]


def without_end(data: bytes) -> bytes:
    return data[: data.rindex(b"PK\5\6")]


def hidden_entry(data: bytes) -> bytes:
    """An entry between the data and the directory, which only a reader of local headers sees."""
    other = packed([("ukryty.txt", b"x")])
    local = other[: other.index(b"PK\1\2")]
    at = data.index(b"PK\1\2")
    end = data.rindex(b"PK\5\6")
    moved = struct.pack("<I", at + len(local))
    return data[:at] + local + data[at : end + 16] + moved + data[end + 20 :]


ONE = packed([("a.txt", b"tekst" * 50)])
TWO = packed([("a.txt", b"x"), ("b.txt", b"y")])
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"

BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "ZIP_DAMAGED"),
    "no end": (without_end(ONE), "ZIP_DAMAGED"),
    "cut end": (ONE[:-3], "ZIP_DAMAGED"),
    "something behind": (ONE + b"x", "ZIP_DAMAGED"),
    "something before": (b"x" + ONE, "ZIP_DAMAGED"),
    "hidden entry": (hidden_entry(ONE), "ZIP_DAMAGED"),
    "two archives": (ONE + TWO, "ZIP_DAMAGED"),
    "wrong count": (patched(TWO, END, 8, b"\1\0\2\0"), "ZIP_DAMAGED"),
    "more disks": (patched(ONE, END, 4, b"\1\0"), "ZIP_DAMAGED"),
    "other name in the local header": (patched(ONE, LOCAL, 30, b"b"), "ZIP_DAMAGED"),
    "other method in the local header": (patched(ONE, LOCAL, 8, b"\0\0"), "ZIP_DAMAGED"),
    "other size in the local header": (patched(ONE, LOCAL, 18, b"\1\0\0\0"), "ZIP_DAMAGED"),
    "wrong checksum": (patched(patched(ONE, LOCAL, 14, b"\0\0\0\0"), CENTRAL, 16, b"\0\0\0\0"), "ZIP_DAMAGED"),
    "size too small": (patched(patched(ONE, LOCAL, 22, b"\1\0\0\0"), CENTRAL, 24, b"\1\0\0\0"), "ZIP_DAMAGED"),
    "size too large": (patched(patched(ONE, LOCAL, 22, b"\xff\xff\0\0"), CENTRAL, 24, b"\xff\xff\0\0"), "ZIP_DAMAGED"),
    "folder with content": (packed([("a/", b"x")]), "ZIP_DAMAGED"),
    "encrypted": (patched(patched(ONE, LOCAL, 6, b"\1\0"), CENTRAL, 8, b"\1\0"), "ZIP_ENCRYPTED"),
    "bzip2": (packed([("a.txt", b"x")], zipfile.ZIP_BZIP2), "ZIP_METHOD"),
    "many": (packed([(f"{number}.txt", b"") for number in range(65)]), "ZIP_TOO_MANY"),
    "directory too long": (packed([("x" * 60_000 + str(n), b"") for n in range(20)]), "ZIP_TOO_MANY"),
    "long name": (packed([("META-INF/" + "signature" * 111 + ".xml", b"x")]), "ZIP_NAME"),
    "up": (packed([("../a.txt", b"x")]), "ZIP_NAME"),
    "up inside": (packed([("a/../../b.txt", b"x")]), "ZIP_NAME"),
    "here": (packed([("./a.txt", b"x")]), "ZIP_NAME"),
    "absolute": (packed([("/etc/passwd", b"x")]), "ZIP_NAME"),
    "drive": (packed([("C:a.txt", b"x")]), "ZIP_NAME"),
    "backslash": (packed([("..\\a.txt", b"x")]), "ZIP_NAME"),
    "nul": (packed([("a_.txt", b"x")]).replace(b"a_.txt", b"a\0.txt"), "ZIP_NAME"),
    "no name": (packed([("a", b"x")]).replace(b"a", b"/"), "ZIP_NAME"),
    "twice": (TWO.replace(b"b.txt", b"a.txt"), "ZIP_DUPLICATE"),
    "twice but for case": (TWO.replace(b"b.txt", b"A.TXT"), "ZIP_DUPLICATE"),
    "ratio": (packed([("a.txt", bytes(15_000_000))]), "ZIP_BOMB"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archive(name: str) -> None:
    data, code = BAD[name]
    with pytest.raises(BadArchive) as refused:
        bounds.zip_files(data)
    assert refused.value.reason.code == code
    assert refused.value.reason.text_pl.endswith(".")


def test_total_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ZIP_TOTAL_MAX", 100)
    assert bounds.zip_files(packed([("a", b"x" * 60), ("b", b"y" * 40)]))
    with pytest.raises(BadArchive, match="ZIP_BOMB"):
        bounds.zip_files(packed([("a", b"x" * 60), ("b", b"y" * 41)]))


def test_entry_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ZIP_ENTRY_MAX", 60)
    assert bounds.zip_files(packed([("a", b"x" * 60)]))
    with pytest.raises(BadArchive, match="ZIP_BOMB"):
        bounds.zip_files(packed([("a", b"x" * 61)]))


@given(st.data())
def test_mutations_give_files_or_a_refusal(data: st.DataObject) -> None:
    mutated = bytearray(packed(GOOD))
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadArchive):
        files = bounds.zip_files(bytes(mutated))
        assert len(files) == len(GOOD)
