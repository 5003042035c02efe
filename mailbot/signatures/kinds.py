"""What sort of signature a certificate makes (procedure §3.4): the seal of podpis zaufany first, then qualified.

The seal comes first because its certificate is qualified too, without naming a type, and would pass for a person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mailbot.ruleset.model import SignatureRules
from mailbot.signatures.reasons import Code
from mailbot.signatures.report import Kind
from mailbot.signatures.trust.anchors import Anchor, Role
from mailbot.signatures.trust.chain import Path

_QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_COMPLIANCE, _TYPE = "0.4.0.1862.1.1", "0.4.0.1862.1.6"  # EN 319 412-5 §4.2.1, §4.2.3
_DEVICE, _LEGISLATION = "0.4.0.1862.1.4", "0.4.0.1862.1.7"  # §4.2.2, §4.2.4
_ESIGN, _ESEAL, _WEB = f"{_TYPE}.1", f"{_TYPE}.2", f"{_TYPE}.3"
_ON_DEVICE = frozenset({"QCWithSSCD", "QCWithQSCD", "QCQSCDManagedOnBehalf"})
_NO_DEVICE = frozenset({"QCNoSSCD", "QCNoQSCD"})
_TYPE_BY_QUALIFIER = {"QCForESig": _ESIGN, "QCForESeal": _ESEAL, "QCForLegalPerson": _ESEAL, "QCForWSA": _WEB}


@dataclass(frozen=True, slots=True)
class Classified:
    """``path`` is the one the kind rests on. ``fault``: why the kind is OTHER."""

    kind: Kind
    path: Path | None = None
    fault: Code | None = None


def classify(certificate: x509.Certificate, paths: Sequence[Path], rules: SignatureRules, at: datetime) -> Classified:
    """The kind of a signature made with ``certificate``, by the first anchor that was granted at ``at``."""
    granted = [path for path in paths if path.anchor.granted(at)]
    if not granted:
        return Classified(Kind.OTHER, fault=Code.ISSUER_NOT_GRANTED if paths else Code.ISSUER_UNKNOWN)
    if _is_seal_of_podpis_zaufany(certificate, rules):
        for path in _of(granted, Role.SEAL_CA, Role.QUALIFIED_CA):
            if not path.anchor.foreign:  # the minister buys at home
                return Classified(Kind.TRUSTED_PZ, path)
    for path in _of(granted, Role.QUALIFIED_CA, Role.SEAL_CA):
        kind = _qualified(certificate, path.anchor)
        if kind is not Kind.OTHER:
            return Classified(kind, path)
    for role, kind in ((Role.CUSTOMS_CA, Kind.ADVANCED_CUSTOMS), (Role.PERSONAL_CA, Kind.PERSONAL)):
        for path in _of(granted, role):
            return Classified(kind, path)
    return Classified(Kind.OTHER, granted[0], Code.NOT_QUALIFIED)


def _of(paths: Iterable[Path], *roles: Role) -> list[Path]:
    return [path for path in paths if not path.anchor.roles.isdisjoint(roles)]


def _is_seal_of_podpis_zaufany(certificate: x509.Certificate, rules: SignatureRules) -> bool:
    """By organisation and name, not by fingerprint: the certificate changes every few years."""
    organizations = _values(certificate, NameOID.ORGANIZATION_IDENTIFIER)
    names = _values(certificate, NameOID.COMMON_NAME)
    if len(organizations) != 1 or len(names) != 1:
        return False
    return organizations[0] in rules.seal_organizations and rules.seal_name.fullmatch(names[0]) is not None


def _qualified(certificate: x509.Certificate, anchor: Anchor) -> Kind:
    """QUALIFIED (a person), SEAL (an organisation) or OTHER, under a CA/QC service (EN 319 412-2, 412-3, 412-5)."""
    qualifiers = anchor.qualifiers(certificate.public_bytes(Encoding.DER))
    statements = _statements(certificate)
    if _LEGISLATION in statements and "QCStatement" not in qualifiers:
        raise ValueError("qualified by the law of another country than those of the EU")
    if "NotQualified" in qualifiers or not (_COMPLIANCE in statements or "QCStatement" in qualifiers):
        return Kind.OTHER
    types = {_TYPE_BY_QUALIFIER[q] for q in qualifiers if q in _TYPE_BY_QUALIFIER} or statements.get(_TYPE, set())
    person = bool(_values(certificate, NameOID.GIVEN_NAME) and _values(certificate, NameOID.SURNAME))
    organization = bool(_values(certificate, NameOID.ORGANIZATION_IDENTIFIER)) and not person
    if types == {_ESEAL} or (organization and types <= {_ESIGN}):
        return Kind.SEAL
    signs = types == {_ESIGN} or (not types and person)  # certificates older than QcType name none
    if not signs or Role.QUALIFIED_CA not in anchor.roles or not _may_sign(certificate):
        return Kind.OTHER
    return Kind.QUALIFIED


def on_device(certificate: x509.Certificate, anchor: Anchor) -> bool:
    """Is the key in a qualified signature creation device, as a qualified signature needs (eIDAS art. 3 (12))?

    Told by the certificate (QcSSCD) unless the list says otherwise (ETSI TS 119 612 §5.5.9.2.3).
    """
    qualifiers = anchor.qualifiers(certificate.public_bytes(Encoding.DER))
    if not qualifiers.isdisjoint(_ON_DEVICE | _NO_DEVICE):
        return qualifiers.isdisjoint(_NO_DEVICE)
    return _DEVICE in _statements(certificate)


def _may_sign(certificate: x509.Certificate) -> bool:
    """keyUsage, where there is one, has nonRepudiation or digitalSignature (EN 319 412-2 §4.3.2)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.content_commitment or usage.digital_signature


def _values(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    found = [attribute.value for attribute in certificate.subject.get_attributes_for_oid(oid)]
    return [value for value in found if isinstance(value, str) and value.strip()]


class _Statement(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("id", core.ObjectIdentifier), ("info", core.Any, {"optional": True})]


class _Statements(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _Statement


class _Types(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.ObjectIdentifier


def _statements(certificate: x509.Certificate) -> dict[str, set[str]]:
    """QcStatements (RFC 3739 §3.2.6): id → types, which only QcType has. Raises ValueError when malformed."""
    try:
        value = certificate.extensions.get_extension_for_oid(_QC_STATEMENTS).value
    except x509.ExtensionNotFound:
        return {}
    if not isinstance(value, x509.UnrecognizedExtension):
        raise ValueError("QcStatements is not read")
    found: dict[str, set[str]] = {}
    for statement in _Statements.load(value.value, strict=True):
        oid = statement["id"].dotted
        types = {item.dotted for item in statement["info"].parse(_Types)} if oid == _TYPE else set()
        if oid in found or (oid == _TYPE and not types):
            raise ValueError("QcStatements says a thing twice, or names no type")
        found[oid] = types
    return found
