"""Who is accepted, who is not, and who goes to a person: one table a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.signing import certificates
from fixtures.signing.certificates import Profile, issue, name, qc_statements
from fixtures.signing.der import ObjectId, children, element, sequence
from fixtures.signing.keys import private_key
from fixtures.signing.people import ANNA, JAN, WITHOUT_PESEL
from fixtures.signing.pki import NOW, Pki, Signer
from mailbot.model import Defect
from mailbot.ruleset.model import SignatureRules
from mailbot.ruleset.signatures import ACCEPTABLE
from mailbot.signatures import policy, reasons
from mailbot.signatures.policy import judge
from mailbot.signatures.reasons import MEANINGS, Code
from mailbot.signatures.report import (
    Evidence,
    Format,
    Indication,
    Integrity,
    Kind,
    Reason,
    Scope,
    SignatureReport,
    SubIndication,
    Trust,
    Verdict,
    to_json,
)
from mailbot.signatures.told import combine, defect
from mailbot.signatures.trust import store
from mailbot.signatures.trust.store import TrustStore
from tests.once import shipped
from tests.trusted_lists import WITHDRAWN, Edition, Service, list_of_lists, list_signer, polish_list

PKI = Pki()
RULES = shipped().signatures
PERSONAL = (("given", "JAN"), ("surname", "KOWALSKI"), ("pesel", JAN.pesel), ("source", "PodpisZP"))


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    return store.load(PKI.write_trust(tmp_path_factory.mktemp("trust")), NOW)


def evidence(signer: Signer, **changes: object) -> Evidence:
    good = Evidence(
        Format.PADES,
        Integrity.OK,
        Scope.FULL,
        certificate=signer.der,
        claimed_time=NOW - timedelta(minutes=5),
        algorithms=("sha256", "rsa-2048"),
        payload=b"wniosek",
        signature_value=b"value",
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def verdict(trust: TrustStore, given: Evidence, rules: SignatureRules = RULES) -> SignatureReport:
    return judge(given, trust, rules, NOW, "wniosek.pdf", lambda pesel: f"<{pesel}>")


def codes(report: SignatureReport) -> list[str]:
    return [found.code for found in report.reasons]


def issued(profile: Profile) -> Signer:
    """A certificate by the qualified CA with a profile of our own."""
    authority, key = PKI.authority("qualified"), private_key(f"own/{profile.subject}")
    return Signer(JAN, issue(profile, key, NOW, authority.certificate, authority.key), key)


JAN_NAME = name(C="PL", SER=f"PNOPL-{JAN.pesel}", SN="Kowalski", GN="Jan", CN="Jan Kowalski")


# -------------------------------------------------------------------------------------------------- accepted


@pytest.mark.parametrize("key", ["rsa-2048", "rsa-3072", "p256", "p384"])
@pytest.mark.parametrize("by", ["qualified", "qualified2"])
def test_a_qualified_signature(key: str, by: str, trust: TrustStore) -> None:
    report = verdict(trust, evidence(PKI.person(by=by, key=key)))  # type: ignore[arg-type]
    assert (report.verdict, report.reasons) == (Verdict.ACCEPT, ())
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_PASSED, None)
    assert (report.trust, report.kind) == (Trust.TRUSTED, Kind.QUALIFIED)
    assert report.signer is not None
    assert (report.signer.given, report.signer.surname, report.signer.birth_date) == ("Jan", "Kowalski", JAN.birth)
    assert (report.signer.pesel_masked, report.signer.pesel_hash) == ("*" * 7 + JAN.pesel[-4:], f"<{JAN.pesel}>")
    assert report.trust_snapshot == trust.snapshot
    assert JAN.pesel not in str(to_json(replace(report, signer=replace(report.signer, pesel_hash=None))))
    assert defect(report) is None


@pytest.mark.parametrize("form", ["2024", "old"])
def test_podpis_zaufany_by_either_minister(form: str, trust: TrustStore) -> None:
    report = verdict(trust, evidence(PKI.seal(form=form), personal=PERSONAL))  # type: ignore[arg-type]
    assert (report.verdict, report.kind, report.trust) == (Verdict.ACCEPT, Kind.TRUSTED_PZ, Trust.TRUSTED)
    assert report.signer is not None
    assert (report.signer.given, report.signer.surname, report.signer.source) == ("JAN", "KOWALSKI", "PodpisZP")


def test_a_certificate_without_pesel_is_accepted_and_names_none(trust: TrustStore) -> None:
    report = verdict(trust, evidence(PKI.person(WITHOUT_PESEL)))
    assert report.verdict is Verdict.ACCEPT
    assert report.signer is not None
    assert (report.signer.pesel_masked, report.signer.pesel_hash, report.signer.birth_date) == (None, None, None)


@pytest.mark.parametrize(("by", "kind"), [("customs", Kind.ADVANCED_CUSTOMS), ("personal", Kind.PERSONAL)])
def test_kinds_an_admin_may_switch_on(by: str, kind: Kind, trust: TrustStore) -> None:
    given = evidence(PKI.person(by=by))  # type: ignore[arg-type]
    off = verdict(trust, given)
    assert (off.verdict, off.kind, codes(off)) == (Verdict.REJECT, kind, ["KIND_NOT_ACCEPTED"])
    assert defect(off) is Defect.SIGNATURE_KIND
    on = verdict(trust, given, replace(RULES, accept=RULES.accept | {kind}))
    assert (on.verdict, on.kind, on.trust) == (Verdict.ACCEPT, kind, Trust.TRUSTED)


# ------------------------------------------------------------------------------ one reason each, from certificates


def pseudonym() -> Signer:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.PSEUDONYM, "JK")])
    return issued(Profile(subject, qc=qc_statements()))


CERTIFICATES: list[tuple[str, Signer, Kind, Trust, Verdict, SubIndication, list[str], Defect | None]] = [
    (
        "expired",
        PKI.person(validity="expired"),
        Kind.QUALIFIED,
        Trust.EXPIRED,
        Verdict.REJECT,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        ["CERTIFICATE_EXPIRED"],
        Defect.SIGNATURE_INVALID,
    ),
    (
        "not yet valid",
        PKI.person(validity="not-yet-valid"),
        Kind.QUALIFIED,
        Trust.EXPIRED,
        Verdict.REJECT,
        SubIndication.NOT_YET_VALID,
        ["CERTIFICATE_NOT_YET_VALID"],
        Defect.SIGNATURE_INVALID,
    ),
    (
        "revoked",
        PKI.person(validity="revoked"),
        Kind.QUALIFIED,
        Trust.REVOKED,
        Verdict.REJECT,
        SubIndication.REVOKED_NO_POE,
        ["CERTIFICATE_REVOKED"],
        Defect.SIGNATURE_INVALID,
    ),
    (
        "stale crl",
        PKI.person(by="silent"),
        Kind.QUALIFIED,
        Trust.UNKNOWN_REVOCATION,
        Verdict.MANUAL,
        SubIndication.TRY_LATER,
        ["REVOCATION_STALE"],
        None,
    ),
    (
        "self-signed",
        PKI.self_signed(),
        Kind.OTHER,
        Trust.UNTRUSTED,
        Verdict.REJECT,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
        ["ISSUER_UNKNOWN"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "fake CA of the same name",
        PKI.person(by="fake"),
        Kind.OTHER,
        Trust.UNTRUSTED,
        Verdict.REJECT,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
        ["ISSUER_UNKNOWN"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "seal by a fake CA",
        PKI.seal(by="fake-seal"),
        Kind.OTHER,
        Trust.UNTRUSTED,
        Verdict.REJECT,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
        ["ISSUER_UNKNOWN"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "seal by a CA trusted for something else",
        PKI.seal(by="personal"),
        Kind.PERSONAL,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["KIND_NOT_ACCEPTED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "revoked seal",
        PKI.seal(revoked=True),
        Kind.TRUSTED_PZ,
        Trust.REVOKED,
        Verdict.REJECT,
        SubIndication.REVOKED_NO_POE,
        ["CERTIFICATE_REVOKED"],
        Defect.SIGNATURE_INVALID,
    ),
    (
        "seal of a company",
        PKI.company_seal(),
        Kind.SEAL,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["KIND_NOT_ACCEPTED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "person's certificate of a CA for seals only",
        PKI.person(by="seal"),
        Kind.OTHER,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["NOT_QUALIFIED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "no QcCompliance",
        issued(Profile(JAN_NAME)),
        Kind.OTHER,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["NOT_QUALIFIED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "a web site's certificate",
        issued(Profile(JAN_NAME, qc=qc_statements(types=(f"{certificates.QC_TYPE}.3",)))),
        Kind.OTHER,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["NOT_QUALIFIED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "a certificate of two types",
        issued(Profile(JAN_NAME, qc=qc_statements(types=(certificates.QC_ESIGN, certificates.QC_ESEAL)))),
        Kind.OTHER,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["NOT_QUALIFIED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "a key for encryption",
        issued(Profile(JAN_NAME, ("key_encipherment",), qc=qc_statements())),
        Kind.OTHER,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["NOT_QUALIFIED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "an organisation with a certificate for signatures",
        issued(Profile(name(C="PL", O="Firma", OI="VATPL-9990000008", CN="Firma"), qc=qc_statements())),
        Kind.SEAL,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["KIND_NOT_ACCEPTED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "the minister's name and another organisation",
        issued(
            Profile(
                name(C="PL", O="Kto inny", OI="VATPL-9990000007", CN="Minister - pieczęć podpisu zaufanego"),
                qc=qc_statements(types=()),
            )
        ),
        Kind.SEAL,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["KIND_NOT_ACCEPTED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "another seal of the minister's organisation",
        issued(Profile(name(C="PL", O="MC", OI="VATPL-5252955037", CN="Kancelaria"), qc=qc_statements(types=()))),
        Kind.SEAL,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        ["KIND_NOT_ACCEPTED"],
        Defect.SIGNATURE_KIND,
    ),
    (
        "pseudonym",
        pseudonym(),
        Kind.QUALIFIED,
        Trust.TRUSTED,
        Verdict.MANUAL,
        SubIndication.SIG_CONSTRAINTS_FAILURE,
        ["IDENTITY_UNREADABLE"],
        None,
    ),
    (
        "short RSA key",
        PKI.person(key="rsa-1024"),
        Kind.QUALIFIED,
        Trust.TRUSTED,
        Verdict.REJECT,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
        ["KEY_WEAK"],
        Defect.SIGNATURE_INVALID,
    ),
]


@pytest.mark.parametrize(
    ("signer", "kind", "trusted", "expected", "sub", "found", "told"),
    [row[1:] for row in CERTIFICATES],
    ids=[row[0] for row in CERTIFICATES],
)
def test_certificates(
    signer: Signer,
    kind: Kind,
    trusted: Trust,
    expected: Verdict,
    sub: SubIndication,
    found: list[str],
    told: Defect | None,
    trust: TrustStore,
) -> None:
    report = verdict(trust, evidence(signer, personal=PERSONAL))
    assert (report.kind, report.trust, report.verdict) == (kind, trusted, expected)
    assert (report.sub_indication, codes(report), defect(report)) == (sub, found, told)
    assert report.indication is reasons.indication(sub)
    if kind in (Kind.OTHER, Kind.SEAL):
        assert report.signer is None


# ---------------------------------------------------------------------------- one reason each, from the signature

REASON = Reason("DOCUMENT_CHANGED", "Dokument zmieniono.")
ENCRYPTED = Reason("ENCRYPTED", "Plik PDF jest zaszyfrowany.")
SEVERAL = Reason("SEVERAL_SIGNATURES", "Plik PDF ma więcej niż jeden podpis.")
_ETSI, REJECT, MANUAL, INVALID = SubIndication, Verdict.REJECT, Verdict.MANUAL, Defect.SIGNATURE_INVALID
CRYPTO, CONSTRAINTS = _ETSI.CRYPTO_CONSTRAINTS_FAILURE, _ETSI.SIG_CONSTRAINTS_FAILURE
EVIDENCE: list[tuple[dict[str, object], Verdict, SubIndication, list[str], Defect | None]] = [
    (
        {"integrity": Integrity.BROKEN},
        REJECT,
        _ETSI.SIG_CRYPTO_FAILURE,
        ["SIGNATURE_WRONG"],
        INVALID,
    ),
    (
        {"integrity": Integrity.BROKEN, "failure": REASON, "sub_indication": _ETSI.HASH_FAILURE},
        REJECT,
        _ETSI.HASH_FAILURE,
        ["DOCUMENT_CHANGED"],
        INVALID,
    ),
    ({"integrity": Integrity.NOT_SIGNED}, REJECT, _ETSI.FORMAT_FAILURE, ["UNSIGNED"], Defect.UNSIGNED),
    (
        {"integrity": Integrity.NOT_SIGNED, "flags": ("container",)},
        REJECT,
        _ETSI.FORMAT_FAILURE,
        ["UNSIGNED"],
        Defect.CONTAINER,
    ),
    ({"integrity": Integrity.UNREADABLE}, MANUAL, _ETSI.FORMAT_FAILURE, ["SIGNATURE_UNREADABLE"], None),
    (
        {"integrity": Integrity.UNREADABLE, "failure": ENCRYPTED, "sub_indication": _ETSI.FORMAT_FAILURE},
        REJECT,
        _ETSI.FORMAT_FAILURE,
        ["ENCRYPTED"],
        Defect.CONTAINER,
    ),
    *(
        (
            {"integrity": Integrity.UNREADABLE, "failure": Reason(code, "Zaszyfrowane.")},
            REJECT,
            _ETSI.FORMAT_FAILURE,
            [code],
            Defect.CONTAINER,
        )
        for code in ("ZIP_ENCRYPTED", "ASIC_NESTED")
    ),
    (
        {"integrity": Integrity.UNREADABLE, "failure": Reason("ZIP_DAMAGED", "Uszkodzone.")},
        MANUAL,
        _ETSI.FORMAT_FAILURE,
        ["ZIP_DAMAGED"],
        None,
    ),
    (
        {"integrity": Integrity.UNREADABLE, "sub_indication": _ETSI.SIGNED_DATA_NOT_FOUND},
        REJECT,
        _ETSI.SIGNED_DATA_NOT_FOUND,
        ["DETACHED_ONLY"],
        Defect.DETACHED_ONLY,
    ),
    ({"certificate": None}, MANUAL, _ETSI.NO_SIGNING_CERTIFICATE_FOUND, ["CERTIFICATE_MISSING"], None),
    (
        {"flags": ("no_signing_certificate_attribute",)},
        MANUAL,
        _ETSI.NO_SIGNING_CERTIFICATE_FOUND,
        ["CERTIFICATE_NOT_BOUND"],
        None,
    ),
    *(
        (
            {"format": Format.XADES_ENVELOPED, "certificates": (other,)},
            MANUAL,
            _ETSI.SIG_CONSTRAINTS_FAILURE,
            ["CERTIFICATE_FOREIGN"],
            None,
        )
        for other in (PKI.person(ANNA).der, b"rubbish")
    ),
    ({"certificate": b"rubbish"}, MANUAL, _ETSI.POLICY_PROCESSING_ERROR, ["POLICY_ERROR"], None),
    (
        {"scope": Scope.PARTIAL},
        REJECT,
        CONSTRAINTS,
        ["NOT_WHOLE_FILE"],
        INVALID,
    ),
    (
        {"scope": Scope.NONE},
        REJECT,
        CONSTRAINTS,
        ["NOT_WHOLE_FILE"],
        INVALID,
    ),
    (
        {"uncovered": ("a.txt",)},
        REJECT,
        CONSTRAINTS,
        ["NOT_WHOLE_FILE"],
        INVALID,
    ),
    (
        {"scope": Scope.PARTIAL, "failure": SEVERAL},
        MANUAL,
        CONSTRAINTS,
        ["SEVERAL_SIGNATURES"],
        None,
    ),
    ({"failure": Reason("ODD", "Coś jest nie tak.")}, MANUAL, _ETSI.FORMAT_FAILURE, ["ODD"], None),
    (
        {"algorithms": ("sha1", "rsa-2048")},
        REJECT,
        CRYPTO,
        ["DIGEST_WEAK"],
        INVALID,
    ),
    (
        {"algorithms": ("sha256", "rsa-pss", "sha1")},
        REJECT,
        CRYPTO,
        ["DIGEST_WEAK"],
        INVALID,
    ),
    ({"algorithms": ("rsa-2048",)}, MANUAL, CRYPTO, ["ALGORITHM_UNKNOWN"], None),
    ({"algorithms": ()}, MANUAL, CRYPTO, ["ALGORITHM_UNKNOWN"], None),
    ({"algorithms": ("sha256", "gost")}, MANUAL, CRYPTO, ["ALGORITHM_UNKNOWN"], None),
    ({"claimed_time": None}, MANUAL, CONSTRAINTS, ["TIME_MISSING"], None),
    ({"claimed_time": NOW.replace(tzinfo=None)}, MANUAL, CONSTRAINTS, ["TIME_MISSING"], None),
    (
        {"claimed_time": NOW + timedelta(minutes=61)},
        MANUAL,
        CONSTRAINTS,
        ["TIME_IN_FUTURE"],
        None,
    ),
    (
        {"claimed_time": NOW - timedelta(days=30, seconds=1)},
        MANUAL,
        CONSTRAINTS,
        ["TIME_TOO_OLD"],
        None,
    ),
]


@pytest.mark.parametrize(
    ("changes", "expected", "sub", "found", "told"), EVIDENCE, ids=[str(i) for i in range(len(EVIDENCE))]
)
def test_evidence(
    changes: dict[str, object],
    expected: Verdict,
    sub: SubIndication,
    found: list[str],
    told: Defect | None,
    trust: TrustStore,
) -> None:
    report = verdict(trust, evidence(PKI.person(), **changes))
    assert (report.verdict, report.sub_indication, codes(report)) == (expected, sub, found)
    assert (report.indication, defect(report)) == (reasons.indication(sub), told)


@pytest.mark.parametrize("moment", [NOW + timedelta(minutes=60), NOW - timedelta(days=30)])
def test_times_at_the_edge_are_accepted(moment: object, trust: TrustStore) -> None:
    assert verdict(trust, evidence(PKI.person(), claimed_time=moment)).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    "personal",
    [(), PERSONAL[:1], (*PERSONAL[:2], ("pesel", "44051401358")), (*PERSONAL, ("birth_date", "1981-01-01"))],
    ids=["none", "half a name", "wrong check digit", "another birth date"],
)
def test_podpis_zaufany_that_does_not_say_for_whom(personal: object, trust: TrustStore) -> None:
    report = verdict(trust, evidence(PKI.seal(), personal=personal))
    assert (report.verdict, codes(report), report.signer) == (Verdict.MANUAL, ["IDENTITY_UNREADABLE"], None)


def test_data_of_podpis_zaufany_under_another_signature_are_not_believed(trust: TrustStore) -> None:
    """A person with a qualified certificate writes somebody else's PodpisZP into the file."""
    personal = (("given", "ANNA"), ("surname", "NOWAK"), ("source", "PodpisZP"))
    report = verdict(trust, evidence(PKI.person(), personal=personal))
    assert report.signer is not None
    assert (report.signer.given, report.signer.source) == ("Jan", "certificate")


