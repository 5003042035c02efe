"""PESEL: check digit, birth date, sex, keyed hash."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.secret import Secret
from mailbot.text import pesel

WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
CENTURY = {18: 80, 19: 0, 20: 20, 21: 40, 22: 60}


def number(birth: date, serial: int) -> str:
    """A right PESEL; written apart from the code under test."""
    digits = f"{birth.year % 100:02}{birth.month + CENTURY[birth.year // 100]:02}{birth.day:02}{serial:04}"
    return digits + str(-sum(w * int(d) for w, d in zip(WEIGHTS, digits, strict=True)) % 10)


def test_the_official_example() -> None:
    assert pesel.parse("44051401359") == pesel.Pesel(date(1944, 5, 14), "m")


@given(st.dates(date(1800, 1, 1), date(2299, 12, 31)), st.integers(0, 9999))
def test_birth_and_sex_are_read_back(birth: date, serial: int) -> None:
    assert pesel.parse(number(birth, serial)) == pesel.Pesel(birth, "m" if serial % 2 else "f")


@given(st.dates(date(1800, 1, 1), date(2299, 12, 31)), st.integers(0, 9999), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(birth: date, serial: int, place: int, by: int) -> None:
    right = number(birth, serial)
    wrong = right[:place] + str((int(right[place]) + by) % 10) + right[place + 1 :]
    with pytest.raises(ValueError):
        pesel.parse(wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "11 digits"),
        ("4405140135", "column as text"),
        ("440514013590", "11 digits"),
        ("4405140135x", "11 digits"),
        ("４４０５１４０１３５９", "11 digits"),
        ("44051401359\n", "11 digits"),
        ("44051401358", "check digit"),
        ("44133001350", "date that does not exist"),
        ("00000000000", "date that does not exist"),
    ],
)
def test_what_is_wrong_is_told_without_the_number(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        pesel.parse(text)
    assert "mend:" in str(raised.value)
    assert not text or text not in str(raised.value)


def test_the_hash_needs_the_key() -> None:
    one, other = Secret(b"a" * 32), Secret(b"b" * 32)
    assert pesel.keyed_hash(one, "44051401359") == pesel.keyed_hash(one, "44051401359")
    assert pesel.keyed_hash(one, "44051401359") != pesel.keyed_hash(one, "44051401458")
    assert pesel.keyed_hash(one, "44051401359") != pesel.keyed_hash(other, "44051401359")
    assert len(pesel.keyed_hash(one, "44051401359")) == 64
