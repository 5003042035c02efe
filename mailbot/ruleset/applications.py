"""rules/applications.yaml: the words by which a signed document is the application of case B."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from yaml.nodes import Node

from mailbot.ruleset import topics, values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import ApplicationWords, Matter, Part, Telling
from mailbot.ruleset.sayings import Book, Lists, Saying, Step, Words, plain, sentences

REQUIRED = ("name", "title", "said")
OPTIONAL = ("unless",)
BEGINS = ("begins",)
LETTER = ("others", "never", "firms", "denied", "parts", "verbs", "reasons", "tellings")
PART = ("name", "title", "words")
PART_OPTIONAL = ("said", "spare", "past", "without")
TELLING = ("name", "title", "of")
TELLING_OPTIONAL = ("unless", "yes", "no", "past", "never", "is", "needs", "bare", "whole")
MOST_OTHERS = 60
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
    others = values.number(document, letter["others"], "letter.others", 0, MOST_OTHERS) if "others" in letter else None
    firms = topics.single_words(document, letter.get("firms"), "letter.firms", lists)
    never = topics.single_words(document, letter.get("never"), "letter.never", lists)
    parts = _parts(document, letter.get("parts"), lists)
    denied = topics.single_words(document, letter.get("denied"), "letter.denied", lists)
    verbs = topics.single_words(document, letter.get("verbs"), "letter.verbs", lists)
    reasons = topics.sayings(document, letter.get("reasons"), "letter.reasons", lists)
    tellings, tells = _tellings(document, letter.get("tellings"), lists)
    if not wanted or not against or others is None or not parts or not tellings or not reasons:
        return None
    if firms is None or never is None or denied is None or verbs is None:
        return None
    said = [saying for matter in (*wanted, *against) for saying in (*matter.said, *matter.unless)]
    titles = [saying for matter in wanted for saying in matter.begins]
    return ApplicationWords(
        wanted=wanted,
        against=against,
        parts=parts,
        words=_joined(part.words for part in parts),
        denied=denied,
        firms=firms,
        never=never,
        others=others,
        verbs=verbs,
        tellings=tellings,
        tells=tells,
        reasons=Book(reasons),
        book=Book(said),
        titles=Book(titles),
        asking=_union(saying.steps[:1] for matter in wanted if matter.begins for saying in matter.said),
        heads=_union(saying.steps[:1] for saying in titles),
        titled=_union(saying.steps for saying in titles),
    )


def _union(steps: Iterable[Iterable[Step]]) -> Words:
    """Every word that one of the steps may be."""
    return _joined(step.words for some in steps for step in some if step.words)


def _joined(words: Iterable[Words]) -> Words:
    every = list(words)
    stems = {stem for some in every for stem in some.stems}
    return Words(frozenset(word for some in every for word in some.whole), tuple(sorted(stems)))


def _parts(document: YamlDocument, node: Node | None, lists: Lists) -> tuple[Part, ...]:
    found: list[Part] = []
    for item in topics.bounded(document, node, "letter.parts"):
        entries = document.entries(item, "letter.parts", PART, PART_OPTIONAL)
        name = topics.own_name(document, entries.get("name"), "letter.parts.name", [part.name for part in found])
        title = document.string(entries.get("title"), "letter.parts.title")
        words = topics.single_words(document, entries.get("words"), "letter.parts.words", lists)
        said = topics.sayings(document, entries.get("said"), "letter.parts.said", lists)
        spare = (
            values.number(document, entries["spare"], "letter.parts.spare", 1, MOST_OTHERS)
            if "spare" in entries
            else None
        )
        past = _yes(document, entries.get("past"), "letter.parts.past")
        without = topics.single_words(document, entries.get("without"), "letter.parts.without", lists) or NONE
        if name and title and words:
            found.append(Part(name, title, words, Book(said) if said else None, spare, past, without))
    return tuple(found)


def _yes(document: YamlDocument, node: Node | None, key: str) -> bool:
    return document.word(node, key, ("true", "false"), "true or false") == "true"


def _tellings(document: YamlDocument, node: Node | None, lists: Lists) -> tuple[tuple[Telling, ...], Book]:
    found: list[Telling] = []
    told: list[Saying] = []
    for item in topics.bounded(document, node, "letter.tellings"):
        entries = document.entries(item, "letter.tellings", TELLING, TELLING_OPTIONAL)
        taken = [telling.name for telling in found]
        name = topics.own_name(document, entries.get("name"), "letter.tellings.name", taken)
        title = document.string(entries.get("title"), "letter.tellings.title")
        of = topics.sayings(document, entries.get("of"), "letter.tellings.of", lists)
        unless = topics.sayings(document, entries.get("unless"), "letter.tellings.unless", lists)
        yes, no, never, being, bare = (
            topics.single_words(document, entries.get(key), f"letter.tellings.{key}", lists) or NONE
            for key in ("yes", "no", "never", "is", "bare")
        )
        past, whole, needs = (
            _yes(document, entries.get(key), f"letter.tellings.{key}") for key in ("past", "whole", "needs")
        )
        if name and title and of:
            told += (*of, *unless)
            found.append(
                Telling(
                    name=name,
                    title=title,
                    of=frozenset(saying.text for saying in of),
                    unless=frozenset(saying.text for saying in unless),
                    yes=yes,
                    no=no,
                    past=past,
                    never=never,
                    being=being,
                    bare=bare,
                    whole=whole,
                    needs=needs,
                )
            )
    return tuple(found), Book(told)


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
