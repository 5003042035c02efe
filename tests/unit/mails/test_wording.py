"""Dates in words, and foreign words made harmless."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mails.wording import WARSAW, complaint_deadline, day, fold, hour, reflected


def test_day_and_hour_are_polish_wall_time() -> None:
    moment = datetime(2025, 11, 3, 23, 30, tzinfo=UTC)
    assert (day(moment), hour(moment)) == ("4 listopada 2025 r.", "00:30")
    moment = datetime(2026, 7, 31, 22, 0, tzinfo=UTC)
    assert (day(moment), hour(moment)) == ("1 sierpnia 2026 r.", "00:00")


@pytest.mark.parametrize(
    ("answered", "last"),
    [  # domain.md §6, the plain counting
        ((2026, 3, 28, 12, 0), "31 marca 2026 r."),
        ((2025, 12, 23, 16, 0), "26 grudnia 2025 r."),
        ((2025, 12, 24, 10, 0), "27 grudnia 2025 r."),
        ((2026, 10, 24, 0, 0), "27 października 2026 r."),
        ((2026, 1, 5, 23, 59), "8 stycznia 2026 r."),
    ],
)
def test_complaint_deadline(answered: tuple[int, int, int, int, int], last: str) -> None:
    year, month, date, at, minute = answered
    deadline = complaint_deadline(datetime(year, month, date, at, minute, tzinfo=WARSAW))
    assert (day(deadline), f"{deadline:%H:%M:%S}") == (last, "23:59:59")


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
