"""The finished mails: golden files beside this test, the approved drafts, and the header of each kind.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/unit/mails, then read the difference.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import time, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from mailbot.errors import RulesError, TemplateError
from mailbot.mails import samples, wording
from mailbot.mails.context import PLACEHOLDER, MailContext
from mailbot.mails.thread import parse
from mailbot.mails.variables import KNOWN, VARIABLES
from mailbot.mails.write import ONCE_A_DAY, Writer
from mailbot.model import Defect, Difference, MailKind, Phrase
from mailbot.ruleset import languages
from mailbot.ruleset.model import Template
from tests.unit.mails.letters import (
    BOUNCES,
    BREAK,
    GENERAL,
    LETTER,
    NEAR,
    NIGHT,
    OFFICE,
    RULES,
    TOKEN,
    TWO,
    VARIANTS,
    WRITER,
)

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_HTML = ("T3", "T4-case-b")
DRAFTS = {
    "T1": "T01_rejestracja.txt",
    "T2A": "T02A_rozwiazanie_haslo_awaryjne.txt",
    "T2B": "T02B_rozwiazanie_nowy_login.txt",
    "T3": "T03_aktywacja.txt",
    "T14": "T14_ostrzezenie_stary_login.txt",
    "T4-case-a": "T04_odmowa_wymagania.txt",
    "T4-case-b": "T04_odmowa_wymagania.txt",
    "T5": "T05_odmowa_ogolna.txt",
    "T6": "T06_prosba_o_dane.txt",
    "T7": "T07_temat_prawie_dobry.txt",
    "T8": "T08_NOWE.txt",
    "T9": "T09_reklamacja_przyjeta.txt",
    "T10": "T10_reklamacja_po_terminie.txt",
    "T11": "T11_usuniecie_konta.txt",
    "T12": "T12_komunikat_przerwa.txt",
    "T13": "T13_FAQ.txt",
    "T15": "T15_juz_mamy.txt",
    "T16": "T16_samodzielnie.txt",
    "T17": "T17_PESEL.txt",
    "T18": "T18_limit.txt",
}
REWORDED = {
    "T1": (
        "otrzymaliśmy Twoją wiadomość i zarejestrowaliśmy zgłoszenie w Centralnym Service Desk (CSD).",
    ),  # nobody did
    "T2A": ("To nie Ty wysłałeś prośbę lub to nie Ty wysłałaś prośbę?",),
    "T3": ("Na stronie potwierdzisz adres e-mail i ustawisz nowe hasło awaryjne.",),  # only in case B
    "T8": ("Stan zgłoszenia sprawdzisz też w portalu Centralny Service Desk (CSD).",),  # nothing is written there
    "T18": (  # it also goes out for a limit of the whole domain
        "{zgl} – dostaliśmy od Ciebie dużo wiadomości",
        "z Twojego adresu przyszło w krótkim czasie dużo wiadomości.",
    ),
    "T6": ("Masz pytanie?",),
    "T10": ("na reklamację były trzy dni od otrzymania odpowiedzi.",),  # the number of days is a setting
    "T11": ("Zgłoszenie {zgl} ma instrukcję.",),  # nobody says so
    "T12": (  # it also goes out while the break goes on, and about any system
        "{zgl} – przerwa w działaniu Help Desk SISC,",
        "{data_slownie} będziemy prowadzić prace serwisowe.",
        "Help Desk SISC nie będzie wtedy działać w godzinach:",
    ),
}
"""Sentences of the drafts that the mails say in other words."""


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    assert not body.defects
    text: str = body.get_content()
    return text.replace("\r\n", "\n")


def longest(text: str) -> int:
    """Of the lines of a mail; a link that stands alone is never broken."""
    return max(len(line) for line in text.split("\n") if not re.fullmatch(r"https://\S+", line))


@pytest.mark.parametrize("name", VARIANTS)
def test_golden(name: str) -> None:
    message = parsed(WRITER.outgoing(*VARIANTS[name]).raw)
    found = {f"{name}.txt": f"Temat: {message['Subject']}\n\n{part(message, 'plain').rstrip()}\n"}
    if name in GOLDEN_HTML:  # of the others test_html says that they hold what the text holds
        found[f"{name}.html"] = f"{part(message, 'html').rstrip()}\n"
    for file, text in found.items():
        if os.environ.get("UPDATE_GOLDEN"):
            (GOLDEN / file).write_text(text, encoding="utf-8")
        assert text == (GOLDEN / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DRAFTS)
def test_every_sentence_of_the_approved_draft(name: str, corpora: Path) -> None:
    draft = (corpora.parent / "drafts" / DRAFTS[name]).read_text(encoding="utf-8")
    message = parsed(WRITER.outgoing(*VARIANTS[name]).raw)
    said = " ".join(f"Temat: {message['Subject']} {part(message, 'plain')}".split())
    for sentence in re.split(r"(?<=[.?!,:]) |\n{2,}", " ".join(draft.replace("\n\n", " \0 ").split())):
        for piece in sentence.split("\0"):
            if piece.strip() in REWORDED.get(name, ()):
                continue
            pattern = re.sub(r"\\\{\w+\\\}\\?\.?", ".*", re.escape(piece.strip()))
            assert re.search(pattern, said), piece


@pytest.mark.parametrize("name", VARIANTS)
def test_lines_of_the_text_are_short(name: str) -> None:
    text = part(parsed(WRITER.outgoing(*VARIANTS[name]).raw), "plain")
    assert longest(text) <= 78
    assert ".." not in text


@pytest.mark.parametrize("name", VARIANTS)
def test_header(name: str) -> None:
    kind, letter = VARIANTS[name]
    mail = WRITER.outgoing(kind, letter)
    message = parsed(mail.raw)
    answer = kind not in (MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T12, MailKind.T14, MailKind.T19)
    person = kind in (MailKind.T21, MailKind.T22, MailKind.T23)
    assert message["From"] == "Help Desk SISC <helpdesk-eclo@mf.gov.pl>"
    assert message["To"] == mail.recipient == "jan.kowalski@wp.example"
    which = ".20251104" if kind in ONCE_A_DAY else f".{letter.breaks[0].name}" if kind is MailKind.T12 else ""
    assert message["Message-ID"] == mail.message_id == f"<zgl0000001.{kind.lower()}{which}.{TOKEN}@helpdesk.example>"
    assert parse(mail.message_id) == ("ZGL0000001", TOKEN)
    assert message["Date"] == "Tue, 04 Nov 2025 14:05:02 +0100"
    if kind in (MailKind.T14, MailKind.T19):  # the id of the request would tell the old login where it came from
        assert (message["In-Reply-To"], message["References"]) == (None, None)
        assert b"nowa.example" not in mail.raw
    else:
        assert message["In-Reply-To"] == "<prosba-1@wp.example>"
        assert message["References"].split()[0] == "<prosba-1@wp.example>"
    assert message["Auto-Submitted"] == ("no" if person else "auto-replied" if answer else "auto-generated")
    assert mail.return_path == ("" if answer and not person else BOUNCES)
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Loop"] == "helpdesk-eclo@mf.gov.pl"
    assert message["Content-Language"] == letter.language
    assert message["MIME-Version"] == "1.0"
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]
    assert {p.get_content_charset() for p in message.iter_parts()} == {"utf-8"}
    assert mail.raw.isascii()
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")


def test_titles() -> None:
    for kind, letter in VARIANTS.values():
        title = parsed(WRITER.outgoing(kind, letter).raw)["Subject"]
        if kind is MailKind.T3:
            assert title == "PUESC: Zmiana adresu email"
        else:
            assert title.startswith("ZGL0000001 – ")


def test_the_number_leads_to_every_mail_of_the_ticket() -> None:
    for kind in (MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T4, MailKind.T5):
        references = parsed(WRITER.outgoing(kind, VARIANTS["T4-case-a"][1]).raw)["References"]
        assert references.split() == ["<prosba-1@wp.example>", f"<zgl0000001.t1.{TOKEN}@helpdesk.example>"]


def test_the_same_letter_gives_the_same_bytes() -> None:
    other = Writer(RULES, OFFICE)
    for kind, letter in VARIANTS.values():
        assert WRITER.outgoing(kind, letter) == other.outgoing(kind, letter)


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7, 30, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 75, 200])
def test_the_token_can_take_the_place_of_the_placeholder_in_both_parts(length: int) -> None:
    url = "https://puesc.gov.pl/" + "x" * length
    raw = Writer(RULES, replace(OFFICE, public_url=url)).outgoing(MailKind.T3, LETTER).raw
    token = "Zm9v_-" * 5 + "Zm"
    assert len(token) == len(PLACEHOLDER) == 32
    assert raw.count(PLACEHOLDER.encode()) == 3  # once in the text, target and words of the link in the HTML
    sent = raw.replace(PLACEHOLDER.encode(), token.encode())
    link = f"{url}/aktywacja/{token}"
    message = parsed(sent)
    assert f"\n\n{link}\n\n" in part(message, "plain")
    assert f'<a\nhref="{link}">\n{link}</a>' in part(message, "html")
    assert all(len(line) <= 76 for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))


def test_only_the_activation_mail_holds_a_link_or_its_token() -> None:
    for kind, letter in VARIANTS.values():
        raw = WRITER.outgoing(kind, letter).raw
        assert (b"/aktywacja/" in raw) == (PLACEHOLDER.encode() in raw) == (kind is MailKind.T3)


@pytest.mark.parametrize(
    "name", ["T5", "T5-english", "T6", "T6-english", "T11", "T11-break", "T11-english", "T17", "T20"]
)
def test_what_must_tell_nothing_is_equal_for_everybody(name: str) -> None:
    """Only number, times and ids may differ: the mail must not tell who has an account, and which."""
    kind, letter = VARIANTS[name]
    other = replace(
        letter,
        ticket="ZGL0000002",
        recipient="anna.nowak@op.example",
        phrase=Phrase.B,
        defects=TWO,
        subject="Usuń konto firmy",
        differences=NEAR.differences,
        authenticated=not letter.authenticated,
        old_login="anna@op.example",
        opened_at=letter.opened_at - timedelta(minutes=7),
        specialist_by=letter.now + timedelta(days=3),
        promised_at=letter.now + timedelta(days=4),
        answered_at=letter.now,
        complaint_until=letter.now,
        in_reply_to="<inna@op.example>",
        token="f" * 16,
    )
    assert told(kind, letter, "ZGL0000001") == told(kind, other, "ZGL0000002")


def told(kind: MailKind, letter: MailContext, number: str) -> list[str]:
    """All of a mail but its addresses, ids and number."""
    message = parsed(WRITER.outgoing(kind, letter).raw)
    own = ("To", "Message-ID", "In-Reply-To", "References")
    head = [f"{name}: {value}" for name, value in message.items() if name not in own]
    return [text.replace(number, "ZGL") for text in (*head, part(message, "plain"), part(message, "html"))]


def test_defects_come_in_the_order_of_the_rules() -> None:
    text = part(parsed(WRITER.outgoing(*VARIANTS["T4-case-a"]).raw), "plain")
    assert "1. W treści brakuje imienia i nazwiska.\n2. W treści brakuje roku urodzenia." in text


def test_defects_with_something_to_fill_in() -> None:
    letter = replace(LETTER, defects=(Defect.APP_INCOMPLETE, Defect.CONTAINER))
    with pytest.raises(TemplateError, match=r"ZGL0000001.*limit|ZGL0000001.*czego"):
        WRITER.outgoing(MailKind.T4, letter)
    letter = replace(letter, details={"czego": "nowy adres e-mail", "limit": "20"})
    said = " ".join(part(parsed(WRITER.outgoing(MailKind.T4, letter).raw), "plain").split())
    assert "We wniosku brakuje: nowy adres e-mail." in said
    assert "większych niż 20 MB." in said


def test_strangers_words_are_never_repeated() -> None:
    letter = replace(NEAR, subject="Pilne-wezwanie HASŁO", differences=((Difference.EXTRA, "Pilne-wezwanie"),))
    assert "Pilne-wezwanie" in part(parsed(WRITER.outgoing(MailKind.T7, letter).raw), "plain")
    text = part(parsed(WRITER.outgoing(MailKind.T7, replace(letter, authenticated=False)).raw), "plain")
    assert "Pilne-wezwanie" not in text
    assert "Temat Twojej wiadomości" not in text
    assert "Różnica: są dodatkowe słowa\n" in text


def test_a_hostile_subject_cannot_reach_the_header_or_become_a_link() -> None:
    hostile = "HASŁO\r\nBcc: x@evil.example\u202e https://evil.example/a <script>alert(1)</script> www.evil.example"
    letter = replace(NEAR, subject=hostile, differences=((Difference.EXTRA, hostile),))
    message = parsed(WRITER.outgoing(MailKind.T7, letter).raw)
    assert message["Bcc"] is None
    for subtype in ("plain", "html"):
        assert "evil" not in part(message, subtype)
        assert "\u202e" not in part(message, subtype)
    assert "<script>" not in part(message, "html")


@pytest.mark.parametrize("kind", [MailKind.T2A, MailKind.T3])
def test_a_mail_about_a_link_needs_its_end(kind: MailKind) -> None:
    with pytest.raises(TemplateError, match="link_expires"):
        WRITER.outgoing(kind, replace(LETTER, link_expires=None))


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("name", ["T1", "T15", "T1-general", "T15-general"])
def test_an_hour_that_nobody_holds_is_not_promised(name: str, language: str) -> None:
    """One text for all: who has the request is told by no registration, for that would tell of the account."""
    kind, letter = VARIANTS[name]
    letter = replace(letter, language=language)
    day = wording.day(letter.promised_at, languages.of(RULES, language))
    later = {"pl": "odpowiedź może przyjść później", "en": "the answer may come later"}[language]
    assert day in plain(kind, letter)
    assert day not in plain(kind, replace(letter, now=letter.promised_at)), "a promise is not made after it was broken"
    assert (later in " ".join(plain(kind, letter).split())) is (not name.endswith("general"))


@pytest.mark.parametrize("kind", [MailKind.T1, MailKind.T8, MailKind.T9])
@pytest.mark.parametrize("language", ["pl", "en"])
def test_nothing_is_said_to_stand_in_csd(kind: MailKind, language: str) -> None:
    text = plain(kind, replace(GENERAL, language=language))
    assert "CSD" not in text
    assert "portal" not in text


def test_the_page_changes_the_login_in_case_b_alone() -> None:
    for letter in (replace(LETTER, phrase=Phrase.B), replace(LETTER, phrase=None, category="HASLO_AWARYJNE_B")):
        assert "Na stronie potwierdzisz adres e-mail" in plain(MailKind.T3, letter)
    assert "potwierdzisz" not in plain(MailKind.T3, LETTER)


def test_a_refusal_in_case_b_says_how_to_make_an_application() -> None:
    text = plain(*VARIANTS["T4-case-b"])
    for said in ("imię", "nazwisko", "dotychczasowy login", "nowy adres e-mail", "podpisem zaufanym"):
        assert said in text
    assert "\nhttps://www.gov.pl/web/gov/podpisz-dokument-elektronicznie-wykorzystaj-podpis-zaufany\n" in text
    rules = replace(RULES, contacts=replace(RULES.contacts, signing_page=""))
    text = part(parsed(Writer(rules, OFFICE).outgoing(*VARIANTS["T4-case-b"]).raw), "plain")
    assert "gov.pl/web" not in text
    assert "na tej stronie" not in text
    assert "Pusty wniosek" not in plain(*VARIANTS["T4-case-b"]), "this office has no form to attach"
    with_form = Writer(RULES, replace(OFFICE, form=("wniosek.pdf", b"%PDF-1.7")))
    for name, attached in (("T4-case-b", True), ("T4-case-a", False)):
        text = part(parsed(with_form.outgoing(*VARIANTS[name]).raw), "plain")
        assert ("Pusty wniosek jest w załączniku" in text) is attached


def test_a_near_miss_says_from_which_address_to_write() -> None:
    assert "ze swojego loginu do PUESC" in plain(*VARIANTS["T7"])
    assert "z nowego adresu e-mail" in plain(*VARIANTS["T7-case-b"])


@pytest.mark.parametrize("name", ["T4-case-a", "T4-case-b", "T6", "T7", "T10", "T16"])
def test_the_address_is_that_of_the_settings(name: str) -> None:
    office = replace(OFFICE, helpdesk="pomoc@urzad.example")
    text = part(parsed(Writer(RULES, office).outgoing(*VARIANTS[name]).raw), "plain")
    assert "pomoc@urzad.example" in text
    assert "mf.gov.pl" not in text


def test_an_unknown_category_is_a_permanent_error() -> None:
    with pytest.raises(TemplateError, match="categories"):
        WRITER.outgoing(MailKind.T1, replace(LETTER, category="NIE_MA"))


def test_a_writer_refuses_templates_with_mistakes() -> None:
    broken = dict(RULES.templates)
    broken[MailKind.T5] = Template(broken[MailKind.T5].path, "Temat: {{ zgl }} – x\n\n{{ haslo }} {{ tel }}\n")
    with pytest.raises(RulesError, match=r"T5_odmowa_ogolna.txt.j2:3: \{\{ haslo \}\} is not known in T5"):
        Writer(replace(RULES, templates=broken), OFFICE)


def test_promise_across_the_change_of_clocks() -> None:
    """procedure §6: Saturday 12:00 and 24 absolute hours is Sunday 13:00 in spring."""
    opened = LETTER.opened_at.replace(2026, 3, 28, 11, 0)
    letter = replace(LETTER, opened_at=opened, promised_at=opened + timedelta(hours=24))
    text = part(parsed(WRITER.outgoing(MailKind.T1, letter).raw), "plain")
    assert "Data: 28 marca 2026 r., godz. 12:00" in text
    assert "Zrobimy to do 29 marca 2026 r., godz. 13:00." in text


@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_template_lists_what_can_be_filled_in(language: str) -> None:
    for kind, template in (RULES.templates if language == "pl" else RULES.translations[language]).items():
        comment = template.source.partition("#}")[0]
        listed = set(re.findall(r"\w+", comment.partition("Can be filled in:")[2])) & set(VARIABLES)
        assert listed == set(KNOWN[kind]), kind


def plain(kind: MailKind, letter: MailContext) -> str:
    return part(parsed(WRITER.outgoing(kind, letter).raw), "plain")


def test_every_kind_has_variables_and_every_shipped_mail_a_golden_file() -> None:
    assert set(KNOWN) == set(MailKind)
    assert {kind for kind, _ in VARIANTS.values()} == set(RULES.templates) == {k for k in MailKind if not k.own}
    english = {kind for kind, letter in VARIANTS.values() if letter.language == "en"}
    assert english == set(RULES.translations["en"]) == set(RULES.templates)


@pytest.mark.parametrize(
    ("category", "phone"),
    [("USUNIECIE_KONTA", "22 460 59 70"), ("HASLO_AWARYJNE_A", "33 483 20 55"), ("OGOLNE", "33 483 20 55")],
)
def test_the_telephone_is_that_of_the_service(category: str, phone: str) -> None:
    text = plain(MailKind.T15, replace(GENERAL, category=category))
    assert f"Telefon: {phone}, całą dobę" in text


def test_a_mail_without_a_template_in_the_language_is_polish() -> None:
    known = {kind: template for kind, template in RULES.translations["en"].items() if kind is not MailKind.T5}
    writer = Writer(replace(RULES, translations={"en": known}), OFFICE)
    for language in ("en", "uk"):
        written = writer.outgoing(MailKind.T5, replace(LETTER, language=language))
        assert written == WRITER.outgoing(MailKind.T5, LETTER)


def test_registration_outside_the_procedure_promises_no_link() -> None:
    for language in ("pl", "en"):
        text = plain(MailKind.T1, replace(GENERAL, language=language))
        assert "link" not in text
        assert "PUESC: Zmiana adresu email" not in text
        assert "PUESC: Zmiana adresu email" in plain(MailKind.T1, replace(LETTER, language=language))


@pytest.mark.parametrize("kind", [MailKind.T1, MailKind.T8, MailKind.T11])
def test_a_break_is_told_while_a_window_is_open(kind: MailKind) -> None:
    told = "Trwają prace serwisowe: system Help Desk SISC jest niedostępny do 4 listopada 2025 r., godz. "
    at = {window: replace(GENERAL, now=window.start, breaks=(BREAK,)) for window in BREAK.windows}
    for window, ends in zip(BREAK.windows, ("15:30.", "19:00."), strict=True):
        assert told + ends in " ".join(plain(kind, at[window]).split())
        assert "Trwają" not in plain(kind, replace(at[window], now=window.end))
        assert "Trwają" not in plain(kind, replace(at[window], now=window.start - timedelta(seconds=1)))


def test_two_breaks_are_told_in_two_sentences() -> None:
    other = replace(BREAK, name="inna", system="PUESC")
    text = plain(MailKind.T1, replace(LETTER, breaks=(BREAK, other)))
    assert " ".join(text.split()).count("Trwają prace serwisowe: system") == 2


def test_windows_that_are_over_are_not_announced() -> None:
    letter = replace(GENERAL, breaks=(BREAK,), now=BREAK.windows[0].end)
    text = plain(MailKind.T12, letter)
    assert "– od 18:00 do 19:00" in text
    assert "13:30" not in text
    with pytest.raises(TemplateError, match="break"):
        WRITER.outgoing(MailKind.T12, replace(letter, now=BREAK.windows[1].end))


def test_a_window_over_midnight_names_both_days() -> None:
    text = plain(MailKind.T12, replace(GENERAL, breaks=(NIGHT,)))
    assert "– od 4 listopada 2025 r., godz. 22:00, do 5 listopada 2025 r., godz. 05:00" in text


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (MailKind.T6, "reply_by"),
        (MailKind.T8, "specialist_by"),
        (MailKind.T9, "specialist_by"),
        (MailKind.T10, "answered_at"),
        (MailKind.T10, "complaint_until"),
        (MailKind.T13, "answer"),
        (MailKind.T13, "system"),
    ],
)
def test_a_mail_needs_what_it_tells(kind: MailKind, field: str) -> None:
    letter = replace(VARIANTS[kind.value][1], **{field: None})  # type: ignore[arg-type]
    with pytest.raises(TemplateError, match=field):
        WRITER.outgoing(kind, letter)


def test_a_mail_needs_the_token_of_its_thread() -> None:
    with pytest.raises(TemplateError, match="token"):
        WRITER.outgoing(MailKind.T1, replace(LETTER, token=""))


def test_numbers_of_the_rules_stand_in_the_mails() -> None:
    slow = replace(RULES.service_of("OGOLNE"), standard_hours=1)
    calendar = replace(RULES.calendar, opens=time(8, 0), closes=time(16, 0), complaint_days=5, complaint_moves=False)
    rules = replace(RULES, services={**RULES.services, slow.name: slow}, calendar=calendar)
    writer = Writer(rules, OFFICE)
    text = part(parsed(writer.outgoing(*VARIANTS["T8"]).raw), "plain")
    assert "w ciągu 1 godziny." in text
    assert "w dni robocze od 8:00 do 16:00." in text
    assert "to 5 dni od" in part(parsed(writer.outgoing(*VARIANTS["T10"]).raw), "plain")
    assert "Odpowiedz na tę wiadomość do 9 listopada" in part(parsed(writer.outgoing(*VARIANTS["T2A"]).raw), "plain")


def test_an_office_has_mails_of_its_own() -> None:
    source = "Temat: {{ zgl }} – sprawa\n\n{{ sprawa }}: {{ termin_slownie }}\n{{ przerwa }}\n{{ tel }} {{ zgl }}\n"
    templates = {**RULES.templates, MailKind.W1: Template(Path("W1_sprawa.txt.j2"), source)}
    mail = Writer(replace(RULES, templates=templates), OFFICE).outgoing(MailKind.W1, GENERAL)
    assert mail.message_id == f"<zgl0000001.w1.{TOKEN}@helpdesk.example>"
    assert "zgłoszenie ogólne: 19 listopada 2025 r." in part(parsed(mail.raw), "plain")
    assert (mail.return_path, parsed(mail.raw)["Auto-Submitted"]) == ("", "auto-replied")


SAMPLES = [
    pytest.param(kind, replace(letter, recipient=LETTER.recipient), id=f"{kind}-{language}-{number}")
    for language in ("pl", "en")
    for kind in RULES.templates
    for number, letter in enumerate(samples.contexts(kind, RULES, language))
]


@pytest.mark.parametrize(("kind", "letter"), SAMPLES)
def test_every_sample_becomes_a_mail(kind: MailKind, letter: MailContext) -> None:
    """The shipped categories, questions and notices among them."""
    letter = replace(letter, old_login=LETTER.recipient)
    text = plain(kind, letter)
    assert longest(text) <= 78
    assert ".." not in text
    assert "  \n" not in text
    assert "\n\n\n" not in text


FORM = ("wniosek.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40)


@pytest.mark.parametrize(
    ("kind", "changes", "brings"),
    [
        (MailKind.T4, {"phrase": Phrase.B, "defects": (Defect.ATTACHMENT_MISSING,)}, True),
        (MailKind.T4, {"phrase": Phrase.A, "defects": (Defect.PHRASE_A_WITH_APPLICATION,)}, True),
        (MailKind.T4, {"phrase": Phrase.A, "defects": (Defect.YEAR_MISSING,)}, False),
        (MailKind.T5, {"phrase": Phrase.B}, False),
        (MailKind.T1, {"phrase": Phrase.B}, False),
    ],
)
def test_a_refusal_in_case_b_brings_the_empty_application(
    kind: MailKind, changes: dict[str, object], brings: bool
) -> None:
    letter = replace(LETTER, **changes)  # type: ignore[arg-type]
    mail = Writer(RULES, replace(OFFICE, form=FORM)).outgoing(kind, letter)
    message = message_from_bytes(mail.raw, policy=default)
    assert isinstance(message, EmailMessage)
    files = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in message.iter_attachments()]
    assert files == ([("wniosek.pdf", "application/pdf", FORM[1])] if brings else [])
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert ("Pusty wniosek jest w załączniku" in plain.get_content()) is brings
    assert not message.defects
    assert all(len(line) <= 78 for line in mail.raw.splitlines() if not line.startswith(b"References"))
    without = WRITER.outgoing(kind, letter)
    assert message.get_content_type() == ("multipart/mixed" if brings else "multipart/alternative")
    assert (mail.raw == without.raw) is not brings


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("T1", "Zgłoszenie jest też w systemie CSD."),
        ("T1-case-b", "Zgłoszenie jest też w systemie CSD."),
        ("T1-general-english", "The request is also in the system CSD."),
        ("T8", "Zgłoszenie jest też w systemie CSD."),
        ("T8-not-authenticated", "Zgłoszenie jest też w systemie CSD."),
        ("T8-english", "The request is also in the system CSD."),
    ],
)
def test_only_with_a_connector_it_says_that_the_ticket_stands_in_csd(name: str, sentence: str) -> None:
    connected = Writer(RULES, replace(OFFICE, csd=True))
    alone, told = (part(parsed(w.outgoing(*VARIANTS[name]).raw), "plain").split("\n") for w in (WRITER, connected))
    assert [line for line in told if line not in alone] == [sentence]
    assert [line for line in told if line != sentence] == alone


@pytest.mark.parametrize("name", VARIANTS)
def test_without_a_connector_nothing_says_that_a_ticket_stands_in_csd(name: str) -> None:
    text = part(parsed(WRITER.outgoing(*VARIANTS[name]).raw), "plain")
    assert "systemie CSD" not in text
    assert "system CSD" not in text
