"""Authentication-Results (RFC 8601): whose count, what they prove."""

from __future__ import annotations

import authres
import pytest

from mailbot.config import AuthenticationSettings
from mailbot.model import AuthResult, Header
from mailbot.sender import chain
from mailbot.sender.results import conclude, is_plain, parse

MX = "mx.helpdesk.example"
DOMAIN = "wp.example"
PASS, FAIL, NONE, TEMPERROR = AuthResult.PASS, AuthResult.FAIL, AuthResult.NONE, AuthResult.TEMPERROR
BY_MX = Header(
    "Received", b" from mail.wp.example (a [192.0.2.1])\r\n\tby mx.helpdesk.example (Postfix) with ESMTPS;\r\n now"
)
BY_STORE = Header("Received", b" from mx.helpdesk.example by store.helpdesk.example with LMTP; now")
BY_OTHER = Header("Received", b" from [192.0.2.9] by smtp.wp.example; now")


def field(text: str | bytes, name: str = "Authentication-Results") -> Header:
    return Header(name, text.encode() if isinstance(text, str) else text)


def verdict(
    *headers: Header, domain: str = DOMAIN, authserv_id: str = MX, received_by: tuple[str, ...] = ()
) -> AuthResult:
    reading = chain.read(headers, AuthenticationSettings(authserv_id, received_by))
    return conclude(reading.reports, domain, together=reading.edge is not None).result if reading.reports else NONE


