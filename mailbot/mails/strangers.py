"""Telephones, addresses and links that rules/contacts.yaml does not know: a forged one would rob the reader."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding, Mistakes
from mailbot.ruleset.model import Contacts

_MAILBOX = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_REST = r"(?:[^\s”)>\"']*[^\s”)>\"'.,;:!?])?"
_URL = re.compile(rf"(?:\b[a-z][a-z0-9+.-]{{1,15}}://|\bwww\.){_REST}", re.IGNORECASE)
_HOST = re.compile(
    rf"(?<![\w.-])(?:[\w-]+\.)+(?:(?<=[\w-]{{2}}\.)[^\W\d_]{{2,}}|[^\W\d_]{{2,}}(?=/))(?:/{_REST})?(?![\w-])"
)
"""What mail programs make a link without being told; „m.in.” and „S.A.” are none."""
_PHONE = re.compile(r"(?<!\w)\+?\(?\d(?:[ \u00a0\u202f()./-]{0,2}\d){6,14}(?!\w)")
_DATE = re.compile(
    r"(?<!\d)(?:\d{1,2}[-./]\d{1,2}[-./]\d{4}|\d{4}-\d{2}-\d{2}|(?:19|20)\d{2} ?- ?(?:19|20)\d{2})(?!\d)"
)
_COUNTRY = "48"
_DIGITS = 9

_SHOWN: Mapping[str, Collection[str] | None] = {
    "categories.yaml": None,
    "defects.yaml": None,
    "differences.yaml": None,
    "faq.yaml": ("title", "owner", "source", "question", "answer"),
    "notices.yaml": ("system",),
}
"""The files of a rule set with texts that our mails show; not all of a file: under these keys."""


def find(text: str, contacts: Contacts) -> list[str]:
    """Every stranger in ``text``, as it is written there."""
    mailboxes = {address.casefold() for address in (contacts.helpdesk, *contacts.addresses)}
    links = {_link(url) for url in (contacts.portal, *contacts.links)}
    hosts = {link.partition("/")[0] for link in links}
    addresses, rest = _taken(_MAILBOX, text)
    found = [m for m in addresses if m.casefold() not in mailboxes]
    urls, rest = _taken(_URL, rest)
    found += [u for u in urls if _link(u) not in links]
    found += [h for h in _HOST.findall(rest) if _link(h) not in links | hosts]
    numbers = _numbers(tuple(contacts.phones.values()))
    found += [p.strip() for p in _PHONE.findall(_DATE.sub(" ", rest)) if _number(p) not in numbers]
    return found


def _taken(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """What is found, and the text without it."""
    found = pattern.findall(text)
    return found, pattern.sub(" ", text) if found else text


@lru_cache(maxsize=1)
def _numbers(phones: tuple[str, ...]) -> frozenset[str]:
    """Hundreds of texts are held against the same ones."""
    return frozenset(map(_number, phones))


def told(stranger: str) -> str:
    """What is wrong."""
    return f'"{stranger}" is not in rules/contacts.yaml'


def in_files(directory: Path, contacts: Contacts) -> Iterator[Finding]:
    """Every stranger in the texts of the rule set in ``directory`` that our mails show; its YAML must be right."""
    spoken = {f"languages/{path.name}": None for path in sorted((directory / "languages").glob("*.yaml"))}
    for name, keys in {**_SHOWN, **spoken}.items():
        document = YamlDocument(directory / name, Mistakes())
        for node in _texts(document.root, shown=keys is None, keys=keys or ()):
            for stranger in find(node.value, contacts):
                mark = node.start_mark
                place = (document.file, mark.line + 1, mark.column + 1)
                mend = "put it into that file with its source, or take it out"
                yield Finding(*place, told(stranger), mend, code="contact")


def _texts(node: Node | None, *, shown: bool, keys: Collection[str]) -> Iterator[ScalarNode]:
    """The texts of a file, those of ``keys`` alone unless everything is ``shown``."""
    if isinstance(node, ScalarNode) and shown:
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _texts(item, shown=shown, keys=keys)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _texts(value, shown=shown or key.value in keys, keys=keys)


def _link(url: str) -> str:
    return url.casefold().removeprefix("https://").removesuffix("/")


def _number(phone: str) -> str:
    digits = re.sub(r"\D", "", phone).removeprefix("00")
    return digits.removeprefix(_COUNTRY) if len(digits) == _DIGITS + len(_COUNTRY) else digits
