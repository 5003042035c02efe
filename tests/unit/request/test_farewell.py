"""The name under a mail is cut only where it is certain."""

from __future__ import annotations

import pytest

from mailbot.request.farewell import without_name


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Dziękuję\nPozdrawiam\nAnna Nowak", "Dziękuję\nPozdrawiam"),
        ("Dziękuję. Pozdrawiam, Anna", "Dziękuję. Pozdrawiam"),
        ("Dziękuję\nPozdrawiam serdecznie,\nMarta", "Dziękuję\nPozdrawiam serdecznie"),
        ("Ok\nZ poważaniem\nmgr inż. Jan Nowak-Kowalski\ntel. 600 100 200\njan@wp.example", "Ok\nZ poważaniem"),
        ("Dziękuję\nJan Kowalski", "Dziękuję"),
        ("Thanks\nBest regards\nJohn Smith", "Thanks\nBest regards"),
        ("Pozdrawiam", "Pozdrawiam"),
        ("", ""),
    ],
)
def test_is_cut(text: str, rest: str) -> None:
    assert without_name(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "Jan Kowalski",
        "Dziękuję\nDALEJ NIE DZIAŁA",
        "Dziękuję\nNadal czekam",
        "Dziękuję\nCzekam",
        "Pozdrawiam i proszę o fakturę",
        "Pozdrawiam\nAnna Nowak\nPS nadal nie działa",
        "Pozdrawiam\n" + "Anna " * 16,
    ],
)
def test_stays(text: str) -> None:
    assert without_name(text) == text
