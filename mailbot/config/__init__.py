"""Settings: defaults → mailbot.toml → environment (MAILBOT_<SECTION>_<KEY>); frozen; an unknown key is an error.

docs/settings.md is compared with ``sections``.
"""

from __future__ import annotations

from mailbot.config.reading import in_environment, load
from mailbot.config.sections import (
    ActivationSettings,
    AuditSettings,
    AuthenticationRoad,
    AuthenticationSettings,
    CaseBSettings,
    ConsoleSettings,
    DatabaseSettings,
    DeliverySettings,
    DeskSettings,
    HelpdeskSettings,
    ImapSettings,
    IntakeSettings,
    KeySettings,
    ListenerSettings,
    OidcSettings,
    RefusalSettings,
    RulesSettings,
    SecretSettings,
    Settings,
    SignatureSettings,
    SpamSettings,
    TicketSettings,
    Tls,
    TrustSettings,
    WebSettings,
    WorkerSettings,
)

__all__ = [
    "ActivationSettings",
    "AuditSettings",
    "AuthenticationRoad",
    "AuthenticationSettings",
    "CaseBSettings",
    "ConsoleSettings",
    "DatabaseSettings",
    "DeliverySettings",
    "DeskSettings",
    "HelpdeskSettings",
    "ImapSettings",
    "IntakeSettings",
    "KeySettings",
    "ListenerSettings",
    "OidcSettings",
    "RefusalSettings",
    "RulesSettings",
    "SecretSettings",
    "Settings",
    "SignatureSettings",
    "SpamSettings",
    "TicketSettings",
    "Tls",
    "TrustSettings",
    "WebSettings",
    "WorkerSettings",
    "in_environment",
    "load",
]
