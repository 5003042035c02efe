"""Titles and texts of machines in the languages of citizens and carriers, and those of persons that look like them."""

from __future__ import annotations

import time

import pytest

from mailbot.model import Automatic, Envelope, InboundMessage, Source
from mailbot.parsing import automatic, machine_words
from mailbot.parsing.mime import parse
from tests.unit.parsing.mails import IMAP, OWN, mail, multipart, read

OURS = "ZGL0000001: hasło awaryjne"

SURE = [
    *(("Automatyczna odpowiedź: " + OURS, "x"), ("Odpowiedź automatyczna - nieobecność: Re: ZGL0000001", "urlop")),
    *(("Automatic reply: " + OURS, "x"), ("Out of Office", "x"), ("Automatische Antwort: " + OURS, "x")),
    *(("Автоматична відповідь: " + OURS, "x"), ("Автоматический ответ: " + OURS, "x"), ("Нет на месте: x", "x")),
    *(("Automatická odpověď: " + OURS, "x"), ("Automatická odpoveď: " + OURS, "x")),
    *(("Automatinis atsakymas: " + OURS, "x"), ("Automātiskā atbilde: " + OURS, "x")),
    *(("Automatikus válasz: " + OURS, "x"), ("Házon kívül: x", "x"), ("Răspuns automat: " + OURS, "x")),
    *(("Автоматичен отговор: " + OURS, "x"), ("Risposta automatica: " + OURS, "x"), ("Fuori ufficio: x", "x")),
    *(("Respuesta automática: " + OURS, "x"), ("Fuera de la oficina", "x"), ("Réponse automatique : " + OURS, "x")),
    *(("Automatisch antwoord: " + OURS, "x"), ("Afwezigheidsmelding", "x"), ("Resposta automática: " + OURS, "x")),
    *(("Otomatik yanıt: " + OURS, "x"), ("Ofis dışında: x", "x")),
    *(("[EXTERNAL] {Spam?} Automatic reply: x", "x"), ("***SPAM*** Out of Office: x", "x")),
    ("EXTERNAL: Abwesenheitsnotiz: x", "x"),
    *((f"{title}: x", "x") for title in ("Autosvar", "Automatiskt svar", "Automaattinen vastaus", "Automaatvastus")),
    *((f"{title}: x", "x") for title in ("Automatski odgovor", "Samodejni odgovor", "Αυτόματη απάντηση")),
    *((f"{title}: x", "x") for title in ("Аўтаматычны адказ", "Аутоматски одговор", "ავტომატური პასუხი")),
    *((f"{title}: x", "x") for title in ("自动回复", "自動応答")),
    ("AUTO: Piotr Wójcik jest poza biurem (powrót 10.11.2025)", "Jestem poza biurem"),
    ("AUTO: Jan Kowalski is out of the office", "x"),
    ("Piotr Wójcik jest poza biurem", "Jestem poza biurem do 10.11."),
    ("Jan Kowalski - out of office", "I am out of the office until Monday."),
    ("Urlop", "Dzień dobry,\n\nprzebywam na urlopie do 10.11. W pilnych sprawach: Anna Nowak."),
    ("Odp: ZGL0000001", "Dzień dobry,\n\nTo jest automatyczna odpowiedź. Wracam 10.11.2025."),
    ("Odp: ZGL0000001", "To jest automatyczna odpowiedź. Jestem na urlopie, proszę o kontakt z Anną Nowak."),
    ("Re: ZGL0000001", "Your message\n\n   To: Jan\n   Subject: x\n\n was read on Monday, 3 November 2025."),
    ("Zgłoszenie przyjęte [#4521]", "Otrzymaliśmy zgłoszenie"),
    ("Potwierdź, że jesteś człowiekiem: ZGL0000001", "Kliknij link, aby dostarczyć wiadomość"),
    ("Przeczytano: ZGL0000001 Zarejestrowano", "Wiadomość\n\n Do: Jan\n\nzostała przeczytana 3 listopada 2025."),
    ("Read: " + OURS, "Your message was read on Monday."),
    ("Gelesen: " + OURS, ""),
    ("Report Domain: office.example Submitter: google.example Report-ID: <2025>", ""),
    ("Zaakceptowano: " + OURS, ""),
    ("Undeliverable: " + OURS, "x"),
    ("Nie można dostarczyć: ZGL0000001 Zarejestrowano", "x"),
    ("Delivery Status Notification (Failure)", "x"),
]
DOUBT = [
    ("Niedostarczony link aktywacyjny – proszę o pomoc", "Od wczoraj nie dostałem linku."),
    ("Automatyczna odpowiedź z PUESC jest błędna", "Otrzymałem odpowiedź, która nie dotyczy mojej sprawy."),
    ("Automatyczna odpowiedź ZGL0000001 jest błędna", "Dziękuję za wiadomość, ale konto nadal nie działa."),
    ("Poza biurem nie mogę się zalogować", "Jestem na urlopie, a konto jest zablokowane."),
    ("Nieobecność przedstawiciela podatkowego", "Kto może podpisać zgłoszenie?"),
    ("Urlop a termin zgłoszenia", "Czy termin biegnie?"),
    ("Niedostarczone: komunikaty IE315", "Komunikaty nie przychodzą."),
    ("Potwierdzenie odbioru", "Proszę o potwierdzenie odbioru pisma."),
    ("Out of office hours support", "Is there a phone number?"),
    ("Undeliverable: parcels at the border", "What shall we do?"),
    ("Delivery notification: MRN 25PL301010", "Please find attached."),
    ("Verification required: EORI number", "How do I verify it?"),
    ("Read: new regulation", "Is it in force?"),
    ("Pytanie", "Wiadomość wygenerowana automatycznie. Dzień dobry, proszę o pomoc."),
    ("Zgłoszenie przyjęte – brak UPO", "Państwa zgłoszenie zostało przyjęte, ale UPO nie przyszło."),
    ("Potwierdzenie otrzymania", "W dniach 3-5 listopada wysłałem pismo. Czekam na potwierdzenie."),
    ("Dziękujemy za kontakt", "Dziękuję za wiadomość. Nadal czekam na odpowiedź."),
    ("Niedostarczone komunikaty", "W dniach 3-4 listopada komunikaty nie przychodziły."),
    ("Urlop", "Jestem na urlopie i nie mogę wysłać deklaracji."),
    ("Zastępstwo", "Obecnie jestem na zwolnieniu, chcę dodać koleżankę do firmy."),
    ("Re: ZGL0000001", "To jest automatyczna odpowiedź, a ja chcę rozmawiać z człowiekiem!"),
    ("Re: ZGL0000001", "Automatyczna odpowiedź nic mi nie dała."),
    ("Re: ZGL0000001", "Your request has been received. So when do I get the link?"),
]
PERSONS = [
    ("Re: Automatyczna odpowiedź: x", "Dziękuję, ale to nie pomogło."),
    ("Odp: " + OURS, "Jestem na urlopie, a link wygasł."),
    ("Delivery of ENS messages", "We cannot deliver ENS messages since this morning."),
    ("Prośba o pomoc", "Przebywam na urlopie i nie mam dostępu do konta."),
    ("AUTO: Volkswagen Passat, cło", "Ile wynosi cło?"),
    ("Zgłoszenie celne", "Dziękuję za wiadomość. Proszę o korektę."),
    ("Nie otrzymałem automatycznej odpowiedzi", "Czekam od rana."),
    ("Piotr Wójcik Transport", "Proszę o kontakt."),
    ("Re: ZGL0000001", "Po kliknięciu została wyświetlona strona z błędem."),
    ("Re: ZGL0000001", "My account was deleted by mistake."),
    ("Re: ZGL0000001", "Wiadomość z linkiem została przeczytana dopiero dziś."),
    ("Nowe zgłoszenie", "Nie działa mi moduł SENT."),
    ("Odrzucono zgłoszenie SENT", "Proszę o wyjaśnienie."),
    ("Zaakceptowano wniosek, a nie widzę uprawnień", "Proszę o pomoc."),
    ("Dostarczono towar – brak IE518", "Proszę o sprawdzenie."),
    ("Accepted declaration IM", "Where do I find it?"),
]


