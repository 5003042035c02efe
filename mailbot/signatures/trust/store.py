"""One frozen snapshot of all that is trusted, read from the folder of ``--trust``. docs/trust.md tells its form.

lotl.xml, pl.xml, anchors/<role>/*.{pem,crt,der}, revocation/*.{crl,ocsp}; every part may be absent. What cannot be
read or authenticated is not trusted and is told in ``problems``; it never stops the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mailbot.errors import ConfigError, TrustRefused
from mailbot.signatures.trust import lists
from mailbot.signatures.trust.anchors import Anchor, Role, read_bytes, read_folder, visible
from mailbot.signatures.trust.lists import ListInfo
from mailbot.signatures.trust.revocation import RevocationStore

LOTL, POLISH_LIST = "lotl.xml", "pl.xml"
_MAX_REVOCATION_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class TrustStore:
    """What is trusted, as of one reading of the folder."""

    anchors: tuple[Anchor, ...]
    revocation: RevocationStore = field(repr=False)
    lists: tuple[ListInfo, ...]
    """The authenticated lists."""
    problems: tuple[str, ...]
    """What is wrong in the folder, for the admin: file, fault and mend."""
    urls: tuple[str, ...]
    """Where the listed CAs say their CRLs are."""
    broken_list: bool
    """A list is in the folder and could not be authenticated, so nobody knows who is listed."""
    snapshot: str
    """For the report: editions of the lists and a digest of the anchors, e.g. "EU 402, PL 130, anchors 6f0c9a12"."""
    stamp: str
    """Equal to ``stamp(directory)`` as long as the folder has not changed."""

    def stale_lists(self, at: datetime) -> bool:
        """The lists cannot say at ``at`` who is listed: overdue or not authentic."""
        return self.broken_list or any(info.stale(at) for info in self.lists)


def load(directory: Path, now: datetime | None = None) -> TrustStore:
    """The snapshot of ``directory``. Raises ConfigError when it is no folder.

    ``now`` (aware; default: the clock) only decides whether the certificates that signed the lists are in force.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory}: is no folder; mend: make it (docs/trust.md), or name another with --trust")
    when = stamp(directory)  # before reading: a change meanwhile must show
    by_hand, problems = read_folder(directory / "anchors")
    listed = _read_lists(directory, [a.certificate for a in by_hand if Role.LOTL in a.roles], now or datetime.now(UTC))
    files, unread = _revocation_files(directory / "revocation")
    revocation = RevocationStore(files, now)
    anchors = (*(a for a in by_hand if Role.LOTL not in a.roles), *listed.anchors)
    empty = () if anchors else (f"{directory}: nobody is trusted; mend: mailbot trust update, or fill anchors/",)
    return TrustStore(
        anchors=anchors,
        revocation=revocation,
        lists=listed.infos,
        problems=(*listed.problems, *problems, *unread, *(f"revocation/{p}" for p in revocation.problems), *empty),
        urls=listed.urls,
        broken_list=listed.broken,
        snapshot=_snapshot(listed.infos, anchors),
        stamp=when,
    )


def stamp(directory: Path) -> str:
    """Digest (hex) of names, sizes and times of all that is there: when it differs from a snapshot's, load anew."""
    digest = hashlib.sha256()
    for file in sorted(directory.rglob("*")):
        if file.name.startswith("."):  # being written by ``refresh``
            continue
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            status = file.stat()
            digest.update(f"{file.relative_to(directory)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Listed:
    infos: tuple[ListInfo, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    urls: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    broken: bool = False


def _read_lists(directory: Path, signers: list[bytes], now: datetime) -> _Listed:
    lotl_file, polish_file = directory / LOTL, directory / POLISH_LIST
    if not lotl_file.exists() and not polish_file.exists():
        return _Listed()
    file = lotl_file
    infos: tuple[ListInfo, ...] = ()
    try:
        lotl = lists.read_lotl(read_bytes(lotl_file, lists.MAX_BYTES), signers or lists.bundled_signers(), now)
        file, infos = polish_file, (lotl.info,)
        polish = lists.read_trusted_list(read_bytes(polish_file, lists.MAX_BYTES), lotl.signers, now, polish_file.name)
    except (OSError, ValueError, TrustRefused) as error:
        return _Listed(infos, problems=(f"{file}: {error}; mend: mailbot trust update",), broken=True)
    return _Listed((lotl.info, polish.info), polish.anchors, polish.urls, polish.problems)


def _revocation_files(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    files: dict[str, bytes] = {}
    problems: list[str] = []
    for file in visible(folder):
        if file.suffix not in (".crl", ".ocsp"):
            problems.append(f"{file}: does not end in .crl or .ocsp; mend: rename or remove it")
            continue
        try:
            files[file.name] = read_bytes(file, _MAX_REVOCATION_BYTES)
        except (OSError, ValueError) as error:
            problems.append(f"{file}: {error}; mend: mailbot trust update")
    return files, problems


def _snapshot(infos: tuple[ListInfo, ...], anchors: tuple[Anchor, ...]) -> str:
    digest = hashlib.sha256()
    for anchor in anchors:
        digest.update(hashlib.sha256(anchor.certificate).digest())
        digest.update(f"{sorted(anchor.roles)} {anchor.since.isoformat()} {anchor.until}\n".encode())
    return ", ".join([*(f"{i.territory} {i.sequence}" for i in infos), f"anchors {digest.hexdigest()[:8]}"])
