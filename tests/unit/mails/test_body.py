"""Bodies by a form against those that the templates give: the same octets. And nothing of a citizen's is kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailbot.mails import body, samples
from mailbot.mails.body import Bodies
from mailbot.mails.context import MailContext
from mailbot.mails.templates import Templates
from mailbot.mails.variables import KNOWN, VARIABLES, variables
from mailbot.model import MailKind
from mailbot.ruleset import languages
from mailbot.ruleset.model import Ruleset
from tests.support import examples
from tests.unit.mails.letters import LETTER, OFFICE, RULES, VARIANTS

_TOLD = MailKind.T5
"""A mail of which nothing is told but the number and the telephone."""


def with_template(text: str) -> Ruleset:
    template = replace(RULES.templates[_TOLD], source=f"Temat: {{{{ zgl }}}} – x\n\n{text}\n")
    return replace(RULES, templates={**RULES.templates, _TOLD: template})


def values_of(kind: MailKind, letter: MailContext, language: str = "pl") -> dict[str, str]:
    return variables(kind, letter, languages.of(RULES, language), RULES, OFFICE)


def letters() -> Iterator[tuple[MailKind, str, MailContext]]:
    """Everything that every mail can say, in every language."""
    for language, templates in (("pl", RULES.templates), *RULES.translations.items()):
        for kind in templates:
            yield from ((kind, language, letter) for letter in samples.contexts(kind, RULES, language))
    yield from ((kind, letter.language, letter) for kind, letter in VARIANTS.values())


LETTERS = list(letters())


def number(rng: random.Random) -> str:
    return f"ZGL{rng.randrange(10 ** rng.choice((1, 4, 7, 7, 7, 8, 12))):07d}"


def later(letter: MailContext, rng: random.Random) -> MailContext:
    """Another one of the same minutes or of others."""
    span = timedelta(minutes=rng.choice((0, 0, 0, 1, 7_000)))
    moments = ("opened_at", "promised_at", "now", "link_expires", "change_from", "specialist_by", "reply_by")
    moved = {name: at + span for name in moments if (at := getattr(letter, name)) is not None}
    return replace(letter, ticket=number(rng), **({} if letter.breaks else moved))


def test_every_mail_is_that_of_its_template() -> None:
    rng = random.Random(14)
    bodies = Bodies(Templates(RULES))
    for kind, language, letter in rng.choices(LETTERS, k=examples(1_200)):
        for _ in range(4):
            values = values_of(kind, later(letter, rng), language)
            assert bodies.write(kind, language, values) == bodies.written(kind, language, values)
    assert sum(form is not None for form in bodies._forms.values()) > 100


def test_a_value_of_its_own_gives_a_body_of_its_own() -> None:
    """Whatever fills a template is part of what tells one form from another."""
    for kind, language, letter in {(kind, language): (kind, language, one) for kind, language, one in LETTERS}.values():
        bodies, values = Bodies(Templates(RULES)), values_of(kind, letter, language)
        bodies.write(kind, language, values)
        for name in KNOWN[kind]:
            other = {**values, name: f"{values[name]} 12"}
            bodies.write(kind, language, values)
            assert bodies.write(kind, language, other) == bodies.written(kind, language, other), name


@pytest.mark.parametrize("own", [name for name, variable in VARIABLES.items() if variable.own])
def test_nothing_of_a_citizens_own_is_kept(own: str) -> None:
    bodies = Bodies(Templates(RULES))
    for kind in (kind for kind, known in KNOWN.items() if own in known and kind in RULES.templates):
        values = {**values_of(kind, replace(VARIANTS[kind.value][1], ticket="ZGL0000007")), own: "Kowalska"}
        for _ in range(3):
            bodies.write(kind, "pl", values)
    assert not bodies._forms
    assert not bodies._once


def test_no_value_of_a_kept_mail_is_an_address_or_a_name() -> None:
    bodies = Bodies(Templates(RULES))
    marked = {"recipient": "Zażółć@gęślą.example", "old_login": "Zażółć@jaźń.example", "bounce_address": "Zażółć@x"}
    marked |= {"subject": "Zażółć", "text": "Zażółć", "in_reply_to": "<Zażółć@x>", "token": "Zażółć"}
    for kind, language, letter in LETTERS:
        told = replace(letter, references=("<Zażółć@x>",), authenticated=True, **marked)
        for _ in range(3):
            bodies.write(kind, language, values_of(kind, told, language))
    assert bodies._forms
    assert "Zażółć" not in f"{bodies._forms}{bodies._once}"


@pytest.mark.parametrize(
    "text",
    [
        "Sprawa {{ zgl }}, tel. {{ tel }}",
        "{{ zgl }}{{ zgl }}7 ZGL0000001 {{ tel }}",
        'Sprawa{% if zgl == "ZGL0000003" %} trzecia{% endif %}, tel. {{ tel }}',
        'Sprawa{% if zgl == "\\x5aGL0000003" %} trzecia{% endif %}, tel. {{ tel }}',
        "{% if zgl > tel %}{{ zgl }}{% else %}{{ tel }}{% endif %} x",
        "ZGL0000001 {{ zgl }} {{ tel }}",
        "{{ zgl }} " * 7 + "ćśżźłó" * 5 + " {{ zgl }} " + "ó" * 60,
        "1. {{ zgl }}\n2. x\n\n{{ zgl }}\n\nhttps://puesc.gov.pl/{{ zgl }}",
        "{{ zgl and tel }} {{ tel and zgl | indent(3) }}",
    ],
)
def test_whatever_a_template_makes_of_the_number(text: str) -> None:
    bodies = Bodies(Templates(with_template(text)))
    for count in (1, 2, 3, 1, 22, 3, 4, 5, 9_999_999, 10_000_000, 10_000_001, 3, 98_765_432):
        values = {"zgl": f"ZGL{count:07d}", "tel": "22 330 03 30"}
        for _ in range(2):
            assert bodies.write(_TOLD, "pl", values) == bodies.written(_TOLD, "pl", values)


def test_a_title_that_cannot_stand_in_a_header_stays_so() -> None:
    template = replace(RULES.templates[_TOLD], source="Temat: {{ zgl }} \x01\n\n{{ tel }}\n")
    bodies = Bodies(Templates(replace(RULES, templates={**RULES.templates, _TOLD: template})))
    for _ in range(4):
        assert bodies.write(_TOLD, "pl", {"zgl": "ZGL0000001", "tel": "1"})[0] == "ZGL0000001 \x01"


@pytest.mark.parametrize("ticket", ["", "ZGL", "zgl0000001", "ZGL000001", "ZGL٠٠٠٠٠٠١", "ZGL0000001 ", "A-1"])
def test_what_is_no_number_is_written_by_the_template(ticket: str) -> None:
    bodies = Bodies(Templates(RULES))
    values = values_of(_TOLD, replace(LETTER, ticket=ticket))
    for _ in range(3):
        assert bodies.write(_TOLD, "pl", values) == bodies.written(_TOLD, "pl", values)
    assert not bodies._forms


def test_forms_are_bounded_in_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_OCTETS_MAX", 50_000)
    bodies = Bodies(Templates(RULES))
    for minute in range(60):
        letter = replace(LETTER, link_expires=LETTER.now + timedelta(minutes=minute))
        for _ in range(3):
            values = values_of(MailKind.T3, letter)
            assert bodies.write(MailKind.T3, "pl", values) == bodies.written(MailKind.T3, "pl", values)
        kept = sum(len(form.body) for form in bodies._forms.values() if form)
        assert kept + len(bodies._once) * 1_000 < 50_000
