"""A document timestamp proves when the signature inside it existed; what a file brings along is the sender's choice."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto.crl import CertificateList
from asn1crypto.keys import PrivateKeyInfo
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from fixtures.signing import cms_writer, pdf
from fixtures.signing.certificates import TIME_STAMPING, Profile, issue, name
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.keys import private_key
from fixtures.signing.pdf_sign import STAMP, PdfStyle, sign, with_store
from fixtures.signing.pdf_writer import CATALOG, PAGE, PAGES, Layout, Pdf, page, stream
from fixtures.signing.pdf_writer import TEXT as CONTENTS
from fixtures.signing.pki import NOW, Signer
from mailbot.signatures import pades, pdf_store
from mailbot.signatures.proof import Proof, prove
from mailbot.signatures.report import Scope, SignatureReport, Trust, Verdict
from mailbot.signatures.trust import store
from mailbot.signatures.trust.anchors import Role
from mailbot.signatures.trust.revocation import RevocationStore
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.trust.words import Words
from mailbot.signatures.verify import verify
from tests.unit.signatures.test_timestamps import (
    ARRIVED,
    ENDS,
    PKI,
    RULES,
    SIGNED,
    codes,
    crl,
    issued,
    jan,
    judged,
    unit,
)

UNIT = Profile(name(C="PL", CN="Znacznik"), ("digital_signature",), extended=(TIME_STAMPING,))
LATER = SIGNED + timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
SHORT = unit(days=(-100, 2))
"""A unit whose certificate has ended when the mail arrives."""
Folder = Callable[..., TrustStore]


@pytest.fixture
def trust(tmp_path: Path) -> Folder:
    """Both CRLs are fresh and keep the expired; ``silent``: nothing is known of the persons' CA. The root, PKI.tsa and
    ``SHORT`` are units."""

    def load(*, silent: bool = False, now: datetime = ARRIVED, **files: bytes) -> TrustStore:
        told = {"root.crl": crl("root")} | ({} if silent else {"q.crl": crl()})
        PKI.write_trust(tmp_path, told | {f"{name}.crl": data for name, data in files.items()})
        for label, certificate in (("root", PKI.authority("root").certificate), ("short", SHORT.certificate)):
            (tmp_path / "anchors" / "tsa" / f"{label}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        return store.load(tmp_path, now)

    return load


def signed(signer: Signer | None = None, cms: CmsStyle | None = None) -> Pdf:
    return sign(pdf.base(b"Wniosek"), [signer or jan()], PdfStyle(cms or CmsStyle(), when=SIGNED))


def stamped(made: Pdf, by: Signer | None = None, at: datetime = LATER, digest: str = "sha256") -> Pdf:
    """``made`` with a document timestamp over all of it."""
    style = CmsStyle(stamped_at=at, digest=digest)  # type: ignore[arg-type]
    return sign(made, [by or PKI.tsa], PdfStyle(style, STAMP, field=f"Stamp{made.next_number}"))


def octets(made: Pdf) -> bytes:
    return bytes(made.data)


def says(report: SignatureReport) -> tuple[Verdict, list[str], datetime | None]:
    return report.verdict, codes(report), report.proven_time


# ---------------------------------------------------------------------------------------------------- proven


def test_a_document_timestamp_proves_the_time_of_the_signature_in_it(trust: Folder) -> None:
    report = judged(trust(), octets(stamped(signed())))
    assert says(report) == (Verdict.ACCEPT, [], LATER)
    assert (report.scope, report.trust, report.level) == (Scope.FULL, Trust.TRUSTED, "B-T")


def test_only_the_signed_revision_is_read(trust: Folder) -> None:
    report = judged(trust(), octets(stamped(signed())))
    assert report.payload == octets(signed())


def test_the_levels(trust: Folder) -> None:
    own = signed(cms=CmsStyle(timestamp=PKI.tsa, stamped_at=SIGNED))
    made = with_store(own, [], [crl(said=ENDS)])
    levels = [judged(trust(), octets(one)).level for one in (signed(), own, made, stamped(made))]
    assert levels == ["B-B", "B-T", "B-LT", "B-LTA"]


def test_the_earliest_proof_counts(trust: Folder) -> None:
    own = signed(cms=CmsStyle(timestamp=PKI.tsa, stamped_at=SIGNED))
    assert says(judged(trust(), octets(stamped(own)))) == (Verdict.ACCEPT, [], SIGNED)
    twice = stamped(stamped(signed()), at=LATER + MINUTE)
    assert says(judged(trust(), octets(twice))) == (Verdict.ACCEPT, [], LATER)


def test_what_was_revoked_after_it_is_for_a_person(trust: Folder) -> None:
    for days in ((-30, 1), (-30, 700)):
        signer = jan(days)
        for since, code in ((LATER, "CERTIFICATE_REVOKED"), (LATER + MINUTE, "CERTIFICATE_REVOKED_LATER")):
            revoked = crl(revoked={signer.certificate.serial_number: since})
            assert codes(judged(trust(q=revoked), octets(stamped(signed(signer))))) == [code]


def test_a_unit_that_has_ended_counts_while_a_later_stamp_covers_it(trust: Folder) -> None:
    once = stamped(signed(), SHORT)
    assert says(judged(trust(), octets(once))) == (Verdict.MANUAL, ["TIMESTAMP_UNSURE"], None)
    for at in (LATER + MINUTE, NOW + timedelta(days=2) - MINUTE):
        assert says(judged(trust(), octets(stamped(once, at=at)))) == (Verdict.ACCEPT, [], LATER)
    too_late = stamped(once, at=NOW + timedelta(days=2) + MINUTE)
    assert says(judged(trust(), octets(too_late))) == (
        Verdict.REJECT,
        ["CERTIFICATE_EXPIRED"],
        NOW + timedelta(days=2) + MINUTE,
    )


def test_a_service_that_was_withdrawn_since_is_a_doubt(trust: Folder) -> None:
    """Whoever has its key may have stamped before the one that covers it; its certificate has only come to its end."""
    data, trusted = octets(stamped(stamped(signed(), SHORT), at=NOW)), trust()
    named = [anchor for anchor in trusted.anchors if "root.pem" not in anchor.source]
    day = timedelta(days=1)
    for until, proven in ((None, LATER), (ARRIVED + MINUTE, LATER), (NOW + 2 * day, LATER), (NOW + day, NOW)):
        anchors = tuple(replace(a, until=until) if "short.pem" in a.source else a for a in named)
        assert says(judged(replace(trusted, anchors=anchors), data)) == (Verdict.ACCEPT, [], proven)
    for until, code in ((ARRIVED + MINUTE, []), (ARRIVED, ["TIMESTAMP_UNSURE"])):
        anchors = tuple(replace(a, until=until) if "tsa.pem" in a.source else a for a in named)
        assert codes(judged(replace(trusted, anchors=anchors), octets(stamped(signed())))) == code


def test_the_ca_of_persons_makes_no_units(trust: Folder) -> None:
    trusted, data = trust(), octets(stamped(signed(), issued(UNIT, "stamped/other")))
    named = tuple(anchor for anchor in trusted.anchors if "root.pem" not in anchor.source)
    assert says(judged(replace(trusted, anchors=named), data)) == (Verdict.REJECT, ["CERTIFICATE_EXPIRED"], None)


def test_a_service_that_was_not_yet_granted(trust: Folder) -> None:
    trusted = trust()
    late = tuple(replace(a, since=LATER + MINUTE) if Role.TSA in a.roles else a for a in trusted.anchors)
    report = judged(replace(trusted, anchors=late), octets(stamped(signed())))
    assert says(report) == (Verdict.REJECT, ["CERTIFICATE_EXPIRED"], None)


def test_only_a_sure_stamp_covers_others(trust: Folder) -> None:
    """And only one of the document: signature timestamps do not cover each other."""
    unsure = octets(stamped(stamped(signed(), SHORT), SHORT, LATER + MINUTE))
    assert says(judged(trust(), unsure)) == (Verdict.MANUAL, ["TIMESTAMP_UNSURE"], None)
    (own,) = pades.verify(octets(signed(cms=CmsStyle(timestamp=SHORT, stamped_at=SIGNED))))
    (other,) = pades.verify(octets(signed(cms=CmsStyle(timestamp=PKI.tsa, stamped_at=LATER))))
    trusted = trust()
    words = Words(trusted.revocation, RevocationStore({}), ARRIVED, RULES.revocation_max_age)
    assert prove((*own.stamps, *other.stamps), trusted, words) == Proof(LATER)


def test_a_stamp_of_the_future_harms_no_other(trust: Folder) -> None:
    made = stamped(stamped(signed()), at=ARRIVED + timedelta(hours=2))
    assert says(judged(trust(), octets(made))) == (Verdict.ACCEPT, [], LATER)


def test_a_signature_timestamp_is_covered_too(trust: Folder) -> None:
    own = signed(cms=CmsStyle(timestamp=SHORT, stamped_at=SIGNED))
    assert codes(judged(trust(), octets(own))) == ["TIMESTAMP_UNSURE"]
    assert says(judged(trust(), octets(stamped(own)))) == (Verdict.ACCEPT, [], SIGNED)


def test_the_store_holds_the_certificates_of_the_chain(trust: Folder) -> None:
    """Of the signer and of the unit: an anchor is never among them."""
    middle_key, root = private_key("stamped/middle"), PKI.authority("root")
    about = Profile(name(C="PL", CN="CA"), is_ca=True, extended=(TIME_STAMPING,))
    middle = issue(about, middle_key, NOW, root.certificate, root.key)
    below = issue(
        Profile(name(C="PL", CN="TSU"), ("digital_signature",), extended=(TIME_STAMPING,)),
        private_key("stamped/below"),
        NOW,
        middle,
        middle_key,
    )
    by = Signer(PKI.tsa.person, below, private_key("stamped/below"))
    told = x509.CertificateRevocationListBuilder(middle.subject, NOW, ARRIVED + timedelta(days=7), [], [])
    words = told.sign(middle_key, hashes.SHA256()).public_bytes(Encoding.DER)
    trusted = trust(middle=words)
    assert codes(judged(trusted, octets(stamped(signed(), by)))) == ["CERTIFICATE_EXPIRED"]
    made = stamped(with_store(signed(), [middle.public_bytes(Encoding.DER)]), by)
    assert says(judged(trusted, octets(made))) == (Verdict.ACCEPT, [], LATER)


@pytest.mark.parametrize("layout", ["classic", "stream", "hybrid"])
def test_what_another_program_makes(layout: Layout, trust: Folder) -> None:
    """B-LTA by pyHanko, which claims the time of today."""
    signer, root = jan(), PKI.authority("root").certificate
    told = [CertificateList.load(data) for data in (crl(said=LATER, keeps=False), crl("root", said=LATER))]
    known = [by_pyhanko(one) for one in (root, PKI.authority("qualified").certificate, PKI.tsa.certificate)]
    about = signers.PdfSignatureMetadata(
        field_name="Signature1",
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        embed_validation_info=True,
        use_pades_lta=True,
        validation_context=ValidationContext(
            trust_roots=known[:1], other_certs=known[1:], crls=told, moment=LATER, allow_fetching=False
        ),
    )
    unit_of = DummyTimeStamper(known[2], key_of(PKI.tsa), fixed_dt=LATER - timedelta(hours=1))
    registry = SimpleCertificateStore.from_certs(known)
    signing = signers.SimpleSigner(by_pyhanko(signer.certificate), key_of(signer), registry)
    tool = signers.PdfSigner(about, signing, timestamper=unit_of)
    writer = IncrementalPdfFileWriter(io.BytesIO(octets(pdf.base(b"Wniosek", layout))), strict=False)
    report = judged(trust(silent=True), tool.sign_pdf(writer).getvalue())
    assert set(codes(report)) <= {"TIME_IN_FUTURE", "TIME_TOO_OLD"}
    assert report.proven_time == LATER - timedelta(hours=1)
    assert (report.level, report.scope, report.trust) == ("B-LTA", Scope.FULL, Trust.TRUSTED)


def by_pyhanko(certificate: x509.Certificate) -> Certificate:
    return Certificate.load(certificate.public_bytes(Encoding.DER))


def key_of(signer: Signer) -> PrivateKeyInfo:
    return PrivateKeyInfo.load(signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


# ------------------------------------------------------------------------------------------------ never proven


def before_signing() -> bytes:
    return octets(sign(stamped(pdf.base(b"Wniosek")), [jan()], PdfStyle(when=SIGNED)))


def of_another_file() -> bytes:
    """The token of one file in the hole of another."""
    return _moved(octets(stamped(sign(pdf.base(b"Inny plik"), [jan()], PdfStyle(when=SIGNED)))))


def of_another_moment() -> bytes:
    """The same, of the same citizen and text, signed a minute later."""
    return _moved(octets(stamped(sign(pdf.base(b"Wniosek"), [jan()], PdfStyle(when=SIGNED + MINUTE)))))


def _moved(other: bytes) -> bytes:
    own = octets(stamped(signed()))
    at, there = (data.rindex(b"/Contents <") + 11 for data in (own, other))
    return own[:at] + other[there : there + 16_000] + own[at + 16_000 :]


def without_the_signature() -> bytes:
    """Its ranges begin behind the CMS: over the rest it may have been made at any time."""
    made = signed()
    end = len(made.data)
    own = stamped(made)
    data = octets(own)
    start = data.rindex(b"/ByteRange [0 ")
    gap = data.index(b"/Contents <") + 10
    changed = data[:start] + (b"/ByteRange [0 %d " % gap).ljust(20) + data[start + 20 :]
    assert len(changed) == len(data) > end
    return changed


WORTHLESS: dict[str, Callable[[], bytes]] = {
    "a unit that nobody trusts": lambda: octets(stamped(signed(), PKI.fake_tsa())),
    "the signer himself": lambda: octets(stamped(signed(), jan())),
    "a unit that had ended": lambda: octets(stamped(signed(), unit(days=(-100, -50)))),
    "a unit that was not yet": lambda: octets(stamped(signed(), unit(days=(1, 700)))),
    "in the future": lambda: octets(stamped(signed(), at=ARRIVED + timedelta(hours=2))),
    "after the certificate ended": lambda: octets(stamped(signed(), at=ENDS + MINUTE)),
    "a stamp before the signature": before_signing,
    "another file's": of_another_file,
    "another moment's": of_another_moment,
    "not over the signature": without_the_signature,
    "no token": lambda: octets(sign(signed(), [PKI.tsa], PdfStyle(sub_filter=STAMP, field="Stamp"))),
}


@pytest.mark.parametrize("forged", WORTHLESS)
def test_what_proves_nothing(forged: str, trust: Folder) -> None:
    report = judged(trust(), WORTHLESS[forged]())
    assert (report.verdict, codes(report)) == (Verdict.REJECT, ["CERTIFICATE_EXPIRED"])
    assert report.proven_time in (None, ENDS + MINUTE)


def test_a_stamp_before_the_certificate_began(trust: Folder) -> None:
    """Nobody signs with a certificate that is not there yet, but one that is made for a signature and two clocks that
    differ."""
    signer = jan((0, 1))
    report = judged(trust(), octets(stamped(signed(signer), at=NOW - timedelta(hours=2))))
    assert (report.verdict, codes(report)) == (Verdict.REJECT, ["CERTIFICATE_NOT_YET_VALID"])
    assert says(judged(trust(), octets(stamped(signed(signer), at=NOW - MINUTE)))) == (Verdict.ACCEPT, [], NOW - MINUTE)


def test_a_revoked_unit_proves_nothing(trust: Folder) -> None:
    """However late, unless a later stamp covers its own: then a person looks."""
    late = crl("root", revoked={unit().certificate.serial_number: ARRIVED - timedelta(hours=2)})
    once = stamped(signed(), unit())
    assert codes(judged(trust(root=late), octets(once))) == ["CERTIFICATE_EXPIRED"]
    early = crl("root", revoked={unit().certificate.serial_number: LATER})
    assert says(judged(trust(root=early), octets(stamped(once, at=LATER + MINUTE))))[2] == LATER + MINUTE


def test_stamps_in_the_wrong_order_are_for_a_person(trust: Folder) -> None:
    """The outer one cannot be older than what is in it: a clock, or somebody, lies."""
    made = stamped(stamped(signed(), at=SIGNED + timedelta(hours=3)), unit(), SIGNED)
    assert says(judged(trust(), octets(made))) == (Verdict.MANUAL, ["TIMESTAMP_UNSURE"], None)


def test_a_weak_stamp_proves_nothing(trust: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cms_writer.write
    monkeypatch.setattr(
        cms_writer,
        "write",
        lambda content, by, style: real(
            content, by, replace(style, digest="sha1" if style.content_type == "tst_info" else style.digest)
        ),
    )
    made = stamped(signed())
    assert codes(judged(trust(), octets(made))) == ["CERTIFICATE_EXPIRED"]


# ------------------------------------------------------------------------------- what else was added after signing


def with_note(made: Pdf) -> Pdf:
    made = made.copy()
    number = made.next_number
    note = b"<< /Type /Annot /Subtype /FreeText /Rect [50 700 300 760] /Contents (Nowy adres) /DA (/F1 9 Tf) >>"
    annotations = made.objects[PAGE].replace(b"/Annots [", b"/Annots [%d 0 R " % number)
    made.save({number: note, PAGE: annotations})
    return made


def with_page(made: Pdf) -> Pdf:
    made = made.copy()
    number = made.next_number
    pages = made.objects[PAGES].replace(b"[3 0 R]", b"[3 0 R %d 0 R]" % number).replace(b"/Count 1", b"/Count 2")
    made.save({number: page(CONTENTS), PAGES: pages})
    return made


def with_text(made: Pdf) -> Pdf:
    made = made.copy()
    made.save({CONTENTS: stream(b"BT ET")})
    return made


@pytest.mark.parametrize("change", [with_note, with_page, with_text])
@pytest.mark.parametrize("stamped_after", [False, True])
def test_a_change_after_or_under_the_stamp(change: Callable[[Pdf], Pdf], stamped_after: bool, trust: Folder) -> None:
    """It is no proof of what was added, and a signature under it is not the whole file."""
    made = change(stamped(signed(jan((-30, 700)))))
    report = judged(trust(), octets(stamped(made, at=LATER + MINUTE) if stamped_after else made))
    assert (report.verdict, codes(report), report.payload) == (Verdict.REJECT, ["NOT_WHOLE_FILE"], None)


def test_a_second_signature_is_for_a_person(trust: Folder) -> None:
    made = stamped(sign(signed(), [PKI.person()], PdfStyle(when=SIGNED, field="Other")))
    assert {report.verdict for report in pades_reports(trust(), octets(made))} <= {Verdict.MANUAL, Verdict.REJECT}


def pades_reports(trusted: TrustStore, data: bytes) -> tuple[SignatureReport, ...]:
    return verify([("wniosek", data)], trusted, RULES, ARRIVED)


# ------------------------------------------------------------------------------------- what the file brings along


def response(by: Signer, said: datetime, *, revoked: datetime | None = None, forged: bool = False) -> bytes:
    """Of a responder of the persons' CA, or of somebody else in its name."""
    authority, responder = PKI.authority("qualified"), PKI.responder("fake" if forged else "qualified")
    builder = ocsp.OCSPResponseBuilder().add_response(
        by.certificate,
        authority.certificate,
        hashes.SHA256(),
        ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        said,
        said + timedelta(hours=1),
        revoked,
        None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
    builder = builder.certificates([responder.certificate])
    return builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)


