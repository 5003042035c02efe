"""Every failure mailbot knows, as one tree.

MailbotError
├── TemporaryError            trying again later may help (SMTP 4xx, a locked database, DNS time-out)
│   ├── DatabaseUnavailable
│   │   └── DatabaseGone      its file was deleted or replaced while we ran: our process must end
│   ├── MailboxUnavailable    the IMAP server does not answer
│   ├── ResolverUnavailable   the DNS does not answer
│   ├── ReadingFailed         the process that understands mails died at a batch or was ended
│   ├── RelayUnavailable      the outgoing SMTP server does not answer or says 4xx
│   │   └── RelayMisconfigured  it refuses us, not the mail: a setting here or there is wrong
│   ├── RegistryUnavailable   the registry of accounts does not answer, or not as it should
│   │   └── NotAsked          a transaction needs accounts that must be asked for before it
│   └── TrustSourceUnavailable  a trusted list or a CRL cannot be downloaded
└── PermanentError            trying again cannot help
    ├── ConfigError           a setting is wrong: file, key and mend are named
    ├── RulesError            a rule set is wrong: file, line, key and mend are named
    ├── ImportRefused         a file of accounts has bad lines and the admin asked to refuse them
    ├── RelayRefused          the outgoing SMTP server refuses this mail for good
    ├── TemplateError         a mail template cannot be rendered
    ├── SealBroken            a stored message cannot be opened with the key of this installation
    ├── TrustRefused          a trusted list or a CRL is not authentic, overdue or cannot be read
    └── LeaseLost             another worker has taken the row over: its result counts, ours is dropped

The public text may be shown to anybody; the private reason is for logs and operators only and never leaves the machine.
"""

from __future__ import annotations

from typing import ClassVar


class MailbotError(Exception):
    """Base of all failures: ``public`` may be told to a stranger, ``reason`` may not."""

    temporary: ClassVar[bool] = False
    public: ClassVar[str] = "internal failure"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemporaryError(MailbotError):
    """Trying again later may help."""

    temporary = True
    public = "temporary failure, try again later"


class PermanentError(MailbotError):
    """Trying again cannot help."""

    public = "permanent failure"


class DatabaseUnavailable(TemporaryError):
    """The database does not answer, is locked or refused the transaction."""


class DatabaseGone(DatabaseUnavailable):
    """The file of the database was deleted, moved or replaced. The process must end, and not start again by itself."""


class MailboxUnavailable(TemporaryError):
    """The IMAP server does not answer, cut the connection or refused a command."""


class ResolverUnavailable(TemporaryError):
    """The DNS did not answer in time or answered SERVFAIL."""


class ReadingFailed(TemporaryError):
    """The process that understands mails died, or took too long or too much memory: a mail of the batch may be why."""


class RelayUnavailable(TemporaryError):
    """The outgoing SMTP server does not answer or answered 4xx."""

    def __init__(
        self, reason: str, code: int | None = None, *, in_doubt: bool = False, unreachable: bool = False
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.unreachable = unreachable
        """True when no mail was spoken of: every other would fail as well."""
        self.in_doubt = in_doubt
        """True when the connection broke behind the server's 354: nobody knows whether the mail was taken."""


class RelayMisconfigured(RelayUnavailable):
    """The outgoing SMTP server refuses us, whatever the mail: it waits, and somebody must mend a setting."""


class RegistryUnavailable(TemporaryError):
    """The registry of accounts does not answer, or not as SCIM says. Never a reason to call a login unknown."""


class NotAsked(RegistryUnavailable):
    """A transaction needs accounts of a registry on another machine: ask for them, then run it again."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__("the registry of accounts was not asked for a login")
        self.keys = keys


class TrustSourceUnavailable(TemporaryError):
    """A trusted list or a CRL cannot be downloaded."""


class TrustRefused(PermanentError):
    """A trusted list or a CRL is not authentic, overdue or cannot be read."""


class RelayRefused(PermanentError):
    """The outgoing SMTP server refused this recipient or this mail for good."""

    def __init__(self, reason: str, code: int, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.gone = gone
        """True when there is no such mailbox."""


class ConfigError(PermanentError):
    """A setting is wrong. The text names the file, the key and the mend."""

    public = "configuration error"


class RulesError(PermanentError):
    """A rule set is wrong. The text names file, line, key and mend of every mistake, one a line."""

    public = "rule set error"


class TemplateError(PermanentError):
    """A mail template cannot be rendered."""


class SealBroken(PermanentError):
    """A stored message cannot be opened: another key, or damaged octets. The text names the mend."""


class ImportRefused(PermanentError):
    """A file of accounts cannot be read, or has bad lines and the admin asked to refuse such files."""


class LeaseLost(PermanentError):
    """The lease of a row ran out and another worker holds it now."""
