"""rules/procedures.yaml: the ordered rules, each alone and all together."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.model import MailKind, Outcome, State
from mailbot.ruleset import floor
from mailbot.ruleset.document import Document
from mailbot.ruleset.model import Rule
from mailbot.ruleset.vocabulary import DESKS, FACTS, Region, region, witness

_MAX_RULES = 200
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REQUIRED = ("name", "title", "when", "outcome", "state")
_OPTIONAL = ("row", "category", "desk", "mails")

_STATES = {
    Outcome.REVIEW: (State.DO_WERYFIKACJI,),
    Outcome.QUARANTINE: (State.KWARANTANNA,),
    Outcome.NO_REPLY: (State.ODRZUCONE_AUTOMAT,),
    Outcome.OK_A: (State.ZAMKNIETE_ROZWIAZANE,),
    Outcome.OK_B: (State.ZAMKNIETE_ROZWIAZANE,),
}
"""Outcomes whose state is not a matter of taste: a person must find the mail, or nobody must wait for it."""


@dataclass(frozen=True, slots=True)
class _Known:
    categories: Collection[str]
    templates: Collection[MailKind]


def read(document: Document, categories: Collection[str], templates: Collection[MailKind]) -> tuple[Rule, ...]:
    """The rules of the file, in order. What is wrong with them is noted in the document's mistakes."""
    if document.root is None:
        return ()
    listed = document.entries(document.root, "", ("rules",)).get("rules")
    nodes = document.items(listed, "rules") if listed is not None else []
    if isinstance(listed, SequenceNode) and not 0 < len(nodes) <= _MAX_RULES:
        document.wrong(listed, "rules", f"holds {len(nodes)} rules", f"write 1 to {_MAX_RULES}")
    if not 0 < len(nodes) <= _MAX_RULES:
        return ()
    known = _Known(categories, templates)
    pairs = [(node, rule) for node in nodes if (rule := _rule(document, node, known)) is not None]
    _check_names(document, pairs)
    if len(pairs) == len(nodes):  # a rule that could not be read would make the ones below it look unsafe
        _check_order(document, pairs)
    return tuple(rule for _, rule in pairs)


def _rule(document: Document, node: Node, known: _Known) -> Rule | None:
    entries = document.entries(node, "", _REQUIRED, _OPTIONAL)
    name = _name(document, entries.get("name"))
    title = document.string(entries.get("title"), "title")
    when = _when(document, entries["when"]) if "when" in entries else None
    outcome = document.word(entries.get("outcome"), "outcome", list(Outcome), "an outcome")
    state = document.word(entries.get("state"), "state", list(State), "a state")
    category = None
    if known.categories:  # else that file could not be read, which has been told
        words = ("", *known.categories)
        category = document.word(entries.get("category"), "category", words, "in rules/categories.yaml")
    desk = document.word(entries["desk"], "desk", DESKS, "a desk") if "desk" in entries else ""
    mails = document.words(entries["mails"], "mails", list(MailKind), "a mail") if "mails" in entries else ()
    kinds = tuple(MailKind(m) for m in mails)
    for kind in kinds:
        if kind not in known.templates and kind in floor.SENDABLE:
            document.wrong(entries["mails"], "mails", f"{kind} has no template", f"write rules/mails/{kind}_….txt.j2")
    row = _row(document, entries.get("row"))
    if name is None or title is None or when is None or outcome is None or state is None or desk is None:
        return None
    rule = Rule(name, row, title, when, Outcome(outcome), category, State(state), desk, kinds)
    _check_sense(document, entries, rule)
    return rule


def _name(document: Document, node: Node | None) -> str | None:
    name = document.string(node, "name")
    if node is not None and name is not None and not (_NAME.fullmatch(name) and len(name) <= 80):
        document.wrong(node, "name", f'"{name}" is not a name', 'write small letters, digits and "-", up to 80')
        return None
    return name


def _row(document: Document, node: Node | None) -> int | None:
    if node is None:
        return None
    if isinstance(node, ScalarNode) and re.fullmatch(r"[1-9][0-9]?", node.value):
        return int(node.value)
    document.wrong(node, "row", "is not a row of the decision table", "write its number, or leave row out")
    return None


def _when(document: Document, node: Node) -> dict[str, tuple[str, ...]] | None:
    """The conditions; None when one is wrong: a rule that lost a condition would be judged for what it never said."""
    entries = document.entries(node, "when", (), tuple(FACTS), what="fact")
    found = {fact: _words(document, fact, value) for fact, value in entries.items()}
    complete = isinstance(node, MappingNode) and len(found) == len(node.value)
    when = {fact: words for fact, words in found.items() if words is not None}
    return when if complete and len(when) == len(found) else None


def _words(document: Document, fact: str, node: Node) -> tuple[str, ...] | None:
    key = f"when.{fact}"
    if isinstance(node, ScalarNode):
        word = document.word(node, key, FACTS[fact], "a word of this fact")
        return None if word is None else (word,)
    words = document.words(node, key, FACTS[fact], "a word of this fact")
    if not node.value:
        document.wrong(node, key, "lists no word, so the rule never holds", "write a word or delete the line")
    return words if words and len(words) == len(node.value) else None


def _check_sense(document: Document, entries: dict[str, Node], rule: Rule) -> None:
    states = _STATES.get(rule.outcome, tuple(State))
    if rule.state not in states:
        document.wrong(entries["state"], "state", f"{rule.outcome} goes with another state", f"write {states[0]}")
    waits = rule.state in (State.DO_WERYFIKACJI, State.KWARANTANNA)
    if waits and not rule.desk:
        node = entries.get("desk", entries["state"])
        document.wrong(node, "desk", f"nobody looks at {rule.state}", 'write "desk: II_LINIA" (or another desk)')


def _check_names(document: Document, pairs: list[tuple[Node, Rule]]) -> None:
    seen: set[str] = set()
    for node, rule in pairs:
        if rule.name in seen:
            document.wrong(node, "name", f'"{rule.name}" names two rules', "give each rule its own name")
        seen.add(rule.name)


def _check_order(document: Document, pairs: list[tuple[Node, Rule]]) -> None:
    earlier: list[Region] = []
    for node, rule in pairs:
        mine = region(rule.when)
        if witness(mine, earlier) is None:
            covers = [r.name for _, r in pairs[: len(earlier)] if witness(mine, [region(r.when)]) is None]
            by = f'rule "{covers[0]}" above takes' if covers else "the rules above together take"
            document.wrong(node, rule.name, f"can never be reached: {by} every such mail", "move it up or delete it")
        for reason, mend in floor.mistakes(rule, earlier):
            document.wrong(node, rule.name, reason, mend)
        earlier.append(mine)
    node, last = pairs[-1]
    if last.when or last.outcome is not Outcome.REVIEW or last.mails:
        what = "the last rule must hand everything left to a person"
        document.wrong(node, last.name, what, 'end with a rule "when: {}", outcome REVIEW, without mails')
