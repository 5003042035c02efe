"""Rules of declension one by one, and the sex a name tells."""

from __future__ import annotations

import pytest

from mailbot.request import declension
from mailbot.request.sexes import is_somebody, may_be_woman, sexes


@pytest.mark.parametrize(
    ("word", "sex", "genitive"),
    [
        ("paweł", "m", "pawła"),
        ("wawrzyniec", "m", "wawrzyńca"),
        ("aleksander", "m", "aleksandra"),
        ("jerzy", "m", "jerzego"),
        ("antoni", "m", "antoniego"),
        ("bruno", "m", "brunona"),
        ("barnaba", "m", "barnaby"),
        ("maja", "f", "mai"),
        ("alicja", "f", "alicji"),
        ("zofia", "f", "zofii"),
        ("noemi", "f", "noemi"),
        ("zuzia", "f", "zuzi"),
        ("nataliya", "f", "natalii"),
        ("andriy", "m", "andrija"),
    ],
)
def test_given_names(word: str, sex: str, genitive: str) -> None:
    assert genitive in declension.given(word, sex)


@pytest.mark.parametrize(
    ("word", "sex", "genitive"),
    [
        ("gołąb", "m", "gołębia"),
        ("kozioł", "m", "kozła"),
        ("kocioł", "m", "kotła"),
        ("kwiecień", "m", "kwietnia"),
        ("kwiecien", "m", "kwietnia"),
        ("grudzień", "m", "grudnia"),
        ("orzeł", "m", "orła"),
        ("pies", "m", "psa"),
        ("mróz", "m", "mroza"),
        ("łoś", "m", "łosia"),
        ("moniuszko", "m", "moniuszki"),
        ("jagiełło", "m", "jagiełły"),
        ("batory", "m", "batorego"),
        ("zięba", "m", "zięby"),
        ("zięba", "f", "zięby"),
        ("kowalska", "f", "kowalskiej"),
        ("cicha", "f", "cichej"),
        ("myszka", "f", "myszki"),
        ("gąska", "f", "gąski"),
        ("nowak", "f", "nowak"),
        ("puzio", "m", "puzi"),
        ("tolstoi", "m", "tolstoja"),
        ("kravets", "m", "kravtsa"),
    ],
)
def test_surnames(word: str, sex: str, genitive: str) -> None:
    assert genitive in declension.surname(word, sex)


@pytest.mark.parametrize(
    ("word", "sex", "other"),
    [("nowak", "f", "nowaka"), ("kowalska", "f", "kowalski"), ("nowak", "m", "nowak"), ("kowalski", "m", "kowalski")],
)
def test_no_form_of_the_other_sex_or_case(word: str, sex: str, other: str) -> None:
    assert other not in declension.surname(word, sex)


@pytest.mark.parametrize(
    ("word", "sex", "other"), [("oleg", "m", "olga"), ("artem", "m", "artemia"), ("georgia", "f", "georgi")]
)
def test_no_given_name_of_another(word: str, sex: str, other: str) -> None:
    assert other not in declension.given(word, sex)


def test_plain_keeps_polish_letters_only() -> None:
    assert declension.plain("Łęcki-Müller D’Ávila") == "łęcki-muller davila"


@pytest.mark.parametrize(
    ("given", "surname", "sex", "expected"),
    [
        ("Kuba", "Nowak", None, ("m",)),
        ("Kuba", "Nowak", "f", ("f",)),
        ("Bonawentura", "Lis", None, ("m",)),
        ("Mykola", "Koval", None, ("m",)),
        ("Anna", "Nowak", None, ("f",)),
        ("Andrea", "Rossi", None, ("m", "f")),
        ("Jan", "Nowak", None, ("m",)),
        ("Nel", "Nowak", None, ("f",)),
        ("Wiola", "Kowalski", None, ("m", "f")),
        ("Dagny", "Kowalska", None, ("m", "f")),
        ("", "", None, ("m", "f")),
    ],
)
def test_sexes(given: str, surname: str, sex: str | None, expected: tuple[str, ...]) -> None:
    assert sexes(given, surname, sex) == expected


def test_genitives_that_may_be_another_ones_name() -> None:
    women = ("daniel", "stanislaw", "oleksandr", "jan", "slawomir", "ryszard", "edward", "mario", "petro", "ivan")
    assert all(may_be_woman(name, f"{name.removesuffix('o')}a") for name in women)
    safe = {"piotr": "piotra", "marek": "marka", "tomasz": "tomasza", "dmytro": "dmytra", "jerzy": "jerzego"}
    assert not any(may_be_woman(name, genitive) for name, genitive in safe.items())
    assert all(map(is_somebody, ("antoni", "cezary", "wincenty", "aleksy", "marceli", "georgii", "mary")))
    assert not any(map(is_somebody, ("anny", "marii", "katarzyny", "carmen", "mai", "ewy")))