def letter(subject: str, text: str) -> InboundMessage:
    return read(mail(text.encode(), b"Content-Type: text/plain; charset=utf-8", subject=subject.encode()))


@pytest.mark.parametrize(("subject", "text"), SURE)
def test_no_person_writes_so(subject: str, text: str) -> None:
    found = machine_words.read(subject, text)
    assert found is not None
    assert found.sure


@pytest.mark.parametrize(("subject", "text"), DOUBT)
def test_a_person_may_have_written_it(subject: str, text: str) -> None:
    assert letter(subject, text).automatic is Automatic.MAYBE


@pytest.mark.parametrize(("subject", "text"), PERSONS)
def test_nobody_doubts_that_a_person_wrote_it(subject: str, text: str) -> None:
    assert letter(subject, text).automatic is None


FIELDS = [
    ("X-MS-Exchange-Inbox-Rules-Loop: a@b.example", "Re: ZGL0000001: x", Automatic.OUT_OF_OFFICE),
    ("X-MS-Exchange-Inbox-Rules-Loop: a@b.example", "Pytanie", Automatic.MAYBE),
    ("X-MS-Exchange-Inbox-Rules-Loop: pomoc@urzad.example", "Re: ZGL0000001: x", None),
    ("X-MS-Exchange-Inbox-Rules-Loop: pomoc@urzad.example", "Pytanie", None),
    ("X-Freshdesk-Ticket-Id: 4", "Zgłoszenie przyjęte [#4]", Automatic.AUTO_SUBMITTED),
    ("X-Freshdesk-Ticket-Id: 4", "Re: Pytanie", Automatic.MAYBE),
    ("X-Redmine-Host: x\r\nAuto-Submitted: auto-generated", "[Sprawa #4] Pytanie o cło", Automatic.MAYBE),
    ("X-Redmine-Host: x\r\nAuto-Submitted: auto-generated", "INC0012345 zostało utworzone", Automatic.AUTO_SUBMITTED),
    ("TLS-Report-Domain: urzad.example", "x", Automatic.REPORT),
    ("Content-Type: text/calendar; charset=utf-8; method=REPLY", "Pytanie", Automatic.AUTO_SUBMITTED),
    ("Content-Type: text/calendar; charset=utf-8; method=REQUEST", "Pytanie", None),
    ("List-Id: <pomoc.urzad.example>", "Pytanie", Automatic.MAYBE),
    ("List-Post: <mailto:petenci@urzad.example>", "Pytanie", Automatic.MAYBE),
    ("List-Id: <pomoc.inny.example>", "Pytanie", Automatic.LIST),
    ("List-Id: <pomoc.niurzad.example>", "Pytanie", Automatic.LIST),
]


