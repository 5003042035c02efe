"""Every language says the same as Polish, and a new one needs files alone."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from mailbot.mails import proof, samples
from mailbot.mails.context import MailContext
from mailbot.mails.templates import Templates
from mailbot.mails.variables import variables
from mailbot.mails.write import Writer
from mailbot.model import Defect, MailKind
from mailbot.request import subject, topics
from mailbot.ruleset import languages
from mailbot.ruleset.loader import load
from mailbot.ruleset.model import Ruleset
from mailbot.web import pages
from tests.support import ROOT
from tests.unit.mails.letters import GENERAL, LETTER, OFFICE, RULES, VARIANTS
from tests.unit.mails.test_write import parsed, part

_DATE = re.compile(r"(\d{1,2}) (?:listopada|października|stycznia|lutego|grudnia|[A-Z][a-z]+) (\d{4})(?: r\.)?")
_POLISH_FIRST = (MailKind.T14, MailKind.T19)
"""They go to somebody whose language nobody knows: in every language they say it in Polish as well."""


def facts(kind: MailKind, letter: MailContext) -> Counter[str]:
    """Numbers, hours, telephones, addresses and steps of a mail; each as often as it stands there."""
    text = body(RULES, kind, letter).replace("całą dobę", "24 godziny")
    steps = [f"step {number}" for number in re.findall(r"^(\d+)\. ", text, flags=re.MULTILINE)]
    items = ["item"] * len(re.findall(r"^– ", text, flags=re.MULTILINE))
    text = re.sub(r"^\d+\. ", "", _DATE.sub(r"\1/\2", text), flags=re.MULTILINE)
    found = re.findall(r"\S+@\S+|https?://\S+|\d+(?:[ :/.]\d+)*", text)
    return Counter([*steps, *items, *(one.rstrip(".,)") for one in found)])


def body(ruleset: Ruleset, kind: MailKind, letter: MailContext) -> str:
    """Subject and text."""
    values = variables(kind, letter, languages.of(ruleset, letter.language), ruleset, OFFICE)
    return "\n\n".join(Templates(ruleset).render(kind, letter.language, values))


ENGLISH = [
    pytest.param(kind, letter, id=f"{kind}-{number}")
    for kind in RULES.templates
    for number, letter in enumerate(samples.contexts(kind, RULES, "en"))
]


@pytest.mark.parametrize(("kind", "letter"), ENGLISH)
def test_english_says_the_numbers_hours_telephones_and_steps_of_the_polish_mail(
    kind: MailKind, letter: MailContext
) -> None:
    polish, english = facts(kind, replace(letter, language="pl")), facts(kind, letter)
    if kind in _POLISH_FIRST:
        polish, english = Counter(set(polish)), Counter(set(english))
    assert english == polish


def test_sentences_have_the_numbers_of_the_polish_ones() -> None:
    english = RULES.languages["en"]
    pairs = [(RULES.defects[d], english.defects[d]) for d in RULES.defects]
    pairs += [(RULES.differences[d].text, english.differences[d].text) for d in RULES.differences]
    pairs += list(english.pages.items())
    for polish, said in ((one.replace("całą dobę", "24"), other) for one, other in pairs):
        assert set(re.findall(r"\d+", said)) <= set(re.findall(r"\d+", polish)), said
        if "123456789012" not in polish:
            assert re.findall(r"\d+", said) == re.findall(r"\d+", polish), said
    assert set(english.categories) == set(RULES.categories)
    assert pages.missing(english) == []


def test_what_an_application_lacks_is_named_in_english() -> None:
    letter = replace(LETTER, language="en", defects=(Defect.APP_INCOMPLETE,), details={"czego": "imię, nazwisko"})
    assert "The application lacks: first name, surname." in " ".join(body(RULES, MailKind.T4, letter).split())


# ------------------------------------------------------------------ a language of files alone
TOY = "uk"
LETTERS = {
    "Добрий день! Я не можу увійти до облікового запису, бо забув пароль.": TOY,
    "Добрий день! Proszę o pomoc, nie mogę się zalogować.": "pl",
    "Hello, I cannot log in to my account, please help me.": "en",
    "Київ": "pl",
}


@pytest.fixture(scope="module")
def with_a_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules and a language more: English words in Ukrainian clothes, where the test looks at them."""
    rules = tmp_path_factory.mktemp("toy") / "rules"
    shutil.copytree(ROOT / "rules", rules)
    told = yaml.safe_load((rules / "languages" / "en.yaml").read_text(encoding="utf-8"))
    told |= {"words": "добрий день пароль не можу", "letters": "іїєґ"}
    del told["shared"]
    told["forms"] |= {"day": "{day} {month} {year} р.", "moment": "{day}, год. {hour}"}
    told["days"] = {"1": "{n} день", "2": "{n} дні", "3": "{n} дні", "4": "{n} дні", "other": "{n} днів"}
    told["months"] = [f"{name}я" for name in ("січн", "лютн", "березн", "квітн", "травн", "червн")] * 2
    (rules / "languages" / f"{TOY}.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    english = (rules / "mails" / "T10_reklamacja_po_terminie.en.txt.j2").read_text(encoding="utf-8")
    (rules / "mails" / f"T10_reklamacja_po_terminie.{TOY}.txt.j2").write_text(
        english.replace("Hello,", "Добрий день,"), encoding="utf-8"
    )
    return rules


def test_a_language_needs_files_alone(with_a_toy: Path) -> None:
    assert [str(f) for f in proof.check(with_a_toy) if f.level.value == "error"] == []
    ruleset = load(with_a_toy)
    assert ruleset.hash != RULES.hash
    assert ruleset.words["language"] == ("pl", "en", TOY)
    for text, code in LETTERS.items():
        said = topics.read(subject.classify("Питання", is_reply=False), text, ruleset)
        assert said.language == code, text
    late = replace(VARIANTS["T10"][1], language=TOY)
    message = parsed(Writer(ruleset, OFFICE).outgoing(MailKind.T10, late).raw)
    assert message["Content-Language"] == TOY
    assert "Добрий день," in part(message, "plain")
    assert "within 3 дні of our answer" in part(message, "plain")
    assert "on 29 квітня 2025 р." in part(message, "plain")
    assert f'<html lang="{TOY}">' in part(message, "html")
    polish = parsed(Writer(ruleset, OFFICE).outgoing(MailKind.T8, replace(GENERAL, language=TOY)).raw)
    assert polish["Content-Language"] == "pl", "without a template in it a mail is Polish"


def test_the_pages_speak_it(with_a_toy: Path) -> None:
    ruleset = load(with_a_toy)
    shown = pages.Pages("1", "https://puesc.gov.pl", "https://puesc.gov.pl")
    shown.use_rules(ruleset.contacts, ruleset.languages)
    until = datetime(2025, 11, 5, 13, 5, tzinfo=UTC) + timedelta(hours=1)
    form = shown.form(login="a@b.example", changes_login=True, expires_at=until, csrf="", language=TOY)
    assert form.text is not None
    assert f'<html lang="{TOY}">' in form.text
    assert "5 травня 2025 р., год. 15:05" in form.text
    assert "New emergency password" in form.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "pl"),
        ("pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("en-GB,en;q=0.9,pl;q=0.1", "pl"),
        ("en-GB,en;q=0.9", "en"),
        ("de,en;q=0.5", "en"),
        ("fr", "pl"),
        ("*", "pl"),
        ("e,;;q=,\x00", "pl"),
    ],
)
def test_a_page_without_a_letter_is_polish_unless_the_reader_takes_no_polish(accepted: str, language: str) -> None:
    shown = pages.Pages("1", "https://puesc.gov.pl", "https://puesc.gov.pl")
    shown.use_rules(RULES.contacts, RULES.languages)
    assert shown.language(accepted) == language


