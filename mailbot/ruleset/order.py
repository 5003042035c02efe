"""What can be said of rules only all together: which are reached, which are safe, which would decide differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yaml.nodes import MappingNode, Node, SequenceNode

from mailbot.model import Outcome
from mailbot.ruleset import floor
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import Rule
from mailbot.ruleset.regions import Region, Space, Undecided

Above = Sequence[tuple[Rule, Region]]
"""The rules above that decide, each with what it admits. A rule that is only watched takes nothing away."""


def check(document: YamlDocument, pairs: Sequence[tuple[Node, Rule]], space: Space) -> None:
    """Note what is wrong with the order of the rules; ``pairs`` holds every rule of the file with its node."""
    above: list[tuple[Rule, Region]] = []
    for node, rule in pairs:
        mine = space.region(rule.when)
        near = [(other, region) for other, region in above if not space.is_empty(mine & region)]
        try:
            example = space.witness(mine, [region for _, region in near])
            if example is None:
                what = f"can never be reached: {_takers(mine, near, space)} every such mail"
                document.wrong(node, rule.name, what, "move it up or delete it", "unreachable-rule")
            else:
                _check_words(document, node, rule, near, space, example)
                _check_overlap(document, node, rule, near, space)
        except Undecided:
            what = "nobody can tell which mails come so far: the rules above cut each other in too many ways"
            document.note(node, rule.name, what, "name more facts in the rule, or move it up", "undecided")
        for reason, mend in floor.mistakes(rule, [region for _, region in near], space):
            document.wrong(node, rule.name, reason, mend, "floor")
        if not rule.shadow:
            above.append((rule, mine))
    _check_last(document, *pairs[-1])


def _check_words(
    document: YamlDocument, node: Node, rule: Rule, near: Above, space: Space, example: Mapping[str, str]
) -> None:
    """A word of a list with which no mail comes so far is of no effect. ``example``: a mail that does come."""
    mine = space.region(rule.when)
    regions = [region for _, region in near]
    for fact, words in rule.when.items():
        for word in words:
            if word == example[fact]:
                continue
            part = space.only(mine, fact, (word,))
            if space.witness(part, regions) is None:
                what = f'no mail with "{word}" comes so far: {_takers(part, near, space)} it'
                document.warn(
                    _word_node(node, fact, word),
                    f"when.{fact}",
                    what,
                    "delete the word or move the rule up",
                    "unreachable-word",
                )


def _check_overlap(document: YamlDocument, node: Node, rule: Rule, near: Above, space: Space) -> None:
    """The nearest rule above that takes a part of this one's mails to another end, and is no exception to it."""
    mine = space.region(rule.when)
    for index in range(len(near) - 1, -1, -1):
        other, region = near[index]
        if other.outcome is rule.outcome or space.covers(mine, region) or space.covers(region, mine):
            continue
        example = space.witness(mine & region, [r for _, r in near[:index]])
        if example is not None:
            facts = ", ".join(f"{fact}={example[fact]}" for fact in {**other.when, **rule.when})
            what = f'rule "{other.name}" above takes a part of these mails to {other.outcome}, as with {facts}'
            document.note(node, rule.name, what, "nothing, if that is meant; else name that fact here", "overlap")
            return


def _check_last(document: YamlDocument, node: Node, last: Rule) -> None:
    if last.when or last.outcome is not Outcome.REVIEW or last.mails or last.shadow:
        what = "the last rule must hand everything left to a person"
        mend = 'end with a rule "when: {}", outcome REVIEW, without mails'
        document.wrong(node, last.name, what, mend, "last-rule")


def _takers(region: Region, near: Above, space: Space) -> str:
    whole = next((other.name for other, taken in near if space.covers(taken, region)), None)
    return f'rule "{whole}" above takes' if whole else "the rules above together take"


def _word_node(rule: Node, fact: str, word: str) -> Node:
    """Where ``word`` is written in a rule."""
    words = _value(_value(rule, "when"), fact)
    assert isinstance(words, SequenceNode)
    found: Node = next(item for item in words.value if item.value == word)
    return found


def _value(node: Node, key: str) -> Node:
    assert isinstance(node, MappingNode)
    found: Node = next(value for name, value in node.value if name.value == key)
    return found
