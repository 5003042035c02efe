"""A name that nobody has costs as much as one that somebody has, and as much as one that must wait."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher

from mailbot.accounts import passwords
from mailbot.operators import login
from mailbot.operators.login import Try

PASSWORD = "zielony tramwaj pije herbatę"


@pytest.mark.parametrize(
    ("known", "may", "password", "right"),
    [
        (True, True, PASSWORD, True),
        (True, True, "wrong", False),
        (True, False, PASSWORD, False),
        (False, False, PASSWORD, False),
    ],
)
def test_one_argon2_of_the_same_price(
    monkeypatch: pytest.MonkeyPatch, known: bool, may: bool, password: str, right: bool
) -> None:
    kept = passwords.hash_password(PASSWORD)
    login.nobody()
    judged: list[str] = []
    verify = passwords.verify

    def counted(password_hash: str, given: str) -> bool:
        judged.append(password_hash)
        return verify(password_hash, given)

    monkeypatch.setattr(passwords, "verify", counted)
    row: Any = {"password_hash": kept} if known else None
    assert (login.judge(Try(row, may), password) == kept) is right
    assert len(judged) == 1
    assert judged[0].rpartition("$")[0].rpartition("$")[0] == kept.rpartition("$")[0].rpartition("$")[0]


def test_an_old_hash_is_made_anew() -> None:
    row: Any = {"password_hash": PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)}
    fresh = login.judge(Try(row, may=True), PASSWORD)
    assert fresh is not None
    assert fresh != row["password_hash"]
    assert not passwords.outdated(fresh)
