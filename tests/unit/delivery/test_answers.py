"""What answers of real servers mean for the mail they were about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.delivery.answers import LONGEST, ReplyMeaning, SmtpStage, judge, readable

CONNECT, MAIL, RCPT, DATA, DOT = SmtpStage
LATER, OURS, REFUSED, GONE = ReplyMeaning

ANSWERS = [
    # Postfix
    (RCPT, "550 5.1.1 <jan@wp.example>: Recipient address rejected: User unknown in virtual mailbox table", GONE),
    (RCPT, "550 5.1.1 <relay@wp.example>: Recipient address rejected: User unknown in relay recipient table", GONE),
    (RCPT, "550 5.1.2 <jan@wp.example>: Recipient address rejected: Domain not found", GONE),
    (RCPT, "554 5.7.1 <jan@wp.example>: Relay access denied", OURS),
    (RCPT, "454 4.7.1 <jan@wp.example>: Relay access denied", OURS),
    (RCPT, "554 5.7.1 <jan@wp.example>: Recipient address rejected: Access denied", OURS),
    (RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", OURS),
    (RCPT, "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]", OURS),
    (RCPT, "553 5.7.1 <h@office.example>: Sender address rejected: not logged in", OURS),
    (RCPT, "553 5.7.1 <h@office.example>: Sender address rejected: not owned by user mailbot", OURS),
    (RCPT, "450 4.2.0 <jan@wp.example>: Recipient address rejected: Greylisted, see help", LATER),
    (RCPT, "451 4.3.0 <jan@wp.example>: Temporary lookup failure", LATER),
    (RCPT, "556 5.1.10 <jan@wp.example>: Recipient address rejected: Domain wp.example does not accept mail", GONE),
    (MAIL, "530 5.7.0 Must issue a STARTTLS command first", OURS),
    (MAIL, "553 5.6.7 Must declare SMTPUTF8 to send unicode address", REFUSED),
    (MAIL, "552 5.3.4 Message size exceeds fixed limit", OURS),
    (CONNECT, "554 5.7.1 mx.example Error: access denied", OURS),
    (CONNECT, "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", OURS),
    (CONNECT, "454 4.7.0 Temporary authentication failure: Connection lost to authentication server", LATER),
    (CONNECT, "421 4.7.0 mx.example Error: too many connections from 192.0.2.7", LATER),
    (DATA, "554 5.5.1 Error: no valid recipients", OURS),
    (DOT, "552 5.3.4 Error: message file too big", REFUSED),
    (DOT, "550 5.7.1 Blocked by SpamAssassin", REFUSED),
    (DOT, "554 5.7.1 Spam message rejected", REFUSED),
    (DOT, "451 4.3.0 Error: queue file write error", LATER),
    (DOT, "452 4.3.1 Insufficient system storage", LATER),
    # Exim
    (RCPT, "550 relay not permitted", OURS),
    (RCPT, "550 Relaying not permitted: authentication required", OURS),
    (RCPT, "550 Unrouteable address", GONE),
    (RCPT, "550 Unknown user", GONE),
    (RCPT, "550 Sender verify failed", OURS),
    (RCPT, "550 Administrative prohibition", OURS),
    (RCPT, "552 Mailbox quota exceeded", REFUSED),
    (MAIL, "550 authentication required", OURS),
    (DOT, "550 Administrative prohibition", REFUSED),
    (DOT, "550 This message contains a virus", REFUSED),
    # Exchange and Office 365
    (
        RCPT,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient jan@wp.example not found by SMTP address lookup",
        GONE,
    ),
    (RCPT, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", REFUSED),
    (RCPT, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", OURS),
    (RCPT, "550 5.7.1 Unable to relay", OURS),
    (RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", OURS),
    (RCPT, "554 5.4.14 Hop count exceeded - possible mail loop", REFUSED),
    (MAIL, "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", OURS),
    (MAIL, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", OURS),
    (DOT, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", OURS),
    (DOT, "554 5.2.252 SendAsDenied; h@office.example not allowed to send as noreply@office.example", OURS),
    (DOT, "550 5.7.501 Access denied, spam abuse detected", REFUSED),
    (CONNECT, "535 5.7.3 Authentication unsuccessful", OURS),
    (CONNECT, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", OURS),
    (DOT, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", LATER),
    # Gmail
    (RCPT, "550 5.1.1 The email account that you tried to reach does not exist. Please try", GONE),
    (RCPT, "550 5.2.1 The email account that you tried to reach is inactive", GONE),
    (RCPT, "552 5.2.2 The recipient's inbox is out of storage space", REFUSED),
    (RCPT, "452 4.2.2 The recipient's inbox is out of storage space", LATER),
    (RCPT, "550 5.7.1 Invalid credentials for relay [192.0.2.7]. The IP address you've registered", OURS),
    (MAIL, "530 5.7.0 Authentication Required. For more information, go to", OURS),
    (MAIL, "550 5.7.1 Mail relay denied [192.0.2.7]. Invalid credentials for relay", OURS),
    (DOT, "550 5.7.26 This mail has been blocked because the sender is unauthenticated.", OURS),
    (DOT, "550 5.7.25 The IP address sending this message does not have a PTR record setup", OURS),
    (DOT, "552 5.7.0 This message was blocked because its content presents a potential security issue", REFUSED),
    (DOT, "550 5.7.1 [192.0.2.7] The IP you're using to send mail is not authorized to send email directly", OURS),
    (CONNECT, "534 5.7.9 Application-specific password required.", OURS),
    (DOT, "421 4.7.0 Temporary System Problem. Try again later", LATER),
    # sendmail
    (RCPT, "550 5.1.1 <jan@wp.example>... User unknown", GONE),
    (RCPT, "553 5.3.0 <jan@wp.example>... No such user here", REFUSED),
    (RCPT, "550 5.7.1 <jan@wp.example>... Relaying denied", OURS),
    (RCPT, "550 5.7.1 <jan@wp.example>... Relaying denied. Proper authentication required.", OURS),
    (MAIL, "553 5.1.8 <h@office.example>... Domain of sender address h@office.example does not exist", OURS),
    (MAIL, "501 5.1.7 Syntax error in sender address", OURS),
    # qmail
    (RCPT, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", OURS),
    (RCPT, "550 sorry, no mailbox here by that name. (#5.1.1)", GONE),
    (RCPT, "552 sorry, that message size exceeds my databytes limit (#5.3.4)", REFUSED),
    (DOT, "554 mail server permanently rejected message (#5.3.0)", REFUSED),
    # no SMTP at all
    (RCPT, "200 HTTP/1.1 OK", LATER),
    (DOT, "-1 Response too long", LATER),
    (DOT, "354 again", LATER),
    (MAIL, "999 what", LATER),
]


@pytest.mark.parametrize(("stage", "answer", "meaning"), ANSWERS)
def test_answers_of_real_servers(stage: SmtpStage, answer: str, meaning: ReplyMeaning) -> None:
    code, _, text = answer.partition(" ")
    assert judge(stage, int(code), text) is meaning


def test_a_full_mailbox_is_not_gone() -> None:
    """A warning to it must stop case B: whoever wants the account may have filled it."""
    for text in ("5.2.2 mailbox full", "5.2.2 user over quota", "mailbox of the user is full", "Mailbox full"):
        assert judge(SmtpStage.RCPT, 552, text) is REFUSED
        assert judge(SmtpStage.DOT, 550, text) is REFUSED


def test_what_nobody_knows_waits() -> None:
    assert judge(SmtpStage.RCPT, 550, "no") is OURS
    assert judge(SmtpStage.RCPT, 550, "") is OURS


@given(st.sampled_from(SmtpStage), st.integers(-1000, 1000), st.text())
def test_every_answer_means_something(stage: SmtpStage, code: int, text: str) -> None:
    assert (judge(stage, code, text) in (REFUSED, GONE)) <= (500 <= code < 600)


@given(st.text(st.characters(), max_size=2000))
def test_what_is_kept_is_one_short_printable_line(text: str) -> None:
    kept = readable(text)
    assert len(kept) <= LONGEST
    assert kept.isprintable()
    kept.encode("utf-8")


def test_what_is_kept_of_octets_and_lines() -> None:
    assert readable(b"4.3.0 z\xf3\x00\x07\x1b[31m\r\nbusy".decode("utf-8", "surrogateescape")) == "4.3.0 z [31m busy"
    assert len(readable("a" * 100_000)) == LONGEST
