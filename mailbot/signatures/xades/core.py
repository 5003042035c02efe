"""Own strict verifier of XML-DSig with XAdES: every ds:Signature of a file → ``Evidence``.

Libraries know either not the transforms of podpis zaufany or far too many (procedure §7, 4). This core knows the
shapes that Polish signers write; anything else is a refusal. Whatever is read is read from the digested octets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from lxml import etree

from mailbot.signatures import identity, timestamp, wrappers
from mailbot.signatures.cms import Refused, unreadable
from mailbot.signatures.cms_value import Unsupported, key_name
from mailbot.signatures.report import Evidence, Format, Integrity, Reason, Scope, SubIndication
from mailbot.signatures.xades import keys, parse, props, references, transforms
from mailbot.signatures.xades.parse import SignedXml, Work
from mailbot.signatures.xades.references import Reference, Target

SIGNATURES_MAX = 8

_FORMATS = {
    Target.DOCUMENT: Format.XADES_ENVELOPED,
    Target.OBJECT: Format.XADES_ENVELOPING,
    Target.DETACHED: Format.XADES_DETACHED,
}

Covered = tuple[Evidence, frozenset[str]]
"""Evidence on one signature, and the keys of the files that it signs."""


def verify(data: bytes, detached: Mapping[str, bytes] | None = None) -> tuple[Evidence, ...]:
    """Evidence for every ds:Signature in ``data``; NOT_SIGNED when there is none. Never raises.

    ``detached``: files that came with it, by name; a detached signature takes its file from there and nowhere else.
    """
    return tuple(evidence for evidence, _ in verify_with_files(data, detached or {}))


def verify_with_files(data: bytes, files: Mapping[str, bytes], work: Work | None = None) -> tuple[Covered, ...]:
    """Like ``verify``, with the names of the files that each signature covers (an ASiC must not hold others).

    ``work``: shared by the signatures of a container.
    """
    blank = Evidence(Format.NONE, Integrity.UNREADABLE, Scope.NONE)
    try:
        document = parse.read(data)
        if len(document.signatures) > SIGNATURES_MAX:
            raise unreadable("Plik zawiera zbyt wiele podpisów.", "TOO_LARGE")
    except Refused as refused:
        return ((refused.evidence(blank), frozenset()),)
    if not document.signatures:
        reason = Reason("UNSIGNED", "W pliku XML nie ma podpisu.")
        return ((replace(blank, integrity=Integrity.NOT_SIGNED, failure=reason), frozenset()),)
    work = work or Work()
    return tuple(_Check(document, signature, files, work).run() for signature in document.signatures)


class _Check:
    """The check of one ds:Signature. ``evidence`` grows with every step, so a refusal keeps what was known."""

    def __init__(self, document: SignedXml, signature: etree._Element, files: Mapping[str, bytes], work: Work) -> None:
        self.document, self.signature, self.files, self.work = document, signature, files, work
        form = Format.XADES_ENVELOPING if signature is document.root else Format.XADES_ENVELOPED
        self.evidence = Evidence(form, Integrity.UNREADABLE, Scope.NONE, wrapper=wrappers.around(signature))

    def run(self) -> Covered:
        try:
            return self._run()
        except Refused as refused:
            refusal = refused
            if refused.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND:
                self.evidence = replace(self.evidence, format=Format.XADES_DETACHED)
        except Unsupported:
            text = "Podpis używa algorytmu, którego nie sprawdzamy."
            sub = SubIndication.CRYPTO_CONSTRAINTS_FAILURE
            refusal = Refused(Integrity.UNREADABLE, "ALGORITHM_UNSUPPORTED", text, sub)
        except Exception:  # libxml2 and OpenSSL raise what they like on hostile bytes
            refusal = unreadable("Podpis jest uszkodzony i nie da się go odczytać.")
        return refusal.evidence(self.evidence), frozenset()

    def _run(self) -> Covered:
        found = references.check(self.document, self.signature, self.files, self.work)
        documents = [reference for reference in found if reference.target in _FORMATS]
        if documents:
            self.evidence = replace(self.evidence, format=_FORMATS[documents[0].target])
        properties = props.read(next(r.octets for r in found if r.target is Target.PROPERTIES))
        offered = props.offered(parse.only(self.signature, "KeyInfo"))
        chosen = props.choose(properties, offered)
        self.evidence = replace(
            self.evidence,
            certificate=chosen,
            certificates=tuple(der for der in offered if der != chosen),
            claimed_time=properties.signing_time,
            commitments=properties.commitments,
        )
        self._check_value(chosen, [r.digest for r in found] + [c.digest for c in properties.certificates])
        if not all(reference.matches for reference in found):
            text = "Dokument zmieniono po podpisaniu: jego skrót nie zgadza się z podpisanym."
            raise Refused(Integrity.BROKEN, "DOCUMENT_CHANGED", text, SubIndication.HASH_FAILURE)
        self.evidence = replace(self.evidence, integrity=Integrity.OK)
        evidence = self._with_scope(found, documents)
        if evidence.scope is Scope.FULL:
            evidence = wrappers.unwrap(replace(evidence, personal=identity.from_roles(properties.roles)))
        return evidence, frozenset(reference.file for reference in documents if reference.target is Target.DETACHED)

    def _check_value(self, certificate: bytes, digests: Sequence[str]) -> None:
        """SignatureValue over SignedInfo. Raises Refused when it is wrong."""
        info = parse.only(self.signature, "SignedInfo")
        canonicalization = parse.only(info, "CanonicalizationMethod")
        name = canonicalization.get("Algorithm")
        if name not in transforms.C14N:
            raise Unsupported("canonicalization")
        method = keys.algorithm(parse.only(info, "SignatureMethod").get("Algorithm"))
        value = parse.base64(parse.only(self.signature, "SignatureValue").text)
        key = keys.public_key(x509.load_der_x509_certificate(certificate))
        used = dict.fromkeys((*method.names, *digests, key_name(key)))
        self.evidence = replace(self.evidence, algorithms=tuple(used))
        signed = transforms.canonical(
            transforms.Nodes(info, comments=True), name, transforms.prefixes(canonicalization)
        )
        try:
            canonical, flags = keys.verify(key, method, signed, value)
        except (InvalidSignature, ValueError) as error:
            text = "Wartość podpisu nie zgadza się z kluczem podpisującego."
            raise Refused(Integrity.BROKEN, "SIGNATURE_WRONG", text, SubIndication.SIG_CRYPTO_FAILURE) from error
        tokens = props.tokens(self.signature)
        self.evidence = timestamp.noted(replace(self.evidence, signature_value=canonical, flags=flags, tokens=tokens))
        if any(stamp.read for stamp in self.evidence.stamps):
            self.evidence = replace(self.evidence, level=props.level(self.signature))

    def _with_scope(self, found: Sequence[Reference], documents: Sequence[Reference]) -> Evidence:
        """FULL when there is one document, one signature, and nothing else in the file."""
        left = references.uncovered(self.document, self.signature, found)
        kinds = {reference.target for reference in documents}
        if len(self.document.signatures) > 1:
            reason = Reason("SEVERAL_SIGNATURES", "Plik XML ma więcej niż jeden podpis.")
        elif not documents:
            reason = Reason("NOT_WHOLE_FILE", "Podpis nie obejmuje treści dokumentu.")
        elif left or len(kinds) > 1 or (len(documents) > 1 and kinds != {Target.DETACHED}):
            reason = Reason("NOT_WHOLE_FILE", "W pliku jest coś, czego podpis nie obejmuje.")
        else:
            single = documents[0] if len(documents) == 1 else None
            return replace(
                self.evidence,
                scope=Scope.FULL,
                payload=single.octets if single else None,
                payload_name=single.written if single else "",
            )
        return replace(
            self.evidence,
            scope=Scope.PARTIAL if documents else Scope.NONE,
            uncovered=left,
            failure=reason,
            sub_indication=SubIndication.SIG_CONSTRAINTS_FAILURE,
        )
