"""The categories that the program itself knows; all others are words of rules/categories.yaml."""

from __future__ import annotations

from mailbot.model.request import Phrase

CASE_A = "HASLO_AWARYJNE_A"
CASE_B = "HASLO_AWARYJNE_B"
GENERAL = "OGOLNE"
WRONG_SUBJECT = "TEMAT_NIEPOPRAWNY"
EXPLANATION = "WYJASNIENIE"
"""A question about our answer; it is treated as a complaint (seed 001, E13)."""

CASES = {CASE_A: Phrase.A, CASE_B: Phrase.B}
"""Category → the sentence that asks for it."""

_PROCEDURE = "HASLO_AWARYJNE_"


def in_procedure(category: str) -> bool:
    """Whether it is of the special procedure: promised within 24 hours."""
    return category.startswith(_PROCEDURE)
