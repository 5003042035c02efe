"""One check of CMS SignedData (RFC 5652) for PAdES and CAdES: bytes and content in, bare ``Evidence`` out.

pyHanko is not asked: it takes one SignerInfo at most, knows one DigestInfo and mixes integrity with trust. Chains,
revocation and the kind of certificate are the business of ``trust`` and ``policy``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from asn1crypto import (  # tsp teaches asn1crypto the attributes signing-certificate and signature-time-stamp
    cms,
    core,
    tsp,  # noqa: F401
    x509,
)
from cryptography.exceptions import InvalidSignature

from mailbot.signatures import ber, cms_value, commitment
from mailbot.signatures.report import Evidence, Integrity, Reason, SubIndication, Token

_SEQUENCE = b"\x30"
_OCTET_STRING, _EXPLICIT = 0x04, 0xA0
_CONTENT = (1, 0, 2, 1)
"""Where eContent lies: ContentInfo.content, [0], SignedData.encapContentInfo, behind eContentType."""
MAX_SIGNERS = 16
MAX_CERTIFICATES = 64
MAX_TOKENS = 4
_ARCHIVE = (  # over more than the signature value, by rules of their own
    "0.4.0.1733.2.4",  # archive-time-stamp-v3
    "1.2.840.113549.1.9.16.2.48",  # archive-time-stamp-v2
    "1.2.840.113549.1.9.16.2.27",
    "1.2.840.113549.1.9.16.2.25",  # CAdES-C-timestamp
)
MAX_PART = 12_000_000
"""Octets of the certificates and of all SignerInfos, each: CRLs of several CAs are put there for years to come."""

Digests = Callable[[str], bytes]
"""Hash name to digest of the content."""


class Refused(Exception):
    """The signature is not good, or cannot be read: what to put into the evidence."""

    def __init__(self, integrity: Integrity, code: str, text_pl: str, sub_indication: SubIndication) -> None:
        super().__init__(code)
        self.integrity = integrity
        self.reason = Reason(code, text_pl)
        self.sub_indication = sub_indication

    def evidence(self, known: Evidence) -> Evidence:
        """``known`` with this refusal."""
        return replace(known, integrity=self.integrity, failure=self.reason, sub_indication=self.sub_indication)


def unreadable(text_pl: str, code: str = "SIGNATURE_UNREADABLE") -> Refused:
    """A refusal because the bytes are not what the format says (FORMAT_FAILURE)."""
    return Refused(Integrity.UNREADABLE, code, text_pl, SubIndication.FORMAT_FAILURE)


def _changed() -> Refused:
    text = "Dokument zmieniono po podpisaniu: jego skrót nie zgadza się z podpisanym."
    return Refused(Integrity.BROKEN, "DOCUMENT_CHANGED", text, SubIndication.HASH_FAILURE)


def _wrong_value() -> Refused:
    text = "Wartość podpisu nie zgadza się z kluczem podpisującego."
    return Refused(Integrity.BROKEN, "SIGNATURE_WRONG", text, SubIndication.SIG_CRYPTO_FAILURE)


def _other_certificate() -> Refused:
    text = "Certyfikat w pliku nie jest tym, który wskazuje podpis."
    return Refused(Integrity.BROKEN, "CERTIFICATE_MISMATCH", text, SubIndication.NO_SIGNING_CERTIFICATE_FOUND)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its bytes as they stand.

    Never ``dump()`` a parsed value: asn1crypto takes a length whose last octet is 0x80, as one certificate in 256 has,
    for an indefinite one and encodes the value anew, otherwise than it was signed.
    """

    der: bytes
    parsed: x509.Certificate


@dataclass(frozen=True, slots=True)
class SignedData:
    """A parsed SignedData."""

    content: bytes | None
    """eContent; None: the signature is detached."""
    certificates: tuple[Certificate, ...]
    signers: tuple[cms.SignerInfo, ...]
    size: int
    """Octets of the input it took."""
    content_type: str
    """"data", or "tst_info" of a timestamp."""


def parse(data: bytes, content_type: str = "data") -> SignedData:
    """SignedData at the start of ``data`` (DER or BER). Raises Refused; bytes after it are the caller's business."""
    try:
        return _parse(data, content_type)
    except Refused:
        raise
    except Exception as error:  # asn1crypto raises what it likes on hostile bytes
        raise unreadable("Podpis jest uszkodzony i nie da się go odczytać.") from error


