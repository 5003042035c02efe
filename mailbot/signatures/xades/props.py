"""Properties of XAdES (ETSI EN 319 132-1 §5), read from the octets that were digested."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from asn1crypto import tsp
from cryptography import x509
from lxml import etree

from mailbot.signatures.cms import MAX_TOKENS, Refused, unreadable
from mailbot.signatures.report import Integrity, SubIndication, Token
from mailbot.signatures.xades import keys, parse, transforms
from mailbot.signatures.xades.parse import DS

CERTIFICATES_MAX = 32
_HERE = ZoneInfo("Europe/Warsaw")
_SERIAL = re.compile(r"\s*(-?[0-9]{1,60})\s*")
_QUALIFYING = f"{{{DS}}}Object/{{*}}QualifyingProperties"
_ARCHIVE = ("ArchiveTimeStamp", "SigAndRefsTimeStamp", "SigAndRefsTimeStampV2")
_VALUES = frozenset({"CertificateValues", "RevocationValues", "TimeStampValidationData", "AnyValidationData"})


@dataclass(frozen=True, slots=True)
class Certificate:
    """What SigningCertificate says of the signer's certificate."""

    digest: str
    """Name of the digest."""
    value: bytes
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class Properties:
    """SignedProperties."""

    signing_time: datetime | None
    certificates: tuple[Certificate, ...]
    """The first entry of SigningCertificate and of SigningCertificateV2; the others are the chain's."""
    roles: tuple[etree._Element, ...]
    """Elements inside the ClaimedRole elements: the citizen, when podpis zaufany signs."""
    commitments: tuple[str, ...] = ()
    """As ``Evidence`` has them."""


def read(octets: bytes) -> Properties:
    """Properties from the octets that the reference digested. Raises Refused, or keys.Unsupported."""
    root = parse.read(octets).root
    if etree.QName(root).localname != "SignedProperties":
        raise unreadable("Podpis ma nieprawidłowe właściwości (SignedProperties).", "NO_SIGNED_PROPERTIES")
    space = f"{{{etree.QName(root).namespace}}}"
    signature = _only(root, f"{space}SignedSignatureProperties")
    if signature is None:
        return Properties(None, (), ())
    times = signature.findall(f"{space}SigningTime")
    named = [_only(signature, f"{space}{name}") for name in ("SigningCertificate", "SigningCertificateV2")]
    first = [None if listed is None else listed.find(f"{space}Cert") for listed in named]
    roles = [
        role
        for name in ("SignerRole", "SignerRoleV2")
        for role in signature.findall(f"{space}{name}/{space}ClaimedRoles/{space}ClaimedRole")
    ]
    return Properties(
        signing_time=_time(times[0].text) if len(times) == 1 else None,
        certificates=tuple(_certificate(one, space) for one in first if one is not None),
        roles=tuple(data for role in roles for data in role.iterchildren("*")),
        commitments=(*_commitments(root, space), *(text for role in roles if (text := _own_text(role)))),
    )


def _only(parent: etree._Element, name: str) -> etree._Element | None:
    """The child of that name; Refused when there are two, for readers take the first or the last."""
    found = parent.findall(name)
    if len(found) > 1:
        raise unreadable("Podpis ma dwie właściwości tego samego rodzaju.", "NO_SIGNED_PROPERTIES")
    return found[0] if found else None


def _commitments(root: etree._Element, space: str) -> Iterator[str]:
    """CommitmentTypeIndication (§5.2.3): the identifiers, and the qualifiers, which nobody here understands."""
    for said in root.iterfind(f"{space}SignedDataObjectProperties/{space}CommitmentTypeIndication"):
        yield said.findtext(f"{space}CommitmentTypeId/{space}Identifier") or "?"
        yield from ("?" for one in said.iterfind(f"{space}CommitmentTypeQualifiers/*") if len(one) or _own_text(one))


def _own_text(element: etree._Element) -> str:
    """What stands in it beside the elements in it."""
    return "".join((element.text or "", *(child.tail or "" for child in element))).strip()


def _certificate(element: etree._Element, space: str) -> Certificate:
    digests = element.findall(f"{space}CertDigest")
    if len(digests) != 1:
        raise unreadable("Podpis ma nieprawidłowe właściwości (SigningCertificate).")
    return Certificate(
        digest=keys.digest_name(parse.only(digests[0], "DigestMethod").get("Algorithm")),
        value=parse.base64(parse.only(digests[0], "DigestValue").text),
        serial=_serial(element, space),
    )


