"""Whatever a stranger sends, the sender checks answer, and never with a pass nobody earned."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.config import AuthenticationSettings
from mailbot.model import AuthResult, Envelope, Header, InboundMessage, RawMessage, Sender, Source
from mailbot.parsing.headers import split
from mailbot.sender.header_block import inspect
from mailbot.sender.identify import authenticate
from mailbot.sender.mailbox import read_from
from mailbot.sender.resolver import StaticResolver
from mailbot.sender.results import parse
from tests.support import examples

NOW = datetime(2025, 10, 20, 10, 0, tzinfo=UTC)
MX = "mx.helpdesk.example"
RESOLVER = StaticResolver(
    {
        "wp.example": {"TXT": ["v=spf1 -all"]},
        "_dmarc.wp.example": {"TXT": ["v=DMARC1; p=none"]},
        "s._domainkey.wp.example": {"TXT": ["v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"]},
    }
)
_token = st.sampled_from(
    [MX, "; ", "dkim=pass", "dmarc=pass", "spf=pass", " header.d=wp.example", " header.from=wp.example", "zle.example"]
) | st.sampled_from([" smtp.mailfrom=jan@wp.example", "none", "\r\n ", *'()"\\=./1; \x00ą'])
_dkim = st.sampled_from(
    [b"v=1;", b"a=rsa-sha256;", b"d=wp.example;", b"s=s;", b"h=from:subject;", b"bh=aaaa;", b"b=aaaa;", b"t=1;"]
) | st.sampled_from([b"l=1;", b"x=9;", b"i=@wp.example;", b"=", b";", b"\r\n ", b"c=relaxed/relaxed;", b"h=", b"\xff"])
_name = st.sampled_from(
    ["From", "from ", "Subject", "Received", "Date", "Authentication-Results", "DKIM-Signature", "To"]
)


def sender_of(raw: bytes, headers: tuple[Header, ...], road: str) -> Sender:
    message = InboundMessage(headers, "", None, (), (), NOW, "", "")
    envelope = Envelope(Source.SMTP, mail_from="jan@wp.example", peer="192.0.2.1", helo="x")
    return authenticate(
        RawMessage(raw, envelope, NOW),
        message,
        road="own" if road == "own" else "headers",
        settings=AuthenticationSettings(MX),
        resolver=RESOLVER,
    )


def block(headers: tuple[Header, ...]) -> bytes:
    return b"".join(h.name.encode() + b":" + h.value + b"\r\n" for h in headers) + b"\r\nbody\r\n"


@given(st.lists(st.tuples(_name, st.binary(max_size=60)), max_size=6), st.sampled_from(["own", "headers"]))
def test_any_headers_get_an_answer_and_no_pass(fields: list[tuple[str, bytes]], road: str) -> None:
    headers = tuple(Header(name, value) for name, value in fields)
    sender = sender_of(block(headers), headers, road)
    assert (sender.address is None) == bool(sender.ambiguity)
    assert sender.authentication.result is not AuthResult.PASS


@given(st.lists(_token, max_size=14).map("".join))
def test_a_pass_needs_our_id_first_and_an_aligned_pass_outside_comments(text: str) -> None:
    value = text.encode()
    headers = (Header("Authentication-Results", value), Header("From", b"jan@wp.example"))
    parse(value)
    if sender_of(block(headers), headers, "headers").authentication.result is AuthResult.PASS:
        unfolded = text.replace("\r\n", "").lstrip(" ")
        assert unfolded.startswith((MX, "("))
        assert "=pass" in text.replace(" ", "")
        assert "wp.example" in text


@given(st.lists(_dkim, max_size=14).map(b"".join))
def test_no_made_up_signature_passes(value: bytes) -> None:
    headers = (Header("DKIM-Signature", b" " + value), Header("From", b" jan@wp.example"))
    assert sender_of(block(headers), headers, "own").authentication.result is not AuthResult.PASS


@settings(max_examples=examples(30))
@given(
    st.sampled_from([b"(", b'"', b"\\", b"=?", b"<", b"@", b",", b" ", b"=?utf-8?q?", b"\r\n "]), st.integers(1, 30_000)
)
def test_long_runs_of_one_piece_are_linear(piece: bytes, count: int) -> None:
    """The suite's time-out catches a grammar that backtracks."""
    value = (piece * count)[:60_000]
    headers = (Header("From", value), Header("Authentication-Results", MX.encode() + b"; " + value))
    sender_of(block(headers), headers, "headers")


def test_ordinary_from_fields_of_real_mail_pass(corpora: Path) -> None:
    """Of From fields with exactly one bracketed ASCII address behind plain words, every one is read."""
    read = refused = 0
    for path in sorted((corpora / "mail").rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        for sent in (raw, raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
            assert inspect(sent, split(sent).fields) == inspect(sent)
        for line in raw.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0].splitlines():
            if line[:5].lower() == b"from:":
                author = read_from([Header("From", line[5:])])
                read, refused = read + bool(author.address), refused + (author.address is None)
    assert read > 1_400
    assert refused < 0.12 * read
