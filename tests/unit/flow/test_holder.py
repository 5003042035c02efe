"""The signer against the account: who is one person, and who only shares words of a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.application.check import is_own_name
from mailbot.flow.facts import holder
from mailbot.model import Account, Applicant, Match

OURS, OTHER = "a" * 64, "b" * 64
SIGNERS = Path(__file__).with_name("signers.tsv")


@pytest.mark.parametrize(
    ("signer", "account", "word"),
    [
        (("Adam", "Marek", 1980, None), ("Adam", "Marek", 1980, None), "ok"),
        (("ADAM JAN", "MAREK", 1980, None), ("Adam", "Marek", 1980, None), "ok"),
        (("Adam", "Adam", 1980, None), ("Adam", "Adam", 1980, None), "ok"),
        (("Anna Nowak", "Kowalska", 1980, None), ("Anna", "Nowak-Kowalska", 1980, None), "doubt"),
        (("Anna Nowak", "Kowalska", 1980, OURS), ("Anna", "Nowak-Kowalska", 1980, OURS), "ok"),
        (("Adriana", "Kosa", 1980, None), ("Adrian", "Kos", 1980, None), "doubt"),
        (("Daniela", "Nowaka", 1980, None), ("Daniel", "Nowak", 1980, None), "doubt"),
        (("Antoni", "Nowak", 1980, None), ("Antonia", "Nowak", 1980, None), "doubt"),
        (("Antoni", "Nowak", 1980, OURS), ("Antonia", "Nowak", 1980, OURS), "doubt"),
        (("Kasia", "Nowak", 1980, OURS), ("Katarzyna", "Nowak", 1980, OURS), "doubt"),
        (("Marek", "Adam", 1980, None), ("Adam", "Marek", 1980, None), "doubt"),
        (("Marek", "Adam", 1980, OURS), ("Adam", "Marek", 1980, None), "doubt"),
        (("Marek", "Adam", 1980, OURS), ("Adam", "Marek", 1980, OURS), "ok"),
        (("Anna Maria", "Kos", 1980, OURS), ("Maria", "Kos", 1980, OURS), "ok"),
        (("Ewa", "Lis-Kos", 1980, OURS), ("Ewa", "Kos-Lis", 1980, OURS), "ok"),
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


def test_signers_without_a_known_pesel() -> None:
    """Of an account (given names, surname) a certificate (the same): who it is told to be."""
    lines = SIGNERS.read_text("utf-8").splitlines()
    wrong = []
    for line in lines:
        given, surname, signed_given, signed_surname, wanted = line.split("\t")
        held = Account("ktos@stara.example", given, surname, 1980)
        told = holder(Applicant(signed_given, signed_surname, 1980, None), Match.OK, held, namesake=False)
        if (told == wanted.removeprefix("not ")) == wanted.startswith("not "):
            wrong.append((line, told))
    assert len(lines) > 250
    assert wrong == []


def test_an_own_name_is_own_on_both_sides() -> None:
    for line in SIGNERS.read_text("utf-8").splitlines():
        given, surname, signed_given, signed_surname, _ = line.split("\t")
        account, signer = Account("", given, surname, 1980), Account("", signed_given, signed_surname, 1980)
        assert is_own_name(given, surname, account)
        assert is_own_name(signed_given, signed_surname, account) == is_own_name(given, surname, signer), line
