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
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mailbot.audit import chain
from mailbot.audit.verify import Finding, Head
from mailbot.errors import PermanentError

MANIFEST, DOSSIER, CHAIN = "manifest.json", "dossier.json", "chain.json"
_LONGEST = 2**31
"""Octets of all files together, unpacked: more is no dossier but a bomb."""
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


def verify(data: bytes, known: Sequence[Head] = ()) -> Iterator[Finding]:
    """Everything that is wrong. ``known``: heads of the chain that were written out. Raises NoDossier."""
    files = _files(data)
    yield from _listed(files)
    try:
        told, linked = json.loads(files[DOSSIER]), json.loads(files[CHAIN])
        yield from _chained(linked, known)
        yield from _events(told, linked)
        yield from _letters(told, files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield Finding(0, "", f"{DOSSIER} or {CHAIN} is not what mailbot writes: {type(error).__name__}")


def _files(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LONGEST:
                raise NoDossier("is larger than any dossier")
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise NoDossier("is no ZIP file, or a damaged one; mend: copy it again") from error


def _listed(files: Mapping[str, bytes]) -> Iterator[Finding]:
    try:
        listed = json.loads(files[MANIFEST])
        digests = {str(name): str(entry["sha256"]) for name, entry in listed.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoDossier(f"holds no {MANIFEST} as mailbot writes it") from None
    for name in sorted(digests.keys() - files.keys()):
        yield Finding(0, name, "is missing")
    for name in sorted(files.keys() - digests.keys() - {MANIFEST}):
        yield Finding(0, name, "does not belong to it")
    for name in sorted(digests.keys() & files.keys()):
        if _sha256(files[name]) != digests[name]:
            yield Finding(0, name, "was changed: its digest is not that of the manifest")


def _chained(linked: Mapping[str, Any], known: Sequence[Head]) -> Iterator[Finding]:
    """The rows hang together, and end in the head."""
    last = Head(linked["first"]["seq"], linked["first"]["hash"])
    hashes = {last.seq: last.hash}
    for one in linked["links"]:
        row = one.get("row")
        seq = row["seq"] if row else one["seq"]
        content = chain.content_of(_read(row)) if row else one["content"]
        last = Head(seq, chain.link(last.hash, content)) if seq == last.seq + 1 else Head(seq, "")
        hashes[seq] = last.hash
        if row and (row["hash"] != last.hash):
            yield Finding(seq, row["object"], "was changed, or does not follow the row before it")
            last = Head(seq, row["hash"])
    if linked["whole"] and (last.seq, last.hash) != (linked["head"]["seq"], linked["head"]["hash"]):
        yield Finding(last.seq, "", "the chain does not end in the head that was written into the dossier")
    for head in known:
        if hashes.get(head.seq, head.hash) != head.hash:
            yield Finding(head.seq, "", "is another one than the head that was written out")


def _events(told: Mapping[str, Any], linked: Mapping[str, Any]) -> Iterator[Finding]:
    """Every event of the ticket is a row of the chain, and the other way round."""
    rows = {row["after"]: row for row in rows_of(linked) if row["after"] is not None}
    number = told["ticket"]["number"]
    for event in told["events"]:
        row = rows.pop(event["id"], None)
        at = datetime.fromisoformat(event["at"])
        parts = [event["id"], event["ticket_id"], at, event["kind"], event["detail"], event["sealed"]]
        if row is None:
            yield Finding(0, number, f"event {event['id']} is not in the chain")
        elif (row["object"], row["digest"]) != (number, chain.digest_of(parts)):
            yield Finding(row["seq"], row["object"], f"its event {event['id']} was changed")
    for event_id, row in rows.items():
        yield Finding(row["seq"], row["object"], f"its event {event_id} is missing in the dossier")


def _letters(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[Finding]:
    for one in (*told["letters"], *told["mails"]):
        if _sha256(files.get(one["file"], b"")) != one["sha256"]:
            yield Finding(0, one["file"], "is not the mail that the dossier tells of")


def rows_of(linked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of the ticket in a chain.json."""
    return [one["row"] for one in linked["links"] if "row" in one]


def heads_within(data: bytes, known: Sequence[Head]) -> int:
    """How many of the heads that were written out lie among the rows of the dossier: with one, it is proven that these
    rows stood in the chain then."""
    linked = json.loads(_files(data)[CHAIN])
    return sum(linked["first"]["seq"] <= head.seq <= linked["last"] for head in known)


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | {"at": datetime.fromisoformat(row["at"])}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
