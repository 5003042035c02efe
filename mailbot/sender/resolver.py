"""The DNS as the sender checks see it: injected, so that tests, the demo and replays own the answers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import dns.exception
import dns.message
import dns.name
import dns.resolver
import yaml

from mailbot.errors import ConfigError, ResolverUnavailable

Kind = Literal["TXT", "A", "AAAA", "MX", "PTR"]
KINDS = frozenset({"TXT", "A", "AAAA", "MX", "PTR"})
TEMPERROR = "TEMPERROR"
_KEPT, _KEPT_OCTETS = 5_000, 8_000  # answers, and octets of one: strangers choose names and servers


class Resolver(Protocol):
    """Looks names up, CNAMEs followed."""

    def lookup(self, name: str, kind: Kind) -> tuple[str, ...]:
        """The records of ``name`` (ASCII, no final dot): TXT as one joined text (octets as latin-1), A and AAAA as an
        address, MX as "10 host", PTR as a host. () when there are none. Raises ResolverUnavailable.
        """


@runtime_checkable
class Remembers(Protocol):
    """A resolver that keeps answers."""

    def known(self, name: str, kind: Kind) -> tuple[str, ...] | None:
        """What ``lookup`` would say at once; None: it would ask somebody. Raises ResolverUnavailable."""


def memory(resolver: Resolver) -> Callable[[str, Kind], tuple[str, ...] | None]:
    """``Remembers.known`` of a resolver; one that keeps nothing knows nothing."""
    return resolver.known if isinstance(resolver, Remembers) else lambda _name, _kind: None


class DnsResolver:
    """The real DNS over dnspython, answers cached for their TTL. May be shared between threads."""

    def __init__(self, nameservers: Sequence[str] = (), *, port: int = 53, timeout: float = 5.0) -> None:
        """``nameservers``: addresses; none: the system's. ``timeout``: seconds a look-up may take, retries included."""
        self._resolver = dns.resolver.Resolver(configure=not nameservers)
        if nameservers:
            self._resolver.nameservers = list(nameservers)
            self._resolver.port = port
        self._resolver.lifetime = timeout
        self._kept: dict[tuple[str, Kind], tuple[float, tuple[str, ...]]] = {}
        """Until when (time.time), and the records. dnspython takes a tenth of a millisecond to find what it keeps."""
        self._lock = threading.Lock()

    def lookup(self, name: str, kind: Kind) -> tuple[str, ...]:
        """See Resolver."""
        if (found := self.known(name, kind)) is not None:
            return found
        until, records = self._ask(name, kind)
        if sum(map(len, records)) <= _KEPT_OCTETS:
            with self._lock:
                self._kept.pop((name, kind), None)
                if len(self._kept) >= _KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[name, kind] = until, records
        return records

    def known(self, name: str, kind: Kind) -> tuple[str, ...] | None:
        """See Remembers."""
        until, records = self._kept.get((name, kind), (0.0, ()))
        return records if time.time() < until else None

    def _ask(self, name: str, kind: Kind) -> tuple[float, tuple[str, ...]]:
        try:
            answer = self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:  # for how long, its SOA says (RFC 2308 §5)
            answers: Iterable[dns.message.QueryMessage] = error.kwargs["responses"].values()
            return time.time() + min((a.resolve_chaining().minimum_ttl for a in answers), default=0), ()
        except (dns.name.NameTooLong, dns.name.LabelTooLong, dns.name.EmptyLabel, UnicodeError):
            return time.time(), ()
        except dns.exception.DNSException as error:
            raise ResolverUnavailable(f"{kind} {name}: {type(error).__name__}") from error
        if kind == "TXT":
            return answer.expiration, tuple(b"".join(record.strings).decode("latin-1") for record in answer)
        return answer.expiration, tuple(record.to_text().removesuffix(".") for record in answer)


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

    def lookup(self, name: str, kind: Kind) -> tuple[str, ...]:
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

    def known(self, name: str, kind: Kind) -> tuple[str, ...] | None:
        """See Remembers."""
        self._raise_if_silent(name, kind)
        return self._memory(name, kind)

    def lookup(self, name: str, kind: Kind) -> tuple[str, ...]:
        """See Resolver."""
        domain = self._raise_if_silent(name, kind)
        try:
            return self._resolver.lookup(name, kind)
        except ResolverUnavailable:
            if len(self._silent) >= _SILENT_MAX:
                self._silent.clear()
            self._silent[domain] = self._clock() + self._seconds
            raise

    def _raise_if_silent(self, name: str, kind: Kind) -> str:
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

    def lookup(self, name: str, kind: Kind) -> tuple[str, ...]:
        """See Resolver; ResolverUnavailable once the time is spent."""
        if self._clock() > self._end:
            raise ResolverUnavailable(f"{kind} {name}: no time left for this mail")
        return self._resolver.lookup(name, kind)
