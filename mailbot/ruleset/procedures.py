"""rules/procedures.yaml: the ordered rules, each alone and all together."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.model import Desk, MailKind, Outcome, State
from mailbot.ruleset import floor, order
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import Rule
from mailbot.ruleset.regions import Space
from mailbot.ruleset.vocabulary import OPEN, Vocabulary

MAX_RULES = 1000
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_NAME = 80
ROW = re.compile(r"[1-9][0-9]?")
REQUIRED = ("name", "title", "when", "outcome")
OPTIONAL = ("row", "category", "desk", "mails", "state", "shadow")
SHADOW = ("false", "true")

KEEP_STATE = (Outcome.DUPLICATE, Outcome.TICKET_UPDATE, Outcome.COMPLAINT_LATE)
"""Outcomes of a mail that joins a ticket: the ticket may keep its state."""

STATES = {
    Outcome.REVIEW: (State.DO_WERYFIKACJI,),
    Outcome.QUARANTINE: (State.KWARANTANNA,),
    Outcome.NO_REPLY: (State.ODRZUCONE_AUTOMAT,),
    Outcome.OK_A: (State.ZAMKNIETE_ROZWIAZANE,),
    Outcome.OK_B: (State.ZAMKNIETE_ROZWIAZANE,),
}
"""Outcomes whose state is not a matter of taste: a person must find the mail, or nobody must wait for it."""

WAITING = (State.DO_WERYFIKACJI, State.KWARANTANNA)
"""States in which somebody has to look."""

REGISTRY = ("account", "name", "year", "holder", "new_login")
"""Facts of the registry that no mail may tell (procedure §3.6); in case B they are those of any login named."""


@dataclass(frozen=True, slots=True)
class RuleVocabulary:
    """The words of the other files."""

    words: Vocabulary
    categories: Collection[str]
    """Empty: that file could not be read, which has been told."""
    templates: Collection[MailKind]


def read(document: YamlDocument, known: RuleVocabulary) -> tuple[Rule, ...]:
    """The rules of the file, in order. What is wrong with them is noted in the document's mistakes."""
    if document.root is None:
        return ()
    listed = document.entries(document.root, "", ("rules",)).get("rules")
    nodes = document.items(listed, "rules") if listed is not None else []
    if isinstance(listed, SequenceNode) and not 0 < len(nodes) <= MAX_RULES:
        document.wrong(listed, "rules", f"holds {len(nodes)} rules", f"write 1 to {MAX_RULES}", "rules")
    if not 0 < len(nodes) <= MAX_RULES:
        return ()
    pairs = [(node, rule) for node in nodes if (rule := _rule(document, node, known)) is not None]
    _check_names(document, pairs)
    if len(pairs) == len(nodes):  # a rule that could not be read would make the ones below it look unsafe
        order.check(document, pairs, Space(known.words))
    return tuple(rule for _, rule in pairs)


def _rule(document: YamlDocument, node: Node, known: RuleVocabulary) -> Rule | None:
    entries = document.entries(node, "", REQUIRED, OPTIONAL)
    name = _name(document, entries.get("name"))
    title = document.string(entries.get("title"), "title")
    when = _when(document, entries["when"], known.words) if "when" in entries else None
    outcome = document.word(entries.get("outcome"), "outcome", list(Outcome), "an outcome")
    state = document.word(entries.get("state"), "state", list(State), "a state")
    category = None
    if known.categories:
        words = ("", *known.categories)
        category = document.word(entries.get("category"), "category", words, "in rules/categories.yaml")
    desk = document.word(entries["desk"], "desk", list(Desk), "a desk") if "desk" in entries else ""
    mails = _mails(document, entries.get("mails"), known)
    row = _row(document, entries.get("row"))
    shadow = document.word(entries.get("shadow"), "shadow", SHADOW, "true or false") == "true"
    if "state" not in entries and outcome is not None and outcome not in KEEP_STATE:
        document.wrong(node, "state", "is missing", 'write "state:" here', "missing-key")
    if name is None or title is None or when is None or outcome is None or desk is None:
        return None
    if state is None and ("state" in entries or outcome not in KEEP_STATE):
        return None
    if outcome in (Outcome.OK_A, Outcome.OK_B):  # rule sets from before there was this fact
        when.setdefault("arrival", floor.ACTIVATION_DEMANDS["arrival"])
    kept = None if state is None else State(state)
    rule = Rule(name, row, title, when, Outcome(outcome), category, kept, Desk(desk), mails, shadow)
    _check_sense(document, node, entries, rule)
    return rule


