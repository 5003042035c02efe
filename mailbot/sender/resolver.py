"""The DNS as the sender checks see it: injected, so that tests, the demo and replays own the answers."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import dns.exception
import dns.inet
import dns.message
import dns.name
import dns.resolver
import yaml

from mailbot.errors import ConfigError, ResolverUnavailable
from mailbot.sender import plain_dns

RecordType = Literal["TXT", "A", "AAAA", "MX", "PTR"]
DnsQuestion = tuple[str, RecordType]
"""Of ``Resolver.lookup``."""
KINDS = frozenset({"TXT", "A", "AAAA", "MX", "PTR"})
TEMPERROR = "TEMPERROR"
_KEPT, _KEPT_OCTETS = 5_000, 8_000  # answers, and octets of one: strangers choose names and servers
_LOOK = 60.0  # seconds between two looks for answers that have come to their end
_LONGEST = 10_800.0
"""Seconds for which an answer is kept, whatever its TTL: who had a domain for an hour must not have it for ever, nor
must what was not there be missing for long (RFC 2308 §5 names one to three hours)."""


_SYSTEM = Path("/etc/resolv.conf")
_FOLLOW = 5.0  # seconds between two looks whether it is another file: a network that comes back may name other servers
_PATIENCE, _AHEAD, _APART = 1.0, 0.3, 60.0
"""Seconds that the plain way waits for one answer, for those to many questions, and for which it is left once nothing
came meanwhile: dnspython knows other servers."""


class Resolver(Protocol):
    """Looks names up, CNAMEs followed."""

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        """The records of ``name`` (ASCII, no final dot): TXT as one joined text (octets as latin-1), A and AAAA as an
        address, MX as "10 host", PTR as a host. () when there are none. Raises ResolverUnavailable.
        """


@runtime_checkable
class Remembers(Protocol):
    """A resolver that keeps answers."""

    def known(self, name: str, kind: RecordType) -> tuple[str, ...] | None:
        """What ``lookup`` would say at once; None: it would ask somebody. Raises ResolverUnavailable."""

    def ahead(self, questions: Iterable[DnsQuestion]) -> None:
        """Ask for all of these together: what is answered quickly is known then."""


def memory(resolver: Resolver) -> Callable[[str, RecordType], tuple[str, ...] | None]:
    """``Remembers.known`` of a resolver; one that keeps nothing knows nothing."""
    return resolver.known if isinstance(resolver, Remembers) else lambda _name, _kind: None


def ahead(resolver: Resolver, questions: Iterable[DnsQuestion]) -> None:
    """``Remembers.ahead`` of a resolver, if it keeps anything."""
    if isinstance(resolver, Remembers):
        resolver.ahead(questions)


class DnsResolver:
    """The real DNS over dnspython, answers cached for their TTL. May be shared between threads."""

    def __init__(
        self, nameservers: Sequence[str] = (), *, port: int = 53, timeout: float = 5.0, system: Path = _SYSTEM
    ) -> None:
        """``nameservers``: addresses; none: the system's, as its file says, also when it is changed later.
        ``timeout``: seconds a look-up may take, retries included."""
        self._system = None if nameservers else system
        self._written, self._followed = _mark_of(system), time.monotonic()
        self._resolver = dns.resolver.Resolver(str(system), configure=not nameservers)
        if nameservers:
            self._resolver.nameservers = list(nameservers)
            self._resolver.port = port
        self._resolver.lifetime = timeout
        self._kept: dict[tuple[str, RecordType], tuple[float, tuple[str, ...]]] = {}
        """Until when (time.time), and the records. dnspython takes a tenth of a millisecond to find what it keeps."""
        self._looked = -math.inf
        self._lock = threading.Lock()
        self._plain_from = 0.0
        """When (time.monotonic) the plain way may be gone again."""

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        """See Resolver."""
        if (found := self.known(name, kind)) is not None:
            return found
        until, records = self._ask(name, kind)
        self._keep(name, kind, until, records)
        return records

    def _keep(self, name: str, kind: RecordType, until: float, records: tuple[str, ...]) -> None:
        now = time.time()
        if until > now and sum(map(len, records)) <= _KEPT_OCTETS:
            with self._lock:
                self._kept.pop((name, kind), None)
                self._make_room(now)
                self._kept[name, kind] = min(until, now + _LONGEST), records

    def _make_room(self, now: float) -> None:
        """For one more answer: what counts no longer goes first, looked for once a minute; then the oldest."""
        if len(self._kept) >= _KEPT and not 0 <= now - self._looked < _LOOK:
            self._looked = now
            self._kept = {asked: found for asked, found in self._kept.items() if 0 < found[0] - now <= _LONGEST}
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]

    def known(self, name: str, kind: RecordType) -> tuple[str, ...] | None:
        """See Remembers."""
        until, records = self._kept.get((name, kind), (0.0, ()))
        return records if 0 < until - time.time() <= _LONGEST else None  # more: the clock was set back

    def ahead(self, questions: Iterable[DnsQuestion]) -> None:
        """See Remembers."""
        self._follow()
        names = [name for name, kind in questions if kind == "TXT"]
        for name, plain in self._plainly(names, _AHEAD).items():
            self._keep(name, "TXT", time.time() + plain.seconds, plain.texts)

    def _follow(self) -> None:
        """Take the servers that the system's file names now, as the C library does (glibc 2.26); one that is gone or
        names none changes nothing."""
        now = time.monotonic()
        if self._system is None or now - self._followed < _FOLLOW:
            return
        self._followed = now
        if (written := _mark_of(self._system)) in (None, self._written):
            return
        with contextlib.suppress(dns.resolver.NoResolverConfiguration, OSError):
            found = dns.resolver.Resolver(str(self._system))
            found.lifetime = self._resolver.lifetime
            self._written, self._resolver, self._plain_from = written, found, 0.0

    def _ask(self, name: str, kind: RecordType) -> tuple[float, tuple[str, ...]]:
        self._follow()
        began = time.monotonic()
        if kind == "TXT" and (plain := self._plainly([name], _PATIENCE).get(name)) is not None:
            return time.time() + plain.seconds, plain.texts
        try:
            asked = dns.name.from_text(f"{name}.")
        except (dns.exception.DNSException, ValueError):  # no name; a stranger writes it, and no server is to blame
            return time.time(), ()
        try:
            left = max(0.1, self._resolver.lifetime - (time.monotonic() - began))
            answer = self._resolver.resolve(asked, kind, raise_on_no_answer=False, lifetime=left)
        except dns.resolver.NXDOMAIN as error:  # for how long, its SOA says (RFC 2308 §5)
            answers: Iterable[dns.message.QueryMessage] = error.kwargs["responses"].values()
            return time.time() + min((a.resolve_chaining().minimum_ttl for a in answers), default=0), ()
        except dns.exception.DNSException as error:
            raise ResolverUnavailable(f"{kind} {name}: {type(error).__name__}") from error
        if kind == "TXT":
            return answer.expiration, tuple(b"".join(record.strings).decode("latin-1") for record in answer)
        return answer.expiration, tuple(record.to_text().removesuffix(".") for record in answer)

    def _plainly(self, names: Sequence[str], patience: float) -> dict[str, plain_dns.PlainAnswer]:
        """What the first server says, where that is all there is to it."""
        server, began = next(iter(self._resolver.nameservers), None), time.monotonic()
        if began < self._plain_from or not isinstance(server, str) or not dns.inet.is_address(server):
            return {}
        patience = min(patience, self._resolver.lifetime / 2)
        found = plain_dns.ask(server, self._resolver.port, names, patience)
        if not found and time.monotonic() - began >= patience:
            self._plain_from = time.monotonic() + _APART
        return found


def _mark_of(file: Path) -> tuple[int, int, int] | None:
    """What tells a file from one that was written in its place; None: there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class StaticResolver:
    """A zone in memory, for tests, the demo and replays. What is not in it does not exist.

    ``zone``: name → kind → list of records as Resolver.lookup gives them; or the word TEMPERROR in place of the list
    (or of everything below a name): looking that up fails for now. As YAML (fixtures/dns.yaml)::

        wp.example:
          TXT: ["v=spf1 ip4:192.0.2.0/24 -all"]
          MX: ["10 mx.wp.example"]
        _dmarc.wp.example:
          TXT: ["v=DMARC1; p=reject"]
        slow.example: TEMPERROR
    """

    def __init__(self, zone: Mapping[str, Mapping[str, Sequence[str] | str] | str]) -> None:
        self._zone = {name.lower().removesuffix("."): records for name, records in zone.items()}

    @classmethod
    def read(cls, path: Path) -> StaticResolver:
        """The zone in a YAML file. Raises ConfigError naming the file, the name and the mend."""
        try:
            zone = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: cannot be read as YAML ({error}); mend: correct that place") from error
        if not isinstance(zone, dict):
            raise ConfigError(f"{path}: is no map; mend: write 'name:' with records below it")
        mistakes = [f"{path}: {name}: {mistake}" for name, records in zone.items() if (mistake := _mistake(records))]
        if mistakes:
            raise ConfigError("\n".join(mistakes))
        return cls({str(name): records for name, records in zone.items()})

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        """See Resolver."""
        records = self._zone.get(name.lower().removesuffix("."), {})
        found = records if isinstance(records, str) else records.get(kind, ())
        if isinstance(found, str):
            raise ResolverUnavailable(f"{kind} {name}: the zone says so")
        return tuple(found)