def test_nobody_is_named_by_a_signature_that_does_not_cover_the_file(trust: TrustStore) -> None:
    assert verdict(trust, evidence(PKI.person(), scope=Scope.PARTIAL)).signer is None


def test_revoked_after_the_mail_came_goes_to_a_person(trust: TrustStore) -> None:
    before = NOW - timedelta(days=4)
    given = evidence(PKI.person(validity="revoked"), claimed_time=before)
    report = judge(given, trust, RULES, before, "a.pdf", None)
    assert (report.verdict, codes(report)) == (Verdict.MANUAL, ["CERTIFICATE_REVOKED_LATER"])


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ["REVOCATION_UNKNOWN"]),
        ({"q.crl": PKI.crl("qualified", "forged")}, ["REVOCATION_UNKNOWN"]),
        ({"f.crl": PKI.crl("fake")}, ["REVOCATION_UNKNOWN"]),
        ({"q.crl": PKI.crl("qualified", "stale")}, ["REVOCATION_STALE"]),
        ({"q.crl": PKI.crl("qualified", "empty")}, []),
        ({"q.ocsp": PKI.ocsp(PKI.person())}, []),
        ({"q.ocsp": PKI.ocsp(PKI.person(), "stale")}, ["REVOCATION_STALE"]),
        ({"q.ocsp": PKI.ocsp(PKI.person(), "revoked")}, ["CERTIFICATE_REVOKED"]),
        ({"q.ocsp": PKI.ocsp(PKI.person(), by="fake")}, ["REVOCATION_UNKNOWN"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_revocation_is_never_passed_in_silence(files: dict[str, bytes], found: list[str], tmp_path: Path) -> None:
    report = verdict(store.load(PKI.write_trust(tmp_path, files), NOW), evidence(PKI.person()))
    assert codes(report) == found
    assert (report.verdict is Verdict.ACCEPT) is (found == [])
    assert (report.trust is Trust.TRUSTED) is (found == [])


def test_an_intermediate_must_not_be_revoked_either(tmp_path: Path) -> None:
    """The root as anchor, the issuing CA only in the file: its own revocation is asked for too."""
    (tmp_path / "anchors" / "qualified-ca").mkdir(parents=True)
    root = PKI.authority("root")
    (tmp_path / "anchors" / "qualified-ca" / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "revocation").mkdir()
    (tmp_path / "revocation" / "q.crl").write_bytes(PKI.crl("qualified"))
    given = evidence(
        PKI.person(),
        certificates=tuple(c.public_bytes(Encoding.DER) for c in PKI.person().chain),
    )
    assert codes(verdict(store.load(tmp_path, NOW), given)) == ["REVOCATION_UNKNOWN"]
    (tmp_path / "revocation" / "root.crl").write_bytes(PKI.crl("root"))
    assert verdict(store.load(tmp_path, NOW), given).verdict is Verdict.ACCEPT
    assert codes(verdict(store.load(tmp_path, NOW), replace(given, certificates=()))) == ["ISSUER_UNKNOWN"]


# ------------------------------------------------------------------------------------------------ trusted lists

EU, PL = list_signer("EU"), list_signer("PL")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    (tmp_path / "anchors" / "lotl").mkdir(parents=True)
    (tmp_path / "anchors" / "lotl" / "eu.pem").write_bytes(EU.pem)
    (tmp_path / "revocation").mkdir()
    (tmp_path / "revocation" / "q.crl").write_bytes(PKI.crl("qualified"))
    (tmp_path / "revocation" / "s.crl").write_bytes(PKI.crl("seal"))
    (tmp_path / "lotl.xml").write_bytes(list_of_lists(EU, PL))
    return tmp_path


def with_list(folder: Path, *services: Service, **edition: object) -> TrustStore:
    (folder / "pl.xml").write_bytes(polish_list(PL, replace(Edition(services=services), **edition)))  # type: ignore[arg-type]
    return store.load(folder, NOW)


QUALIFIED = PKI.authority("qualified").certificate
SEAL = PKI.authority("seal").certificate


def test_granted_on_the_list(listed: Path) -> None:
    trust = with_list(listed, Service(QUALIFIED), Service(SEAL))
    person, seal = verdict(trust, evidence(PKI.person())), verdict(trust, evidence(PKI.seal(), personal=PERSONAL))
    assert [(r.verdict, r.kind) for r in (person, seal)] == [
        (Verdict.ACCEPT, Kind.QUALIFIED),
        (Verdict.ACCEPT, Kind.TRUSTED_PZ),
    ]
    assert person.trust_snapshot.startswith("EU 7, PL 7, ")


@pytest.mark.parametrize(
    ("service", "found", "kind"),
    [
        (Service(SEAL), ["ISSUER_UNKNOWN"], Kind.OTHER),
        (Service(QUALIFIED, status=WITHDRAWN), ["ISSUER_UNKNOWN"], Kind.OTHER),
        (
            Service(QUALIFIED, status=WITHDRAWN, history=((Service(QUALIFIED).status, NOW - timedelta(days=400)),)),
            ["ISSUER_NOT_GRANTED"],
            Kind.OTHER,
        ),
        (Service(QUALIFIED, since=NOW + timedelta(seconds=1)), ["ISSUER_NOT_GRANTED"], Kind.OTHER),
        (Service(QUALIFIED, qualifier="NotQualified"), ["NOT_QUALIFIED"], Kind.OTHER),
        (Service(QUALIFIED, qualifier="QCForESeal"), ["KIND_NOT_ACCEPTED"], Kind.SEAL),
    ],
)
def test_not_granted_on_the_list(service: Service, found: list[str], kind: Kind, listed: Path) -> None:
    other = Service(PKI.authority("qualified2").certificate)
    report = verdict(with_list(listed, service, other), evidence(PKI.person()))
    assert (report.verdict, codes(report), report.kind) == (Verdict.REJECT, found, kind)
    assert defect(report) is Defect.SIGNATURE_KIND


def test_a_stale_list_judges_nobody(listed: Path) -> None:
    trust = with_list(listed, Service(QUALIFIED), next_update=NOW - timedelta(seconds=1))
    for signer in (PKI.person(), PKI.self_signed()):
        report = verdict(trust, evidence(signer))
        assert (report.verdict, report.trust, codes(report)) == (
            Verdict.MANUAL,
            Trust.STALE_TRUST_LIST,
            ["TRUST_LIST_STALE"],
        )


def test_a_stale_list_does_not_matter_for_an_anchor_by_hand(listed: Path) -> None:
    PKI.write_trust(listed)
    trust = with_list(listed, Service(SEAL), next_update=NOW - timedelta(seconds=1))
    assert verdict(trust, evidence(PKI.person())).verdict is Verdict.ACCEPT


def test_a_broken_list_judges_nobody(listed: Path) -> None:
    (listed / "pl.xml").write_bytes(b"<TrustServiceStatusList/>")
    assert codes(verdict(store.load(listed, NOW), evidence(PKI.person()))) == ["TRUST_LIST_STALE"]


def test_an_empty_folder_judges_nobody(tmp_path: Path) -> None:
    report = verdict(store.load(tmp_path, NOW), evidence(PKI.person()))
    assert (report.verdict, report.trust, codes(report)) == (Verdict.MANUAL, Trust.NOT_CHECKED, ["TRUST_EMPTY"])


def test_a_broken_signature_is_rejected_whatever_the_list_says(tmp_path: Path) -> None:
    report = verdict(store.load(tmp_path, NOW), evidence(PKI.person(), integrity=Integrity.BROKEN))
    assert (report.verdict, report.kind, report.signer) == (Verdict.REJECT, Kind.OTHER, None)


# ------------------------------------------------------------------------------------------------- the whole


def test_all_reasons_are_told_and_a_rejection_wins(trust: TrustStore) -> None:
    report = verdict(trust, evidence(PKI.person(by="silent"), algorithms=("sha1",), claimed_time=None))
    assert codes(report) == ["REVOCATION_STALE", "DIGEST_WEAK", "TIME_MISSING"]
    assert (report.verdict, report.sub_indication) == (Verdict.REJECT, SubIndication.CRYPTO_CONSTRAINTS_FAILURE)


def test_judge_never_raises(trust: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(policy, "paths", fall)
    report = verdict(trust, evidence(PKI.person()))
    assert (report.verdict, codes(report), report.payload) == (Verdict.MANUAL, ["POLICY_ERROR"], b"wniosek")


def test_several_signatures(trust: TrustStore) -> None:
    good, bad = verdict(trust, evidence(PKI.person())), verdict(trust, evidence(PKI.self_signed()))
    assert combine([good]) is good
    assert combine([bad, bad]) is bad
    for reports in ([good, good], [good, bad], [bad, good]):
        one = combine(reports)
        assert (one.verdict, codes(one), one.signer) == (Verdict.MANUAL, ["SEVERAL_SIGNATURES"], None)
        assert one.indication is Indication.INDETERMINATE
        assert defect(one) is None
    with pytest.raises(ValueError, match="no report"):
        combine([])


def test_every_code_has_a_meaning_and_a_sentence() -> None:
    assert set(MEANINGS) == set(Code)
    for code, meaning in MEANINGS.items():
        assert meaning.verdict is not Verdict.ACCEPT, code
        assert meaning.text_pl.endswith("."), code
        assert meaning.text_pl[0].isupper(), code
        assert "—" not in meaning.text_pl, code


def test_what_was_added_on_the_way_is_for_a_person(trust: TrustStore) -> None:
    failure = reasons.reason(Code.ADDED_ON_THE_WAY)
    given = evidence(PKI.person(), scope=Scope.PARTIAL, failure=failure, uncovered=("bajty 9–12",))
    report = verdict(trust, given)
    assert (report.verdict, codes(report), defect(report)) == (Verdict.MANUAL, ["ADDED_ON_THE_WAY"], None)


@pytest.mark.parametrize(
    "profile",
    [
        Profile(JAN_NAME, qc=qc_statements(), extended=(certificates.OCSP_SIGNING,)),
        Profile(JAN_NAME, qc=qc_statements(), extended=(certificates.TIME_STAMPING,)),
        Profile(JAN_NAME, qc=qc_statements(), is_ca=True),
    ],
)
def test_a_certificate_for_something_else_is_for_a_person(profile: Profile, trust: TrustStore) -> None:
    report = verdict(trust, evidence(issued(profile)))
    assert report.verdict is not Verdict.ACCEPT
    assert "CERTIFICATE_PURPOSE" in codes(report)


@pytest.mark.parametrize(
    ("said", "found"), [((), []), (("Wniosek o hasło",), []), (("Odebrałem",), ["COMMITMENT"])], ids=str
)
def test_what_a_signature_is_for(said: tuple[str, ...], found: list[str], trust: TrustStore) -> None:
    report = verdict(trust, evidence(PKI.person(), commitments=said))
    assert (report.verdict, codes(report)) == (Verdict.MANUAL if found else Verdict.ACCEPT, found)
    assert defect(report) is None
    seal = verdict(trust, evidence(PKI.seal(), personal=PERSONAL, commitments=said))  # the minister's words
    assert seal.verdict is Verdict.ACCEPT


def test_a_key_that_may_lie_on_a_disk_makes_no_qualified_signature(trust: TrustStore) -> None:
    report = verdict(trust, evidence(issued(Profile(JAN_NAME, qc=qc_statements(sscd=False), crl="http://x.example/"))))
    assert (report.verdict, codes(report), report.kind) == (Verdict.MANUAL, ["NO_DEVICE"], Kind.QUALIFIED)
    assert defect(report) is None


@pytest.mark.parametrize(
    ("qualifier", "sscd", "found"),
    [
        ("QCWithSSCD", False, []),
        ("QCWithQSCD", False, []),
        ("QCQSCDManagedOnBehalf", False, []),
        ("QCQSCDStatusAsInCert", False, ["NO_DEVICE"]),
        ("QCQSCDStatusAsInCert", True, []),
        ("QCNoSSCD", True, ["NO_DEVICE"]),
        ("QCNoQSCD", True, ["NO_DEVICE"]),
    ],
)
def test_the_list_knows_better_where_keys_are(qualifier: str, sscd: bool, found: list[str], listed: Path) -> None:
    trust = with_list(listed, Service(QUALIFIED, qualifier=qualifier))
    report = verdict(trust, evidence(issued(Profile(JAN_NAME, qc=qc_statements(sscd=sscd)))))
    assert (codes(report), report.kind) == (found, Kind.QUALIFIED)


def _statements(*more: bytes) -> x509.UnrecognizedExtension:
    usual = qc_statements()
    return x509.UnrecognizedExtension(usual.oid, sequence(*children(usual.value), *more))


@pytest.mark.parametrize(
    "more",
    [
        sequence(ObjectId("0.4.0.1862.1.7").dump(), sequence(element(0x13, b"CH"))),  # EN 319 412-5 §4.2.4
        sequence(ObjectId(certificates.QC_TYPE).dump(), sequence(ObjectId(certificates.QC_ESEAL).dump())),
        sequence(ObjectId(certificates.QC_COMPLIANCE).dump()),
    ],
    ids=["by-the-law-of-Switzerland", "type-twice", "compliance-twice"],
)
def test_statements_that_cannot_be_judged(more: bytes, trust: TrustStore) -> None:
    report = verdict(trust, evidence(issued(Profile(JAN_NAME, qc=_statements(more)))))
    assert (report.verdict, codes(report)) == (Verdict.MANUAL, ["POLICY_ERROR"])
    no_type = sequence(ObjectId(certificates.QC_TYPE).dump(), sequence())
    report = verdict(trust, evidence(issued(Profile(JAN_NAME, qc=_qc(no_type)))))
    assert (report.verdict, codes(report)) == (Verdict.MANUAL, ["POLICY_ERROR"])


def _qc(*more: bytes) -> x509.UnrecognizedExtension:
    usual = qc_statements(types=())
    return x509.UnrecognizedExtension(usual.oid, sequence(*children(usual.value), *more))


def test_every_code_is_given_in_this_file() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    # test_revocation.py, test_timestamps.py, test_transport.py
    stamps = {Code.TIMESTAMP_UNSURE, Code.TIMESTAMP_ARCHIVE}
    tested_elsewhere = stamps | {Code.CERTIFICATE_SUSPENDED, Code.CHANGED_ON_THE_WAY}
    assert {code for code in Code if f'"{code}"' not in text} == tested_elsewhere


def test_acceptable_kinds_are_kinds() -> None:
    assert set(ACCEPTABLE) == set(Kind) - {Kind.SEAL, Kind.OTHER}
    assert RULES.accept == {Kind.QUALIFIED, Kind.TRUSTED_PZ}
