"""One frozen snapshot of all that is trusted, read from the folder of ``--trust``. docs/trust.md tells its form.

lotl.xml, pl.xml, lists/<state>.xml, anchors/<role>/*.{pem,crt,der}, revocation/*.{crl,ocsp}; every part may be absent.
What cannot be read or authenticated is not trusted and is told in ``problems``; it never stops the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path, PurePath

from cryptography.x509.oid import NameOID

from mailbot.errors import ConfigError, TrustRefused
from mailbot.room import shrink
from mailbot.signatures.trust import lists
from mailbot.signatures.trust.anchors import LISTS, Anchor, Role, parsed, read_bytes, read_folder, visible
from mailbot.signatures.trust.lists import ListInfo, ListOfLists
from mailbot.signatures.trust.revocation import RevocationStore

LOTL, POLISH_LIST = "lotl.xml", "pl.xml"
LISTS_A_MAIL = 2
"""Lists of other states that may be read for one mail; each takes a second, once in the life of a worker."""
_EU = "EU"
_TERRITORIES = {"GR": "EL", "GB": "UK"}
"""Countries (ISO 3166-1) that the lists write otherwise (ETSI TS 119 612 §5.3.10)."""
_MAX_REVOCATION_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class _Listed:
    infos: tuple[ListInfo, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    urls: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    broken: bool = False


@dataclass(slots=True)
class States:
    """The lists of other states by territory, each read when the first signature of it comes."""

    files: Mapping[str, Path]
    lotl: Callable[[], ListOfLists] | None = None
    now: datetime | None = None
    left: int = LISTS_A_MAIL
    """How many more may be read; anybody may write any state into a certificate of his own."""
    _read: dict[str, _Listed] = field(default_factory=dict)

    def read(self, territory: str) -> _Listed:
        """The list of ``files``; what is wrong with it is told in its problems. Beyond ``left`` it is a doubt.

        What was broken is tried again with the next mail: it may have been the mail that left no room for it.
        """
        if territory in self._read:
            return self._read[territory]
        if self.left <= 0:
            return _Listed(broken=True)
        self.left -= 1
        found = self._listed(territory)
        shrink()
        if not found.broken:
            self._read[territory] = found
        return found

    def _listed(self, territory: str) -> _Listed:
        assert self.lotl is not None
        assert self.now is not None
        file = self.files[territory]
        source = f"{LISTS}/{file.name}"
        try:
            signers = self.lotl().of(territory).signers
            data = read_bytes(file, lists.MAX_BYTES)
            found = lists.read_trusted_list(data, signers, self.now, source, territory)
        except (OSError, ValueError, TrustRefused) as error:
            return _Listed(problems=(f"{file}: {error}; mend: mailbot trust update, or remove it",), broken=True)
        return _Listed((found.info,), found.anchors, found.urls, found.problems)


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
    states: States = field(default_factory=lambda: States({}), repr=False)
    """The lists of other states, not read yet."""

    def stale_lists(self, at: datetime) -> bool:
        """The lists cannot say at ``at`` who is listed: overdue or not authentic."""
        return self.broken_list or any(info.stale(at) for info in self.lists)

    def is_stale(self, anchor: Anchor, at: datetime) -> bool:
        """The list that names ``anchor``, or the list of lists above it, is overdue at ``at``."""
        listed = anchor.foreign or anchor.source == POLISH_LIST
        names = {_EU, PurePath(anchor.source).stem.upper()} if listed else set()
        return any(info.stale(at) for info in self.lists if info.territory in names)

    def for_issuer_of(self, certificate: bytes) -> TrustStore:
        """With the list of the state that the issuer of ``certificate`` (DER) names. Raises ValueError."""
        return self._with(_territory(certificate))

    def read_list_for(self, certificate: bytes) -> None:
        """So that ``for_issuer_of`` need not, which tells what is wrong. Never raises."""
        with contextlib.suppress(Exception):
            territory = _territory(certificate)
            if territory in self.states.files:
                self.states.read(territory)

    def complete(self) -> TrustStore:
        """With the lists of all states: reading them takes long."""
        found, self.states.left = self, len(self.states.files)
        for territory in self.states.files:
            found = found._with(territory)
        return found

    def _with(self, territory: str) -> TrustStore:
        if territory not in self.states.files:
            return self
        more = self.states.read(territory)
        anchors, infos = (*self.anchors, *more.anchors), (*self.lists, *more.infos)
        return replace(
            self,
            anchors=anchors,
            lists=infos,
            problems=(*self.problems, *more.problems),
            urls=(*self.urls, *more.urls),
            broken_list=self.broken_list or more.broken,
            snapshot=_snapshot(infos, anchors),
        )


def _territory(certificate: bytes) -> str:
    """The state that its issuer names, as the lists write it. Raises ValueError."""
    names = parsed(certificate).issuer.get_attributes_for_oid(NameOID.COUNTRY_NAME)
    country = str(names[0].value).upper() if len(names) == 1 else ""
    return _TERRITORIES.get(country, country)


def load(directory: Path, now: datetime | None = None) -> TrustStore:
    """The snapshot of ``directory``. Raises ConfigError when it is no folder.

    ``now`` (aware; default: the clock) only decides whether the certificates that signed the lists are in force.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory}: is no folder; mend: make it (docs/trust.md), or name another with --trust")
    when = stamp(directory)  # before reading: a change meanwhile must show
    by_hand, problems = read_folder(directory / "anchors")
    signers, at = [a.certificate for a in by_hand if Role.LOTL in a.roles], now or datetime.now(UTC)
    listed = _read_lists(directory, signers, at)
    files, unread = _revocation_files(directory / "revocation")
    revocation = RevocationStore(files, now)
    anchors = (*(a for a in by_hand if Role.LOTL not in a.roles), *listed.anchors)
    shrink()
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
        states=States(_state_files(directory / LISTS), cache(partial(read_lotl, directory, signers, at)), at),
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


def _read_lists(directory: Path, signers: Sequence[bytes], now: datetime) -> _Listed:
    lotl_file, polish_file = directory / LOTL, directory / POLISH_LIST
    if not lotl_file.exists() and not polish_file.exists():
        return _Listed()
    file = lotl_file
    infos: tuple[ListInfo, ...] = ()
    try:
        lotl = read_lotl(directory, signers, now)
        file, infos = polish_file, (lotl.info,)
        pointer, data = lotl.of(lists.TERRITORY), read_bytes(polish_file, lists.MAX_BYTES)
        polish = lists.read_trusted_list(data, pointer.signers, now, polish_file.name)
    except (OSError, ValueError, TrustRefused) as error:
        return _Listed(infos, problems=(f"{file}: {error}; mend: mailbot trust update",), broken=True)
    return _Listed((lotl.info, polish.info), polish.anchors, polish.urls, polish.problems)


def read_lotl(directory: Path, signers: Sequence[bytes], now: datetime) -> ListOfLists:
    """The list of lists in ``directory``; ``signers`` (DER): of anchors/lotl. Raises TrustRefused and OSError."""
    data = read_bytes(directory / LOTL, lists.MAX_BYTES)
    return lists.read_lotl(data, signers or lists.bundled_signers(), now)


def _state_files(folder: Path) -> dict[str, Path]:
    """Only names that ``refresh`` gives: two letters."""
    return {file.stem: file for file in visible(folder) if re.fullmatch(r"(?!PL)[A-Z]{2}\.xml", file.name)}


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
