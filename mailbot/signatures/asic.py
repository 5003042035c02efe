"""ASiC-S and ASiC-E (ETSI EN 319 162-1): a zip with files and signatures over them, XAdES or CAdES.

What an attacker adds to a container is a file that the signature does not cover: every signature names those it leaves
out, and only the one that leaves nothing out gets the scope FULL.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lxml import etree

from mailbot.signatures import bounds, cades, cms, timestamp
from mailbot.signatures.bounds import BadArchive
from mailbot.signatures.detect import Detected, detect
from mailbot.signatures.report import Evidence, Format, Integrity, Reason, Scope, SubIndication, Token
from mailbot.signatures.xades import core as xades
from mailbot.signatures.xades import keys
from mailbot.signatures.xades.parse import Work
from mailbot.text.unicode import nfc

Files = Mapping[str, bytes]

_META = "META-INF/"
_MIMETYPES = {b"application/vnd.etsi.asic-s+zip": Format.ASIC_S, b"application/vnd.etsi.asic-e+zip": Format.ASIC_E}
_XADES = re.compile(r"META-INF/[^/]*signatures[^/]*\.xml", re.IGNORECASE)  # §4.3.3.3, §4.4.3.2
_CADES = re.compile(r"META-INF/[^/]*signature[^/]*\.p7s", re.IGNORECASE)  # §4.3.3.4, §4.4.4.2
_MANIFEST = re.compile(r"META-INF/[^/]*ASiCManifest[^/]*\.xml", re.IGNORECASE)  # §4.4.4.2
_BESIDE = re.compile(  # they say what the files are or prove the time; nobody reads them as an application
    r"META-INF/(?:manifest\.xml|[^/]*ASiC(?:Archive|EvidenceRecord)Manifest[^/]*\.xml|[^/]*timestamp[^/]*\.tst"
    r"|[^/]*evidencerecord[^/]*\.(?:ers|xml))",
    re.IGNORECASE,
)
_STAMP = re.compile(r"META-INF/[^/]*timestamp[^/]*\.tst", re.IGNORECASE)  # over an ASiCArchiveManifest (§4.4.3.4)
MAX_SIGNATURES = 16
_XML_MAX = 2_000_000
_DS = "{http://www.w3.org/2000/09/xmldsig#}"


class _Fault(Exception):
    """One signature cannot be good, whatever its value says."""

    def __init__(self, integrity: Integrity, code: str, text_pl: str, sub: SubIndication) -> None:
        super().__init__(code)
        self.integrity, self.reason, self.sub_indication = integrity, Reason(code, text_pl), sub


@dataclass(frozen=True, slots=True)
class _Container:
    files: Files
    """All files but ``mimetype``."""
    format: Format

    @property
    def data(self) -> Files:
        """What a person may read as the document: everything that is no part of ASiC itself."""
        own = (_XADES, _CADES, _MANIFEST, _BESIDE)
        return {
            name: content
            for name, content in self.files.items()
            if not (name.startswith(_META) and any(kind.fullmatch(name) for kind in own))
        }


def verify(data: bytes) -> tuple[Evidence, ...]:
    """Evidence for every signature in a container; NOT_SIGNED when it has none, UNREADABLE when a zip rule is broken.

    The payload is the one file that is signed; several give SEVERAL_FILES, for nobody can say which is the application.
    """
    try:
        container = _open(data)
    except BadArchive as bad:
        return _unreadable(bad.reason.code, bad.reason.text_pl)
    if sum(bool(_XADES.fullmatch(name) or _CADES.fullmatch(name)) for name in container.files) > MAX_SIGNATURES:
        return _unreadable("TOO_MANY_SIGNATURES", f"Kontener ma ponad {MAX_SIGNATURES} plików z podpisem.")
    work = Work()
    found = [e for name in container.files if _XADES.fullmatch(name) for e in _xades(container, name, work)]
    found += [e for name in container.files if _CADES.fullmatch(name) for e in _cades(container, name)]
    if found:
        archive = [content for name, content in container.files.items() if _STAMP.fullmatch(name)][: cms.MAX_TOKENS]
        tokens = tuple(Token(content, None) for content in archive)
        return tuple(timestamp.noted(replace(evidence, tokens=tokens)) for evidence in found)
    reason = Reason("UNSIGNED", "W kontenerze ASiC nie ma podpisu.")
    return (Evidence(Format.NONE, Integrity.NOT_SIGNED, Scope.NONE, failure=reason),)


def _unreadable(code: str, text_pl: str) -> tuple[Evidence, ...]:
    failed = cms.unreadable(text_pl, code)
    return (failed.evidence(Evidence(Format.ASIC_E, Integrity.UNREADABLE, Scope.NONE)),)


def _open(data: bytes) -> _Container:
    """Raises BadArchive."""
    files = bounds.zip_files(data)
    mimetype = files.pop("mimetype", None)
    named = None if mimetype is None else _MIMETYPES.get(mimetype.strip())
    if mimetype is not None and named is None:
        raise BadArchive("ASIC_MIMETYPE", "Kontener podaje w pliku mimetype, że nie jest kontenerem ASiC.")
    if any(detect(content) in (Detected.CONTAINER, Detected.ASIC) for content in files.values()):
        raise BadArchive("ASIC_NESTED", "W kontenerze jest następne archiwum albo plik zaszyfrowany.")
    return _Container(files, named or _guess(files))


def _guess(files: Files) -> Format:
    """Without a mimetype: ASiC-S has one file beside META-INF and no manifest (§4.3.3, §4.4.3)."""
    simple = sum(not name.startswith(_META) for name in files) == 1 and not any(map(_MANIFEST.fullmatch, files))
    return Format.ASIC_S if simple else Format.ASIC_E


def _xades(container: _Container, name: str, work: Work) -> tuple[Evidence, ...]:
    """A file of XML signatures whose references name the other files (§4.4.3.2)."""
    others = {other: content for other, content in container.files.items() if other != name}
    found = xades.verify_with_files(container.files[name], others, work)
    return tuple(_as_signed(_judged(container, evidence, covered), evidence.payload) for evidence, covered in found)


def _as_signed(judged: Evidence, signed: bytes | None) -> Evidence:
    """The payload as its transforms left it: what c14n drops (comments before all) anybody may write into the file."""
    if judged.payload is None or judged.payload == signed:
        return judged
    if signed is None:
        text = "Podpis w kontenerze obejmuje ten sam plik na kilka sposobów."
        return replace(_doubt(judged, Scope.FULL, "SEVERAL_FILES", text), payload=None, payload_name="")
    return replace(judged, payload=signed)


def _cades(container: _Container, name: str) -> tuple[Evidence, ...]:
    """A CMS signature over the manifest that names it, or without one over the only file (§4.3.3.4, §4.4.4.2)."""
    signature = container.files[name]
    try:
        signed, covered, algorithms = _signed_by(container, name)
    except _Fault as fault:
        return tuple(_failed(evidence, container, fault) for evidence in cades.verify(signature, b""))
    found = cades.verify(signature, signed)
    if any(evidence.format is Format.CADES_ATTACHED for evidence in found):
        text = "Podpis w kontenerze zawiera własną treść, a powinien dotyczyć pliku obok."
        inside = _Fault(Integrity.UNREADABLE, "CONTENT_INSIDE", text, SubIndication.FORMAT_FAILURE)
        return tuple(_failed(evidence, container, inside) for evidence in found)
    merged = [replace(e, algorithms=tuple(dict.fromkeys((*e.algorithms, *algorithms)))) for e in found]
    return tuple(_judged(container, evidence, covered) for evidence in merged)


def _signed_by(container: _Container, name: str) -> tuple[bytes, frozenset[str], tuple[str, ...]]:
    """(signed octets, names of the files they stand for, digests used on the way) of a .p7s. Raises _Fault."""
    manifests = [other for other in container.files if _MANIFEST.fullmatch(other)]
    for manifest in manifests:
        root = _parsed(container.files[manifest])
        if [_file_name(r.get("URI") or "") for r in root.iterfind("{*}SigReference")] == [name]:
            return container.files[manifest], *_references(container, root)
    if not manifests and len(container.data) == 1:
        ((only, content),) = container.data.items()
        return content, frozenset({only}), ()
    text = "Podpis w kontenerze nie mówi, którego pliku dotyczy."
    raise _Fault(Integrity.UNREADABLE, "ASIC_MANIFEST", text, SubIndication.SIGNED_DATA_NOT_FOUND)


def _references(container: _Container, manifest: etree._Element) -> tuple[frozenset[str], tuple[str, ...]]:
    """Files of a manifest, after comparing each with its digest, and the names of the digests."""
    names, digests = [], []
    for reference in manifest.iterfind("{*}DataObjectReference"):
        name = _file_name(reference.get("URI") or "")
        method = reference.find(f"{_DS}DigestMethod")
        digest = keys.DIGESTS.get(method.get("Algorithm") or "") if method is not None else None
        if digest is None:
            text = "Spis plików kontenera używa nieznanej funkcji skrótu."
            raise _Fault(Integrity.UNREADABLE, "ASIC_MANIFEST", text, SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
        if name not in container.files:
            text = "W kontenerze brakuje podpisanego pliku."
            raise _Fault(Integrity.BROKEN, "ASIC_FILE_MISSING", text, SubIndication.SIGNED_DATA_NOT_FOUND)
        found = keys.digest(digest, container.files[name])
        if not hmac.compare_digest(found, _decoded(reference.findtext(f"{_DS}DigestValue") or "")):
            text = "Plik w kontenerze zmieniono po podpisaniu: jego skrót nie zgadza się z podpisanym."
            raise _Fault(Integrity.BROKEN, "DOCUMENT_CHANGED", text, SubIndication.HASH_FAILURE)
        names.append(name)
        digests.append(digest)
    return frozenset(names), tuple(dict.fromkeys(digests))


def _judged(container: _Container, found: Evidence, covered: frozenset[str]) -> Evidence:
    """``found`` as evidence of the container: its scope is that of the files, its payload the only one."""
    data = container.data
    uncovered = tuple(name for name in data if name not in covered)
    known = replace(found, format=container.format, uncovered=uncovered, payload=None, payload_name="")
    if found.integrity is not Integrity.OK:
        return known
    if uncovered or not data:
        text = (
            "W kontenerze są pliki, których podpis nie obejmuje." if data else "W kontenerze nie ma żadnego dokumentu."
        )
        return _doubt(known, Scope.PARTIAL, "NOT_WHOLE_FILE", text)
    if found.scope is not Scope.FULL:
        return known
    if len(data) > 1:
        text = "W kontenerze jest kilka podpisanych plików. Sprawdź, który jest wnioskiem."
        return _doubt(known, Scope.FULL, "SEVERAL_FILES", text)
    ((name, content),) = data.items()
    return replace(known, payload=content, payload_name=name)


def _doubt(found: Evidence, scope: Scope, code: str, text_pl: str) -> Evidence:
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    return replace(found, scope=scope, failure=Reason(code, text_pl), sub_indication=sub)


def _failed(found: Evidence, container: _Container, fault: _Fault) -> Evidence:
    return replace(
        found,
        format=container.format,
        integrity=fault.integrity,
        scope=Scope.NONE,
        payload=None,
        uncovered=tuple(container.data),
        failure=fault.reason,
        sub_indication=fault.sub_indication,
    )


def _parsed(data: bytes) -> etree._Element:
    """An XML of ASiC itself: small and without a DTD. Raises _Fault."""
    try:
        if len(data) > _XML_MAX:
            raise ValueError("too long")
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
        if root.getroottree().docinfo.internalDTD is not None:
            raise ValueError("DTD")
    except (etree.XMLSyntaxError, ValueError) as error:
        text = "Nie da się odczytać pliku XML w kontenerze."
        raise _Fault(Integrity.UNREADABLE, "ASIC_XML", text, SubIndication.FORMAT_FAILURE) from error
    return root


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _file_name(uri: str) -> str:
    """The entry that a relative URI names (§A.5: relative to the root of the container)."""
    return nfc(urllib.parse.unquote(uri)).removeprefix("./").removeprefix("/")
