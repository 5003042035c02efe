"""Own SPF, DKIM and DMARC check, and all checks of the sender together. Keys are made here, the DNS is a map."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailbot.config import AuthenticationRoad, AuthenticationSettings
from mailbot.errors import ConfigError, ResolverUnavailable
from mailbot.model import AuthResult, Envelope, Header, InboundMessage, RawMessage, Sender, Source
from mailbot.sender.identify import authenticate
from mailbot.sender.resolver import Budget, Resolver, StaticResolver

PASS, FAIL, NONE, TEMPERROR = AuthResult.PASS, AuthResult.FAIL, AuthResult.NONE, AuthResult.TEMPERROR
NOW = datetime.now(UTC).replace(microsecond=0)  # dkimpy signs with the machine's clock
PEER = "192.0.2.1"
Zone = dict[str, dict[str, list[str] | str] | str]


@cache
def key(size: int) -> tuple[bytes, str]:
    """A private key (PEM) and its record."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=size)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem, f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def zone(**changes: dict[str, list[str] | str] | str) -> Zone:
    """A domain that does everything; ``changes``: spf, key, dmarc records or TEMPERROR; "" removes one."""
    names = {
        "spf": "wp.example",
        "key": "s1._domainkey.wp.example",
        "dmarc": "_dmarc.wp.example",
        "sub": "s1._domainkey.poczta.wp.example",
    }
    records: Zone = {
        "wp.example": {"TXT": ["other", f"v=spf1 ip4:{PEER} -all"]},
        "s1._domainkey.wp.example": {"TXT": [key(2048)[1]]},
        "s1._domainkey.poczta.wp.example": {"TXT": [key(2048)[1]]},
        "_dmarc.wp.example": {"TXT": ["v=DMARC1; p=reject"]},
        "zle.example": {"TXT": [f"v=spf1 ip4:{PEER} -all"]},
        "s1._domainkey.zle.example": {"TXT": [key(2048)[1]]},
    }
    for name, change in changes.items():
        records[names[name]] = change
    return records


def txt(*texts: str) -> dict[str, list[str] | str]:
    return {"TXT": list(texts)}


FIELDS = (
    ("From", "Jan Kowalski <jan@wp.example>"),
    ("To", "helpdesk@helpdesk.example"),
    ("Subject", "HASLO AWARYJNE"),
    ("Date", NOW.strftime("%a, %d %b %Y %H:%M:%S +0000")),
    ("Message-ID", "<1@wp.example>"),
    ("MIME-Version", "1.0"),
    ("Content-Type", "text/plain; charset=utf-8"),
)
BODY = b"Prosze o zmiane hasla awaryjnego dla Jan Kowalski, 1980\r\n"
PLAIN = b"".join(f"{name}: {value}\r\n".encode() for name, value in FIELDS) + b"\r\n" + BODY
COVERED = tuple(name.lower().encode() for name, _ in FIELDS)


def sign(
    raw: bytes = PLAIN,
    domain: str = "wp.example",
    *,
    size: int = 2048,
    length: bool = False,
    covered: Sequence[bytes] = COVERED,
    algorithm: bytes = b"rsa-sha256",
    identity: bytes | None = None,
) -> bytes:
    signature: bytes = dkim.DKIM(raw, signature_algorithm=algorithm).sign(
        b"s1", domain.encode(), key(size)[0], include_headers=list(covered), length=length, identity=identity
    )
    return signature + raw


def headers_of(raw: bytes) -> tuple[Header, ...]:
    """Fields of the header block, split plainly: parsing is another package."""
    lines = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b"\0 ").replace(b"\r\n\t", b"\0\t").split(b"\r\n")
    split = (line.partition(b":") for line in lines)
    return tuple(Header(n.decode("latin-1"), v.replace(b"\0", b"\r\n")) for n, _, v in split)


def identify(
    raw: bytes,
    records: Mapping[str, dict[str, list[str] | str] | str] | None = None,
    *,
    mail_from: str | None = "jan@wp.example",
    peer: str | None = PEER,
    date: datetime | None = NOW,
    received_at: datetime = NOW,
    road: AuthenticationRoad = "own",
    resolver: Resolver | None = None,
) -> Sender:
    message = InboundMessage(headers_of(raw), "", None, (), (), date, "", "")
    envelope = Envelope(Source.SMTP, mail_from=mail_from, peer=peer, helo="mail.wp.example")
    return authenticate(
        RawMessage(raw, envelope, received_at),
        message,
        road=road,
        settings=AuthenticationSettings("mx.helpdesk.example"),
        resolver=resolver or StaticResolver(zone() if records is None else records),
    )


