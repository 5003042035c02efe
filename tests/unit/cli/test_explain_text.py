"""The words for people."""

from __future__ import annotations

import pytest

from mailbot.cli.explain_text import LANGUAGES, OUTCOMES, WORDS, visible
from mailbot.model import Outcome


def test_both_languages_say_everything() -> None:
    assert set(WORDS) == set(OUTCOMES) == set(LANGUAGES)
    assert WORDS["en"].keys() == WORDS["pl"].keys()
    assert all(set(OUTCOMES[language]) == set(Outcome) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("HASŁO Zażółć gęślą", "HASŁO Zażółć gęślą"),
        ("a\u00a0b", "a␣[U+00A0]b"),
        ("a  b ", "a␣␣b␣"),
        ("a\u200bb\ufeff", "a[U+200B]b[U+FEFF]"),
        ("\u0410BC", "А[U+0410]BC"),
        ("a\tb", "a[U+0009]b"),
        ("\x1b[31m", "[U+001B][31m"),
        ("o\u0301", "o[U+0301]"),
        ("e\u2028f", "e[U+2028]f"),
        ("„cudzysłów” – 1 €", "„cudzysłów” – 1 €"),
    ],
)
def test_what_does_not_look_like_itself_is_marked(written: str, shown: str) -> None:
    assert visible(written) == shown
