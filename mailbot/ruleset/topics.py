"""rules/topics.yaml: what a mail outside the special procedure may be about."""

from __future__ import annotations

import re
from collections.abc import Collection

from yaml.nodes import Node, SequenceNode

from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import Topic
from mailbot.ruleset.sayings import NO_LISTS, Lists, Saying, Words, parse
from mailbot.ruleset.vocabulary import FACTS

NAME = re.compile(r"(?=.{1,40}\Z)[a-z0-9]+(-[a-z0-9]+)*")
MOST = 100
"""Topics in the file, and sayings in one list: all are looked for in every mail."""

_MOST_WORDS = 500
REQUIRED = ("name", "title", "said")
OPTIONAL = ("category", "context", "unless", "nothing_but", "yields_to")


def read(document: YamlDocument, categories: Collection[str]) -> tuple[Topic, ...]:
    """The topics of the file, in order. What is wrong with them is noted in the document's mistakes.

    ``categories``: those of rules/categories.yaml; empty when that file could not be read.
    """
    if document.root is None:
        return ()
    entries = document.entries(document.root, "", ("topics",), ("words",))
    lists = named_lists(document, entries.get("words"))
    found: list[Topic] = []
    for node in bounded(document, entries.get("topics"), "topics"):
        topic = _topic(document, node, categories, [t.name for t in found], lists)
        if topic is not None:
            found.append(topic)
    return tuple(found)


def bounded(document: YamlDocument, node: Node | None, key: str, least: int = 1, most: int = MOST) -> list[Node]:
    """The items of a list of ``least`` to ``most`` items."""
    if node is None:
        return []
    found = document.items(node, key)
    if isinstance(node, SequenceNode) and not least <= len(found) <= most:
        document.wrong(node, key, f"holds {len(found)} items", f"write {least} to {most}")
        return []
    return found


def own_name(document: YamlDocument, node: Node | None, key: str, taken: Collection[str]) -> str | None:
    """A name in small letters that stands for one thing only; rules ask for it by this word."""
    name = document.string(node, key)
    if node is None or name is None:
        return None
    if not NAME.fullmatch(name):
        document.wrong(node, key, f'"{name}" is not a name', 'write small letters, digits and "-", up to 40')
    elif name in taken:
        document.wrong(node, key, f'"{name}" is taken', "give everything its own name")
    else:
        return name
    return None


def own_category(document: YamlDocument, node: Node | None, key: str, categories: Collection[str]) -> str | None:
    """A category of rules/categories.yaml."""
    if not categories:  # that file could not be read, which has been told
        return None
    return document.word(node, key, categories, "in rules/categories.yaml")


def sayings(document: YamlDocument, node: Node | None, key: str, lists: Lists = NO_LISTS) -> tuple[Saying, ...]:
    """A list of sayings, none twice."""
    found: list[Saying] = []
    for item in bounded(document, node, key):
        saying = _saying(document, item, key, lists)
        if saying in found:
            document.wrong(item, key, f'"{saying.text}" stands twice', "keep one")
        elif saying is not None:
            found.append(saying)
    return tuple(found)


def _saying(document: YamlDocument, node: Node, key: str, lists: Lists = NO_LISTS) -> Saying | None:
    text = document.string(node, key)
    if text is None:
        return None
    try:
        return parse(text, lists)
    except ValueError as error:
        what, _, mend = str(error).partition("; ")
        document.wrong(node, key, what, mend)
        return None


def named_lists(document: YamlDocument, node: Node | None) -> Lists:
    """The lists of words that sayings may name."""
    if node is None:
        return NO_LISTS
    listed = document.mapping(node, "words").items()
    found = {name: single_words(document, item, f"words.{name}") for name, item in listed}
    return {name: words for name, words in found.items() if words is not None}


def single_words(document: YamlDocument, node: Node | None, key: str, lists: Lists = NO_LISTS) -> Words | None:
    """Single words; None when there are none."""
    whole: set[str] = set()
    stems: list[str] = []
    for item in bounded(document, node, key, most=_MOST_WORDS):
        saying = _saying(document, item, key, lists)
        if saying is None:
            continue
        words = saying.steps[0].words
        if len(saying.steps) > 1 or words is None:
            document.wrong(item, key, f'"{saying.text}" is more than one word', "write each word as an item")
        else:
            whole |= words.whole
            stems.extend(words.stems)
    return Words(frozenset(whole), tuple(stems)) if whole or stems else None


def _yields(document: YamlDocument, node: Node | None, above: Collection[str]) -> tuple[str, ...]:
    """Only to topics above, so that two can never yield to each other."""
    if node is None:
        return ()
    if not above:
        document.wrong(node, "yields_to", "there is no topic above this one", "move it down, or delete this line")
        return ()
    return document.words(node, "yields_to", above, "a topic above this one")


def _topic(
    document: YamlDocument, node: Node, categories: Collection[str], above: list[str], lists: Lists
) -> Topic | None:
    """None when it has no name. Else rules may ask for it, whatever is wrong with it: that is told once, here."""
    entries = document.entries(node, "", REQUIRED, OPTIONAL)
    name = own_name(document, entries.get("name"), "name", (*FACTS["topic"], *above))
    if name is None:
        return None
    return Topic(
        name=name,
        title=document.string(entries.get("title"), "title") or "",
        category=own_category(document, entries.get("category"), "category", categories),
        said=sayings(document, entries.get("said"), "said", lists),
        context=sayings(document, entries.get("context"), "context", lists),
        unless=sayings(document, entries.get("unless"), "unless", lists),
        nothing_but=single_words(document, entries.get("nothing_but"), "nothing_but"),
        yields_to=_yields(document, entries.get("yields_to"), above),
    )