def _mails(document: YamlDocument, node: Node | None, known: RuleVocabulary) -> tuple[MailKind, ...]:
    mails = document.words(node, "mails", list(MailKind), "a mail") if node is not None else ()
    kinds = tuple(MailKind(mail) for mail in mails)
    for kind in kinds:
        if node is not None and kind not in known.templates and kind not in floor.ELSEWHERE:
            mend = f"write rules/mails/{kind}_….txt.j2"
            document.wrong(node, "mails", f"{kind} has no template", mend, "missing-template")
    return kinds


def _name(document: YamlDocument, node: Node | None) -> str | None:
    name = document.string(node, "name")
    if node is not None and name is not None and not (NAME.fullmatch(name) and len(name) <= MAX_NAME):
        document.wrong(node, "name", f'"{name}" is not a name', 'write small letters, digits and "-", up to 80')
        return None
    return name


def _row(document: YamlDocument, node: Node | None) -> int | None:
    if node is None:
        return None
    if isinstance(node, ScalarNode) and ROW.fullmatch(node.value):
        return int(node.value)
    document.wrong(node, "row", "is not a row of the decision table", "write its number, or leave row out")
    return None


def _when(document: YamlDocument, node: Node, known: Vocabulary) -> dict[str, tuple[str, ...]] | None:
    """The conditions; None when one is wrong: a rule that lost a condition would be judged for what it never said."""
    entries = document.entries(node, "when", (), tuple(known), what="fact")
    found = {fact: _words(document, fact, value, known[fact]) for fact, value in entries.items()}
    complete = isinstance(node, MappingNode) and len(found) == len(node.value)
    when = {fact: words for fact, words in found.items() if words is not None}
    return when if complete and len(when) == len(found) else None


def _words(document: YamlDocument, fact: str, node: Node, known: tuple[str, ...]) -> tuple[str, ...] | None:
    key = f"when.{fact}"
    what = f"a word of this fact (own words: rules/{OPEN[fact]})" if fact in OPEN else "a word of this fact"
    if isinstance(node, ScalarNode):
        word = document.word(node, key, known, what)
        return None if word is None else (word,)
    words = document.words(node, key, known, what)
    if not node.value:
        document.wrong(node, key, "lists no word, so the rule never holds", "write a word or delete the line", "empty")
    return words if words and len(words) == len(node.value) else None


def _check_sense(document: YamlDocument, node: Node, entries: dict[str, Node], rule: Rule) -> None:
    states = STATES.get(rule.outcome)
    if states is not None and rule.state not in states:
        what = f"{rule.outcome} goes with another state"
        document.wrong(entries.get("state", node), "state", what, f"write {states[0]}", "state")
    if MailKind.T6 in rule.mails and rule.state is not State.OCZEKUJE_NA_KLIENTA:
        what = "T6 names the last day of the citizen's answer, and only a ticket that waits for it has one"
        mend = f"write {State.OCZEKUJE_NA_KLIENTA}, or send another mail"
        document.wrong(entries.get("state", entries["mails"]), "state", what, mend, "state")
    if rule.state in WAITING and not rule.desk:
        place = entries.get("desk", entries.get("state", node))
        mend = 'write "desk: II_LINIA" (or another desk)'
        document.wrong(place, "desk", f"nobody looks at {rule.state}", mend, "desk")
    own = [kind for kind in rule.mails if kind.own]
    asked = [fact for fact in REGISTRY if fact in rule.when]
    if own and asked:  # T1 and T5 are the same for everybody; what an office writes itself nobody else has judged
        what = f"who gets {own[0]} learns what the registry says of {', '.join(asked)}"
        mend = f"send T1 and T5, or take {', '.join(asked)} out of when"
        document.warn(entries["mails"], "mails", f"{rule.name}: {what}", mend, "tells-registry")


def _check_names(document: YamlDocument, pairs: list[tuple[Node, Rule]]) -> None:
    seen: set[str] = set()
    for node, rule in pairs:
        if rule.name in seen:
            document.wrong(node, "name", f'"{rule.name}" names two rules', "give each rule its own name", "twice")
        seen.add(rule.name)
