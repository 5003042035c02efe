"""The front of the verifier: any bytes in, evidence or reports out. Runs inside a worker (``sandbox``)."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from mailbot.ruleset.model import SignatureRules
from mailbot.signatures import asic, cades, pades, policy, transport, wire
from mailbot.signatures.cms import Refused
from mailbot.signatures.detect import Detected, detect, has_office_signature, has_xml_signature, looks_executable
from mailbot.signatures.patience import Patience
from mailbot.signatures.reasons import Code, reason
from mailbot.signatures.report import (
    Evidence,
    Format,
    Integrity,
    Reason,
    Scope,
    SignatureReport,
    SubIndication,
    to_json,
)
from mailbot.signatures.trust import store
from mailbot.signatures.trust.revocation import RevocationStore
from mailbot.signatures.trust.store import TrustStore
from mailbot.signatures.xades import core as xades

File = tuple[str, bytes]
"""Name as the sender wrote it (never a path), and content."""

_NO_TRUST = TrustStore((), RevocationStore({}), (), (), (), broken_list=False, snapshot="", stamp="")

_FLAGS = {
    Detected.PDF: "document",
    Detected.XML: "document",
    Detected.CMS: "document",
    Detected.ASIC: "container",
    Detected.OFFICE: "document",
    Detected.RTF: "document",
    Detected.TEXT: "document",
    Detected.IMAGE: "image",
    Detected.CONTAINER: "container",
    Detected.EXECUTABLE: "executable",
    Detected.OTHER: "other",
    Detected.EMPTY: "empty",
    Detected.TOO_BIG: "too_big",
}
"""What an unsigned file is, for the words to the citizen (procedure §3.3)."""
_TEXTS = {
    "document": "Plik nie jest podpisany elektronicznie.",
    "image": "Plik jest obrazem. Skan ani zdjęcie podpisu nie jest podpisem elektronicznym.",
    "container": "Plik jest archiwum albo jest zaszyfrowany, więc nie można go odczytać.",
    "executable": "Plik jest programem.",
    "other": "Plik nie jest dokumentem, który umiemy odczytać.",
    "empty": "Plik jest pusty.",
    "too_big": "Plik jest za duży.",
}


_LOGO_MAX = 15_000
"""Octets; no scan and no photograph of a page is so small."""
_PHOTO_OR_SCAN = re.compile(rb"[\s\S]{4}ftyp|II\*\x00|MM\x00\*")
"""HEIF and TIFF: telephones and scanners write them, never the maker of a logo."""


def examine(data: bytes, content: bytes | None = None, name: str = "") -> tuple[Evidence, ...]:
    """Evidence for every signature of one file, one Evidence NOT_SIGNED for a file without. Raises only MemoryError.

    ``content`` is what a detached signature is checked against; without it the signature is SIGNED_DATA_NOT_FOUND. Of
    several signatures each is a doubt (procedure §3.3: whose application is it?). Content decides all; a ``name`` like
    a program's is only noted in the flags.
    """
    try:
        kind = detect(data)
        found = _by_format(kind, data, content)
    except MemoryError:
        raise
    except Exception as error:  # any bytes at all give evidence; the class of the error helps to mend the module
        broken = Reason("SIGNATURE_UNREADABLE", "Pliku nie da się odczytać: jest uszkodzony.")
        return (
            Evidence(
                Format.NONE,
                Integrity.UNREADABLE,
                Scope.NONE,
                flags=(type(error).__name__,),
                failure=broken,
                sub_indication=SubIndication.FORMAT_FAILURE,
            ),
        )
    found = tuple(_as_unsigned(e, kind, data) if e.integrity is Integrity.NOT_SIGNED else e for e in found)
    if looks_executable(name, b""):
        found = tuple(replace(evidence, flags=(*evidence.flags, "executable")) for evidence in found)
    return found if len(found) == 1 else tuple(_one_of_several(evidence) for evidence in found)


def verify(
    files: Sequence[File],
    trust: TrustStore,
    rules: SignatureRules,
    received_at: datetime,
    *,
    content: bytes | None = None,
    pesel_hash: policy.PeselHash | None = None,
    bound: AbstractContextManager[None] | None = None,
) -> tuple[SignatureReport, ...]:
    """Reports on the files of one mail in their order: one for each signature, one for each file without.

    A detached signature is tried on every other file (names lie and get lost, digests do not), then on ``content``. A
    file that such a signature covers and that has none of its own gets no report: it is the payload of the other.
    ``bound``: what reading and judging all of them may cost (``Patience``); beyond it none of them was read. Lists are
    read outside it: that takes long once, and no file is to blame.
    """
    trust.states.left = store.LISTS_A_MAIL
    bound = bound or contextlib.nullcontext()
    try:
        with bound:
            found, covered = _examined(files, content)
        for certificate in dict.fromkeys(_certificates(found)):
            trust.read_list_for(certificate)
        with bound:
            return tuple(
                policy.judge(one, trust, rules, received_at, files[at][0], pesel_hash)
                for at, evidence in enumerate(found)
                if not (at in covered and evidence[0].integrity is Integrity.NOT_SIGNED)
                for one in evidence
            )
    except Refused as refused:
        unread = refused.evidence(Evidence(Format.NONE, Integrity.UNREADABLE, Scope.NONE))
        return tuple(policy.judge(unread, trust, rules, received_at, name, pesel_hash) for name, _ in files)


def _certificates(found: Sequence[tuple[Evidence, ...]]) -> Iterator[bytes]:
    """Those of signers and of the units that stamped."""
    for one in itertools.chain.from_iterable(found):
        yield from (stamp.certificate for stamp in one.stamps)
        if one.certificate is not None:
            yield one.certificate


def _examined(files: Sequence[File], content: bytes | None) -> tuple[list[tuple[Evidence, ...]], set[int]]:
    """The evidence of each file, and which ones are only the content of another's signature."""
    found: list[tuple[Evidence, ...]] = []
    covered: set[int] = set()
    for at, (name, data) in enumerate(files):
        evidence = examine(data, None, name)
        if _waits_for_content(evidence):
            others = [(index, *file) for index, file in enumerate(files) if index != at]
            evidence, of = _paired((name, data), evidence, others, content)
            covered |= {of} if of is not None else set()
        found.append(evidence)
    return found, covered


