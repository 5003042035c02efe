"""The day that a letter bears, against the day on which its mail came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailbot.application.letter.dated import untimely

AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Warszawa, 3 marca 2019 r.",
        "Warszawa, 3 marca 2019 roku",
        "Jelenia Góra, dnia 3 czerwca 2024\tHelpdesk PUESC",
        "Gdynia, dn. 1.01.2020 r.",
        "Krosno, 2027-01-15",
        "Nowy Sącz 14 XII 2026 r.",
        "Data: 18.11.2025",
        "Miejscowość i data: Łódź, 18.11.25",
        "Łódź, 18 marca 19 r.",
        "ul. 3 Maja 17\nŁódź, 18 marca 2019 r.",
        "Podanie z dnia 3 marca 2021",
        "3.03.2021",
        "Podpisano kwalifikowanym podpisem elektronicznym w dniu 5.12.2024 r.",
        "Wniosek podpisany profilem zaufanym dnia 5 grudnia 2024 r. w Radomiu",
        "Proszę o to dopiero 1.01.2030.",
        "Proszę o to po 1 stycznia 2030 r.",
        "Od 2030-01-01 proszę",
    ],
)
def test_a_day_of_long_ago_or_to_come_is_a_doubt(text: str) -> None:
    assert untimely(f"{text}\nWniosek\nJan Kowalski", AT)


@pytest.mark.parametrize(
    "text",
    [
        "Warszawa, dnia 24 listopada 2026 r.",
        "Lublin, 23 XI 2026 r.",
        "Katowice, 2026-11-22",
        "Krosno 1.12.26",
        "Data urodzenia: 03.05.1991",
        "ur. 03.05.1991",
        "Ja, niżej podpisany Jan Lis, ur. 1.02.1966 r., wnoszę",
        "Podpisano elektronicznie 28.11.2026",
        "12.02.1958",
        "Konto założone 3.03.2010",
        "tel. 12.12.2040.11",
        "poczta 1.01.2030@nowa.example",
        "Portal zakończył działalność z dniem 30 kwietnia 2026 r.",
        "Straciłem je 12.02.2020 w Gdyni, kiedy",
        "Warszawa, 31 lutego 2026 r.",
        "ul. 3 Maja 17",
        "ul. 17 Stycznia 60/5\n06-400 Ciechanów",
        "Warszawa, al. 29 Listopada 48",
        "zam. ulica 11 listopada 28 m. 3, Piła",
        "os. 1 Maja 2040",
        "Hrubieszów, 3 Maja 17",
        "Pl. 1 Maja 27",
        "",
    ],
)
def test_every_other_day_is_none(text: str) -> None:
    assert not untimely(f"{text}\nWniosek\nJan Kowalski", AT)