def _parse(data: bytes, content_type: str) -> SignedData:
    encoded, size = ber.definite(data)
    rest, place = ber.without(encoded, _CONTENT)  # it may be all of a large file, and would be copied at every level
    info = cms.ContentInfo.load(rest, strict=True)
    if info["content_type"].native != "signed_data":
        raise unreadable("Plik nie zawiera podpisu (CMS SignedData).")
    signed = info["content"]
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].native != content_type:
        # A timestamp token is SignedData too, and no signature of a person.
        raise unreadable("Podpis nie dotyczy dokumentu (typ treści inny niż „data”).", "CONTENT_TYPE")
    content = _content(encoded, *place) if place else None
    if not isinstance(encapsulated["content"], core.Void):
        raise _content_twice()
    certificates, signers = signed["certificates"], signed["signer_infos"]
    for part in (certificates, signers):
        if not isinstance(part, core.Void) and len(part.contents) > MAX_PART:
            raise unreadable("Podpis jest zbyt duży.", "TOO_LARGE")
    ders = ber.elements(certificates.contents or b"")  # other choices than certificates are tagged [0] to [3]
    if len(signers) > MAX_SIGNERS or len(ders) > MAX_CERTIFICATES:
        raise unreadable("Podpis zawiera zbyt wiele podpisujących lub certyfikatów.", "TOO_LARGE")
    if not len(signers):
        raise unreadable("W pliku podpisu nie ma żadnego podpisu.")
    return SignedData(
        content=content,
        certificates=tuple(Certificate(der, x509.Certificate.load(der)) for der in ders if der[:1] == _SEQUENCE),
        signers=tuple(signers),
        size=size,
        content_type=content_type,
    )


def _content(encoded: bytes, start: int, end: int) -> bytes:
    """Of the [0] at ``start``: one OCTET STRING (RFC 5652 §5.2), for readers take the first of several, or all."""
    if encoded[start] != _EXPLICIT:
        raise ValueError("no eContent")
    (begin, behind), *more = ber.places(encoded, ber.body(encoded, start), end)
    if encoded[begin] != _OCTET_STRING:
        raise ValueError("eContent is no OCTET STRING")
    if more:
        raise _content_twice()
    return encoded[ber.body(encoded, begin) : behind]


def _content_twice() -> Refused:
    return unreadable("Podpis zawiera więcej niż jeden dokument.", "CONTENT_TWICE")


def verify(signed: SignedData, content: Sequence[bytes | memoryview], known: Evidence) -> tuple[Evidence, ...]:
    """One Evidence for each SignerInfo: ``known`` (format, scope, payload) and what was found in the signature.

    ``content``: the signed octets, in pieces. Never raises for what the bytes say.
    """
    digests: dict[str, bytes] = {}

    def digest(name: str) -> bytes:
        if name not in digests:
            hasher = hashlib.new(name, usedforsecurity=False)
            for piece in content:
                hasher.update(piece)
            digests[name] = hasher.digest()
        return digests[name]

    first = bytes(content[0][:1]) if content else b""
    return tuple(_verify_signer(signed, info, digest, first, known) for info in signed.signers)


def _verify_signer(
    signed: SignedData, info: cms.SignerInfo, digest: Digests, first: bytes, known: Evidence
) -> Evidence:
    certificates = signed.certificates
    try:
        attributes = _Attributes(info["signed_attrs"], signed.content_type)
        certificate, bound = _signing_certificate(certificates, info, attributes)
        known = replace(
            known,
            certificate=certificate.der,
            certificates=tuple(c.der for c in certificates if c is not certificate),
            claimed_time=attributes.signing_time() or known.claimed_time,
            commitments=(*known.commitments, *attributes.commitments()),
            flags=(*known.flags, *bound),
        )
        return _verify_value(certificate, info, attributes, digest, first, known)
    except Refused as refused:
        return refused.evidence(known)
    except cms_value.Unsupported:
        text = "Podpis używa algorytmu, którego nie sprawdzamy."
        return Refused(
            Integrity.UNREADABLE, "ALGORITHM_UNSUPPORTED", text, SubIndication.CRYPTO_CONSTRAINTS_FAILURE
        ).evidence(known)
    except Exception:  # lazily parsed: any field may turn out to be garbage
        return unreadable("Podpis jest uszkodzony i nie da się go odczytać.").evidence(known)


def _verify_value(
    certificate: Certificate,
    info: cms.SignerInfo,
    attributes: _Attributes,
    digest: Digests,
    first: bytes,
    known: Evidence,
) -> Evidence:
    key = cms_value.load_key(ber.encode(_SEQUENCE, certificate.parsed.public_key.contents))
    name = info["digest_algorithm"]["algorithm"].native
    algorithm = cms_value.read_algorithm(info["signature_algorithm"], name)
    value = bytes(info["signature"])
    known = replace(known, algorithms=(*algorithm.names, cms_value.key_name(key)))
    for hashed in _hashed(name, attributes, digest, first):
        try:
            flags = cms_value.verify(key, algorithm, hashed, value)
        except InvalidSignature:
            continue
        return replace(
            known,
            integrity=Integrity.OK,
            tokens=_tokens(info, value),
            signature_value=cms_value.canonical(key, value),
            flags=(*known.flags, *flags),
        )
    raise _wrong_value()