def handler(settings: Mapping[str, Any]) -> wire.Handler:
    """The job of a worker; ``settings`` name the folder ``trust`` (or null). Raises MailbotError.

    The trust folder is read once and again when it has changed; the rules come with each job. ``pesel_hash`` of the
    answer is the PESEL itself: the key must not be where a stranger's bytes are parsed, so the parent makes the hash.
    """
    folder = Path(settings["trust"]) if settings["trust"] else None
    trust = store.load(folder) if folder else _NO_TRUST

    def job(header: Mapping[str, Any], blobs: Sequence[bytes]) -> wire.Frame:
        nonlocal trust
        if folder and store.stamp(folder) != trust.stamp:
            trust = store.load(folder)
        names = header["names"]
        files = list(zip(names, blobs, strict=False))
        content = blobs[len(names)] if header["content"] else None
        at = datetime.fromisoformat(header["received_at"])
        rules = wire.rules_of(header["rules"])
        reports = verify(files, trust, rules, at, content=content, pesel_hash=str, bound=Patience())
        payloads = list(dict.fromkeys(r.payload for r in reports if r.payload is not None))  # many may sign one
        at_place = {payload: place for place, payload in enumerate(payloads)}
        answer = [to_json(r) | {"payload": at_place[r.payload] if r.payload is not None else None} for r in reports]
        return {"reports": answer}, payloads

    return job


