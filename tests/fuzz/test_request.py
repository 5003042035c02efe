"""Properties that hold for every text a stranger can send."""

from __future__ import annotations

import unicodedata

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


WORD = st.text(st.characters(categories=("Lu", "Ll"), max_codepoint=0x17F), min_size=2, max_size=12)


@given(WORD, WORD)
def test_a_random_name_is_not_the_holders(first: str, last: str) -> None:
    found = compare((first, last), Account("a@wp.example", "Wawrzyniec", "Chrząszczewski", 1980, "m"))
    assert found is not Match.OK
