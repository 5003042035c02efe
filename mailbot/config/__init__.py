"""Settings: defaults → mailbot.toml → environment (MAILBOT_<SECTION>_<KEY>); frozen; an unknown key is an error.

docs/settings.md is compared with ``sections``.
"""

from __future__ import annotations

from mailbot.config.mail import (
    AuthenticationRoad,
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
    Tls,
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
from mailbot.config.reading import in_environment, load, outdated
from mailbot.config.sections import (
    DatabaseSettings,
    KeySettings,
    LogForm,
    LogSettings,
    RulesSettings,
    SecretSettings,
    Settings,
    TrustSettings,
    WorkerSettings,
)
from mailbot.config.web import (
    ActivationSettings,
    ApiSettings,
    ConsoleSettings,
    HealthSettings,
    OidcSettings,
    WebSettings,
)

__all__ = [
    "AccountsSettings",
    "ActivationSettings",
    "ApiSettings",
    "AuditSettings",
    "AuthenticationRoad",
    "AuthenticationSettings",
    "BreakerSettings",
    "CaseBSettings",
    "ConsoleSettings",
    "CsdSettings",
    "DatabaseSettings",
    "DeliverySettings",
    "DeskSettings",
    "HealthSettings",
    "HelpdeskSettings",
    "ImapSettings",
    "IntakeSettings",
    "KeySettings",
    "ListenerSettings",
    "LogForm",
    "LogSettings",
    "OAuthSettings",
    "OidcSettings",
    "ProbeSettings",
    "RefusalSettings",
    "RulesSettings",
    "ScannerSettings",
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
    "outdated",
]
