"""Header blocks, RFC 2047 words, parameters and identifiers, as real clients write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailbot.parsing import headers, parameters
from tests.unit.parsing.mails import SUBJECT, mail, read


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_fields_keep_their_folding(end: bytes) -> None:
    raw = end.join((b"From: a", b"Subject: one", b"\ttwo", b"", b"X: body"))
    block = headers.split(raw)
    assert [(f.name, f.value) for f in block.fields] == [("From", b"a"), ("Subject", b"one\r\n\ttwo")]
    assert raw[block.body :] == b"X: body"
    assert not block.remarks


def test_mbox_line_is_passed_over() -> None:
    assert not read(b"From jan Mon Nov  3 10:12:00 2025\n" + mail()).damage


def test_bare_cr_mail_is_readable() -> None:
    message = read(mail().replace(b"\r\n", b"\r"))
    assert (message.subject, message.text) == ("temat", "tekst")
    assert message.repairs == ("bare CR line ends",)


@pytest.mark.parametrize(
    ("raw", "damage"),
    [
        (b"", "empty message"),
        (b" \r\n\r\n", "empty message"),
        (b"\r\njust text", "no header fields"),
        (b"just text", "no header fields"),
        (b" folded: first\r\n" + mail(), "before the header"),
        (b"Subject: a\r\nno field here\r\nTo: b\r\n\r\nx", "without an empty line"),
        (b"X: a\rFrom: b@c.example\r\n" + mail(), "bare CR"),
        (b"X: a\0b\r\n" + mail(), "NUL"),
        (b"From : b@c.example\r\n" + mail(), "space before the colon"),
        (b"Subject: again\r\n" + mail(), "subject stands 2 times"),
        (mail(b"x", b"Message-ID: <a@b>", b"MESSAGE-ID: <a@b>"), "message-id stands 2 times"),
        (mail(b"x", b"Content-Type: text/plain", b"Content-Type: text/html"), "content-type stands 2 times"),
        (mail(b"x", b"MIME-Version: 1.0", b"MIME-Version: 1.0"), "mime-version stands 2 times"),
    ],
)
def test_doubtful_headers_are_damage(raw: bytes, damage: str) -> None:
    assert any(damage in reason for reason in read(raw).damage), read(raw).damage


def test_spaced_name_still_counts() -> None:
    assert read(b"From : b@c.example\r\n" + mail()).all("from") == (b"b@c.example", b"Jan <jan@wp.example>")


@pytest.mark.parametrize(
    "value",
    [
        "=?UTF-8?B?SEFTxYFPIEFXQVJZSk5FIFBVRVND?=\r\n =?UTF-8?B?IFBST0NFRFVSQSBTUEVDSkFMTkE=?=",
        "=?UTF-8?Q?HAS=C5=81O?= AWARYJNE PUESC\r\n PROCEDURA SPECJALNA",
        "=?utf-8?Q?HAS=C5?= =?UTF-8?Q?=81O_AWARYJNE?=\r\n =?utf-8?Q?_PUESC_PROCEDURA_SPECJALNA?=",
        "=?utf-8?B?SEFTxQ==?= =?utf-8?Q?=81O_AWARYJNE_PUESC_PROCEDURA_SPECJALNA?=",
        "=?utf-8?B?SEFTxYFPIEFXQVJZSk5F?= PUESC PROCEDURA SPECJALNA",
        "=?utf-8?B?SEFTxYFP?==?utf-8?Q?_AWARYJNE?= PUESC PROCEDURA SPECJALNA",
        "HAS=?utf-8?Q?=C5=81?=O AWARYJNE PUESC PROCEDURA SPECJALNA",
        "=?utf-8*pl?Q?HAS=c5=81O AWARYJNE PUESC PROCEDURA SPECJALNA?=",
        "=?iso-8859-2?q?HAS=A3O?= =?windows-1250?q?_AWARYJNE?= PUESC PROCEDURA SPECJALNA",
        "=?utf-8?Q?HASŁO?= AWARYJNE PUESC PROCEDURA SPECJALNA",
    ],
)
def test_exact_subject_in_odd_words(value: str) -> None:
    assert headers.decode(value.encode()).text == SUBJECT


def test_missing_padding() -> None:
    assert headers.decode(b"=?utf-8?B?xYHDs2TFug?=").text == "Łódź"
    assert headers.decode(b"=?utf-8?B?xYHDs2TFu?=").text.startswith("Łód")


def test_raw_bytes_beside_a_word() -> None:
    decoded = headers.decode(b"=?utf-8?Q?=C5=81=C3=B3d=C5=BA?= " + "Kraków".encode("cp1250"))
    assert decoded.text == "Łódź Kraków"
    assert decoded.repairs == ("raw bytes read as iso-8859-2",)


def test_tab_fold_stays_one_white_space() -> None:
    assert headers.decode(b"PUESC\r\n\tPROCEDURA").text == "PUESC\tPROCEDURA"


@pytest.mark.parametrize("label", ["x-unknown", "idna", "a\x01b"])
def test_unknown_charset_of_a_word_is_read_anyway(label: str) -> None:
    decoded = headers.decode(f"=?{label}?Q?abc=C5=81?=".encode())
    assert "Ł" in decoded.text or decoded.text.startswith("=?")


def test_no_control_character_survives() -> None:
    decoded = headers.decode(b"=?utf-8?Q?a=0D=0ABcc:=00x=7F=C2=85y?= \x07\xc2\x9f")
    assert decoded.text == "a Bcc:\ufffdx\ufffd y \ufffd\ufffd"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b'attachment; filename="wniosek.pdf"', "wniosek.pdf"),
        (b"attachment; filename=moj wniosek.pdf", "moj wniosek.pdf"),
        (b"attachment; filename*=utf-8''wniosek%20%C5%82.pdf", "wniosek ł.pdf"),
        (b"attachment; filename*0*=iso-8859-2''za%bf;\r\n filename*1=\"alenie.pdf\"", "zażalenie.pdf"),
        (b'attachment; filename="=?utf-8?Q?za=C5=BC.pdf?="', "zaż.pdf"),
        (b'attachment; filename="za' + "ż".encode("cp1250") + b'.pdf"', "zaż.pdf"),
        (b'attachment; filename="a;b\\"c.pdf"', 'a;b"c.pdf'),
        (b'attachment; filename="unfinished.pdf', "unfinished.pdf"),
        (b"attachment; filename*0*=a; filename*", "a"),
        (b"attachment; filename*=x'y", "x'y"),
        (b"attachment", ""),
    ],
)
def test_file_names(value: bytes, name: str) -> None:
    assert parameters.disposition(value).get("filename") == name


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"<a@b.example>", "<a@b.example>"),
        (b"\r\n <a@b.example>", "<a@b.example>"),
        (b"<a@b.example> (comment)", None),
        (b"a@b.example", None),
        (b"<>", None),
        (b"<a@b@c>", None),
        (b"<a b@c>", None),
        (b"<a@b>\xff", None),
        (b"<a@b><c@d>", None),
    ],
)
def test_message_id(value: bytes, found: str | None) -> None:
    assert read(mail(b"x", b"Message-ID: " + value)).message_id == found


def test_references_are_capped() -> None:
    ids = b" ".join(b"<%d@b.example>" % n for n in range(60))
    message = read(mail(b"x", b"References: " + ids, b"In-Reply-To: <1@b.example> <broken"))
    assert len(message.references) == 50
    assert message.in_reply_to == ("<1@b.example>",)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (b"Mon, 3 Nov 2025 10:12:00 +0100", datetime(2025, 11, 3, 10, 12, tzinfo=timezone(timedelta(hours=1)))),
        (b"3 Nov 2025 10:12 GMT (comment)", datetime(2025, 11, 3, 10, 12, tzinfo=UTC)),
        (b"Mon, 3 Nov 2025 10:12:00 -0000", datetime(2025, 11, 3, 10, 12, tzinfo=UTC)),
        (b"wczoraj", None),
        (b"Mon, 99 Nov 99999 10:12:00 +9999", None),
        (b"\xff", None),
    ],
)
def test_date(value: bytes, moment: datetime | None) -> None:
    assert read(mail(b"x", b"Date: " + value)).date == moment
