"""The admins' folder becomes a ``Ruleset``, or every mistake in it is told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from mailbot.errors import RulesError
from mailbot.model import Defect, Difference, MailKind
from mailbot.ruleset import (
    applications,
    calendar,
    faq,
    languages,
    limits,
    lint,
    notices,
    procedures,
    retention,
    services,
    signatures,
    texts,
    topics,
    vocabulary,
)
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding, Mistakes
from mailbot.ruleset.model import Faq, Ruleset, Template, Topic
from mailbot.ruleset.sayings import Book, literal

FILES = (
    "applications.yaml",
    "calendar.yaml",
    "categories.yaml",
    "contacts.yaml",
    "defects.yaml",
    "differences.yaml",
    "faq.yaml",
    "limits.yaml",
    "notices.yaml",
    "procedures.yaml",
    "retention.yaml",
    "services.yaml",
    "signatures.yaml",
    "topics.yaml",
)
_LATER = frozenset({"retention.yaml"})
"""A rule set that was written before there was such a file goes without it."""


def load(directory: Path) -> Ruleset:
    """The rule set in ``directory``. Raises RulesError with every error: file:line:column, key and mend, one a line.

    The templates are read here but judged by ``mails.templates``, which knows what can be filled in.
    """
    ruleset, mistakes = _read(directory)
    if ruleset is None:
        raise RulesError("\n".join(mistakes.lines()))
    return ruleset


def examine(directory: Path) -> tuple[Ruleset | None, list[Finding]]:
    """The rule set in ``directory``, or None when there is an error, and everything found in its files."""
    ruleset, mistakes = _read(directory)
    return ruleset, mistakes.all()


def check(directory: Path) -> list[Finding]:
    """Everything found in the YAML files in ``directory``; no error among them: ``load`` takes it."""
    return examine(directory)[1]


def _read(directory: Path) -> tuple[Ruleset | None, Mistakes]:
    mistakes = Mistakes()
    documents = _documents(directory, mistakes)
    categories = texts.read_categories(documents["categories.yaml"])
    contacts = texts.read_contacts(documents["contacts.yaml"])
    defects = texts.read_defects(documents["defects.yaml"])
    differences = texts.read_differences(documents["differences.yaml"])
    signing = signatures.read(documents["signatures.yaml"])
    words_of_case_b = applications.read(documents["applications.yaml"])
    hours = calendar.read(documents["calendar.yaml"])
    limit = limits.read(documents["limits.yaml"])
    breaks = notices.read(documents["notices.yaml"])
    spoken, spoken_in = languages.read(directory, categories, mistakes)
    written = texts.read_templates(directory, mistakes, [Path(document.file).stem for document in spoken_in])
    templates = written[texts.POLISH]
    matters = topics.read(documents["topics.yaml"], categories)
    systems = faq.read(documents["faq.yaml"], categories)
    ages = retention.read(documents["retention.yaml"]) if "retention.yaml" in documents else {}
    claimed = services.OtherFiles(categories, contacts.phones if contacts else ())
    catalogue = services.read(documents["services.yaml"], claimed)
    words = vocabulary.words((topic.name for topic in matters), catalogue, spoken)
    known = procedures.RuleVocabulary(words, categories, templates)
    rules = procedures.read(documents["procedures.yaml"], known)
    said = (*(documents[name] for name in lint.SAID), *spoken_in)
    lint.errors(directory, documents["categories.yaml"], said, categories, written, mistakes)
    if (
        mistakes.errors()
        or contacts is None
        or signing is None
        or words_of_case_b is None
        or hours is None
        or limit is None
    ):
        return None, mistakes
    assert len(defects) == len(Defect)
    assert len(differences) == len(Difference)
    ruleset = Ruleset(
        rules=rules,
        defects=defects,
        differences=differences,
        categories=categories,
        contacts=contacts,
        signatures=signing,
        application_words=words_of_case_b,
        topics=matters,
        services=catalogue,
        faqs=systems,
        calendar=hours,
        limits=limit,
        retention=ages,
        notices=breaks,
        book=_book(matters, systems),
        words=words,
        templates=templates,
        translations={code: found for code, found in written.items() if code != texts.POLISH},
        languages=spoken,
        hash=_hash(directory, (*documents.values(), *spoken_in), written.values()),
        directory=directory,
    )
    lint.notes(documents, ruleset, mistakes)
    return ruleset, mistakes


def _book(matters: Iterable[Topic], systems: Iterable[Faq]) -> Book:
    said = [saying for topic in matters for saying in (*topic.said, *topic.context, *topic.unless)]
    for system in systems:
        said.extend((*system.about, *system.unless))
        for entry in system.entries:
            said.extend((*entry.said, literal(entry.question)))
    return Book(said)


def _documents(directory: Path, mistakes: Mistakes) -> dict[str, YamlDocument]:
    for stray in sorted({*directory.glob("*.yaml"), *directory.glob("*.yml")}):
        if stray.name not in FILES:
            mend = f"one of {', '.join(FILES)}"
            mistakes.add(Finding(str(stray), 1, 1, "is no file of a rule set", mend, code="file"))
    there = (name for name in FILES if name not in _LATER or not directory.is_dir() or (directory / name).exists())
    return {name: YamlDocument(directory / name, mistakes) for name in there}


def _hash(directory: Path, documents: Iterable[YamlDocument], templates: Iterable[Mapping[MailKind, Template]]) -> str:
    content = {str(Path(one.file).relative_to(directory)): one.text or "" for one in documents}
    content |= {f"mails/{one.path.name}": one.source for found in templates for one in found.values()}
    digest = hashlib.sha256()
    for name, text in sorted(content.items()):
        for part in (name.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
