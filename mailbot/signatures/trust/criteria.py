"""Which certificates of a listed service its qualifiers hold for (ETSI TS 119 612 §5.5.9.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import asn1crypto.x509
from lxml import etree

_QUALIFIERS = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"
_NS = {
    "sie": "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#",
    "more": "http://uri.etsi.org/02231/v2/additionaltypes#",
    "xades": "http://uri.etsi.org/01903/v1.3.2#",
}
QUALIFICATIONS = f"{{{_NS['sie']}}}Qualifications"
_BITS = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "non_repudiation",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "crlSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}
"""Names of the bits of keyUsage, as lists and as asn1crypto write them."""
_HOW: Mapping[str, Callable[[Iterable[bool]], bool]] = {
    "all": all,
    "atLeastOne": any,
    "none": lambda found: not any(found),
}
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Criterion(Protocol):
    """Something that a certificate fulfils or not."""

    def matches(self, certificate: asn1crypto.x509.Certificate) -> bool:
        """Does it? Raises ValueError for a certificate that cannot be read."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """``how`` the others are combined: a key of ``_HOW``."""

    how: str
    parts: tuple[Criterion, ...]

    def matches(self, certificate: asn1crypto.x509.Certificate) -> bool:
        """See Criterion."""
        return _HOW[self.how](part.matches(certificate) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Qualification:
    """``qualifiers`` ("NotQualified", "QCForESeal", …) hold for certificates that fulfil ``criteria``."""

    qualifiers: frozenset[str]
    criteria: Criteria


@dataclass(frozen=True, slots=True)
class _KeyUsage:
    """The extension is there, and every bit named has this value (§5.5.9.2.2.1)."""

    bits: frozenset[tuple[str, bool]]

    def matches(self, certificate: asn1crypto.x509.Certificate) -> bool:
        found = certificate.key_usage_value
        return found is not None and all((bit in found.native) is value for bit, value in self.bits)


@dataclass(frozen=True, slots=True)
class _Policies:
    """All these identifiers are among the policies (§5.5.9.2.2.2)."""

    oids: frozenset[str]

    def matches(self, certificate: asn1crypto.x509.Certificate) -> bool:
        found = certificate.certificate_policies_value or ()
        return self.oids <= {policy["policy_identifier"].dotted for policy in found}


@dataclass(frozen=True, slots=True)
class _Subject:
    """The name has all these attributes (§5.5.9.2.2.3)."""

    oids: frozenset[str]

    def matches(self, certificate: asn1crypto.x509.Certificate) -> bool:
        return self.oids <= {pair["type"].dotted for part in certificate.subject.chosen for pair in part}


@dataclass(frozen=True, slots=True)
class _Purposes:
    """The extension is there, with all these purposes (§5.5.9.2.2.3)."""

    oids: frozenset[str]

    def matches(self, certificate: asn1crypto.x509.Certificate) -> bool:
        found = certificate.extended_key_usage_value or ()
        return self.oids <= {purpose.dotted for purpose in found}


_Oids = type[_Policies] | type[_Subject] | type[_Purposes]
_OTHERS: dict[str, tuple[_Oids, str]] = {
    f"{{{_NS['more']}}}CertSubjectDNAttribute": (_Subject, "more:AttributeOID"),
    f"{{{_NS['more']}}}ExtendedKeyUsage": (_Purposes, "more:KeyPurposeId"),
}


def read(qualifications: etree._Element) -> Iterator[Qualification]:
    """What an element ``QUALIFICATIONS`` says. Raises ValueError for what is not understood."""
    for one in qualifications.iterfind("sie:QualificationElement", _NS):
        uris = [found.get("uri", "") for found in one.iterfind("sie:Qualifiers/sie:Qualifier", _NS)]
        names = frozenset(uri.removeprefix(_QUALIFIERS) for uri in uris if uri.startswith(_QUALIFIERS))
        listed = one.find("sie:CriteriaList", _NS)
        if names:
            yield Qualification(names, _criteria(listed))


def _criteria(listed: Any) -> Criteria:
    parts = tuple(_parts(listed)) if listed is not None else ()
    if not parts or listed.get("assert") not in _HOW:
        raise ValueError("a qualifier without criteria that are understood")
    return Criteria(listed.get("assert"), parts)


def _parts(listed: etree._Element) -> Iterator[Criterion]:
    for usage in listed.iterfind("sie:KeyUsage", _NS):
        yield _KeyUsage(frozenset(_bit(bit) for bit in usage.iterfind("sie:KeyUsageBit", _NS)))
    for policies in listed.iterfind("sie:PolicySet", _NS):
        yield _Policies(_oids(policies.iterfind("sie:PolicyIdentifier", _NS)))
    for inner in listed.iterfind("sie:CriteriaList", _NS):
        yield _criteria(inner)
    for other in listed.iterfind("sie:otherCriteriaList/*", _NS):
        if other.tag not in _OTHERS:
            raise ValueError(f"a qualifier with a criterion that is not understood: {other.tag}")
        kind, name = _OTHERS[other.tag]
        yield kind(_oids(other.iterfind(name, _NS)))


def _bit(bit: etree._Element) -> tuple[str, bool]:
    name, value = bit.get("name", ""), (bit.text or "").strip()
    if name not in _BITS or value not in _TRUTH:
        raise ValueError(f"a qualifier for an unknown bit of keyUsage: {name}")
    return _BITS[name], _TRUTH[value]


def _oids(elements: Iterable[etree._Element]) -> frozenset[str]:
    """Identifiers, with or without ``urn:oid:`` before them (XAdES 1.3.2 §7.1.2). Raises ValueError for none."""
    found = frozenset(
        element.findtext("xades:Identifier", "", _NS).strip().removeprefix("urn:oid:") for element in elements
    )
    if not found or "" in found:
        raise ValueError("a qualifier with a criterion that names nothing")
    return found
