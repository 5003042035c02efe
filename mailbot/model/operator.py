"""Who works here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is for."""

    CONSULTANT = "consultant"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Operator:
    """A person of the office. desks: those whose tickets they see; empty: all. language: "pl" or "en".

    person: False for another system that acts with a token (operators/tokens.py)."""

    id: int
    name: str
    display: str
    roles: frozenset[Role]
    desks: frozenset[str]
    language: str
    person: bool = True
