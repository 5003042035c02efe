"""Who signed: certificate, PodpisZP, EPSignature; what may leave of it."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from fixtures.signing.certificates import Profile, issue
from fixtures.signing.keys import private_key
from fixtures.signing.people import ANNA, JAN, WITHOUT_PESEL
from fixtures.signing.pki import Pki
from fixtures.signing.xades_shapes import natural_person, old_person
from mailbot.signatures import identity
from mailbot.signatures.identity import Personal

PKI = Pki()
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PESEL = JAN.pesel


def certificate(*subject: tuple[x509.ObjectIdentifier, str]) -> bytes:
    key = private_key("identity", "p256")
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
    return issue(Profile(name), key, NOW, None, key).public_bytes(Encoding.DER)


GIVEN, SURNAME, SERIAL = (NameOID.GIVEN_NAME, "Jan"), (NameOID.SURNAME, "Kowalski"), NameOID.SERIAL_NUMBER
NAMED: Personal = (("given", "Jan"), ("surname", "Kowalski"))
SOURCE: Personal = (("source", "certificate"),)


def test_the_certificates_of_the_pki() -> None:
    assert identity.from_certificate(PKI.person(JAN).der) == (*NAMED, ("pesel", PESEL), *SOURCE)
    assert identity.from_certificate(PKI.person(WITHOUT_PESEL).der) == (
        ("given", "Grażyna"),
        ("surname", "Brzęczyszczykiewicz-Żółć"),
        *SOURCE,
    )
    for nobody in (PKI.seal(JAN), PKI.company_seal()):
        assert identity.from_certificate(nobody.der) == ()


@pytest.mark.parametrize(
    ("serial", "number"),
    [
        (f"PNOPL-{PESEL}", PESEL),
        (f"PESEL: {PESEL}", PESEL),
        (f"PESEL:{PESEL}", PESEL),
        (f"PNOPL{PESEL}", PESEL),
        (f"PNOPL-{PESEL}1", None),
        (f"PNODE-{PESEL}", None),
        ("TINPL-5252955037", None),
        ("NIP: 5252955037", None),
        ("IDCPL-ABC123456", None),
        (f"PL{PESEL}", None),
    ],
)
def test_where_the_pesel_stands_in_a_certificate(serial: str, number: str | None) -> None:
    told = identity.from_certificate(certificate(GIVEN, SURNAME, (SERIAL, serial)))
    assert told == (*NAMED, *((("pesel", number),) if number else ()), *SOURCE)


@pytest.mark.parametrize(
    "subject",
    [
        [GIVEN],
        [SURNAME],
        [(NameOID.COMMON_NAME, "Jan Kowalski")],
        [GIVEN, SURNAME, (NameOID.PSEUDONYM, "jk")],
        [GIVEN, SURNAME, (SERIAL, f"PNOPL-{PESEL}"), (SERIAL, f"PNOPL-{ANNA.pesel}")],
        [(NameOID.ORGANIZATION_IDENTIFIER, "VATPL-9990000009"), (NameOID.COMMON_NAME, "Firma")],
    ],
)
def test_certificates_that_name_nobody(subject: list[tuple[x509.ObjectIdentifier, str]]) -> None:
    assert identity.from_certificate(certificate(*subject)) == ()


def test_two_given_names_and_an_employer() -> None:
    employer = (NameOID.ORGANIZATION_IDENTIFIER, "VATPL-9990000009")
    told = dict(identity.from_certificate(certificate(employer, GIVEN, (NameOID.GIVEN_NAME, "Maria"), SURNAME)))
    assert (told["given"], told["surname"]) == ("Jan Maria", "Kowalski")


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x82\xff\xff", b"nic"])
def test_a_broken_certificate_names_nobody(data: bytes) -> None:
    assert identity.from_certificate(data) == ()


def role(text: str) -> etree._Element:
    return etree.fromstring(text)


@pytest.mark.parametrize("inside", [False, True])
def test_podpis_zp(inside: bool) -> None:
    told = dict(identity.from_podpis_zp(role(old_person(JAN, inside))))
    assert told == {"given": "JAN", "surname": "KOWALSKI", "pesel": PESEL, "source": "PodpisZP"}


def test_a_surname_of_two_parts_and_a_second_name() -> None:
    text = old_person(JAN).replace(
        "</os:Nazwisko>", '</os:Nazwisko><os:Nazwisko rodzajCzlonu="drugi">NOWAK</os:Nazwisko>'
    )
    text = text.replace("</os:Imie>", "</os:Imie><os:ImieDrugie>ADAM</os:ImieDrugie>")
    told = dict(identity.from_podpis_zp(role(text)))
    assert (told["given"], told["surname"]) == ("JAN ADAM", "KOWALSKI-NOWAK")


def test_ep_signature() -> None:
    told = dict(identity.from_ep_signature(role(natural_person(ANNA, NOW))))
    assert told == {
        "given": "ANNA",
        "surname": "NOWAK",
        "pesel": ANNA.pesel,
        "birth_date": "2002-07-08",
        "source": "EPSignature",
    }


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        natural_person(JAN, NOW).replace("podpis_zaufany/", "podpis_zaufany2/"),
        natural_person(JAN, NOW).replace("FirstName", "LastName"),
        natural_person(JAN, NOW).replace("</pz:NaturalPerson>", "</pz:NaturalPerson><pz:NaturalPerson/>"),
        natural_person(JAN, NOW).replace(
            "<pz:PersonalIdentifier>",
            f"<pz:PersonalIdentifier>{ANNA.pesel}</pz:PersonalIdentifier><pz:PersonalIdentifier>",
        ),
        old_person(JAN).replace("schematy/osoba/2009", "schematy/inna/2009"),
        old_person(JAN).replace("<os:Imie>JAN</os:Imie>", "<os:Imie><x/>JAN</os:Imie>"),
    ],
)
def test_roles_that_name_nobody(text: str) -> None:
    assert identity.from_roles([role(text)]) == ()


def test_two_roles_name_nobody() -> None:
    one, other = role(natural_person(JAN, NOW)), role(old_person(ANNA))
    assert identity.from_roles([one, other]) == ()
    assert identity.from_roles([one, role("<a/>")]) == identity.from_ep_signature(one)


def personal(**changed: str) -> Personal:
    data = {"given": "JAN", "surname": "KOWALSKI", "pesel": PESEL, "source": "EPSignature"} | changed
    return tuple((key, value) for key, value in data.items() if value)


def test_what_leaves_the_worker() -> None:
    signer = identity.signer(personal(birth_date="1980-05-14"), b"certyfikat", lambda number: f"h{len(number)}")
    assert signer is not None
    assert (signer.given, signer.surname, signer.source) == ("JAN", "KOWALSKI", "EPSignature")
    assert (signer.birth_date, signer.pesel_hash) == (date(1980, 5, 14), "h11")
    assert signer.pesel_masked == "*******" + PESEL[-4:]
    assert signer.cert_sha256 == hashlib.sha256(b"certyfikat").hexdigest()
    assert PESEL not in repr(signer)


def test_without_pesel_and_without_key() -> None:
    signer = identity.signer(personal(pesel="", birth_date="1980-05-14"), b"", str)
    assert signer is not None
    assert (signer.birth_date, signer.pesel_masked, signer.pesel_hash) == (date(1980, 5, 14), None, None)
    signer = identity.signer(personal(), b"", None)
    assert signer is not None
    assert (signer.birth_date, signer.pesel_hash) == (date(1980, 5, 14), None)


@pytest.mark.parametrize(
    "changed",
    [
        {"given": ""},
        {"surname": ""},
        {"pesel": PESEL[:-1] + str((int(PESEL[-1]) + 1) % 10)},
        {"pesel": PESEL[:-1]},
        {"birth_date": "1980-05-15"},
        {"birth_date": "14.05.1980"},
    ],
)
def test_a_doubt_names_nobody(changed: dict[str, str]) -> None:
    assert identity.signer(personal(**changed), b"", str) is None