def _mistake(records: object) -> str | None:
    if records == TEMPERROR:
        return None
    if not isinstance(records, dict):
        return f"is neither a map of records nor {TEMPERROR}; mend: write 'TXT: [\"...\"]' below it"
    for kind, values in records.items():
        if kind not in KINDS:
            return f"{kind}: no such kind of record; mend: one of {', '.join(sorted(KINDS))}"
        if values != TEMPERROR and not (isinstance(values, list) and all(isinstance(v, str) for v in values)):
            return f'{kind}: is neither a list of texts nor {TEMPERROR}; mend: ["..."]'
    return None


class Forbearing:
    """A resolver that leaves a domain in peace for a while after it did not answer: many mails of one slow domain, and
    the many names that one of them asks for, cost one time-out. May be shared between threads."""

    def __init__(self, resolver: Resolver, seconds: float = 20.0, clock: Callable[[], float] = time.monotonic) -> None:
        """``seconds``: fewer than until a mail is tried again (outbox.backoff), or its second try would be wasted."""
        self._resolver = resolver
        self._memory = memory(resolver)
        self._seconds = seconds
        self._clock = clock
        self._silent: dict[str, float] = {}
        """Domain → when it may be asked again."""

    def known(self, name: str, kind: RecordType) -> tuple[str, ...] | None:
        """See Remembers. Also of a silent domain: a stranger may name something in it that its servers cannot tell."""
        if (found := self._memory(name, kind)) is None:
            self._raise_if_silent(name, kind)
        return found

    def ahead(self, questions: Iterable[DnsQuestion]) -> None:
        """See Remembers. Nobody asks so about a silent domain: ``known`` has said that it is."""
        ahead(self._resolver, questions)

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        """See Resolver."""
        if (found := self._memory(name, kind)) is not None:
            return found
        domain = self._raise_if_silent(name, kind)
        try:
            return self._resolver.lookup(name, kind)
        except ResolverUnavailable:
            if len(self._silent) >= _SILENT_MAX:
                self._silent.clear()
            self._silent[domain] = self._clock() + self._seconds
            raise

    def _raise_if_silent(self, name: str, kind: RecordType) -> str:
        """Its domain."""
        domain = _owner(name)
        if self._clock() < self._silent.get(domain, -math.inf):
            raise ResolverUnavailable(f"{kind} {name}: the domain did not answer just now")
        return domain


_SILENT_MAX = 10_000  # domains: a stranger chooses them


def _owner(name: str) -> str:
    """The domain that a name is about: what stands behind the last label with an underscore (RFC 8552). Not the
    organisation above it, whose users have nothing to do with a silent server of one of its customers."""
    labels = name.lower().removesuffix(".").split(".")
    marks = [place for place, label in enumerate(labels, start=1) if label.startswith("_")]
    return ".".join(labels[marks[-1] :] if marks else labels)


class Budget:
    """A resolver that answers for a limited time: a sender's slow DNS must not hold a worker (RFC 7208 §4.6.4)."""

    def __init__(self, resolver: Resolver, seconds: float = 8.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._resolver = resolver
        self._clock = clock
        self._end = clock() + seconds

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        """See Resolver; ResolverUnavailable once the time is spent."""
        if self._clock() > self._end:
            raise ResolverUnavailable(f"{kind} {name}: no time left for this mail")
        return self._resolver.lookup(name, kind)
