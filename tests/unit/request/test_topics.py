"""What a mail outside the special procedure is about, with the shipped rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.model import SENTENCES, Phrase
from mailbot.request import language, sentence, subject, topics
from mailbot.request.topics import NOTHING_SAID, TopicFacts
from mailbot.ruleset.sayings import plain, sentences
from mailbot.text.unicode import flat, visible
from tests.once import shipped
from tests.support import examples

RULES = shipped()
MAILS = yaml.safe_load((Path(__file__).parent / "topics.yaml").read_text(encoding="utf-8"))


def read(mail: str) -> TopicFacts:
    title, bar, text = mail.partition(" | ")
    title, text = (title, text) if bar else ("", mail)
    return topics.read(subject.classify(title, is_reply=False), text, RULES)


def cases(answer: str) -> list[tuple[str, str]]:
    return [(topic, mail) for topic, mails in MAILS.items() for mail in mails[answer]]


def test_the_table_is_large_enough() -> None:
    assert set(MAILS) == {topic.name for topic in RULES.topics}
    for topic, mails in MAILS.items():
        assert len(mails["yes"]) >= 15, topic
        assert len(mails["no"]) >= 10, topic


@pytest.mark.parametrize(("topic", "mail"), cases("yes"))
def test_is_about(topic: str, mail: str) -> None:
    assert read(mail).topic == topic
    if topic != "podziekowanie":  # there a name is told by its capital
        assert read(flat(mail)).topic == topic
        assert read(mail.upper()).topic == topic


@pytest.mark.parametrize(("topic", "mail"), cases("no"))
def test_is_not_about(topic: str, mail: str) -> None:
    for written in (mail, flat(mail), mail.upper()):
        assert read(written).topic not in (topic, "several")


FAQ = yaml.safe_load((Path(__file__).parent / "faq.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("answer", "mail"), [(answer, mail) for answer, mails in FAQ.items() for mail in mails])
def test_a_question_is_answered_only_when_it_is_surely_asked(answer: str, mail: str) -> None:
    for written in (mail, flat(mail), mail.upper()):
        reading = read(written)
        assert (reading.answer.name if reading.answer else reading.faq) == answer
        assert (reading.answer is not None) == (reading.faq == "sure")
        assert (reading.system is None) == (reading.faq == "none")


@pytest.mark.parametrize(
    ("mail", "service"),
    [
        ("Strefa Klienta KAS | Nie widzę dokumentów.", "strefa-klienta-kas"),
        ("Re: strefa klienta kas | x", "strefa-klienta-kas"),
        ("„Strefa Klienta KAS” | x", "strefa-klienta-kas"),
        ("NOWE – Strefa Klienta KAS | x", "strefa-klienta-kas"),
        ("NOWE: Rejestracja na PUESC – zakładanie konta | x", "zakladanie-konta"),
        ("Rejestracja na PUESC - zakladanie konta, błąd | x", "zakladanie-konta"),
        ("Rejestracja na PUESC – zakładanie konta – Usuń swoje konto na PUESC | x", "usuniecie-konta"),
        ("Usuń konto na PUESC | Proszę o usunięcie konta.", "usuniecie-konta"),
        ("NOWE | Dzień dobry\nStrefa Klienta KAS\nNie widzę dokumentów.", "strefa-klienta-kas"),
        ("Zmiany adresu e-mail na koncie PUESC, gdy użytkownik nie pamięta hasła podstawowego | x", "zmiana-emaila"),
        (
            "Zmiana adresu e-mail na koncie PUESC, gdy użytkownik nie pamięta hasła podstawowego i hasła awaryjnego"
            " | Proszę o pomoc.",
            "procedura-specjalna",
        ),
        ("Obsługi wniosków o usługę dotyczących. | x", "wniosek-o-usluge"),
        (
            "Zmiana adresu e-mail na koncie PUESC gdy użytkownik nie pamięta hasła podstawowego i awaryjnego | x",
            "procedura-specjalna",
        ),
        ("przywrócenie możliwości logowania na stronie PUESC po trzech próbach. | x", "odblokowanie-logowania"),
        ("Obsługa zgłoszeń dot. błędów i nieprawidłowości w działaniu usługi. | x", "blad-uslugi"),
        ("Przywrócenie możliwości logowania do banku | x", "none"),
        ("Pytanie o Strefa Klienta KAS | x", "none"),
        ("NOWE | W usłudze Strefa Klienta KAS nie widzę dokumentów.", "none"),
        ("NOWE | Nie mogę wysłać zgłoszenia SENT, błąd 500.", "none"),
        ("Strefa Klienta | x", "none"),
        (" | ", "none"),
    ],
)
def test_a_service_is_named_by_its_title(mail: str, service: str) -> None:
    assert read(mail).service == service


def test_what_our_own_titles_say_is_not_said_by_the_citizen() -> None:
    assert read("Re: ZGL2329987 – przyjęliśmy Twoją reklamację | Kiedy będzie odpowiedź?").topic == "none"
    assert read("Odp: ZGL2329987 – jak usunąć konto na PUESC | To nie to.").topic == "none"
    assert read("Re: PUESC: Zmiana adresu email | Nie pamiętam hasła.").topic == "none"
    assert read("Re: ZGL2329987 – rozwiązanie | Nie rozumiem, co mam zrobić.").topic == "wyjasnienie"  # our answer
    assert read("Re: Reklamacja ZGL2329987 | Kiedy będzie odpowiedź?").topic == "reklamacja"


def test_more_than_one_topic() -> None:
    assert read("Proszę o usunięcie konta. Składam też reklamację.").topic == "several"


@pytest.mark.parametrize(
    ("mail", "language"),
    [
        ("NOTIFICATION | I cannot open AES form", "en"),
        ("NOTIFICATION | SENT 500", "en"),
        ("NOTIFICATION | Nie mogę otworzyć formularza AES", "pl"),
        ("notification | prosze o pomoc", "pl"),
        ("Account | Delete my account please.", "en"),
        ("Solution | Thanks, it works now.", "en"),
        ("Help | Dear Sirs, I forgot my password and I cannot log in. Best regards, Michał Wiśniewski, Łódź", "en"),
        ("Dear Sir or Madam, what is the status of my application? Regards, John Smith", "en"),
        ("Login error | email", "pl"),
        ("x | SENT 500\nKind regards,\nJan\nWe are hiring! Please visit us and see what our people have for you", "pl"),
        ("x | I cannot log in, please help.\nBest regards,\nJohn\nDziękujemy za zaufanie", "en"),
        ("OK", "pl"),
        ("", "pl"),
        ("Proszę o usunięcie konta.", "pl"),
        ("prosze o reset hasla, login error 500 password", "pl"),
        ("Guten Tag, ich kann mich nicht anmelden", "pl"),
        ("The error is: nie znaleziono strony", "pl"),
    ],
)
def test_language(mail: str, language: str) -> None:
    assert read(mail).language == language


def test_a_long_text_is_read_to_its_bound() -> None:
    filler = "słowo " * 4000
    assert read(f"{filler}Proszę o usunięcie konta.").topic == "none"
    assert read(f"Proszę o usunięcie konta. {filler}").topic == "usuniecie-konta"


def test_what_stands_below_the_farewell_is_not_the_language_of_the_letter() -> None:
    below = (
        "\n\nBest regards\nJan Kowalski\nHead of Sales\nWe are hiring! Please visit us and see what we have for you."
    )
    assert topics.asked_in(f"{SENTENCES[Phrase.A]} Jan Kowalski, 1980{below}", RULES).language == "pl"
    english = f"I forgot my passwords, please help me.\n{SENTENCES[Phrase.A]} Jan Kowalski, 1980{below}"
    assert topics.asked_in(english, RULES).language == "en"


_SAID = ("please", "help", "my", "password", "nie", "mam", "dla", "prosz­ę", "n​ie", "nié", "moje-", "-konto")
_PIECES = st.one_of(
    st.sampled_from(_SAID), st.sampled_from([*SENTENCES.values(), "x" * 150, "Łódź"]), st.text(max_size=6)
)


@settings(max_examples=examples(1_500), deadline=None)
@given(st.lists(st.tuples(_PIECES, st.sampled_from(" \n.’-,")), max_size=30))
def test_the_language_of_the_procedure_is_that_of_all_words_but_the_sentence(said: list[tuple[str, str]]) -> None:
    """The quick look at the beginning says nothing else than the whole text does."""
    text = "".join(word + gap for word, gap in said)
    rest = visible(text)
    for place in reversed(list(sentence.sentences(flat(rest)))):
        rest = f"{rest[: place.start]}\n{rest[place.end :]}"
    told = language.read((), sentences(plain(rest)), rest, RULES.languages)
    assert topics.asked_in(text, RULES) == replace(NOTHING_SAID, language=told)
