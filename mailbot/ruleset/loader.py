"""The admins' folder becomes a ``Ruleset``, or every mistake in it is told at once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mailbot.errors import RulesError
from mailbot.model import Defect, Difference
from mailbot.ruleset import procedures, signatures, texts
from mailbot.ruleset.document import Document, Mistakes
from mailbot.ruleset.model import Ruleset

FILES = ("categories.yaml", "contacts.yaml", "defects.yaml", "differences.yaml", "procedures.yaml", "signatures.yaml")


def load(directory: Path) -> Ruleset:
    """The rule set in ``directory``. Raises RulesError with every mistake: file:line:column, key and mend, one a line.

    The templates are read here but judged by ``mails.templates``, which knows what can be filled in.
    """
    ruleset, mistakes = _read(directory)
    if ruleset is None:
        raise RulesError("\n".join(mistakes))
    return ruleset


def check(directory: Path) -> list[str]:
    """Every mistake of the YAML files in ``directory``, one a line; empty: ``load`` takes it."""
    return _read(directory)[1]


def _read(directory: Path) -> tuple[Ruleset | None, list[str]]:
    mistakes = Mistakes()
    for stray in sorted({*directory.glob("*.yaml"), *directory.glob("*.yml")}):
        if stray.name not in FILES:
            mistakes.add(str(stray), 1, 1, f"is no file of a rule set; mend: one of {', '.join(FILES)}")
    documents = {name: Document(directory / name, mistakes) for name in FILES}
    categories = texts.read_categories(documents["categories.yaml"])
    contacts = texts.read_contacts(documents["contacts.yaml"])
    defects = texts.read_defects(documents["defects.yaml"])
    differences = texts.read_differences(documents["differences.yaml"])
    signing = signatures.read(documents["signatures.yaml"])
    templates = texts.read_templates(directory, mistakes)
    rules = procedures.read(documents["procedures.yaml"], frozenset(categories), frozenset(templates))
    lines = mistakes.lines()
    if lines or contacts is None or signing is None:
        return None, lines
    content = {name: document.text or "" for name, document in documents.items()}
    content |= {f"mails/{t.path.name}": t.source for t in templates.values()}
    assert len(defects) == len(Defect)
    assert len(differences) == len(Difference)
    ruleset = Ruleset(
        rules=rules,
        defects=defects,
        differences=differences,
        categories=categories,
        contacts=contacts,
        signatures=signing,
        templates=templates,
        hash=_hash(content),
        directory=directory,
    )
    return ruleset, lines


def _hash(content: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(content.items()):
        for part in (name.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
