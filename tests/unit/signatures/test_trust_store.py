"""The folder of --trust becomes a snapshot; what cannot be trusted is told and never trusted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.signing.pki import NOW, Pki
from mailbot.errors import ConfigError, TrustRefused
from mailbot.signatures.trust import lists, store
from mailbot.signatures.trust.anchors import Role
from tests import trusted_lists as etsi
from tests.trusted_lists import Edition, Service, list_of_lists, list_signer, polish_list

EU, PL, STRANGER = list_signer("EU"), list_signer("PL"), list_signer("obca")
PKI = Pki()
QUALIFIED, SEAL = PKI.authority("qualified").certificate, PKI.authority("seal").certificate


def folder(tmp_path: Path, lotl: bytes | None, polish: bytes | None) -> Path:
    (tmp_path / "anchors" / "lotl").mkdir(parents=True)
    (tmp_path / "anchors" / "lotl" / "eu.pem").write_bytes(EU.pem)
    for name, data in (("lotl.xml", lotl), ("pl.xml", polish)):
        if data is not None:
            (tmp_path / name).write_bytes(data)
    return tmp_path


def polish(*services: Service, **edition: object) -> bytes:
    return polish_list(PL, replace(Edition(services=services), **edition))  # type: ignore[arg-type]


def test_anchors_by_hand(tmp_path: Path) -> None:
    trust = store.load(PKI.write_trust(tmp_path), NOW)
    assert trust.problems == ()
    assert not trust.stale_lists(NOW)
    assert {(next(iter(a.roles)), a.source) for a in trust.anchors} == {
        (Role.QUALIFIED_CA, "anchors/qualified-ca/qualified.pem"),
        (Role.QUALIFIED_CA, "anchors/qualified-ca/qualified2.pem"),
        (Role.QUALIFIED_CA, "anchors/qualified-ca/silent.pem"),
        (Role.SEAL_CA, "anchors/seal-ca/seal.pem"),
        (Role.CUSTOMS_CA, "anchors/customs-ca/customs.pem"),
        (Role.PERSONAL_CA, "anchors/personal-ca/personal.pem"),
        (Role.TSA, "anchors/tsa/tsa.pem"),
    }
    assert len(trust.revocation.crls) == 6
    assert trust.snapshot.startswith("anchors ")


def test_der_and_bundles_are_read(tmp_path: Path) -> None:
    place = tmp_path / "anchors" / "qualified-ca"
    place.mkdir(parents=True)
    (place / "one.der").write_bytes(QUALIFIED.public_bytes(Encoding.DER))
    (place / "two.crt").write_bytes(QUALIFIED.public_bytes(Encoding.PEM) + SEAL.public_bytes(Encoding.PEM))
    assert len(store.load(tmp_path, NOW).anchors) == 3


@pytest.mark.parametrize(
    ("path", "data", "fault"),
    [
        ("anchors/qualified/ca.pem", b"", "is no role"),
        ("anchors/qualified-ca/readme.txt", b"", "does not end in"),
        ("anchors/qualified-ca/ca.pem", b"rubbish", "qualified-ca/ca.pem"),
        ("anchors/qualified-ca/jan.der", PKI.person().der, "is not the certificate of a CA"),
        ("revocation/ca.crl", b"rubbish", "is no CRL"),
        ("revocation/ca.ocsp", b"rubbish", "is no CRL or OCSP response"),
        ("revocation/ca.txt", b"rubbish", "does not end in .crl"),
        ("pl.xml", b"<a/>", "lotl.xml"),
        ("lotl.xml", b"rubbish", "no certificate that may sign it did"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_mend(path: str, data: bytes, fault: str, tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    file = tmp_path / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    trust = store.load(tmp_path, NOW)
    (problem,) = trust.problems
    assert fault in problem
    assert "mend: " in problem
    assert len(trust.anchors) == 7  # the rest still counts
    assert trust.broken_list is path.endswith(".xml")
    assert trust.stale_lists(NOW) is path.endswith(".xml")


def test_an_empty_folder_and_none(tmp_path: Path) -> None:
    trust = store.load(tmp_path, NOW)
    assert trust.anchors == ()
    assert "nobody is trusted; mend: mailbot trust update" in trust.problems[0]
    with pytest.raises(ConfigError, match="is no folder; mend: "):
        store.load(tmp_path / "nowhere")


def test_a_file_being_written_is_not_read(tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    for name in ("anchors/.keep", "anchors/tsa/.keep", "revocation/.q.crl.tmp"):
        (tmp_path / name).write_bytes(b"half")
    assert store.load(tmp_path, NOW).problems == ()


def test_stamp_changes_with_any_file(tmp_path: Path) -> None:
    PKI.write_trust(tmp_path)
    trust = store.load(tmp_path, NOW)
    assert trust.stamp == store.stamp(tmp_path)
    (tmp_path / "revocation" / "gone.crl").symlink_to(tmp_path / "nowhere")  # like a file removed between two looks
    assert store.stamp(tmp_path)
    (tmp_path / "revocation" / "gone.crl").unlink()
    (tmp_path / "revocation" / "new.crl").write_bytes(PKI.crl("seal"))
    assert trust.stamp != store.stamp(tmp_path)


def test_lists_give_ca_qc_services_with_their_history(tmp_path: Path) -> None:
    services = (
        Service(
            QUALIFIED,
            purposes=(etsi.FOR_SIGNATURES, etsi.FOR_SEALS),
            supply=("http://crl.ca.example/a.crl", "http://ca.example/"),
        ),
        Service(SEAL, status=etsi.WITHDRAWN, history=((etsi.GRANTED, NOW - timedelta(days=400)),)),
        Service(PKI.authority("silent").certificate, purposes=(etsi.FOR_SEALS,)),
        Service(PKI.authority("customs").certificate, kind=etsi.OTHER_SERVICE),
    )
    trust = store.load(folder(tmp_path, list_of_lists(EU, PL), polish(*services, sequence=130)), NOW)
    assert trust.problems == ()
    assert [(i.territory, i.sequence) for i in trust.lists] == [("EU", 7), ("PL", 130)]
    assert trust.snapshot.startswith("EU 7, PL 130, anchors ")
    assert trust.urls == ("http://crl.ca.example/a.crl",)
    by_certificate = {a.certificate: a for a in trust.anchors}
    assert len(by_certificate) == 3
    both = by_certificate[QUALIFIED.public_bytes(Encoding.DER)]
    assert set(both.roles) == {Role.QUALIFIED_CA, Role.SEAL_CA}
    assert (both.until, both.source) == (None, "pl.xml")
    withdrawn = by_certificate[SEAL.public_bytes(Encoding.DER)]
    assert withdrawn.until == NOW - timedelta(days=200)
    assert withdrawn.granted(NOW - timedelta(days=201))
    assert not withdrawn.granted(NOW)
    seals_only = by_certificate[PKI.authority("silent").certificate.public_bytes(Encoding.DER)]
    assert seals_only.roles == {Role.SEAL_CA}


def test_qualifiers_hold_for_the_certificates_they_name(tmp_path: Path) -> None:
    listed = polish(Service(QUALIFIED, qualifier="NotQualified"))
    (anchor,) = store.load(folder(tmp_path, list_of_lists(EU, PL), listed), NOW).anchors
    assert anchor.qualifiers(PKI.person().der) == {"NotQualified"}
    assert anchor.qualifiers(PKI.tsa.der) == frozenset()  # its keyUsage has no nonRepudiation


SERVICE = Service(QUALIFIED)


@pytest.mark.parametrize(
    ("lotl", "listed"),
    [
        (list_of_lists(STRANGER, PL), polish(SERVICE)),
        (list_of_lists(EU, STRANGER), polish(SERVICE)),
        (list_of_lists(EU, PL).replace(b"https://tsl", b"https://tsI"), polish(SERVICE)),
        (list_of_lists(EU, PL), polish(SERVICE).replace(b"Svcstatus/granted", b"Svcstatus/grAnted")),
        (list_of_lists(EU, PL), b"<wrap>" + polish(SERVICE).replace(b"CK Przyk", b"CK Zmien") + b"</wrap>"),
        (list_of_lists(EU, PL), polish(SERVICE, territory="DE")),
        (list_of_lists(EU, PL), None),
    ],
    ids=["stranger-lotl", "stranger-pl", "lotl-changed", "pl-changed", "wrapped", "other-country", "pl-missing"],
)
def test_a_list_that_is_not_authentic_trusts_nobody(lotl: bytes, listed: bytes | None, tmp_path: Path) -> None:
    trust = store.load(folder(tmp_path, lotl, listed), NOW)
    assert trust.anchors == ()
    assert trust.broken_list
    assert trust.stale_lists(NOW)
    assert "mend: mailbot trust update" in trust.problems[0]


def test_a_certificate_out_of_force_signs_no_list(tmp_path: Path) -> None:
    old = list_signer("EU dawna", (-900, -1))
    with pytest.raises(TrustRefused):
        lists.read_lotl(list_of_lists(old, PL), [old.der], NOW)
    assert lists.read_lotl(list_of_lists(old, PL), [old.der], NOW - timedelta(days=5)).info.sequence == 7


@pytest.mark.parametrize("which", ["EU", "PL"])
@pytest.mark.parametrize("next_update", [NOW - timedelta(seconds=1), None])
def test_next_update_in_the_past_is_stale(which: str, next_update: None, tmp_path: Path) -> None:
    late = Edition(next_update=next_update)
    lotl = list_of_lists(EU, PL, late if which == "EU" else None)
    listed = polish(SERVICE, next_update=next_update) if which == "PL" else polish(SERVICE)
    trust = store.load(folder(tmp_path, lotl, listed), NOW)
    assert trust.problems == ()
    assert trust.stale_lists(NOW)
    assert trust.stale_lists(NOW - timedelta(seconds=2)) is (next_update is None)


def test_a_wrapped_list_is_read_only_where_it_is_signed() -> None:
    """A forged list around the signed one: what counts is the signed element, so nothing forged is read."""
    real = polish(SERVICE, sequence=3)
    forged = polish(Service(SEAL), sequence=99).split(b"<ds:Signature")[0]
    wrapped = forged.replace(b'Id="list"', b'Id="outer"') + real + b"</TrustServiceStatusList>"
    try:
        found = lists.read_trusted_list(wrapped, [PL.der], NOW, "pl.xml")
    except TrustRefused:
        return
    assert found.info.sequence == 3
    assert [a.certificate for a in found.anchors] == [QUALIFIED.public_bytes(Encoding.DER)]


def test_the_bundled_signers_of_the_list_of_lists_are_certificates() -> None:
    assert len(lists.bundled_signers()) > 1