def result(raw: bytes, records: Zone | None = None, **how: str | None) -> AuthResult:
    return identify(
        raw, records, mail_from=how.get("mail_from", "jan@wp.example"), peer=how.get("peer", PEER)
    ).authentication.result


FOREIGN = "198.51.100.7"

# ---------------------------------------------------------------------------------------------- SPF


def test_spf_alone_passes_when_aligned() -> None:
    assert result(PLAIN) is PASS
    assert result(PLAIN, zone(dmarc={})) is PASS


@pytest.mark.parametrize(
    ("mail_from", "peer", "spf", "dmarc", "expected"),
    [
        ("zly@zle.example", PEER, None, txt("v=DMARC1; p=reject"), FAIL),
        ("zly@zle.example", PEER, None, txt("v=DMARC1; p=none"), NONE),
        ("zly@zle.example", PEER, None, {}, NONE),
        ("jan@wp.example", FOREIGN, None, txt("v=DMARC1; p=quarantine"), FAIL),
        ("jan@wp.example", FOREIGN, None, txt("v=DMARC1; p=none"), FAIL),
        ("jan@wp.example", FOREIGN, None, {}, FAIL),
        ("jan@wp.example", FOREIGN, txt("v=spf1 ~all"), {}, NONE),
        ("jan@wp.example", FOREIGN, txt("v=spf1 ~all"), txt("v=DMARC1; p=quarantine"), FAIL),
        ("jan@wp.example", FOREIGN, txt("v=spf1 ?all"), {}, NONE),
        ("jan@wp.example", FOREIGN, txt("v=spf1 ?all"), txt("v=DMARC1; p=reject"), FAIL),
        ("jan@wp.example", PEER, {}, {}, NONE),
        ("jan@wp.example", PEER, txt("v=spf1 nonsense -all"), {}, NONE),
        ("jan@wp.example", PEER, txt("v=spf1 +all", "v=spf1 -all"), {}, NONE),
        ("jan@wp.example", PEER, "TEMPERROR", {}, TEMPERROR),
        ("jan@wp.example", PEER, "TEMPERROR", txt("v=DMARC1; p=reject"), TEMPERROR),
        ("jan@wp.example", PEER, None, "TEMPERROR", PASS),
        ("zly@zle.example", PEER, None, "TEMPERROR", TEMPERROR),
        ("", PEER, None, {}, NONE),
        (None, None, None, {}, NONE),
        ("jan@wp.example", None, None, {}, NONE),
        ("jan@wp.example", "list", None, {}, NONE),
        ("wp.example", PEER, None, {}, NONE),
        ("jan@WP.EXAMPLE", PEER, None, txt("v=DMARC1; p=reject; aspf=s"), PASS),
    ],
)
def test_spf_and_policy(
    mail_from: str | None,
    peer: str | None,
    spf: dict[str, list[str] | str] | str | None,
    dmarc: dict[str, list[str] | str] | str,
    expected: AuthResult,
) -> None:
    records = zone(dmarc=dmarc) if spf is None else zone(dmarc=dmarc, spf=spf)
    assert result(PLAIN, records, mail_from=mail_from, peer=peer) is expected


def test_spf_mechanisms_that_look_names_up() -> None:
    mechanisms = "v=spf1 include:inc.example a:mail.wp.example mx ptr:wp.example redirect=_spf.wp.example"
    records = zone(spf={"TXT": [mechanisms], "MX": ["10 mx.wp.example"]})
    records |= {
        "inc.example": txt("v=spf1 ip4:203.0.113.1 -all"),
        "mail.wp.example": {"A": ["203.0.113.2"], "AAAA": ["2001:db8::2"]},
        "mx.wp.example": {"A": ["203.0.113.3"]},
        "4.113.0.203.in-addr.arpa": {"PTR": ["gate.wp.example"]},
        "gate.wp.example": {"A": ["203.0.113.4"]},
        "_spf.wp.example": txt("v=spf1 ip4:203.0.113.5 -all"),
    }
    for last in range(1, 6):
        assert result(PLAIN, records, peer=f"203.0.113.{last}") is PASS, last
    assert result(PLAIN, records, peer="2001:db8::2") is PASS
    assert result(PLAIN, records, peer="::ffff:203.0.113.1") is PASS
    assert result(PLAIN, records, peer="203.0.113.6") is FAIL