def brought(signer: Signer, *, crls: list[bytes] | None = None, responses: list[bytes] | None = None) -> bytes:
    own = signed(signer, CmsStyle(timestamp=PKI.tsa, stamped_at=SIGNED))
    return octets(stamped(with_store(own, [], crls or [], responses or [])))


def test_words_said_after_the_proven_time_count_where_no_newer_ones_are_to_be_had(trust: Folder) -> None:
    signer, silent = jan(), trust(silent=True)
    for found in (
        brought(signer, responses=[response(signer, SIGNED)]),
        brought(signer, responses=[response(signer, LATER)]),
        brought(signer, crls=[crl(said=LATER + timedelta(hours=1), keeps=False)]),
    ):
        assert says(judged(silent, found)) == (Verdict.ACCEPT, [], SIGNED)


NOTHING_NEW: dict[str, Callable[[Signer], bytes]] = {
    "said before": lambda by: brought(by, responses=[response(by, SIGNED - MINUTE)]),
    "a list of before": lambda by: brought(by, crls=[crl(said=SIGNED)]),
    "said later than the mail": lambda by: brought(by, responses=[response(by, ARRIVED + timedelta(hours=2))]),
    "forged": lambda by: brought(by, responses=[response(by, LATER, forged=True)]),
    "a forged list": lambda by: brought(by, crls=[PKI.crl("qualified", "forged")]),
    "of another CA": lambda by: brought(by, crls=[crl("root")]),
    "about somebody else": lambda by: brought(by, responses=[response(PKI.person(), LATER)]),
    "rubbish": lambda by: brought(by, crls=[b"rubbish", b""], responses=[b"\x30\x03\x0a\x01\x06", b"0"]),
    "too many": lambda by: brought(by, responses=[response(by, LATER)] * (pdf_store.MAX_ENTRIES + 1)),
    "too much": lambda by: brought(by, responses=[response(by, LATER)], crls=[bytes(pdf_store.MAX_OCTETS)]),
    "nothing": lambda by: brought(by),
}


