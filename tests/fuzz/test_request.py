"""Properties that hold for every text a stranger can send."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from mailbot.model import REQUIRED_SUBJECT as REQUIRED
from mailbot.model import Account, Match, SubjectClass
from mailbot.request.names import compare
from mailbot.request.phrase import read
from mailbot.request.reference import tickets
from mailbot.request.subject import canonical, classify

INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u2060\u2066\u2069\ufe0f\ufeff"
GAPS = " \t\u00a0\u2002\u2009\u202f\u3000"
PIECES = st.sampled_from(
    [
        *(
            "Proszę o zmianę hasła awaryjnego dla",
            "oraz zmianę adresu e-mail dla",
            "Jan",
            "Kowalski",
            "i",
            "Anna",
            "1980",
        ),
        *(
            "ur.",
            "12.03.1980",
            "rok urodzenia:",
            "(podaj swoje imię i nazwisko oraz rok urodzenia)",
            "\n",
            "\n\n",
            ", ",
        ),
        *(
            "Pozdrawiam",
            "PESEL 80031201234",
            "XXXX",
            "…",
            "-",
            "/",
            "Imię:",
            "Nazwisko",
            "jan@wp.example",
            "\u0301",
            "a",
        ),
    ]
)
PEOPLE = [
    ("m", "Jan", "Kowalski"),
    ("m", "Daniel", "Nowak"),
    ("m", "Jan Paweł", "Woźniak"),
    ("m", "Oleksandr", "Kovalenko"),
    ("m", "Wiesław", "Kozioł"),
    ("f", "Daniela", "Nowak"),
    ("f", "Anna", "Kowalska"),
    ("f", "Katarzyna", "Zielińska-Wójcik"),
    ("f", "Maria", "Zięba"),
    ("f", "Mariana", "Moniuszko"),
]
NAMED = [
    ("m", "İbrahim", "Işık"),
    ("m", "Jörg", "Weiß"),
    ("f", "Thị Hòa", "Nguyễn"),
    ("m", "Ljubo", "Ǌegoš"),
    ("m", "Liam", "O’Hara"),
    ("m", "Ștefan", "Țurcanu"),
    ("f", "Guðrún", "Þórsdóttir"),
    ("m", "Łukasz", "Žółć-Ĳssel"),
]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = classify(text, is_reply=True)
    assert canonical(found.text) == found.text
    assert (found.kind in (SubjectClass.NEAR, SubjectClass.REPLY_EXACT)) == bool(found.differences)
    assert (found.kind is SubjectClass.ZGL) == bool(tickets(text))
    assert read(text, attachments=False).defects
    compare(tuple(text.split()), Account("a@wp.example", text, text, 1980))


@given(st.lists(PIECES, max_size=30).map(" ".join), st.booleans())
def test_any_letter_is_read(text: str, attachments: bool) -> None:
    found = read(text, attachments=attachments)
    if found.phrase is None:
        assert (found.names, found.year, len(found.defects)) == ((), None, 1)
    elif not found.defects:
        assert len(found.names) >= 2
        assert found.year == 1980


@given(st.lists(st.tuples(st.integers(0, len(REQUIRED)), st.sampled_from(INVISIBLE)), max_size=12))
def test_invisible_characters_keep_the_subject_exact(added: list[tuple[int, str]]) -> None:
    text = REQUIRED
    for position, char in added:
        text = text[:position] + char + text[position:]
    assert classify(text, is_reply=False).kind is SubjectClass.EXACT


@given(st.lists(st.sampled_from(GAPS), min_size=6, max_size=6))
def test_every_space_is_a_space(gaps: list[str]) -> None:
    words = REQUIRED.split()
    text = "".join(gap + word for gap, word in zip(gaps, words, strict=False)) + gaps[-1]
    assert classify(text, is_reply=False).kind is SubjectClass.EXACT


SEEN = st.characters(exclude_categories=("Cf", "Cs", "Cn", "Mn", "Me", "Zs", "Zl", "Zp", "Cc", "Lo", "Co"))


@given(st.integers(0, len(REQUIRED) - 1), SEEN, st.sampled_from(["insert", "replace", "delete"]))
def test_an_edit_that_is_seen_is_never_exact(position: int, char: str, edit: str) -> None:
    head, tail = REQUIRED[:position], REQUIRED[position:]
    text = {"insert": head + char + tail, "replace": head + char + tail[1:], "delete": head + tail[1:]}[edit]
    found = classify(text, is_reply=False)
    if unicodedata.normalize("NFC", text) == REQUIRED:
        assert found.kind is SubjectClass.EXACT
    else:
        assert found.kind is SubjectClass.NEAR
        assert found.differences
        assert all(len(detail) <= 80 for _, detail in found.differences)


@given(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.sampled_from([None, "known"]), st.booleans())
def test_the_name_of_another_is_never_ok(
    holder: tuple[str, str, str], said: tuple[str, str, str], known: str | None, turned: bool
) -> None:
    sex, given_name, surname = holder
    words = f"{said[2]} {said[1]}" if turned else f"{said[1]} {said[2]}"
    found = compare(tuple(words.split()), Account("a@wp.example", given_name, surname, 1980, sex if known else None))
    assert (found is Match.OK) == (holder == said)


SPELLINGS = [
    *(str, str.upper, str.lower, str.swapcase),
    *(partial(unicodedata.normalize, form) for form in ("NFC", "NFD", "NFKC", "NFKD")),
    *("\u200b".join, "\u00ad".join),
]


@given(st.sampled_from(PEOPLE + NAMED), st.lists(st.sampled_from(SPELLINGS), max_size=4), st.booleans())
def test_a_name_is_the_holders_in_every_form(
    holder: tuple[str, str, str], spellings: list[Callable[[str], str]], turned: bool
) -> None:
    """Reflexive, and deaf to case, normalisation forms and what nobody sees: in the letter and in the registry."""
    sex, given_name, surname = holder
    words = f"{surname} {given_name}" if turned else f"{given_name} {surname}"
    for spelling in spellings:
        words = spelling(words)
    assert compare(tuple(words.split()), Account("a@wp.example", given_name, surname, 1980, sex)) is Match.OK
    registered = Account("a@wp.example", *(words.split(" ", 1)), 1980, sex)
    if given_name.isalpha():
        assert compare((given_name, surname), registered) is Match.OK


WORD = st.text(st.characters(categories=("Lu", "Ll"), max_codepoint=0x17F), min_size=2, max_size=12)


@given(WORD, WORD)
def test_a_random_name_is_not_the_holders(first: str, last: str) -> None:
    found = compare((first, last), Account("a@wp.example", "Wawrzyniec", "Chrząszczewski", 1980, "m"))
    assert found is not Match.OK
