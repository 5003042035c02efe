"""Any bytes a stranger signs: an answer, never an exception, and never data that nobody wrote."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.signing.application import FORMATS, Data, write
from mailbot.application.data import Application
from mailbot.application.document import Document
from mailbot.application.form import octets
from mailbot.application.letter.addresses import pick
from mailbot.application.letter.fields import fields
from mailbot.application.letter.mentions import mentions
from mailbot.application.read import read
from mailbot.request.characters import visible

STARTS = [b"", b"%PDF-1.7\n", b"PK\x03\x04", b"{\\rtf1\\ansi ", b"<?xml version='1.0'?>", b"<html>"]
SAMPLES = [*(write(Data(), extension) for extension in (*FORMATS, "xml")), octets()]
PIECES = st.sampled_from(
    [
        *("Imię", "Nazwisko", "Imię i nazwisko", "Ja,", "niżej podpisany", "Adam", "Szymański", "stary"),
        *("Dotychczasowy", "nowy"),
        *("login", "adres", "e-mail", ":", "-", ",", ".", "\n", "\n\n", "\t", " ", "(", ")", "....", "____", "z", "na"),
        *("a@stara.example", "b@nowa.example", "@", "mailto:", "zmianę", "który"),
        *("utraciłem dostęp", "będzie", "zamiast", "do"),
        *("Z poważaniem", "w imieniu", "PESEL", "\u00ad", "\u0301", "\u202e", "İ", "ﬁ", "imię:", "nazwisko ", "i"),
    ]
)


@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_any_bytes_give_an_answer(start: bytes, rest: bytes) -> None:
    assert isinstance(read(start + rest, "x"), Application)


@pytest.mark.parametrize("sample", SAMPLES, ids=[*FORMATS, "xml", "form"])
def test_damaged_files_give_an_answer(sample: bytes) -> None:
    """Bytes changed, cut out, doubled: the same ones each time."""
    rng = random.Random(len(sample))
    for _ in range(60):
        data = bytearray(sample)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                del data[at : at + rng.randint(1, 40)]
            elif kind == 2:
                data[at:at] = data[at : at + rng.randint(1, 200)]
            else:
                data[at : at + 4] = rng.choice([b"9999", b"-1 0", b"<<<<", b"))((", b"\0\0\0\0", b"0 R "])
            data = data or bytearray(b"x")
        assert isinstance(read(bytes(data), "x"), Application)


@given(st.lists(PIECES, max_size=60).map(" ".join))
def test_data_stand_in_the_text(text: str) -> None:
    found = fields(Document(text))
    shown = visible(text)
    for address in (found.old_login, found.new_email):
        assert address is None or "".join(address.split()) in "".join(shown.split())
    for name in (found.given, found.surname):
        assert name is None or all(word in shown for word in name.replace("-", " ").split())


@given(st.lists(PIECES, max_size=60).map("".join))
def test_old_and_new_come_only_from_addresses(text: str) -> None:
    old, new = pick(text)
    assert all(address == "" or "@" in address for address in old | new)
    assert all(text[m.start : m.end] for m in mentions(text))


@pytest.mark.parametrize(
    "text",
    [
        *("Imię " * 10_000, "nowy " * 12_000, "a@b.example " * 5_000, "@" * 60_000),
        *(" " * 59_000 + "a", "\n" * 59_000 + "a", "-" * 59_000 + "a"),
        *("Ja, " * 15_000, "nie mam " * 7_000, "(" * 60_000, "imię i " * 8_000, "a." * 30_000, "z na " * 12_000),
        *("a\n" * 30_000, "a\t" * 30_000, "Adam " * 12_000, "zmiana na a@b.example " * 2_500, "imię: A\n" * 7_000),
        *("stary a@b.example nowy " * 2_500, "dla Adam Nowak " * 4_000, "utraciłem" + " do" * 19_000),
        "z poważaniem" + " " * 50_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    fields(Document(text))
    assert time.process_time() - began < 20