@pytest.mark.parametrize("found", NOTHING_NEW)
def test_words_that_say_nothing(found: str, trust: Folder) -> None:
    report = judged(trust(silent=True), NOTHING_NEW[found](jan()))
    assert says(report) == (Verdict.MANUAL, ["REVOCATION_UNKNOWN"], SIGNED)


def test_newer_words_are_to_be_had_of_a_certificate_in_force(trust: Folder) -> None:
    """Who has a card that was revoked an hour ago would bring the words of the hour before."""
    signer = jan((-30, 700))
    report = judged(trust(silent=True), brought(signer, responses=[response(signer, LATER)]))
    assert codes(report) == ["REVOCATION_UNKNOWN"]


def test_a_revocation_that_the_file_brings_along_counts(trust: Folder) -> None:
    for days in ((-30, 1), (-30, 700)):
        signer = jan(days)
        for since, code in ((SIGNED, "CERTIFICATE_REVOKED"), (SIGNED + MINUTE, "CERTIFICATE_REVOKED_LATER")):
            data = brought(signer, responses=[response(signer, LATER, revoked=since)])
            assert codes(judged(trust(), data)) == [code]
            both = crl(revoked={signer.certificate.serial_number: SIGNED})
            assert codes(judged(trust(q=both), data)) == ["CERTIFICATE_REVOKED"]


