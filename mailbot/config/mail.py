"""The sections about mail: where it comes in, who is believed, how it leaves and how much of it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailbot.config.described import doc

Tls = Literal["imaps", "starttls", "plain"]
RelayTls = Literal["tls", "starttls", "plain"]
AuthenticationRoad = Literal["headers", "own"]
Placement = Literal["above", "below"]
Missing = Literal["dkim", "none"]
GrantType = Literal["client_credentials", "refresh_token"]
Separator = Literal["+", "-", "=", "_", ".", ""]
OnFailure = Literal["person", "wait"]


@dataclass(frozen=True, slots=True)
class HelpdeskSettings:
    address: str = doc("address that citizens write to", "helpdesk-eclo@mf.gov.pl")
    sending_address: str = doc("From of our own mails", "helpdesk-eclo@mf.gov.pl")
    own_addresses: tuple[str, ...] = doc(
        "further addresses of our own systems: mail from them is an echo and gets no answer",
        ("pomoc.informatyczna@mf.gov.pl",),
    )
    verp_separator: Separator = doc(
        "what our mail server puts between an address and its extension (helpdesk+…@): behind it the return path of our"
        " mails names the ticket. Empty: it knows none, and bounces are known by the Message-ID that they quote",
        "+",
    )
    name: str = doc("display name in the From of our mails", "Help Desk SISC")
    own_lists: tuple[str, ...] = doc(
        "groups and lists through which citizens' mail comes (address or List-Id): their List- and Precedence fields"
        " say nothing. Unnamed, a list in our own domain sends a letter to a person",
        (),
    )
    ticket_systems: tuple[str, ...] = doc(
        "addresses of offices whose people answer through a program that writes Auto-Submitted or Precedence on"
        " everything: a person reads their mail",
        (),
    )
    subject_tags: tuple[str, ...] = doc(
        'what our own mail gateway puts in front of subjects ("[EXTERNAL]"): taken off before a subject is compared', ()
    )


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    authserv_id: str | tuple[str, ...] = doc(
        "authserv-id of our own MX, or a list: only its Authentication-Results count (RFC 8601), a job's id "
        'behind "/" aside; "none": fields without one, as Exchange Online writes them; empty: none count (docs/mx.md)',
        "",
    )
    received_by: tuple[str, ...] = doc(
        'our own hosts as they stand behind "by" in Received, from the top to the one that took the mail from outside; '
        "* and ? allowed, each stands for one line or more in a row; empty: one of authserv_id",
        (),
    )
    placement: Placement = doc(
        "above: our fields stand above the Received line of that last host; below: also directly under it, as rspamd "
        "writes them, in an unbroken run of Authentication-Results, Received-SPF and X- fields",
        "above",
    )
    strips_foreign: bool = doc("our MX removes Authentication-Results of its name that a sender wrote", False)
    missing: Missing = doc(
        "where no field counts: dkim: the signature itself is checked; none: nobody is proven", "dkim"
    )
    max_age_days: int = doc("a Date further than this from the arrival goes to a person (replay)", 7)

    @property
    def authserv_ids(self) -> tuple[str, ...]:
        """The names as written, without a job's id."""
        written = self.authserv_id.split(",") if isinstance(self.authserv_id, str) else self.authserv_id
        return tuple(name.partition("/")[0].strip() for name in written if name.strip())


@dataclass(frozen=True, slots=True)
class SpamSettings:
    marks: tuple[str, ...] = doc(
        'fields by which the office\'s own filter marks unsolicited mail, with the value: "X-Spam: Yes" (rspamd), '
        '"X-Spam-Flag: YES" (SpamAssassin), "X-MS-Exchange-Organization-SCL: [5-9]"; * ? [5-9] allowed. Believed only '
        "where our MX wrote them (docs/mx.md); empty: nothing is",
        (),
    )


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    listen: str = doc("host:port; empty: not started", "")
    authentication: AuthenticationRoad = doc(
        "headers: trust our MX's Authentication-Results; own: check SPF, DKIM, DMARC", "own"
    )
    hostname: str = doc("name in the greeting", "mailbot.localhost")
    max_size: int = doc("largest message taken, octets (SIZE, RFC 1870)", 36_700_160)
    max_connections: int = doc("connections at once; one more is answered 421", 100)
    idle_seconds: float = doc(
        "a client silent for so long is disconnected; after 10 s while more than half of the connections are taken",
        300.0,
    )
    data_seconds: float = doc("longest time for the octets of one message", 600.0)
    tls_certificate: str = doc("PEM file; with tls_key STARTTLS is offered. Read again when it has changed", "")
    tls_key: str = doc("PEM file", "")


