"""What a DKIM signature must be, cover and say; keys are made here, the DNS is a map."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailbot.config import AuthenticationSettings, Settings
from mailbot.flow.understand import Understander
from mailbot.model import (
    REQUIRED_SUBJECT,
    AuthResult,
    Envelope,
    Header,
    InboundMessage,
    RawMessage,
    Source,
    SubjectClass,
)
from mailbot.secret import Secret
from mailbot.sender import dkim, own
from mailbot.sender.identify import authenticate
from mailbot.sender.resolver import StaticResolver
from tests.dkim_mails import ALL, DOMAIN, FIELDS, GMAIL, NOW, STAMP, ed25519_record, mail, rsa_record, sign

PASS, FAIL, NONE, TEMPERROR = AuthResult.PASS, AuthResult.FAIL, AuthResult.NONE, AuthResult.TEMPERROR


def headers_of(raw: bytes) -> tuple[Header, ...]:
    lines = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b"\0 ").split(b"\r\n")
    split = (line.partition(b":") for line in lines)
    return tuple(Header(name.decode(), value.replace(b"\0", b"\r\n")) for name, _, value in split)


def zone(key: str | Sequence[str] | None = None, **more: str) -> StaticResolver:
    """``key``: the record(s) of selector s1; ``more``: selector → record; "" asks to fail for now."""
    keys = [key] if isinstance(key, str) else list(key) if key is not None else [rsa_record()]
    records: dict[str, Mapping[str, Sequence[str]] | str] = {"s1._domainkey.wp.example": {"TXT": keys}}
    for selector, record in more.items():
        records[f"{selector}._domainkey.wp.example"] = {"TXT": [record]} if record else "TEMPERROR"
    return StaticResolver(records)


def words(raw: bytes, resolver: StaticResolver | None = None, *, strict: bool = True) -> list[str]:
    """The result words of the signatures of wp.example."""
    found = dkim.check(raw, headers_of(raw), DOMAIN, resolver or zone(), NOW, strict=strict)
    return [result.result for result in found]


def identified(
    raw: bytes, *, strict: bool = True, date: datetime | None = NOW, received_at: datetime = NOW, spf: str = ""
) -> AuthResult:
    """The verdict when our MX wrote that DKIM passes."""
    raw = f"Authentication-Results: mx.helpdesk.example; {spf}dkim=pass header.d=wp.example\r\n".encode() + raw
    return authenticate(
        RawMessage(raw, Envelope(Source.IMAP), received_at),
        InboundMessage(headers_of(raw), "", None, (), (), date, "", ""),
        road="headers",
        settings=AuthenticationSettings(authserv_id="mx.helpdesk.example"),
        resolver=None,
        strict=strict,
    ).authentication.result


# ------------------------------------------------------------------------------- what must be covered


@pytest.mark.parametrize("name", ["from", "subject", "date", "mime-version"])
@pytest.mark.parametrize("strict", [True, False])
def test_what_changes_the_request_must_be_covered(name: str, *, strict: bool) -> None:
    covered = [n for n in ALL if n != name]
    raw = sign(mail(), covered=covered)
    assert words(raw, strict=strict) == ["policy"]
    assert identified(raw, strict=strict) is NONE


@pytest.mark.parametrize("name", ["content-type", "content-transfer-encoding"])
def test_how_the_body_is_read_must_be_covered_where_files_count(name: str) -> None:
    raw = sign(mail(), covered=[n for n in ALL if n != name])
    assert words(raw, strict=True) == ["policy"]
    assert identified(raw, strict=True) is NONE
    assert words(raw, strict=False) == ["pass"]
    assert identified(raw, strict=False) is PASS


def test_what_is_not_there_need_not_be_covered() -> None:
    raw = sign(mail("content-transfer-encoding"), covered=[n for n in ALL if n != "content-transfer-encoding"])
    assert words(raw, strict=True) == ["pass"]
    assert identified(raw, strict=True) is PASS


def test_gmail_proves_case_a_by_its_signature_alone_and_case_b_does_not() -> None:
    raw = sign(mail(), covered=GMAIL)
    assert (words(raw, strict=False), words(raw, strict=True)) == (["pass"], ["policy"])
    assert (identified(raw, strict=False), identified(raw, strict=True)) == (PASS, NONE)
    assert identified(raw, strict=True, spf="spf=pass smtp.mailfrom=jan@wp.example; ") is PASS


@pytest.mark.parametrize("junk", [b"", b"DKIM-Signature: v=1; d=wp.example; d=wp.example\r\n"])
def test_a_weak_signature_cannot_hide_behind_good_looking_ones(junk: bytes) -> None:
    weak = sign(mail(), covered=[n for n in ALL if n != "subject"])
    good_looking = b"DKIM-Signature: v=1; a=rsa-sha256; d=wp.example; s=s1; h=" + ":".join(ALL).encode() + b"\r\n"
    raw = junk or good_looking * (dkim.MAX_SIGNATURES + 1)
    assert identified(raw + (mail() if junk else weak)) is NONE


# ------------------------------------------------------------------------------------ when it was written


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("", NONE), (f"t={STAMP}; ", PASS), ("t=soon; ", NONE), (f"t={STAMP - 8 * 86400}; ", NONE)],
)
def test_without_a_date_the_signature_itself_must_say_when(tags: str, expected: AuthResult) -> None:
    raw = sign(mail("date"), tags=tags)
    assert identified(raw, date=None) is expected
    assert identified(raw, date=None, spf="spf=pass smtp.mailfrom=jan@wp.example; ") is PASS


def test_a_date_less_mail_does_not_get_its_time_from_another_signature() -> None:
    raw = sign(sign(mail("date"), tags=""), selector="s2", break_it=True)
    assert identified(raw, date=None, received_at=NOW) is NONE


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        (f"t={STAMP}; x={STAMP + 60}; ", "pass"),
        (f"t={STAMP - 60}; x={STAMP - 1}; ", "policy"),
        (f"t={STAMP + 9 * 3600}; ", "pass"),
        (f"t={STAMP + 11 * 3600}; ", "policy"),
        ("t=1e9; ", "policy"),
        ("x=never; ", "policy"),
    ],
)
def test_the_clock_is_that_of_the_mail(tags: str, word: str) -> None:
    assert words(sign(mail(), tags=tags)) == [word]


# --------------------------------------------------------------------------------------- the key record


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (rsa_record(), "pass"),
        (rsa_record().replace("v=DKIM1; ", ""), "pass"),
        (rsa_record().replace("k=rsa; ", ""), "pass"),
        (rsa_record("h=sha256; "), "pass"),
        (rsa_record("h=sha1 : sha256; "), "pass"),
        (rsa_record("h=sha1; "), "permerror"),
        (rsa_record("h=sha512; "), "permerror"),
        (rsa_record("h=; "), "permerror"),
        (rsa_record("s=email; "), "pass"),
        (rsa_record("s=tlsrpt; "), "permerror"),
        (rsa_record("s=other:*; "), "pass"),
        (rsa_record("t=y; "), "permerror"),
        (rsa_record("t=s; "), "pass"),
        (rsa_record("n=a note; x=unknown; "), "pass"),
        (rsa_record().replace("v=DKIM1", "v=DKIM2"), "permerror"),
        ("k=rsa; v=DKIM1; " + rsa_record().rpartition(" ")[2], "permerror"),
        ("v=DKIM1; k=rsa; p=", "permerror"),
        ("v=DKIM1; k=rsa", "permerror"),
        ("v=DKIM1; k=rsa; p=%%%", "permerror"),
        ("", "permerror"),
        (rsa_record().replace("k=rsa", "k=ed448"), "neutral"),
        (ed25519_record(), "permerror"),
        (rsa_record(form=serialization.PublicFormat.PKCS1), "pass"),
        (rsa_record(bits=1024), "fail"),
    ],
)
def test_what_a_key_record_says_is_obeyed(record: str, word: str) -> None:
    assert words(sign(mail()), zone(record)) == [word]


def test_size_and_number_of_keys() -> None:
    assert words(sign(mail(), bits=1024), zone(rsa_record(bits=1024))) == ["pass"]
    assert words(sign(mail()), zone([])) == ["permerror"]
    assert words(sign(mail()), zone([rsa_record(), rsa_record()])) == ["permerror"]


@pytest.mark.parametrize(("bits", "word"), [(1_000, "permerror"), (16_400, "neutral")])
def test_a_key_too_short_is_none_and_one_too_large_to_check_no_failure(bits: int, word: str) -> None:
    public = rsa.RSAPublicNumbers(65537, (1 << bits) + 1).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert words(sign(mail()), zone(f"p={base64.b64encode(der).decode()}")) == [word]


# ------------------------------------------------------------------------------------- the algorithms


def test_the_ed25519_signature_of_rfc_8463() -> None:
    """§A.3, word for word, with the key of §A.2."""
    lines = [
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;",
        " d=football.example.com; i=@football.example.com;",
        " q=dns/txt; s=brisbane; t=1528637909; h=from : to :",
        " subject : date : message-id : from : subject : date;",
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
        " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus",
        " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
        "From: Joe SixPack <joe@football.example.com>",
        "To: Suzie Q <suzie@shopping.example.net>",
        "Subject: Is dinner ready?",
        "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
        "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
        "",
        "Hi.",
        "",
        "We lost the game.  Are you hungry yet?",
        "",
        "Joe.",
        "",
    ]
    raw = "\r\n".join(lines).encode()
    key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    resolver = StaticResolver({"brisbane._domainkey.football.example.com": {"TXT": [key]}})
    for octets, word in ((raw, "pass"), (raw.replace(b"hungry", b"angry"), "fail")):
        found = dkim.check(octets, headers_of(octets), "football.example.com", resolver, NOW, strict=True)
        assert [result.result for result in found] == [word]


def test_ed25519() -> None:
    raw = sign(mail(), algorithm="ed25519-sha256")
    assert words(raw, zone(ed25519_record())) == ["pass"]
    assert words(raw.replace(b"1980", b"1981"), zone(ed25519_record())) == ["fail"]
    assert words(sign(mail(), algorithm="ed25519-sha256", break_it=True), zone(ed25519_record())) == ["fail"]
    assert words(raw, zone(rsa_record())) == ["permerror"]
    assert words(raw, zone("v=DKIM1; k=ed25519; p=AAAA")) == ["permerror"]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"algorithm": "ed25519-sha256", "selector": "ed"}, ["pass", "pass"]),
        ({"algorithm": "future-sha3", "selector": "ed"}, ["neutral", "pass"]),
        ({"algorithm": "rsa-sha1", "selector": "ed"}, ["policy", "pass"]),
        ({"selector": "gone"}, ["permerror", "pass"]),
        ({"selector": "slow"}, ["temperror", "pass"]),
        ({"break_it": True}, ["fail", "pass"]),
    ],
)
def test_one_good_signature_is_enough(second: dict[str, str], expected: list[str]) -> None:
    raw = sign(sign(mail()), **second)  # type: ignore[arg-type]
    resolver = zone(ed=ed25519_record(), slow="")
    assert words(raw, resolver) == expected
    assert own.signature_alone(raw, headers_of(raw), DOMAIN, resolver, NOW, strict=True).result is PASS


def test_foreign_signatures_do_not_crowd_out_the_own_one() -> None:
    raw = sign(mail())
    for _ in range(dkim.MAX_SIGNATURES + 2):
        raw = sign(raw, domain="lista.example")
    assert words(raw) == ["pass"]


@pytest.mark.parametrize(
    ("algorithm", "policy", "expected"),
    [
        ("future-sha3", "v=DMARC1; p=reject", NONE),
        ("rsa-sha1", "v=DMARC1; p=reject", FAIL),
        ("ed25519-sha256", "v=DMARC1; p=reject", PASS),
    ],
)
def test_what_cannot_be_checked_is_no_failure(algorithm: str, policy: str, expected: AuthResult) -> None:
    raw = sign(mail(), algorithm=algorithm)
    records = {"s1._domainkey.wp.example": {"TXT": [ed25519_record()]}, "_dmarc.wp.example": {"TXT": [policy]}}
    envelope = Envelope(Source.SMTP, mail_from="a@weiter.example", peer="192.0.2.7", helo="x.example")
    found = own.check(raw, headers_of(raw), DOMAIN, envelope, StaticResolver(records), NOW, strict=True)
    assert found.result is expected


# -------------------------------------------------------------------------------- where no field counts


@pytest.mark.parametrize(
    ("raw", "policy", "expected"),
    [
        (sign(mail()), {}, PASS),
        (sign(mail()), {"TXT": ["v=DMARC1; p=reject; adkim=s"]}, PASS),
        (sign(mail()), "TEMPERROR", PASS),
        (mail(), {"TXT": ["v=DMARC1; p=reject"]}, NONE),
        (sign(mail()).replace(b"1980", b"1981"), {"TXT": ["v=DMARC1; p=reject"]}, NONE),
        (sign(mail(), domain="poczta.wp.example"), {"TXT": ["v=DMARC1; p=reject"]}, PASS),
        (sign(mail(), domain="poczta.wp.example"), {"TXT": ["v=DMARC1; p=reject; adkim=s"]}, NONE),
        (sign(mail(), domain="poczta.wp.example"), {"TXT": ["v=DMARC1; p=none; adkim=s"]}, NONE),
        (sign(mail(), domain="poczta.wp.example"), "TEMPERROR", TEMPERROR),
        (sign(mail(), selector="slow"), {}, TEMPERROR),
        (sign(mail(), domain="zle.example"), {}, NONE),
    ],
)
def test_a_signature_alone(raw: bytes, policy: Mapping[str, Sequence[str]] | str, expected: AuthResult) -> None:
    records: dict[str, Mapping[str, Sequence[str]] | str] = {
        "s1._domainkey.wp.example": {"TXT": [rsa_record()]},
        "s1._domainkey.poczta.wp.example": {"TXT": [rsa_record()]},
        "s1._domainkey.zle.example": {"TXT": [rsa_record()]},
        "slow._domainkey.wp.example": "TEMPERROR",
        "_dmarc.wp.example": policy,
    }
    found = own.signature_alone(raw, headers_of(raw), DOMAIN, StaticResolver(records), NOW, strict=True)
    assert found.result is expected
    assert "spf" not in found.methods


def test_a_replay_long_after_is_seen_by_its_date() -> None:
    raw = sign(mail(), tags="")
    assert identified(raw, received_at=NOW + timedelta(days=8)) is NONE


OURS = "Authentication-Results: mx.helpdesk.example; "
THEIRS = "Authentication-Results: mx.sender.example; "


@pytest.mark.parametrize("source", [Source.IMAP, Source.LMTP])
@pytest.mark.parametrize(
    ("field", "raw", "more", "expected"),
    [
        ("", sign(mail()), {}, PASS),
        ("", sign(mail()), {"missing": "none"}, NONE),
        ("", sign(mail()), {"authserv_id": ""}, PASS),
        ("", mail(), {}, NONE),
        ("", sign(mail()).replace(b"1980", b"1981"), {}, NONE),
        ("", sign(mail(), domain="zle.example"), {}, NONE),
        ("", sign(mail(), selector="slow"), {}, TEMPERROR),
        ("", sign(mail("date"), tags=""), {}, NONE),
        ("", sign(mail(), covered=GMAIL), {}, PASS),
        ("", b"Subject: x\r\n" + sign(mail()), {}, NONE),
        (THEIRS + "dkim=fail header.d=wp.example", sign(mail()), {}, PASS),
        (THEIRS + "dkim=pass header.d=wp.example", mail(), {}, NONE),
        (OURS + "dkim=fail header.d=wp.example; dmarc=fail header.from=wp.example", sign(mail()), {}, FAIL),
        (OURS + "dkim=none; spf=none smtp.mailfrom=jan@wp.example", sign(mail()), {}, NONE),
        (OURS + "spf=fail smtp.mailfrom=jan@wp.example", sign(mail()), {}, FAIL),
        ("Received-SPF: fail client-ip=192.0.2.7; envelope-from=jan@wp.example", sign(mail()), {}, PASS),
        ("Received-SPF: fail client-ip=192.0.2.7; envelope-from=jan@wp.example", mail(), {}, FAIL),
        (
            "Received-SPF: fail client-ip=192.0.2.7; envelope-from=jan@wp.example",
            sign(mail()),
            {"missing": "none"},
            FAIL,
        ),
    ],
)
def test_where_our_mx_wrote_nothing_the_signature_is_checked(
    source: Source, field: str, raw: bytes, more: dict[str, str], expected: AuthResult
) -> None:
    received = b"Received: from out.wp.example ([192.0.2.7]) by mx.helpdesk.example with ESMTP id 1; date\r\n"
    raw = (f"{field}\r\n".encode() if field else b"") + received + raw
    settings = AuthenticationSettings(**{"authserv_id": "mx.helpdesk.example", **more})  # type: ignore[arg-type]
    sender = authenticate(
        RawMessage(raw, Envelope(source), NOW),
        InboundMessage(headers_of(raw), "", None, (), (), NOW if b"\r\nDate:" in raw else None, "", ""),
        road="headers",
        settings=settings,
        resolver=zone(slow=""),
        strict=False,
    )
    assert sender.authentication.result is expected


CASE_A = "Proszę o zmianę hasła awaryjnego dla Jana Kowalskiego, 1980"
CASE_B = "Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla Jana Kowalskiego, 1980"


@pytest.mark.parametrize(
    ("text", "covered", "expected"),
    [(CASE_A, ALL, PASS), (CASE_A, GMAIL, PASS), (CASE_B, ALL, PASS), (CASE_B, GMAIL, NONE)],
)
def test_the_sentence_says_how_much_must_be_covered(text: str, covered: Sequence[str], expected: AuthResult) -> None:
    written = {"Subject": REQUIRED_SUBJECT, "Content-Transfer-Encoding": "8bit"}
    head, _, _ = mail(fields=[(name, written.get(name, value)) for name, value in FIELDS]).partition(b"\r\n\r\n")
    raw = sign(head + b"\r\n\r\n" + text.encode() + b"\r\n", covered=covered)
    understander = Understander(Settings(), Secret(bytes(32)), zone())
    u = understander.understand(RawMessage(raw, Envelope(Source.IMAP), NOW))
    assert u.subject.kind is SubjectClass.EXACT
    assert u.sender.authentication.result is expected
