"""rules/limits.yaml: how much of one sender, domain or account is decided by a machine (row 4 of the decision table).

Every bound has a ceiling: a limit may be moved, and none can be switched off (security floor).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from yaml.nodes import Node

from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import Ladder, Ladders, Limit, Limits


@dataclass(frozen=True, slots=True)
class _Bounds:
    most_mails: int
    least_hours: int
    most_hours: int


BOUNDS = {
    "per_sender": _Bounds(100, 1, 24),
    "per_domain": _Bounds(10_000, 1, 24),
    "failures": _Bounds(10, 24, 168),  # guessing names and years must stay slow (procedure §3.5, enumeration)
    "unvouched": _Bounds(100, 24, 168),  # no machine gun against those whose address was forged
    "answers": _Bounds(20, 24, 168),  # a loop of two machines must end the same day (procedure §3.5, mail loop)
}


@dataclass(frozen=True, slots=True)
class _Ceilings:
    hour: int
    day: int
    week: int


LADDERS = {
    "address": _Ceilings(20, 40, 100),  # a conversation of two machines fades out (procedure §3.5, mail loop)
    "domain": _Ceilings(500, 1_500, 5_000),  # so does that with a machine of many addresses
}
DEMANDED = BOUNDS.keys() - {"unvouched"}
"""A rule set written before that limit was there keeps the shipped one; so with the ladders."""
_DOMAIN = re.compile(r"(?=.{4,253}\Z)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")


def read(document: YamlDocument) -> Limits | None:
    """The limits; None when there is a mistake (noted in the document)."""
    if document.root is None:
        return None
    entries = dict(document.entries(document.root, "", tuple(DEMANDED), ("unvouched", "ladder")))
    ladders = _ladders(document, entries.pop("ladder", None))
    found: dict[str, Limit] = {}
    exempt: frozenset[str] = frozenset()
    for key, node in entries.items():
        extra = ("exempt",) if key == "per_domain" else ()
        parts = document.entries(node, key, ("mails", "hours", *extra))
        bounds = BOUNDS[key]
        mails = values.number(document, parts.get("mails"), f"{key}.mails", 1, bounds.most_mails)
        hours = values.number(document, parts.get("hours"), f"{key}.hours", bounds.least_hours, bounds.most_hours)
        if mails is not None and hours is not None:
            found[key] = Limit(mails, hours)
        if "exempt" in parts:
            exempt = _domains(document, parts["exempt"], "per_domain.exempt")
    if ladders is None or DEMANDED - found.keys() or entries.keys() - found.keys():
        return None
    return Limits(exempt_domains=exempt, ladders=ladders, **found)


def _ladders(document: YamlDocument, node: Node | None) -> Ladders | None:
    """None: there is a mistake."""
    if node is None:
        return Ladders()
    found: dict[str, Ladder] = {}
    parts = document.entries(node, "ladder", tuple(LADDERS))
    for name, of in parts.items():
        key, ceilings = f"ladder.{name}", asdict(LADDERS[name])
        steps = document.entries(of, key, tuple(ceilings))
        read = {step: values.number(document, steps.get(step), f"{key}.{step}", 1, ceilings[step]) for step in ceilings}
        numbers = [number for number in read.values() if number is not None]
        if len(numbers) < len(ceilings):
            continue
        if numbers != sorted(numbers):
            document.wrong(of, key, "less may leave in a longer time than in a shorter one", "let hour ≤ day ≤ week")
        found[name] = Ladder(*numbers)
    return Ladders(**found) if len(found) == len(LADDERS) else None


def _domains(document: YamlDocument, node: Node, key: str) -> frozenset[str]:
    found: set[str] = set()
    for item in document.items(node, key):
        name = document.string(item, key)
        if name is None:
            continue
        if not _DOMAIN.fullmatch(name):
            document.wrong(item, key, f'"{name}" is no domain', 'write what stands behind the "@", in small letters')
        elif name in found:
            document.wrong(item, key, f'"{name}" stands twice', "keep one")
        found.add(name)
    return frozenset(found)
