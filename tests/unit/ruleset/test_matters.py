"""The shipped topics, questions and services. Mistakes in these files stand in tests/bad_rules."""

from __future__ import annotations

from datetime import date

import pytest

from mailbot.ruleset.model import DEFAULT_SERVICE
from tests.once import shipped

RULES = shipped()


def test_topics() -> None:
    assert [topic.name for topic in RULES.topics] == [
        "usuniecie-konta",
        "pesel-istnieje",
        "odblokowanie-logowania",
        "zmiana-emaila",
        "haslo-samodzielne",
        "reklamacja",
        "wyjasnienie",
        "podziekowanie",
    ]
    assert {t.name: t.yields_to for t in RULES.topics if t.yields_to} == {
        "haslo-samodzielne": ("zmiana-emaila",),
        "wyjasnienie": ("reklamacja",),
    }
    assert [t.name for t in RULES.topics if t.nothing_but] == ["podziekowanie"]


def test_their_names_are_words_of_the_facts() -> None:
    assert RULES.words["topic"] == ("none", "several", *(topic.name for topic in RULES.topics))
    assert RULES.words["service"] == ("none", *RULES.services)


def test_every_saying_is_looked_for() -> None:
    """A sentence of the table of the topics is found only through the book, so each saying must be in it."""
    said = [s for t in RULES.topics for s in (*t.said, *t.context, *t.unless)]
    said += [s for f in RULES.faqs for s in (*f.about, *f.unless, *(s for e in f.entries for s in e.said))]
    for saying in said:
        words = [next(iter(sorted(step.words.whole or step.words.stems))) for step in saying.steps if step.words]
        needed = [w for w, step in zip(words, [s for s in saying.steps if s.words], strict=True) if not step.optional]
        assert saying.text in RULES.book.found([needed])


@pytest.mark.parametrize(
    ("category", "service", "kind", "phone", "days"),
    [
        ("OGOLNE", DEFAULT_SERVICE, "zgloszenie", "33 483 20 55", 10),
        ("FAQ_WROTA_CELNE", DEFAULT_SERVICE, "zgloszenie", "33 483 20 55", 10),
        ("BLAD_USLUGI", "blad-uslugi", "zgloszenie", "33 483 20 55", 10),
        ("WNIOSEK_O_USLUGE", "wniosek-o-usluge", "wniosek", "33 483 20 55", 10),
        ("ZMIANA_EMAILA", "zmiana-emaila", "wniosek", "33 483 20 55", 10),
        ("HASLO_AWARYJNE_A", "procedura-specjalna", "wniosek", "33 483 20 55", 10),
        ("HASLO_AWARYJNE_B", "procedura-specjalna", "wniosek", "33 483 20 55", 10),
        ("TEMAT_NIEPOPRAWNY", "procedura-specjalna", "wniosek", "33 483 20 55", 10),
        ("PESEL_ISTNIEJE", "pesel-istnieje", "zgloszenie", "33 483 20 55", 10),
        ("ODBLOKOWANIE_LOGOWANIA", "odblokowanie-logowania", "zgloszenie", "33 483 20 55", 10),
        ("USUNIECIE_KONTA", "usuniecie-konta", "zgloszenie", "22 460 59 70", 20),
    ],
)
def test_services_carry_what_their_own_source_promises(
    category: str, service: str, kind: str, phone: str, days: int
) -> None:
    found = RULES.service_of(category)
    assert found.name == service
    assert found.kind == kind
    assert RULES.contacts.phones[found.phone] == phone
    assert found.specialist_days == days
    assert found.standard_hours == 4
    assert [source.partition(":")[0] for source in found.sources] == ["phone", "standard_hours", "specialist_days"]


def test_the_road_of_a_deletion_in_the_portal() -> None:
    """Seed 000, KROK 1."""
    service = RULES.services["usuniecie-konta"]
    assert service.csd_service == "Strefa Klienta KAS"
    assert service.csd_classification == "Rejestracja na PUESC – zakładanie konta – Usuń swoje konto na PUESC"


def test_questions() -> None:
    """Seed 004: five questions in their own words, and where they go."""
    (faq,) = RULES.faqs
    assert (faq.name, faq.owner, faq.category) == ("wrota-celne", "SKG S.A.", "FAQ_WROTA_CELNE")
    assert isinstance(faq.published, date)
    assert [entry.question for entry in faq.entries] == [
        "Jakie są wymagania techniczne platformy Wrota Celne?",
        "Ile osób może korzystać z systemu?",
        "Jak dodaje się użytkowników?",
        "Jaką pomoc oferuje SKG S.A.?",
        "Jak wykupić dostęp do platformy?",
    ]
    assert faq.entries[-1].answer[-2:] == ("tel.: 33 828 11 00", "e-mail: sprzedaz@asseco.pl")
    assert "56 Kbps" in " ".join(faq.entries[0].answer)
    assert "bez dodatkowych opłat" in " ".join(faq.entries[1].answer)
    assert "Rozdział 3" in " ".join(faq.entries[2].answer)
    assert "od godziny 8:00 do godziny 16:00" in " ".join(line.strip() for line in faq.entries[3].answer)
