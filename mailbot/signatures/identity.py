"""Who signed, from where it really stands: the subject of the certificate, or what podpis zaufany signs as well.

Personal data are pairs as in ``Evidence.personal``. A PESEL is here in clear; nothing here is logged, and ``signer``
lets only a mask and a keyed hash out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import date

from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree

from mailbot.signatures.report import SignerIdentity
from mailbot.text import pesel

Personal = tuple[tuple[str, str], ...]
"""given, surname, pesel, birth_date (ISO 8601), source; a datum that is not there is left out."""

_PODPIS_ZP = "{http://crd.gov.pl/xml/schematy/ppzp/}"
_EP = "{http://crd.gov.pl/xml/schematy/podpis_zaufany/}"
_PERSON = re.compile(r"\{http://crd\.gov\.pl/xml/schematy/osoba/[0-9/]{4,12}\}(\w+)")
# As KSeF (Ministry of Finance) reads serialNumber; a longer run of digits is not a PESEL (EN 319 412-1 §5.1.3).
_PESEL = re.compile(r"(?:PNOPL|PESEL)[^0-9]{0,20}([0-9]{11})(?![0-9])")


def from_certificate(certificate: bytes) -> Personal:
    """The natural person in the subject of a certificate (DER): givenName, surname, PESEL of serialNumber.

    Empty for a seal (organizationIdentifier and no givenName or surname), a pseudonym, and a broken certificate.
    """
    try:
        subject = x509.load_der_x509_certificate(certificate).subject
    except ValueError:
        return ()
    given, surname = _values(subject, NameOID.GIVEN_NAME), _values(subject, NameOID.SURNAME)
    if not given or not surname or _values(subject, NameOID.PSEUDONYM):
        return ()
    numbers = {m[1] for value in _values(subject, NameOID.SERIAL_NUMBER) for m in _PESEL.finditer(value)}
    return _personal("certificate", given, surname, numbers)


def from_roles(roles: Sequence[etree._Element]) -> Personal:
    """The citizen in the ClaimedRole of podpis zaufany; empty when nobody or more than one is named there."""
    found = [*filter(None, map(from_podpis_zp, roles)), *filter(None, map(from_ep_signature, roles))]
    return found[0] if len(found) == 1 else ()


def from_podpis_zp(role: etree._Element) -> Personal:
    """The older form: PodpisZP › DaneZP › DaneZPOsobyFizycznej with Nazwisko (of one or two parts), Imie, PESEL."""
    people = role.findall(f"{_PODPIS_ZP}DaneZP/{_PODPIS_ZP}DaneZPOsobyFizycznej")
    if role.tag != f"{_PODPIS_ZP}PodpisZP" or len(people) != 1:
        return ()
    data: dict[str, list[str]] = {}
    for element in people[0].iterchildren("*"):
        match = _PERSON.fullmatch(element.tag)
        if match:
            data.setdefault(match[1], []).append(_text(element))
    given = data.get("Imie", []) + data.get("ImieDrugie", [])
    surname = ["-".join(data.get("Nazwisko", []))]
    return _personal("PodpisZP", given, surname, set(data.get("PESEL", [])))


def from_ep_signature(role: etree._Element) -> Personal:
    """The newer form: EPSignature › NaturalPerson, with DateOfBirth beside the PESEL (PersonalIdentifier)."""
    people = role.findall(f"{_EP}NaturalPerson")
    if role.tag != f"{_EP}EPSignature" or len(people) != 1:
        return ()
    data: dict[str, list[str]] = {}
    for element in people[0].iterchildren("*"):
        data.setdefault(element.tag.removeprefix(_EP), []).append(_text(element))
    return _personal(
        "EPSignature",
        data.get("FirstName", []),
        data.get("CurrentFamilyName", []),
        set(data.get("PersonalIdentifier", [])),
        set(data.get("DateOfBirth", [])),
    )


def signer(personal: Personal, certificate: bytes, pesel_hash: Callable[[str], str] | None) -> SignerIdentity | None:
    """What may leave the worker of ``personal``.

    None when the name is not whole, the PESEL is none, or it contradicts the birth date: nobody is named for certain.
    """
    data = dict(personal)
    given, surname, number, written = (data.get(key, "") for key in ("given", "surname", "pesel", "birth_date"))
    if not given or not surname:
        return None
    try:
        births = {pesel.parse(number).birth} if number else set()
        births |= {date.fromisoformat(written)} if written else set()
    except ValueError:
        return None
    if len(births) > 1:
        return None
    return SignerIdentity(
        given=given,
        surname=surname,
        source=data.get("source", ""),
        birth_date=next(iter(births), None),
        pesel_masked=f"*******{number[-4:]}" if number else None,
        pesel_hash=pesel_hash(number) if number and pesel_hash else None,
        cert_sha256=hashlib.sha256(certificate).hexdigest(),
    )


def _personal(
    source: str, given: Sequence[str], surname: Sequence[str], numbers: set[str], births: set[str] | None = None
) -> Personal:
    """The pairs; empty unless the name is whole and no datum is given in two ways."""
    data = {"given": " ".join(filter(None, given)), "surname": " ".join(filter(None, surname))}
    numbers, births = numbers - {""}, (births or set()) - {""}
    if not all(data.values()) or len(numbers) > 1 or len(births) > 1:
        return ()
    told = [("pesel", number) for number in numbers] + [("birth_date", birth) for birth in births]
    return (*data.items(), *told, ("source", source))


def _values(subject: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    found = [attribute.value for attribute in subject.get_attributes_for_oid(oid)]
    return [" ".join(value.split()) for value in found if isinstance(value, str) and value.strip()]


def _text(element: etree._Element) -> str:
    """The text of a leaf, white space folded."""
    return "" if len(element) else " ".join((element.text or "").split())
