"""A list of lists and trusted lists of our own (ETSI TS 119 612), truly signed with XAdES."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.xades.xades import XAdESSigner

from fixtures.signing.certificates import Profile, issue, name
from fixtures.signing.keys import PrivateKey, private_key
from fixtures.signing.pki import NOW

_TSL = "http://uri.etsi.org/02231/v2#"
_EXTRA = "http://uri.etsi.org/02231/v2/additionaltypes#"
_URI = "http://uri.etsi.org/TrstSvc"
GRANTED, WITHDRAWN = (f"{_URI}/TrustedList/Svcstatus/{word}" for word in ("granted", "withdrawn"))
CA_QC, QTST, OTHER_SERVICE = (f"{_URI}/Svctype/{word}" for word in ("CA/QC", "TSA/QTST", "Archiv"))
FOR_SIGNATURES, FOR_SEALS = (f"{_URI}/TrustedList/SvcInfoExt/{word}" for word in ("ForeSignatures", "ForeSeals"))
_NON_REPUDIATION = """<q:CriteriaList assert="all"><q:KeyUsage><q:KeyUsageBit name="nonRepudiation">true</q:KeyUsageBit>
      </q:KeyUsage></q:CriteriaList>"""
POLISH_URL = "https://tsl.example/pl.xml"
LOTL_URL = "https://lotl.example/lotl.xml"


@dataclass(frozen=True)
class ListSigner:
    """Who signs a list."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def list_signer(label: str, days: tuple[int, int] = (-100, 1000)) -> ListSigner:
    key = private_key(f"list/{label}")
    profile = Profile(name(C="PL", O="Urząd Przykładowy", CN=f"Lista {label}"), ("digital_signature",), days=days)
    return ListSigner(issue(profile, key, NOW, None, key), key)


@dataclass(frozen=True)
class Service:
    """One service; ``history`` are earlier statuses with their start."""

    certificate: x509.Certificate
    title: str = "CK Przykładowe"
    status: str = GRANTED
    since: datetime = NOW - timedelta(days=200)
    history: tuple[tuple[str, datetime], ...] = ()
    purposes: tuple[str, ...] = ()
    supply: tuple[str, ...] = ()
    kind: str = CA_QC
    qualifier: str = ""
    """SvcInfoExt qualifier for certificates whose keyUsage has nonRepudiation."""
    extensions: str = ""
    """More of them, as XML."""


@dataclass(frozen=True)
class Edition:
    """What stands at the head of a list."""

    sequence: int = 7
    issued: datetime = NOW - timedelta(days=10)
    next_update: datetime | None = NOW + timedelta(days=150)
    territory: str = "PL"
    services: tuple[Service, ...] = field(default=())


def polish_list(signer: ListSigner, edition: Edition) -> bytes:
    return _sign(unsigned(edition), signer)


def unsigned(edition: Edition) -> str:
    """The text of a list of a state."""
    body = "".join(_service(one) for one in edition.services)
    provider = f"<TrustServiceProvider><TSPServices>{body}</TSPServices></TrustServiceProvider>"
    return _list(edition, "", f"<TrustServiceProviderList>{provider}</TrustServiceProviderList>")


def list_of_lists(
    signer: ListSigner,
    polish_signer: ListSigner,
    edition: Edition | None = None,
    url: str = POLISH_URL,
    others: tuple[tuple[str, ListSigner], ...] = (),
) -> bytes:
    """``others``: territory and signer of further lists, at ``state_url``."""
    pointers = _pointer("PL", polish_signer, url) + "".join(_pointer(one, by, state_url(one)) for one, by in others)
    told = f"<PointersToOtherTSL>{pointers}</PointersToOtherTSL>"
    return _sign(_list(replace(edition or Edition(), territory="EU"), told, ""), signer)


def state_url(territory: str) -> str:
    return f"https://tsl.example/{territory}.xml"


