"""What a reading of a picture may get wrong, and what nobody may pass off as such an error."""

from __future__ import annotations

import random

import pytest

from mailbot.application.letter.alike import has_address, has_datum, same_words, within


@pytest.mark.parametrize(
    ("address", "seen", "sure", "there"),
    [
        ("jan@nowa.example", "Nowy adres: jan@nowa.example.", "", True),
        ("jan@nowa.example", "jan @nowa. example", "", True),
        ("jan@nowa.example", "jan@nowa.\nexample", "", True),
        ("ola@wp.pl", "oIa@wp.p|", "", True),
        ("jan1@wp.pl", "janl@wp.pl", "", False),  # whoever owns the other one must not get it
        ("jan1@wp.pl", "janl@wp.pl", "1l", True),
        ("j.an@o2.pl", "j-an@02.pl", ".o", True),
        ("j.an@o2.pl", "j-an@02.pl", "o", False),
        ("j-an@o2.pl", "j-—an@o2.pl", "-", True),
        ("j-an@o2.pl", "j—an@o2.pl", "", False),
        ("jan1@wp.pl", "jani@wp.pl", "1l", False),
        ("jal@wp.pl", "jai@wp.pl", "l", False),
        ("an@nowa.example", "jan@nowa.example", "", False),
        ("an@nowa.example", "j.an@nowa.example", ".", False),
        ("jan@nowa.example", "jan@nowa.example.pl", "", False),
        ("jan@nowa.example", "jan@nova.example", "", False),
    ],
)
def test_an_address_is_there_sign_by_sign(address: str, seen: str, sure: str, there: bool) -> None:
    assert has_address(address, seen, frozenset(sure)) is there


@pytest.mark.parametrize(
    ("name", "seen", "there"),
    [
        ("Małgorzata", "Matgorzata", True),
        ("Żółć", "Z6ic", True),
        ("Ola", "Ula", False),
        ("Kowalski", "Kovvalski", True),
        ("Kowalski", "Kowolski", True),
        ("Kowalski", "Nowakowska", False),
        ("Dąb", "Db", True),  # a font without Polish letters leaves gaps
        ("Pająk", "Paj k", True),
        ("Róża", "Roa", True),
        ("Dąb", "Dbanie", False),
        ("Pająk", "Pa k", False),
        ("Pajak", "Paj k", False),
    ],
)
def test_a_name_may_be_misread_by_a_letter(name: str, seen: str, there: bool) -> None:
    assert has_datum(name, f"Ja, {seen}, wnosze") is there


def test_other_words_are_seen_both_ways() -> None:
    said = "Wniosek o nadanie hasła awaryjnego i loginu do konta PUESC"
    assert same_words(said, "Wniosek o nadanie hasta awaryjnego i loginu do konta PUESC")
    assert not same_words(said, said + " którego niniejszym nie podpisuję wcale")
    assert not same_words(said + " oraz sprzedaż mieszkania przy ulicy", said)
    assert same_words(
        said, said + " Podpisano elektronicznie przez Adam Nowak", "Podpisano elektronicznie przez Adam Nowak"
    )


def test_within_counts_changes_as_levenshtein_does() -> None:
    rng = random.Random(1)
    for _ in range(2_000):
        needle = "".join(rng.choice("ab?c") for _ in range(rng.randint(1, 7)))
        hay, edits = "".join(rng.choice("abc") for _ in range(rng.randint(0, 12))), rng.randint(0, 2)
        row = [0] * (len(hay) + 1)
        for i, wanted in enumerate(needle, 1):
            new = [i]
            for j, letter in enumerate(hay, 1):
                new.append(min(row[j - 1] + (wanted not in (letter, "?")), row[j] + 1, new[-1] + 1))
            row = new
        assert within(needle, hay, edits) is (min(row) <= edits), (needle, hay, edits)
