"""The pieces of PDF syntax below a signature dictionary."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.signatures import pdf_syntax
from mailbot.signatures.pdf_syntax import Value


def value(raw: bytes) -> Value:
    return Value(raw, 0, len(raw))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"(Jan)", "Jan"),
        (b"(a\\(b\\)c\\\\)", "a(b)c\\"),
        (b"(a(b)c)", "a(b)c"),
        (b"(a\\\nb\\\r\nc)", "abc"),
        (b"(a\rb\r\nc)", "a b c"),
        (b"(\\101\\1012\\7x\\n\\q)", None),  # \7 is not a character of PDFDocEncoding
        (b"(\\101\\1012\\n\\q)", "AA2 q"),
        (b"(\x9b)", "ł"),
        (b"(\xef\xbb\xbf\xc5\xbc)", "ż"),
        (b"<FEFF017C>", "ż"),
        (b"<4A 61 6E>", "Jan"),
        (b"<4A616>", "Ja`"),
        (b"<FEFFD800>", None),
        (b"<FEFF01>", None),
        (b"/Name", None),
        (b"12", None),
        (b"[(a)]", None),
        (b"<< /A 1 >>", None),
        (b"4 0 R", None),
    ],
)
def test_text(raw: bytes, text: str | None) -> None:
    assert pdf_syntax.text(value(raw)) == text


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        (b"(D:20261120090000+01'00')", datetime(2026, 11, 20, 8, 0, tzinfo=UTC)),
        (b"(D:20261120090000Z)", datetime(2026, 11, 20, 9, 0, tzinfo=UTC)),
        (b"(D:20261120090000)", None),  # in which zone?
        (b"(D:20261320090000Z)", None),
        (b"(yesterday)", None),
        (b"<FEFFD800>", None),
        (b"12", None),
    ],
)
def test_date(raw: bytes, moment: datetime | None) -> None:
    assert pdf_syntax.date(value(raw)) == moment


@given(st.binary(max_size=200))
def test_values_of_any_bytes(raw: bytes) -> None:
    pdf_syntax.text(value(raw))
    pdf_syntax.date(value(raw))
    assert all(number >= 0 for number in pdf_syntax.integers(value(raw)))


@given(st.binary(max_size=200))
def test_objects_of_any_bytes(raw: bytes) -> None:
    data = b"7 0 obj <<" + raw
    try:
        entries, start, end = pdf_syntax.read_object(data, 0, 7, 0)
    except ValueError:
        return
    assert data[start:end].startswith(b"<<")
    assert data[start:end].endswith(b">>")
    assert all(data[one.start : one.end] == one.raw for one in entries.values())


@pytest.mark.parametrize("data", [b"8 0 obj <<>>", b"7 1 obj <<>>", b"7 0 objx<<>>", b"7 0 obj [<<>>]", b"70 obj<<>>"])
def test_another_object(data: bytes) -> None:
    with pytest.raises(ValueError):
        pdf_syntax.read_object(data, 0, 7, 0)
