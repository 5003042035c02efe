"""SignedProperties: time, certificate, roles, in every version of XAdES; the timestamp beside them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from lxml import etree

from fixtures.signing import xmldsig
from fixtures.signing.people import ANNA, JAN
from fixtures.signing.pki import Pki
from fixtures.signing.xades import SHAPES
from fixtures.signing.xades_shapes import NOT_SIGNATURE, natural_person, serialise, signing_time
from fixtures.signing.xmldsig import DS, EXC, INC, PARSER, Reference, c14n, transform
from mailbot.signatures.cms import Refused
from mailbot.signatures.cms_value import Unsupported
from mailbot.signatures.report import Integrity, Scope
from mailbot.signatures.xades import core, props

PKI = Pki()
V132 = "http://uri.etsi.org/01903/v1.3.2#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"


def entry(der: bytes, serial: str = "", algorithm: str = SHA256) -> str:
    digest = b64encode(hashlib.sha256(der).digest()).decode()
    method = f'<ds:DigestMethod Algorithm="{algorithm}"/><ds:DigestValue>{digest}</ds:DigestValue>'
    return f"<x:Cert><x:CertDigest>{method}</x:CertDigest>{serial}</x:Cert>"


def read(inside: str, space: str = V132) -> props.Properties:
    signed = f"<x:SignedSignatureProperties>{inside}</x:SignedSignatureProperties>"
    return props.read(f'<x:SignedProperties xmlns:x="{space}" xmlns:ds="{DS}">{signed}</x:SignedProperties>'.encode())


def serial_v2(der: bytes) -> str:
    certificate = asn1_x509.Certificate.load(der)
    issuer = [asn1_x509.GeneralName(name="directory_name", value=certificate.issuer)]
    encoded = tsp.IssuerSerial({"issuer": issuer, "serial_number": certificate.serial_number}).dump()
    return f"<x:IssuerSerialV2>{b64encode(encoded).decode()}</x:IssuerSerialV2>"


def serial_v1(number: str) -> str:
    name = "<ds:X509IssuerName>CN=Ktokolwiek</ds:X509IssuerName>"
    return f"<x:IssuerSerial>{name}<ds:X509SerialNumber>{number}</ds:X509SerialNumber></x:IssuerSerial>"


JAN_DER, ANNA_DER = PKI.person(JAN).der, PKI.person(ANNA).der


@pytest.mark.parametrize("space", [V132, V132.replace("1.3.2", "1.2.2"), V132.replace("1.3.2", "1.1.1")])
@pytest.mark.parametrize("name", ["SigningCertificate", "SigningCertificateV2"])
@pytest.mark.parametrize(
    "serial",
    ["", serial_v1(f" {PKI.person(JAN).certificate.serial_number}\n"), serial_v2(JAN_DER)],
    ids=["none", "text", "der"],
)
def test_the_signed_digest_chooses_the_certificate(space: str, name: str, serial: str) -> None:
    chain = entry(PKI.authority("qualified").certificate.tbs_certificate_bytes)
    properties = read(f"<x:{name}>{entry(JAN_DER, serial)}{chain}</x:{name}>", space)
    for offered in ([JAN_DER], [ANNA_DER, JAN_DER], [JAN_DER, ANNA_DER]):
        assert props.choose(properties, offered) == JAN_DER


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("", "CERTIFICATE_MISSING"),
        (f"<x:SigningCertificate>{entry(ANNA_DER)}</x:SigningCertificate>", "CERTIFICATE_MISMATCH"),
        (f"<x:SigningCertificate>{entry(JAN_DER, serial_v1('17'))}</x:SigningCertificate>", "CERTIFICATE_MISMATCH"),
        (f"<x:SigningCertificate>{entry(JAN_DER, serial_v1('x'))}</x:SigningCertificate>", "CERTIFICATE_MISMATCH"),
        (
            f"<x:SigningCertificateV2>{entry(JAN_DER, serial_v2(ANNA_DER))}</x:SigningCertificateV2>",
            "CERTIFICATE_MISMATCH",
        ),
        (
            f"<x:SigningCertificate>{entry(JAN_DER)}</x:SigningCertificate>"
            f"<x:SigningCertificateV2>{entry(ANNA_DER)}</x:SigningCertificateV2>",
            "CERTIFICATE_MISMATCH",
        ),
    ],
)
def test_no_certificate_is_better_than_another(inside: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        props.choose(read(inside), [JAN_DER])
    assert refused.value.reason.code == code


def test_an_unknown_digest_of_the_certificate() -> None:
    with pytest.raises(Unsupported):
        read(f"<x:SigningCertificate>{entry(JAN_DER, algorithm='urn:x')}</x:SigningCertificate>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T09:00:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        (" 2026-11-20T10:00:00.123+01:00\n", datetime(2026, 11, 20, 9, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-11-20T09:00:00.1234567Z", datetime(2026, 11, 20, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-11-20T09:00:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-07-20T09:00:00", datetime(2026, 7, 20, 7, tzinfo=UTC)),  # for UTC it would be two hours to come
        ("wczoraj", None),
        ("", None),
        ("99999-01-01T00:00:00Z", None),
    ],
)
def test_signing_time(text: str, expected: datetime | None) -> None:
    assert read(f"<x:SigningTime>{text}</x:SigningTime>").signing_time == expected


def test_two_times_are_none() -> None:
    assert read("<x:SigningTime>2026-11-20T09:00:00Z</x:SigningTime>" * 2).signing_time is None


@pytest.mark.parametrize("name", ["SignerRole", "SignerRoleV2"])
def test_roles(name: str) -> None:
    role = f"<x:ClaimedRole>{natural_person(JAN, PKI.now)}</x:ClaimedRole><x:ClaimedRole>urzędnik</x:ClaimedRole>"
    (found,) = read(f"<x:{name}><x:ClaimedRoles>{role}</x:ClaimedRoles></x:{name}>").roles
    assert etree.QName(found).localname == "EPSignature"


def test_a_signature_that_also_signs_key_info() -> None:
    root = etree.fromstring(b"<a>x</a>", PARSER)
    whole = Reference('URI=""', NOT_SIGNATURE, lambda _: c14n(xmldsig.without_signatures(root), INC))
    key = Reference('URI="#klucz"', transform(EXC), lambda s: c14n(s.xpath("*[@Id='klucz']")[0]))

    def place(signature: etree._Element) -> None:
        root.append(signature)
        info = signature.find(f"{{{DS}}}KeyInfo")
        assert info is not None
        info.set("Id", "klucz")

    xmldsig.write(PKI.person(JAN), signing_time(PKI), [key, whole], place=place)
    (evidence,) = core.verify(serialise(root))
    assert (evidence.integrity, evidence.scope, evidence.payload) == (Integrity.OK, Scope.FULL, b"<a>x</a>")


def stamped() -> bytes:
    return SHAPES["enveloped-t"](PKI, PKI.person(JAN), b"x").data


def test_a_timestamp_over_the_value() -> None:
    (evidence,) = core.verify(stamped())
    assert (evidence.level, [stamp.time for stamp in evidence.stamps]) == ("B-T", [signing_time(PKI)])
    assert evidence.flags == ("timestamp",)


@pytest.mark.parametrize("flag", ["timestamp_mismatch", "timestamp_unreadable"])
def test_a_timestamp_that_does_not_fit_gives_no_time(flag: str) -> None:
    """Unsigned properties can be changed by anybody: they harm nothing and prove nothing."""
    root = etree.fromstring(stamped(), PARSER)
    token = next(root.iter(f"{{{V132}}}EncapsulatedTimeStamp"))
    if flag == "timestamp_mismatch":
        other = etree.fromstring(SHAPES["enveloped-t"](PKI, PKI.person(ANNA), b"x").data)
        token.text = next(other.iter(f"{{{V132}}}EncapsulatedTimeStamp")).text
    else:
        token.text = "MAAA"
    (evidence,) = core.verify(serialise(root))
    assert (evidence.integrity, evidence.level, evidence.stamps) == (Integrity.OK, "B-B", ())
    assert evidence.flags == (flag,)
