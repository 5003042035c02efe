"""CRLs and OCSP responses from disk: only what the issuer signed counts, and only as long as it is fresh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asn1crypto.crl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from fixtures.signing.certificates import KEY_USAGES, OCSP_SIGNING, Profile, issue, name
from fixtures.signing.keys import Digest, Scheme, private_key, sign
from fixtures.signing.people import ANNA
from fixtures.signing.pki import NOW, Pki, Signer
from mailbot.signatures.policy import judge
from mailbot.signatures.report import Evidence, Format, Integrity, Scope, SubIndication, Trust, Verdict
from mailbot.signatures.trust import store
from mailbot.signatures.trust.revocation import RevocationStore, Status
from tests.once import shipped

PKI = Pki()
CA = PKI.authority("qualified")
JAN, REVOKED = PKI.person(), PKI.person(validity="revoked")
DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)


def status(files: dict[str, bytes], signer: Signer = JAN, at: object = NOW, max_age: timedelta = DAY) -> Status:
    return RevocationStore(files).status(signer.certificate, CA.certificate, at, max_age).status  # type: ignore[arg-type]


def crl(
    *entries: x509.RevokedCertificate,
    extension: x509.ExtensionType | None = None,
    critical: bool = True,
    made: timedelta = HOUR,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(
        CA.certificate.subject, NOW - made, NOW - made + timedelta(days=7), [], list(entries)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical)
    return builder.sign(CA.key, hashes.SHA256()).public_bytes(Encoding.DER)


def signed_anew(data: bytes, digest: Digest, scheme: Scheme) -> bytes:
    """The same CRL with a signature that the library does not make."""
    found = asn1crypto.crl.CertificateList.load(data)
    algorithm = {"algorithm": f"{digest}_rsa"}
    found["tbs_cert_list"]["signature"] = found["signature_algorithm"] = algorithm
    found["signature"] = sign(CA.key, found["tbs_cert_list"].dump(force=True), scheme, digest)
    octets: bytes = found.dump(force=True)
    return octets


def entry(signer: Signer, reason: x509.ReasonFlags | None = None) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(signer.certificate.serial_number)
    builder = builder.revocation_date(NOW - timedelta(days=3))
    return (builder.add_extension(x509.CRLReason(reason), False) if reason else builder).build()


def test_good_and_revoked() -> None:
    crls = RevocationStore({"q.crl": PKI.crl("qualified")})
    good = crls.status(JAN.certificate, CA.certificate, NOW, DAY)
    assert (good.status, good.at, good.source) == (Status.GOOD, NOW - HOUR, "q.crl")
    revoked = crls.status(REVOKED.certificate, CA.certificate, NOW, DAY)
    assert (revoked.status, revoked.at) == (Status.REVOKED, NOW - timedelta(days=3))


def test_50_000_entries() -> None:
    crls = RevocationStore({"big.crl": PKI.crl("qualified", "big")})
    assert crls.status(JAN.certificate, CA.certificate, NOW, DAY).status is Status.GOOD
    assert crls.status(REVOKED.certificate, CA.certificate, NOW, DAY).status is Status.REVOKED


def test_pem_is_read_too() -> None:
    pem = x509.load_der_x509_crl(PKI.crl("qualified")).public_bytes(Encoding.PEM)
    assert status({"q.crl": pem}) is Status.GOOD


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Status.UNKNOWN),
        ({"s.crl": PKI.crl("seal")}, Status.UNKNOWN),
        ({"q.crl": PKI.crl("qualified", "forged")}, Status.UNKNOWN),
        ({"q.crl": PKI.crl("fake")}, Status.UNKNOWN),
        ({"q.crl": signed_anew(crl(), "sha1", "pkcs1")}, Status.UNKNOWN),
        ({"q.crl": signed_anew(crl(), "sha384", "pkcs1")}, Status.GOOD),
        ({"q.crl": signed_anew(crl(), "sha256", "pkcs1-no-null")}, Status.GOOD),
        ({"q.crl": PKI.crl("qualified", "stale")}, Status.STALE),
        ({"q.crl": crl(made=timedelta(hours=24))}, Status.GOOD),
        ({"q.crl": crl(made=timedelta(hours=24, seconds=1))}, Status.STALE),
        ({"a.crl": PKI.crl("qualified", "stale"), "b.crl": PKI.crl("qualified", "empty")}, Status.GOOD),
        ({"q.crl": crl(extension=x509.DeltaCRLIndicator(1))}, Status.UNKNOWN),
        ({"q.crl": crl(extension=x509.DeltaCRLIndicator(1), critical=False)}, Status.UNKNOWN),
        ({"q.crl": crl(extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0"))}, Status.UNKNOWN),
        ({"q.ocsp": PKI.ocsp(JAN)}, Status.GOOD),
        ({"q.ocsp": PKI.ocsp(JAN, "unknown")}, Status.UNKNOWN),
        ({"q.ocsp": PKI.ocsp(JAN, "revoked")}, Status.REVOKED),
        ({"q.ocsp": PKI.ocsp(JAN, "stale")}, Status.STALE),
        ({"q.ocsp": PKI.ocsp(JAN, by="fake")}, Status.UNKNOWN),
        ({"q.ocsp": PKI.ocsp(PKI.person(ANNA))}, Status.UNKNOWN),
        ({"q.crl": PKI.crl("qualified"), "q.ocsp": PKI.ocsp(JAN, "revoked")}, Status.REVOKED),
        ({"q.crl": PKI.crl("qualified"), "q.ocsp": PKI.ocsp(JAN, "stale")}, Status.GOOD),
        ({"q.crl": PKI.crl("qualified", "stale"), "q.ocsp": PKI.ocsp(JAN)}, Status.GOOD),
    ],
)
def test_what_counts(files: dict[str, bytes], expected: Status) -> None:
    assert status(files) is expected


def test_a_revocation_counts_however_old_the_crl_is() -> None:
    assert status({"q.crl": PKI.crl("qualified", "stale")}, REVOKED) is Status.REVOKED


def test_a_crl_of_after_the_mail_tells_about_the_mail() -> None:
    """A backlog: the mail came before the CRL was made; the newer word is the better one."""
    assert status({"q.crl": PKI.crl("qualified")}, at=NOW - timedelta(hours=5)) is Status.GOOD


def test_what_is_dated_later_than_now_is_not_used() -> None:
    """A CA whose clock is wrong: its word would stay the newest for years."""
    future, told = crl(made=-2 * HOUR), "is dated 2026-11-20 11:00"
    for name_, data in (("q.crl", future), ("q.ocsp", answer(NOW + 2 * HOUR))):
        found = RevocationStore({name_: data, "b.crl": PKI.crl("qualified", "stale")}, NOW)
        assert found.status(JAN.certificate, CA.certificate, NOW, DAY).status is Status.STALE
        assert len(found.problems) == 1
        assert f"{name_}: {told}" in found.problems[0]
        assert RevocationStore({name_: data}, NOW + HOUR).problems == []


def point(**changes: Any) -> x509.IssuingDistributionPoint:
    fields: dict[str, Any] = dict.fromkeys(
        (
            "only_contains_user_certs",
            "only_contains_ca_certs",
            "indirect_crl",
            "only_contains_attribute_certs",
        ),
        False,
    )
    fields |= {"full_name": None, "relative_name": None, "only_some_reasons": None}
    return x509.IssuingDistributionPoint(**{**fields, **changes})


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"only_contains_user_certs": True}, Status.GOOD),
        ({"full_name": [x509.UniformResourceIdentifier(CA.crl_url)]}, Status.GOOD),
        ({"full_name": [x509.UniformResourceIdentifier("http://crl.other.example/2.crl")]}, Status.UNKNOWN),
        ({"only_contains_ca_certs": True}, Status.UNKNOWN),
        ({"only_contains_attribute_certs": True}, Status.UNKNOWN),
        ({"indirect_crl": True}, Status.UNKNOWN),
        ({"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})}, Status.UNKNOWN),
    ],
)
def test_scope_of_a_crl(scope: dict[str, Any], expected: Status) -> None:
    assert status({"q.crl": crl(extension=point(**scope))}) is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, Status.REVOKED),
        (x509.ReasonFlags.key_compromise, Status.REVOKED),
        (x509.ReasonFlags.certificate_hold, Status.SUSPENDED),
        (x509.ReasonFlags.remove_from_crl, Status.SUSPENDED),
    ],
)
def test_reasons(reason: x509.ReasonFlags | None, expected: Status) -> None:
    assert status({"q.crl": crl(entry(JAN, reason))}) is expected


def test_a_suspension_that_ended() -> None:
    held = crl(entry(JAN, x509.ReasonFlags.certificate_hold), made=timedelta(hours=3))
    assert status({"a.crl": held, "b.crl": crl()}) is Status.GOOD


def test_a_suspended_certificate_goes_to_a_person(tmp_path: Path) -> None:
    trust = store.load(PKI.write_trust(tmp_path, {"q.crl": crl(entry(JAN, x509.ReasonFlags.certificate_hold))}), NOW)
    evidence = Evidence(
        Format.PADES, Integrity.OK, Scope.FULL, certificate=JAN.der, claimed_time=NOW, algorithms=("sha256", "rsa-2048")
    )
    report = judge(evidence, trust, shipped().signatures, NOW, "a.pdf", None)
    assert (report.verdict, report.trust) == (Verdict.MANUAL, Trust.UNKNOWN_REVOCATION)
    assert (report.sub_indication, report.reasons[0].code) == (SubIndication.TRY_LATER, "CERTIFICATE_SUSPENDED")


# --------------------------------------------------------------------------------------------------- OCSP


def answer(said: datetime) -> bytes:
    return response(SimpleNamespace(certificate=CA.certificate, key=CA.key), [CA.certificate], said)


def response(
    signed_by: Signer | SimpleNamespace, certificates: list[x509.Certificate], said: datetime = NOW - HOUR
) -> bytes:
    builder = ocsp.OCSPResponseBuilder().add_response(
        JAN.certificate, CA.certificate, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, said, None, None, None
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signed_by.certificate)
    return builder.certificates(certificates).sign(signed_by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_response_of_the_ca_itself_without_next_update() -> None:
    files = {"q.ocsp": response(SimpleNamespace(certificate=CA.certificate, key=CA.key), [CA.certificate])}
    assert status(files) is Status.GOOD
    assert status(files, at=NOW + timedelta(hours=24)) is Status.STALE  # then only the age counts


@pytest.mark.parametrize(
    "signer",
    [PKI.person(ANNA), PKI.responder("qualified2"), PKI.responder("fake")],
    ids=["no-ocsp-signing", "other-ca", "fake-ca"],
)
def test_not_everybody_answers_for_the_ca(signer: Signer) -> None:
    assert status({"q.ocsp": response(signer, [signer.certificate])}) is Status.UNKNOWN


def test_a_responder_that_must_be_checked_is_checked() -> None:
    """Without id-pkix-ocsp-nocheck the responder's own certificate must be good by a CRL of the CA."""
    key = private_key("responder-checked")
    profile = Profile(name(CN="OCSP"), ("digital_signature",), extended=(OCSP_SIGNING,))
    certificate = issue(profile, key, NOW, CA.certificate, CA.key)
    responder = Signer(ANNA, certificate, key)
    answer = response(responder, [certificate])
    assert status({"q.ocsp": answer}) is Status.UNKNOWN
    old = crl(made=timedelta(days=2))
    assert status({"q.ocsp": answer, "q.crl": old}) is Status.GOOD
    revoked = crl(entry(responder), made=timedelta(days=2))
    assert status({"q.ocsp": answer, "q.crl": revoked}) is Status.STALE