@pytest.mark.parametrize(("field", "subject", "kind"), FIELDS)
def test_fields_beside_the_words(field: str, subject: str, kind: Automatic | None) -> None:
    assert read(mail(b"x", *field.encode().split(b"\r\n"), subject=subject.encode()), IMAP).automatic is kind


def test_a_dmarc_report_is_known_by_its_file() -> None:
    file = b'Content-Type: application/zip; name="google.com!urzad.example!1700000000!1700086399.zip"\r\n\r\nPK'
    body, kind = multipart(b"mixed", b"Content-Type: text/plain\r\n\r\nx", file)
    assert read(mail(body, kind), IMAP).automatic is Automatic.REPORT


def test_a_person_may_attach_a_report() -> None:
    report = b"Content-Type: message/delivery-status\r\n\r\nAction: failed"
    body, kind = multipart(b"mixed", b"Content-Type: text/plain\r\n\r\nCo to znaczy?", report)
    for title in (b"Pytanie", "Niedostarczona wiadomość – proszę o pomoc".encode(), "Zwrot wiadomości".encode()):
        assert read(mail(body, kind, subject=title), IMAP).automatic is Automatic.MAYBE
    body, kind = multipart(b"mixed", b"Content-Type: text/plain\r\n\r\nNie dostarczono.", report)
    assert read(mail(body, kind, subject="Zwrot wiadomości".encode()), IMAP).automatic is Automatic.REPORT


