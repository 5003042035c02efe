"""rules/faq.yaml: questions about other people's systems that a machine may answer."""

from __future__ import annotations

from collections.abc import Collection

from yaml.nodes import Node

from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import Faq, FaqEntry
from mailbot.ruleset.topics import bounded, own_category, own_name, sayings

LONGEST_LINE = 76
"""Characters of a line in our mails."""

SYSTEM = ("name", "title", "owner", "source", "published", "category", "about", "entries")
ENTRY = ("name", "question", "answer", "said")


def read(document: YamlDocument, categories: Collection[str]) -> tuple[Faq, ...]:
    """The systems of the file, in order. What is wrong with them is noted in the document's mistakes.

    ``categories``: those of rules/categories.yaml; empty when that file could not be read.
    """
    if document.root is None:
        return ()
    listed = document.entries(document.root, "", ("systems",)).get("systems")
    found: list[Faq] = []
    for node in bounded(document, listed, "systems", least=0):
        system = _system(document, node, categories, [f.name for f in found])
        if system is not None:
            found.append(system)
    return tuple(found)


def _system(document: YamlDocument, node: Node, categories: Collection[str], taken: Collection[str]) -> Faq | None:
    entries = document.entries(node, "", SYSTEM, ("unless",))
    name = own_name(document, entries.get("name"), "name", taken)
    title, owner, source = (document.string(entries.get(key), key) for key in ("title", "owner", "source"))
    published = values.day(document, entries.get("published"), "published")
    category = own_category(document, entries.get("category"), "category", categories)
    about = sayings(document, entries.get("about"), "about")
    unless = sayings(document, entries.get("unless"), "unless")
    answered: list[FaqEntry] = []
    for item in bounded(document, entries.get("entries"), "entries"):
        entry = _entry(document, item, [e.name for e in answered])
        if entry is not None:
            answered.append(entry)
    if not (name and title and owner and source and published and category and about and answered):
        return None
    return Faq(name, title, owner, source, published, category, about, unless, tuple(answered))


def _entry(document: YamlDocument, node: Node, taken: Collection[str]) -> FaqEntry | None:
    entries = document.entries(node, "entries", ENTRY)
    name = own_name(document, entries.get("name"), "entries.name", taken)
    question = document.string(entries.get("question"), "entries.question")
    said = sayings(document, entries.get("said"), "entries.said")
    lines = [_line(document, item) for item in bounded(document, entries.get("answer"), "entries.answer")]
    if not (name and question and said and lines):
        return None
    return FaqEntry(name, question, tuple(line for line in lines if line), said)


def _line(document: YamlDocument, node: Node) -> str | None:
    line = document.string(node, "entries.answer")
    if line is not None and len(line) > LONGEST_LINE:
        what = f"is longer than {LONGEST_LINE} characters, so a mail program would break it"
        document.wrong(node, "entries.answer", what, "write two lines")
    return line
