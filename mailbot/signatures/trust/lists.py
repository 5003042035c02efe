"""The EU list of lists and the trusted lists of states (ETSI TS 119 612): authenticated first, read second.

Nothing here looks at the network. NextUpdate is only reported: whoever decides compares it with the moment of arrival,
because pyHanko does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asn1crypto.x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from mailbot.errors import TrustRefused
from mailbot.signatures import ber
from mailbot.signatures.trust.anchors import Anchor, Role

TERRITORY = "PL"
MAX_BYTES = 20_000_000
_NAMESPACE = "http://uri.etsi.org/02231/v2#"
_NS = {"tsl": _NAMESPACE}


@dataclass(frozen=True, slots=True)
class ListInfo:
    """Which edition of a list it is."""

    territory: str
    """"EU" (the list of lists), "PL" or another state, as the lists write it: Greece is "EL"."""
    sequence: int
    issued: datetime
    next_update: datetime | None
    """None: the list is closed and will have no successor."""

    def stale(self, at: datetime) -> bool:
        """A newer edition should have been here by ``at``."""
        return self.next_update is None or at > self.next_update


@dataclass(frozen=True, slots=True)
class Pointer:
    """What the LOTL says of the list of one state."""

    url: str
    signers: tuple[bytes, ...]
    """Certificates (DER) that may sign it."""


@dataclass(frozen=True, slots=True)
class ListOfLists:
    """Which lists there are."""

    info: ListInfo
    pointers: Mapping[str, tuple[Pointer, ...]]
    """By territory."""

    def of(self, territory: str) -> Pointer:
        """Of the one list of a state. Raises TrustRefused."""
        found = self.pointers.get(territory, ())
        if len(found) != 1:
            raise TrustRefused(f"the list of lists names {len(found)} lists of {territory}, not one")
        return found[0]


@dataclass(frozen=True, slots=True)
class TrustedList:
    """The CA/QC and TSA/QTST services of a trusted list, every period in which one was granted an anchor of its own."""

    info: ListInfo
    anchors: tuple[Anchor, ...]
    urls: tuple[str, ...]
    """ServiceSupplyPoints of the CA/QC services: where their CRLs may be."""
    problems: tuple[str, ...]
    """Services that could not be read, so are not trusted."""


def bundled_signers() -> tuple[bytes, ...]:
    """Certificates (DER) that sign the LOTL, of the Official Journal of the EU, as pyHanko brings them."""
    from pyhanko.sign.validation.qualified.eutl_parse import latest_known_lotl_tlso_certs

    return tuple(map(_der, latest_known_lotl_tlso_certs()))


def read_lotl(data: bytes, signers: Sequence[bytes], at: datetime) -> ListOfLists:
    """The list of lists, when one of ``signers`` (DER), valid at ``at``, signed it. Raises TrustRefused."""
    from pyhanko.sign.validation.qualified.eutl_parse import LOTL_RULE, parse_lotl_unsafe

    signed = authenticate(data, signers, at)
    try:
        parsed = parse_lotl_unsafe(signed.decode())
        pointers: dict[str, tuple[Pointer, ...]] = {}
        for one in (r for r in parsed.references if LOTL_RULE not in r.scheme_rules):
            pointer = Pointer(one.location_uri, tuple(map(_der, one.tlso_certs)))
            pointers[one.territory] = (*pointers.get(one.territory, ()), pointer)
    except Exception as error:
        raise TrustRefused(f"the list of lists cannot be read: {error}") from error
    return ListOfLists(_info(signed), pointers)


def read_trusted_list(
    data: bytes, signers: Sequence[bytes], at: datetime, source: str, territory: str = TERRITORY
) -> TrustedList:
    """The list of a state, when one of ``signers`` (of the list of lists) signed it. Raises TrustRefused."""
    from pyhanko.sign.validation.qualified.eutl_parse import trust_list_to_registry_unsafe

    signed = authenticate(data, signers, at)
    info = _info(signed)
    if info.territory != territory:
        raise TrustRefused(f"it is the list of {info.territory!r}, not of {territory}")
    try:
        registry, errors = trust_list_to_registry_unsafe(signed.decode())
        anchors = tuple(_anchors(registry, source))
    except Exception as error:
        raise TrustRefused(f"the trusted list cannot be read: {error}") from error
    problems = tuple(f"{source}: a service is left out ({error})" for error in errors)
    return TrustedList(info, anchors, tuple(_supply_points(signed)), problems)


def authenticate(data: bytes, signers: Sequence[bytes], at: datetime) -> bytes:
    """The signed bytes of a list: the whole TrustServiceStatusList, signed by one of ``signers``. Raises TrustRefused.

    Only what is returned may be read, never ``data`` (signature wrapping).
    """
    from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

    configuration = XAdESSignatureConfiguration(require_x509=True, expect_references=True, verification_time=at)
    reasons = []
    for der in signers:
        try:
            certificate = x509.load_der_x509_certificate(der)
            results = XAdESVerifier().verify(data, x509_cert=certificate, expect_config=configuration)
        except Exception as error:  # whatever a downloaded file makes the library say, it is not authentic
            reasons.append(f"{type(error).__name__} {error}")
            continue
        for result in results:
            if result.signed_xml is not None and result.signed_xml.tag == f"{{{_NAMESPACE}}}TrustServiceStatusList":
                return bytes(result.signed_data)
        reasons.append("the signature does not cover the list")
    raise TrustRefused(
        "no certificate that may sign it did: " + ("; ".join(dict.fromkeys(reasons))[:600] or "none known")
    )


def _anchors(registry: Any, source: str) -> Iterable[Anchor]:
    for authority in registry.known_certificate_authorities | registry.known_timestamp_authorities:
        for service in registry.applicable_service_definitions(authority, None):
            base = service.base_info
            yield Anchor(
                certificate=_der(authority.certificate),
                roles=_roles(service),
                service=base.service_name,
                source=source,
                since=base.valid_from,
                until=base.valid_until,
                qualifications=tuple(service.qualifications),
            )


def _roles(service: Any) -> frozenset[Role]:
    from pyhanko.sign.validation.qualified.tsp import QcCertType, QTSTServiceInformation

    if isinstance(service, QTSTServiceInformation):
        return frozenset({Role.TSA})
    purposes = service.base_info.additional_info_certificate_type  # empty: the list does not narrow it
    narrowed = purposes and QcCertType.QC_ESIGN not in purposes
    return frozenset({Role.SEAL_CA}) if narrowed else frozenset({Role.SEAL_CA, Role.QUALIFIED_CA})


def _der(certificate: asn1crypto.x509.Certificate) -> bytes:
    """As it stands on the list. ``dump()`` writes anew what has a length ending in 0x80 (``cms.Certificate``)."""
    return x509.load_der_x509_certificate(ber.encode(b"\x30", certificate.contents)).public_bytes(Encoding.DER)


def _root(signed: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    return etree.fromstring(signed, parser)


def _info(signed: bytes) -> ListInfo:
    scheme = "tsl:SchemeInformation"
    root = _root(signed)
    try:
        next_update = root.findtext(f"{scheme}/tsl:NextUpdate/tsl:dateTime", None, _NS)
        return ListInfo(
            territory=root.findtext(f"{scheme}/tsl:SchemeTerritory", "", _NS).strip(),
            sequence=int(root.findtext(f"{scheme}/tsl:TSLSequenceNumber", "", _NS)),
            issued=_moment(root.findtext(f"{scheme}/tsl:ListIssueDateTime", "", _NS)),
            next_update=_moment(next_update) if next_update else None,
        )
    except ValueError as error:
        raise TrustRefused(f"its sequence number or a date cannot be read: {error}") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return moment


def _supply_points(signed: bytes) -> list[str]:
    services = _root(signed).iterfind(".//tsl:TSPServices/tsl:TSPService/tsl:ServiceInformation", _NS)
    found = [
        (point.text or "").strip()
        for service in services
        if (service.findtext("tsl:ServiceTypeIdentifier", "", _NS)).strip().endswith("/Svctype/CA/QC")
        for point in service.iterfind("tsl:ServiceSupplyPoints/tsl:ServiceSupplyPoint", _NS)
    ]
    return [url for url in dict.fromkeys(found) if url.lower().endswith(".crl")]