def test_spf_gives_up_after_too_many_names_that_do_not_exist() -> None:
    mechanisms = "v=spf1 a:a.example a:b.example a:c.example ip4:192.0.2.1 -all"
    assert result(PLAIN, zone(spf=txt(mechanisms), dmarc={})) is NONE


# --------------------------------------------------------------------------------------------- DKIM


def signed_only(raw: bytes, records: Zone | None = None) -> AuthResult:
    """The verdict when SPF says nothing and the owner asks nothing."""
    changed = {**(zone() if records is None else records), "wp.example": {}}
    changed.setdefault("_dmarc.wp.example", {})
    return result(raw, changed, mail_from="a@weiter.example", peer=FOREIGN)


def test_an_aligned_signature_passes_on_its_own() -> None:
    assert signed_only(sign()) is PASS
    assert signed_only(sign(), zone(dmarc={})) is PASS
    assert signed_only(sign(domain="poczta.wp.example")) is PASS
    assert signed_only(sign().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) is PASS


def test_a_signature_saves_a_forwarded_mail_from_its_spf_fail() -> None:
    assert result(sign(), peer=FOREIGN) is PASS


def test_the_good_signature_is_found_among_others() -> None:
    broken = sign().replace(b"b=", b"b=AAAA", 1)
    assert signed_only(broken.partition(b"From:")[0] + sign()) is PASS
    assert signed_only(sign(sign(), "zle.example")) is PASS


@pytest.mark.parametrize("dmarc", [{}, txt("v=DMARC1; p=none")])
@pytest.mark.parametrize(
    "raw",
    [
        PLAIN,
        sign() + b"dopisane\r\n",
        sign().replace(b"1980", b"1981"),
        sign().replace(b"Subject: H", b"Subject: h"),
        sign(domain="zle.example"),
        sign(length=True),
        sign(length=True) + b"dopisane\r\n",
        sign(covered=[h for h in COVERED if h != b"subject"]),
        sign(covered=[h for h in COVERED if h != b"date"]),
        sign(covered=[h for h in COVERED if h != b"content-type"]),
        sign(algorithm=b"rsa-sha1"),
        sign().replace(b"d=wp.example", b"d=wp.example; d=wp.example"),
        sign().replace(b"h=from", b"h=zrom"),
        sign().replace(b"bh=", b"bh=%%%"),
        sign().replace(b"s=s1", b"s=s2"),
    ],
)
def test_what_is_not_wholly_signed_by_the_domain_proves_nothing(raw: bytes, dmarc: dict[str, list[str] | str]) -> None:
    assert signed_only(raw, zone(dmarc=dmarc)) is NONE
    assert signed_only(raw, zone(dmarc=txt("v=DMARC1; p=reject"))) is FAIL


@pytest.mark.parametrize(
    "record",
    [
        {},
        txt(),
        txt("v=DKIM1; p="),
        txt("nonsense"),
        txt(key(2048)[1], key(2048)[1]),
        txt(key(2048)[1] + "; t=y"),
        txt(key(2048)[1] + "; s=other"),
        txt(key(2048)[1].replace("DKIM1", "DKIM2")),
    ],
)
def test_a_key_that_may_not_be_used(record: dict[str, list[str] | str]) -> None:
    assert signed_only(sign(), zone(dmarc={}, key=record)) is NONE


def test_flags_and_size_of_the_key() -> None:
    strict = zone(dmarc={}, key=txt(key(2048)[1] + "; t=s"))
    assert signed_only(sign(), strict) is PASS
    assert signed_only(sign(identity=b"@a.wp.example"), strict) is NONE
    assert signed_only(sign(size=1024), zone(dmarc={}, key=txt(key(1024)[1]))) is PASS


def test_a_key_server_that_does_not_answer_is_temporary() -> None:
    assert signed_only(sign(), zone(key="TEMPERROR")) is TEMPERROR
    assert result(sign(), zone(key="TEMPERROR"), peer=FOREIGN) is TEMPERROR
    assert result(sign(), zone(key="TEMPERROR")) is PASS