MATRIX = [
    # what a usual MX writes
    ("spf=pass smtp.mailfrom=jan@wp.example; dkim=pass header.d=wp.example; dmarc=pass header.from=wp.example", PASS),
    ("spf=pass smtp.mailfrom=wp.example; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=WP.example", PASS),
    ("dkim=pass header.i=@wp.example; dmarc=pass (p=none dis=none) d=wp.example", PASS),
    ("dkim=pass header.d=wp.example", PASS),
    ('dkim=pass (2048-bit key) header.d=wp.example header.i=@wp.example header.s=s1 header.b="ab/c;="', PASS),
    ("dkim=pass header.d=wp.example header.b=ab/cd+e= header.a=rsa-sha256", PASS),
    ("dkim=pass header.i=@wp.example", PASS),
    ("dkim=pass header.i=jan@wp.example", PASS),
    ("dkim=pass header.d=poczta.wp.example", PASS),
    ("spf=pass smtp.mailfrom=jan@wp.example", PASS),
    ("spf=pass smtp.mailfrom=<jan@wp.example>", PASS),
    ("spf=pass smtp.mailfrom=wp.example", PASS),
    ("spf=pass smtp.mailfrom=bounce+a=b@poczta.wp.example", PASS),
    ("SPF=Pass SMTP.MailFrom=jan@WP.EXAMPLE", PASS),
    ("dkim/1=pass header.d=wp.example", PASS),
    ("dkim = pass header . d = wp.example", PASS),
    ('dkim=pass reason="good; signature" header.d="wp.example"', PASS),
    ("dkim=fail header.d=wp.example; dkim=pass header.d=wp.example", PASS),
    ("dkim=pass header.d=zle.example; dkim=pass header.d=wp.example", PASS),
    ("spf=softfail smtp.mailfrom=jan@wp.example; dkim=pass header.d=wp.example", PASS),
    (
        "spf=fail smtp.mailfrom=list@lista.example; dkim=pass header.d=wp.example; dmarc=pass header.from=wp.example",
        PASS,
    ),
    ("dkim=fail header.d=wp.example; spf=pass smtp.mailfrom=jan@wp.example", PASS),
    ("dmarc=none header.from=wp.example; spf=pass smtp.mailfrom=jan@wp.example", PASS),
    ("dmarc=temperror header.from=wp.example; dkim=pass header.d=wp.example", PASS),
    (
        "spf=pass smtp.mailfrom=jan@wp.example; dmarc=pass action=none header.from=wp.example; compauth=pass",
        PASS,
    ),
    ("spf=pass smtp.mailfrom=jan@wp.example;", PASS),
    ("spf=softfail smtp.helo=mail.wp.example; spf=pass smtp.mailfrom=jan@wp.example", PASS),
    # spoofs
    ("spf=fail (no property)", FAIL),
    ("dmarc=fail header.from=wp.example", FAIL),
    ("dmarc=fail", FAIL),
    ("dmarc=fail (p=none) header.from=wp.example; dkim=pass header.d=wp.example", FAIL),
    ("spf=fail smtp.mailfrom=jan@wp.example", FAIL),
    ("spf=softfail smtp.mailfrom=jan@wp.example; dkim=none", NONE),
    ("spf=fail smtp.mailfrom=jan@wp.example; dkim=none", FAIL),
    ("spf=hardfail smtp.mailfrom=jan@wp.example", FAIL),
    ("spf=fail smtp.mailfrom=zly@zle.example; dkim=pass header.d=zle.example", FAIL),
    ("spf=fail smtp.mailfrom=jan@wp.example; dkim=fail header.d=wp.example", FAIL),
    ("spf=fail smtp.mailfrom=jan@wp.example; dmarc=temperror header.from=wp.example", FAIL),
    ("dmarc=pass header.from=wp.example; dmarc=none header.from=wp.example", FAIL),
    ("spf=pass smtp.mailfrom=jan@wp.example; spf=fail smtp.mailfrom=jan@wp.example", FAIL),
    ("spf=pass smtp.mailfrom=x; spf=pass smtp.mailfrom=jan@wp.example reason=y@zle.example", FAIL),
    # dmarc=pass that leans on what the sender wrote
    ("dmarc=pass header.from=wp.example", NONE),
    ("dmarc=pass header.from=wp.example; dkim=none; spf=none", NONE),
    ("dmarc=pass header.from=wp.example; dkim=pass header.d=zle.example", NONE),
    ("dmarc=pass header.from=wp.example; spf=pass smtp.mailfrom=zly@zle.example", NONE),
    ("dmarc=pass header.from=wp.example; spf=pass smtp.helo=wp.example", NONE),
    ("dmarc=pass header.from=wp.example; spf=softfail smtp.mailfrom=jan@wp.example", NONE),
    ("dmarc=pass header.from=wp.example; spf=fail smtp.mailfrom=jan@wp.example", FAIL),
    ("dkim=pass header.i=@wp.example; dmarc=pass (p=none dis=none) d=zle.example", NONE),
    # nothing proven
    ("none", NONE),
    ("spf=none; dkim=none; dmarc=none", NONE),
    ("spf=neutral smtp.mailfrom=jan@wp.example", NONE),
    ("spf=permerror smtp.mailfrom=jan@wp.example; dkim=permerror header.d=wp.example", NONE),
    ("dkim=fail header.d=wp.example", NONE),
    ("dkim=policy header.d=wp.example", NONE),
    ("dkim=pass", NONE),
    ("spf=pass", NONE),
    ("spf=pass smtp.helo=wp.example", NONE),
    ("spf=fail smtp.helo=wp.example", NONE),
    ("spf=pass smtp.mailfrom=<>", NONE),
    ("dmarc=pass", NONE),
    ("dmarc=pass header.from=zle.example", NONE),
    ("dmarc=pass header.from=zle.example; dkim=pass header.d=wp.example", NONE),
    ("dkim=pass header.d=zle.example; spf=pass smtp.mailfrom=zly@zle.example", NONE),
    ("dkim=pass header.d=wp.example.zle.example", NONE),
    ("dkim=pass header.d=zlewp.example", NONE),
    ("dkim=pass header.d=example", NONE),
    ("dkim=pass header.d=zle.example header.i=jan@wp.example", NONE),
    ("spf=pass smtp.mailfrom=jan@wp.example@zle.example", NONE),
    ('spf=pass smtp.mailfrom="jan@wp.example;"@zle.example', NONE),
    ("iprev=pass policy.iprev=192.0.2.1; auth=pass smtp.auth=jan@wp.example", NONE),
    ("arc=pass; x-dmarc=pass header.from=wp.example", NONE),
    ("dkim/2=pass header.d=wp.example", NONE),
    ("dkim=pass header.d=zle.example header.d=wp.example", NONE),
    ("dkim=pass=x header.d=wp.example", NONE),
    ("dkim=pass header.d=wp.example (; dmarc=pass", NONE),
    ("dkim=pass header.d=wp.example )", NONE),
    ('dkim=pass header.d="wp.example', NONE),
    ("dkim=pass header.d=wp.example; garbage", NONE),
    ("none; dkim=pass header.d=wp.example", NONE),
    ("dkim=(pass) fail header.d=wp.example", NONE),
    ("dkim=none (dkim=pass header.d=wp.example)", NONE),
    ('dkim=none reason="; dkim=pass header.d=wp.example"', NONE),
    (r"dkim=none (a \) ; dkim=pass header.d=wp.example)", NONE),
    ("dkim=none ((a) ; dkim=pass header.d=wp.example)", NONE),
    ("dkim=pass header.d=wp.example\x00", NONE),
    ("", NONE),
    # not finished
    ("dmarc=temperror header.from=wp.example", TEMPERROR),
    ("spf=temperror smtp.mailfrom=jan@wp.example; dkim=none", TEMPERROR),
    ("dkim=temperror header.d=wp.example; spf=fail smtp.mailfrom=jan@wp.example", TEMPERROR),
    ("dkim=temperror; spf=none", TEMPERROR),
]


