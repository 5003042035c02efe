"""The licence of each clause: the same words, and the other meaning of them."""

from __future__ import annotations

import pytest

from mailbot.application.letter.purpose import OTHER_WORDS, judge
from tests.once import shipped

LETTER = shipped().application_words
ASKS = "Proszę o nowe hasło awaryjne i nowy login do PUESC. "


def licensed(said: str) -> bool:
    return OTHER_WORDS not in {lack.name for lack in judge(ASKS + said, LETTER).against}


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        ("Nie mam dostępu do konta.", "Mam dostęp do konta."),
        ("Nie mam dostępu do konta.", "Konto jest mi zbędne."),
        ("Konto zostało zablokowane.", "Konto zostało odblokowane."),
        ("Konto założyłem w 2018 roku.", "Konto sprzedałem w 2018 roku."),
        ("Hasła nie pamiętam.", "Hasło pamiętam."),
        ("Hasła nie pamiętam.", "Hasło mogę zmienić sam."),
        ("Nie mam dostępu do starego adresu e-mail.", "Mam dostęp do starego adresu e-mail."),
        ("Nie mam już tamtego telefonu ani hasła.", "Mam hasło i tamten telefon."),
        ("Nie działam w imieniu innej osoby.", "Działam w imieniu innej osoby."),
        ("Link idzie na pocztę, której nie mam.", "Link idzie na pocztę, którą mam."),
        ("Proszę o zmianę dotychczasowego loginu na nowy.", "Proszę o przywrócenie starego loginu."),
        ("Zgubiłem hasło.", "Nie zgubiłem hasła."),
        ("Zgubiłem hasło.", "Zgubiłbym hasło."),
        ("Zgubiłem hasło.", "Zgubił hasło."),
        ("Straciłem dostęp do poczty.", "Stracę dostęp do poczty."),
        ("Hasło miałem zapisane w telefonie.", "Hasło mam zapisane w telefonie."),
        ("Do starej skrzynki nie zaglądam.", "Do starej poczty zaglądam często."),
        ("Skrzynka została usunięta.", "Skrzynka została przywrócona."),
        ("Stara skrzynka nie działa.", "Nowa skrzynka nie działa."),
        ("Moja firma upadła.", "Wszystkim zajmuje się mój agent."),
        ("Nie mogę się zalogować.", "Udało mi się zalogować."),
        ("Jestem właścicielem konta.", "Jestem córką właściciela konta."),
        ("Zmieniłem pracę i telefon.", "Zmieniłem zdanie."),
        ("Nowy login to adres jak wyżej.", "Nowy login to stary login."),
        ("Proszę o szybkie rozpatrzenie wniosku.", "Proszę o rozpatrzenie wniosku w przyszłym roku."),
    ],
)
def test_what_is_lost_has_a_licence_and_the_other_has_none(lost: str, kept: str) -> None:
    assert licensed(lost)
    assert not licensed(kept)


@pytest.mark.parametrize(
    "said",
    [
        "Zgubiłem telefon, notes i hasła.",
        "Zgubiłem telefon i nie mam haseł.",
        "Nie pamiętam hasła, a stara skrzynka została usunięta.",
        "Firma upadła i poczta przepadła.",
        "Skrzynkę usunął operator, ponieważ długo jej nie używałem.",
        "Mieszkam w Szczebrzeszynie.",
    ],
)
def test_clauses_of_a_sentence_are_licensed_one_by_one(said: str) -> None:
    assert licensed(said)


@pytest.mark.parametrize(
    "said",
    [
        "Nie, mam hasło.",
        "Nie i mam hasło.",
        "Nie mam hasła, ale mam dostęp.",
        "Nowa poczta i nie działa.",
        "Mam konto i hasło.",
        "Zgubiłem hasło w Szczebrzeszynie i do Szczebrzeszyna proszę o nie.",
        "On powiedział: proszę o nowe hasło awaryjne i nowy login do PUESC.",
    ],
)
def test_and_none_by_its_neighbours(said: str) -> None:
    assert not licensed(said)


def test_a_place_has_its_kinds() -> None:
    assert licensed("Zgubiłem telefon w Szczebrzeszynie.")
    assert not judge(ASKS.replace("PUESC", "PUESC do Szczebrzeszyna"), LETTER).granted


def test_the_person_is_told_the_clause() -> None:
    (note,) = judge(ASKS + "Hasła nie pamiętam, konto wynająłem.", LETTER).notes
    assert note.endswith(": konto wynająłem")


def test_many_clauses_take_no_time() -> None:
    assert judge((ASKS + "i nie mam, " * 400)[:4_000], LETTER).against
