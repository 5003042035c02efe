"""Texts that are promised letter by letter, and those that nearly are."""

from __future__ import annotations

import pytest

from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from mailbot.model.categories import CASE_B, GENERAL
from mailbot.ruleset.fixed import ACTIVATION_TITLE, FIXED, findings
from mailbot.ruleset.lint import PROGRAM_CATEGORIES

NEAR = [
    ("Temat: PUESC: Zmiana adresu e-mail", ACTIVATION_TITLE, 8),
    ("PUESC: zmiana adresu email", ACTIVATION_TITLE, 1),
    ("PUESC – Zmiana adresu email", ACTIVATION_TITLE, 1),
    ("temat HASLO AWARYJNE PUESC PROCEDURA SPECJALNA.", REQUIRED_SUBJECT, 7),
    ("hasło awaryjne puesc procedury specjalne", REQUIRED_SUBJECT, 1),
    ("HASŁO AWRYJNE PUESC PROCEDURA SPECJALNA", REQUIRED_SUBJECT, 1),
    ("HASŁOAWARYJNE PUESC PROCEDURA SPECJALNA", REQUIRED_SUBJECT, 1),
    ("Prosze o zmiane hasla awaryjnego dla Jana", SENTENCES[Phrase.A], 1),
    ("Proszę o zmianę hasła awaryjnego oraz zmianę adresu email dla", SENTENCES[Phrase.B], 1),
]


@pytest.mark.parametrize(("text", "right", "column"), NEAR)
def test_nearly(text: str, right: str, column: int) -> None:
    (found,) = findings("f", f"Linia\n{text}\n")
    assert (found.line, found.column, found.code, found.mend) == (2, column, "fixed-text", f'write "{right}"')


@pytest.mark.parametrize("text", [*FIXED, *(f"– {' '.join(t.split())}, dalej" for t in FIXED)])
def test_exactly(text: str) -> None:
    assert findings("f", text) == []
    assert findings("f", text.replace(" ", "\n  ")) == []  # a line may be broken


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Zmiana adresu e-mail na koncie PUESC, gdy użytkownik nie pamięta hasła podstawowego",
        "proszę o zmianę hasła awaryjnego i podstawowego",
        "procedura specjalna PUESC: hasło awaryjne",
    ],
)
def test_other_words(text: str) -> None:
    assert findings("f", text) == []


def test_the_categories_of_the_program() -> None:
    assert {GENERAL, CASE_B} <= set(PROGRAM_CATEGORIES)
