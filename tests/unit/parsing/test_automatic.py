"""Mail written by machines is recognised; mail of a person never is."""

from __future__ import annotations

import pytest

from mailbot.model import Automatic, Envelope, Source
from tests.unit.parsing.mails import IMAP, SUBJECT, mail, read


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Auto-Submitted: auto-replied", Automatic.AUTO_SUBMITTED),
        ("Auto-Submitted: Auto-Generated; owner-email=x", Automatic.AUTO_SUBMITTED),
        ("auto-submitted: (hi) auto-replied (vacation)", Automatic.AUTO_SUBMITTED),
        ("Auto-Submitted:\r\n auto-notified", Automatic.AUTO_SUBMITTED),
        ("X-Autoreply: yes", Automatic.AUTO_SUBMITTED),
        ("X-Autorespond: temat", Automatic.AUTO_SUBMITTED),
        ("X-Auto-Response: 1", Automatic.AUTO_SUBMITTED),
        ("Precedence: auto_reply", Automatic.AUTO_SUBMITTED),
        ("Precedence: bulk", Automatic.BULK),
        ("Precedence: Junk", Automatic.BULK),
        ("Precedence: list", Automatic.LIST),
        ("List-Id: <x.example>", Automatic.LIST),
        ("List-Post: <mailto:x@y.example>", Automatic.LIST),
        ("List-Help: <mailto:x@y.example>", Automatic.LIST),
        ("List-Unsubscribe: <mailto:x@y.example>", Automatic.MAYBE),
        ("Return-Path: <>", Automatic.NULL_SENDER),
        ("Content-Type: multipart/report; report-type=delivery-status", Automatic.REPORT),
        ("Content-Type: Message/Delivery-Status", Automatic.REPORT),
        ("Content-Type: message/disposition-notification", Automatic.REPORT),
        ("X-Failed-Recipients: x@y.example", Automatic.REPORT),
        ("X-Loop: POMOC@urzad.example", Automatic.LOOP),
        ("X-Mailbot-Loop: <pomoc@urzad.example>; 3", Automatic.LOOP),
    ],
)
def test_fields(field: str, kind: Automatic) -> None:
    assert read(mail(b"x", field.encode(), subject=SUBJECT.encode()), IMAP).automatic is kind


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: no (person)",
        "Auto-Submitted:",
        "Precedence: normal",
        "Precedence: first-class",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Autoreply: no",
        "X-Loop: someone@else.example",
        "Return-Path: <jan@wp.example>",
        "Content-Type: multipart/mixed; boundary=report",
        "Disposition-Notification-To: jan@wp.example",
        "Feedback-ID: 1:user:proton",
    ],
)
def test_fields_of_persons(field: str) -> None:
    assert read(mail(b"x", field.encode(), subject=SUBJECT.encode())).automatic is None


@pytest.mark.parametrize("reverse_path", ["", "<>"])
def test_null_reverse_path(reverse_path: str) -> None:
    assert read(mail(), Envelope(Source.LMTP, mail_from=reverse_path)).automatic is Automatic.NULL_SENDER


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("pomoc@urzad.example", Automatic.OWN_ADDRESS),
        ("Echo <ECHO@Urzad.example>", Automatic.OWN_ADDRESS),
        ("MAILER-DAEMON@wp.example (Mail Delivery System)", Automatic.MAILER_DAEMON),
        ("Mail <mailer-daemon@wp.example>", Automatic.MAILER_DAEMON),
        ("noreply@sklep.example", Automatic.MAILER_DAEMON),
        ("no-reply+1@sklep.example", Automatic.MAILER_DAEMON),
        ("nie-odpowiadaj@bank.example", Automatic.MAILER_DAEMON),
        ("do_not_reply@bank.example", Automatic.MAILER_DAEMON),
        ("jan@wp.example", None),
        ('"pomoc@urzad.example" <jan@wp.example>', None),
        ("postmaster@firma.example", None),
        ("daemon@firma.example", None),
        ("norbert@firma.example", None),
        ("nowakreply@firma.example", None),
        ("", None),
    ],
)
def test_senders(sender: str, kind: Automatic | None) -> None:
    assert read(b"From: " + sender.encode() + b"\r\nSubject: x\r\n\r\nx").automatic is kind


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Automatyczna odpowiedź: " + SUBJECT, Automatic.OUT_OF_OFFICE),
        ("AUTOMATYCZNA ODPOWIEDZ", Automatic.OUT_OF_OFFICE),
        ("Autoodpowiedź", Automatic.OUT_OF_OFFICE),
        ("Odpowiedź automatyczna: x", Automatic.OUT_OF_OFFICE),
        ("Nieobecność w biurze", Automatic.OUT_OF_OFFICE),
        ("Poza biurem: x", Automatic.OUT_OF_OFFICE),
        ("[Automatyczna odpowiedź] x", Automatic.OUT_OF_OFFICE),
        ("Out of Office: x", Automatic.OUT_OF_OFFICE),
        ("Out of the office", Automatic.OUT_OF_OFFICE),
        ("Automatic reply: x", Automatic.OUT_OF_OFFICE),
        ("Auto-Reply: x", Automatic.OUT_OF_OFFICE),
        ("Autoreply", Automatic.OUT_OF_OFFICE),
        ("Abwesenheitsnotiz: x", Automatic.OUT_OF_OFFICE),
        ("Automatische Antwort: x", Automatic.OUT_OF_OFFICE),
        ("Réponse automatique : x", Automatic.OUT_OF_OFFICE),
        ("Undelivered Mail Returned to Sender", Automatic.REPORT),
        ("[ZEWNĘTRZNY] Automatyczna odpowiedź: ZGL0000001", Automatic.OUT_OF_OFFICE),
        ("[EXTERNAL] [SPAM?] Undelivered Mail Returned to Sender", Automatic.REPORT),
        ("[EXTERNAL] " + SUBJECT, None),
        (SUBJECT, None),
        ("Re: Automatyczna odpowiedź: x", None),
        ("Odp: " + SUBJECT, None),
        ("Automatyczne logowanie nie działa", None),
        ("Autocad", None),
        (SUBJECT + " automatic reply", None),
        ("Odpowiedź", None),
        ("Nieobecnościowy", None),
    ],
)
def test_subjects(subject: str, kind: Automatic | None) -> None:
    assert read(mail(subject=subject.encode())).automatic is kind
