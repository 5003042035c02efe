"""What is said of the account, of what opens it and of other people: the same words, and the other meaning of them."""

from __future__ import annotations

import pytest

from mailbot.application.purpose import QUOTED, judge
from tests.once import shipped

LETTER = shipped().application_words
ASKS = "Proszę o nowe hasło awaryjne i nowy login do PUESC. "


def named(said: str) -> set[str]:
    return {lack.name for lack in judge(ASKS + said, LETTER).against}


@pytest.mark.parametrize(
    ("lost", "kept", "name"),
    [
        ("Nie mam dostępu do konta.", "Konto jest mi zbędne.", "konto"),
        ("Konto zostało zablokowane.", "Konto zostało odblokowane.", "konto"),
        ("Konto założyłem w 2018 roku.", "Konto sprzedałem w 2018 roku.", "konto"),
        ("Hasła nie pamiętam.", "Hasło mogę zmienić sam.", "haslo"),
        ("Straciłem dostęp do poczty.", "Dostęp do konta mam.", "haslo"),
        ("Hasło było zapisane w telefonie.", "Serwis naprawił dysk i hasła są.", "haslo"),
        ("Do starej skrzynki nie zaglądam.", "Do starej poczty zaglądam często.", "poczta"),
        ("Skrzynka została usunięta.", "Skrzynka została przywrócona.", "poczta"),
        ("Mąż zmienił hasło do poczty.", "Mąż dysponuje hasłem do poczty.", "inna-osoba"),
        ("Konto założyła mi córka.", "Konto jest córki.", "prosba-o-cudze"),
        ("Moja firma upadła.", "Wszystkim zajmuje się mój agent.", "kto-inny-dziala"),
        ("Nie mogę się zalogować.", "Udało mi się zalogować.", "udalo-sie"),
        ("Jestem właścicielem konta.", "Jestem córką właściciela konta.", "jestem-czyims"),
        ("Chcę odzyskać konto.", "Chcę, żeby było jak dawniej.", "chce-czegos"),
        ("Kolega zepsuł telefon.", "Kolega stracił hasło.", "kto-inny-stracil"),
        ("Nie mam dostępu do poczty.", "Z hasłem nie mam żadnego problemu.", "bez-potrzeby"),
    ],
)
def test_what_is_lost_is_told_and_what_is_not_is_a_doubt(lost: str, kept: str, name: str) -> None:
    assert not named(lost)
    assert name in named(kept)


@pytest.mark.parametrize("head", ["On powiedział", "Nauczyłem się na pamięć"])
def test_an_asking_that_somebody_is_said_to_have_said(head: str) -> None:
    asks = ASKS[0].lower() + ASKS[1:]
    assert QUOTED in {lack.name for lack in judge(f"{head}: {asks}", LETTER).against}
    assert not judge(f"Szanowni Państwo: {asks}", LETTER).against


def test_the_person_is_told_the_clause() -> None:
    (note,) = (note for note in judge(ASKS + "Hasła nie pamiętam, konto sprzedałem.", LETTER).notes if "koncie" in note)
    assert note.endswith(": konto sprzedałem")


def test_many_colons_take_no_time() -> None:
    assert judge((ASKS + "powiedział: " * 300)[:4_000], LETTER).against
