"""By what people find a ticket: its number in any spelling, a name in any."""

from __future__ import annotations

import pytest

from mailbot.tickets import number, person
from tests.flow import JAN


@pytest.mark.parametrize("text", ["ZGL0000034", "ZGL 0000034", "zgl-34", "34", " ZGL\u00a034 ", "Zgl.034", "#34"])
def test_a_number_is_read_as_people_write_it(text: str) -> None:
    assert number.read(text) == "ZGL0000034"


@pytest.mark.parametrize("text", ["", "ZGL", "ZGL34a", "34 35", "ZGL３４", "0x22", "-", "9" * 13])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number.read(text) is None


def test_a_name_is_that_of_the_account_or_of_the_letter() -> None:
    assert person.name(("Jan", "Kowalsky"), JAN) == "Jan Kowalski"
    assert person.name(("Żaneta", "Gęś"), None) == "Żaneta Gęś"
    assert person.name((), None) is None
    assert "44051401359" not in (person.name(("44051401359", "Jan"), None) or "")
