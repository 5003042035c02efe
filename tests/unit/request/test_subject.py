"""Classes of subjects and the differences told to the citizen (procedure §1.6, §4)."""

from __future__ import annotations

import email.header
from pathlib import Path

import pytest
import yaml

from mailbot.model import REQUIRED_SUBJECT as REQUIRED
from mailbot.model import Difference, SubjectClass
from mailbot.request.reference import tickets
from mailbot.request.subject import canonical, classify

D = Difference


def decoded(subject: str) -> str:
    """The subject of a corpus mail as parsing delivers it."""
    if not subject.startswith("RAW:"):
        return subject
    return str(email.header.make_header(email.header.decode_header(subject[4:].replace("\r\n", ""))))


def test_corpus(corpora: Path) -> None:
    mails = yaml.safe_load((corpora / "citizens" / "mails.yaml").read_text("utf-8"))
    wrong = [
        (mail["id"], found.kind.value, expected)
        for mail in mails
        if (expected := mail["expect"]["subject_class"]) != "AUTO"
        and (found := classify(decoded(mail["subject"]), is_reply=False)).kind.value != expected
    ]
    assert len(mails) > 100
    assert wrong == []


@pytest.mark.parametrize(
    "subject",
    [
        REQUIRED,
        f"  {REQUIRED}\t",
        REQUIRED.replace(" ", "\u00a0"),
        REQUIRED.replace(" ", "\t"),
        REQUIRED.replace(" ", "\u3000"),
        f"\ufeff{REQUIRED}\u200b",
        "\u200e".join(REQUIRED),
        "HASŁO AWARYJNE PU\u00adESC PROCEDURA SPECJALNA",
        f"\u202a{REQUIRED}\u202c",
    ],
)
def test_differences_nobody_sees_do_not_count(subject: str) -> None:
    for is_reply in (False, True):
        found = classify(subject, is_reply=is_reply)
        assert (found.kind, found.text, found.differences) == (SubjectClass.EXACT, REQUIRED, ())


NEAR: list[tuple[str, dict[Difference, str]]] = [
    (REQUIRED.lower(), {D.CASE: ""}),
    (REQUIRED.title(), {D.CASE: ""}),
    ("HASLO AWARYJNE PUESC PROCEDURA SPECJALNA", {D.DIACRITICS: ""}),
    ("haslo awaryjne puesc procedura specjalna", {D.CASE: "", D.DIACRITICS: ""}),
    (f"Odp.: {REQUIRED}", {D.PREFIX: "Odp.:"}),
    (f"Re: {REQUIRED}", {D.PREFIX: "Re:"}),
    (f"RE[2]: Fwd: {REQUIRED}", {D.PREFIX: "RE[2]: Fwd:"}),
    (f"Odpowiedź: {REQUIRED}", {D.PREFIX: "Odpowiedź:"}),
    (f"[EXT] {REQUIRED}", {D.PREFIX: "[EXT]"}),
    (f"Temat wiadomości – {REQUIRED}", {D.PREFIX: "Temat wiadomości –"}),
    (f"Temat: „{REQUIRED}”", {D.PREFIX: "Temat:", D.QUOTES: ""}),
    (f"„{REQUIRED}”", {D.QUOTES: ""}),
    (f"'{REQUIRED}'", {D.QUOTES: ""}),
    (f"{REQUIRED}.", {D.PUNCT: ""}),
    (REQUIRED.replace(" ", "_"), {D.PUNCT: ""}),
    ("HASŁO AWARYJNE PUESC - PROCEDURA SPECJALNA", {D.PUNCT: ""}),
    (f"{REQUIRED} Jan Kowalski", {D.EXTRA: "Jan Kowalski"}),
    (f"{REQUIRED} - Sean O’Neil", {D.EXTRA: "Sean O’Neil"}),
    (f"{REQUIRED} http://zle.example/a?b", {D.EXTRA: "…"}),
    ("HASŁO AWARYJNE PUESC", {D.PART: "PROCEDURA SPECJALNA"}),
    ("HASŁO AWARYJNE", {D.PART: "PUESC PROCEDURA SPECJALNA"}),
    ("PROCEDURA SPECJALNA", {D.PART: "HASŁO AWARYJNE PUESC"}),
    ("HASŁO AWARYJNE PUESC Jan Kowalski", {D.EXTRA: "Jan Kowalski", D.PART: "PROCEDURA SPECJALNA"}),
    ("HASŁO AWARYJNE PUSEC PROCEDURA SPECJALNA", {D.TYPO: "PUSEC"}),
    ("HASŁ0 AWARYJNE PUESC PROCEDURA SPECJALNA", {D.TYPO: "HASŁ0"}),
    ("HASŁA AWARYJNEGO PUESC PROCEDURA SPECJALNA", {D.TYPO: "HASŁA AWARYJNEGO"}),
    ("HASŁO  AWARYJNE PUESC PROCEDURA SPECJALNA", {D.SPACES: ""}),
    ("HASŁOAWARYJNE PUESC PROCEDURASPECJALNA", {D.SPACES: ""}),
    ("H A S Ł O AWARYJNE PU ESC PROCEDURA SPECJALNA", {D.SPACES: ""}),
    ("HАSŁO AWARYJNE PUESC PROCEDURA SPECJALNA", {D.HOMOGLYPH: ""}),
    ("ＨＡＳŁＯ AWARYJNE PUESC PROCEDURA SPECJALNA", {D.HOMOGLYPH: ""}),
    ("HAS£O AWARYJNE PUESC PROCEDURA SPECJALNA", {D.CHARSET: ""}),
    ("HAS\ufffdO AWARYJNE PUESC PROCEDURA SPECJALNA", {D.CHARSET: ""}),
    ("HAS?O AWARYJNE PUESC PROCEDURA SPECJALNA", {D.CHARSET: ""}),
    ("HASÅ\x81O AWARYJNE PUESC PROCEDURA SPECJALNA", {D.CHARSET: ""}),
    ("\u202eHASŁO AWARYJNE PUESC PROCEDURA SPECJALNA", {D.PREFIX: "…"}),
    ("NOWE HASŁO AWARYJNE PUESC PROCEDURA SPECJALNA", {D.PREFIX: "NOWE"}),
]


