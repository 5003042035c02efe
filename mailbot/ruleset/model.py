"""A rule set as values: frozen, complete, checked. ``loader.load`` makes it from the admins' folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mailbot.model import Defect, Difference, MailKind, Outcome, State


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of rules/procedures.yaml."""

    name: str
    row: int | None
    """Row of the decision table (domain.md §3.2); None: not in the table."""
    title: str
    when: Mapping[str, tuple[str, ...]]
    """Fact → accepted words, any of them; all facts named must hold."""
    outcome: Outcome
    category: str | None
    """None: the category of the request itself."""
    state: State
    desk: str
    mails: tuple[MailKind, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """How one difference of a subject is told to the citizen."""

    text: str
    """May hold one {placeholder} for words of the citizen's subject."""
    general: str
    """The same without these words, for a sender whose address is not proven (domain.md §3.5, backscatter)."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """rules/contacts.yaml: the only telephones, addresses and links our mails may name."""

    helpdesk: str
    portal: str
    """https URL without a slash at the end."""
    phones: Mapping[str, str]
    """Service → number as it is printed."""


@dataclass(frozen=True, slots=True)
class SignatureRules:
    """rules/signatures.yaml: which signatures under an application count."""

    accept: frozenset[str]
    """Kinds (words of ``signatures.report.Kind``)."""
    seal_organizations: frozenset[str]
    """organizationIdentifier of the minister who seals podpis zaufany, e.g. "VATPL-5252955037"."""
    seal_name: re.Pattern[str]
    """The whole commonName of the seal."""
    revocation_max_age: timedelta
    signed_max_age: timedelta
    crl_urls: tuple[str, ...]
    """Where ``mailbot trust update`` takes CRLs besides the addresses of the trusted list."""


@dataclass(frozen=True, slots=True)
class Template:
    """The text of one file of rules/mails, not compiled."""

    path: Path
    source: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that the admins' folder says."""

    rules: tuple[Rule, ...]
    """In order; the last one has no condition and hands the mail to a person."""
    defects: Mapping[Defect, str]
    """Formal defect → sentence, in the order in which they are listed to the citizen."""
    differences: Mapping[Difference, Sentence]
    categories: Mapping[str, str]
    """Category of a ticket → its name in the registration mail."""
    contacts: Contacts
    signatures: SignatureRules
    templates: Mapping[MailKind, Template]
    hash: str
    """SHA-256 (hex) over every file that was read."""
    directory: Path
