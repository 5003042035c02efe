"""Settings: defaults → mailbot.toml → environment (MAILBOT_<SECTION>_<KEY>); frozen; an unknown key is an error.

Every setting is a field of a section below, with its default and its meaning; docs/settings.md is compared with them.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mailbot.errors import ConfigError

Tls = Literal["imaps", "starttls", "plain"]
RelayTls = Literal["tls", "starttls", "plain"]
AuthenticationRoad = Literal["headers", "own"]
Placement = Literal["above", "below"]
Missing = Literal["dkim", "none"]
Separator = Literal["+", "-", "=", "_", ".", ""]


def _doc(text: str, default: Any) -> Any:
    return field(default=default, metadata={"doc": text})


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    url: str = _doc(
        "SQLAlchemy URL: sqlite:///FILE, or postgresql+psycopg://… beyond one machine", "sqlite:///mailbot.db"
    )
    connect_seconds: int = _doc("longest wait for a new connection (PostgreSQL)", 5)
    lock_seconds: int = _doc("longest wait for what somebody else has locked; then mail is answered 4xx", 10)
    statement_seconds: int = _doc("longest statement (PostgreSQL)", 60)
    idle_seconds: int = _doc(
        "the server ends a transaction that says nothing for this long: who vanished holds no lock (PostgreSQL)", 30
    )
    peer_seconds: int = _doc("a connection whose other end is silent is dead after this (PostgreSQL over TCP)", 30)


@dataclass(frozen=True, slots=True)
class HelpdeskSettings:
    address: str = _doc("address that citizens write to", "helpdesk-eclo@mf.gov.pl")
    sending_address: str = _doc("From of our own mails", "helpdesk-eclo@mf.gov.pl")
    own_addresses: tuple[str, ...] = _doc(
        "further addresses of our own systems: mail from them is an echo and gets no answer",
        ("pomoc.informatyczna@mf.gov.pl",),
    )
    verp_separator: Separator = _doc(
        "what our mail server puts between an address and its extension (helpdesk+…@): behind it the return path of our"
        " mails names the ticket. Empty: it knows none, and bounces are known by the Message-ID that they quote",
        "+",
    )
    name: str = _doc("display name in the From of our mails", "Help Desk SISC")
    own_lists: tuple[str, ...] = _doc(
        "groups and lists through which citizens' mail comes (address or List-Id): their List- and Precedence fields"
        " say nothing. Unnamed, a list in our own domain sends a letter to a person",
        (),
    )
    ticket_systems: tuple[str, ...] = _doc(
        "addresses of offices whose people answer through a program that writes Auto-Submitted or Precedence on"
        " everything: a person reads their mail",
        (),
    )
    subject_tags: tuple[str, ...] = _doc(
        'what our own mail gateway puts in front of subjects ("[EXTERNAL]"): taken off before a subject is compared', ()
    )


@dataclass(frozen=True, slots=True)
class TicketSettings:
    start: int = _doc("number of the first ticket (ZGL and seven digits)", 1)
    promise_hours: int = _doc("hours within which all three mails must be accepted", 24)


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    authserv_id: str | tuple[str, ...] = _doc(
        "authserv-id of our own MX, or a list: only its Authentication-Results count (RFC 8601), a job's id "
        'behind "/" aside; "none": fields without one, as Exchange Online writes them; empty: none count (docs/mx.md)',
        "",
    )
    received_by: tuple[str, ...] = _doc(
        'our own hosts as they stand behind "by" in Received, from the top to the one that took the mail from outside; '
        "* and ? allowed, each stands for one line or more in a row; empty: one of authserv_id",
        (),
    )
    placement: Placement = _doc(
        "above: our fields stand above the Received line of that last host; below: also directly under it, as rspamd "
        "writes them, in an unbroken run of Authentication-Results, Received-SPF and X- fields",
        "above",
    )
    strips_foreign: bool = _doc("our MX removes Authentication-Results of its name that a sender wrote", False)
    missing: Missing = _doc(
        "where no field counts: dkim: the signature itself is checked; none: nobody is proven", "dkim"
    )
    max_age_days: int = _doc("a Date further than this from the arrival goes to a person (replay)", 7)

    @property
    def authserv_ids(self) -> tuple[str, ...]:
        """The names as written, without a job's id."""
        written = self.authserv_id.split(",") if isinstance(self.authserv_id, str) else self.authserv_id
        return tuple(name.partition("/")[0].strip() for name in written if name.strip())


