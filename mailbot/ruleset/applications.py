"""rules/applications.yaml: the words by which a signed document is the application of case B."""

from __future__ import annotations

from collections.abc import Collection

from yaml.nodes import Node

from mailbot.ruleset import topics, values
from mailbot.ruleset.document import Document
from mailbot.ruleset.model import Letter, Matter
from mailbot.ruleset.sayings import Book, Lists, Words

REQUIRED = ("name", "title", "said")
OPTIONAL = ("unless",)
LETTER = ("others", "words")
MOST_OTHERS = 60


def read(document: Document) -> Letter | None:
    """The words; None when there is a mistake that leaves nothing to ask (noted in the document)."""
    if document.root is None:
        return None
    entries = document.entries(document.root, "", ("wanted", "against", "letter"), ("words",))
    lists = topics.named_lists(document, entries.get("words"))
    wanted = _matters(document, entries.get("wanted"), "wanted", lists, ())
    against = _matters(document, entries.get("against"), "against", lists, [matter.name for matter in wanted])
    letter = document.entries(entries["letter"], "letter", LETTER) if "letter" in entries else {}
    others = values.number(document, letter["others"], "letter.others", 0, MOST_OTHERS) if "others" in letter else None
    words = _words(document, letter.get("words"), lists)
    if not wanted or not against or others is None or words is None:
        return None
    said = [saying for matter in (*wanted, *against) for saying in (*matter.said, *matter.unless)]
    return Letter(wanted, against, words, others, Book(said))


def _matters(
    document: Document, node: Node | None, key: str, lists: Lists, taken: Collection[str]
) -> tuple[Matter, ...]:
    found: list[Matter] = []
    for item in topics.bounded(document, node, key):
        optional = OPTIONAL if key == "against" else ()
        entries = document.entries(item, key, REQUIRED, optional)
        name = topics.own_name(document, entries.get("name"), f"{key}.name", (*taken, *(m.name for m in found)))
        title = document.string(entries.get("title"), f"{key}.title")
        said = topics.sayings(document, entries.get("said"), f"{key}.said", lists)
        unless = topics.sayings(document, entries.get("unless"), f"{key}.unless", lists)
        if name and title and said:
            found.append(Matter(name, title, said, unless))
    return tuple(found)


def _words(document: Document, node: Node | None, lists: Lists) -> Words | None:
    return topics.single_words(document, node, "letter.words", lists) if node is not None else None
