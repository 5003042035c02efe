"""Rules and hash of the emergency password."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.accounts import passwords
from mailbot.accounts.passwords import problems

LOGIN = "jan.kowalski1980@wp.example"
GOOD = "zielony tramwaj pije herbatę"


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "x7#kQ9!mZ2$p",
        "kot pies dom las",
        "żółć gęśla jaźń źdźbło",
        "aA" * 3 + "bcdęfg",
        "janina lubi maliny",  # "jan" is too short a part to count
        "z" * 100 + "abcdefghijklmnopqrstuvwxyza",
        "correct🐎battery",
    ],
)
def test_good_passwords(password: str) -> None:
    assert problems(password, password, LOGIN) == ()


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("", "Wpisz nowe"),
        ("krótkie1234", "za krótkie"),
        ("zielony " * 17, "za długie"),
        (" " + GOOD, "spację"),
        (GOOD + "\u00a0", "spację"),
        ("zielony\ttramwaj", "nie widać"),
        ("zielony\0tramwaj", "nie widać"),
        ("zielony\u200btramwaj", "nie widać"),
        ("zielony\u202etramwaj", "nie widać"),
        ("zielony\ud800tramwaj", "nie widać"),
        ("aaaaaaaaaaaa", "jednolite"),
        ("abababABABab", "jednolite"),
        ("moj-kowalski1980-login", "login"),
        ("Jan Kowalski 1980!", "login"),
        ("KOWALSKI-1980-tak", "login"),
        ("jan.kowalski1980@wp.example", "login"),
        ("abcdefghijkl", "kolejnych"),
        ("LKJIHGFEDCBA", "kolejnych"),
        ("123456789012", "kolejnych"),
        ("0987-6543-2109", "kolejnych"),
        ("asdfghjklzxcv", "kolejnych"),
        ("moje hasło tajne", "odgadnąć"),
        ("MojeHaslo!!2026", "odgadnąć"),
        ("Password2026!", "odgadnąć"),
        ("PUESC-dla-mnie-1", "odgadnąć"),
    ],
)
def test_bad_passwords(password: str, word: str) -> None:
    assert word in " ".join(p.text for p in problems(password, password, LOGIN))


def test_all_problems_are_told_at_once() -> None:
    found = problems("qwerty", "other", LOGIN)
    assert [p.repeat for p in found] == [False, False, False, True]


def test_both_logins_of_case_b_count() -> None:
    assert problems("nowak-i-tramwaj", "nowak-i-tramwaj", LOGIN, "nowak@wp.example")


@pytest.mark.parametrize("login", ["", "@", "a@b.example", "...@b.example", "+++@b.example"])
def test_a_login_without_letters_forbids_nothing(login: str) -> None:
    assert problems(GOOD, GOOD, login) == ()


def test_the_same_keys_give_the_same_password() -> None:
    composed, split = unicodedata.normalize("NFC", GOOD), unicodedata.normalize("NFD", GOOD).replace(" ", "\u00a0")
    assert composed != split
    assert problems(composed, split, LOGIN) == ()
    stored = passwords.hash_password(split)
    assert passwords.verify(stored, composed)
    assert not passwords.verify(stored, composed + "x")


def test_the_hash_is_argon2id_salted_and_fits_its_column() -> None:
    one, other = passwords.hash_password(GOOD), passwords.hash_password(GOOD)
    assert one.startswith("$argon2id$")
    assert one != other
    assert len(one) <= 200


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=60))
def test_any_text_is_judged(password: str, repeat: str, login: str) -> None:
    found = problems(password, repeat, login)
    if not found:
        normal = passwords.normalise(password)
        assert passwords.MIN_LENGTH <= len(normal) <= passwords.MAX_LENGTH
        assert normal == passwords.normalise(repeat)
        normal.encode()


def test_every_rule_that_is_enforced_is_stated() -> None:
    stated = " ".join(passwords.RULES)
    for word in (str(passwords.MIN_LENGTH), str(passwords.MAX_LENGTH), str(passwords.MIN_DISTINCT), *passwords.WORDS):
        assert word in stated
