"""The language of sayings: what is found, what is refused, and that it is the same as trying every way."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.ruleset.sayings import (
    GAP,
    LONGEST_TEXT,
    Book,
    Saying,
    Words,
    _folded,
    literal,
    parse,
    plain,
    sentences,
    words,
)


def found(saying: str, text: str) -> bool:
    return Book((parse(saying),)).found(sentences(plain(text))) == {saying}


@pytest.mark.parametrize(
    ("saying", "text"),
    [
        ("prosze o usuniecie konta", "Proszę o usunięcie konta"),
        ("Proszę o usunięcie konta", "prosze o usuniecie konta"),
        ("żółw łódź", "Zo\u0301\u0142w lo\u0301dz\u0301".replace("Zo", "Z\u0307o")),
        ("usun*", "usuńcie"),
        ("usun*", "USUN"),
        ("(swoje|moje) konto", "moje konto"),
        ("(swoj*|moje) konto", "swojego konto"),
        ("usun [swoje|moje] konto", "usuń konto"),
        ("usun [swoje|moje] konto", "usuń moje konto"),
        ("usun [moje] [stare] konto", "usuń stare konto"),
        ("prosze … konto", "proszę konto"),
        ("prosze ... konto", "proszę a b c d e konto"),
        ("prosze … usun* … konto", "proszę, usuńcie (jak najprędzej) konto"),
        ("adres e-mail", "adres\nemail"),
        ("adres email", "adres e-mail"),
        ("adres email", "adres e\u00admail"),
        ("nie pamietam", "NIE PAMIĘTAM"),
        ("konto a konto b", "konto a konto a konto b"),
        ("konto", "jan@konto.example"),
        ("mam konto . usun* je", "Mam konto. Usuńcie je"),
        ("mam konto … . … usun* je", "Mam konto tutaj!\n\nProszę usunąć je"),
    ],
)
def test_is_found(saying: str, text: str) -> None:
    assert found(saying, text)


@pytest.mark.parametrize(
    ("saying", "text"),
    [
        ("usun*", "nausun"),
        ("usun", "usunę"),
        ("usun konto", "usuń. Konto"),
        ("usun konto", "usuń\n\nkonto"),
        ("usun . konto", "usuń konto"),
        ("usun … konto", "usuń. Moje konto"),
        ("usun . konto", "usuń. Moje. Konto"),
        ("usun konto", "konto usuń"),
        ("usun [moje] konto", "usuń moje moje konto"),
        ("prosze … konto", "proszę a b c d e f konto"),
        ("prosze … konto", "proszę nie konto"),
        ("pamietam haslo", "nie pamiętam haslo"),
        ("remember it", "don't remember it"),
        ("konto konto", "konto"),
        ("konto", ""),
    ],
)
def test_is_not_found(saying: str, text: str) -> None:
    assert not found(saying, text)


@pytest.mark.parametrize(
    ("saying", "reason"),
    [
        ("", "says nothing; write the words that citizens use"),
        ("  ", "says nothing; write the words that citizens use"),
        ("*", '"*" stands alone; write it behind the beginning of a word, as usun*'),
        ("usun *", '"*" stands alone; write it behind the beginning of a word, as usun*'),
        ("us*", '"us*" fits too many words; write 3 letters or more before "*"'),
        ("(us*|konto)", '"us*" fits too many words; write 3 letters or more before "*"'),
        ("(swoje|moje", 'the bracket "(" is not closed, or holds another one; close it before the next one'),
        ("usun [a [b] c]", 'the bracket "[" is not closed, or holds another one; close it before the next one'),
        ("usun ) konto", 'the bracket ")" was not opened; delete it'),
        ("(swoje moje)", '"(swoje moje)" is not one word or words parted by "|"; write it as (swoje|moje)'),
        ("usun ()", '"()" is not one word or words parted by "|"; write it as (swoje|moje)'),
        ("[moje] konto", 'begins or ends with "[…]", "…" or "."; delete that part, it changes nothing'),
        ("konto …", 'begins or ends with "[…]", "…" or "."; delete that part, it changes nothing'),
        ("konto .", 'begins or ends with "[…]", "…" or "."; delete that part, it changes nothing'),
        ("{usunac} konto", '"{usunac}" is no list of words; write the words themselves'),
        ("({usunac} konto)", '"({usunac} konto)" is not one word or words parted by "|"; write it as (swoje|moje)'),
        ("a|b", '"a|b" cannot be read; write words, word*, (one|other), [perhaps] and …'),
        ("us*un", '"us*un" cannot be read; write words, word*, (one|other), [perhaps] and …'),
        ("konto " * 70, "is longer than 400 characters; write two shorter sayings"),
    ],
)
def test_is_refused(saying: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse(saying)


LISTS = {"moje": Words(frozenset({"moje", "swoje"})), "usun": Words(frozenset({"skasuj"}), ("usun",))}


@pytest.mark.parametrize("text", ["Usuńcie swoje konto", "skasuj konto", "usuń to konto"])
def test_a_list_stands_for_its_words(text: str) -> None:
    saying = parse("{usun} [{moje}|to] konto", LISTS)
    assert Book((saying,)).found(sentences(plain(text))) == {saying.text}


def test_a_list_must_be_known() -> None:
    with pytest.raises(ValueError, match=r'^"\{twoje\}" is no list of words; write one of moje, usun$'):
        parse("({moje}|{twoje}) konto", LISTS)


def test_many_at_once_are_what_they_are_alone() -> None:
    sayings = ["usun* konto", "konto", "konto usun*", "moje [stare] konto", "usun* … konto"]
    text = sentences(plain("Usuń moje stare konto. Konto!"))
    assert Book(map(parse, sayings)).found(text) == {"konto", "moje [stare] konto", "usun* … konto"}


def test_literal_takes_signs_as_signs() -> None:
    question = "Jaką pomoc oferuje SKG S.A.?"
    assert Book((literal(question),)).found(sentences(plain(f"Mam pytanie: {question.upper()}"))) == {question}


def test_only_so_much_is_looked_at() -> None:
    assert len(plain("a" * (LONGEST_TEXT + 10))) == LONGEST_TEXT


def test_words_and_sentences() -> None:
    assert words(plain("E-mail, login i/lub „hasło”")) == ("email", "login", "i", "lub", "haslo")
    assert sentences(plain("To ja. Ty?\n \nOn; ona: 1.5 www.example.pl")) == [
        ("to", "ja"),
        ("ty",),
        ("on",),
        ("ona",),
        ("1", "5", "www", "example", "pl"),
    ]


def naive(saying: Saying, sentence: Sequence[str]) -> bool:
    """Every way tried, one after another: the meaning of a saying, as sayings.py tells it."""

    def follows(step: int, place: int) -> bool:
        if step == len(saying.steps):
            return True
        this = saying.steps[step]
        if this.optional and follows(step + 1, place):
            return True
        if place == len(sentence):
            return False
        fits = sentence[place] != "nie" if this.words is None else sentence[place] in this.words
        return fits and follows(step + 1, place + 1)

    return any(follows(0, i) for i in range(len(sentence)) if i == 0 or sentence[i - 1] != "nie")


PARTS = st.sampled_from(["a", "b", "nie", "(a|b)", "[a]", "[b|nie]", "…", "abc*"])


@given(st.lists(PARTS, max_size=6), st.lists(st.sampled_from(["a", "b", "c", "nie", "abcd"]), max_size=12))
def test_one_pass_finds_what_trying_every_way_finds(middle: list[str], sentence: list[str]) -> None:
    saying = parse(" ".join(["a", *middle, "b"]))
    assert bool(Book((saying, parse("c a"))).found([sentence]) & {saying.text}) == naive(saying, sentence)


def test_a_gap_is_five_words() -> None:
    assert GAP == 5


def test_time_is_linear_in_the_text() -> None:
    """A saying that would take a backtracking search exponential time."""
    saying = "a … a … a … a … a … a … a … b"
    assert not found(saying, "a " * 9_000)


@pytest.mark.parametrize(
    "word", ["konto", "Żółć", "ŁÓDŹ", "straße", "ﬁn", "K", "été", "пароль", "z\u0142y", "a\u0301b", "usun*", "e-mail"]
)
def test_a_word_is_folded_as_a_text_is(word: str) -> None:
    assert _folded(word) == "".join(words(plain(word)))


@pytest.mark.parametrize("text", ["konto", "Żółć", "straße", "été", "пароль"])
def test_one_word_is_parsed_as_any_saying(text: str) -> None:
    assert parse(text).steps == parse(f" {text}").steps