@pytest.mark.parametrize(("results", "expected"), MATRIX)
@pytest.mark.parametrize("below", [(), (BY_MX, BY_OTHER), (BY_OTHER,)])
def test_what_the_results_of_our_mx_prove(results: str, expected: AuthResult, below: tuple[Header, ...]) -> None:
    assert verdict(field(f" {MX}; {results}"), *below) is expected


@pytest.mark.parametrize(
    "value",
    [
        f" {MX} 1; dkim=pass header.d=wp.example",
        f" {MX.upper()}; dkim=pass header.d=wp.example",
        f" (our) {MX} (Postfix; (nested)); dkim=pass header.d=wp.example",
        f"\r\n\t{MX};\r\n\tdkim=pass\r\n\theader.d=wp.example",
        f"\n {MX};\n dkim=pass\n header.d=wp.example",
        f"{MX};dkim=pass header.d=wp.example",
    ],
)
def test_spellings_of_our_own_field(value: str) -> None:
    assert verdict(field(value)) is PASS
    assert verdict(field(value, "AUTHENTICATION-RESULTS")) is PASS
    assert verdict(field(value), authserv_id=MX.upper()) is PASS


GOOD = "dkim=pass header.d=wp.example; dmarc=pass header.from=wp.example"


@pytest.mark.parametrize(
    "header",
    [
        field(f"mx.helpdesk.example.zle.example; {GOOD}"),
        field(f"zle.mx.helpdesk.example; {GOOD}"),
        field(f"mx.helpdesk.exampl; {GOOD}"),
        field(f"helpdesk.example; {GOOD}"),
        field(f'"mx.helpdesk.example"; {GOOD}'),
        field(f"zle.example (mx.helpdesk.example); {GOOD}"),
        field(f"(; ) zle.example mx.helpdesk.example; {GOOD}"),
        field(f"mx.helpdesk.example 2; {GOOD}"),
        field(f"mx.helpdesk.example zle; {GOOD}"),
        field(f"; {GOOD}"),
        field(GOOD),
        field(f"mx.helpdesk.example(; {GOOD}"),
        field(f"mx.helpdesk.example, {GOOD}"),
        field(f"{MX}; {GOOD}", "Authentication-Results "),
        field(f"{MX}; {GOOD}", "X-Authentication-Results"),
        field(f"i=1; {MX}; {GOOD}", "ARC-Authentication-Results"),
        field(f"mx.helpdesk.example\r\n; {GOOD}\r\n\x00"),
        field(b"\xffmx.helpdesk.example; " + GOOD.encode()),
    ],
)
def test_a_field_that_is_not_our_mx_s_proves_nothing(header: Header) -> None:
    assert verdict(header) is NONE
    assert verdict(header, BY_MX) is NONE


def test_nothing_counts_without_an_authserv_id_or_a_field() -> None:
    assert verdict(field(f"{MX}; {GOOD}"), authserv_id="") is NONE
    assert verdict() is NONE
    assert verdict(BY_MX) is NONE


def test_a_field_below_our_mx_s_received_line_came_with_the_mail() -> None:
    forged = field(f"{MX}; {GOOD}")
    assert verdict(BY_MX, forged) is NONE
    assert verdict(BY_STORE, BY_MX, forged, BY_MX) is NONE
    assert verdict(field(f"{MX}; none"), BY_MX, forged) is NONE
    assert verdict(field(f"{MX}; dmarc=fail"), BY_MX, forged) is FAIL
    assert verdict(forged, BY_MX, field(f"{MX}; dmarc=fail")) is PASS


def test_a_field_above_our_mx_s_received_line_counts_behind_inner_hops() -> None:
    chained = (BY_STORE, field(f"{MX}; {GOOD}"), BY_MX, BY_OTHER)
    assert verdict(*chained, received_by=("store.helpdesk.example", MX)) is PASS
    assert verdict(*chained) is NONE  # a host of another name is on top: whoever it is, it is not ours


def test_without_a_received_line_of_our_mx_only_the_topmost_above_all_of_them_counts() -> None:
    weak, good = field(f"{MX}; spf=pass smtp.mailfrom=zly@zle.example"), field(f"{MX}; {GOOD}")
    assert verdict(BY_OTHER, good) is NONE
    assert verdict(good, BY_OTHER) is PASS
    assert verdict(weak, good) is NONE
    assert verdict(good, weak) is PASS
    assert verdict(weak, good, BY_OTHER) is NONE


def test_filters_of_one_mx_may_each_write_a_field() -> None:
    spf = field(f"{MX}; spf=softfail smtp.mailfrom=jan@wp.example")
    dkim = field(f"{MX}; dkim=pass header.d=wp.example")
    dmarc = field(f"{MX}; dmarc=pass header.from=wp.example")
    other = field("zle.example; dmarc=fail")
    assert verdict(dmarc, other, dkim, spf, BY_MX) is PASS
    assert verdict(spf, dkim, BY_MX) is PASS
    assert verdict(spf, BY_MX) is NONE


