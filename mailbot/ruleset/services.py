"""rules/services.yaml: the service catalogue, with the source of every number because the sources differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from yaml.nodes import Node

from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import DEFAULT_SERVICE, Service
from mailbot.ruleset.sayings import plain, words
from mailbot.ruleset.topics import bounded, own_category, own_name
from mailbot.ruleset.vocabulary import FACTS

KINDS = ("zgloszenie", "wniosek")

REQUIRED = ("name", "titles", "categories", "kind", "phone", "standard_hours", "specialist_days")
MOST_HOURS = 72
MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class OtherFiles:
    """Words of the other files; empty when the file could not be read."""

    categories: Collection[str]
    phones: Collection[str]


def read(document: YamlDocument, known: OtherFiles) -> dict[str, Service]:
    """Name → service. What is wrong with them is noted in the document's mistakes."""
    found: dict[str, Service] = {}
    if document.root is None:
        return found
    listed = document.entries(document.root, "", ("services",)).get("services")
    if listed is None:
        return found
    nodes = bounded(document, listed, "services")
    for node in nodes:
        service = _service(document, node, known, found)
        if service is not None:
            found[service.name] = service
    if DEFAULT_SERVICE not in found and len(found) == len(nodes):  # else it may be the one that could not be read
        what = f'"{DEFAULT_SERVICE}" is missing, the service of everything that no other claims'
        document.wrong(listed, "services", what, "take it from the shipped file")
    return found


def _service(document: YamlDocument, node: Node, known: OtherFiles, above: Mapping[str, Service]) -> Service | None:
    """None when it has no name. Else rules may ask for it, whatever is wrong with it: that is told once, here."""
    entries = document.entries(node, "", REQUIRED, ("csd",))
    name = own_name(document, entries.get("name"), "name", (*FACTS["service"], *above))
    titles = _titles(document, entries.get("titles"), above)
    categories = _categories(document, entries.get("categories"), known, above)
    kind = document.word(entries.get("kind"), "kind", KINDS, "a kind of ticket")
    sourced = {key: _sourced(document, entries.get(key), key) for key in ("phone", "standard_hours", "specialist_days")}
    phone = (
        document.word(sourced["phone"][0], "phone", known.phones, "in rules/contacts.yaml") if known.phones else None
    )
    hours = values.number(document, sourced["standard_hours"][0], "standard_hours", 1, MOST_HOURS)
    days = values.number(document, sourced["specialist_days"][0], "specialist_days", 1, MOST_DAYS)
    csd = document.entries(entries["csd"], "csd", ("service",), ("classification",)) if "csd" in entries else {}
    service, classification = (
        document.string(csd[key], f"csd.{key}") or "" if key in csd else "" for key in ("service", "classification")
    )
    if name is None:
        return None
    sources = tuple(f"{key}: {source}" for key, (_, source) in sourced.items())
    return Service(
        name, titles, categories, kind or "", phone or "", hours or 0, days or 0, service, classification, sources
    )


def _sourced(document: YamlDocument, node: Node | None, key: str) -> tuple[Node | None, str]:
    """The node of the value, and where it was taken from."""
    value = values.sourced(document, node, key)
    if node is None or value is None:
        return None, ""
    return value, str(document.mapping(node, key)["source"].value)


def _titles(document: YamlDocument, node: Node | None, above: Mapping[str, Service]) -> tuple[str, ...]:
    found: list[str] = []
    taken = {words(plain(title)) for service in above.values() for title in service.titles}
    for item in bounded(document, node, "titles", least=0):
        title = document.string(item, "titles")
        said = words(plain(title or ""))
        if title is None:
            continue
        if len(said) < 2:
            document.wrong(item, "titles", f'"{title}" is one word, which anybody may write', "write the whole title")
        elif said in taken:
            document.wrong(item, "titles", f'"{title}" is the title of two services, or stands twice', "keep one")
        else:
            taken.add(said)
            found.append(title)
    return tuple(found)


def _categories(
    document: YamlDocument, node: Node | None, known: OtherFiles, above: Mapping[str, Service]
) -> tuple[str, ...]:
    found: list[str] = []
    for item in bounded(document, node, "categories"):
        category = own_category(document, item, "categories", known.categories)
        claims = [service.name for service in above.values() if category in service.categories]
        if category is not None and (claims or category in found):
            by = f'"{claims[0]}"' if claims else "this service"
            document.wrong(item, "categories", f"{category} is claimed by {by} already", "keep one of the two")
        elif category is not None:
            found.append(category)
    return tuple(found)
