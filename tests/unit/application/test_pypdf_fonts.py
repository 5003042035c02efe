"""A font with many names is read once."""

from __future__ import annotations

import pytest
from pypdf.generic import DictionaryObject, NameObject
from pypdf.generic._font import Font

from mailbot.application.pdf.pypdf_fonts import read_once


def _font(name: str) -> DictionaryObject:
    keys = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": name}
    return DictionaryObject({NameObject(key): NameObject(value) for key, value in keys.items()})


def test_a_font_is_read_once_until_all_is_read() -> None:
    one, other = _font("/Helvetica"), _font("/Courier")
    with read_once():
        assert Font.from_font_resource(one) is Font.from_font_resource(one)
        assert Font.from_font_resource(other).name == "Courier"
    assert Font.from_font_resource(one) is not Font.from_font_resource(one)


def test_what_fails_within_leaves_pypdf_as_it_was() -> None:
    before = vars(Font)["from_font_resource"]
    with pytest.raises(KeyError), read_once():
        raise KeyError
    assert vars(Font)["from_font_resource"] is before
