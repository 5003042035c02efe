"""What is taken out of a citizen's text, and what is left as it was."""

from __future__ import annotations

import re
import time
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from mailbot.text import mask as mask_module
from mailbot.text import pesel
from mailbot.text.mask import mask

GOOD = "44051401359"
ASKED = f"{SENTENCES[Phrase.A]} Jan Kowalski, 1980"

NUMBERS = {
    GOOD: "[PESEL]",
    f"PESEL:{GOOD}.": "PESEL:[PESEL].",
    f"pesel{GOOD}x": "pesel[PESEL]x",
    f"({GOOD}),{GOOD}": "([PESEL]),[PESEL]",
    "440514 01359": "[PESEL]",
    "44-05-14-01359": "[PESEL]",
    "44.05.14/01359": "[PESEL]",
    "4 4 0 5 1 4 0 1 3 5 9": "[PESEL]",
    "440514\u00a001359": "[PESEL]",
    "440514\u200b01359": "[PESEL]",
    "４４０５１４０１３５９": "[PESEL]",
    f"Jan Kowalski, 1980, {GOOD} 33": "Jan Kowalski, 1980, [PESEL] 33",
    f"12 {GOOD}": "12 [PESEL]",
    "0000 440514 0 1359": "0000 [PESEL]",
    f"{GOOD}\n{GOOD}": "[PESEL]\n[PESEL]",
    "IDSISC: PL123456789012345": "IDSISC: [IDSISC]",
    "mój IdSISC to PL 1234 5678 9012 345, rok 1980": "mój IdSISC to [IDSISC], rok 1980",
    "numer ID SISC nr 1234567": "numer ID SISC nr [IDSISC]",
    "idisisc 1234567890123": "idisisc [IDSISC]",
    "firma PL123456789012345.": "firma [IDSISC].",
    "PL1234567890123, PL12345678901234567": "[IDSISC], [IDSISC]",
}
PASSWORDS = {
    "hasło: Kotek123": "hasło: [usunięto]",
    "Hasło:Kotek": "Hasło:[usunięto]",
    "haslo dostępowe to xyz": "haslo dostępowe to [usunięto]",
    "haslo dostepowe to xyz.": "haslo dostepowe to [usunięto].",
    "moje hasło awaryjne: zielony tramwaj pije herbatę": "moje hasło awaryjne: [usunięto]",
    "Moje hasło do konta PUESC = abc": "Moje hasło do konta PUESC = [usunięto]",
    "hasło (awaryjne): abc": "hasło (awaryjne): [usunięto]",
    "hasło to Kotek123 i nie działa": "hasło to [usunięto] i nie działa",
    "hasło jest kotek99, login jan": "hasło jest [usunięto], login jan",
    "hasło - kotEk": "hasło - [usunięto]",
    "moje hasło brzmi kotek": "moje hasło brzmi [usunięto]",
    "Hasło:\nkotek\nLogin: jan": "Hasło:\n[usunięto]\nLogin: jan",
    "Login: jan hasło: kotek oraz PIN: 1234": "Login: jan hasło: [usunięto] oraz PIN: [usunięto]",
    "password: s3cret": "password: [usunięto]",
    "my emergency password is s3cret!x": "my emergency password is [usunięto]",
    "PIN: 1234, dalej": "PIN: [usunięto], dalej",
    "kod PIN 1234": "kod PIN [usunięto]",
    "login/hasło: jan/kotek": "login/hasło: [usunięto]",
    f"hasło: {GOOD}": "hasło: [usunięto]",
    f"Hasło: kotek. {ASKED}": f"Hasło: [usunięto]. {ASKED}",
    f"Hasło: kotek {ASKED}": f"Hasło: [usunięto] {ASKED}",
}
LEFT = [
    "44051401358",  # the check digit is wrong
    "44133201357",  # no such day
    f"1{GOOD}",
    f"{GOOD}2",
    "61 1090 1014 0000 0712 1981 2874",
    "+48 33 483 20 55, 22 460 59 70",
    "ZGL0000001 z 2026-03-28 12:00",
    "PL123456789012",
    "nie znam numeru IDSISC, rok urodzenia 1980",
    "Help Desk SISC (33 483 20 55)",
    REQUIRED_SUBJECT,
    f"Odp: {REQUIRED_SUBJECT}",
    "HASŁO AWARYJNE PUESC - PROCEDURA SPECJALNA",
    "HASŁO AWARYJNE: PUESC PROCEDURA SPECJALNA",
    "HASŁO: AWARYJNE PUESC PROCEDURA SPECJALNA",
    *(f"{sentence} Jan Kowalski, 1980" for sentence in SENTENCES.values()),
    *(f"{sentence}: Jan Kowalski, rok urodzenia: 1980" for sentence in SENTENCES.values()),
    "Proszę o zmianę hasła awaryjnego dla JAN PIN 1980",
    "nie pamiętam hasła",
    "hasło awaryjne nie działa",
    "zapomniałem hasła i loginu",
    "hasło jest nieprawidłowe",
    "Hasło: nie pamiętam",
    "Hasło - prośba o zmianę",
    "hasło do konta wygasło",
    "hasło i login",
    "my password is expired",
    "Temat: zmiana hasła: proszę o pomoc",
    "Hasło: proszę o zmianę",
]


