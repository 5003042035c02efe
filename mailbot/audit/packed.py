"""A dossier as a ZIP file: written with the digest of each file, and verified anywhere, without a database.

manifest.json   name → size and SHA-256 of every other file
dossier.json    the ticket: its events, mails, letters (desk.dossier)
chain.json      the rows of the audit chain about it, and how they hang together: first, the hash before them; links,
                each a row, or for the rows of other tickets between them only the digest of their content; head, the
                newest row when the file was made
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailbot.audit import chain
from mailbot.audit.verify import AuditFinding, Head
from mailbot.errors import PermanentError

MANIFEST, DOSSIER, CHAIN, PAGE = "manifest.json", "dossier.json", "chain.json", "dossier.html"
_NAME = re.compile(r"[a-z]+\.(json|html)|letters/\d+\.eml|mails/\d+-[\w-]+\.eml|views/\d+/[\w-]+\.(txt|png)", re.ASCII)
"""What leads out of a folder is no name, whatever the lists say."""
_LONGEST = 2**31
"""Octets of all files together, unpacked: more is no dossier but a bomb."""
_NOT_OURS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What comes of JSON that mailbot has not written."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


class NoDossier(PermanentError):
    """The file is no dossier at all."""


def pack(files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """The ZIP file and the SHA-256 of its manifest. The same files give the same octets."""
    listed = {name: {"size": len(data), "sha256": _sha256(data)} for name, data in sorted(files.items())}
    manifest = json.dumps(listed, indent=1).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [(MANIFEST, manifest), *sorted(files.items())]:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue(), _sha256(manifest)


def verify(data: bytes, known: Sequence[Head] = ()) -> Iterator[AuditFinding]:
    """Everything that is wrong. ``known``: heads of the chain that were written out. Raises NoDossier."""
    files = _files(data)
    yield from _listed(files)
    try:
        told, linked = json.loads(files[DOSSIER]), json.loads(files[CHAIN])
        yield from _chained(linked, known)
        yield from _events(told, linked)
        yield from _letters(told, files)
        yield from _strangers(told, files)
    except _NOT_OURS as error:
        yield AuditFinding(0, "", f"{DOSSIER} or {CHAIN} is not what mailbot writes: {type(error).__name__}")


def _files(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = archive.infolist()
            if sum(info.file_size for info in listed) > _LONGEST:
                raise NoDossier("is larger than any dossier")
            if twice := [name for name, count in Counter(info.filename for info in listed).items() if count > 1]:
                raise NoDossier(f"holds {twice[0]} twice: who unpacks it may see another than what is verified")
            return {info.filename: archive.read(info) for info in listed}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as error:
        raise NoDossier("is no ZIP file, or a damaged one; mend: copy it again") from error


def _listed(files: Mapping[str, bytes]) -> Iterator[AuditFinding]:
    try:
        listed = json.loads(files[MANIFEST])
        digests = {str(name): str(entry["sha256"]) for name, entry in listed.items()}
    except _NOT_OURS:
        raise NoDossier(f"holds no {MANIFEST} as mailbot writes it") from None
    for name in sorted(digests.keys() - files.keys()):
        yield AuditFinding(0, name, "is missing")
    for name in sorted(files.keys() - digests.keys() - {MANIFEST}):
        yield AuditFinding(0, name, "does not belong to it")
    for name in sorted(digests.keys() & files.keys()):
        if _sha256(files[name]) != digests[name]:
            yield AuditFinding(0, name, "was changed: its digest is not that of the manifest")


def _chained(linked: Mapping[str, Any], known: Sequence[Head]) -> Iterator[AuditFinding]:
    """The rows hang together, and end in the head."""
    last = Head(linked["first"]["seq"], linked["first"]["hash"])
    hashes = {last.seq: last.hash}
    for one in linked["links"]:
        row = one.get("row")
        seq = row["seq"] if row else one["seq"]
        content = chain.content_of(_read(row)) if row else one["content"]
        if seq != last.seq + 1:
            yield AuditFinding(seq, "", f"does not follow row {last.seq}: rows are missing between them, or moved")
        last = Head(seq, chain.link(last.hash, content))
        hashes[seq] = last.hash
        if row and (row["hash"] != last.hash):
            yield AuditFinding(seq, row["object"], "was changed, or does not follow the row before it")
            last = Head(seq, row["hash"])
    if linked["whole"] and (last.seq, last.hash) != (linked["head"]["seq"], linked["head"]["hash"]):
        yield AuditFinding(last.seq, "", "the chain does not end in the head that was written into the dossier")
    for head in known:
        if hashes.get(head.seq, head.hash) != head.hash:
            yield AuditFinding(head.seq, "", "is another one than the head that was written out")


def _events(told: Mapping[str, Any], linked: Mapping[str, Any]) -> Iterator[AuditFinding]:
    """Every event of the ticket is a row of the chain, and the other way round."""
    rows = {row["after"]: row for row in rows_of(linked) if row["after"] is not None}
    number = told["ticket"]["number"]
    for event in told["events"]:
        row = rows.pop(event["id"], None)
        at = datetime.fromisoformat(event["at"])
        parts = [event["id"], event["ticket_id"], at, event["kind"], event["detail"], event["sealed"]]
        if row is None:
            yield AuditFinding(0, number, f"event {event['id']} is not in the chain")
        elif (row["object"], row["digest"]) != (number, chain.digest_of(parts)):
            yield AuditFinding(row["seq"], row["object"], f"its event {event['id']} was changed")
    for event_id, row in rows.items():
        yield AuditFinding(row["seq"], row["object"], f"its event {event_id} is missing in the dossier")


def _letters(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[AuditFinding]:
    for one in (*told["letters"], *told["mails"]):
        if _sha256(files.get(one["file"], b"")) != one["sha256"]:
            yield AuditFinding(0, one["file"], "is not the mail that the dossier tells of")


def rows_of(linked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of the ticket in a chain.json."""
    return [one["row"] for one in linked["links"] if "row" in one]


def _strangers(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[AuditFinding]:
    """What a dossier does not consist of: whoever unpacks it, or reads all of it, must meet nothing else."""
    ours = {
        MANIFEST,
        DOSSIER,
        CHAIN,
        PAGE,
        *told["views"],
        *(one["file"] for one in (*told["letters"], *told["mails"])),
    }
    for name in sorted(name for name in files if name not in ours or not _NAME.fullmatch(name)):
        yield AuditFinding(0, name, "is no file that a dossier has")


def manifest_of(data: bytes) -> str:
    """SHA-256 (hex) of the manifest: the reason of the row "dossier" in the chain of who made the file. Raises
    NoDossier."""
    return _sha256(_files(data)[MANIFEST])


@dataclass(frozen=True, slots=True)
class HeadCoverage:
    """What heads that were written out prove of the rows. heads: how many lie among them; rows: of the ticket, up to
    the newest of those heads: a head says nothing of what comes behind it; of: rows of the ticket."""

    heads: int
    rows: int
    of: int


def proof(data: bytes, known: Sequence[Head]) -> HeadCoverage:
    """Of a file in which nothing is wrong with these heads (``verify``)."""
    linked = json.loads(_files(data)[CHAIN])
    there = {(one.get("row") or one)["seq"] for one in linked["links"]}
    within = [head.seq for head in known if head.seq in there]
    rows = [row["seq"] for row in rows_of(linked)]
    return HeadCoverage(len(within), sum(seq <= max(within, default=-1) for seq in rows), len(rows))


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | {"at": datetime.fromisoformat(row["at"])}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
