"""The EU list of lists and the trusted lists of states (ETSI TS 119 612): authenticated first, read second.

Nothing here looks at the network. NextUpdate is only reported: whoever decides compares it with the moment of arrival,
because pyHanko does not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from mailbot.errors import TrustRefused
from mailbot.signatures.trust import services
from mailbot.signatures.trust.anchors import Anchor
from mailbot.signatures.trust.services import NAMESPACE, NS, text

TERRITORY = "PL"
MAX_BYTES = 20_000_000
_OF_PYHANKO = "sign/validation/qualified/lotl-certs/latest.cert.pem"
_POINTERS = "tsl:SchemeInformation/tsl:PointersToOtherTSL/tsl:OtherTSLPointer"
_IDENTITIES = "tsl:ServiceDigitalIdentities/tsl:ServiceDigitalIdentity"
_TOLD = "tsl:AdditionalInformation/tsl:OtherInformation"
_MIME_TYPE = f"{_TOLD}/{{http://uri.etsi.org/02231/v2/additionaltypes#}}MimeType"
_LIST, _LOTL = "application/vnd.etsi.tsl+xml", "http://uri.etsi.org/TrstSvc/TrustedList/schemerules/EUlistofthelists"


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
    file = resources.files("pyhanko").joinpath(_OF_PYHANKO)
    return tuple(one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(file.read_bytes()))


def read_lotl(data: bytes, signers: Sequence[bytes], at: datetime) -> ListOfLists:
    """The list of lists, when one of ``signers`` (DER), valid at ``at``, signed it. Raises TrustRefused."""
    root = authenticate(data, signers, at)
    pointers: dict[str, tuple[Pointer, ...]] = {}
    for told in root.iterfind(_POINTERS, NS):
        rules = [rule.text for rule in told.iterfind(f"{_TOLD}/tsl:SchemeTypeCommunityRules/tsl:URI", NS)]
        territory, url = text(told, f"{_TOLD}/tsl:SchemeTerritory"), text(told, "tsl:TSLLocation")
        if text(told, _MIME_TYPE) == _LIST and _LOTL not in rules and territory and url:
            pointers[territory] = (*pointers.get(territory, ()), Pointer(url, _signers(told)))
    return ListOfLists(_info(root), pointers)


def read_trusted_list(
    data: bytes, signers: Sequence[bytes], at: datetime, source: str, territory: str = TERRITORY
) -> TrustedList:
    """The list of a state, when one of ``signers`` (of the list of lists) signed it. Raises TrustRefused."""
    root = authenticate(data, signers, at)
    info = _info(root)
    if info.territory != territory:
        raise TrustRefused(f"it is the list of {info.territory!r}, not of {territory}")
    anchors, problems = services.read(root, source)
    return TrustedList(info, anchors, tuple(_supply_points(root)), problems)


def authenticate(data: bytes, signers: Sequence[bytes], at: datetime) -> etree._Element:
    """What is signed of a list: the whole TrustServiceStatusList, signed by one of ``signers``. Raises TrustRefused.

    Only what is returned may be read, never ``data`` (signature wrapping).
    """
    from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

    configuration = XAdESSignatureConfiguration(require_x509=True, expect_references=True, verification_time=at)
    reasons = []
    for der in signers:
        try:
            certificate = x509.load_der_x509_certificate(der)
            results = XAdESVerifier().verify(data, x509_cert=certificate, expect_config=configuration)
        except MemoryError:
            raise
        except Exception as error:  # whatever a downloaded file makes the library say, it is not authentic
            reasons.append(f"{type(error).__name__} {error}")
            continue
        for result in results:
            if result.signed_xml is not None and result.signed_xml.tag == f"{{{NAMESPACE}}}TrustServiceStatusList":
                return _root(bytes(result.signed_data))
        reasons.append("the signature does not cover the list")
    raise TrustRefused(
        "no certificate that may sign it did: " + ("; ".join(dict.fromkeys(reasons))[:600] or "none known")
    )


def _signers(told: etree._Element) -> tuple[bytes, ...]:
    """Who may sign the list of a pointer: what is no certificate signs nothing."""
    found: list[bytes] = []
    for identity in told.iterfind(_IDENTITIES, NS):
        with contextlib.suppress(ValueError):
            found += services.certificates(identity)
    return tuple(found)


def _root(signed: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(signed, parser)


def _info(root: etree._Element) -> ListInfo:
    scheme = "tsl:SchemeInformation"
    try:
        next_update = text(root, f"{scheme}/tsl:NextUpdate/tsl:dateTime")
        return ListInfo(
            territory=text(root, f"{scheme}/tsl:SchemeTerritory"),
            sequence=int(text(root, f"{scheme}/tsl:TSLSequenceNumber")),
            issued=services.moment(text(root, f"{scheme}/tsl:ListIssueDateTime")),
            next_update=services.moment(next_update) if next_update else None,
        )
    except ValueError as error:
        raise TrustRefused(f"its sequence number or a date cannot be read: {error}") from error


def _supply_points(root: etree._Element) -> list[str]:
    told = root.iterfind(".//tsl:TSPServices/tsl:TSPService/tsl:ServiceInformation", NS)
    found = [
        (point.text or "").strip()
        for service in told
        if text(service, "tsl:ServiceTypeIdentifier").endswith("/Svctype/CA/QC")
        for point in service.iterfind("tsl:ServiceSupplyPoints/tsl:ServiceSupplyPoint", NS)
    ]
    return [url for url in dict.fromkeys(found) if url.lower().endswith(".crl")]
