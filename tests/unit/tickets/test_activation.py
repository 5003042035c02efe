"""The token of an activation link."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mailbot.mails import variables
from mailbot.mails.context import Office
from mailbot.secret import Secret
from mailbot.tickets.activation import PATH, token, token_hash

SECRET = Secret(b"k" * 32)
NONCE = "0123456789abcdef" * 2


@given(st.integers(0, 9_999_999))
def test_a_token_is_32_url_safe_characters_and_always_the_same(number: int) -> None:
    made = token(SECRET, f"ZGL{number:07}", NONCE)
    assert re.fullmatch("[A-Za-z0-9_-]{32}", made)
    assert made == token(SECRET, f"ZGL{number:07}", NONCE)


def test_no_two_tickets_rows_or_installations_share_a_token() -> None:
    tokens = {
        token(Secret(bytes([key]) * 32), f"ZGL{number:07}", f"{row:032x}")
        for key in range(3)
        for number in range(1000)
        for row in range(2)
    }
    assert len(tokens) == 6000


def test_only_the_hash_is_for_the_database() -> None:
    assert re.fullmatch("[0-9a-f]{64}", token_hash("x" * 32))
    assert token_hash("x" * 32) != token_hash("y" * 32)


def test_the_mail_leads_to_the_page() -> None:
    office = Office("Help Desk", "hd@helpdesk.example", "hd@helpdesk.example", "helpdesk.example", "https://p.example")
    start = f"https://p.example{PATH}"
    placeholder = variables.link(office).removeprefix(start)
    assert variables.link(office) == start + placeholder
    assert len(placeholder) == len(token(SECRET, "ZGL0000001", NONCE))
