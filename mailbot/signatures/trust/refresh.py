"""``mailbot trust update``: the only code of the signatures part that uses the network.

It goes to the list of lists, to the lists of states that this names, and to the CRL addresses that those lists or
rules/signatures.yaml name. Never to an address found in somebody's mail. What comes is authenticated before it takes
the place of the old file; a failed step leaves the old file and the other steps alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn

from mailbot.errors import MailbotError, TrustRefused, TrustSourceUnavailable
from mailbot.signatures.trust import lists, store
from mailbot.signatures.trust.anchors import LISTS, Role, is_ca, parsed, read_bytes, read_folder
from mailbot.signatures.trust.lists import ListInfo, ListOfLists
from mailbot.signatures.trust.revocation import crl_signed_by, load_crl

Opener = Callable[[str, int], bytes]
"""Address and most octets → the body. Raises TrustSourceUnavailable."""

CRL_MAX = 50_000_000
ALL = "all"
"""In place of territories: those of every state."""
_TIMEOUT, _DEADLINE = 30.0, 180.0  # seconds: between two packets; for one file
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one file. ``failure`` is None when the file is new or unchanged."""

    url: str
    file: str
    told: str
    failure: MailbotError | None = None


def update(
    directory: Path,
    lotl_url: str,
    crl_urls: Sequence[str],
    now: datetime,
    opener: Opener | None = None,
    territories: Sequence[str] = (),
) -> tuple[Step, ...]:
    """Bring the lists and CRLs of ``directory`` up to date. ``now`` is aware. Raises OSError when it cannot write.

    ``territories``: of which other states beside Poland, or ``ALL``.
    """
    fetch = opener or download
    (directory / "revocation").mkdir(parents=True, exist_ok=True)
    steps = [_step(lotl_url, store.LOTL, partial(_update_lotl, directory, lotl_url, now, fetch))]
    with contextlib.suppress(MailbotError, OSError, ValueError):  # without a list of lists the first step has told it
        lotl = _present_lotl(directory, now)
        steps += [
            _step(*_place(lotl, one), partial(_update_list, directory, lotl, one, now, fetch))
            for one in _wanted(lotl, territories)
        ]
    trust = store.load(directory, now).complete()
    issuers = {anchor.certificate for anchor in trust.anchors}
    for url in dict.fromkeys((*trust.urls, *crl_urls)):
        file = directory / "revocation" / crl_name(url)
        steps.append(_step(url, f"revocation/{file.name}", partial(_update_crl, file, url, issuers, now, fetch)))
    return tuple(steps)


def _wanted(lotl: ListOfLists, territories: Sequence[str]) -> list[str]:
    named = sorted(lotl.pointers) if ALL in territories else [one.upper() for one in territories]
    return list(dict.fromkeys((lists.TERRITORY, *(one for one in named if re.fullmatch("[A-Z]{2}", one)))))


def _place(lotl: ListOfLists, territory: str) -> tuple[str, str]:
    """(address to name in a report, file)."""
    found = lotl.pointers.get(territory, ())
    file = store.POLISH_LIST if territory == lists.TERRITORY else f"{LISTS}/{territory}.xml"
    return (found[0].url if found else ""), file


def crl_name(url: str) -> str:
    """File name for the CRL of ``url``: nothing of the address that could lead out of the folder."""
    host = re.sub(r"[^a-z0-9.-]", "", (urllib.parse.urlsplit(url).hostname or "").lower())
    return f"{host[:60]}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.crl"