def test_a_group_that_rewrites_from_to_our_address_silences_nobody() -> None:
    raw = b"From: \"'Jan' via Pomoc\" <pomoc@urzad.example>\r\nList-Id: <pomoc.urzad.example>\r\nSubject: x\r\n\r\nx"
    assert read(raw, IMAP).automatic is Automatic.MAYBE


def test_own_lists_and_ticket_systems_are_settings() -> None:
    lists, systems = frozenset({"petenci.lista.example"}), frozenset({"jan@wp.example"})
    letter = mail(b"x", b"List-Id: Petenci <petenci.lista.example>", b"Precedence: list", b"List-Unsubscribe: <x>")
    assert parse(letter, Envelope(Source.IMAP), OWN, (), lists).automatic is None
    assert parse(letter, Envelope(Source.IMAP), OWN).automatic is Automatic.LIST
    by_people = mail(b"x", b"Auto-Submitted: auto-generated")
    assert parse(by_people, Envelope(Source.IMAP), OWN, (), lists, systems).automatic is Automatic.MAYBE
    assert parse(by_people, Envelope(Source.IMAP), OWN).automatic is Automatic.AUTO_SUBMITTED


@pytest.mark.parametrize("subject", ["[" * 300, "re: " * 80, "[a] " * 200, "Ala Ola " * 50, "*" * 1000, "auto: " * 100])
def test_nonsense_costs_no_time(subject: str) -> None:
    begun = time.perf_counter()
    machine_words.read(subject, subject * 20)
    machine_words.says_absent(subject * 20)
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("Dziękuję za wiadomość. Nadal nic nie przyszło.", False),
        ("Dziękuję za maila, czekam na telefon.", False),
        ("Thank you for your message. Nothing came so far.", False),
        ("W dniach 3-5 listopada wysłałem dwa pisma.", False),
        ("Obecnie jestem w domu i czekam.", False),
        ("Dziękuję za wiadomość. Jestem na urlopie do 10.11.", True),
        ("W dniach 3-10.11 przebywam na urlopie.", True),
        ("Dziękuję za wiadomość. Zapoznam się z nią.", True),
        ("Thank you for your message, I will get back to you.", True),
        ("Odpowiem na to pytanie jutro.", False),
        ("Obecnie jestem na urlopie.", True),
        ("Dear Sir, thank you for your email. I am currently out of the office.", True),
        ("Vielen Dank für Ihre Nachricht. Ich bin derzeit nicht im Büro.", True),
    ],
)
def test_thanks_alone_are_no_holiday_notice(text: str, absent: bool) -> None:
    answer = letter("Re: x", text)
    assert automatic.in_answer(answer, automatic.Own()) is (Automatic.OUT_OF_OFFICE if absent else None)


def test_a_rule_of_a_mailbox_passes_letters_on() -> None:
    rule = b"X-MS-Exchange-Inbox-Rules-Loop: a@b.example"
    person = read(mail("Link nie działa.".encode(), rule, subject=b"Re: ZGL0000001: x"), IMAP)
    assert person.automatic is Automatic.MAYBE
    assert automatic.in_answer(person, automatic.Own()) is None
    assert automatic.in_answer(read(mail(b"x", rule)), automatic.Own()) is Automatic.OUT_OF_OFFICE
    assert automatic.in_answer(read(mail(b"x", rule)), automatic.Own(frozenset({"a@b.example"}))) is None


def test_in_answer_a_doubt_is_enough() -> None:
    away = mail(b"Urlop do 10.11.", subject=b"Re: x")
    assert read(away).automatic is None
    assert automatic.in_answer(read(away), automatic.Own()) is Automatic.OUT_OF_OFFICE
    matter = mail("Jestem na urlopie, nie działa link.".encode(), subject=b"Re: x")
    assert automatic.in_answer(read(matter), automatic.Own()) is None
    contact = mail(b"Jestem na urlopie, kontakt: Anna.", subject=b"Re: x")
    assert automatic.in_answer(read(contact), automatic.Own()) is Automatic.OUT_OF_OFFICE
    person = mail("Automatyczna odpowiedź nic mi nie dała, nie mam linku.".encode(), subject=b"Re: x")
    assert automatic.in_answer(read(person), automatic.Own()) is None
