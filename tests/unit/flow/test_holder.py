"""The signer against the account: who is one person, and who only shares words of a name."""

from __future__ import annotations

import pytest

from mailbot.flow.facts import holder
from mailbot.model import Account, Applicant, Match

OURS, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("signer", "account", "word"),
    [
        (("Adam", "Marek", 1980, None), ("Adam", "Marek", 1980, None), "ok"),
        (("ADAM JAN", "MAREK", 1980, None), ("Adam", "Marek", 1980, None), "ok"),
        (("Adam", "Adam", 1980, None), ("Adam", "Adam", 1980, None), "ok"),
        (("Anna Nowak", "Kowalska", 1980, None), ("Anna", "Nowak-Kowalska", 1980, None), "ok"),
        (("Adriana", "Kosa", 1980, None), ("Adrian", "Kos", 1980, None), "doubt"),
        (("Daniela", "Nowaka", 1980, None), ("Daniel", "Nowak", 1980, None), "doubt"),
        (("Antoni", "Nowak", 1980, None), ("Antonia", "Nowak", 1980, None), "doubt"),
        (("Antoni", "Nowak", 1980, OURS), ("Antonia", "Nowak", 1980, OURS), "doubt"),
        (("Kasia", "Nowak", 1980, OURS), ("Katarzyna", "Nowak", 1980, OURS), "doubt"),
        (("Marek", "Adam", 1980, None), ("Adam", "Marek", 1980, None), "doubt"),
        (("Marek", "Adam", 1980, OURS), ("Adam", "Marek", 1980, None), "doubt"),
        (("Marek", "Adam", 1980, OURS), ("Adam", "Marek", 1980, OURS), "ok"),
        (("Marek", "Adam", 1980, OTHER), ("Adam", "Marek", 1980, OURS), "mismatch"),
        (("Marek", "Adam", 1981, None), ("Adam", "Marek", 1980, None), "mismatch"),
    ],
)
def test_the_signer_is_the_holder(
    signer: tuple[str, str, int, str | None], account: tuple[str, str, int, str | None], word: str
) -> None:
    """Names turned round are two people, but for one PESEL."""
    given, surname, year, pesel = account
    held = Account("adam@stara.example", given, surname, year, pesel_hash=pesel)
    assert holder(Applicant(*signer), Match.OK, held, namesake=False) == word