def test_expired_and_early_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = int(NOW.timestamp())
    real = dkim.DKIM.gen_header

    def with_tags(extra: list[tuple[bytes, bytes]]) -> bytes:
        def gen_header(self: dkim.DKIM, fields: list[tuple[bytes, bytes]], *rest: object, **named: object) -> bytes:
            names = [name for name, _ in extra]
            changed = extra + [(n, v) for n, v in fields if n not in names]
            return real(self, changed, *rest, **named)  # type: ignore[no-any-return]

        monkeypatch.setattr(dkim.DKIM, "gen_header", gen_header)
        return sign()

    def at(seconds: int) -> bytes:
        return str(stamp + seconds).encode()

    assert signed_only(with_tags([(b"x", at(3600))])) is PASS
    assert signed_only(with_tags([(b"x", at(-1))]), zone(dmarc={})) is NONE
    assert signed_only(with_tags([(b"t", at(2 * 86400))]), zone(dmarc={})) is NONE
    assert signed_only(with_tags([(b"t", at(-6 * 86400))])) is PASS
    assert signed_only(with_tags([(b"t", at(-8 * 86400))])) is NONE
    assert signed_only(with_tags([(b"t", b"9" * 40)]), zone(dmarc={})) is NONE


# -------------------------------------------------------------------------------------------- DMARC


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("v=DMARC1; p=reject; adkim=s", FAIL),
        ("v=DMARC1; p=none; adkim=s", NONE),
        ("v=DMARC1; p=reject; adkim=r; aspf=s", PASS),
        ("v=DMARC1;p=reject;pct=0", PASS),
        ("v=DMARC2; p=reject; adkim=s", PASS),
        ("p=reject; v=DMARC1; adkim=s", PASS),
    ],
)
def test_alignment_modes_of_a_subdomain_s_signature(policy: str, expected: AuthResult) -> None:
    assert signed_only(sign(domain="poczta.wp.example"), zone(dmarc=txt(policy))) is expected


def test_a_relaxed_alignment_waits_when_the_policy_cannot_be_read() -> None:
    assert signed_only(sign(domain="poczta.wp.example"), zone(dmarc="TEMPERROR")) is TEMPERROR
    assert signed_only(sign(), zone(dmarc="TEMPERROR")) is PASS


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("v=DMARC1; p=reject", FAIL),
        ("v=DMARC1; p=reject; sp=none", NONE),
        ("v=DMARC1; p=none; sp=quarantine", FAIL),
        ("v=DMARC1; rua=mailto:a@wp.example", NONE),
        ("v=DMARC1; p=sonst", NONE),
    ],
)
def test_a_subdomain_inherits_the_policy_of_its_organisation(policy: str, expected: AuthResult) -> None:
    raw = PLAIN.replace(b"<jan@wp.example>", b"<jan@poczta.wp.example>")
    assert result(raw, zone(dmarc=txt(policy)), mail_from="zly@zle.example") is expected


def test_two_policies_are_none() -> None:
    assert signed_only(PLAIN, zone(dmarc=txt("v=DMARC1; p=reject", "v=DMARC1; p=reject"))) is NONE


# -------------------------------------------------------------------------------- all checks together


@pytest.mark.parametrize("name", ["Subject", "Date", "To", "Message-ID", "Content-Type"])
@pytest.mark.parametrize("spelling", ["{}", "{} ", "{}\t"])
def test_a_field_prepended_to_a_signed_mail_never_passes(name: str, spelling: str) -> None:
    raw = spelling.format(name).encode() + b": x\r\n" + sign()
    sender = identify(raw)
    assert sender.address == "jan@wp.example"
    assert sender.authentication.result is NONE


@pytest.mark.parametrize("line", [b"From: ofiara@wp.example", b"From : ofiara@wp.example", b" From: ofiara@wp.example"])
def test_a_from_prepended_to_a_signed_mail_is_ambiguous(line: bytes) -> None:
    sender = identify(line + b"\r\n" + sign())
    assert sender.address is None
    assert sender.ambiguity
    assert sender.authentication.result is FAIL


@pytest.mark.parametrize(
    ("date", "days", "expected"),
    [
        (NOW, 0, PASS),
        (NOW, 6, PASS),
        (NOW, 8, NONE),
        (NOW, -8, NONE),
        (NOW.replace(tzinfo=None), 0, PASS),
        (None, 0, NONE),
    ],
)
def test_a_date_far_from_the_arrival_goes_to_a_person(date: datetime | None, days: int, expected: AuthResult) -> None:
    field = b"Authentication-Results: mx.helpdesk.example; dkim=pass header.d=wp.example\r\n"
    sender = identify(field + PLAIN, {}, road="headers", date=date, received_at=NOW + timedelta(days=days))
    assert sender.authentication.result is expected


