"""The sections about what the office does: tickets, refusals, changes of login, accounts, its people, CSD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailbot.config.described import doc

AccountsSource = Literal["sql", "scim"]


@dataclass(frozen=True, slots=True)
class TicketSettings:
    start: int = doc("number of the first ticket (ZGL and seven digits)", 1)
    promise_hours: int = doc("hours within which all three mails must be accepted", 24)


@dataclass(frozen=True, slots=True)
class RefusalSettings:
    delay_min_minutes: int = doc(
        "shortest random delay of a generic refusal, so that its time tells nothing about accounts", 10
    )
    delay_max_minutes: int = doc("longest", 60)


@dataclass(frozen=True, slots=True)
class CaseBSettings:
    hold_hours: float = doc(
        "hours between the warning to the old login and the mails about the new one; less than tickets.promise_hours",
        4.0,
    )
    latecomers_minutes: float = doc(
        "after a start or an outage the mails about a new login wait so long: a STOP that was sent meanwhile still "
        "comes (Postfix tries again within 67 minutes)",
        70.0,
    )


@dataclass(frozen=True, slots=True)
class SignatureSettings:
    workers: int = doc("processes that check signed applications; each takes about 100 MB", 1)
    deadline_seconds: float = doc("longest check of the files of one mail; after it a person looks", 20.0)


@dataclass(frozen=True, slots=True)
class AccountsSettings:
    source: AccountsSource = doc(
        "sql: the embedded registry (mailbot accounts import); scim: a registry of the office (docs/registry.md)", "sql"
    )
    url: str = doc("scim: address of the service, https://…, up to what stands before /Users", "")
    token_file: str = doc("scim: file that holds the bearer token alone; read anew each time", "")
    certificate: str = doc("scim: PEM file of our client certificate; with key, in place of a token", "")
    key: str = doc("scim: PEM file of its key", "")
    ca_file: str = doc("scim: PEM file of the service's CA; empty: the system's", "")
    timeout_seconds: float = doc("scim: longest wait for one answer", 5.0)


@dataclass(frozen=True, slots=True)
class CsdSettings:
    url: str = doc("where CSD takes the events of tickets as signed webhooks (docs/csd.md); empty: no connector", "")
    secrets_file: str = doc(
        "file of the secrets that sign them, one whsec_… a line; two while one replaces the other", ""
    )
    ca_file: str = doc("PEM file of the receiver's CA; empty: the system's", "")
    timeout_seconds: float = doc("longest that one event may take", 10.0)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    take_back_seconds: int = doc("what a person writes waits so long in the outbox and can be taken back", 30)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    head_minutes: int = doc("the head of the audit chain is written to the log so often; 0: never", 60)
    head_file: str = doc("it is added to this file, best where this machine can only add; empty: none", "")
    head_mail: str = doc("it is mailed to this address, outside of this installation; empty: none", "")
