"""Telephones, addresses and links: the known ones in every spelling, and nothing else."""

from __future__ import annotations

import pytest

from mailbot.mails import strangers
from mailbot.ruleset.model import Contacts
from tests.support import ROOT
from tests.unit.mails.letters import RULES

CONTACTS = Contacts(
    "helpdesk-eclo@mf.gov.pl",
    "https://puesc.gov.pl",
    {"procedura_specjalna": "33 483 20 55", "usuniecie_konta": "22 460 59 70"},
    ("sprzedaz@asseco.pl",),
    ("https://wrotacelne.pl", "https://www.gov.pl/web/gov/podpis"),
)


@pytest.mark.parametrize(
    "text",
    [
        "Telefon: 33 483 20 55, całą dobę",
        "tel.:33 483 20 55",
        "+48 33 4832055",
        "0048 33 483 20 55",
        "48334832055",
        "(33) 483-20-55",
        "33.483.20.55.",
        "33\u00a0483\u00a020\u00a055",
        "Napisz: Helpdesk-ECLO@mf.gov.pl.",
        "sprzedaz@asseco.pl",
        "https://puesc.gov.pl",
        "https://puesc.gov.pl/.",
        "na stronie puesc.gov.pl.",
        "dodaj https://wrotacelne.pl/ do zaufanych",
        "(https://www.gov.pl/web/gov/podpis)",
        "w dniu 24-02-2016 r. w godz. 07:30 – 09:30 oraz 12:00 - 13:00",
        "Pierwsza publikacja: 15.03.2022 11:59",
        "od 2025-11-04, w latach 2025-2027",
        "m.in. S.A., sp. z o.o., Dz.U. 2016 poz. 1, IE 8.0, np. tak, art. 57 § 4",
        "ZGL0000001, WRR0003, 30 minut, 10 dni roboczych, 128 Kbps",
    ],
)
def test_known(text: str) -> None:
    assert strangers.find(text, CONTACTS) == []


@pytest.mark.parametrize(
    ("text", "stranger"),
    [
        ("Zadzwoń: 22 000 00 00.", "22 000 00 00"),
        ("tel.:220000000", "220000000"),
        ("+48 (22) 000-00-00", "+48 (22) 000-00-00"),
        ("22.000.00.00", "22.000.00.00"),
        ("22/000/00/00", "22/000/00/00"),
        ("22\u00a0000\u00a000\u00a000", "22\u00a0000\u00a000\u00a000"),
        ("+49 33 483 20 55", "+49 33 483 20 55"),
        ("33 483 20 5", "33 483 20 5"),
        ("pomoc@puesc.example", "pomoc@puesc.example"),
        ("helpdesk-eclo@mf.gov.pl.example", "helpdesk-eclo@mf.gov.pl.example"),
        ("xhelpdesk-eclo@mf.gov.pl", "xhelpdesk-eclo@mf.gov.pl"),
        ("https://puesc.gov.pl.example/login", "https://puesc.gov.pl.example/login"),
        ("http://puesc.gov.pl", "http://puesc.gov.pl"),
        ("https://puesc.gov.pl/inna", "https://puesc.gov.pl/inna"),
        ("https://www.gov.pl", "https://www.gov.pl"),
        ("HTTPS://EVIL.EXAMPLE", "HTTPS://EVIL.EXAMPLE"),
        ("ftp://puesc.gov.pl", "ftp://puesc.gov.pl"),
        ("www.katowice.scelna.gov.pl", "www.katowice.scelna.gov.pl"),
        ("wejdź na evil.pl.", "evil.pl"),
        ("puesc.gov.pl/inna", "puesc.gov.pl/inna"),
        ("t.co/abc", "t.co/abc"),
        ("xn--puesc-abc.pl", "xn--puesc-abc.pl"),
    ],
)
def test_stranger(text: str, stranger: str) -> None:
    assert strangers.find(text, CONTACTS) == [stranger]


@pytest.mark.parametrize("unit", ["a", "a.", "a@", "1 ", "1.", "www.", "a://", "-", "ab."])
def test_long_lines_take_no_longer(unit: str) -> None:
    strangers.find(unit * 100_000, CONTACTS)


def test_the_obsolete_link_is_kept_and_not_used() -> None:
    assert "katowice" in (ROOT / "rules" / "contacts.yaml").read_text(encoding="utf-8")
    assert not any("katowice" in link for link in RULES.contacts.links)
    assert any("podpis-zaufany" in link for link in RULES.contacts.links)
    assert RULES.contacts.addresses == ("sprzedaz@asseco.pl",)