def test_a_language_with_a_sentence_missing_has_polish_pages() -> None:
    english = RULES.languages["en"]
    some = dict(list(english.pages.items())[1:])
    shown = pages.Pages("1", "https://puesc.gov.pl", "https://puesc.gov.pl")
    shown.use_rules(RULES.contacts, {"en": replace(english, pages=some)})
    assert shown.language("en") == "pl"
    assert "Ten link nie działa" in (shown.gone("en").text or "")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"months": ["January"]}, "are not twelve"),
        ({"hours": {"1": "{n} hour"}}, "hours.other: is missing"),
        ({"days": {"one": "{n} day", "other": "{n}"}}, "is no number"),
        ({"days": {"other": "{n.__class__} days"}}, "other places to fill in"),
        ({"pages": {"Link działa do {do}. Możesz go użyć jeden raz.": "{do!r}"}}, "other places to fill in"),
        ({"pages": {"Coś poszło nie tak": "call 22 111 22 33"}}, "is not in rules/contacts.yaml"),
        ({"categories": {"NIE_MA": "x"}}, "is not in categories.yaml"),
        ({"defects": {}}, "EMPTY: is missing"),
        ({"odd": "x"}, '"odd" is no known key'),
    ],
)
def test_mistakes_of_a_language_are_told(change: dict[str, object], found: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    path = rules / "languages" / "en.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8")) | change
    path.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    assert any(found in str(finding) for finding in proof.check(rules))


def test_files_that_no_language_owns_are_told(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    (rules / "languages" / "pl.yaml").write_text("", encoding="utf-8")
    shutil.copy(rules / "mails" / "T5_odmowa_ogolna.en.txt.j2", rules / "mails" / "T5_odmowa_ogolna.de.txt.j2")
    told = [str(finding) for finding in proof.check(rules)]
    assert any("pl.yaml:1:1: is not named after a language" in one for one in told)
    assert any('is never sent: no file tells of "de"; mend: write rules/languages/de.yaml' in one for one in told)


def test_a_folder_of_before_is_still_taken(tmp_path: Path) -> None:
    """Without languages/, and with English templates: they rest, and everybody is answered in Polish."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules, ignore=shutil.ignore_patterns("languages"))
    ruleset = load(rules)
    assert (ruleset.languages, ruleset.translations) == ({}, {})
    assert topics.read(subject.classify("NOTIFICATION", is_reply=False), "Please help me", ruleset).language == "pl"
    written = Writer(ruleset, OFFICE).outgoing(MailKind.T1, replace(LETTER, language="en"))
    assert parsed(written.raw)["Content-Language"] == "pl"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Proszę o zmianę hasła awaryjnego dla\nJan Kowalski 1980", "pl"),
        ("Hello,\nProszę o zmianę hasła awaryjnego dla\nJohn Smith 1980\nThank you for your help. Kind regards", "en"),
        ("PROSZE O ZMIANE HASLA AWARYJNEGO DLA John Smith 1980. I have lost my password and cannot log in.", "en"),
        ("Dzień dobry, Proszę o zmianę hasła awaryjnego dla\nJan Kowalski 1980. Thank you for your help", "pl"),
        ("Proszę o zmianę hasła awaryjnego dla John Smith 1980, help", "pl"),
        ("Witam, I have lost my password. Proszę o pomoc", "pl"),
    ],
)
def test_the_promised_sentence_makes_no_letter_polish(text: str, language: str) -> None:
    assert topics.asked_in(text, RULES).language == language
