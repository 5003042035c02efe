"""Errors of typing: which word is read as another one, which is not, and that what must not be said is not lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailbot.application.letter.mistyped import corrected
from mailbot.application.letter.purpose import judged
from mailbot.application.read import reading
from tests.once import shipped

LETTER = shipped().application_words
AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
DATA = "\nImię i nazwisko: Jan Kowalski\nDotychczasowy login: jan@stary.example\nNowy login: jan@nowa.example\n"
ASKS = "Proszę o nadanie nowego hasła awaryjnego oraz loginu do PUESC."


def granted(text: str) -> bool:
    found = judged(reading(f"{text}\n{DATA}".encode()), LETTER, AT)
    return found.readable and not found.missing and not found.doubts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("awaryjengo", "awaryjnego"),
        ("awryjnego", "awaryjnego"),
        ("podstawowgo", "podstawowego"),
        ("skrzynkki", "skrzynki"),
        ("utrciłem", "utraciłem"),
        ("chasło", "hasło"),
        ("kturej", "której"),
        ("zamknienta", "zamknięta"),
        ("powarzaniem", "poważaniem"),
        ("wnoszee", "wnosze"),
        ("PUSEC", "PUESC"),
        ("pamietm", "pamietam"),
        ("Niepamiętam", "Nie pamiętam"),
        ("niemam", "nie mam"),
        ("zpoważaniem", "z poważaniem"),
        ("Cofnąłm", "Cofnąłem"),
    ],
)
def test_what_an_eye_takes_for_one_word_is_it(written: str, meant: str) -> None:
    assert corrected(f"{written} to", LETTER) == f"{meant} to"


@pytest.mark.parametrize(
    "written",
    [
        "nei",  # too short
        "hsało",
        "nadnie",
        "prozę",  # a word of its own
        "mscars",
        "jan.dostepuu@x.example",
        "Bielskii",
        "zabukowana",
    ],
)
def test_a_short_word_another_word_a_name_and_an_address_stay(written: str) -> None:
    assert corrected(f"do {written} to", LETTER) == f"do {written} to"


def test_a_name_within_a_sentence_stays() -> None:
    assert corrected("w Skrzynkki", LETTER) == "w Skrzynkki"


def test_a_letter_of_many_errors_stays() -> None:
    text = "awaryjengo podstawowgo skrzynkki utrciłem kturej zamknienta powarzaniem"
    assert corrected(text, LETTER) == text


@pytest.mark.parametrize(
    "text",
    [
        ASKS.replace("awaryjnego", "awaryjengo"),
        ASKS.replace("Proszę", "Porszę"),
        ASKS.replace("PUESC", "PUSEC"),
        f"{ASKS} Niepamiętam hasła podstawowgo i niemam dostępu do skrzynkki.",
        f"{ASKS} Utraicłem dostęp do skrzynki, kturej adres jest loginem.",
    ],
)
def test_such_letters_are_understood(text: str) -> None:
    assert granted(text)


@pytest.mark.parametrize(
    "text",
    [
        ASKS.replace("Proszę", "Nieproszę"),
        ASKS.replace("Proszę", "Prosii"),
        f"{ASKS} Cofamm wniosek.",
        f"{ASKS} Odzyskłem hasło.",
        f"{ASKS} Oszstu mnie prosił.",
        f"{ASKS} Niezgadzam się na zmianę.",
        f"{ASKS} Jestem pełnomocnkiem.",
        f"{ASKS} Zgubiłem oszzustom telefon.",
    ],
)
def test_what_must_not_be_said_must_not_be_mistyped_either(text: str) -> None:
    assert not granted(text)