@pytest.mark.parametrize(("subject", "differences"), NEAR)
def test_near_miss_names_each_difference(subject: str, differences: dict[Difference, str]) -> None:
    found = classify(subject, is_reply=False)
    assert found.kind is SubjectClass.NEAR
    assert dict(found.differences) == differences
    assert [code for code, _ in found.differences] == [code for code in Difference if code in differences]


def test_details_are_fit_for_a_mail() -> None:
    found = classify(f"{REQUIRED} \x07{'bardzo ' * 40}\u202e pisz@zle.example", is_reply=False)
    (_code, detail), *_ = [pair for pair in found.differences if pair[0] is D.EXTRA]
    assert len(detail) <= 80
    assert detail.isprintable()
    assert "@" not in detail


@pytest.mark.parametrize(
    "subject",
    [
        "Nie pamiętam hasła podstawowego",
        "Pamiętam hasło awaryjne",
        "Zapomniałem hasła awaryjnego",
        "Jak zmienić hasło awaryjne?",
        "hasło do PUESC",
        "Nowe hasło",
        "Nowe konto na PUESC",
        "Usuń konto na PUESC",
        "Wrota Celne",
        "procedura celna",
        "Nie mogę założyć konta",
        "",
        "?",
    ],
)
def test_other_subjects(subject: str) -> None:
    assert classify(subject, is_reply=False).kind is SubjectClass.OTHER


@pytest.mark.parametrize("prefix", ["Re: ", "RE:", "Odp: ", "Odp. ", "PD: ", "Fwd: Re: ", "AW: ", "SV: ", "WG: "])
def test_reply_with_the_exact_subject(prefix: str) -> None:
    assert classify(prefix + REQUIRED, is_reply=True).kind is SubjectClass.REPLY_EXACT
    assert classify(prefix + REQUIRED, is_reply=False).kind is SubjectClass.NEAR
    assert classify(prefix + REQUIRED.lower(), is_reply=True).kind is SubjectClass.NEAR


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("NOWE", SubjectClass.NOWE),
        (" NOWE\u200b ", SubjectClass.NOWE),
        ("nowe", SubjectClass.NOWE_NEAR),
        ("Nowe.", SubjectClass.NOWE_NEAR),
        ("„NOWE”", SubjectClass.NOWE_NEAR),
        ("Re: NOWE", SubjectClass.NOWE_NEAR),
        ("NOTIFICATION", SubjectClass.NOWE_NEAR),
        ("Notification: AES form", SubjectClass.NOWE_NEAR),
        ("NOWE – nie działa SENT", SubjectClass.NOWE_NEAR),
        ("Nowe zgłoszenie", SubjectClass.NOWE_NEAR),
        ("N0WE ceny", SubjectClass.OTHER),
    ],
)
def test_new_ticket_subjects(subject: str, kind: SubjectClass) -> None:
    assert classify(subject, is_reply=False).kind is kind


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Re: Zgłoszenie ZGL2329987 zostało zarejestrowane", ("ZGL2329987",)),
        ("zgl 2329987", ("ZGL2329987",)),
        ("ZGL nr 2329987", ("ZGL2329987",)),
        ("ZGL: nr. 2329987,ZGL-0000012", ("ZGL2329987", "ZGL0000012")),
        ("ZGL#123456 zgl123456", ("ZGL123456",)),
        ("[ZGL–1234567890]", ("ZGL1234567890",)),
        ("ZGL\u200b2329987", ("ZGL2329987",)),
        ("ZGL12345", ()),
        ("ZGL12345678901", ()),
        ("MZGL2329987", ()),
        ("ZGL w sprawie 2329987", ()),
    ],
)
def test_ticket_numbers(text: str, numbers: tuple[str, ...]) -> None:
    assert tickets(text) == numbers
    found = classify(text, is_reply=False)
    assert found.tickets == numbers
    assert (found.kind is SubjectClass.ZGL) == bool(numbers)


def test_a_ticket_number_wins_over_likeness() -> None:
    assert classify(f"Re: ZGL2329987 – {REQUIRED}", is_reply=True).kind is SubjectClass.ZGL
    assert classify("NOWE ZGL2329987", is_reply=False).kind is SubjectClass.ZGL


def test_canonical_keeps_what_is_seen() -> None:
    assert canonical(" a  b.\u200b ") == "a  b."
    assert canonical("e\u0301\u00a0x") == "é x"


@pytest.mark.timeout(20)
def test_long_subjects_do_not_hang() -> None:
    for text in (
        "Re: " * 30_000,
        "a" + "\u0301\u0323" * 60_000,
        "H A S " * 20_000,
        "„" * 100_000,
        "ZGL " * 30_000,
        "[a]" * 9_000,
    ):
        classify(text + REQUIRED, is_reply=True)
        classify("HASŁO AWARYJNE PUESC PROCEDURA " + text, is_reply=False)