@pytest.mark.parametrize("below", [(), (BY_MX,)])
@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("dmarc=pass header.from=wp.example", "dmarc=fail header.from=wp.example"),
        ("dkim=pass header.d=wp.example", "dkim=fail header.d=wp.example"),
        ("spf=pass smtp.mailfrom=jan@wp.example", "spf=softfail smtp.mailfrom=jan@wp.example"),
        ("spf=pass smtp.mailfrom=jan@wp.example", "dmarc=fail header.from=wp.example"),
    ],
)
def test_fields_of_our_id_that_contradict_each_other_are_a_forgery(
    one: str, two: str, below: tuple[Header, ...]
) -> None:
    assert verdict(field(f"{MX}; {one}"), field(f"{MX}; {two}"), *below) is FAIL
    assert verdict(field(f"{MX}; {two}"), field(f"{MX}; {one}"), *below) is FAIL


def test_one_unreadable_field_of_our_id_spoils_the_rest() -> None:
    assert verdict(field(f"{MX}; {GOOD}"), field(f"{MX}; dmarc"), BY_MX) is NONE


@pytest.mark.parametrize(
    ("identifier", "author", "expected"),
    [
        ("urzad-skarbowy.pl", "urzad-skarbowy.pl", PASS),
        ("urzad.pl", "urzad-skarbowy.pl", NONE),
        ("a.gov.pl", "b.gov.pl", NONE),
        ("poczta.mf.gov.pl", "mf.gov.pl", PASS),
        ("gov.pl", "mf.gov.pl", NONE),
        ("pl", "wp.pl", NONE),
        ("żółw.pl", "xn--w-uga1v8h.pl", PASS),
        ("XN--W-UGA1V8H.PL", "xn--w-uga1v8h.pl", PASS),
        ("wp.example.", "wp.example", PASS),
        ("..wp.example", "wp.example", NONE),
    ],
)
def test_alignment_goes_by_the_public_suffix_list(identifier: str, author: str, expected: AuthResult) -> None:
    assert verdict(field(f"{MX}; dkim=pass header.d={identifier}"), domain=author) is expected


VALID = [results for results, _ in MATRIX[:48]]


def test_agrees_with_authres_on_valid_fields() -> None:
    compared = 0
    for text in VALID:
        line = f"Authentication-Results: {MX}; {text}"
        try:
            theirs = authres.AuthenticationResultsHeader.parse(line)
        except authres.SyntaxError:
            continue
        ours = parse(line.partition(":")[2].encode())
        assert ours.results is not None
        assert ours.authserv_id == theirs.authserv_id
        assert [(r.method, r.result) for r in ours.results] == [(r.method, r.result.lower()) for r in theirs.results]
        for mine, other in zip(ours.results, theirs.results, strict=True):
            known = {f"{p.type}.{p.name}".lower(): p.value for p in other.properties}
            assert known.items() <= dict(mine.properties).items()
        compared += 1
    assert compared > 25


@pytest.mark.parametrize(
    ("results", "plain"),
    [
        ("dkim=pass header.d=wp.example header.s=rsa header.b=ay7HMYk+", True),
        ('dkim=pass (2048-bit key; "a") header.d=wp.example header.b="bj/n5AKZ"; dkim-atps=neutral;', True),
        ('dmarc=fail reason="SPF not aligned (relaxed), No valid DKIM" header.from=wp.example (policy=reject)', True),
        ("\r\n\tspf=pass (x designates 192.0.2.1 as y) smtp.mailfrom=a+b@wp.example;\r\n\tdmarc=none", True),
        ("spf=pass smtp.mailfrom=<jan@wp.example>", True),
        ("dkim=pass action=none header.d=wp.example", False),
        ("dkim=pass x.y=z header.d=wp.example", False),
        ("dkim = pass header.d=wp.example", False),
        ("dkim=pass header . d=wp.example", False),
        ("dkim=pass header.d= wp.example", False),
        ("dkim/1=pass header.d=wp.example", False),
        ("DKIM=pass header.d=wp.example", False),
        ("dkim=Pass header.d=wp.example", False),
        (r'dkim=pass header.d=wp.example header.x="\""', False),
        ('spf=pass smtp.mailfrom="a b"@wp.example', False),
        ("dkim=pass header.d=wp.example header.x=ż", False),
        ("dkim=pass header.d=wp.example (", False),
        ("dkim=pass header.d=wp.example; junk", False),
        ("x=none; " * 16 + "dkim=pass header.d=wp.example", False),
        (f"dkim=pass header.d=wp.example header.x={'x' * 4096}", False),
        ("none", False),
        ("", False),
    ],
)
def test_fields_as_filters_write_them(results: str, plain: bool) -> None:
    assert is_plain(f" {MX}; {results}".encode()) is plain