def test_an_aligned_spf_pass_is_about_this_delivery_so_a_wrong_clock_does_not_matter() -> None:
    sender = identify(PLAIN, date=NOW, received_at=NOW + timedelta(days=3000))
    assert sender.authentication.result is PASS
    assert sender.authentication.methods == {"spf", "dmarc"}


@pytest.mark.parametrize(
    ("tags", "spf", "expected"),
    [
        (b"h=from:subject:date:content-type:mime-version; l=14", "", NONE),
        (b"h=from:subject:date:content-type:mime-version; l=14", "spf=pass smtp.mailfrom=jan@wp.example; ", PASS),
        (b"h=from:date:content-type:mime-version", "", NONE),
        (b"h=from:subject:content-type:mime-version", "", NONE),
        (b"h=from:subject:date:mime-version", "", NONE),
        (b"h=from:subject:date:content-type:mime-version", "", PASS),
    ],
)
def test_a_pass_of_our_mx_by_a_signature_that_leaves_parts_open_goes_to_a_person(
    tags: bytes, spf: str, expected: AuthResult
) -> None:
    field = f"Authentication-Results: mx.helpdesk.example; {spf}dkim=pass header.d=wp.example\r\n".encode()
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; d=wp.example; s=s1; bh=eA==; b=eA==; " + tags + b"\r\n"
    assert identify(field + signature + PLAIN, {}, road="headers").authentication.result is expected


def test_the_headers_road() -> None:
    field = b"Authentication-Results: mx.helpdesk.example; dkim=pass header.d=wp.example\r\n"
    assert identify(field + PLAIN, {}, road="headers").authentication.result is PASS
    assert identify(PLAIN, road="headers").authentication.result is NONE
    assert identify(field + PLAIN, {}, road="own").authentication.result is NONE
    stale = identify(field + PLAIN, {}, road="headers", received_at=NOW + timedelta(days=30))
    assert stale.authentication.result is NONE
    replayed = identify(
        field + sign(), {}, road="headers", date=NOW + timedelta(days=30), received_at=NOW + timedelta(days=30)
    )
    assert replayed.authentication.result is NONE


def test_a_broken_check_is_never_a_pass() -> None:
    class Broken:
        def lookup(self, name: str, kind: str) -> tuple[str, ...]:
            raise RuntimeError(name)

    sender = identify(PLAIN, resolver=Broken())
    assert sender.address == "jan@wp.example"
    assert sender.authentication.result is NONE


def test_without_a_resolver_the_own_road_proves_nothing() -> None:
    message = InboundMessage(headers_of(PLAIN), "", None, (), (), NOW, "", "")
    raw = RawMessage(PLAIN, Envelope(Source.SMTP, mail_from="jan@wp.example", peer=PEER), NOW)
    sender = authenticate(raw, message, road="own", settings=AuthenticationSettings(), resolver=None)
    assert sender.authentication.result is NONE


# ------------------------------------------------------------------------------------------ resolvers


def test_a_zone_file_and_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "dns.yaml"
    file.write_text("WP.example.: {TXT: ['v=spf1 -all']}\nslow.example: TEMPERROR\n", encoding="utf-8")
    resolver = StaticResolver.read(file)
    assert resolver.lookup("wp.EXAMPLE.", "TXT") == ("v=spf1 -all",)
    assert resolver.lookup("wp.example", "MX") == ()
    assert resolver.lookup("none.example", "A") == ()
    with pytest.raises(ResolverUnavailable):
        resolver.lookup("slow.example", "A")


@pytest.mark.parametrize("text", ["- a", "a: 1", "a: {TXT: x}", "a: {SPF: []}", "a: {TXT: [1]}", "a: [", "a: SERVFAIL"])
def test_a_bad_zone_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "dns.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)dns\.yaml.*mend"):
        StaticResolver.read(file)


def test_a_mail_has_a_budget_of_time() -> None:
    ticks = iter([0.0, 1.0, 21.0])
    resolver = Budget(StaticResolver(zone()), 20.0, lambda: next(ticks))
    assert resolver.lookup("_dmarc.wp.example", "TXT")
    with pytest.raises(ResolverUnavailable):
        resolver.lookup("_dmarc.wp.example", "TXT")
