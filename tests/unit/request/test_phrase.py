"""Reading bodies: sentence, name, year and formal defects (procedure §1.1, §3.1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from mailbot.model import Account, Defect, Match, Phrase, Request
from mailbot.request.names import compare
from mailbot.request.phrase import read

A = "Proszę o zmianę hasła awaryjnego dla"
B = "Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla"
HINT = "(podaj swoje imię i nazwisko oraz rok urodzenia)"
KNOWN = {"EMPTY", "PHRASE_MISSING", "PLACEHOLDER", "NAME_MISSING", "YEAR_MISSING", "TWO_PERSONS", "ATTACHMENT_MISSING"}


def own_text(mail: dict[str, object]) -> str:
    """What parsing leaves of the body of a corpus mail: no mark-up, no quote, no phone signature."""
    body = str(mail["body"])
    if mail["html_only"]:
        body = re.sub(r"<[^>]+>", "", re.sub(r"<br>|</p>|</div>", "\n", body)).replace("&nbsp;", "\u00a0")
    return re.split(r"\n.*napisał\(a\):|Wysłane z", body)[0]


def test_corpus(corpora: Path) -> None:
    """Sentence, defects of the body, and the comparison with the account, as the corpus expects them."""
    folder = corpora / "citizens"
    accounts = {
        key: Account(a["login"], a["given"], a["surname"], a["year"], a["sex"])
        for key, a in yaml.safe_load((folder / "accounts.yaml").read_text("utf-8")).items()
    }
    seen = 0
    for mail in yaml.safe_load((folder / "mails.yaml").read_text("utf-8")):
        expect = mail["expect"]
        if expect["subject_class"] not in ("EXACT", "NEAR") or expect["name"] is None:
            continue
        seen += 1
        found = read(own_text(mail), attachments=bool(mail["attachments"]))
        assert found.phrase == expect["phrase"], mail["id"]
        assert [d.value for d in found.defects] == [d for d in expect.get("defects", []) if d in KNOWN], mail["id"]
        holder = accounts.get(mail["account"])
        if holder and found.phrase and expect["name"] != "missing":
            assert compare(found.names, holder).value == expect["name"], mail["id"]
        if holder and expect["year"] != "missing":
            assert (found.year == holder.birth_year) == (expect["year"] == "ok"), mail["id"]
    assert seen > 75


JAN = ("Jan", "Kowalski")


@pytest.mark.parametrize(
    ("data", "names", "year"),
    [
        ("Jan Kowalski, 1980", JAN, 1980),
        ("\nJan Kowalski\n1980\n", JAN, 1980),
        ("\n\nJan\n\nKowalski\n\n1980", JAN, 1980),
        (": Jan Kowalski; rok ur.: 1980", JAN, 1980),
        ("– Jan Kowalski (1980)", JAN, 1980),
        ("<Jan Kowalski> <1980>", JAN, 1980),
        ("„Jan Kowalski, 1980”", JAN, 1980),
        ("1980, Jan Kowalski", JAN, 1980),
        ("Jan Kowalski,1980r.", JAN, 1980),
        ("Jan Kowalski1980", JAN, 1980),
        ("Jan Kowalski １９８０", JAN, 1980),
        ("Jan Kowalski ur. 1980-03-12", JAN, 1980),
        ("Jan Kowalski ur. 12.03.1980 r.", JAN, 1980),
        ("Jan Kowalski, urodzony w dniu 12/03/1980", JAN, 1980),
        ("Jan Kowalski, 12 marca 1980 roku w Krakowie", JAN, 1980),
        ("Jan Kowalski 12 III 1980", JAN, 1980),
        ("Jan Kowalski, data urodzenia: 12 - 03 - 1980", JAN, 1980),
        ("Jan Kowalski, rok urodzenia to 1980", JAN, 1980),
        ("Jan Kowalski rok.ur.1980", JAN, 1980),
        ("Imię: Jan\nNazwisko: Kowalski\nRok urodzenia: 1980", JAN, 1980),
        ("Imię i nazwisko - Jan Kowalski, rok urodzenia - 1980", JAN, 1980),
        ("IMIĘ I NAZWISKO: JAN KOWALSKI, ROK URODZENIA: 1980 R.", ("JAN", "KOWALSKI"), 1980),
        ("imie i nazwisko jan kowalski rok urodzenia 1980", ("jan", "kowalski"), 1980),
        ("Pana Jana Kowalskiego, urodzonego w 1980 roku.", ("Jana", "Kowalskiego"), 1980),
        ("mgr inż. Jan Kowalski, rocznik 1980", JAN, 1980),
        ("Jan Kowalski, ur. 03.1980", JAN, 1980),
        ("Jan Kowalski, data ur.: 12-mar-1980", JAN, 1980),
        ("Jan Kowalski, syn Adama i Ewy, ur. 1980", JAN, 1980),
        ("Jan Kowalski, 1980, nr ID SISC PL12345678", JAN, 1980),
        ("Max Born, 1982", ("Max", "Born"), 1982),
        ("Anna Rok, 1975", ("Anna", "Rok"), 1975),
        ("p. Jan P. Kowalski, 1980", ("Jan", "P", "Kowalski"), 1980),
        ("Jan A. Kowalski, 1980", ("Jan", "A", "Kowalski"), 1980),
        ("Katarzyny Zielińskiej - Wójcik, 1983", ("Katarzyny", "Zielińskiej-Wójcik"), 1983),
        ("Sean O’Neil 1980", ("Sean", "O’Neil"), 1980),
        (f"{HINT} Jan Kowalski 1980", JAN, 1980),
        (f"Jan Kowalski 1980 {HINT}", JAN, 1980),
        ("Jan Kowalski (imię i nazwisko) 1980 (rok urodzenia)", JAN, 1980),
        ("Jan Kowalski, 1980, PESEL 80031201234", JAN, 1980),
        ("Jan Kowalski, PESEL 80031201234, rok urodzenia 1980", JAN, 1980),
        ("Jan Kowalski, 1980, login: jan.k@wp.example, tel. 600 100 200", JAN, 1980),
        ("Jan Kowalski, zam. ul. Długa 5, 00-950 Warszawa, rok urodzenia 1980", JAN, 1980),
        ("Jan Kowalski\ntel. 600 100 200\n1980", JAN, 1980),
        ("Jan Kowalski, 1980. Nie mam dostępu od 2019 roku.", JAN, 1980),
        ("Jan Kowalski, 1980\nPozdrawiam\nAnna Nowak 1975", JAN, 1980),
        ("Jan Kowalski, 1980\n\nBiuro Agencji Celnej\nPrezes: Anna Nowak\nkapitał 1 980 000 zł", JAN, 1980),
        ("Jan Kowalski 1980\nAgencja Celna Sp. z o.o.\nrok założenia 1990", JAN, 1980),
        ("Jan Kowalski konto założone w 2015 r., ur. 1980", JAN, 1980),
        ("Jan Kowalski, 1980 r., konto zostało utworzone w dniu 12.03.2015 r.", JAN, 1980),
        ("mnie - Jan Kowalski - 1980", JAN, 1980),
        ("konta – Jan Kowalski, 1980", JAN, 1980),
        ("mojego konta PUESC: Jan Kowalski, 1980", JAN, 1980),
        ("Jana Kowalskiego. Urodziłem się w 1980 roku.", ("Jana", "Kowalskiego"), 1980),
        ("Jan Kowalski 1980 bo nie pamiętam żadnego z nich", JAN, 1980),
        ("Jan Kowalski, 1980, ponieważ je zgubiłem", JAN, 1980),
        ("Jan Kowalski, 1980 bo mąż nie pamięta", (*JAN, "bo", "mąż", "nie", "pamięta"), 1980),
        ("Jan Kowalski 1980 Bardzo proszę o szybką pomoc", JAN, 1980),
        ("Anna Nowak z domu Kowalska, 1975", ("Anna", "Nowak", "domu", "Kowalska"), 1975),
        ("Jan Kowalski, 1980 i czekam na odpowiedź", JAN, 1980),
        ("Jan Kowalski, 1980 i to wszystko", (*JAN, "to", "wszystko"), 1980),
    ],
)
def test_data(data: str, names: tuple[str, ...], year: int) -> None:
    for sentence in (f"{A} {data}", f"Dzień dobry,\n\n{A} {data}\n\nZ poważaniem\nBiuro, ul. Krótka 7, od 1999 r."):
        assert read(sentence, attachments=False) == Request(Phrase.A, names, year, ())


@pytest.mark.parametrize(
    ("data", "defects"),
    [
        ("", "NAME_MISSING YEAR_MISSING"),
        ("mnie", "NAME_MISSING YEAR_MISSING"),
        ("1980", "NAME_MISSING"),
        ("Jan, 1980", "NAME_MISSING"),
        ("Jan Kowalski", "YEAR_MISSING"),
        ("Jan Kowalski, ur. 80", "YEAR_MISSING"),
        ("Jan Kowalski, rok urodzenia '80", "YEAR_MISSING"),
        ("Jan Kowalski, 80031201234", "YEAR_MISSING"),
        ("Jan Kowalski, IDSISC PL12345678901980", "YEAR_MISSING"),
        ("Jan Kowalski, 1890", "YEAR_MISSING"),
        ("Jan Kowalski, 1980/1981", "YEAR_MISSING"),
        ("Jan Kowalski, 1980, 1981", "YEAR_MISSING"),
        ("Jan Kowalski\n\nFirma Nowak od 1990", "YEAR_MISSING"),
        ("Imię i nazwisko:\nRok urodzenia:", "NAME_MISSING YEAR_MISSING"),
        (HINT, "PLACEHOLDER"),
        ("podaj swoje imię i nazwisko\noraz rok urodzenia", "PLACEHOLDER"),
        ("<imię nazwisko, rok urodzenia>", "PLACEHOLDER"),
        ("(imię i nazwisko, rok urodzenia)", "PLACEHOLDER"),
        ("[imię i nazwisko] [rok urodzenia]", "PLACEHOLDER"),
        ("Imię Nazwisko, rok urodzenia", "PLACEHOLDER"),
        ("imię i nazwisko, 1980", "PLACEHOLDER"),
        ("Jan Kowalski (rok urodzenia)", "PLACEHOLDER"),
        ("Jan Kowalski, XXXX", "PLACEHOLDER"),
        ("Jan Kowalski, 19XX", "PLACEHOLDER"),
        ("…", "PLACEHOLDER"),
        ("...", "PLACEHOLDER"),
        (".................., .........", "PLACEHOLDER"),
        ("XXXX", "PLACEHOLDER"),
        ("____________", "PLACEHOLDER"),
        ("(imię i nazwisko)", "PLACEHOLDER YEAR_MISSING"),
        ("Jana Kowalskiego 1980 i Anny Nowak 1975", "TWO_PERSONS"),
        ("Jana Kowalskiego oraz Anny Nowak (1980 i 1975)", "TWO_PERSONS"),
        ("Jan Kowalski 1980, Anna Nowak 1975", "TWO_PERSONS"),
        ("Jan Kowalski, 1980\nAnna Nowak, 1975", "TWO_PERSONS"),
        ("Jan Kowalski, 1980\n\noraz Anny Nowak", "TWO_PERSONS"),
        ("jan kowalski i anna nowak 1980", "TWO_PERSONS"),
        ("JAN KOWALSKI I ANNA NOWAK 1980", "TWO_PERSONS"),
        ("Jan Kowalski / Anna Nowak, 1980", "TWO_PERSONS"),
        ("Jana i Anny Kowalskich, 1980", "TWO_PERSONS"),
        ("Jana i Anny Kowalskich", "YEAR_MISSING TWO_PERSONS"),
        ("Imię: Jan\nNazwisko: Kowalski\nRok: 1980\nImię: Anna\nNazwisko: Nowak\nRok: 1975", "TWO_PERSONS"),
    ],
)
def test_defects(data: str, defects: str) -> None:
    assert read(f"{A} {data}", attachments=False).defects == tuple(map(Defect, defects.split()))
    with_b = read(f"{B} {data}\n\nPozdrawiam", attachments=False)
    assert with_b.phrase is Phrase.B
    assert with_b.defects == (*map(Defect, defects.split()), Defect.ATTACHMENT_MISSING)


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        (A, Phrase.A),
        (A.upper(), Phrase.A),
        ("prosze o zmiane hasla awaryjnego dla:", Phrase.A),
        ("Proszę o\nzmianę   hasła\u00a0awaryjnego\n\ndla", Phrase.A),
        ("Treść wiadomości – „Proszę o zmianę hasła awaryjnego” dla", Phrase.A),
        ("Proszę o zmianę hasła awaryjengo dla", Phrase.A),
        ("Uprzejmie proszę o zmianę hasła awaryjnego dla", Phrase.A),
        (B, Phrase.B),
        ("prosze o zmiane hasla awaryjnego oraz o zmiane adresu email dla", Phrase.B),
        ("Proszę o zmianę hasła awaryjnego\noraz zmianę adresu\ne mail dla", Phrase.B),
        ("Proszę o zmianę hasła awaryjnego i adresu e-mail dla", Phrase.B),
        ("Dzień dobry, zapomniałem hasła, proszę o pomoc.", None),
        ("Proszę o zmianę hasła podstawowego dla", None),
        ("Proszę o zmianę hasła dla", None),
        ("Proszę o zmianę adresu e-mail dla", None),
        ("Proszę o zmianę hasła awaryjnego oraz usunięcie konta dla", None),
        ("Proszę o nowe hasło awaryjne dla", None),
        (HINT, None),
    ],
)
def test_sentence(sentence: str, phrase: Phrase | None) -> None:
    found = read(f"{sentence} Jan Kowalski, 1980", attachments=True)
    assert found.phrase is phrase
    if phrase is None:
        assert found == Request(None, (), None, (Defect.PHRASE_MISSING,))
    else:
        assert (found.names, found.year, found.defects) == (JAN, 1980, ())


@pytest.mark.parametrize("text", ["", " \n\t\u200b", "...", "\ufeff--"])
def test_empty(text: str) -> None:
    assert read(text, attachments=True) == Request(None, (), None, (Defect.EMPTY,))


def test_the_sentence_that_carries_the_data_counts() -> None:
    card = f"{A} {HINT}\n\n{B} {HINT}"
    assert read(f"{card} Jan Kowalski, 1980", attachments=True).phrase is Phrase.B
    assert read(f"{A} Jan Kowalski, 1980\n\n{B} {HINT}", attachments=True).phrase is Phrase.A
    assert read(card, attachments=False).defects == (Defect.PLACEHOLDER,)


def test_two_filled_sentences() -> None:
    both = f"{A} Jan Kowalski, 1980\n{B} Jan Kowalski, 1980"
    assert read(both, attachments=False) == Request(Phrase.A, JAN, 1980, ())
    assert read(both, attachments=True) == Request(Phrase.B, JAN, 1980, ())
    other = read(f"{A} Jan Kowalski, 1980\n{A} Anna Nowak, 1975", attachments=False)
    assert other.defects == (Defect.TWO_PERSONS,)


@pytest.mark.parametrize(
    "text",
    [
        f"Jan Kowalski, 1980. {A} mnie",
        f"Dzień dobry, nazywam się Jan Kowalski, ur. 1980.\n{A} mojego konta.\nPozdrawiam",
        f"{A} mnie.\nPozdrawiam\nJan Kowalski\nrok ur. 1980",
    ],
)
def test_data_elsewhere_end_in_doubt(text: str) -> None:
    found = read(text, attachments=False)
    assert (found.year, found.defects) == (1980, ())
    assert compare(found.names, Account("jan@wp.example", *JAN, 1980, "m")) is Match.DOUBT


ASKS = f"{A} Jan Kowalski, 1980"


@pytest.mark.parametrize(
    "text",
    [
        f"Nie {ASKS[0].lower()}{ASKS[1:]}",
        f"Nie {ASKS[0].lower()}{ASKS[1:]}. Ktoś wysłał to za mnie!",
        f"{ASKS}. Już nieaktualne, przypomniałem sobie.",
        f"{ASKS}. Już nieaktualne.",
        f"Przypomniałem sobie hasło! {ASKS}",
        f"Anuluję prośbę: „{ASKS}”",
        f"Wczoraj wysłałem prośbę, proszę ją anulować. {ASKS}",
        f"Rezygnuję ze zmiany. {ASKS}",
        f"Nie prosiłem o to: {ASKS}",
        f"{ASKS}\nPodejrzewam, że ktoś ukradł mi hasło.",
    ],
)
def test_whoever_may_not_ask_at_all_is_left_to_a_person(text: str) -> None:
    request = read(text, attachments=False)
    assert request.defects == ()
    assert request.names[1:] == JAN
    assert compare(request.names, Account("jan@x.example", "Jan", "Kowalski", 1980)) is Match.DOUBT


@pytest.mark.parametrize(
    "text",
    [
        f"Nie pamiętam haseł, nie mogę się zalogować. {ASKS}",
        f"Nie wiem, co robić.\n{ASKS}",
        f"Wysłałem już wczoraj tę prośbę, ale nie dostałem odpowiedzi. {ASKS}",
        f"{ASKS}\nStare hasło jest już nieaktualne. Proszę o anulowanie blokady.",
        f"Przepraszam, wcześniej nie wysłałem danych. {ASKS}",
        f"{ASKS}\n(poprawiam rok, wcześniej podałem błędny)",
    ],
)
def test_a_reason_withdraws_nothing(text: str) -> None:
    assert read(text, attachments=False) == Request(Phrase.A, JAN, 1980, ())


@pytest.mark.timeout(30)
def test_long_bodies_do_not_hang() -> None:
    for piece in ("ur. ", "1 ", "a@", "www.", "19 80 ", "Imię ", "- ", "x-", "tel. 1", "(", "podaj ", "i ", A + " "):
        read(A + " " + piece * (200_000 // len(piece)), attachments=False)
