"""The services of an authentic trusted list that count here: CA/QC and TSA/QTST (ETSI TS 119 612 §5.5, §5.6)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from lxml import etree

from mailbot.signatures.trust import criteria
from mailbot.signatures.trust.anchors import Anchor, Role

NAMESPACE = "http://uri.etsi.org/02231/v2#"
NS = {"tsl": NAMESPACE}
_CA_QC, _QTST = (f"http://uri.etsi.org/TrstSvc/Svctype/{kind}" for kind in ("CA/QC", "TSA/QTST"))
_LISTED = "http://uri.etsi.org/TrstSvc/TrustedList"
_GRANTED = f"{_LISTED}/Svcstatus/granted"
_FOR_SIGNATURES = f"{_LISTED}/SvcInfoExt/ForeSignatures"
_PURPOSES = {_FOR_SIGNATURES, f"{_LISTED}/SvcInfoExt/ForeSeals", f"{_LISTED}/SvcInfoExt/ForWebSiteAuthentication"}
_SERVICES = "tsl:TrustServiceProviderList/tsl:TrustServiceProvider/tsl:TSPServices/tsl:TSPService"
_CERTIFICATES = "tsl:DigitalId/tsl:X509Certificate"
_EXTENSIONS = "tsl:ServiceInformationExtensions/tsl:Extension"
_PURPOSE, _EXPIRED = f"{{{NAMESPACE}}}AdditionalServiceInformation", f"{{{NAMESPACE}}}ExpiredCertsRevocationInfo"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class _Period:
    """``said``: the element that tells of it."""

    said: etree._Element
    since: datetime
    until: datetime | None


def read(root: etree._Element, source: str) -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    """The anchors of a list in its order, one for each period in which one was granted, and what could not be read.

    A service that cannot be read is not trusted; of its history nothing that is older than what cannot be read.
    ``source``: the file.
    """
    anchors: dict[Anchor, None] = {}
    problems: list[str] = []
    for service in root.iterfind(_SERVICES, NS):
        current = service.find("tsl:ServiceInformation", NS)
        kind = text(current, "tsl:ServiceTypeIdentifier") if current is not None else ""
        try:
            for period in _periods(service) if kind in (_CA_QC, _QTST) else ():
                anchors |= dict.fromkeys(_anchors(period, kind, source))
        except ValueError as error:
            problems.append(f"{source}: a service is left out ({error})")
    return tuple(anchors), tuple(problems)


def text(element: etree._Element, path: str) -> str:
    """Of the element at ``path`` below ``element``; "" where there is none."""
    return (element.findtext(path, "", NS) or "").strip()


def moment(said: str) -> datetime:
    """Raises ValueError unless it has an offset."""
    found = datetime.fromisoformat(said)
    if found.tzinfo is None:
        raise ValueError(f"{said!r} has no offset")
    return found


def certificates(identity: etree._Element) -> Iterator[bytes]:
    """DER, as it stands on the list. Raises ValueError for what is no certificate."""
    for found in identity.iterfind(_CERTIFICATES, NS):
        yield _certificate(found.text or "")


@lru_cache(maxsize=8)
def _certificate(told: str) -> bytes:
    """One object for all periods of a service, which name the same one again and again."""
    der = base64.b64decode("".join(told.split()), validate=True)
    try:
        x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error
    return der


def _periods(service: etree._Element) -> Iterator[_Period]:
    """Those in which it was granted, the newest first: what is told last holds, what was told before, until then."""
    current = service.find("tsl:ServiceInformation", NS)
    past = service.findall("tsl:ServiceHistory/tsl:ServiceHistoryInstance", NS)
    begun = [moment(text(said, "tsl:StatusStartingTime")) for said in (current, *past)]
    order = [0, *sorted(range(1, len(begun)), key=lambda n: begun[n], reverse=True)]
    until: datetime | None = None
    for n in order:
        said = (current, *past)[n]
        if text(said, "tsl:ServiceStatus") == _GRANTED:
            yield _Period(said, begun[n], until)
        until = begun[n]


def _anchors(period: _Period, kind: str, source: str) -> Iterator[Anchor]:
    said = period.said
    roles, qualifications = _extensions(said, kind)
    names = {name.get(_LANGUAGE): name.text or "" for name in reversed(said.findall("tsl:ServiceName/tsl:Name", NS))}
    name = names.get("en") or next(reversed(names.values()), "unknown")
    for identity in said.iterfind("tsl:ServiceDigitalIdentity", NS):
        for der in certificates(identity):
            yield Anchor(der, roles, name, source, period.since, period.until, qualifications)


def _extensions(said: etree._Element, kind: str) -> tuple[frozenset[Role], tuple[criteria.Qualification, ...]]:
    """What it is trusted for, with the exceptions. Raises ValueError for what is critical and not understood."""
    qualifications: list[criteria.Qualification] = []
    purposes: set[str] = set()
    for extension in said.iterfind(_EXTENSIONS, NS):
        for content in extension:
            if content.tag == criteria.QUALIFICATIONS:
                qualifications += criteria.read(content)
            elif kind == _CA_QC and content.tag == _PURPOSE:
                purposes.add(text(content, "tsl:URI"))
            elif (kind, content.tag) != (_CA_QC, _EXPIRED) and extension.get("Critical") in ("true", "1"):
                raise ValueError(f"critical and not understood: {content.tag}")
    narrowed = purposes & _PURPOSES  # none of them: the list does not narrow it
    if kind == _QTST:
        return frozenset({Role.TSA}), tuple(qualifications)
    seals_only = narrowed and _FOR_SIGNATURES not in narrowed
    return frozenset({Role.SEAL_CA} if seals_only else {Role.SEAL_CA, Role.QUALIFIED_CA}), tuple(qualifications)
