"""Every cap, from both sides, and the inputs that bring the standard parser down (design.md §1)."""

from __future__ import annotations

import pytest

from mailbot.model import InboundMessage
from mailbot.parsing import bounds
from tests.unit.parsing.mails import mail, multipart, read

LEAF = b"Content-Type: application/pdf\r\n\r\nx"


def nested(depth: int) -> bytes:
    head = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    return b"From: jan@wp.example\r\nSubject: temat\r\n" + head + b"Content-Type: text/plain\r\n\r\nx\r\n"


def parts(number: int) -> bytes:
    body, field = multipart(b"mixed", *[LEAF] * number)
    return mail(body, field)


OVER = {
    "subject of 512 KB of encoded words": mail(subject=b" ".join([b"=?utf-8?Q?HAS=C5=81O?="] * 32_000)),
    "201 encoded words": mail(subject=b" ".join([b"=?a?q?b?="] * 201)),
    "subject of 8 KB and more": mail(subject=b"a" * (bounds.FIELD_MAX + 1)),
    "From of 60 KB of quotes": b"From: " + b'"' * 60_000 + b"\r\n" + mail(),
    "header block of 64 KB and more": b"".join(b"X-%d: %b\r\n" % (n, b"y" * 4000) for n in range(20)) + mail(),
    "header without end": b"Subject: temat\r\nX: " + b"a" * 100_000,
    "1001 header lines": b"X: y\r\n" * 1000 + mail(),
    "100,000 parts": parts(100_000),
    "parts over the cap": parts(bounds.PARTS_MAX),
    "multipart 2000 deep": nested(2000),
    "one too deep": nested(bounds.DEPTH_MAX + 1),
    "empty parts": mail(b"--b\r\n" * 100_000, b"Content-Type: multipart/mixed; boundary=b"),
    "half delimiters": mail(b"--bx\n" * 300_000, b"Content-Type: multipart/mixed; boundary=b"),
    "part with a header of 20 KB": mail(
        *multipart(b"mixed", b"Content-Type: a/b" + b'; x="' * 5000 + b"\r\n\r\nx"),
    ),
    "message of 35 MB": mail(b"a" * bounds.MESSAGE_MAX),
    "text of 3 MB": mail(b"tekst " * 500_000),
}


@pytest.mark.parametrize("raw", OVER.values(), ids=OVER)
@pytest.mark.timeout(20)
def test_over_a_cap_is_damage_not_work(raw: bytes) -> None:
    message = read(raw)
    assert message.damage
    assert len(message.full_text) <= bounds.TEXT_MAX


@pytest.mark.parametrize(
    "case", ["From of 60 KB of quotes", "100,000 parts", "multipart 2000 deep", "message of 35 MB"]
)
def test_the_operator_still_sees_the_subject(case: str) -> None:
    message = read(OVER[case])
    assert message.subject == "temat"
    assert message.text == ""
    assert all(bounds.field_reason(header) is None for header in message.headers)


WITHIN = {
    "200 encoded words": mail(subject=b" ".join([b"=?a?q?b?="] * 200)),
    "References of 16 KB": mail(b"x", b"References: " + b"<a@b> " * 2500),
    "1000 header lines": b"X: y\r\n" * 998 + mail(),
    "as many parts as allowed": parts(bounds.PARTS_MAX - 1),
    "as deep as allowed": nested(bounds.DEPTH_MAX),
    "attachment of 5 MB": mail(*multipart(b"mixed", b"\r\ntekst", b"Content-Type: a/b\r\n\r\n" + b"x" * 5_000_000)),
}


@pytest.mark.parametrize("raw", WITHIN.values(), ids=WITHIN)
def test_within_the_caps(raw: bytes) -> None:
    assert not read(raw).damage


HOSTILE = {
    "2 KB of parentheses": b"To: " + b"(" * 2000 + b"\r\nFrom: " + b"(" * 2000 + b"\r\n" + mail(),
    "unfinished words": mail(subject=b"=?a?q?" * 200),
    "quotes in parameters": mail(b"x", b"Content-Type: text/plain" + b'; a="' * 1500),
    "semicolons in quotes": mail(b"x", b'Content-Type: text/plain; a="' + b";" * 8000),
    "at signs": mail(b"x", b"References: <" + b"a@" * 8000),
    "loop stamps": mail(b"x", *[b"X-Loop: " + b"a" * 8000] * 7),
    "null path of spaces": mail(b"x", b"Return-Path: " + b" " * 8000 + b"x"),
    "RFC 2231 pieces": mail(b"x", b"Content-Type: a/b" + b"".join(b"; n*%d*=%%41" % n for n in range(600))),
    "html of comments": mail(b"<!--" * 400_000, b"Content-Type: text/html"),
    "html of open tags": mail(b"<div>" * 300_000, b"Content-Type: text/html"),
    "newlines": mail(b"\n" * 2_000_000),
    "nested messages": b"Content-Type: message/rfc822\r\n\r\n" * 300 + b"x",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_but_small_is_read(raw: bytes) -> None:
    assert isinstance(read(raw), InboundMessage)
    assert not any("failed" in reason for reason in read(raw).damage)
