"""Words that no list of a kind has: which of them may be told all the same."""

from __future__ import annotations

import pytest

from mailbot.application.letter.unlisted import is_named, is_of_another, is_thing, is_told, is_verb
from tests.once import shipped

LETTER = shipped().application_words


@pytest.mark.parametrize("word", ["gramofon", "pasieki", "winylowe", "rzadko", "siedemdziesiąt", "Słowację"])
def test_things_qualities_and_circumstances_are_named(word: str) -> None:
    assert is_named(word, LETTER)


@pytest.mark.parametrize(
    "word",
    ["hasło", "konta", "szwagier", "listonosz", "umowy", "wzorem", "jeżeli", "sprzedałem", "xyzzy", "maz", "sad"],
)
def test_what_matters_is_not(word: str) -> None:
    assert not is_named(word, LETTER)


@pytest.mark.parametrize("word", ["importuję", "zapodziałem", "popsuł", "hoduje"])
def test_what_is_or_was_done_is_told(word: str) -> None:
    assert is_told(word, LETTER)


@pytest.mark.parametrize(
    "word", ["zapodzieję", "zapodziałbym", "zapodziej", "zapodziano", "sprzedałem", "chcę", "gramofon"]
)
def test_what_will_or_would_be_what_is_ordered_or_matters_is_not(word: str) -> None:
    assert not is_told(word, LETTER)


def test_a_thing_is_no_time_and_no_quality() -> None:
    assert is_thing("gramofonem")
    assert not any(map(is_thing, ("roku", "chwili", "winylowy", "xyzzy", "")))


def test_a_sentence_has_a_verb() -> None:
    assert all(map(is_verb, ("kupiłem", "zamknięto", "będzie")))
    assert not any(map(is_verb, ("gramofon", "kupić", "xyzzy")))


def test_what_another_wants_is_not_what_the_writer_wants_though_the_rules_have_no_diacritics() -> None:
    assert is_of_another("chce", LETTER)
    assert not is_of_another("chcę", LETTER)
    assert not is_of_another("istnieje", LETTER)  # of a mailbox
    assert not is_of_another("prosze", LETTER)  # no word but without its diacritics
