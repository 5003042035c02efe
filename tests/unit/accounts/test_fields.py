"""How a registry writes the name of an account."""

from __future__ import annotations

import pytest

from mailbot.accounts import fields
from mailbot.model import Account


@pytest.mark.parametrize("dash", "-‐‑‒–—−﹘﹣－")
def test_namesakes_are_found_whatever_their_hyphen_is(dash: str) -> None:
    surname = fields.name(f"Zając {dash} Wilk")
    one = Account("a@wp.example", "Ewa", fields.name("Zając - Wilk"), 1980)
    assert fields.surname_key(surname) == fields.surname_key(one.surname)
    assert fields.namesakes(one, Account("b@wp.example", "Ewa", surname, 1980))


def test_a_sign_or_a_ligature_tells_no_namesakes_apart() -> None:
    one, other = Account("a@wp.example", "Ewa", "Greﬁn, von", 1980), Account("b@wp.example", "Ewa", "Grefin von", 1980)
    assert fields.namesakes(one, other)
    assert fields.surname_key(one.surname) == fields.surname_key(other.surname)