def _pointer(territory: str, signer: ListSigner, url: str) -> str:
    digital = f"<DigitalId><X509Certificate>{_base64(signer.der)}</X509Certificate></DigitalId>"
    return f"""<OtherTSLPointer>
      <ServiceDigitalIdentities><ServiceDigitalIdentity>{digital}</ServiceDigitalIdentity></ServiceDigitalIdentities>
      <TSLLocation>{url}</TSLLocation>
      <AdditionalInformation>
        <OtherInformation><SchemeTerritory>{territory}</SchemeTerritory></OtherInformation>
        <OtherInformation><x:MimeType>application/vnd.etsi.tsl+xml</x:MimeType></OtherInformation>
      </AdditionalInformation></OtherTSLPointer>"""


def _list(edition: Edition, pointers: str, rest: str) -> str:
    after = f"<dateTime>{_moment(edition.next_update)}</dateTime>" if edition.next_update else ""
    return f"""<TrustServiceStatusList xmlns="{_TSL}" xmlns:x="{_EXTRA}" Id="list" TSLTag="{_TSL}"><SchemeInformation>
    <TSLVersionIdentifier>5</TSLVersionIdentifier><TSLSequenceNumber>{edition.sequence}</TSLSequenceNumber>
    <SchemeInformationURI><URI xml:lang="en">https://lotl.example/info.html</URI></SchemeInformationURI>
    <SchemeTerritory>{edition.territory}</SchemeTerritory>{pointers}
    <ListIssueDateTime>{_moment(edition.issued)}</ListIssueDateTime><NextUpdate>{after}</NextUpdate>
    </SchemeInformation>{rest}</TrustServiceStatusList>"""


def _service(one: Service) -> str:
    history = "".join(
        f"<ServiceHistoryInstance>{_information(one, status, since)}</ServiceHistoryInstance>"
        for status, since in one.history
    )
    supply = "".join(f"<ServiceSupplyPoint>{url}</ServiceSupplyPoint>" for url in one.supply)
    supplied = f"<ServiceSupplyPoints>{supply}</ServiceSupplyPoints>" if supply else ""
    current = _information(one, one.status, one.since, supplied)
    past = f"<ServiceHistory>{history}</ServiceHistory>" if history else ""
    return f"<TSPService><ServiceInformation>{current}</ServiceInformation>{past}</TSPService>"


def _information(one: Service, status: str, since: datetime, supplied: str = "") -> str:
    extensions = "".join(
        '<Extension Critical="false"><AdditionalServiceInformation>'
        f'<URI xml:lang="en">{purpose}</URI></AdditionalServiceInformation></Extension>'
        for purpose in one.purposes
    )
    if one.qualifier:
        extensions += qualification(_NON_REPUDIATION, one.qualifier)
    extensions += one.extensions
    extended = f"<ServiceInformationExtensions>{extensions}</ServiceInformationExtensions>" if extensions else ""
    certificate = _base64(one.certificate.public_bytes(Encoding.DER))
    return f"""<ServiceTypeIdentifier>{one.kind}</ServiceTypeIdentifier>
      <ServiceName><Name xml:lang="en">{one.title}</Name></ServiceName>
      <ServiceDigitalIdentity><DigitalId><X509Certificate>{certificate}</X509Certificate></DigitalId>
      </ServiceDigitalIdentity><ServiceStatus>{status}</ServiceStatus>
      <StatusStartingTime>{_moment(since)}</StatusStartingTime>{supplied}{extended}"""


def qualification(criteria: str, qualifier: str = "NotQualified", critical: str = "false") -> str:
    """An extension: ``qualifier`` for certificates that fulfil the ``criteria`` (XML, prefix q)."""
    space = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"
    return f"""<Extension Critical="{critical}"><q:Qualifications xmlns:q="{space}"><q:QualificationElement>
      <q:Qualifiers><q:Qualifier uri="{_URI}/TrustedList/SvcInfoExt/{qualifier}"/></q:Qualifiers>
      {criteria}</q:QualificationElement></q:Qualifications></Extension>"""


def _sign(text: str, signer: ListSigner) -> bytes:
    pem = signer.certificate.public_bytes(Encoding.PEM).decode()
    signed = XAdESSigner().sign(etree.fromstring(text), key=signer.key, cert=pem)
    octets: bytes = etree.tostring(signed)
    return octets


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