def test_words_of_the_file_beside_those_of_the_folder(trust: Folder) -> None:
    """They may mend what the folder does not know any more, and never what it knows."""
    signer = jan()
    good = brought(signer, responses=[response(signer, LATER)])
    revoked = brought(signer, responses=[response(signer, LATER, revoked=SIGNED + MINUTE)])
    old = crl(said=ENDS - timedelta(days=4), keeps=False)
    late = crl(revoked={signer.certificate.serial_number: SIGNED + 2 * MINUTE})
    for words, data, code in (
        (old, octets(signed(signer, CmsStyle(timestamp=PKI.tsa, stamped_at=SIGNED))), ["REVOCATION_STALE"]),
        (old, good, []),
        (old, revoked, ["CERTIFICATE_REVOKED_LATER"]),
        (late, good, ["CERTIFICATE_REVOKED_LATER"]),
    ):
        assert codes(judged(trust(q=words), data)) == code


def test_without_a_sure_proof_no_words_of_the_file_count(trust: Folder) -> None:
    """``PKI.fake_tsa`` is anybody."""
    signer = jan()
    own = signed(signer, CmsStyle(timestamp=PKI.fake_tsa(), stamped_at=SIGNED))
    data = octets(with_store(own, [], [], [response(signer, LATER)]))
    assert says(judged(trust(silent=True), data)) == (Verdict.REJECT, ["CERTIFICATE_EXPIRED"], None)


