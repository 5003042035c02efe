"""Comparing names: every allowed form, no other person (procedure §5.2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.model import SENTENCES, Account, Match, Phrase
from mailbot.request import phrase
from mailbot.request.names import compare, forms

OWN, PAIRS = (Path(__file__).with_name(name) for name in ("names.tsv", "pairs.tsv"))
Row = tuple[str, str, str, str, str]


def rows(path: Path) -> list[Row]:
    """(sex, given, surname, genitive of both) of a list of names."""
    found: list[Row] = []
    for line in path.read_text("utf-8").splitlines():
        sex, given, surname, given_of, surname_of = line.split("\t")
        found.append((sex, given, surname, given_of, surname_of))
    return found


def account(given: str, surname: str, sex: str | None = None) -> Account:
    return Account("ktos@poczta.example", given, surname, 1980, sex)


def bare(text: str) -> str:
    """Without diacritics, as on a foreign keyboard."""
    text = text.translate(str.maketrans("łŁß", "lLs"))
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def written(given: str, surname: str) -> Iterator[tuple[str, ...]]:
    """Both orders in plain, capitals, no diacritics, decomposed."""
    for text in (f"{given} {surname}", f"{surname} {given}"):
        yield from (tuple(text.split()), tuple(text.upper().split()), tuple(unicodedata.normalize("NFD", text).split()))
        if "ß" not in text:
            yield tuple(bare(text).split())


def accepted(people: list[Row], *, sex_known: bool) -> list[tuple[str, ...]]:
    """Forms of these people that are wrongly not accepted."""
    assert len(people) >= 100
    return [
        words
        for sex, given, surname, given_of, surname_of in people
        for words in (*written(given, surname), *written(given_of, surname_of))
        if compare(words, account(given, surname, sex if sex_known else None)) is not Match.OK
    ]


def confused(people: list[Row]) -> list[tuple[tuple[str, str], tuple[str, ...]]]:
    """Forms of one person that are accepted for another."""
    said = [((p[1], p[2]), words) for p in people for words in ((p[1], p[2]), (p[3], p[4]), (p[2], p[1]), (p[4], p[3]))]
    return [
        ((given, surname), words)
        for sex, given, surname, _, _ in people
        for who, words in said
        if who != (given, surname)
        for known in (sex, None)
        if compare(words, account(given, surname, known)) is Match.OK
    ]


@pytest.mark.parametrize("sex_known", [True, False])
def test_own_list_is_accepted(sex_known: bool) -> None:
    assert accepted(rows(OWN), sex_known=sex_known) == []


@pytest.mark.parametrize("sex_known", [True, False])
def test_gold_list_is_accepted(corpora: Path, sex_known: bool) -> None:
    assert accepted(rows(corpora / "names" / "gold.tsv"), sex_known=sex_known) == []


def test_nobody_is_taken_for_another() -> None:
    assert confused(rows(OWN)) == []


def test_nobody_of_the_gold_list_is_taken_for_another(corpora: Path) -> None:
    assert confused(rows(corpora / "names" / "gold.tsv")) == []


def test_confusers(corpora: Path) -> None:
    lines = (corpora / "names" / "confusers.tsv").read_text("utf-8").splitlines()
    assert len(lines) == 99
    for line in lines:
        sex, given, surname, said = line.split("\t")
        for known in (sex, None):
            assert compare(tuple(said.split()), account(given, surname, known)) is not Match.OK, line


@pytest.mark.parametrize(
    ("holder", "said", "match"),
    [
        ("Jan Paweł|Woźniak|m", "Jan Woźniak", Match.OK),
        ("Jan Paweł|Woźniak|m", "Jana Pawła Woźniaka", Match.OK),
        ("Jan Paweł|Woźniak|m", "Jan P. Woźniak", Match.DOUBT),
        ("Jan Paweł|Woźniak|m", "Paweł Woźniak", Match.DOUBT),
        ("Jan Paweł|Woźniak|m", "Woźniak", Match.MISMATCH),
        ("Katarzyna|Zielińska-Wójcik|f", "Katarzyny Zielińskiej-Wójcik", Match.OK),
        ("Katarzyna|Zielińska-Wójcik|f", "Zielińska Wójcik Katarzyna", Match.OK),
        ("Katarzyna|Zielińska-Wójcik|f", "Katarzyny Wójcik", Match.DOUBT),
        ("Katarzyna|Zielińska-Wójcik|f", "Katarzyna Wójcik-Zielińska", Match.DOUBT),
        ("Katarzyna|Zielińska|f", "Katarzyny Zielińskiej-Wójcik", Match.DOUBT),
        ("Anna|Nowak|f", "Anna Nowak z domu Kowalska", Match.DOUBT),
        ("Hans|Müller|m", "Hans Muller", Match.OK),
        ("Hans|Müller|m", "Hans Mueller", Match.DOUBT),
        ("Hans|Müller|m", "Hansa Muellera", Match.DOUBT),
        ("Serhii|Shevchenko|m", "Serhij Szewczenko", Match.DOUBT),
        ("Oleksandr|Kovalenko|m", "Oleksandra Kovalenki", Match.OK),
        ("Oleksandr|Kovalenko|m", "Oleksandra Kovalenko", Match.DOUBT),
        ("Oleksandr|Kovalenko|m", "Олександр Коваленко", Match.DOUBT),
        ("Dmytro|Tkachenko|m", "Dmytra Tkachenko", Match.OK),
        ("Piotr|Nowak|m", "Piotra Nowak", Match.DOUBT),
        ("Jan|Kowalski|m", "Jan Kowalskiego", Match.DOUBT),
        ("Jan|Kowalski|m", "mnie Jan Kowalski", Match.DOUBT),
        ("Jan|Kowalski|m", "J. Kowalski", Match.DOUBT),
        ("Jan|Kowalski|m", "JanKowalski", Match.DOUBT),
        ("Jan|Kowalski|m", "Jаn Kowalski", Match.DOUBT),  # Cyrillic а
        ("Jan|Kowalski|m", "Jany Kowalskiej", Match.MISMATCH),
        ("Jan|Kowalski|m", "Anna Nowak", Match.MISMATCH),
        ("Jan|Kowalski|m", "Jana i Anny Kowalskich", Match.MISMATCH),
        ("Daniel|Nowak|m", "Daniela Nowaka", Match.OK),
        ("Daniel|Nowak|m", "Daniela Nowak", Match.DOUBT),
        ("Sean|O'Neil|m", "Seana O’Neila", Match.OK),
        ("Jan|Kowalski|m", "", Match.MISSING),
        ("Jan|Kowalski|m", "-", Match.MISSING),
    ],
)
def test_compare(holder: str, said: str, match: Match) -> None:
    given, surname, sex = holder.split("|")
    assert compare(tuple(said.split()), account(given, surname, sex)) is match


def test_pairs() -> None:
    """What people write behind the sentence, and whose account it is: sex, given names, surname, words, match."""
    lines = PAIRS.read_text("utf-8").splitlines()
    wrong = [
        (line, known, match)
        for line in lines
        for sex, given, surname, said, wanted in (line.split("\t"),)
        for known in (sex, None)
        for match in (_told(said, account(given, surname, known)),)
        if (match == wanted.removeprefix("not ")) == wanted.startswith("not ")
    ]
    assert len(lines) > 450
    assert wrong == []


def _told(said: str, holder: Account) -> str:
    request = phrase.read(f"{SENTENCES[Phrase.A]} {said}, 1980", attachments=False)
    return compare(request.names, holder).value if not request.defects else str(request.defects)


def test_an_account_without_a_name_matches_nothing() -> None:
    assert forms("", "", None) == frozenset()
    assert compare(("Jan", "Kowalski"), account("", "")) is Match.MISMATCH


@pytest.mark.timeout(20)
def test_huge_names_do_not_hang() -> None:
    holder = account("Anna-Maria " * 9, "Wrona-" * 30 + "Lis", "f")
    assert compare(("Jan",) * 5000, holder) is Match.MISMATCH
    assert compare(tuple(f"{holder.given} {holder.surname}".split()), account("Jan", "Lis")) is Match.MISMATCH
