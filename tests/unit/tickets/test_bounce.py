"""Return paths that name their ticket, and which reports count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from mailbot.config import Settings
from mailbot.flow.understand import Understander
from mailbot.mails import thread
from mailbot.model import Attachment, Automatic, Envelope, Header, InboundMessage, MailKind, RawMessage, Source
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.tickets.bounce import Bounce, address, read
from mailbot.tickets.correspondence import token

SECRET = Secret(b"k" * 32)
OURS = address(SECRET, "helpdesk@office.example", "ZGL0000012")
CAME_BACK = Bounce("ZGL0000012")
FAILED = b"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: Failed\r\n"


def report(
    status: bytes = FAILED, automatic: Automatic | None = Automatic.REPORT, headers: dict[str, str] | None = None
) -> InboundMessage:
    return InboundMessage(
        tuple(Header(name, value.encode()) for name, value in (headers or {}).items()),
        *("", None, (), (), None, "", ""),
        attachments=(Attachment("", "message/delivery-status", status),),
        automatic=automatic,
    )


def test_the_return_path_names_the_ticket_and_proves_it() -> None:
    assert re.fullmatch(r"helpdesk\+zgl0000012-[0-9a-f]{16}@office\.example", OURS)
    assert len({address(Secret(bytes([n]) * 32), "a@b.example", f"ZGL000000{m}") for n in (1, 2) for m in (1, 2)}) == 4


@pytest.mark.parametrize("path", [OURS, OURS.upper(), f"<{OURS}>", f"<SRS0=abc=xy=office.example={OURS}>"])
def test_a_report_to_our_return_path_counts(path: str) -> None:
    assert read(SECRET, report(), [path]) == CAME_BACK
    assert read(SECRET, report(), ["other@office.example", path]) == CAME_BACK


@pytest.mark.parametrize("name", ["Delivered-To", "X-Original-To", "To"])
def test_without_an_envelope_the_fields_of_the_mta_count(name: str) -> None:
    assert read(SECRET, report(headers={name: f"Help <{OURS}>"}), []) == CAME_BACK


FORGED = {
    "other mark": re.sub("-[0-9a-f]{16}", "-" + "0" * 16, OURS),
    "other ticket": OURS.replace("0000012", "0000013"),
    "mark cut": OURS.replace("@", "")[:-1] + "@office.example",
    "no mark": "helpdesk+zgl0000012@office.example",
    "no tag": "helpdesk@office.example",
    "of another installation": address(Secret(b"x" * 32), "helpdesk@office.example", "ZGL0000012"),
    "empty": "",
}


@pytest.mark.parametrize("path", FORGED.values(), ids=FORGED)
def test_a_forged_return_path_names_nothing(path: str) -> None:
    assert read(SECRET, report(headers={"To": path}), [path]) is None


def test_failure_and_delay_are_told_apart_and_nothing_else_counts() -> None:
    assert read(SECRET, report(status=FAILED.replace(b"Failed", b"delayed")), [OURS]) == Bounce("ZGL0000012", True)
    assert read(SECRET, report(status=FAILED.replace(b"Failed", b"delivered")), [OURS]) is None
    assert read(SECRET, report(automatic=None), [OURS]) is None
    assert read(SECRET, report(automatic=Automatic.OUT_OF_OFFICE), [OURS]) is None
    assert read(SECRET, report(headers={"X-Other": OURS}), []) is None


@pytest.mark.timeout(20)
def test_long_nonsense_costs_no_time() -> None:
    paths = ["a" * 2000, "+" * 2000, "a+zgl0000001-" * 150] * 300
    assert read(SECRET, report(headers={"To": "a" * 16_000}), paths) is None


COPY = f"""\
Return-Path: <helpdesk@office.example>
From: Help Desk <helpdesk@office.example>
To: <jan@firma.example>
Subject: PUESC: Zmiana adresu email
Message-ID: {thread.message_id(MailKind.T3, "ZGL0000012", token(SECRET, "ZGL0000012"), "office.example")}

