"""What can be set: a section of mailbot.toml is a class, a setting a field with its default and its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailbot.config.described import doc
from mailbot.config.mail import (
    AuthenticationSettings,
    BreakerSettings,
    DeliverySettings,
    HelpdeskSettings,
    ImapSettings,
    IntakeSettings,
    ListenerSettings,
    OAuthSettings,
    ProbeSettings,
    ScannerSettings,
    SpamSettings,
)
from mailbot.config.office import (
    AccountsSettings,
    AuditSettings,
    CaseBSettings,
    CsdSettings,
    DeskSettings,
    RefusalSettings,
    SignatureSettings,
    TicketSettings,
)
from mailbot.config.web import (
    ActivationSettings,
    ApiSettings,
    ConsoleSettings,
    HealthSettings,
    OidcSettings,
    WebSettings,
)

LogForm = Literal["json", "text"]


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    url: str = doc(
        "SQLAlchemy URL: sqlite:///FILE, or postgresql+psycopg://… beyond one machine", "sqlite:///mailbot.db"
    )
    connect_seconds: int = doc("longest wait for a new connection (PostgreSQL)", 5)
    lock_seconds: int = doc("longest wait for what somebody else has locked; then mail is answered 4xx", 10)
    statement_seconds: int = doc("longest statement (PostgreSQL)", 60)
    idle_seconds: int = doc(
        "the server ends a transaction that says nothing for this long: who vanished holds no lock (PostgreSQL)", 30
    )
    peer_seconds: int = doc("a connection whose other end is silent is dead after this (PostgreSQL over TCP)", 30)


@dataclass(frozen=True, slots=True)
class RulesSettings:
    directory: str = doc("folder of the rule set; empty: the one shipped with mailbot", "")
    reload_seconds: float = doc("look so often whether it has changed; 0: only when told (SIGHUP)", 5.0)


@dataclass(frozen=True, slots=True)
class TrustSettings:
    directory: str = doc(
        "folder of trusted lists, anchors and revocation data (docs/trust.md); empty: every signature goes to a person",
        "",
    )
    lotl_url: str = doc(
        "where mailbot trust update takes the EU list of lists", "https://ec.europa.eu/tools/lotl/eu-lotl.xml"
    )
    territories: tuple[str, ...] = doc(
        "further states whose trusted lists mailbot trust update takes, for foreigners with an account: two letters as"
        ' the list of lists writes them (Greece: EL), or "all"',
        (),
    )


@dataclass(frozen=True, slots=True)
class SecretSettings:
    key_file: str = doc(
        "32 random bytes (made at the first start, mode 0600): keys of links, return paths, PESEL hashes, sealed mails",
        "mailbot.key",
    )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    batch: int = doc("messages decided in one transaction", 50)
    lease_seconds: int = doc("a leased row falls back to the queue after this", 120)
    processes: int = doc("processes that understand mails, each on a core of its own; 0: a thread instead", 1)
    deadline_seconds: float = doc(
        "longest that a process may take to understand a batch, or a mail alone (at most 5/16 of lease_seconds)", 25.0
    )
    memory_mb: int = doc("address space of such a process, in megabytes: one mail of 35 MB needs 250", 1500)
    attempts: int = doc("tries before a message that cannot be read or recorded goes to a person unread", 5)


@dataclass(frozen=True, slots=True)
class LogSettings:
    form: LogForm = doc(
        "json: each line is one object, with its moment (UTC) and level; text: moment and level stand before it", "json"
    )


@dataclass(frozen=True, slots=True)
class KeySettings:
    url: str = doc(
        "store of the keys of messages: sqlite:///FILE, or a PostgreSQL database of its own; empty: beside the "
        "database, as NAME-keys.db or the schema mailbot_keys. Its backups must be newer and fewer (docs/privacy.md)",
        "",
    )


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
    console: ConsoleSettings = ConsoleSettings()
    oidc: OidcSettings = OidcSettings()
    audit: AuditSettings = AuditSettings()
    activation: ActivationSettings = ActivationSettings()
    refusal: RefusalSettings = RefusalSettings()
    case_b: CaseBSettings = CaseBSettings()
    signatures: SignatureSettings = SignatureSettings()
    rules: RulesSettings = RulesSettings()
    trust: TrustSettings = TrustSettings()
    secret: SecretSettings = SecretSettings()
    worker: WorkerSettings = WorkerSettings()
    desk: DeskSettings = DeskSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()
    probe: ProbeSettings = ProbeSettings()
    health: HealthSettings = HealthSettings()
    breaker: BreakerSettings = BreakerSettings()
    accounts: AccountsSettings = AccountsSettings()
    csd: CsdSettings = CsdSettings()
    scanner: ScannerSettings = ScannerSettings()
    keys: KeySettings = KeySettings()
    oauth: OAuthSettings = OAuthSettings()