@dataclass(frozen=True, slots=True)
class SpamSettings:
    marks: tuple[str, ...] = _doc(
        'fields by which the office\'s own filter marks unsolicited mail, with the value: "X-Spam: Yes" (rspamd), '
        '"X-Spam-Flag: YES" (SpamAssassin), "X-MS-Exchange-Organization-SCL: [5-9]"; * ? [5-9] allowed. Believed only '
        "where our MX wrote them (docs/mx.md); empty: nothing is",
        (),
    )


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    listen: str = _doc("host:port; empty: not started", "")
    authentication: AuthenticationRoad = _doc(
        "headers: trust our MX's Authentication-Results; own: check SPF, DKIM, DMARC", "own"
    )
    hostname: str = _doc("name in the greeting", "mailbot.localhost")
    max_size: int = _doc("largest message taken, octets (SIZE, RFC 1870)", 36_700_160)
    max_connections: int = _doc("connections at once; one more is answered 421", 100)
    idle_seconds: float = _doc(
        "a client silent for so long is disconnected; after 10 s while more than half of the connections are taken",
        300.0,
    )
    data_seconds: float = _doc("longest time for the octets of one message", 600.0)
    tls_certificate: str = _doc("PEM file; with tls_key STARTTLS is offered", "")
    tls_key: str = _doc("PEM file", "")


@dataclass(frozen=True, slots=True)
class ImapSettings:
    host: str = _doc("IMAP server; empty: no IMAP", "")
    port: int = _doc("993 for imaps, 143 otherwise", 993)
    tls: Tls = _doc("imaps, starttls (refuses to go on without) or plain (loopback only)", "imaps")
    ca_file: str = _doc("PEM file of the server's CA; empty: the system's", "")
    user: str = _doc("login name", "")
    password_file: str = _doc("file that holds the password alone", "")
    token_file: str = _doc(
        "file that holds an OAuth2 access token; when set XOAUTH2 is used and the file is read anew at each login", ""
    )
    folder: str = _doc("folder to read", "INBOX")
    done_folder: str = _doc("taken messages are moved here after the commit; empty: they stay", "")
    poll_seconds: int = _doc("search at least this often, IDLE or not", 300)
    timeout_seconds: float = _doc("time-out of every command", 60.0)
    max_size: int = _doc("a message larger than this is noted for a person, not fetched; octets", 36_700_160)
    since: str = _doc(
        "messages that arrived before this day (2026-11-01) stay where they are, untaken; empty: none", ""
    )
    claim_folder: str = _doc(
        "folder that says which installation reads the mailbox, so that no second one does; empty: none", "mailbot"
    )

    @property
    def mailbox(self) -> str:
        """What the tables and the metrics call it."""
        return self.mailbox_of(self.folder)

    def mailbox_of(self, folder: str) -> str:
        """The same of another folder."""
        return f"{self.user}@{self.host}/{folder}"


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    oldest_days: int = _doc("mail that arrived more days ago when it is decided goes to a person, whatever it asks", 7)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    host: str = _doc("outgoing SMTP server", "127.0.0.1")
    port: int = _doc("its port", 25)
    tls: RelayTls = _doc("tls, starttls (refuses to go on without) or plain", "plain")
    user: str = _doc("login name; empty: none", "")
    password_file: str = _doc("file that holds the password alone", "")
    connections: int = _doc("kept connections", 2)
    timeout_seconds: float = _doc("time-out of every command", 60.0)
    domain: str = _doc("right-hand side of our Message-IDs; empty: the domain of helpdesk.sending_address", "")