def download(url: str, limit: int) -> bytes:
    """The body of ``url``. A redirect is refused: it would lead where no list points. Raises TrustSourceUnavailable."""
    deadline = time.monotonic() + _DEADLINE
    request = urllib.request.Request(url, headers={"User-Agent": "mailbot"})  # noqa: S310 - see _allowed
    body = bytearray()
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_TIMEOUT) as answer:
            while chunk := answer.read(_CHUNK):
                body += chunk
                if len(body) > limit:
                    raise TrustSourceUnavailable(f"{url}: larger than {limit} bytes")
                if time.monotonic() > deadline:
                    raise TrustSourceUnavailable(f"{url}: not finished after {_DEADLINE:.0f} s")
    except (OSError, http.client.HTTPException) as error:
        raise TrustSourceUnavailable(f"{url}: {error}") from error
    return bytes(body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> NoReturn:
        raise urllib.error.HTTPError(req.full_url, code, f"redirect to {newurl!r} refused", headers, fp)


def _step(url: str, file: str, work: Callable[[], str]) -> Step:
    try:
        return Step(url, file, work())
    except MailbotError as error:
        return Step(url, file, f"kept as it was: {error.reason}", error)


def _update_lotl(directory: Path, url: str, now: datetime, fetch: Opener) -> str:
    data = fetch(_allowed(url, "https"), lists.MAX_BYTES)
    lotl = lists.read_lotl(data, _lotl_signers(directory), now)
    old = None
    with contextlib.suppress(MailbotError, OSError, ValueError):
        old = _present_lotl(directory, now).info
    return _take(directory / store.LOTL, data, lotl.info, old, now)


def _update_list(directory: Path, lotl: ListOfLists, territory: str, now: datetime, fetch: Opener) -> str:
    pointer, file = lotl.of(territory), directory / _place(lotl, territory)[1]
    data = fetch(_allowed(pointer.url, "https"), lists.MAX_BYTES)
    found = lists.read_trusted_list(data, pointer.signers, now, file.name, territory)
    old = None
    with contextlib.suppress(MailbotError, OSError, ValueError):
        present = read_bytes(file, lists.MAX_BYTES)
        old = lists.read_trusted_list(present, pointer.signers, now, file.name, territory).info
    file.parent.mkdir(exist_ok=True)
    return _take(file, data, found.info, old, now)


def _update_crl(file: Path, url: str, issuers: Iterable[bytes], now: datetime, fetch: Opener) -> str:
    data = fetch(_allowed(url, "http", "https"), CRL_MAX)
    try:
        crl = load_crl(data)
    except ValueError as error:
        raise TrustRefused(f"it is no CRL ({error})") from error
    known = [c for c in map(parsed, issuers) if c.subject == crl.issuer and is_ca(c, sign="crl_sign")]
    if not any(crl_signed_by(crl, issuer) for issuer in known):
        raise TrustRefused("no trusted CA signed it")
    if crl.next_update_utc is None or crl.next_update_utc < now:
        raise TrustRefused("its nextUpdate has passed")
    with contextlib.suppress(OSError, ValueError):
        if load_crl(read_bytes(file, CRL_MAX)).last_update_utc > crl.last_update_utc:
            raise TrustRefused("it is older than the one we have")
    _write(file, data)
    return f"of {crl.last_update_utc:%Y-%m-%d %H:%M} UTC, {len(crl)} certificates"


def _take(file: Path, data: bytes, new: ListInfo, old: ListInfo | None, now: datetime) -> str:
    """An authentic list takes the old one's place unless it is overdue or older (somebody may serve an old edition)."""
    if new.stale(now):
        raise TrustRefused("its NextUpdate has passed")
    if old is not None and (new.sequence, new.issued) < (old.sequence, old.issued):
        raise TrustRefused(f"number {new.sequence} is older than number {old.sequence}, which we have")
    _write(file, data)
    return f"number {new.sequence} of {new.issued:%Y-%m-%d}"


def _lotl_signers(directory: Path) -> Sequence[bytes]:
    by_hand, _ = read_folder(directory / "anchors")
    return [a.certificate for a in by_hand if Role.LOTL in a.roles] or lists.bundled_signers()


def _present_lotl(directory: Path, now: datetime) -> ListOfLists:
    return store.read_lotl(directory, _lotl_signers(directory), now)


def _allowed(url: str, *schemes: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname or parts.username is not None:
        raise TrustRefused(f"{url!r} is no {' or '.join(schemes)} address")
    return url


def _write(file: Path, data: bytes) -> None:
    """All or nothing: a reader sees the old file or the new one."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
