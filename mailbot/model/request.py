"""What a mail asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SubjectClass(StrEnum):
    """Kind of subject (procedure §1.6, decision table)."""

    EXACT = "EXACT"
    NEAR = "NEAR"
    REPLY_EXACT = "REPLY_EXACT"
    NOWE = "NOWE"
    NOWE_NEAR = "NOWE_NEAR"
    ZGL = "ZGL"
    OTHER = "OTHER"


class Difference(StrEnum):
    """How a near-miss subject differs from the required one; the sentences stand in rules/differences.yaml."""

    CASE = "CASE"
    DIACRITICS = "DIACRITICS"
    PREFIX = "PREFIX"
    QUOTES = "QUOTES"
    PUNCT = "PUNCT"
    EXTRA = "EXTRA"
    PART = "PART"
    TYPO = "TYPO"
    SPACES = "SPACES"
    HOMOGLYPH = "HOMOGLYPH"
    CHARSET = "CHARSET"


@dataclass(frozen=True, slots=True)
class Subject:
    """A classified subject."""

    kind: SubjectClass
    text: str
    """Canonical form: NFC, no invisible characters, every space U+0020, trimmed (procedure §1.6)."""
    differences: tuple[tuple[Difference, str], ...] = ()
    """(code, detail) for NEAR; the detail is the prefix, the words... shown to the citizen, "" where there is none."""
    tickets: tuple[str, ...] = ()
    """ZGL numbers named in it, normalised "ZGL1234567"."""


class Phrase(StrEnum):
    """Which sentence of the procedure stands in the body (seed 001)."""

    A = "A"
    B = "B"


REQUIRED_SUBJECT = "HASŁO AWARYJNE PUESC PROCEDURA SPECJALNA"
"""The subject on the procedure's card (seed 001, P3): code, not rules, as nothing else may be accepted or asked."""

SENTENCES: Mapping[Phrase, str] = {
    Phrase.A: "Proszę o zmianę hasła awaryjnego dla",
    Phrase.B: "Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla",
}
"""The sentences of the card (seed 001, P5 and P11); name and birth year follow."""


class Defect(StrEnum):
    """Formal defects: visible in the mail itself, named precisely and all at once (procedure §3.1)."""

    EMPTY = "EMPTY"
    PHRASE_MISSING = "PHRASE_MISSING"
    PLACEHOLDER = "PLACEHOLDER"
    NAME_MISSING = "NAME_MISSING"
    YEAR_MISSING = "YEAR_MISSING"
    TWO_PERSONS = "TWO_PERSONS"
    ATTACHMENT_MISSING = "ATTACHMENT_MISSING"
    UNSIGNED = "UNSIGNED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURE_KIND = "SIGNATURE_KIND"
    SIGNER_NOT_APPLICANT = "SIGNER_NOT_APPLICANT"
    APP_NEW_EMAIL_DIFFERS = "APP_NEW_EMAIL_DIFFERS"
    APP_INCOMPLETE = "APP_INCOMPLETE"
    CONTAINER = "CONTAINER"
    DETACHED_ONLY = "DETACHED_ONLY"
    PHRASE_A_WITH_APPLICATION = "PHRASE_A_WITH_APPLICATION"


@dataclass(frozen=True, slots=True)
class Request:
    """What a mail with the exact subject asks for."""

    phrase: Phrase | None
    names: tuple[str, ...]
    """The words that stand where the name should, as written, courtesy words and labels removed."""
    year: int | None
    """Birth year, four digits."""
    defects: tuple[Defect, ...]
    """Formal defects of the body, in the order of rules/defects.yaml."""
