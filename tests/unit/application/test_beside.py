"""One thing more in an application that is whole: what citizens tell beside it, and what is none of it.

letters/honest-beside.txt: a line each, where it stands and what. letters/others-beside.txt: the same, written against
trades and firms below a name, errors of typing, and what is told of accounts, offices and families.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.application.letter.purpose import judged
from mailbot.application.read import reading
from tests.once import shipped

LETTER = shipped().application_words
LETTERS = Path(__file__).parent / "letters"
AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
PLAIN = {
    "below": "",
    "title": "Wniosek o nadanie nowego hasła awaryjnego oraz loginu do PUESC",
    "request": "Proszę o nadanie nowego hasła awaryjnego oraz loginu do PUESC.",
    "reason": "Nie pamiętam hasła podstawowego i awaryjnego oraz nie mam dostępu do skrzynki.",
    "end": "",
    "signed": "",
}
WHOLE = """Radom, 24.11.2026 r.

Jan Kowalski
{below}ul. Polna 3
26-600 Radom

Help Desk SISC

{title}

{request} {reason}

Imię: Jan
Nazwisko: Kowalski
Dotychczasowy login: jan@stary.example
Nowy adres e-mail: jan@nowa.example

{end}Jan Kowalski
{signed}"""
RECALL = 0.89


def cases(name: str) -> list[tuple[str, str]]:
    lines = (LETTERS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [(place, text.replace("\\n", "\n")) for place, _, text in (line.partition("|") for line in lines)]


def granted(place: str, text: str) -> bool:
    beside = f"{PLAIN[place]} {text}" if place == "reason" else text
    told = PLAIN | {place: beside if place in ("title", "request", "reason") else f"{beside}\n"}
    found = judged(reading(WHOLE.format(**told).encode()), LETTER, AT)
    return found.readable and not found.missing and not found.doubts


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.campaign)])
def test_what_citizens_tell_beside_it(every: int) -> None:
    told = cases("honest-beside")[::every]
    refused = [text for place, text in told if not granted(place, text)]
    assert len(refused) <= (1 - RECALL) * len(told), refused


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.campaign) for part in (1, 2, 3))])
def test_what_is_none_of_it(part: int) -> None:
    assert [case for case in cases("others-beside")[part::4] if granted(*case)] == []
