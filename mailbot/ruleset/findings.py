"""What is found in a rule set: each with its place, how much it matters, and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

CODES: Mapping[str, str] = {
    "file": "a file is missing, misplaced, misnamed, too large, or not UTF-8",
    "not-yaml": "the file is not plain YAML",
    "type": "a text, a list or a mapping where another was expected",
    "unknown-key": "a key that does not exist",
    "missing-key": "a key that must be there",
    "unknown-word": "a word that cannot stand there",
    "empty": "nothing where something must be",
    "twice": "the same thing a second time",
    "value": "a value of the wrong form",
    "rules": "too many rules, or none",
    "state": "a state that does not go with the outcome",
    "desk": "a ticket that waits for a person, and for nobody",
    "tells-registry": "a mail of the office's own that only those get of whom the registry says something",
    "missing-template": "a mail without a template",
    "unreachable-rule": "a rule that no mail comes to",
    "unreachable-word": "a word of a rule with which no mail comes to it",
    "overlap": "two rules that want different ends for the same mail; the upper decides",
    "undecided": "an order of rules too tangled to be judged",
    "last-rule": "the last rule does not hand everything left to a person",
    "floor": "a rule that the security floor forbids",
    "fixed-text": "nearly a text that is promised to citizens letter by letter",
    "unused": "something that nothing uses",
    "no-effect": "something that has no effect",
    "template": "a mistake in the template of a mail",
    "contact": "an address, link or number that rules/contacts.yaml does not name",
    "title-and-windows": "title and windows of a notice do not name the same hours",
    "windows-overlap": "two windows of a notice overlap",
}
"""Code of a finding → what it is about."""


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The rule set is not used."""
    WARNING = "warning"
    """It is used, and probably does not do what was meant."""
    NOTE = "note"
    """Worth a look."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding, ordered by its place."""

    file: str
    line: int
    """Counts from 1."""
    column: int
    """Counts from 1; 0: the whole line (templates)."""
    text: str
    """The road of keys, and what is wrong there."""
    mend: str
    level: Level = Level.ERROR
    code: str = "value"
    """A key of ``CODES``: stable, ruleId of SARIF."""

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code

    def __str__(self) -> str:
        """``file:line:column: text; mend: mend``, as `mailbot rules check` prints it."""
        place = f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        level = "" if self.level is Level.ERROR else f"{self.level}: "
        return f"{place}: {level}{self.text}; mend: {self.mend}"


class Mistakes:
    """The findings of a rule set, in the order of files and lines."""

    def __init__(self) -> None:
        self._found: set[Finding] = set()

    def add(self, finding: Finding) -> None:
        """Keep one; the same at the same place is kept once."""
        self._found.add(finding)

    def all(self) -> list[Finding]:
        """Every finding."""
        return sorted(self._found)

    def errors(self) -> list[Finding]:
        """The findings for which the rule set is refused."""
        return [found for found in self.all() if found.level is Level.ERROR]

    def lines(self) -> list[str]:
        """The errors as they are printed."""
        return [str(found) for found in self.errors()]
