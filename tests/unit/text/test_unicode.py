"""The quick road of common texts against the definition, over all letters."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.text import unicode
from mailbot.text.unicode import flat, is_common, nfc, visible
from tests.support import examples

_MARKS = "\u0301\u0328\u0338\u20d2\u0345"
ALL = [chr(code) for code in (*range(0x3000), *range(0x3000, sys.maxunicode + 1, 61))]
TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from("aąŁłżŹ „”\u00a0\u200b\u00ad\ufeff\ufffe\u212aﬁßİ" + _MARKS)),
    max_size=60,
)


def looks(text: str) -> str:
    return text.translate(unicode._FLAT)


def test_every_letter_has_its_flat_form_on_every_road() -> None:
    assert "".join(map(flat, ALL)) == "".join(ALL).translate(unicode._FLAT)


def test_the_common_characters_stand_for_themselves() -> None:
    common = {letter for letter in ALL if is_common(letter)}
    assert common == set(unicode._COMMON)
    assert {*"ąćęłńóśźżĄĆĘŁŃÓŚŹŻ„”–…"} < common
    for letter in common:
        assert not unicode._INVISIBLE.search(letter)
        assert not unicodedata.combining(letter)
        for other in common:
            assert unicodedata.normalize("NFC", letter + other) == letter + other


@settings(max_examples=examples(2_000), deadline=None)
@given(TEXTS)
def test_texts_are_the_same_on_every_road(text: str) -> None:
    assert flat(text) == looks(text)
    assert len(flat(text)) == len(text)
    assert nfc(text) == unicodedata.normalize("NFC", text)
    assert visible(text) == unicodedata.normalize("NFC", unicode._INVISIBLE.sub("", text))