@pytest.mark.parametrize("critical", [True, False])
def test_a_response_with_an_extension_that_nobody_knows(critical: bool) -> None:
    """RFC 6960 §4.4."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        JAN.certificate, CA.certificate, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, NOW - HOUR, None, None, None
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, CA.certificate)
    builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), critical)
    files = {"q.ocsp": builder.sign(CA.key, hashes.SHA256()).public_bytes(Encoding.DER)}
    assert status(files) is (Status.UNKNOWN if critical else Status.GOOD)


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: d[:50], lambda d: b"", lambda d: b"\x30\x80" + d])
@pytest.mark.parametrize("name", ["q.crl", "q.ocsp"])
def test_rubbish_is_a_problem_and_no_statement(name: str, spoil: Callable[[bytes], bytes]) -> None:
    data = PKI.crl("qualified") if name == "q.crl" else PKI.ocsp(JAN)
    revocations = RevocationStore({name: spoil(data), "good.crl": PKI.crl("qualified")})
    assert [problem.split(":")[0] for problem in revocations.problems] == [name]
    assert revocations.status(JAN.certificate, CA.certificate, NOW, DAY).status is Status.GOOD


def test_a_refusal_of_the_responder_is_a_problem() -> None:
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    revocations = RevocationStore({"q.ocsp": refused.public_bytes(Encoding.DER)})
    assert "TRY_LATER" in revocations.problems[0]


def test_an_issuer_that_may_not_sign_crls() -> None:
    """keyUsage of the CA without cRLSign (RFC 5280 §6.3.3 f)."""
    usage = dict.fromkeys(KEY_USAGES, False) | {"key_cert_sign": True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(CA.certificate.subject)
        .issuer_name(CA.certificate.subject)
        .public_key(CA.key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=300))
        .not_valid_after(NOW + timedelta(days=300))
        .add_extension(x509.BasicConstraints(True, None), True)
    )
    crls = RevocationStore({"q.crl": PKI.crl("qualified")})
    for allowed, expected in ((False, Status.UNKNOWN), (True, Status.GOOD)):
        issuer = builder.add_extension(x509.KeyUsage(**usage | {"crl_sign": allowed}), True)
        found = crls.status(JAN.certificate, issuer.sign(CA.key, hashes.SHA256()), NOW, DAY)
        assert found.status is expected
