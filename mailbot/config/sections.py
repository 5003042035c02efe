"""What can be set: a section of mailbot.toml is a class, a setting a field with its default and its meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Tls = Literal["imaps", "starttls", "plain"]
RelayTls = Literal["tls", "starttls", "plain"]
AuthenticationRoad = Literal["headers", "own"]
Placement = Literal["above", "below"]
Missing = Literal["dkim", "none"]
LogForm = Literal["json", "text"]
Grant = Literal["client_credentials", "refresh_token"]
OidcRole = Literal["", "consultant", "auditor"]
Separator = Literal["+", "-", "=", "_", ".", ""]
AccountsSource = Literal["sql", "scim"]
OnFailure = Literal["person", "wait"]


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


ANY = "*"
"""In the place of a proxy: whoever asks is one, and the last element of X-Forwarded-For counts. What ``true`` meant."""
_PROXY = (
    "addresses or networks of the proxies in front: from them alone X-Forwarded-For is believed, and of it the last "
    "address that is none of theirs"
)


@dataclass(frozen=True, slots=True)
class WebSettings:
    listen: str = _doc("host:port of the citizen's page; empty: not started", "127.0.0.1:8080")
    public_url: str = _doc(
        "address of the page as the citizen's browser sees it, without a slash at the end", "https://puesc.gov.pl"
    )
    behind_tls: bool = _doc("the page is served over HTTPS (by a proxy): sends HSTS and Secure cookies", True)
    trusted_proxy: tuple[str, ...] = _doc(_PROXY, ())
    attempts_per_minute: int = _doc("requests of one client to activation pages per minute", 20)
    connections: int = _doc(
        "connections at once; for one more the oldest goes whose request is not complete, or it is answered 503", 256
    )
    connections_per_client: int = _doc("of one address (IPv6: /64) that is no trusted_proxy", 64)
    request_seconds: float = _doc("a connection whose request is not complete after this is cut", 10.0)
    metrics: tuple[str, ...] = _doc(
        "networks whose programs may read /metrics directly, never through a proxy; empty: nobody",
        ("127.0.0.0/8", "::1/128"),
    )


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    listen: str = _doc("host:port of the operators' console; empty: not started", "127.0.0.1:8081")
    public_url: str = _doc(
        "address of the console as the operator's browser sees it, without a slash at the end; no path",
        "http://127.0.0.1:8081",
    )
    behind_tls: bool = _doc("the console is served over HTTPS (by a proxy): sends HSTS and Secure cookies", False)
    trusted_proxy: tuple[str, ...] = _doc(_PROXY, ())
    idle_minutes: int = _doc("who asks for nothing for so long logs in again", 30)
    absolute_hours: int = _doc("who is logged in for so long logs in again, whatever they do", 10)
    lock_after: int = _doc(
        "wrong passwords or codes in a row until the name waits: 30 seconds, then twice as long, up to 15 minutes",
        5,
    )
    invite_hours: int = _doc("life of a temporary password", 72)
    attempts_per_minute: int = _doc("forms of one client to the login pages per minute", 20)
    connections: int = _doc("connections at once, as of the citizen's page", 128)
    connections_per_client: int = _doc("of one address (IPv6: /64) that is no trusted_proxy", 64)
    request_seconds: float = _doc("a connection whose request is not complete after this is cut", 30.0)
    refresh_seconds: int = _doc("the list of what is to be done looks again after this", 20)
    upload_mb: int = _doc("largest form with its files, in megabytes", 12)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    issuer: str = _doc("OpenID Connect provider that lets operators into the console; empty: none", "")
    client_id: str = _doc("what the provider calls us; redirect URI there: console.public_url + /login/oidc/back", "")
    client_secret_file: str = _doc("file that holds the client secret alone; empty: a public client", "")
    ca_file: str = _doc("PEM file of the provider's CA; empty: the system's", "")
    label: str = _doc("what the button on the login page calls the provider", "OpenID Connect")
    create_role: OidcRole = _doc(
        "whom the provider proves and nobody has added becomes an operator with this role; empty: is refused", ""
    )


@dataclass(frozen=True, slots=True)
class AuditSettings:
    head_minutes: int = _doc("the head of the audit chain is written to the log so often; 0: never", 60)
    head_file: str = _doc("it is added to this file, best where this machine can only add; empty: none", "")
    head_mail: str = _doc("it is mailed to this address, outside of this installation; empty: none", "")


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
        "longest that a process may take to understand a batch, or a mail alone (at most 5/16 of lease_seconds)", 25.0
    )
    memory_mb: int = _doc("address space of such a process, in megabytes: one mail of 35 MB needs 250", 1500)
    attempts: int = _doc("tries before a message that cannot be read or recorded goes to a person unread", 5)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    take_back_seconds: int = _doc("what a person writes waits so long in the outbox and can be taken back", 30)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    listen: str = _doc("host:port of the REST API for other systems (docs/api.md); empty: not started", "")
    behind_tls: bool = _doc("it is served over HTTPS (by a proxy); without, on loopback alone", False)
    trusted_proxy: tuple[str, ...] = _doc(_PROXY, ())
    attempts_per_minute: int = _doc("refused tokens of one client per minute, before it hears 429 in place of 401", 20)
    connections: int = _doc("connections at once, as of the citizen's page", 64)
    connections_per_client: int = _doc("of one address (IPv6: /64) that is no trusted_proxy", 64)
    request_seconds: float = _doc("a connection whose request is not complete after this is cut", 30.0)


@dataclass(frozen=True, slots=True)
class LogSettings:
    form: LogForm = _doc(
        "json: each line is one object, with its moment (UTC) and level; text: moment and level stand before it", "json"
    )


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    address: str = _doc("mailbot probe has its mail answered to this address; empty: no probes", "")


@dataclass(frozen=True, slots=True)
class HealthSettings:
    listen: str = _doc(
        "host:port of /livez, /readyz and /metrics for a process of any role (web has them, too); empty: none", ""
    )


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """The ceilings stand in config.contradictions: no breaker can be switched off."""

    strangers_per_hour: int = _doc("mails that leave by themselves to anybody who writes; above it they wait", 200)
    strangers_per_day: int = _doc("the same within 24 hours", 1500)
    correspondents_per_hour: int = _doc("to proven senders about a ticket of theirs that was there already", 300)
    correspondents_per_day: int = _doc("the same within 24 hours", 2000)
    logins_per_hour: int = _doc("to proven logins of accounts, and about accepted applications", 3000)
    logins_per_day: int = _doc("the same within 24 hours", 20_000)
    mail: str = _doc("who is told that a breaker has tripped; empty: the log and /metrics tell it alone", "")


@dataclass(frozen=True, slots=True)
class AccountsSettings:
    source: AccountsSource = _doc(
        "sql: the embedded registry (mailbot accounts import); scim: a registry of the office (docs/registry.md)", "sql"
    )
    url: str = _doc("scim: address of the service, https://…, up to what stands before /Users", "")
    token_file: str = _doc("scim: file that holds the bearer token alone; read anew each time", "")
    certificate: str = _doc("scim: PEM file of our client certificate; with key, in place of a token", "")
    key: str = _doc("scim: PEM file of its key", "")
    ca_file: str = _doc("scim: PEM file of the service's CA; empty: the system's", "")
    timeout_seconds: float = _doc("scim: longest wait for one answer", 5.0)


@dataclass(frozen=True, slots=True)
class CsdSettings:
    url: str = _doc("where CSD takes the events of tickets as signed webhooks (docs/csd.md); empty: no connector", "")
    secrets_file: str = _doc(
        "file of the secrets that sign them, one whsec_… a line; two while one replaces the other", ""
    )
    ca_file: str = _doc("PEM file of the receiver's CA; empty: the system's", "")
    timeout_seconds: float = _doc("longest that one event may take", 10.0)


@dataclass(frozen=True, slots=True)
class ScannerSettings:
    address: str = _doc(
        "clamd that scans files before anybody sees them: unix:/run/clamav/clamd.ctl, or host:3310; empty: none", ""
    )
    on_failure: OnFailure = _doc(
        "while it does not answer a mail with files goes to a person, its files withheld, or waits", "person"
    )
    timeout_seconds: float = _doc("longest scan of one file (at most an eighth of worker.lease_seconds)", 15.0)


@dataclass(frozen=True, slots=True)
class KeySettings:
    url: str = _doc(
        "store of the keys of messages: sqlite:///FILE, or a PostgreSQL database of its own; empty: beside the "
        "database, as NAME-keys.db or the schema mailbot_keys. Its backups must be newer and fewer (docs/privacy.md)",
        "",
    )


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    token_url: str = _doc(
        "HTTPS address of the token endpoint; [imap] and [delivery] without a secret log in by it", ""
    )
    ca_file: str = _doc("PEM file of its CA; empty: the system's", "")
    grant: Grant = _doc(
        "how tokens are had: for the client itself, or for a person who consented", "client_credentials"
    )
    client_id: str = _doc("this client, as the provider knows it", "")
    client_secret_file: str = _doc("file that holds the client's secret alone; empty: it has none", "")
    refresh_token_file: str = _doc(
        "file that holds the refresh token alone; mailbot must own it and be able to write into its folder", ""
    )
    scope: str = _doc("what is asked for; empty: what the provider gives", "")
    secret_expires: str = _doc("day on which the client's secret ends (2027-11-30): told 14 days before", "")


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
