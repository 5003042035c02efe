"""The account, and the signed application of case B."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mailbot.model.request import Defect


class Match(StrEnum):
    """How a datum of the mail compares with the account."""

    OK = "ok"
    DOUBT = "doubt"
    MISMATCH = "mismatch"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """There is no account to compare with, or it was not asked."""


class ApplicationState(StrEnum):
    """What became of the files of a mail when they were checked as a signed application (procedure §3.3)."""

    NONE = "none"
    """No file is attached."""
    NOT_ASKED = "not-asked"
    """Nobody looked: nothing depends on it."""
    UNSIGNED = "unsigned"
    CONTAINER = "container"
    """Archive, encrypted or too large: it is not opened."""
    DETACHED = "detached"
    """A signature without what it signs."""
    INVALID = "invalid"
    OTHER_KIND = "other-kind"
    DOUBT = "doubt"
    """Signed, but not known for certain: only a person can tell."""
    SEVERAL = "several"
    """More than one signature."""
    UNCHECKED = "unchecked"
    """The check itself failed, so not even known whether it is signed."""
    MALWARE = "malware"
    QUALIFIED = "qualified"
    TRUSTED = "trusted"
    ADMITTED = "admitted"
    """A good signature of another kind that rules/signatures.yaml admits."""

    @property
    def accepted(self) -> bool:
        """Whether the signature is good and of a kind that counts."""
        return self in (self.QUALIFIED, self.TRUSTED, self.ADMITTED)

    @property
    def tried(self) -> bool:
        """Whether the citizen attached more than an ordinary file: something signed, or meant to be."""
        return self not in (self.NONE, self.NOT_ASKED, self.UNSIGNED, self.UNCHECKED, self.MALWARE)


@dataclass(frozen=True, slots=True)
class Applicant:
    """The person who signed an application, as the signature names them."""

    given: str
    surname: str
    birth_year: int | None
    """Of the PESEL or birth date in the signature."""
    pesel_hash: str | None


@dataclass(frozen=True, slots=True)
class View:
    """What the reader saw of an application, for the person who decides."""

    text: str
    """What its letters say."""
    seen: str | None
    """What was recognised in its picture; None: it has none."""
    pictures: tuple[bytes, ...]
    """PNG of its first pages."""


@dataclass(frozen=True, slots=True)
class ApplicationCheck:
    """The files of one mail as a signed application: what can be said before any account was asked."""

    state: ApplicationState
    defects: tuple[Defect, ...] = ()
    """Formal defects of the application; they count under the sentence of case B only."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What fills {czego} and {limit} of their sentences."""
    old_login: str | None = None
    """As the application names it."""
    parted_login: bool = False
    """It is right if a hyphen at a line's end belongs to it: where nobody has that login, a person looks."""
    applicant: Applicant | None = None
    body: Match | None = None
    """Name and birth year of the body against the signer; None: could not be compared."""
    payload_sha256: str | None = None
    signature_sha256: str | None = None
    whole: bool = False
    """One signature that fits every octet of what it signs, of a known signer: two people may accept what a machine
    must not (desk/floor.py)."""
    notes: tuple[str, ...] = ()
    """Private reasons, for operators."""
    view: View | None = field(default=None, repr=False)
    """What the reader saw; None: nothing was read."""
    reports: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """Of every file that was looked at, as signatures.report.to_json tells it, for the person who decides."""
    read: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the application says, by the names of application.data.Application; only what is there for certain."""


class AccountStatus(StrEnum):
    """State of a PUESC account."""

    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Account:
    """One PUESC account, as the directory knows it."""

    login: str
    given: str
    surname: str
    birth_year: int
    sex: str | None = None
    """"m", "f" or None when unknown."""
    pesel_hash: str | None = None
    """Keyed hash (HMAC-SHA256, hex); the number itself is never stored."""
    scope: str = "podstawowy"
    csd: bool = False
    """Has a profile in the CSD portal (condition of the channel NOWE)."""
    status: AccountStatus = AccountStatus.ACTIVE
    doubtful: bool = False
    """The registry gave no clear answer about the login: a person decides, nobody may accept, and no datum is known."""
