"""What no file of a rule set can say alone: words that nothing uses, and words that the program needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.model.categories import CASE_A, CASE_B, GENERAL
from mailbot.ruleset import fixed, floor
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding, Level, Mistakes
from mailbot.ruleset.model import Ruleset
from mailbot.ruleset.texts import POLISH, TemplatesByLanguage

PROGRAM_CATEGORIES = (CASE_A, CASE_B, GENERAL)
"""The categories that the program gives by itself (mailbot.flow.facts)."""

SAID = ("categories.yaml", "contacts.yaml", "defects.yaml", "differences.yaml", "faq.yaml", "services.yaml")
"""Files whose words reach citizens. topics.yaml is not among them: its sayings may spell a subject as people do."""

Documents = Mapping[str, YamlDocument]


def errors(
    directory: Path,
    named: YamlDocument,
    said: Iterable[YamlDocument],
    categories: Mapping[str, str],
    templates: TemplatesByLanguage,
    mistakes: Mistakes,
) -> None:
    """Note what would fail when a mail is decided or written. ``named``: categories.yaml; ``said``: the files whose
    words reach citizens."""
    for document in said:
        for finding in fixed.findings(document.file, document.text or ""):
            mistakes.add(finding)
    for template in (template for found in templates.values() for template in found.values()):
        for finding in fixed.findings(str(template.path), template.source):
            mistakes.add(finding)
    for name in PROGRAM_CATEGORIES:
        if isinstance(named.root, MappingNode) and categories and name not in categories:
            what, mend = "is missing, and the program gives it to tickets", f'write "{name}:" here'
            named.wrong(named.root, name, what, mend, "missing-key")
    for kind in floor.ELSEWHERE:
        if kind not in templates[POLISH]:
            what, mend = f"{kind} has no template", f"write rules/mails/{kind}_….txt.j2"
            mistakes.add(Finding(str(directory / "mails"), 1, 0, what, mend, code="missing-template"))


def notes(documents: Documents, ruleset: Ruleset, mistakes: Mistakes) -> None:
    """Note what is of no use in a rule set without errors."""
    _note_categories(documents["categories.yaml"], ruleset)
    _note_topics(documents["topics.yaml"], ruleset)
    sent = {*floor.ELSEWHERE, *(kind for rule in ruleset.rules for kind in rule.mails)}
    for kind, template in ruleset.templates.items():
        if kind not in sent:
            what, mend = f"no rule sends {kind}", "name it in a rule, or take the file away"
            mistakes.add(Finding(str(template.path), 1, 0, what, mend, Level.NOTE, "unused"))


def _note_categories(document: YamlDocument, ruleset: Ruleset) -> None:
    used: set[str | None] = {*PROGRAM_CATEGORIES}
    used |= {rule.category for rule in ruleset.rules}
    used |= {topic.category for topic in ruleset.topics}
    used |= {faq.category for faq in ruleset.faqs}
    used |= {service.categories[0] for service in ruleset.services.values()}  # of a mail that names the service
    assert isinstance(document.root, MappingNode)
    for name, _ in document.root.value:
        if name.value not in used:
            document.note(name, name.value, "no ticket ever gets this category", "name it, or delete it", "unused")


def _note_topics(document: YamlDocument, ruleset: Ruleset) -> None:
    asked = {word for rule in ruleset.rules for word in rule.when.get("topic", ())}
    for topic in ruleset.topics:
        if topic.name not in asked:
            what, mend = "no rule asks for this topic", "name it in a rule, or delete it"
            document.note(_name_node(document, topic.name), "name", f'"{topic.name}": {what}', mend, "unused")


def _name_node(document: YamlDocument, name: str) -> Node:
    """Where the topic ``name`` gets its name."""
    assert isinstance(document.root, MappingNode)
    listed = next(value for key, value in document.root.value if key.value == "topics")
    assert isinstance(listed, SequenceNode)
    names = (value for topic in listed.value for key, value in topic.value if key.value == "name")
    return next(node for node in names if isinstance(node, ScalarNode) and node.value == name)