def _serial(element: etree._Element, space: str) -> int | None:
    """Serial number of IssuerSerial (text) or IssuerSerialV2 (base64 of DER, RFC 5035 §4)."""
    text = element.findtext(f"{space}IssuerSerial/{{{DS}}}X509SerialNumber")
    if text is not None:
        match = _SERIAL.fullmatch(text)
        if match is None:
            raise _mismatch()
        return int(match[1])
    encoded = element.findtext(f"{space}IssuerSerialV2")
    if encoded is None:
        return None
    try:
        return int(tsp.IssuerSerial.load(parse.base64(encoded))["serial_number"].native)
    except Exception as error:  # asn1crypto raises what it likes
        raise _mismatch() from error


def choose(properties: Properties, offered: Sequence[bytes]) -> bytes:
    """The certificate (DER) that the signed digest names, wherever it stands among ``offered``.

    The digest binds; the serial number must agree too where it is given. The issuer's name is not compared: every
    program writes it in another way. Raises Refused.
    """
    if not offered or not properties.certificates:
        text = "W podpisie nie ma certyfikatu osoby podpisującej albo podpis go nie wskazuje."
        raise Refused(Integrity.UNREADABLE, "CERTIFICATE_MISSING", text, SubIndication.NO_SIGNING_CERTIFICATE_FOUND)
    for der in offered:
        if all(keys.digest(named.digest, der) == named.value for named in properties.certificates):
            break
    else:
        raise _mismatch()
    serials = {named.serial for named in properties.certificates} - {None}
    if serials:
        try:
            serial = x509.load_der_x509_certificate(der).serial_number
        except ValueError as error:
            raise unreadable("Certyfikat w podpisie jest uszkodzony.") from error
        if serials != {serial}:
            raise _mismatch()
    return der


def offered(key_info: etree._Element) -> list[bytes]:
    """Certificates (DER) of ds:KeyInfo."""
    found = key_info.findall(f"{{{DS}}}X509Data/{{{DS}}}X509Certificate")
    if len(found) > CERTIFICATES_MAX:
        raise unreadable("Podpis zawiera zbyt wiele certyfikatów.", "TOO_LARGE")
    return [parse.base64(one.text) for one in found]


def level(signature: etree._Element) -> str:
    """The baseline level (EN 319 132-1 §6.3) that the unsigned properties of a stamped signature are shaped for."""
    names = {etree.QName(element).localname for found in _unsigned(signature) for element in found.iterchildren("*")}
    return "B-LTA" if "ArchiveTimeStamp" in names else "B-LT" if names & _VALUES else "B-T"


def tokens(signature: etree._Element) -> tuple[Token, ...]:
    """Signature timestamps (EN 319 132-1 §5.3), each over the canonical SignatureValue, and archive timestamps (§5.5.2,
    §A.1.5.1). Never raises."""
    value = parse.only(signature, "SignatureValue")
    found, archive = (
        [stamp for unsigned in _unsigned(signature) for name in names for stamp in unsigned.iterfind(f"{{*}}{name}")]
        for names in (("SignatureTimeStamp",), _ARCHIVE)
    )
    return (*(_token(s, value) for s in found[:MAX_TOKENS]), *(_token(s, None) for s in archive[:MAX_TOKENS]))


def _unsigned(signature: etree._Element) -> list[etree._Element]:
    return list(signature.iterfind(f"{_QUALIFYING}/{{*}}UnsignedProperties/{{*}}UnsignedSignatureProperties"))


def _token(stamp: etree._Element, value: etree._Element | None) -> Token:
    method = stamp.find(f"{{{DS}}}CanonicalizationMethod")
    algorithm = transforms.INCLUSIVE if method is None else method.get("Algorithm") or ""
    try:
        nodes = None if value is None else transforms.Nodes(value, comments=True)
        over = None if nodes is None else (transforms.canonical(nodes, algorithm),)
        return Token(parse.base64(stamp.findtext("{*}EncapsulatedTimeStamp")), over)
    except (Refused, KeyError):  # nobody signed it: it harms nothing and proves nothing
        return Token(b"", ())


def _time(text: str | None) -> datetime | None:
    """xsd:dateTime; aware. Programs that write no zone write the time of the wall."""
    with contextlib.suppress(ValueError, OverflowError):
        found = datetime.fromisoformat((text or "").strip())
        return found if found.tzinfo else found.replace(tzinfo=_HERE)
    return None


def _mismatch() -> Refused:
    text = "Certyfikat w pliku nie jest tym, który wskazuje podpis."
    return Refused(Integrity.BROKEN, "CERTIFICATE_MISMATCH", text, SubIndication.NO_SIGNING_CERTIFICATE_FOUND)
