"""The road to an anchor: what leads there, what does not, and that a stranger cannot make it long."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from fixtures.signing.certificates import Profile, issue, name
from fixtures.signing.keys import private_key
from fixtures.signing.pki import NOW, Pki
from mailbot.signatures.trust.anchors import Anchor, Role
from mailbot.signatures.trust.chain import MAX_CANDIDATES, paths, signs

PKI = Pki()
CN, EKU = x509.NameOID.COMMON_NAME, x509.ExtendedKeyUsageOID


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def anchor(certificate: x509.Certificate, role: Role = Role.QUALIFIED_CA) -> Anchor:
    roles = frozenset({role})
    return Anchor(der(certificate), roles, "ca", "test", NOW - timedelta(days=100), None)


ROOT, QUALIFIED = PKI.authority("root").certificate, PKI.authority("qualified").certificate
JAN = PKI.person()


def names(others: list[bytes], *anchors: Anchor) -> list[list[str]]:
    found = paths(JAN.der, others, anchors, NOW)
    return [[str(c.subject.get_attributes_for_oid(CN)[0].value) for c in p.certificates] for p in found]


def test_direct_and_over_an_intermediate() -> None:
    assert names([], anchor(QUALIFIED)) == [["Jan Kowalski"]]
    assert names([], anchor(ROOT)) == []
    assert names([der(QUALIFIED)], anchor(ROOT)) == [["Jan Kowalski", "Centrum Kwalifikowane Testowe"]]
    (path,) = paths(JAN.der, [der(QUALIFIED)], [anchor(ROOT)], NOW)
    assert [(a.subject, b.subject) for a, b in path.links] == [
        (JAN.certificate.subject, QUALIFIED.subject),
        (QUALIFIED.subject, ROOT.subject),
    ]


def test_every_anchor_is_found() -> None:
    found = paths(JAN.der, [der(QUALIFIED)], [anchor(ROOT), anchor(QUALIFIED, Role.SEAL_CA)], NOW)
    assert {next(iter(p.anchor.roles)) for p in found} == {Role.QUALIFIED_CA, Role.SEAL_CA}


def test_an_anchor_is_no_signer() -> None:
    assert paths(der(QUALIFIED), [], [anchor(QUALIFIED)], NOW) == ()
    assert paths(der(ROOT), [der(ROOT)], [anchor(QUALIFIED)], NOW) == ()


def test_the_same_name_is_not_the_same_key() -> None:
    fake = PKI.person(by="fake")
    assert paths(fake.der, [der(PKI.authority("fake").certificate)], [anchor(QUALIFIED), anchor(ROOT)], NOW) == ()


@pytest.mark.parametrize("days", [(-800, -5), (5, 700)])
def test_an_intermediate_must_be_valid(days: tuple[int, int]) -> None:
    root, key = PKI.authority("root"), private_key("middle")
    middle = issue(Profile(name(CN="Pośrednie"), days=days, is_ca=True), key, NOW, root.certificate, root.key)
    leaf = issue(Profile(name(CN="Jan")), private_key("leaf"), NOW, middle, key)
    assert paths(der(leaf), [der(middle)], [anchor(ROOT)], NOW) == ()
    assert len(paths(der(leaf), [der(middle)], [anchor(ROOT)], NOW + timedelta(days=days[0] + 1))) == 1


def test_a_persons_certificate_is_no_intermediate() -> None:
    """Jan signs a certificate for somebody with his own qualified key."""
    forged = issue(Profile(name(CN="Anna")), private_key("forged"), NOW, JAN.certificate, JAN.key)
    assert paths(der(forged), [JAN.der], [anchor(QUALIFIED)], NOW) == ()


def test_path_length_constraint() -> None:
    key = private_key("short")
    assert isinstance(key, rsa.RSAPrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(CN="Krótkie"))
        .issuer_name(name(CN="Krótkie"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=300))
        .not_valid_after(NOW + timedelta(days=300))
    )
    middle_key = private_key("middle")
    for length, expected in ((0, 0), (1, 1)):
        top = builder.add_extension(x509.BasicConstraints(True, length), True).sign(key, hashes.SHA256())
        middle = issue(Profile(name(CN="Pośrednie"), is_ca=True), middle_key, NOW, top, key)
        leaf = issue(Profile(name(CN="Jan")), private_key("leaf"), NOW, middle, middle_key)
        assert len(paths(der(leaf), [der(middle)], [anchor(top)], NOW)) == expected
        assert len(paths(der(middle), [], [anchor(top)], NOW)) == 1


PURPOSES = [
    ((), True),
    ((EKU.EMAIL_PROTECTION, EKU.TIME_STAMPING), True),
    ((EKU.ANY_EXTENDED_KEY_USAGE,), True),
    ((EKU.SERVER_AUTH,), False),
    ((EKU.OCSP_SIGNING,), False),
    ((EKU.TIME_STAMPING,), False),
    ((EKU.CODE_SIGNING, x509.ObjectIdentifier("1.2.3.4")), False),
]


@pytest.mark.parametrize(("purposes", "expected"), PURPOSES)
def test_a_purpose_holds_for_what_is_below(purposes: tuple[x509.ObjectIdentifier, ...], expected: bool) -> None:
    root, key = PKI.authority("root"), private_key("middle")
    profile = Profile(name(CN="Pośrednie"), is_ca=True, extended=purposes)
    middle = issue(profile, key, NOW, root.certificate, root.key)
    leaf = issue(Profile(name(CN="Jan")), private_key("leaf"), NOW, middle, key)
    assert bool(paths(der(leaf), [der(middle)], [anchor(ROOT)], NOW)) is expected
    try:
        assert bool(paths(der(leaf), [], [anchor(middle)], NOW)) is expected
    except ValueError:
        assert not expected


@pytest.mark.parametrize(("purposes", "expected"), PURPOSES)
def test_the_certificate_of_somebody_who_signs(purposes: tuple[x509.ObjectIdentifier, ...], expected: bool) -> None:
    root = PKI.authority("root")
    leaf = Profile(name(CN="Jan"), extended=purposes)
    assert signs(issue(leaf, private_key("leaf"), NOW, root.certificate, root.key)) is expected
    assert not signs(issue(replace(leaf, is_ca=True), private_key("leaf"), NOW, root.certificate, root.key))


def test_a_constraint_of_an_anchor_is_a_doubt() -> None:
    key = private_key("constrained")
    permitted = x509.NameConstraints([x509.DirectoryName(name(C="DE"))], None)
    top = issue(Profile(name(CN="Ograniczone"), is_ca=True, extra=(permitted,)), key, NOW, None, key)
    leaf = issue(Profile(name(CN="Jan")), private_key("leaf"), NOW, top, key)
    with pytest.raises(ValueError, match="anchor"):
        paths(der(leaf), [], [anchor(top)], NOW)
    free = issue(Profile(name(CN="Ograniczone"), is_ca=True), key, NOW, None, key)
    assert len(paths(der(leaf), [], [anchor(top), anchor(free)], NOW)) == 1


def test_a_crowd_of_certificates_costs_little() -> None:
    """Many certificates of one name and key, each the issuer of all the others: every one is visited once."""
    key = private_key("crowd")
    top = issue(Profile(name(CN="Tłum"), is_ca=True), key, NOW, None, key)
    crowd = [
        der(issue(Profile(name(CN="Tłum"), is_ca=True, serial=number + 2), key, NOW, top, key)) for number in range(60)
    ]
    leaf = issue(Profile(name(CN="Jan")), private_key("leaf"), NOW, top, key)
    assert len(crowd) > MAX_CANDIDATES
    assert paths(der(leaf), crowd, [anchor(ROOT)], NOW) == ()
    assert len(paths(der(leaf), crowd, [anchor(top)], NOW)) == MAX_CANDIDATES + 1


def test_granted_needs_the_period_and_the_validity() -> None:
    one = replace(anchor(QUALIFIED), since=NOW - timedelta(days=10), until=NOW)
    assert one.granted(NOW - timedelta(seconds=1))
    assert not one.granted(NOW)
    assert not one.granted(NOW - timedelta(days=11))
    assert not replace(one, since=NOW - timedelta(days=900)).granted(NOW - timedelta(days=301))


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_among_the_certificates_are_harmless(rubbish: list[bytes]) -> None:
    assert len(paths(JAN.der, [*rubbish, der(QUALIFIED)[:-3], os.urandom(30)], [anchor(QUALIFIED)], NOW)) == 1