@dataclass(frozen=True, slots=True)
class ImapSettings:
    host: str = doc("IMAP server; empty: no IMAP", "")
    port: int = doc("993 for imaps, 143 otherwise", 993)
    tls: Tls = doc("imaps, starttls (refuses to go on without) or plain (loopback only)", "imaps")
    ca_file: str = doc("PEM file of the server's CA; empty: the system's", "")
    user: str = doc("login name", "")
    password_file: str = doc("file that holds the password alone", "")
    token_file: str = doc(
        "file that holds an OAuth2 access token; when set XOAUTH2 is used and the file is read anew at each login", ""
    )
    folder: str = doc("folder to read", "INBOX")
    done_folder: str = doc("taken messages are moved here after the commit; empty: they stay", "")
    poll_seconds: int = doc("search at least this often, IDLE or not", 300)
    timeout_seconds: float = doc("time-out of every command", 60.0)
    max_size: int = doc("a message larger than this is noted for a person, not fetched; octets", 36_700_160)
    since: str = doc("messages that arrived before this day (2026-11-01) stay where they are, untaken; empty: none", "")
    claim_folder: str = doc(
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
    oldest_days: int = doc("mail that arrived more days ago when it is decided goes to a person, whatever it asks", 7)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    host: str = doc("outgoing SMTP server", "127.0.0.1")
    port: int = doc("its port", 25)
    tls: RelayTls = doc("tls, starttls (refuses to go on without) or plain", "plain")
    user: str = doc("login name; empty: none", "")
    password_file: str = doc("file that holds the password alone", "")
    connections: int = doc("kept connections", 2)
    timeout_seconds: float = doc("time-out of every command", 60.0)
    domain: str = doc("right-hand side of our Message-IDs; empty: the domain of helpdesk.sending_address", "")


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    token_url: str = doc("HTTPS address of the token endpoint; [imap] and [delivery] without a secret log in by it", "")
    ca_file: str = doc("PEM file of its CA; empty: the system's", "")
    grant: GrantType = doc(
        "how tokens are had: for the client itself, or for a person who consented", "client_credentials"
    )
    client_id: str = doc("this client, as the provider knows it", "")
    client_secret_file: str = doc("file that holds the client's secret alone; empty: it has none", "")
    refresh_token_file: str = doc(
        "file that holds the refresh token alone; mailbot must own it and be able to write into its folder", ""
    )
    scope: str = doc("what is asked for; empty: what the provider gives", "")
    secret_expires: str = doc("day on which the client's secret ends (2027-11-30): told 14 days before", "")


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """The ceilings stand in config.contradictions: no breaker can be switched off."""

    strangers_per_hour: int = doc("mails that leave by themselves to anybody who writes; above it they wait", 200)
    strangers_per_day: int = doc("the same within 24 hours", 1500)
    correspondents_per_hour: int = doc("to proven senders about a ticket of theirs that was there already", 300)
    correspondents_per_day: int = doc("the same within 24 hours", 2000)
    logins_per_hour: int = doc("to proven logins of accounts, and about accepted applications", 3000)
    logins_per_day: int = doc("the same within 24 hours", 20_000)
    mail: str = doc("who is told that a breaker has tripped; empty: the log and /metrics tell it alone", "")


@dataclass(frozen=True, slots=True)
class ScannerSettings:
    address: str = doc(
        "clamd that scans files before anybody sees them: unix:/run/clamav/clamd.ctl, or host:3310; empty: none", ""
    )
    on_failure: OnFailure = doc(
        "while it does not answer a mail with files goes to a person, its files withheld, or waits", "person"
    )
    timeout_seconds: float = doc("longest scan of one file (at most an eighth of worker.lease_seconds)", 15.0)


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    address: str = doc("mailbot probe has its mail answered to this address; empty: no probes", "")