@dataclass(frozen=True, slots=True)
class WebSettings:
    listen: str = _doc("host:port of the citizen's page; empty: not started", "127.0.0.1:8080")
    public_url: str = _doc(
        "address of the page as the citizen's browser sees it, without a slash at the end", "https://puesc.gov.pl"
    )
    behind_tls: bool = _doc("the page is served over HTTPS (by a proxy): sends HSTS and Secure cookies", True)
    trusted_proxy: bool = _doc("take the client address from X-Forwarded-For (only behind a proxy that sets it)", False)
    attempts_per_minute: int = _doc("requests of one client to activation pages per minute", 20)
    connections: int = _doc(
        "connections at once; for one more the oldest goes whose request is not complete, or it is answered 503", 256
    )
    connections_per_client: int = _doc("of one address (IPv6: /64), unless trusted_proxy is set", 64)
    request_seconds: float = _doc("a connection whose request is not complete after this is cut", 10.0)
    metrics: tuple[str, ...] = _doc(
        "networks whose programs may read /metrics directly, never through a proxy; empty: nobody",
        ("127.0.0.0/8", "::1/128"),
    )


@dataclass(frozen=True, slots=True)
class ActivationSettings:
    lifetime_hours: int = _doc("life of an activation link", 24)


@dataclass(frozen=True, slots=True)
class RefusalSettings:
    delay_min_minutes: int = _doc(
        "shortest random delay of a generic refusal, so that its time tells nothing about accounts", 10
    )
    delay_max_minutes: int = _doc("longest", 60)


@dataclass(frozen=True, slots=True)
class CaseBSettings:
    hold_hours: float = _doc(
        "hours between the warning to the old login and the mails about the new one; less than tickets.promise_hours",
        4.0,
    )
    latecomers_minutes: float = _doc(
        "after a start or an outage the mails about a new login wait so long: a STOP that was sent meanwhile still "
        "comes (Postfix tries again within 67 minutes)",
        70.0,
    )


@dataclass(frozen=True, slots=True)
class SignatureSettings:
    workers: int = _doc("processes that check signed applications; each takes about 100 MB", 1)
    deadline_seconds: float = _doc("longest check of the files of one mail; after it a person looks", 20.0)


@dataclass(frozen=True, slots=True)
class RulesSettings:
    directory: str = _doc("folder of the rule set; empty: the one shipped with mailbot", "")
    reload_seconds: float = _doc("look so often whether it has changed; 0: only when told (SIGHUP)", 5.0)


@dataclass(frozen=True, slots=True)
class TrustSettings:
    directory: str = _doc(
        "folder of trusted lists, anchors and revocation data (docs/trust.md); empty: every signature goes to a person",
        "",
    )
    lotl_url: str = _doc(
        "where mailbot trust update takes the EU list of lists", "https://ec.europa.eu/tools/lotl/eu-lotl.xml"
    )
    territories: tuple[str, ...] = _doc(
        "further states whose trusted lists mailbot trust update takes, for foreigners with an account: two letters as"
        ' the list of lists writes them (Greece: EL), or "all"',
        (),
    )


@dataclass(frozen=True, slots=True)
class SecretSettings:
    key_file: str = _doc(
        "32 random bytes (made at the first start, mode 0600): keys of links, return paths, PESEL hashes, sealed mails",
        "mailbot.key",
    )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    batch: int = _doc("messages decided in one transaction", 50)
    lease_seconds: int = _doc("a leased row falls back to the queue after this", 120)
    processes: int = _doc("processes that understand mails, each on a core of its own; 0: a thread instead", 1)
    deadline_seconds: float = _doc(
        "longest that a process may take to understand a batch, or a mail alone (at most half of lease_seconds)", 25.0
    )
    memory_mb: int = _doc("address space of such a process, in megabytes: one mail of 35 MB needs 250", 1500)
    attempts: int = _doc("tries before a message that cannot be read or recorded goes to a person unread", 5)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; one section a field."""

    database: DatabaseSettings = DatabaseSettings()
    helpdesk: HelpdeskSettings = HelpdeskSettings()
    tickets: TicketSettings = TicketSettings()
    authentication: AuthenticationSettings = AuthenticationSettings()
    spam: SpamSettings = SpamSettings()
    smtp: ListenerSettings = ListenerSettings()
    lmtp: ListenerSettings = ListenerSettings(authentication="headers")
    imap: ImapSettings = ImapSettings()
    intake: IntakeSettings = IntakeSettings()
    delivery: DeliverySettings = DeliverySettings()
    web: WebSettings = WebSettings()
    activation: ActivationSettings = ActivationSettings()
    refusal: RefusalSettings = RefusalSettings()
    case_b: CaseBSettings = CaseBSettings()
    signatures: SignatureSettings = SignatureSettings()
    rules: RulesSettings = RulesSettings()
    trust: TrustSettings = TrustSettings()
    secret: SecretSettings = SecretSettings()
    worker: WorkerSettings = WorkerSettings()


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``path`` (may be None) and the environment. Raises ConfigError with every mistake, one a line."""
    tables: dict[str, Any] = {}
    where = str(path) if path else "environment"
    if path is not None:
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror}); mend: give the file's right place with --config"
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: not TOML: {error}; mend: correct that place") from error
    sections: dict[str, Any] = {}
    known = {f.name: f for f in fields(Settings)}
    mistakes = [f"{where}: [{name}]: no such section{_hint(name, known)}" for name in tables if name not in known]
    for name in known:
        given = tables.get(name, {})
        if not isinstance(given, dict):
            mistakes.append(f"{where}: {name}: must be a table; mend: write [{name}] on a line of its own")
            continue
        given = {**given, **_from_environment(name, environment if environment is not None else os.environ)}
        sections[name] = _section(getattr(Settings(), name), given, f"{where}: [{name}]", mistakes)
    settings = Settings(**sections) if not mistakes else Settings()
    mistakes += _contradictions(settings, where)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return settings


