"""The four data of whole letters: each of letters/data.txt says in its first line what a person reads there.

Those of letters/data-doubts.txt exchange, deny or add addresses and name others; "?" means that it is for a person.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.application.document import Document
from mailbot.application.letter.fields import fields
from mailbot.application.letter.whole import cut
from mailbot.ruleset.sayings import Words

LETTERS = Path(__file__).parent / "letters"
UNKNOWN = "?"
NAME = "Ewa Nowak\n"
OLD = "Stary login: ewa@stary.example\n"
NEW = "Nowy login: ewa@nowa.example\n"


def cases(name: str) -> list[tuple[str, str]]:
    letters = (LETTERS / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n").split("\n=====\n")
    return [(told, text) for told, _, text in (letter.partition("\n") for letter in letters)]


def read(text: str) -> str:
    """What is read for certain, as the letters tell it."""
    found = fields(Document(text))
    certain = not found.missing and not found.doubts
    return f"{found.given} | {found.surname} | {found.old_login} | {found.new_email}" if certain else UNKNOWN


@pytest.mark.parametrize(("told", "text"), cases("data"))
def test_data_of_honest_letters(told: str, text: str) -> None:
    assert read(text) == told


@pytest.mark.parametrize(("told", "text"), cases("data-doubts"))
def test_data_that_are_not_certain(told: str, text: str) -> None:
    assert read(text) == told


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (f"{NAME}{OLD}{NEW}Adres: ewa.n@inna.example", "an address of which nothing says what it is"),
        (f"{NAME}{OLD}Nowy login: ewa@stary.example", "the old login and the new one are the same address"),
        (f"{NAME}{OLD}{NEW}Nowy login to nie ewa@inna.example.", "an address that is taken back"),
        (f"{NAME}{OLD}{NEW}Adresy podałam odwrotnie.", "an address that is taken back"),
        (f"{NAME}{OLD}{NEW}Kontakt: biuro@inna.example", "an address of which nothing says what it is"),
        (
            f"tel. 600 600 600, e-mail: biuro@inna.example\n{NAME}{OLD}{NEW}",
            "an address of which nothing says what it is",
        ),
        (f"{NAME}{OLD}Nowy login: jan.lis@nowa.example", "the new login bears the name of somebody else"),
        (f"{NAME}{OLD}Nowy login: ewa@stary.examp1e", "the new login reads as the old one, and is another address"),
        (f"{NAME}{OLD}Nowy login: ewa@stary.example.com", "the new login reads as the old one, and is another address"),
        (f"{NAME}{OLD}{NEW}Z poważaniem\nJan Lis\nImię i nazwisko: Ewa Nowak", "names that do not agree"),
    ],
)
def test_what_keeps_data_from_being_certain(text: str, doubt: str) -> None:
    assert doubt in fields(Document(text)).doubts


@pytest.mark.parametrize(
    "text",
    [
        "Do: helpdesk@puesc.example\n",
        "Wiadomość dla helpdesk-eclo@mf.gov.pl\n",
    ],
)
def test_an_address_of_the_desk(text: str) -> None:
    assert read(f"{text}{NAME}{OLD}{NEW}") == "Ewa | Nowak | ewa@stary.example | ewa@nowa.example"


@pytest.mark.parametrize(
    "text",
    [
        "Ewa Nowak, dotychczasowy login\newa@stary.example, nowy login\newa@nowa.example.\n",
        f"{NAME}Dotychczasowy\nlogin: ewa@stary.example\nNowy adres\ne-mail: ewa@nowa.example\n",
        "EWA NOWAK\nPODANE DANE SĄ PRAWDZIWE.\nDOTYCHCZASOWY LOGIN: ewa@stary.example\nNOWY LOGIN: ewa@nowa.example\n"
        "EWA NOWAK\n",
        f"Adres jest loginem do PUESC.\n\nImię:\nEwa\nNazwisko:\nNowak\n{OLD}{NEW}",
    ],
)
def test_lines_that_a_narrow_column_breaks_and_capitals(text: str) -> None:
    assert read(text).title() == "Ewa | Nowak | Ewa@Stary.Example | Ewa@Nowa.Example"


def test_a_list_of_addresses_with_the_label_behind_each_is_no_broken_line() -> None:
    assert read(f"{NAME}ewa@stary.example, nowy login\newa@nowa.example, stary login\n") == "?"


@pytest.mark.parametrize("gap", ["\n", " "])
def test_prose_that_a_line_end_wraps(gap: str) -> None:
    text = "Ja, Ewa Nowak. Mój dotychczasowy login to\newa@stary.example. Mój nowy adres e-mail to{}ewa@nowa.example."
    assert read(text.format(gap)) == "Ewa | Nowak | ewa@stary.example | ewa@nowa.example"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"Imię i nazwisko: Ewa Nowak\n{OLD}{NEW}", True),
        (f"Ewa Nowak, login ewa@stary.example, nowy login ewa@nowa.example.\n{NEW}", False),  # "Auto Komis, login …"
        (f"Proszę o nowe hasło.\nEwa Nowak, spedytorka.\n{OLD}{NEW}", False),
    ],
)
def test_a_name_that_may_be_none(text: str, named: bool) -> None:
    assert fields(Document(text)).named is named


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Z poważaniem, E. Nowak", ("Ewa", "Nowak")),
        ("Z poważaniem, J. Nowak", (None, None)),
        ("Z poważaniem, E. Lis", (None, None)),
    ],
)
def test_a_first_letter_stands_for_a_given_name(text: str, names: tuple[str | None, str | None]) -> None:
    found = fields(Document(f"Ewa Nowak, dawniej ewa@stary.example, teraz ewa@nowa.example.\n{text}"))
    assert (found.given, found.surname) == names


@pytest.mark.parametrize(
    ("behind", "whole"),
    [
        (" sprawdzam codziennie", True),
        (" nieczynna od maja", True),
        (" pl", False),
        (" com", False),
        (" poczta", False),  # a noun, as mailboxes are called
        ("\nzsxq", False),
    ],
)
def test_a_word_behind_an_address_that_cannot_be_its_end(behind: str, whole: bool) -> None:
    assert (cut(f"Login: ewa@nowa.example{behind}", Words(frozenset())) == ()) is whole
