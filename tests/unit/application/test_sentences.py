"""What is no part of an application is a doubt: whatever is written around a good one, and nothing that citizens tell.

letters/wrappers.txt: lines that make of an application another paper, or one that nobody means, and where they stand.
letters/honest-told.txt: letters that tell at length what has happened, with datelines, addresses and firms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.application.letter.purpose import judge, judged
from mailbot.application.read import reading
from tests.once import shipped

LETTER = shipped().application_words
LETTERS = Path(__file__).parent / "letters"
ASKS = "Wnoszę o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC"
DATA = "Imię i nazwisko: Jan Kowalski\nDotychczasowy login: jan@stary.example\nNowy login: jan@nowa.example\n"
PLACES = {
    "above": f"{{}}\n{ASKS}.\n{DATA}",
    "within": f"{ASKS}.\n{{}}\n{DATA}",
    "below": f"{ASKS}.\n{DATA}\nZ poważaniem\nJan Kowalski\n\n{{}}\n",
    "behind": f"{ASKS}{{}}\n{DATA}",
    "before": f"{{}} {ASKS[0].lower()}{ASKS[1:]}.\n{DATA}",
}
WRAPPERS = [line.partition("|") for line in (LETTERS / "wrappers.txt").read_text(encoding="utf-8").splitlines()]
RECALL = 0.66
"""They tell at length, of other people too: much of it is for a person."""


def granted(text: str) -> bool:
    found = judged(reading(text.encode()), LETTER)
    return found.readable and not found.missing and not found.doubts


@pytest.mark.parametrize("place", PLACES)
def test_the_application_alone_is_one(place: str) -> None:
    assert granted(PLACES[place].format("" if place != "behind" else "."))


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("place", PLACES)
def test_whatever_is_written_around_it(place: str, every: int) -> None:
    passed = [text for at, _, text in WRAPPERS[::every] if at == place and granted(PLACES[place].format(text))]
    assert not passed


def test_there_are_enough_of_them() -> None:
    assert len(WRAPPERS) > 700


@pytest.mark.campaign
def test_what_citizens_tell() -> None:
    letters = (LETTERS / "honest-told.txt").read_text(encoding="utf-8").split("\n=====\n")
    refused = [text for text in letters if not granted(text)]
    assert len(letters) == 400
    assert len(refused) <= (1 - RECALL) * len(letters), refused


def test_the_person_is_told_the_sentence() -> None:
    text = f"Recepta\n\n{ASKS}.\n{DATA}To pismo napisał mój szef.\n"
    found = judged(reading(text.encode()), LETTER)
    assert found.doubts == ("we wniosku jest: coś, czego nie rozumiem: Recepta | To pismo napisał mój szef",)


@pytest.mark.parametrize(
    "line",
    [
        "Szczebrzeszyn, dnia 14.11.2026 r.",
        "Nowy Sącz 14 listopada 2026 r.",
        "ul. Skrzetuskiego 7/3\n22-460 Szczebrzeszyn",
        "Wólka Orłowska 15, 22-300 Krasnystaw",
        "Zamieszkały w Szczebrzeszynie, os. Zielone 4 m. 12",
        "Spedycja Roztocze Sp. z o.o.",
        "Usługi Transportowe KOWAL-TRANS",
        "Stary komputer został w Szczebrzeszynie.",
        "Szczebrzeszyn, 2026-11-14",
        "Ostrów Wlkp., 14 XI 2026 r.",
        "adw. Jan Kowalski",
        'FHU "KOWALPOL" Jan Kowalski\nul. Skrzetuskiego 7',
        "Nazwa firmy: Kowal Import",
        "Zakład stolarski",
        "Doradca podatkowy",
        "Nie mam dostępu do poczty, bo pracowałem w firmie Kowalpol.",
        "Jan Kowalski\nemeryt",
        "Jan Kowalski, kierowca, 600 100 200",
        "Jan Kowalski\npełniący funkcję kierowcy w transporcie międzynarodowym",
        "Jan Kowalski\nSzczebrzeszyn",
        "Jan Kowalski\nHandel Maszynami Rolniczymi\nul. Skrzetuskiego 7",
        "Jan Kowalski\nJK Logistyka\nul. Skrzetuskiego 7",
        "Jan Kowalski\nul. Skrzetuskiego 7\nRadom",
        "gmina Jedlnia, powiat radomski",
        "Jan Kowalski\nF.H.U. Kowalpol\nul. Skrzetuskiego 7",
        "nr EORI PL728214559000000, dowód osobisty ABC 123456",
        "SZCZEBRZESZYN, DNIA 14.11.2026 R.",
        "Stalowa Wola, 14.11.2026\n37-450 Stalowa Wola",
        "gosp. rolne",
        "Nie pamiętam hasła, awaryjnego też nie.",
        "Skrzynka przepadła, bo nie logowałem się na nie przez dwa lata.",
    ],
)
def test_names_are_known_by_their_place(line: str) -> None:
    assert granted(f"{line}\n\n{ASKS}.\n{DATA}")


@pytest.mark.parametrize(
    "line",
    [
        "Szczebrzeszyn",
        "Odebrano dnia 14.11.2026 r.",
        "Recepta, 14.11.2026 r.",
        "Recepta Sp. z o.o.",
        "Protokół S.A.",
        "Odwołuję, 14 listopada 2026 r.",
        "Kierowca: Jan Kowalski",
        'FHU "RECEPTA" Jan Kowalski',
        "Nazwa firmy: Odwołuję Wniosek",
        "Referent: Jan Kowalski",
        "emeryt",
        "Jan Kowalski\nsyndyk",
        "Jan Kowalski, kierowca szefa",
        "Jan Kowalski\nUmowa Najmu\nul. Skrzetuskiego 7",
        "Jan Kowalski\nDowód Dostawy\nul. Skrzetuskiego 7",
        "poczta Zwrot",
        "gmina Zgoda",
        "ZGODA 123456",
        "NIE 123456",
        "Proszę o nie.",
        "Nie mam zamiaru, zgody też nie.",
    ],
)
def test_and_by_nothing_else(line: str) -> None:
    assert not granted(f"{line}\n\n{ASKS}.\n{DATA}")


@pytest.mark.parametrize("name", ["Jan Kowalski", "JAN KOWALSKI", "jan kowalski"])
def test_the_name_of_the_applicant_is_understood(name: str) -> None:
    told = DATA.replace("Jan Kowalski", name)
    assert granted(f"Ja, {name}, proszę o nowe hasło awaryjne i nowy login do PUESC.\n{told}")
    assert not granted(f"{ASKS}.\n{told}Adam Nowak\n")


def test_a_line_that_goes_on_is_one_sentence() -> None:
    told = "Nie mam dostępu do starej skrzynki, ponieważ mój poprzedni pracodawca zamknął ją po\nmoim odejściu."
    assert judge(f"{ASKS}.\n{told}", LETTER).granted
    assert not judge(f"{ASKS}.\n{told}\nKoniec cytatu", LETTER).granted


@pytest.mark.parametrize("label", ["Tytul", "Tytuł", "Temat", "Dotyczy", "Sprawa", "Treść"])
def test_the_label_of_a_title_is_no_stranger(label: str) -> None:
    """XML gives each element as a line behind its name."""
    title = "Wniosek o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC"
    assert granted(f"{label}: {title}\nImie: Adam\nNazwisko: Nowak\n" + DATA.split("\n", 1)[1])