def in_environment(environment: Mapping[str, str]) -> bool:
    """Whether the environment sets anything."""
    return any(_from_environment(section.name, environment) for section in fields(Settings))


def _from_environment(section: str, environment: Mapping[str, str]) -> dict[str, str]:
    prefix = f"MAILBOT_{section.upper()}_"
    return {key[len(prefix) :].lower(): value for key, value in environment.items() if key.startswith(prefix)}


def _section(default: Any, given: Mapping[str, Any], where: str, mistakes: list[str]) -> Any:
    hints = get_type_hints(type(default))
    values = {f.name: getattr(default, f.name) for f in fields(default)}
    for key, value in given.items():
        if key not in values:
            mistakes.append(f"{where} {key}: no such setting{_hint(key, values)}")
            continue
        try:
            values[key] = _convert(hints[key], value)
        except ValueError as error:
            mistakes.append(f"{where} {key}: {error}")
    return type(default)(**values)


def _convert(hint: Any, value: Any) -> Any:
    """``value`` of TOML or of the environment (always text) as ``hint``; ValueError names the mend."""
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{value!r} is not allowed; mend: one of {', '.join(map(str, get_args(hint)))}")
        return value
    if origin in (Union, UnionType):  # a text or a list of them
        return value if isinstance(value, str) else _convert(tuple[str, ...], value)
    if hint is bool and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
            raise ValueError(f'{value!r} is not a list of texts; mend: ["a", "b"]')
        return tuple(i.strip() for i in items if i.strip())
    if hint in (int, float) and isinstance(value, str):
        try:
            return hint(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number; mend: write digits") from None
    if hint is str and isinstance(value, date):  # TOML has days of its own
        return value.isoformat()
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{value!r} is not of type {hint.__name__}; mend: write a {hint.__name__}")
    return value


_POSITIVE = {
    "connections",
    "connections_per_client",
    "request_seconds",
    "max_connections",
    "idle_seconds",
    "data_seconds",
}


def _contradictions(settings: Settings, where: str) -> list[str]:
    found = _risky_tags(settings.helpdesk, where)
    found += [f"{where}: [authentication] {mistake}" for mistake in _mx_mistakes(settings.authentication)]
    found += _of_the_intake(settings, where)
    found += [
        f"{where}: [spam] marks: {mark!r} names no field and value; mend: write X-Spam-Flag: YES"
        for mark in settings.spam.marks
        if not re.fullmatch(r"[A-Za-z0-9-]+\s*:\s*\S.*", mark) or not re.search(r"[A-Za-z0-9]", mark.partition(":")[2])
    ]
    if settings.imap.tls == "plain" and settings.imap.host not in ("", "127.0.0.1", "::1", "localhost"):
        found.append(f"{where}: [imap] tls: plain is for loopback only; mend: imaps or starttls")
    if settings.imap.host and not (settings.imap.user and (settings.imap.password_file or settings.imap.token_file)):
        found.append(f"{where}: [imap] user: missing with its secret; mend: set user and password_file (or token_file)")
    found += _endless(settings.database, where)
    if settings.refusal.delay_max_minutes < settings.refusal.delay_min_minutes:
        found.append(f"{where}: [refusal] delay_max_minutes: less than delay_min_minutes; mend: swap them")
    found += _of_case_b(settings, where)
    if settings.signatures.workers < 1 or settings.signatures.deadline_seconds <= 0:
        found.append(f"{where}: [signatures] workers: one and some seconds are the least; mend: leave the defaults")
    found += [
        f'{where}: [trust] territories: {territory!r} is no state; mend: two capitals, or "all"'
        for territory in settings.trust.territories
        if not re.fullmatch("[A-Z]{2}|all", territory)
    ]
    if settings.worker.deadline_seconds <= 0 or settings.worker.memory_mb < 500:
        found.append(f"{where}: [worker] memory_mb: some seconds and 500 are the least; mend: leave the defaults")
    if settings.rules.reload_seconds < 0:
        found.append(f"{where}: [rules] reload_seconds: is negative; mend: write 5, or 0 for never")
    found += [
        f"{where}: [{section.name}] {name}: must be more than 0; mend: leave the default"
        for section in fields(settings)
        for name in _POSITIVE & {f.name for f in fields(getattr(settings, section.name))}
        if getattr(getattr(settings, section.name), name) <= 0
    ]
    for network in settings.web.metrics:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            found.append(f'{where}: [web] metrics: {network!r} is no network; mend: ["127.0.0.0/8", "10.1.2.3/32"]')
    for name in ("smtp", "lmtp"):
        listener: ListenerSettings = getattr(settings, name)
        if bool(listener.tls_certificate) != bool(listener.tls_key):
            found.append(f"{where}: [{name}] tls_key: goes with tls_certificate; mend: set both or none")
    return found


def _risky_tags(helpdesk: HelpdeskSettings, where: str) -> list[str]:
    return [
        f"{where}: [helpdesk] subject_tags: {tag!r} could begin a citizen's own subject; "
        'mend: with its brackets or colon, as the gateway writes it: "[EXTERNAL]"'
        for tag in helpdesk.subject_tags
        if len(tag) < 3 or (tag[0].isalnum() and tag[-1].isalnum())
    ]


def _mx_mistakes(mx: AuthenticationSettings) -> Iterator[str]:
    """What would believe a sender, or nobody at all."""
    if mx.placement == "below" and not mx.strips_foreign:
        yield (
            "placement: below the line of our MX a sender's own field looks like ours; mend: see that the MX removes "
            "such fields and write strips_foreign = true, or have it write above and leave placement out (docs/mx.md)"
        )
    if "none" in mx.authserv_ids and not mx.received_by:
        yield 'authserv_id: "none" names no host; mend: name them in received_by (docs/mx.md)'
    for pattern in mx.received_by:
        if not re.search(r"[A-Za-z0-9]", pattern):
            yield f'received_by: {pattern!r} is every host, a sender\'s too; mend: name ours, as "*.mx.urzad.example"'


def _endless(database: DatabaseSettings, where: str) -> list[str]:
    return [
        f"{where}: [database] {name}: less than a second; mend: leave the default, {value}"
        for name, value in asdict(DatabaseSettings()).items()
        if name.endswith("_seconds") and getattr(database, name) < 1
    ]


def _of_case_b(settings: Settings, where: str) -> list[str]:
    found = []
    if not 0 <= settings.case_b.hold_hours < settings.tickets.promise_hours:
        found.append(f"{where}: [case_b] hold_hours: not within tickets.promise_hours; mend: write 4")
    if not 0 <= settings.case_b.latecomers_minutes <= 600:
        found.append(f"{where}: [case_b] latecomers_minutes: not within ten hours; mend: write 70")
    return found


def _of_the_intake(settings: Settings, where: str) -> list[str]:
    found = []
    if settings.imap.since and not _is_day(settings.imap.since):
        found.append(f"{where}: [imap] since: {settings.imap.since!r} is no day; mend: write 2026-11-01")
    if not 1 <= settings.intake.oldest_days <= 36_500:
        found.append(f"{where}: [intake] oldest_days: not a number of days; mend: write 7")
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _hint(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; mend: did you mean {close[0]}?" if close else f"; mend: one of {', '.join(known)}"
