"""What every part of the flow reads of a sender: the key of his login, and whether his domain vouches for him."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailbot.model import Authentication, AuthResult, Sender

PASS = Authentication(AuthResult.PASS, "")


@pytest.mark.parametrize(
    ("address", "key", "proven"),
    [
        ("Jan.Łoś@WP.example", "jan.łoś@wp.example", True),
        ("jan@wp.example", "jan@wp.example", True),
        ("no address", None, True),
        ("", None, True),
        (None, None, False),
    ],
)
def test_key_and_proof(address: str | None, key: str | None, proven: bool) -> None:
    sender = Sender(address, None, PASS)
    assert (sender.key, sender.proven) == (key, proven)


@pytest.mark.parametrize("result", sorted(set(AuthResult) - {AuthResult.PASS}))
def test_nothing_but_a_pass_proves(result: AuthResult) -> None:
    proven = Sender("jan@wp.example", None, PASS)
    assert not replace(proven, authentication=Authentication(result, "")).proven
    assert not Sender("jan@wp.example", None, Authentication(result, "")).proven
