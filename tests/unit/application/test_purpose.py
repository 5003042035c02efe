"""The purpose of a signed document: letters of citizens as file cases, against the shipped vocabulary.

letters/honest.txt was at hand when rules/applications.yaml was written, letters/honest-held-out.txt was written after
it. letters/others.txt ask for something else, for nothing, or for somebody else. letters/honest-rounds.txt and
letters/others-rounds.txt were written before anybody looked at the vocabulary, in rounds. letters/honest-clauses.txt
and letters/others-clauses.txt are what the licence of each clause changed: refused before it, or granted.
letters/honest-plain.txt are plain letters of an office, each of a request, two addresses, a reason and a statement in
other words; letters/others-plain.txt the same with one thing changed: whose account it is, a denial, another matter.
letters/honest-natural.txt are letters as a desk gets them, most by authors who knew no rule.
letters/honest-ordinary.txt are letters in plain words by an author who knew no rule and no other letter; what the first
forty of them tell was looked at afterwards, of the others 20 were granted when they were judged first.
letters/others-near.txt were written against the vocabulary, by somebody who had read it; letters/others-careful.txt
the same once more: whose account and whose address it is, who wrote and who signs, what else is asked, what is over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailbot.application.data import Application
from mailbot.application.letter.purpose import LONGEST, OTHER_WORDS, TOO_LONG, judge, judged
from mailbot.application.letter.whole import cut, torn
from mailbot.application.read import reading
from tests.once import shipped

LETTER = shipped().application_words
LETTERS = Path(__file__).parent / "letters"
ASKS = "Wnoszę o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC."
DATA = "\nImię i nazwisko: Jan Kowalski\nDotychczasowy login: jan@stary.example\nNowy login: jan@nowa.example\n"
HELD_OUT_RECALL = 0.97
ROUNDS_RECALL = 0.74
PLAIN_RECALL = 0.88
NATURAL_RECALL = 0.92
"""More than the half of them were chosen because they had been refused."""
ORDINARY_RECALL = 0.6
ROUNDS_PASSED = 3
"""Of 835: one strange sentence beside an application that is whole."""
"""They tell at length, and oddly: what is no kind of clause is for a person."""
PARTS = [0, *(pytest.param(part, marks=pytest.mark.campaign) for part in (1, 2, 3))]
"""Of many letters: the first job judges every fourth, the second one all others."""
AT = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
"""When the letters of the rounds came."""


def letters(name: str) -> list[str]:
    return (LETTERS / f"{name}.txt").read_text(encoding="utf-8").split("\n=====\n")


def granted(text: str, at: datetime | None = None) -> bool:
    found = judged(reading(text.encode()), LETTER, at)
    return found.readable and not found.missing and not found.doubts


@pytest.mark.parametrize(("name", "least"), [("honest", 0.98), ("honest-held-out", HELD_OUT_RECALL)])
def test_honest_letters_ask(name: str, least: float) -> None:
    found = {text: granted(text) for text in letters(name)}
    assert sum(found.values()) >= least * len(found), [text for text, good in found.items() if not good]


def test_no_honest_letter_is_told_that_data_are_missing() -> None:
    """What was not understood is a doubt, and no defect."""
    for text in letters("honest") + letters("honest-held-out"):
        found = judged(reading(text.encode()), LETTER)
        assert found.doubts or not found.missing, text


@pytest.mark.campaign
def test_letters_nobody_had_seen_ask() -> None:
    refused = [text for text in letters("honest-rounds") if not granted(text, AT)]
    assert len(refused) <= (1 - ROUNDS_RECALL) * len(letters("honest-rounds"))


def test_plain_letters_ask() -> None:
    refused = [text for text in letters("honest-plain") if not granted(text, AT)]
    assert len(refused) <= (1 - PLAIN_RECALL) * len(letters("honest-plain")), refused


def test_letters_as_a_desk_gets_them_ask() -> None:
    refused = [text for text in letters("honest-natural") if not granted(text, AT + timedelta(days=2))]
    assert len(refused) <= (1 - NATURAL_RECALL) * len(letters("honest-natural")), refused


def test_ordinary_letters_ask() -> None:
    refused = [text for text in letters("honest-ordinary") if not granted(text, AT + timedelta(days=4))]
    assert len(refused) <= (1 - ORDINARY_RECALL) * len(letters("honest-ordinary")), refused


@pytest.mark.parametrize("name", ["others-plain", "others-near", "others-careful", "others-clauses", "others"])
@pytest.mark.parametrize("part", PARTS)
def test_other_papers_do_not(name: str, part: int) -> None:
    """Those of others.txt bear days of their own, and are judged without one."""
    at = None if name == "others" else AT
    assert [text for text in letters(name)[part :: len(PARTS)] if granted(text, at)] == []


@pytest.mark.parametrize("text", letters("honest-clauses"))
def test_what_citizens_tell_has_a_licence(text: str) -> None:
    assert granted(text, AT)


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.campaign)])
def test_nor_do_those_of_the_rounds(every: int) -> None:
    passed = [text for text in letters("others-rounds")[::every] if granted(text, AT)]
    assert len(passed) <= ROUNDS_PASSED, passed


def test_there_are_enough_letters() -> None:
    assert [len(letters(name)) for name in ("honest", "honest-held-out", "others")] == [170, 64, 370]


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.translate(str.maketrans("ąćęłńóśźż", "acelnoszz")),
        lambda text: text.replace("PUESC", "PU ESC"),
        lambda text: text.replace("awaryjnego", "awa-\nryjnego"),
        lambda text: text.replace("awaryjnego", "awaryj\u00adnego"),
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace(" oraz", "\noraz"),
        lambda text: text.replace("Wnoszę o", "W N O S Z Ę  o"),
    ],
    ids=range(8),
)
def test_the_ways_of_writing_and_of_reading(change: object) -> None:
    assert callable(change)
    assert judge(change(ASKS), LETTER).granted


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ASKS, []),
        (ASKS.replace("Wnoszę", "Nie wnoszę"), ["haslo", "login", "zaprzeczenie", OTHER_WORDS]),
        (f"„{ASKS}”", ["haslo", "login", "puesc"]),
        (
            f"{ASKS} Zupełnie inne sprawozdanie roczne: księgi, budynki, maszyny, zapasy, drogi, lasy, jeziora, mosty.",
            [OTHER_WORDS],
        ),
        ("Proszę o nowe hasło awaryjne i login do PUESC, którego nie kupowałem.", [OTHER_WORDS]),
        (ASKS + " a" * LONGEST, [TOO_LONG]),
        ("Proszę o zmianę loginu do PUESC.", ["haslo"]),
        (
            "Wniosek o nowe hasło awaryjne i login do PUESC leży na biurku.",
            ["haslo", "login", OTHER_WORDS],
        ),
    ],
)
def test_what_is_lacking_and_what_is_said_instead_is_named(text: str, names: list[str]) -> None:
    found = judge(text, LETTER)
    assert [lack.name for lack in (*found.lacking, *found.against)] == names
    assert len(found.notes) == len(names)


def test_the_name_of_the_applicant_is_no_word_of_the_letter() -> None:
    assert granted(ASKS + DATA.replace("Jan Kowalski", "Marek Obcy"))
    assert granted(ASKS + DATA.replace("Jan Kowalski", "Piotr Skarga"))
    assert not granted(ASKS + DATA + "Skarga na urząd.\n")


def test_a_long_text_is_a_persons_however_often_it_says_the_name() -> None:
    assert not granted(ASKS + DATA + "Jan Kowalski\n" * (LONGEST // 12) + "Cofam wszystko.\n")


def test_the_picture_must_ask_too() -> None:
    read = reading((ASKS + DATA).encode())
    assert not judged(replace(read, seen=ASKS + DATA), LETTER).doubts
    assert not judged(replace(read, seen="Ja, nize} podpisany. " + ASKS + DATA), LETTER).doubts
    assert judged(replace(read, seen="{" + ASKS + "}" + DATA), LETTER).doubts
    assert judged(replace(read, seen="Umowa najmu lokalu"), LETTER).doubts
    assert judged(replace(read, seen=""), LETTER).doubts


@pytest.mark.parametrize(
    ("text", "missing", "doubt"),
    [
        (ASKS + "\nDotychczasowy login: a@stary.example\nNowy login: b@nowa.example\n", ("imię", "nazwisko"), False),
        (ASKS + DATA.replace("Nowy login: jan@nowa.example\n", ""), ("nowy adres e-mail",), False),
        (ASKS + DATA.replace("Nowy login:", "Kontakt:"), ("nowy adres e-mail",), True),
        (ASKS + DATA + "Nowy login: inny@nowa.example\n", ("nowy adres e-mail",), True),
        (ASKS + DATA + "Imię i nazwisko: Ewa Nowak\n", ("imię", "nazwisko"), True),
        (ASKS + DATA.replace("jan@nowa.example", "jan@nowa"), ("nowy adres e-mail",), True),
        (ASKS + DATA.replace("Imię i nazwisko: Jan Kowalski", "Zgłasza Jan Kowalski się"), ("imię", "nazwisko"), True),
        (ASKS + DATA.replace("Imię i nazwisko: Jan Kowalski", "Imię: Jan\nNazwisko: Nowy"), ("nazwisko",), True),
        (ASKS + DATA.replace("Imię i nazwisko: Jan Kowalski", "Nazywam się Jan Celny."), ("imię", "nazwisko"), True),
        (ASKS + DATA.replace("Imię i nazwisko: Jan Kowalski", "Anna Podpis"), ("imię", "nazwisko"), True),
        (ASKS + DATA.replace("Imię i nazwisko: Jan Kowalski", "Imię:\nNazwisko:"), ("imię", "nazwisko"), False),
    ],
)
def test_only_what_is_surely_not_there_is_missing(text: str, missing: tuple[str, ...], doubt: bool) -> None:
    found = judged(reading(text.encode()), LETTER)
    assert (found.missing, bool(found.doubts)) == (missing, doubt)


def test_what_cannot_be_read_stays_as_it_is() -> None:
    unreadable = reading(b"\xff\xd8\xff\xe0")
    assert judged(unreadable, LETTER) is unreadable.application
    assert unreadable.application == Application(None, None, None, None, readable=False)


CUT = [
    "Nowy login:\nbiuro.\nkowalski@nowa.example",
    "Nowy login: poczta.\nkowalski@nowa.example",
    "Nowy login\tadres.\nkowalski@nowa.example",
    "Mój nowy adres to jan.\nkowalski@nowa.example",
    "Nowy adres e-mail: jan-\nkowalski@nowa.example",
    "nowy adres: jankowal\nski@nowa.example",
    "Nowy login: jan@poczta.no\nwa.example",
    "Nowy login jan@poczta.\nnowa.example",
    "Nowy: jan. kowalski@nowa.example",
    "Nowy login: jan @nowa.example",
    "nowy login: jan@ nowa.example",
    "nowy login: jan@\nnowa.example",
    "Nowy login: jan@nowa .example",
    "nowy adres jan@nowa.exam\nple",
    "nowy adres jan@nowa. example",
    "nowy adres jan kowalski@nowa.example",
    "adres e-mail\njan_\nk@nowa.example",
    "adres jan.ko\nwalski@nowa.example",
    "login: kowalski\n1985@nowa.example",
    "adres: jan@nowa.example\n.pl",
    "Nowy login (jan.\nkowalski@nowa.example)",
    "Nowy login: j\u0430n@nowa.example",
    "Nowy login: jan@gmaiI.example",
    "Nowy login: Iukasz@nowa.example",
]
WHOLE = [
    "Proszę o nowy login w miejsce\ndotychczasowego.\njan@x.example\n(dotychczasowy login)",
    "Mój login to\njan@x.example.\nNowy adres to jan@y.example, proszę",
    "Jan Kowalski\njan@x.example\ntel. 601",
    "Nowy login: jan@x.example.\nDo starej skrzynki nie mam dostępu",
    "login - jan@x.example",
    "e-mail: jan@x.example Imię: Jan",
    "nowy login jan@x.example zamiast starego jan@y.example",
    "ul. Długa 5\njan@x.example",
    "login\t jan@x.example\nNowy\tk@x.example",
    "1) login: a@x.example;\n2) nowy: b@x.example",
    "a@x.example\n(stary login)\nb@x.example (nowy login)",
    "adres e-mail (nowy\nk.j@nowa.example\nlogin)\nMiejscowość",
    "do konta PUESC.\njan@x.example to mój nowy adres",
    "Login: ..............jan@x.example............",
    "nowy\tjan@x.example\tstary\tjan@y.example.\tZ poważaniem",
    "1.\tNowy login\tjan@x.example\t- dla mnie",
    "<jan@x.example>",
    "Nowy login: Iwona.Idzik@nowa.example",
    "Nowy login: JANINA@NOWA.EXAMPLE",
]


@pytest.mark.parametrize("text", CUT)
def test_an_address_that_may_be_cut_is_a_doubt(text: str) -> None:
    assert cut(text, LETTER.words)


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("Login: jan@nowa-\nfirma.example. Nowy login: jan@inna.example", "jan@nowa-firma.example"),
        ("to Jan@Nowa-\n  firma.com.example, a nowy", "jan@nowa-firma.com.example"),
        ("adres jan@nowa-\nfirma.example", "jan@nowa-firma.example"),
    ],
)
def test_an_address_that_a_line_parts_at_its_hyphen(text: str, parted: str) -> None:
    assert torn(text, LETTER.words) == (parted,)
    assert not cut(text, LETTER.words)


@pytest.mark.parametrize(
    "text",
    [
        "adres jan@nowa- firma.example",
        "adres jan@nowa-\nFirma.example",
        "adres jan@nowa-\nfirma",
        "adres jan@nowa-\nfirma.exam-\nple",
        "adres jan-\nkos@nowa.example",
        "adres jan@nowa-\nzly@obcy.example",
    ],
)
def test_an_address_that_is_parted_otherwise_is_a_doubt(text: str) -> None:
    assert torn(text, LETTER.words) == ()
    assert cut(text, LETTER.words)


@pytest.mark.parametrize("text", WHOLE)
def test_an_address_that_stands_whole(text: str) -> None:
    assert not cut(text, LETTER.words)


@pytest.mark.parametrize(
    "text",
    [
        f"Kościan, 24.11.2026\n{ASKS}{DATA}Jan Kowalski, Hajnówka, 24.11.2026\n",
        f"{ASKS}{DATA}Moje konto ma login jan@stary.example. Nowy: jan@nowa.example.\n",
        "Pisze w sprawie konta. Wnioskuje o nowe haslo awaryjne i nowy login do PUESC." + DATA.replace("ę", "e"),
        "Jan Kowalski wnosi o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC." + DATA,
        f"{ASKS}{DATA}Obecny adres nie działa.\n",
        f"Zgorzelec, 24.11.2026\nul. Modlińska 244/19\n03-152 Warszawa\n{ASKS}{DATA}",
        f"Brzesko, 24.11.2026\nJadowniki, ul. Witosa 30\n32-851 Jadowniki\n{ASKS}{DATA}",
        f"{ASKS}\nimię Jan\nnazwisko Kowalski\nstary login jan@stary.example\nnowy login jan@nowa.example\n",
        f"Police, 24.11.2026\n{ASKS}{DATA}",
        f"{ASKS} Kupiliśmy auto w Niemczech i muszę opłacić akcyzę.\n{DATA}",
    ],
    ids=[
        "town",
        "address",
        "bare",
        "himself",
        "name-or-word",
        "a-name-no-word",
        "village",
        "rows",
        "police",
        "bought",
    ],
)
def test_plain_ways_of_writing(text: str) -> None:
    assert granted(text)


@pytest.mark.parametrize(
    "text",
    [
        f"Zgoda, 24.11.2026\n{ASKS}{DATA}",
        f"{ASKS}{DATA}Moje konto ma sąsiad.\n",
        "Piotr Nowak wnosi o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC." + DATA,
        "Jan wnosi o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC." + DATA,
        "Wnioskuje o nowe hasło awaryjne i nowy login do PUESC." + DATA,
        f"Zgoda, ul. Witosa 30\n{ASKS}{DATA}",
        f"{ASKS} Kupiliśmy konto w Niemczech.\n{DATA}",
        f"Tekst ze strony PUESC: {ASKS}{DATA}",
        f"Towar zwracam właścicielowi. {ASKS}{DATA}",
    ],
    ids=[
        "word-and-town",
        "no-address",
        "another",
        "given-name",
        "third-person",
        "word-and-street",
        "bought",
        "page",
        "returned",
    ],
)
def test_and_what_is_near_them(text: str) -> None:
    assert not granted(text)


@pytest.mark.parametrize(
    "town",
    [
        *("Kraków", "Nowy Sącz", "Zielona Góra", "Biała Podlaska", "Tomaszów Mazowiecki", "Piotrków Trybunalski"),
        *("Ruda Śląska", "Stary Sącz", "Jelenia Góra", "Dąbrowa Górnicza", "Bielsko-Biała", "Kamień Pomorski", "Opole"),
        *(
            "Nowe Miasto Lubawskie",
            "Czarna Białostocka",
            "Środa Wielkopolska",
            "Wysokie Mazowieckie",
            "Sucha Beskidzka",
        ),
        *("Nowy Dwór Gdański", "Święta Katarzyna", "Skarżysko-Kamienna"),
    ],
)
def test_towns_of_two_words(town: str) -> None:
    assert granted(f"{town}, 12.11.2026\n{ASKS}{DATA}")
