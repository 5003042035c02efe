"""rules/applications.yaml: the words by which a signed document is the application of case B."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from yaml.nodes import Node

from mailbot.ruleset import topics
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Mistakes
from mailbot.ruleset.model import ApplicationWords, Clause, Matter
from mailbot.ruleset.sayings import Book, Lists, Step, Words, plain, sentences

REQUIRED = ("name", "title", "said")
OPTIONAL = ("unless",)
BEGINS = ("begins",)
LETTER = ("clauses", "joints", "never", "guarded", "firms", "trades", "towns")
CLAUSE = ("name", "title")
CLAUSE_OPTIONAL = ("said", "denied", "of", "words", "places", "near", "free")
FREE = ("words", "verbs", "never", "address")
MOST_TOWNS = 1_000
MOST_CLAUSES = 200
NONE = Words(frozenset())
_ANOTHER = sentences(plain("Dzień dobry, proszę o fakturę. Nie mam konta. Z poważaniem, Jan Kowalski, login jan"))
"""A letter about something else: what is wanted and stands in it asks for nothing."""


def read(document: YamlDocument) -> ApplicationWords | None:
    """The words; None when there is a mistake that leaves nothing to ask (noted in the document)."""
    if document.root is None:
        return None
    entries = document.entries(document.root, "", ("wanted", "against", "letter"), ("words",))
    lists = topics.named_lists(document, entries.get("words"))
    wanted = _matters(document, entries.get("wanted"), "wanted", lists, ())
    against = _matters(document, entries.get("against"), "against", lists, [matter.name for matter in wanted])
    letter = document.entries(entries["letter"], "letter", LETTER) if "letter" in entries else {}
    joints, never, guarded, firms, trades = (
        topics.single_words(document, letter.get(key), f"letter.{key}", lists)
        for key in ("joints", "never", "guarded", "firms", "trades")
    )
    towns = _towns(document, letter.get("towns"))
    clauses = _clauses(document, letter.get("clauses"), lists)
    if not wanted or not against or not clauses or not (joints and never and guarded and firms and trades):
        return None
    said = [saying for matter in (*wanted, *against) for saying in (*matter.said, *matter.unless)]
    titles = [saying for matter in wanted for saying in matter.begins]
    return ApplicationWords(
        wanted=wanted,
        against=against,
        clauses=clauses,
        words=_joined(words for kind in clauses for words in (kind.said, kind.denied, kind.of, kind.words)),
        joints=joints,
        never=never,
        guarded=guarded,
        firms=firms,
        trades=trades,
        towns=towns,
        book=Book(said),
        titles=Book(titles),
        heads=_union(saying.steps[:1] for saying in titles),
        titled=_union(saying.steps for saying in titles),
        source=document.text or "",
    )


def reread(source: str) -> ApplicationWords:
    """The words of which ``source`` is the file, which has been read without mistakes. Raises ValueError when not."""
    found = read(YamlDocument(Path("applications.yaml"), Mistakes(), text=source))
    if found is None:
        raise ValueError("no words of applications")
    return found


def _union(steps: Iterable[Iterable[Step]]) -> Words:
    """Every word that one of the steps may be."""
    return _joined(step.words for some in steps for step in some if step.words)


def _joined(words: Iterable[Words]) -> Words:
    every = list(words)
    stems = {stem for some in every for stem in some.stems}
    return Words(frozenset(word for some in every for word in some.whole), tuple(sorted(stems)))


def _towns(document: YamlDocument, node: Node | None) -> frozenset[str]:
    items = topics.bounded(document, node, "letter.towns", most=MOST_TOWNS)
    names = [document.string(item, "letter.towns") for item in items]
    return frozenset(plain(name) for name in names if name)


def _clauses(document: YamlDocument, node: Node | None, lists: Lists) -> tuple[Clause, ...]:
    found: list[Clause] = []
    for item in topics.bounded(document, node, "letter.clauses", most=MOST_CLAUSES):
        entries = document.entries(item, "letter.clauses", CLAUSE, CLAUSE_OPTIONAL)
        name = topics.own_name(document, entries.get("name"), "letter.clauses.name", [kind.name for kind in found])
        title = document.string(entries.get("title"), "letter.clauses.title")
        said, denied, of, words = (
            topics.single_words(document, entries.get(key), f"letter.clauses.{key}", lists) or NONE
            for key in ("said", "denied", "of", "words")
        )
        places, near = (_yes(document, entries.get(key), f"letter.clauses.{key}") for key in ("places", "near"))
        free = document.word(entries.get("free"), "letter.clauses.free", FREE, "words, verbs, never or address") or ""
        if not (said or denied or of or words):
            document.wrong(item, "letter.clauses", "names no words", "write said, denied, of or words")
        elif name and title:
            found.append(Clause(name, title, said, denied, of, words, places, near, free))
    return tuple(found)


def _yes(document: YamlDocument, node: Node | None, key: str) -> bool:
    return document.word(node, key, ("true", "false"), "true or false") == "true"


def _matters(
    document: YamlDocument, node: Node | None, key: str, lists: Lists, taken: Collection[str]
) -> tuple[Matter, ...]:
    found: list[Matter] = []
    for item in topics.bounded(document, node, key):
        optional = OPTIONAL if key == "against" else BEGINS
        entries = document.entries(item, key, REQUIRED, optional)
        name = topics.own_name(document, entries.get("name"), f"{key}.name", (*taken, *(m.name for m in found)))
        title = document.string(entries.get("title"), f"{key}.title")
        said = topics.sayings(document, entries.get("said"), f"{key}.said", lists)
        unless = topics.sayings(document, entries.get("unless"), f"{key}.unless", lists)
        if key == "wanted" and said and Book(said).found(_ANOTHER):
            document.wrong(entries["said"], f"{key}.said", "stands in every letter", "ask for words of case B")
        begins = topics.sayings(document, entries.get("begins"), f"{key}.begins", lists)
        if name and title and said:
            found.append(Matter(name, title, said, unless, begins))
    return tuple(found)