def _hashed(name: str, attributes: _Attributes, digest: Digests, first: bytes) -> Iterable[bytes]:
    """Digests that the value may be over: of the signed attributes, which hold the content's, or of the content."""
    if attributes.present:
        attributes.check(digest(name))
        return (hashlib.new(name, blob, usedforsecurity=False).digest() for blob in attributes.encodings())
    # A SET OF attributes could be passed off as a document that the signer never saw (RFC 5652 §11, type confusion).
    if first == b"\x31":
        raise _wrong_value()
    return (digest(name),)


class _Attributes:
    """Signed attributes (RFC 5652 §5.3, §11; RFC 5035)."""

    def __init__(self, attributes: cms.CMSAttributes | core.Void, content_type: str) -> None:
        self._content_type = content_type
        self.present = not isinstance(attributes, core.Void)
        self._attributes = attributes
        self._body: bytes = attributes.contents if self.present else b""
        """As it stands, taken before anything in it is parsed."""

    def one(self, name: str) -> core.Asn1Value | None:
        """The only value of an attribute; None when it is not there. Two of it are refused: readers would differ."""
        found = [a for a in self._attributes if a["type"].native == name] if self.present else []
        if not found:
            return None
        if len(found) > 1 or len(found[0]["values"]) != 1:
            raise unreadable("Podpisany atrybut występuje więcej niż raz.")
        return found[0]["values"][0]

    def check(self, content_digest: bytes) -> None:
        """content-type and message-digest, both mandatory."""
        content_type, message_digest = self.one("content_type"), self.one("message_digest")
        if content_type is None or message_digest is None or content_type.native != self._content_type:
            raise unreadable("W podpisie brakuje obowiązkowych atrybutów.")
        if message_digest.native != content_digest:
            raise _changed()

    def signing_time(self) -> datetime | None:
        value = self.one("signing_time")
        found = None if value is None else value.native
        return found if isinstance(found, datetime) else None

    def commitments(self) -> Iterator[str]:
        """As ``Evidence`` has them."""
        return commitment.of_cms(self._attributes if self.present else ())

    def identifiers(self) -> list[tuple[str, bytes]]:
        """(hash name, digest of the signing certificate): the first ESSCertID of each kind (RFC 5035 §3, §5.4.1)."""
        found = []
        for attribute in ("signing_certificate", "signing_certificate_v2"):
            value = self.one(attribute)
            if value is not None:
                first = value["certs"][0]
                name = first["hash_algorithm"]["algorithm"].native if attribute.endswith("v2") else "sha1"
                found.append((name, first["cert_hash"].native))
        return found

    def encodings(self) -> Iterator[bytes]:
        """What may have been signed: the SET as it stands, else in DER (RFC 5652 §5.4), mostly the same.

        Both say the same, so taking either opens no door.
        """
        yield ber.encode(b"\x31", self._body)
        yield ber.set_of(self._body)


def _signing_certificate(
    certificates: Sequence[Certificate], info: cms.SignerInfo, attributes: _Attributes
) -> tuple[Certificate, tuple[str, ...]]:
    """The certificate that both the signed digest and the SignerIdentifier name, and flags."""
    named = [c for c in certificates if _identifies(info["sid"], c.parsed)]
    identifiers = attributes.identifiers()
    if any(name not in cms_value.HASHES for name, _ in identifiers):
        raise cms_value.Unsupported("signing-certificate")
    matching = [
        c for c in named if all(hashlib.new(n, c.der, usedforsecurity=False).digest() == d for n, d in identifiers)
    ]
    if matching:
        return matching[0], () if identifiers else ("no_signing_certificate_attribute",)
    if certificates and (named or identifiers):
        raise _other_certificate()
    raise Refused(
        Integrity.UNREADABLE,
        "CERTIFICATE_MISSING",
        "W pliku nie ma certyfikatu podpisującego.",
        SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
    )


def _identifies(sid: cms.SignerIdentifier, certificate: x509.Certificate) -> bool:
    if sid.name == "issuer_and_serial_number":
        if sid.chosen["serial_number"].native != certificate.serial_number:
            return False
        named, issuer = sid.chosen["issuer"], certificate.issuer
        return named.chosen.contents == issuer.chosen.contents or bool(
            named == issuer
        )  # comparing as RFC 5280 §7.1 does takes long
    return bool(sid.chosen.native == certificate.key_identifier)


def _tokens(info: cms.SignerInfo, value: bytes) -> tuple[Token, ...]:
    """Signature timestamps (EN 319 122-1 §5.3) and archive timestamps (§5.5.2, §A.1.5.2, §A.2.4), as they stand."""
    attributes = info["unsigned_attrs"]
    if isinstance(attributes, core.Void):
        return ()
    kinds = [(attribute["type"].native, attribute["values"].contents) for attribute in attributes]
    signature, archive = (
        [one for kind, values in kinds if kind in wanted for one in ber.elements(values)][:MAX_TOKENS]
        for wanted in (("signature_time_stamp_token",), _ARCHIVE)
    )
    return (*(Token(one, (value,)) for one in signature), *(Token(one, None) for one in archive))
