"""The dictionary of Polish: what a word can be, whoever writes it and with whatever keyboard."""

from __future__ import annotations

import pytest

from mailbot.text.polish import Sense, senses


@pytest.mark.parametrize(
    ("word", "lemma", "part", "person"),
    [
        ("zapodziałem", "zapodziac", "praet", "pri"),
        ("zgubiłam", "zgubic", "praet", "pri"),
        ("zgubił", "zgubic", "praet", "ter"),
        ("wnoszę", "wnosic", "fin", "pri"),
        ("Wnoszę", "wnosic", "fin", "pri"),
        ("przyślijcie", "przyslac", "impt", "sec"),
        ("chciałbym", "chciec", "cond", "pri"),
        ("dałoby", "dac", "cond", "ter"),
        ("zamknięto", "zamknac", "imps", ""),
        ("żebym", "zeby", "comp", "pri"),
        ("trzeba", "trzeba", "pred", ""),
        ("hasła", "haslo", "subst", ""),
        ("e-maila", "e-mail", "subst", ""),
        ("niedostępna", "niedostepny", "adj", ""),
        ("zapomnialam", "zapomniec", "praet", "pri"),  # without diacritics
        ("skrzynke", "skrzynka", "subst", ""),
        ("HASLO", "haslo", "subst", ""),
    ],
)
def test_what_a_word_is(word: str, lemma: str, part: str, person: str) -> None:
    assert (lemma, part, person) in {(sense.lemma, sense.part, sense.person) for sense in senses(word)}


def test_a_denial_may_be_a_part_of_a_word() -> None:
    assert all(sense.denied for sense in senses("nieodebrany") if sense.part == "ppas")
    assert not any(sense.denied for sense in senses("odebrany"))


def test_names_and_men_are_told() -> None:
    assert any("imię" in sense.kinds for sense in senses("Kinga"))
    assert any("nazwisko" in sense.kinds for sense in senses("Rutkowski"))
    assert any("nazwa_geograficzna" in sense.kinds for sense in senses("Gdyni"))
    assert all(sense.male for sense in senses("szwagier"))
    assert not any(sense.male for sense in senses("hasło"))


def test_a_text_without_diacritics_has_more_readings() -> None:
    assert "miec" not in {sense.lemma for sense in senses("maja")}
    assert "miec" in {sense.lemma for sense in senses("maja", bare=True)}  # "mają"


@pytest.mark.parametrize(
    "word", ["", "blorp", "a" * 41, "x" * 100_000, "ala ma", "12", "hasło!", "пароль", "a\0b", "ąęó" * 14]
)
def test_what_is_no_word_of_the_dictionary(word: str) -> None:
    assert senses(word) == ()


def test_a_word_of_many_spellings_is_looked_up_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look(word: str) -> list[Sense]:
        asked.append(word)
        return []

    monkeypatch.setattr("mailbot.text.polish._looked_up", look)
    assert senses("zaczesoacelonszczas") == ()
    assert len(asked) <= 201