@pytest.mark.parametrize(("text", "expected"), (NUMBERS | PASSWORDS).items(), ids=(NUMBERS | PASSWORDS).keys())
def test_what_is_taken_out(text: str, expected: str) -> None:
    assert mask(text) == expected


@pytest.mark.parametrize("text", LEFT)
def test_what_stays(text: str) -> None:
    assert mask(text) == text


def _number(birth: date, serial: int) -> str:
    """A right PESEL of somebody born from 1900 to 2099."""
    digits = f"{birth:%y}{birth.month + (20 if birth.year >= 2000 else 0):02}{birth:%d}{serial:04}"
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    return digits + str(-sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 10)


NUMBER = st.builds(_number, st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(0, 9999))
PIECE = st.one_of(
    NUMBER,
    NUMBER.map(lambda n: f"{n[:6]} {n[6:]}"),
    NUMBER.map(lambda n: "-".join(n)),
    st.text("0123456789", max_size=17),
    st.sampled_from(
        ["hasło", "Hasło:", "haslo to", "password is", "kod PIN", "PIN:", "jest", "=", "IDSISC", "PL", "nr"]
    ),
    st.sampled_from(["[PESEL]", "[IDSISC]", "[usunięto]", "nie pamiętam", "proszę", "login", "a1", "b", "(", ")", "]"]),
    st.sampled_from([" ", "  ", "\n", "-", ".", ",", ": ", "; ", "/", "_", "\u00a0", "\u200b"]),
    st.text(max_size=3),
)
TEXT = st.lists(PIECE, max_size=12).map("".join)


@given(TEXT)
@example("IDSISC 44051401359 1234567")
@example(f"{GOOD}Hasło:{GOOD}")
@example("PL440514013591234 44051401359")
@example("00210100004PL00210100004002101 00004")
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(TEXT)
def test_no_valid_pesel_is_left(text: str) -> None:
    for run in re.findall(r"\d+", mask(text)):
        try:
            pesel.parse(run)
        except ValueError:
            continue
        pytest.fail(f"{run} is left")


@given(st.text(), NUMBER, st.text())
def test_a_pesel_is_taken_out_of_any_text(before: str, number: str, after: str) -> None:
    masked = mask(f"{before} {number} {after}")
    assert number not in masked.replace(before, "").replace(after, "")


@given(st.text(st.characters(exclude_categories=["Nd"])))
def test_text_without_digits_and_labels_is_left_as_it_is(text: str) -> None:
    if not re.search("has|pass|pin|пароль", text, re.IGNORECASE):
        assert mask(text) == text


@pytest.mark.parametrize(
    "piece",
    ["hasło to ", "hasło ", "hasło: ", "1 ", "1", "PL1 ", "IDSISC ", "IDSISC: PL ", "kod PIN ", "hasło(", "a=", ".,;"],
)
def test_the_time_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        text = f"hasło: {piece * length}"
        start = time.process_time()
        mask(text)
        return time.process_time() - start

    short = min(seconds(4_000) for _ in range(3))
    assert seconds(40_000) < 60 * short + 0.05, "ten times the text may take ten times as long, not a hundred"


@given(st.text(st.sampled_from("0123456789٣ABPLIDSC pesel,.-\u200b\n"), max_size=60))
def test_too_few_digits_are_no_number(text: str) -> None:
    without_looking = text
    for _ in range(8):
        found = mask_module._NUMBER.sub(lambda match: f"{match[1] or ''}[IDSISC]", without_looking)
        without_looking = mask_module._without_pesel(found)
    assert mask(text) == without_looking