def _by_format(kind: Detected, data: bytes, content: bytes | None) -> tuple[Evidence, ...]:
    if kind is Detected.PDF:
        return pades.verify(data)
    if kind is Detected.CMS:
        return cades.verify(data, content)
    if kind is Detected.ASIC:
        return asic.verify(data)
    if kind is Detected.XML and has_xml_signature(data):
        return xades.verify(data, {} if content is None else {"": content})
    return (Evidence(Format.NONE, Integrity.NOT_SIGNED, Scope.NONE),)


def _as_unsigned(evidence: Evidence, kind: Detected, data: bytes) -> Evidence:
    """What the file is, for whoever words the answer."""
    flag = _FLAGS[kind]
    flags = (flag, "office_signature") if kind is Detected.OFFICE and has_office_signature(data) else (flag,)
    if kind is Detected.IMAGE and len(data) <= _LOGO_MAX and not _PHOTO_OR_SCAN.match(data):
        flags = (flag, "logo")
    return replace(
        evidence, flags=(*evidence.flags, *flags), failure=evidence.failure or Reason("UNSIGNED", _TEXTS[flag])
    )


def _one_of_several(evidence: Evidence) -> Evidence:
    if evidence.failure is not None:
        return evidence
    return replace(
        evidence, failure=reason(Code.SEVERAL_SIGNATURES), sub_indication=SubIndication.SIG_CONSTRAINTS_FAILURE
    )


def _waits_for_content(evidence: tuple[Evidence, ...]) -> bool:
    """Is it a signature alone? A container that lacks a file does not wait for one from outside."""
    missing = SubIndication.SIGNED_DATA_NOT_FOUND
    return all(e.sub_indication is missing and e.format not in (Format.ASIC_S, Format.ASIC_E) for e in evidence)


def _paired(
    signature: File, alone: tuple[Evidence, ...], others: Sequence[tuple[int, str, bytes]], content: bytes | None
) -> tuple[tuple[Evidence, ...], int | None]:
    """Evidence with the content that fits, and which file that was.

    When none fits, the file whose name says that it belongs here (wniosek.pdf.p7s) was changed after signing; text may
    have been changed on the way, without harm where another form of it fits.
    """
    name = signature[0]
    by_name = {index for index, other, _ in others if _belongs(name, other)}
    candidates: list[tuple[int | None, str, bytes]] = [*sorted(others, key=lambda other: other[0] not in by_name)]
    if content is not None:
        candidates.insert(0, (None, "", content))
    broken: tuple[Evidence, ...] | None = None
    for index, other, octets in candidates:
        evidence = _with_content(signature, other, octets)
        if _fits(evidence):
            return evidence, index
        if broken is None and (index is None or index in by_name):
            broken = tuple(map(_on_the_way, evidence)) if transport.may_have_changed(octets) else evidence
    for index, other, octets in candidates:
        if index is None or index in by_name or len(candidates) == 1:
            for form in transport.forms(octets):
                evidence = _with_content(signature, other, form)
                if _fits(evidence):
                    return tuple(replace(e, flags=(*e.flags, "changed_on_the_way")) for e in evidence), index
    return broken or alone, None


def _with_content(signature: File, other: str, octets: bytes) -> tuple[Evidence, ...]:
    name, data = signature
    return tuple(replace(e, payload_name=other) for e in examine(data, octets, name))


def _fits(evidence: tuple[Evidence, ...]) -> bool:
    return all(e.integrity is Integrity.OK for e in evidence)


def _on_the_way(evidence: Evidence) -> Evidence:
    if evidence.failure is None or evidence.failure.code != "DOCUMENT_CHANGED":
        return evidence
    return replace(evidence, failure=reason(Code.CHANGED_ON_THE_WAY))


def _belongs(signature: str, other: str) -> bool:
    """ "wniosek.pdf.sig" or "wniosek.xades" beside "wniosek.pdf"."""
    base = PurePosixPath(signature.casefold()).stem
    return bool(base) and base in (other.casefold(), PurePosixPath(other.casefold()).stem)
