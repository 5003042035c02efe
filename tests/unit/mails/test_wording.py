"""Dates in words, and foreign words made harmless."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mails.wording import (
    date_in_words,
    day,
    days,
    fold,
    hour,
    hours,
    moment,
    opening,
    reflected,
)
from tests.unit.mails.letters import RULES

ENGLISH = RULES.languages["en"]


def test_day_and_hour_are_polish_wall_time() -> None:
    moment = datetime(2025, 11, 3, 23, 30, tzinfo=UTC)
    assert (day(moment), hour(moment)) == ("4 listopada 2025 r.", "00:30")
    moment = datetime(2026, 7, 31, 22, 0, tzinfo=UTC)
    assert (day(moment), hour(moment)) == ("1 sierpnia 2026 r.", "00:00")


def test_english_days_end_without_a_full_stop() -> None:
    at = datetime(2025, 11, 3, 23, 30, tzinfo=UTC)
    assert day(at, ENGLISH) == "4 November 2025"
    assert (moment(at), moment(at, ENGLISH)) == ("4 listopada 2025 r., godz. 00:30", "4 November 2025, 00:30")


POLISH = [
    *("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca"),
    *("lipca", "sierpnia", "września", "października", "listopada", "grudnia"),
]


@pytest.mark.parametrize("month", range(1, 13))
def test_months(month: int) -> None:
    """Genitive in Polish, as the day demands."""
    on = date(2025, month, 1)
    assert date_in_words(on) == f"1 {POLISH[month - 1]} 2025 r."
    assert date_in_words(on, ENGLISH) == f"1 {on:%B} 2025"


@pytest.mark.parametrize(
    ("number", "hours_polish", "days_polish"),
    [
        (1, "1 godziny", "1 dzień"),
        (2, "2 godzin", "2 dni"),
        (3, "3 godzin", "3 dni"),
        (4, "4 godzin", "4 dni"),
        (5, "5 godzin", "5 dni"),
        (21, "21 godzin", "21 dni"),
        (24, "24 godzin", "24 dni"),
    ],
)
def test_numerals(number: int, hours_polish: str, days_polish: str) -> None:
    """„w ciągu” takes the genitive, which is „godzin” for every number but one."""
    assert (hours(number), days(number)) == (hours_polish, days_polish)


def test_numerals_in_english() -> None:
    assert [hours(n, ENGLISH) for n in (1, 4)] == ["1 hour", "4 hours"]
    assert [days(n, ENGLISH) for n in (1, 3)] == ["1 day", "3 days"]


def test_opening() -> None:
    assert opening(time(7, 30), time(15, 5)) == "od 7:30 do 15:05"
    assert opening(time(7, 30), time(15, 5), ENGLISH) == "from 7:30 to 15:05"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hasło awaryjne puesc", "hasło awaryjne puesc"),
        ("Odp.: HASŁO AWARYJNE. PROCEDURA", "Odp.: HASŁO AWARYJNE. PROCEDURA"),
        ("zobacz https://evil.example/a?b teraz", "zobacz teraz"),
        ("zobacz hxxp://evil teraz", "zobacz teraz"),
        ("www.evil evil.example/login", ""),
        ("pisz na x@evil.example", "pisz na"),
        ("a\r\nBcc: b\tc\x00\u2028d", "a Bcc: b c d"),
        ("a\u202eb\u2066c\u200bd\ufeff", "abcd"),
        ("javascript:/alert", ""),
        ("x" * 100, "x" * 79 + "…"),
        ("mój PESEL 02070803628", "mój PESEL [PESEL]"),
        ("PESEL 0207\u200b0803\u00ad628", "PESEL [PESEL]"),
    ],
)
def test_reflected(text: str, shown: str) -> None:
    assert reflected(text) == shown


@given(st.text(max_size=300))
def test_reflected_is_one_harmless_line(text: str) -> None:
    shown = reflected(text)
    assert len(shown) <= 80
    assert shown == " ".join(shown.split())
    assert all(unicodedata.category(c)[0] != "C" for c in shown)
    assert "://" not in shown
    assert "@" not in shown
    assert "www." not in shown.lower()


def test_fold() -> None:
    long = "słowo " * 20
    assert all(len(line) <= 78 for line in fold(f"1. {long.strip()}\nkrótka").split("\n"))
    assert fold(f"12. {long.strip()}").split("\n")[1].startswith("    słowo")
    assert fold(f"– {long.strip()}").split("\n")[1].startswith("  słowo")
    assert fold("x" * 200) == "x" * 200  # a link is never broken
    assert fold("  a  b\n") == "  a  b\n"