@pytest.mark.parametrize(
    "entry",
    [
        b"/DSS 5",
        b"/DSS << /CRLs 7 >>",
        b"/DSS << /CRLs [1 0 R] >>",
        b"/DSS << /CRLs [99 0 R] /Certs [<<>>] >>",
        b"/DSS [1 2]",
    ],
)
def test_a_strange_store_harms_no_signature_over_it(entry: bytes, trust: Folder) -> None:
    made = pdf.base(b"Wniosek")
    made.save({CATALOG: made.objects[CATALOG][:-2] + entry + b" >>"})
    signer = jan((-30, 700))
    own = sign(made, [signer], PdfStyle(when=SIGNED))
    assert judged(trust(), octets(own)).verdict is Verdict.ACCEPT
    assert codes(judged(trust(), octets(stamped(own)))) in ([], ["NOT_WHOLE_FILE"])


def test_the_store_is_read_in_bounds() -> None:
    made = with_store(signed(), [b"c"], [b"l"], [b"r"])
    (found,) = pades.verify(octets(stamped(made)))
    assert found.revocation == (("0.crl", b"l"), ("0.ocsp", b"r"))
    assert b"c" in found.certificates
    made = with_store(signed(), [], [bytes(pdf_store.MAX_OCTETS * 10)])
    (found,) = pades.verify(octets(made))
    assert (found.scope, found.revocation) == (Scope.FULL, ())
