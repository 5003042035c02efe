"""A timestamp proves when a signature existed only when its unit was trusted then and is now, and it is whole."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms as asn1
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from fixtures.signing import asic, cms, cms_writer, pdf_shapes, revocation, xades_shapes
from fixtures.signing.certificates import TIME_STAMPING, Profile, issue, name, qc_statements
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.der import children, element, sequence
from fixtures.signing.keys import private_key
from fixtures.signing.people import JAN
from fixtures.signing.pki import NOW, Pki, Signer
from fixtures.signing.xades_shapes import Shape
from mailbot.signatures import bounds, timestamp
from mailbot.signatures import cms as cms_reader
from mailbot.signatures.proof import prove
from mailbot.signatures.report import SignatureReport, Token, Trust, Verdict
from mailbot.signatures.trust import store
from mailbot.signatures.trust.revocation import RevocationStore
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.trust.words import Words
from mailbot.signatures.verify import examine, verify
from tests.once import shipped
from tests.support import program
from tests.trusted_lists import QTST, WITHDRAWN, Edition, Service, list_of_lists, list_signer, polish_list

PKI = Pki()
RULES = shipped().signatures
SIGNED = NOW - timedelta(hours=1)
ENDS = NOW + timedelta(days=1)
ARRIVED = NOW + timedelta(days=3)
EXPIRED_CERTIFICATES = x509.ObjectIdentifier("2.5.29.60")
JAN_NAME = name(C="PL", SER=f"PNOPL-{JAN.pesel}", SN="Kowalski", GN="Jan", CN="Jan Kowalski")
EU, PL = list_signer("EU"), list_signer("PL")


def issued(profile: Profile, label: str, by: str = "qualified") -> Signer:
    authority, key = PKI.authority(by), private_key(label)  # type: ignore[arg-type]
    certificate = issue(profile, key, NOW, authority.certificate, authority.key)
    return Signer(JAN, certificate, key, (authority.certificate,))


def jan(days: tuple[int, int] = (-30, 1)) -> Signer:
    """His certificate ends between signing and arrival."""
    return issued(Profile(JAN_NAME, days=days, qc=qc_statements()), "stamped/jan")


def unit(**profile: object) -> Signer:
    """A time-stamping unit below the root, which ``trust`` takes for a TSA."""
    told = Profile(name(C="PL", CN="Znacznik"), ("digital_signature",), extended=(TIME_STAMPING,))
    return issued(replace(told, **profile), "stamped/unit", "root")  # type: ignore[arg-type]


def crl(
    label: str = "qualified",
    said: datetime = ARRIVED,
    *,
    keeps: bool = True,
    revoked: dict[int, datetime] | None = None,
) -> bytes:
    """``keeps``: also what has expired (expiredCertsOnCRL)."""
    authority = PKI.authority(label)  # type: ignore[arg-type]
    entries = [revocation._entry(serial, when) for serial, when in (revoked or {}).items()]
    builder = x509.CertificateRevocationListBuilder(
        authority.certificate.subject, said - timedelta(hours=1), said + timedelta(days=7), [], entries
    )
    if keeps:
        since = core.GeneralizedTime(NOW - timedelta(days=900)).dump()
        builder = builder.add_extension(x509.UnrecognizedExtension(EXPIRED_CERTIFICATES, since), critical=False)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


Folder = Callable[..., TrustStore]


@pytest.fixture
def trust(tmp_path: Path) -> Folder:
    def load(now: datetime = ARRIVED, **files: bytes) -> TrustStore:
        PKI.write_trust(tmp_path, {"q.crl": crl(), "root.crl": crl("root")} | {f"{k}.crl": v for k, v in files.items()})
        root = PKI.authority("root").certificate.public_bytes(Encoding.PEM)
        (tmp_path / "anchors" / "tsa" / "root.pem").write_bytes(root)
        return store.load(tmp_path, now)

    return load


def stamped(
    by: Signer | None = None, at: datetime = SIGNED, over: bytes | None = None, signer: Signer | None = None
) -> bytes:
    """CAdES with a token of ``by`` at ``at`` over its value, or over something else."""
    style = CmsStyle(detached=False, signing_time=SIGNED)
    if over is not None:
        return _with_token(
            cms_writer.write(b"wniosek", [signer or jan()], style), cms_writer.timestamp(over, by or PKI.tsa, at)
        )
    return cms_writer.write(b"wniosek", [signer or jan()], replace(style, timestamp=by or PKI.tsa, stamped_at=at))


def _with_token(data: bytes, token: bytes, kind: str = "1.2.840.113549.1.9.16.2.14") -> bytes:
    signed_data, explicit = children(data)
    (body,) = children(explicit)
    *head, signers = children(body)
    (signer,) = children(signers)
    stamp = sequence(core.ObjectIdentifier(kind).dump() + element(0x31, token))
    stamped_signer = sequence(*children(signer), element(0xA1, stamp))
    return sequence(signed_data, element(0xA0, sequence(*head, element(0x31, stamped_signer))))


def judged(trusted: TrustStore, data: bytes, at: datetime = ARRIVED) -> SignatureReport:
    (report,) = verify([("wniosek", data)], trusted, RULES, at)
    return report


def codes(report: SignatureReport) -> list[str]:
    return [reason.code for reason in report.reasons]


# ---------------------------------------------------------------------------------------------------- proven


@pytest.mark.parametrize(
    "shape", [cms.SHAPES["attached-t"], pdf_shapes.SHAPES["pades-t"], xades_shapes.SHAPES["enveloped-t"]]
)
def test_a_certificate_that_has_expired_since_is_judged_at_the_proven_time(shape: Shape, trust: Folder) -> None:
    report = judged(trust(), shape(PKI, jan(), b"wniosek").data)
    assert (report.verdict, codes(report), report.trust) == (Verdict.ACCEPT, [], Trust.TRUSTED)
    assert (report.proven_time, report.level) == (SIGNED, "B-T")


def test_a_unit_that_a_ca_on_the_list_issued(trust: Folder) -> None:
    assert judged(trust(), stamped(unit())).proven_time == SIGNED


def test_a_unit_of_the_trusted_list(tmp_path: Path) -> None:
    def load(status: str) -> TrustStore:
        services = (
            Service(PKI.authority("qualified").certificate),
            Service(PKI.tsa.certificate, kind=QTST, status=status),
        )
        for file, data in {
            "anchors/lotl/eu.pem": EU.pem,
            "lotl.xml": list_of_lists(EU, PL),
            "pl.xml": polish_list(PL, Edition(services=services)),
            "revocation/q.crl": crl(),
        }.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_bytes(data)
        return store.load(tmp_path, NOW + timedelta(days=3))

    assert judged(load(cms_status := Service(PKI.tsa.certificate).status), stamped()).proven_time == SIGNED, cms_status
    assert codes(judged(load(WITHDRAWN), stamped())) == ["CERTIFICATE_EXPIRED"]


def test_the_service_was_granted_then(tmp_path: Path, trust: Folder) -> None:
    """The CA has left the list since: what it vouched for before counts, as the law has it."""
    trusted = trust()
    gone = tuple(replace(a, until=NOW) if "qualified.pem" in a.source else a for a in trusted.anchors)
    assert codes(judged(replace(trusted, anchors=gone), stamped(signer=jan((-30, 700))))) == []
    without = cms.SHAPES["attached"](PKI, jan((-30, 700)), b"wniosek").data
    assert codes(judged(replace(trusted, anchors=gone), without)) == ["ISSUER_NOT_GRANTED"]


# ------------------------------------------------------------------------------------------------ never proven


WORTHLESS: dict[str, Callable[[], bytes]] = {
    "a unit that nobody trusts": lambda: stamped(PKI.fake_tsa()),
    "over something else": lambda: stamped(over=b"another signature"),
    "of another signature": lambda: stamped(over=examine(stamped(signer=PKI.person()))[0].signature_value),
    "no purpose": lambda: stamped(unit(extended=())),
    "two purposes": lambda: stamped(unit(extended=(TIME_STAMPING, ExtendedKeyUsageOID.EMAIL_PROTECTION))),
    "a CA": lambda: stamped(unit(is_ca=True)),
    "a person of a trusted CA": lambda: stamped(PKI.person()),
    "the signer himself": lambda: stamped(jan()),
    "before the unit was": lambda: stamped(unit(days=(-1, 700)), NOW - timedelta(days=2)),
    "after the unit ended": lambda: stamped(unit(days=(-100, -50)), NOW - timedelta(days=2)),
    "later than the mail": lambda: stamped(at=ARRIVED + timedelta(hours=2)),
    "after the certificate ended": lambda: stamped(at=ENDS + timedelta(hours=1)),
}


@pytest.mark.parametrize("forged", WORTHLESS)
def test_what_proves_nothing(forged: str, trust: Folder) -> None:
    report = judged(trust(), WORTHLESS[forged]())
    assert (report.verdict, codes(report)) == (Verdict.REJECT, ["CERTIFICATE_EXPIRED"])
    assert report.proven_time in (None, ENDS + timedelta(hours=1))


def test_a_revoked_unit_proves_nothing_however_late(trust: Folder) -> None:
    """Whoever has its key writes any time into a token."""
    late = crl("root", revoked={unit().certificate.serial_number: ARRIVED - timedelta(hours=2)})
    assert codes(judged(trust(root=late), stamped(unit()))) == ["CERTIFICATE_EXPIRED"]


@pytest.mark.parametrize("changed", ["time", "value", "digest"])
def test_a_token_that_was_changed(changed: str) -> None:
    token = cms_writer.timestamp(b"value", PKI.tsa, SIGNED)
    assert timestamp.read(Token(token, (b"value",))).time == SIGNED
    old = {"time": f"{SIGNED:%Y%m%d}".encode(), "value": token[-8:], "digest": hashlib.sha256(b"value").digest()}[
        changed
    ]
    new = {"time": b"20200101", "value": bytes(8), "digest": hashlib.sha256(b"other").digest()}[changed]
    with pytest.raises(ValueError, match="signature"):
        timestamp.read(Token(token.replace(old, new), (b"other" if changed == "digest" else b"value",)))


def test_a_token_that_does_not_name_its_unit() -> None:
    for ess in ("none", "wrong"):
        style = CmsStyle(detached=False, content_type="tst_info", ess=ess)
        content = asn1.ContentInfo.load(cms_writer.timestamp(b"value", PKI.tsa, SIGNED))["content"]
        info = bytes(content["encap_content_info"]["content"])
        with pytest.raises(ValueError):
            timestamp.read(Token(cms_writer.write(info, [PKI.tsa], style), (b"value",)))


def test_a_token_of_two_units() -> None:
    style = CmsStyle(detached=False, content_type="tst_info")
    content = asn1.ContentInfo.load(cms_writer.timestamp(b"value", PKI.tsa, SIGNED))["content"]
    info = bytes(content["encap_content_info"]["content"])
    with pytest.raises(ValueError, match="too many values"):
        timestamp.read(Token(cms_writer.write(info, [PKI.tsa, unit()], style), (b"value",)))


def test_a_weak_token(trust: Folder) -> None:
    token = asn1.ContentInfo.load(cms_writer.timestamp(b"value", PKI.tsa, SIGNED))["content"]
    info = bytes(token["encap_content_info"]["content"])
    data = cms_writer.write(info, [PKI.tsa], CmsStyle(detached=False, content_type="tst_info", digest="sha1"))
    stamp = timestamp.read(Token(data, (b"value",)))
    assert "sha1" in stamp.algorithms
    trusted = trust()
    words = Words(trusted.revocation, RevocationStore({}), ARRIVED, RULES.revocation_max_age)
    assert prove([stamp], trusted, words) is None
    assert prove([timestamp.read(Token(cms_writer.timestamp(b"v", PKI.tsa, SIGNED), (b"v",)))], trusted, words)


# ------------------------------------------------------------------------------------------------ what is not known


def test_a_unit_of_which_nothing_is_known_is_a_doubt(trust: Folder) -> None:
    report = judged(trust(root=crl("silent")), stamped(unit()))
    assert (report.verdict, codes(report), report.proven_time) == (Verdict.MANUAL, ["TIMESTAMP_UNSURE"], None)


def test_a_doubt_about_the_time_does_not_matter_where_the_certificate_is_in_force(trust: Folder) -> None:
    report = judged(trust(root=crl("silent")), stamped(unit(), signer=jan((-30, 700))))
    assert (report.verdict, codes(report), report.proven_time) == (Verdict.ACCEPT, [], None)


@pytest.mark.parametrize(
    ("said", "keeps", "arrived", "code"),
    [
        (ARRIVED, True, ARRIVED, []),
        (ARRIVED, False, ARRIVED, ["REVOCATION_UNKNOWN"]),  # what has expired is on it no more
        (ENDS, False, ARRIVED, []),
        (ENDS - timedelta(days=3), False, ARRIVED, ["REVOCATION_STALE"]),
        # it keeps them, but newer words are to be had
        (ENDS + timedelta(hours=2), True, ENDS + timedelta(days=4), ["REVOCATION_STALE"]),
    ],
)
def test_what_is_known_of_a_certificate_that_has_expired(
    said: datetime, keeps: bool, arrived: datetime, code: list[str], trust: Folder
) -> None:
    assert codes(judged(trust(arrived, q=crl(said=said, keeps=keeps)), stamped(), arrived)) == code


@pytest.mark.parametrize(
    ("when", "code"),
    [(SIGNED, "CERTIFICATE_REVOKED"), (SIGNED + timedelta(seconds=1), "CERTIFICATE_REVOKED_LATER")],
)
@pytest.mark.parametrize("days", [(-30, 1), (-30, 700)])
def test_a_certificate_that_was_revoked_before_or_after_the_proven_time(
    days: tuple[int, int], when: datetime, code: str, trust: Folder
) -> None:
    signer = jan(days)
    report = judged(trust(q=crl(revoked={signer.certificate.serial_number: when})), stamped(signer=signer))
    assert codes(report) == [code]
    assert report.verdict is (Verdict.REJECT if code == "CERTIFICATE_REVOKED" else Verdict.MANUAL)


def test_an_old_signature_stays_too_old(trust: Folder) -> None:
    """The signer may claim what he likes: a proof of an earlier time is the better word."""
    for at in (SIGNED, NOW + timedelta(days=1)):
        assert codes(
            judged(trust(NOW + timedelta(days=40)), stamped(at=at, signer=jan((-60, 700))), NOW + timedelta(days=40))
        ) == [
            "REVOCATION_STALE",
            "TIME_TOO_OLD",
        ]
    style = CmsStyle(detached=False, signing_time=ARRIVED, timestamp=PKI.tsa, stamped_at=ARRIVED - timedelta(days=31))
    data = cms_writer.write(b"wniosek", [jan((-60, 700))], style)
    assert codes(judged(trust(), data)) == ["TIME_TOO_OLD"]


# ------------------------------------------------------------------------------------------- archive timestamps


def _attribute(kind: str) -> Callable[[Signer, bytes], bytes]:
    def shape(signer: Signer, token: bytes) -> bytes:
        style = CmsStyle(detached=False, signing_time=SIGNED)
        return _with_token(cms_writer.write(b"wniosek", [signer], style), token, kind)

    return shape


def _property(name: str) -> Callable[[Signer, bytes], bytes]:
    def shape(signer: Signer, token: bytes) -> bytes:
        data = xades_shapes.SHAPES["enveloped-t"](PKI, signer, b"wniosek").data
        kept = re.sub(rb"(<xades:EncapsulatedTimeStamp>)[^<]+", rb"\1" + base64.b64encode(token), data)
        return kept.replace(b"xades:SignatureTimeStamp>", b"xades:%s>" % name.encode())

    return shape


def _beside(signer: Signer, token: bytes) -> bytes:
    files = bounds.zip_files(asic.SHAPES["asic-e-cades"](PKI, signer, b"wniosek").data)
    return asic.pack({n: d for n, d in files.items() if n != "mimetype"} | {"META-INF/timestamp.tst": token})


ARCHIVED: dict[str, Callable[[Signer, bytes], bytes]] = {
    **{kind: _attribute(kind) for kind in cms_reader._ARCHIVE},
    "ArchiveTimeStamp": _property("ArchiveTimeStamp"),
    "SigAndRefsTimeStampV2": _property("SigAndRefsTimeStampV2"),
    "timestamp.tst": _beside,
}


@pytest.mark.parametrize("shape", ARCHIVED)
def test_an_archive_timestamp_is_a_persons(shape: str, trust: Folder) -> None:
    """What it is over is not looked at: it proves nothing by itself, and only that of a known unit is a doubt."""
    trusted, made = trust(), ARCHIVED[shape]
    token = cms_writer.timestamp(b"what is archived", PKI.tsa, SIGNED)
    report = judged(trusted, made(jan(), token))
    assert (report.verdict, codes(report), report.proven_time) == (Verdict.MANUAL, ["TIMESTAMP_ARCHIVE"], None)
    assert ("timestamp_archive" in report.flags, report.level) == (True, "B-B")
    in_force = judged(trusted, made(jan((-30, 700)), token))
    assert (in_force.verdict, in_force.proven_time) == (Verdict.ACCEPT, None)
    for worthless in (cms_writer.timestamp(b"what is archived", PKI.fake_tsa(), SIGNED), b"\x30\x00"):
        assert codes(judged(trusted, made(jan(), worthless))) == ["CERTIFICATE_EXPIRED"]


def test_archive_timestamps_beyond_the_bound_are_not_read() -> None:
    token = cms_writer.timestamp(b"what is archived", PKI.tsa, SIGNED)
    (found,) = examine(ARCHIVED["0.4.0.1733.2.4"](jan(), token * 20))
    assert len(found.stamps) == cms_reader.MAX_TOKENS


@pytest.mark.parametrize("ess", ["sha1", "sha256"])
def test_a_token_that_openssl_made(ess: str, tmp_path: Path) -> None:
    key = PKI.tsa.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    config = (
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=c.pem\nsigner_key=k.pem\nsigner_digest=sha256\n"
        f"default_policy=1.2.3\ndigests=sha512\naccuracy=secs:1\ness_cert_id_chain=no\ness_cert_id_alg={ess}\n"
    )
    certificate = PKI.tsa.certificate.public_bytes(Encoding.PEM)
    files = {"c.pem": certificate, "k.pem": key, "value": b"value", "serial": b"01\n", "tsa.cnf": config.encode()}
    for file, data in files.items():
        (tmp_path / file).write_bytes(data)
    query = ["-query", "-data", "value", "-sha512", "-cert", "-out", "query"]
    reply = ["-reply", "-config", "tsa.cnf", "-queryfile", "query", "-token_out", "-out", "token"]
    for step in (query, reply):
        subprocess.run([program("openssl"), "ts", *step], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    stamp = timestamp.read(Token((tmp_path / "token").read_bytes(), (b"value",)))
    assert (stamp.certificate, stamp.algorithms) == (PKI.tsa.der, ("sha256", "rsa-2048", "sha512"))
