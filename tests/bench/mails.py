"""Citizens and their mails: every one of them ends in a ticket and three outgoing mails."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from tests.citizens import Attachment, Entry, build

STYLES = ("utf8-qp", "utf8-base64", "utf8-8bit", "alternative-utf8")
"""What the mails look like (tests.citizens), in turn."""

_MEN = ("Jan", "Tomasz", "Piotr", "Adam", "Paweł", "Krzysztof", "Łukasz", "Michał", "Marcin", "Grzegorz")
_WOMEN = ("Anna", "Ewa", "Maria", "Joanna", "Agnieszka", "Małgorzata", "Barbara", "Zofia", "Elżbieta", "Krystyna")
_SURNAMES = ("Nowak", "Wójcik", "Mazur", "Dudek", "Pawlak", "Sikora", "Baran", "Szewczyk", "Pietrzak", "Wróbel")
_FILLER = "od kilku dni nie moge wejsc do systemu i prosze o pomoc w tej sprawie, bo nie mam juz innej drogi; "


@dataclass(frozen=True, slots=True)
class Citizen:
    """One account."""

    login: str
    given: str
    surname: str
    sex: str
    year: int


def citizens(count: int) -> list[Citizen]:
    """``count`` people, each with a login of his own."""
    found = []
    for n in range(count):
        sex, names = ("M", _MEN) if n % 2 else ("K", _WOMEN)
        given, surname = names[n // 2 % 10], _SURNAMES[n // 20 % 10]
        found.append(Citizen(f"osoba{n}@poczta{n}.example", given, surname, sex, 1950 + n % 50))
    return found


def write_accounts(people: list[Citizen], path: Path) -> None:
    """The CSV file that ``mailbot accounts import`` reads."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("login", "given", "surname", "birth_year", "sex"))
        writer.writerows((p.login, p.given, p.surname, p.year, p.sex) for p in people)


def mail(citizen: Citizen, serial: int, size: int, files: Sequence[Attachment] = ()) -> bytes:
    """The raw mail number ``serial``, about ``size`` octets and ``files``: Message-ID and body differ from every
    other's."""
    style = STYLES[serial % len(STYLES)]
    return _built(citizen, serial, style, _filler(style, size), files)


def application(citizen: Citizen, serial: int, new: str, files: Sequence[Attachment]) -> bytes:
    """The mail of case B that ``citizen`` sends from the address ``new``."""
    body = f"Dzień dobry,\n{SENTENCES[Phrase.B]} {citizen.given} {citizen.surname}, {citizen.year}\n"
    return build(_entry(f"application-{serial}", new, body), "utf8-qp", files)


@cache
def _filler(style: str, size: int) -> int:
    """Characters of filler that bring a mail of ``style`` to at most ``size`` octets."""
    somebody = Citizen("osoba1234@poczta1234.example", "Krzysztof", "Pawlak", "M", 1980)
    short, long = 0, size
    while long - short > 1:
        middle = (short + long) // 2
        fits = len(_built(somebody, 1_000_000, style, middle)) <= size
        short, long = (middle, long) if fits else (short, middle)
    return short


def _built(citizen: Citizen, serial: int, style: str, filler: int, files: Sequence[Attachment] = ()) -> bytes:
    words = (_FILLER * (filler // len(_FILLER) + 1))[:filler]
    body = (
        f"Dzień dobry,\nw liście numer {serial} piszę, że {words}.\n\n"
        f"{SENTENCES[Phrase.A]} {citizen.given} {citizen.surname}, {citizen.year}\n"
    )
    return build(_entry(f"bench-{serial}", citizen.login, body), style, files)


def _entry(name: str, sender: str, body: str) -> Entry:
    return {
        "id": name,
        "sender": sender,
        "auth": "pass",
        "headers": {},
        "subject": REQUIRED_SUBJECT,
        "html_only": False,
        "body": body,
        "attachments": [],
    }