Link: https://puesc.example (5.1.1 4.4.1 delayed)
"""
QMAIL = f"""\
Hi. This is the qmail-send program at firma.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<jan@firma.example>:
This account is currently disabled. (#5.2.1)

--- Below this line is a copy of the message.

{COPY}"""
EXIM = f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its recipients.

  jan@firma.example
    unrouteable address

------ This is a copy of the message, including all the headers. ------

{COPY}"""
EXIM_LATE = EXIM.replace("could not be delivered", "has not yet been delivered").replace("unrouteable address", "")
OLD_EXCHANGE = """\
Your message did not reach some or all of the intended recipients.

      Subject:\tZGL0000012

The following recipient(s) could not be reached:

      jan@firma.example on 2025-11-03 11:14
            The e-mail account does not exist. <firma.example #5.1.1>
"""
DSN_IN_MIXED = f"""\
--b
Content-Type: text/plain

Could not deliver.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.firma.example

Final-Recipient: rfc822; jan@firma.example
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

{COPY}
--b--
"""
DAEMON = f"""\
The following message could not be delivered:

{COPY}"""
VACATION = "I am out of the office until Monday."
ABSENT = """\
Jestem na urlopie od 5.12.25 do 5.1.26 (pokój 4.1.12). W pilnych sprawach proszę dzwonić:
22 551 12 13, wew. 552
550 100 200 po godz. 16
"""
MIXED = 'Content-Type: multipart/mixed; boundary="b"\n'


@dataclass(frozen=True)
class Form:
    """A report as some server writes it, and what it means."""

    body: str
    to: str
    meaning: Bounce | None
    sender: str = "MAILER-DAEMON@firma.example"
    subject: str = "failure notice"
    more: str = ""


PLAIN = "helpdesk@office.example"
FORMS = {
    "qmail": Form(QMAIL, PLAIN, CAME_BACK),
    "qmail to the return path": Form(QMAIL, OURS, CAME_BACK),
    "exim": Form(EXIM, PLAIN, CAME_BACK, more="X-Failed-Recipients: jan@firma.example\n"),
    "exim, delayed": Form(EXIM_LATE, PLAIN, Bounce("ZGL0000012", True), subject="Warning: message delayed 24 hours"),
    "old exchange to the return path": Form(
        OLD_EXCHANGE, OURS, CAME_BACK, "postmaster@firma.example", "Undeliverable: ZGL0000012"
    ),
    "DSN in multipart/mixed": Form(DSN_IN_MIXED, PLAIN, CAME_BACK, "postmaster@firma.example", "Returned mail", MIXED),
    "plain words of a daemon": Form(DAEMON, PLAIN, CAME_BACK),
    "not a failure": Form(VACATION, OURS, None, "jan@firma.example", "Re: ZGL0000012"),
    "a holiday told in numbers": Form(ABSENT, OURS, None, "jan@firma.example", "Re: ZGL0000012"),
    "a holiday that a server tells": Form(
        ABSENT, OURS, None, "jan@firma.example", "Automatyczna odpowiedź: ZGL0000012", "Auto-Submitted: auto-replied\n"
    ),
    "one line of a server": Form("550 no such person here", OURS, CAME_BACK, "root@firma.example", "x"),
    "codes in one line": Form("Sorry (554 5.7.1).", OURS, CAME_BACK, "root@firma.example", "x"),
    "a code behind a server": Form("mx said: 551 gone", OURS, CAME_BACK, "root@firma.example", "x"),
    "a status that is late": Form("Server error: 4.4.1", OURS, Bounce("ZGL0000012", True), "root@firma.example", "x"),
    "nothing of ours in it": Form(OLD_EXCHANGE, PLAIN, None, "postmaster@firma.example", "Undeliverable: ZGL0000012"),
    "a forged token": Form(QMAIL.replace(token(SECRET, "ZGL0000012"), "0" * 16), PLAIN, None),
    "a person quotes it": Form(QMAIL, PLAIN, None, "jan@firma.example", "Proszę o pomoc"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_report_in_whatever_form_is_tied_to_its_mail(form: Form) -> None:
    head = f"From: {form.sender}\nTo: {form.to}\nSubject: {form.subject}\n{form.more}"
    raw = RawMessage(f"{head}\n{form.body}".encode(), Envelope(Source.INJECT), datetime(2026, 11, 20, tzinfo=UTC))
    u = Understander(Settings(), SECRET, StaticResolver({})).understand(raw)
    assert (Bounce(u.bounced, u.delayed) if u.bounced else None) == form.meaning
    assert u.message.by_machine == (form.subject != "Proszę o pomoc")


@pytest.mark.parametrize("separator", ["+", "-", "="])
def test_the_separator_is_a_setting(separator: str) -> None:
    path = address(SECRET, "help-desk@office.example", "ZGL0000012", separator)
    assert path.startswith(f"help-desk{separator}zgl0000012-")
    assert read(SECRET, report(), [path]) == CAME_BACK


def test_without_a_separator_the_return_path_is_the_plain_address() -> None:
    assert address(SECRET, PLAIN, "ZGL0000012", "") == PLAIN
